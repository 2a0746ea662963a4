"""gather: calls that arrive while a batch is at the database are the next batch; each gets its own answer.

Per merchant and verb, so that a batch never looks past one merchant's wall.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from doorstep.doors.away import is_away
from doorstep.kit.refusals import Busy, Refusal
from doorstep.spine.outcome import Ask
from doorstep.spine.runner import Answer, run
from doorstep.spine.tenant import Db

LARGEST_BATCH = 50
MOST_WAITING = 2_000

Waiting = tuple[Ask[Any], "asyncio.Future[Answer]"]


class Gather:
    def __init__(self, db: Db, most_waiting: int = MOST_WAITING) -> None:
        self._db = db
        self._most_waiting = most_waiting
        self._waiting: dict[tuple[int, str], deque[Waiting]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def ask(self, verb: str, ask: Ask[Any]) -> dict[str, Any]:
        """The verb's answer; raises its refusal, or Busy when too many wait already."""
        lane = (ask.merchant, verb)
        queue = self._waiting.get(lane)
        if queue is not None and len(queue) >= self._most_waiting:
            raise Busy(waiting=len(queue))
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if queue is not None:
            queue.append((ask, future))
        else:
            self._waiting[lane] = deque([(ask, future)])
            task = asyncio.create_task(self._drain(lane))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        answer = await future
        if isinstance(answer, Refusal):
            raise answer
        return answer

    async def settle(self) -> None:
        """Wait for everything that was asked."""
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _drain(self, lane: tuple[int, str]) -> None:
        queue = self._waiting[lane]
        while queue:
            batch = [queue.popleft() for _ in range(min(len(queue), LARGEST_BATCH))]
            await self._answer(lane[1], batch)
        # Nothing was awaited since the queue was found empty: nobody has joined it.
        del self._waiting[lane]

    async def _answer(self, verb: str, batch: list[Waiting]) -> None:
        try:
            answers = await run(self._db, verb, [ask for ask, _ in batch])
        except Exception as error:
            if len(batch) == 1 or is_away(error):
                for _, future in batch:
                    _tell(future, error)
                return
            # Nothing was written. One of them is the reason: alone, only that one fails.
            for one in batch:
                await self._answer(verb, [one])
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(answer)


def _tell(future: asyncio.Future[Answer], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
