"""gather: what is asked while a batch is at the database is the next batch; each caller gets its own answer.

A merchant's asks go through one lane, always the same one, so that no two lanes wait for each other's rows. A lane has
one batch at the database at a time: asks of one verb, of all its merchants that wait, some of each in turn, so that
who sends much keeps nobody out. No timer holds anything back, and nobody is answered before the commit. Who stops
waiting may find it done all the same: the key makes asking again safe.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from doorstep.kit.away import is_away
from doorstep.kit.processors import processors, told
from doorstep.kit.refusals import Busy
from doorstep.spine.outcome import Ask
from doorstep.spine.runner import Answer, run
from doorstep.spine.tenant import Db

LARGEST_BATCH = 64
# For calls of many asks each: who sends in bulk waits for all of them anyway.
LARGEST_BULK = 256
# So many asks of one merchant, then it is the next one's turn.
TURN = 16
# Of one merchant and verb, and of a lane; a call of many counts as many.
MOST_WAITING, MOST_IN_LANE = 2_000, 10_000
MOST_LANES = 8

# The answer to one ask: also the error of a batch that did not come to an end.
Told = Answer | Exception


class Gather:
    def __init__(self, db: Db, *, lanes: int | None = None, most_waiting: int = MOST_WAITING) -> None:
        self._db = db
        self._most_waiting = most_waiting
        self._lanes = [_Lane() for _ in range(lanes or how_many_lanes())]

    async def ask(self, verb: str, ask: Ask[Any]) -> dict[str, Any]:
        """The verb's answer; raises its refusal, or Busy when too many wait already."""
        (answer,) = await self.ask_all(verb, (ask,))
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def ask_all(self, verb: str, asks: Sequence[Ask[Any]]) -> list[Told]:
        """Asks of one merchant: an answer each, in their order; refuses Busy when too many wait already."""
        if not asks:
            return []
        merchant = asks[0].merchant
        lane = self._lanes[_mixed(merchant) % len(self._lanes)]
        call = _Call(asks, asyncio.get_running_loop().create_future())
        lane.join(verb, merchant, call, self._most_waiting)
        if lane.task is None or lane.task.done():
            lane.task = asyncio.create_task(self._drain(lane))
        return await call.future

    async def settle(self) -> None:
        """Wait for everything that was asked."""
        await asyncio.gather(*(lane.task for lane in self._lanes if lane.task), return_exceptions=True)

    async def _drain(self, lane: _Lane) -> None:
        while lane.queues:
            verb, pieces = lane.take()
            answers = iter(await self._answers(verb, [ask for piece in pieces for ask in piece.asks]))
            for piece in pieces:
                piece.call.tell(piece.start, list(islice(answers, len(piece.asks))))

    async def _answers(self, verb: str, asks: list[Ask[Any]]) -> Sequence[Told]:
        try:
            return await run(self._db, verb, asks)
        except Exception as error:
            if len(asks) == 1 or is_away(error):
                return [error] * len(asks)
        # Nothing was written. One of them is the reason: alone, only that one fails.
        return await self._one_by_one(verb, asks)

    async def _one_by_one(self, verb: str, asks: list[Ask[Any]]) -> list[Told]:
        answers: list[Told] = []
        for ask in asks:
            try:
                answers += await run(self._db, verb, [ask])
            except Exception as error:
                if is_away(error):
                    return answers + [error] * (len(asks) - len(answers))
                answers.append(error)
        return answers


def how_many_lanes(processes: int = 1) -> int:
    """As many as there are processors for each of the processes, unless it is set: more of them wait for each other."""
    return told("DOORSTEP_LANES") or max(1, min(processors() // processes, MOST_LANES))


def _mixed(merchant: int) -> int:
    """Ids are drawn in steps: mixed, their remainders are even."""
    return (merchant * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF) >> 32


class _Call:
    """What one caller asked, answered when all of it is."""

    __slots__ = ("answers", "asks", "future", "left", "taken")

    def __init__(self, asks: Sequence[Ask[Any]], future: asyncio.Future[list[Told]]) -> None:
        self.asks = asks
        self.future = future
        self.taken = 0
        self.left = len(asks)
        self.answers: dict[int, list[Told]] = {}

    def tell(self, start: int, answers: list[Told]) -> None:
        self.answers[start] = answers
        self.left -= len(answers)
        if not self.left and not self.future.done():
            self.future.set_result([answer for at in sorted(self.answers) for answer in self.answers[at]])


@dataclass(slots=True)
class _Piece:
    """So much of a call goes into this batch."""

    call: _Call
    start: int
    asks: Sequence[Ask[Any]]


@dataclass(slots=True)
class _Line:
    """One merchant's calls of one verb, in the order they came; `waiting` counts asks."""

    calls: deque[_Call] = field(default_factory=deque)
    waiting: int = 0


@dataclass(slots=True)
class _Lane:
    """Verbs and, for each, merchants in the order of their turns."""

    queues: dict[str, dict[int, _Line]] = field(default_factory=dict)
    waiting: int = 0
    task: asyncio.Task[None] | None = None

    def join(self, verb: str, merchant: int, call: _Call, most: int) -> None:
        """Refuses Busy, but takes a call of many when it is the only one."""
        line = self.queues.get(verb, {}).get(merchant)
        waiting = line.waiting if line else 0
        if (waiting and waiting + call.left > most) or self.waiting >= MOST_IN_LANE:
            raise Busy(waiting=max(waiting, self.waiting))
        if line is None:
            line = self.queues.setdefault(verb, {})[merchant] = _Line()
        line.calls.append(call)
        line.waiting += call.left
        self.waiting += call.left

    def take(self) -> tuple[str, list[_Piece]]:
        """The next batch; whose turn it was stands last in line now."""
        verb = next(iter(self.queues))
        queue = self.queues.pop(verb)
        pieces: list[_Piece] = []
        size, largest = 0, LARGEST_BATCH
        while queue and size < largest:
            merchant = next(iter(queue))
            line = queue.pop(merchant)
            if len(line.calls[0].asks) > 1:
                largest = LARGEST_BULK
            room = largest - size
            size += self._turn(line, min(room, TURN) if queue else room, pieces)
            if line.calls:
                queue[merchant] = line
        if queue:
            self.queues[verb] = queue
        return verb, pieces

    def _turn(self, line: _Line, most: int, pieces: list[_Piece]) -> int:
        took = 0
        while line.calls and took < most:
            call = line.calls[0]
            asks = call.asks[call.taken : call.taken + most - took]
            pieces.append(_Piece(call, call.taken, asks))
            call.taken += len(asks)
            took += len(asks)
            if call.taken == len(call.asks):
                line.calls.popleft()
        line.waiting -= took
        self.waiting -= took
        return took
