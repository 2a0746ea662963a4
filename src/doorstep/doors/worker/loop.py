"""loop: takes jobs in batches per merchant and verb, runs them, keeps what came of them.

Polling alone is enough. A verb's job ends in the transaction of its outcome, its refusal kept beside it; an errand's
job ends when it returned, and is tried again with the same key when it did not. Jobs of verbs are leased only where
something may come between: tries are counted there, and who is poison is found. Verbs run in lanes of their own, so
that the slowest carrier holds up no order. Calls have so many places at each account of each merchant, and so many
hands together; a call that waits long keeps its place and gives its hand to another. So who is slow holds up nobody
but those who wait for it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any

import msgspec
import structlog

from doorstep.doors.logs import told
from doorstep.kit.away import is_away
from doorstep.kit.refusals import Refusal
from doorstep.spine import jobs
from doorstep.spine.jobs import ClaimedJob
from doorstep.spine.outcome import Ask, Claimed
from doorstep.spine.runner import run, run_due
from doorstep.spine.tenant import tenant_tx
from doorstep.spine.verbs import ERRAND, VERBS
from doorstep.spine.world import TryLater, World

BATCH = 50
LANES = 2  # a merchant's verbs run in one of them
CALLS = 16  # errands under way at once, those aside that wait long;
MOST_CALLS = 400  # those included
CALLS_OF_ONE = 8  # and of one merchant and errand, and of one account where the errand says whose it calls
LONG_S = 1.0
# Well within the lease: what takes longer is given up before another worker may take it.
LONGEST_CALL = jobs.LEASE * 0.75
# The longest it looks away when there is nothing to do may be set from outside.
IDLE_S, LONGEST_IDLE_S, AWAY_S = 0.1, 1.0, 1.0
IDLE_SECONDS = "DOORSTEP_IDLE_SECONDS"
LAST_CALLS_S = 10.0
MERCHANTS_FOR_S = 2.0

log = structlog.get_logger("doorstep.worker")

Work = list[tuple[ClaimedJob, Ask[Any]]]
Pair = tuple[int, str]
Place = tuple[int, str, str]  # a merchant's errand, and whom it calls


async def _nothing() -> None:
    """Nobody can bring back a database that is not ours."""


@dataclass(slots=True)
class Worker:
    world: World
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    bring_back: Callable[[], Awaitable[None]] = _nothing
    longest_idle_s: float = LONGEST_IDLE_S
    done: int = 0
    _known: tuple[float, list[int]] = (0.0, [])
    _calls: dict[asyncio.Task[None], float] = field(default_factory=dict)  # since when
    _under_way: Counter[Place] = field(default_factory=Counter)
    # Where jobs were leased, and this worker is still here. What ends each worker, or the database, comes to stand
    # first in line: then it is leased, and its tries are counted.
    _came_through: set[Pair] = field(default_factory=set)
    # Something ended that may have queued more.
    _stirred: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Until told to stop; a database that is away is waited for. Calls under way get a moment to end."""
        lanes = [self._forever(partial(self._turn_lane, lane)) for lane in range(LANES)]
        await asyncio.gather(*lanes, self._forever(self._turn_errands))
        if self._calls:
            await asyncio.wait(self._calls, timeout=LAST_CALLS_S)
        for call in self._calls:
            call.cancel()

    async def once(self) -> int:
        """One round over everything that is due, calls included; answers how many jobs were taken."""
        taken = sum([await self._turn_lane(lane) for lane in range(LANES)])
        taken += await self._turn_errands()
        while self._calls:
            await asyncio.wait(self._calls)
        return taken

    async def _forever(self, turn: Callable[[], Awaitable[int]]) -> None:
        idle = first = min(IDLE_S, self.longest_idle_s)
        while not self.stopping.is_set():
            try:
                worked = await turn()
            except Exception as error:
                if is_away(error):
                    log.warning("the database is away", error=type(error).__name__)
                else:
                    log.error("bug", **told(error))
                await self._pause(AWAY_S)
                await self.bring_back()
                continue
            idle = first if worked else min(idle * 1.5, self.longest_idle_s)
            if not worked:
                await self._pause(idle)

    async def _pause(self, seconds: float) -> None:
        """Cut short by the end, and by what ended."""
        self._stirred.clear()
        waiting = [asyncio.ensure_future(event.wait()) for event in (self.stopping, self._stirred)]
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for one in waiting:
            one.cancel()

    async def _due(self, merchants: Sequence[int]) -> list[Pair]:
        if not merchants:
            return []
        async with tenant_tx(self.world.db, merchants, readonly=True) as tx:
            return await jobs.waiting(tx, self.world.now())

    async def _merchants(self) -> list[int]:
        at, known = self._known
        if monotonic() > at + MERCHANTS_FOR_S or not known:
            known = await self.world.db.everyone()
            self._known = (monotonic(), known)
        return known

    # Verbs

    async def _turn_lane(self, lane: int) -> int:
        """A batch of each merchant and verb of the lane that has work."""
        merchants = [merchant for merchant in await self._merchants() if merchant % LANES == lane]
        taken = 0
        for merchant, verb in await self._due(merchants):
            if verb not in ERRAND and not self.stopping.is_set():
                taken += await self.work_at(merchant, verb)
        return taken

    async def work_at(self, merchant: int, verb: str) -> int:
        """One batch of one merchant and verb, or errand, to its end."""
        if (merchant, verb) in self._came_through and (done := await self._at_once(merchant, verb)) is not None:
            return done
        claimed = await self._claim(merchant, verb, BATCH)
        if verb in VERBS:
            for work in _batches(await self._readable(claimed, VERBS[verb].body), BATCH):
                await self._run_verb(verb, work)
            if claimed:
                self._came_through.add((merchant, verb))
        elif verb in ERRAND:
            for work in _batches(await self._readable(claimed, ERRAND[verb].body), ERRAND[verb].at_once):
                await self._call(verb, work)
        else:
            await self._bury([(job, f"no code is bound to {verb}") for job in claimed])
        return len(claimed)

    async def _at_once(self, merchant: int, verb: str) -> int | None:
        """A batch that is done in the transaction that takes it; None: nothing is done, and they are to be leased."""
        try:
            async with asyncio.timeout(LONGEST_CALL.total_seconds()):
                answers = await run_due(self.world.db, verb, merchant, self.world.now(), BATCH)
        except Exception as error:
            self._came_through.discard((merchant, verb))
            if _is_away(error):
                raise
            log.warning("jobs were not done at once", verb=verb, **told(error))
            return None
        if answers:
            self._did(len(answers))
        return None if answers is None else len(answers)

    async def _run_verb(self, verb: str, work: Work) -> None:
        claims = [Claimed(job.job_id, job.fence) for job, _ in work]
        try:
            async with asyncio.timeout(LONGEST_CALL.total_seconds()):
                await run(self.world.db, verb, [ask for _, ask in work], claims)
            self._did(len(work))
        except Exception as error:
            if _is_away(error):
                raise
            await self._after_a_bug(verb, work, error)

    def _did(self, jobs_done: int) -> None:
        self.done += jobs_done
        self._stirred.set()

    async def _after_a_bug(self, verb: str, work: Work, error: Exception) -> None:
        """One poisoned job must not hold up the others: each runs alone, and the bad one is tried again later."""
        if len(work) == 1:
            log.error("a job failed", verb=verb, job=work[0][0].job_id, **told(error))
            await self._again([(work[0][0], _short(error))])
            return
        for one in work:
            await self._run_verb(verb, [one])

    # Errands

    async def _turn_errands(self) -> int:
        """Start as many calls as there are free hands; what came of them is kept when they end."""
        taken = 0
        for merchant, name in await self._due(await self._merchants()):
            if name in ERRAND:
                for account in await self._accounts(merchant, name):
                    taken += await self._begin((merchant, name, account))
        return taken

    async def _accounts(self, merchant: int, name: str) -> list[str]:
        """Whom it is to call; '' of an errand that does not say."""
        if not ERRAND[name].account:
            return [""]
        async with tenant_tx(self.world.db, [merchant], readonly=True) as tx:
            return await jobs.accounts(tx, merchant, name, self.world.now())

    async def _begin(self, place: Place) -> int:
        merchant, name, account = place
        hands = min(self._free_hands(), CALLS_OF_ONE - self._under_way[place])
        if hands <= 0 or self.stopping.is_set():
            return 0
        of = account if ERRAND[name].account else None
        claimed = await self._claim(merchant, name, hands * ERRAND[name].at_once, of)
        for work in _batches(await self._readable(claimed, ERRAND[name].body), ERRAND[name].at_once):
            self._start(place, work)
        return len(claimed)

    def _free_hands(self) -> int:
        long_ago = monotonic() - LONG_S
        busy = sum(since > long_ago for since in self._calls.values())
        return min(CALLS - busy, MOST_CALLS - len(self._calls))

    def _start(self, place: Place, work: Work) -> None:
        task = asyncio.create_task(self._call(place[1], work))
        self._calls[task] = monotonic()
        self._under_way[place] += 1
        task.add_done_callback(lambda ended: self._ended(place, ended))

    def _ended(self, place: Place, task: asyncio.Task[None]) -> None:
        del self._calls[task]
        self._under_way[place] -= 1
        self._stirred.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            # What came of it could not be kept: after its lease the job is done again, with the same key.
            log.warning("an answer was not kept", errand=place[1], error=type(error).__name__)

    async def _call(self, name: str, work: Work) -> None:
        try:
            async with asyncio.timeout(LONGEST_CALL.total_seconds()):
                await ERRAND[name].run(self.world, [ask for _, ask in work])
        except Exception as error:
            if not isinstance(error, Refusal | TryLater | TimeoutError):
                log.warning("an errand failed", errand=name, jobs=[job.job_id for job, _ in work], **told(error))
            await self._again([(job, _short(error)) for job, _ in work])
            return
        async with tenant_tx(self.world.db, [work[0][0].merchant]) as tx:
            await jobs.done(tx, [job for job, _ in work])
        self.done += len(work)

    # Jobs

    async def _claim(self, merchant: int, verb: str, limit: int, account: str | None = None) -> list[ClaimedJob]:
        """Without an account those of all accounts."""
        async with tenant_tx(self.world.db, [merchant]) as tx:
            return await jobs.claim(tx, merchant, verb, self.world.now(), limit, account)

    async def _readable(self, claimed: Sequence[ClaimedJob], kind: type[msgspec.Struct]) -> Work:
        """What can be worked on; a body that does not fit, or a job that ends its worker each time, is buried."""
        now = self.world.now()
        work: Work = []
        bad: list[tuple[ClaimedJob, str]] = []
        for job in claimed:
            if job.attempts > jobs.TRIES:
                bad.append((job, f"its worker ended {job.attempts - 1} times before it was done"))
                continue
            try:
                work.append((job, Ask(job.merchant, msgspec.convert(job.body, kind, strict=False), now)))
            except msgspec.ValidationError as error:
                bad.append((job, f"the body does not fit: {error}"))
        await self._bury(bad)
        return work

    async def _bury(self, bad: Sequence[tuple[ClaimedJob, str]]) -> None:
        """Dead at once: seen, and replayed by hand."""
        for job, reason in bad:
            log.error("a job is dead", verb=job.verb, job=job.job_id)
            await self._again([(job, reason)], tries=1)

    async def _again(self, failed: Sequence[tuple[ClaimedJob, str]], tries: int = jobs.TRIES) -> None:
        async with tenant_tx(self.world.db, [failed[0][0].merchant]) as tx:
            await jobs.again(tx, failed, self.world.now(), tries)


def _is_away(error: Exception) -> bool:
    """The database, and not that the time was up."""
    return is_away(error) and not isinstance(error, TimeoutError)


def _batches(work: Work, size: int) -> Iterator[Work]:
    """Fresh work together. What was tried before goes alone: it may be what ended the others' batch.

    It goes from the front, the next time from the back: what ends its worker each time takes nobody along.
    """
    fresh = [one for one in work if one[0].attempts <= 1]
    for begin in range(0, len(fresh), size):
        yield fresh[begin : begin + size]
    tried = [one for one in work if one[0].attempts > 1]
    if tried and tried[0][0].attempts % 2:
        tried.reverse()
    yield from ([one] for one in tried)


def _short(error: Exception) -> str:
    """What is kept with the job for its merchant to read."""
    if isinstance(error, TimeoutError):
        return f"no end within {LONGEST_CALL.total_seconds():g} s"
    return f"{type(error).__name__}: {error}"[:1000]
