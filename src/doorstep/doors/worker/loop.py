"""loop: claims jobs in batches per merchant and verb, runs them, keeps what came of them.

Polling alone is enough. A verb's job ends in the transaction of its outcome; an errand's job ends when it returned,
and is tried again with the same key when it did not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog

from doorstep.doors.away import is_away
from doorstep.kit.refusals import Refusal
from doorstep.spine import jobs
from doorstep.spine.jobs import ClaimedJob
from doorstep.spine.outcome import Ask
from doorstep.spine.runner import Answer, Claimed, LeaseLost, run
from doorstep.spine.tenant import tenant_tx
from doorstep.spine.verbs import ERRAND, VERBS
from doorstep.spine.world import World

BATCH = 50
# Calls that run beside each other; each is one merchant's batch of one verb.
LANES = 4
IDLE = timedelta(milliseconds=500)
BUSY = timedelta(milliseconds=5)
AWAY = timedelta(seconds=1)

log = structlog.get_logger()


@dataclass(slots=True)
class Worker:
    world: World
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    done: int = 0

    async def run(self) -> None:
        """Until told to stop; a database that is away is waited for."""
        while not self.stopping.is_set():
            try:
                worked = await self.once()
                pause = BUSY if worked else IDLE
            except Exception as error:
                if not is_away(error):
                    raise
                log.warning("the database is away", error=type(error).__name__)
                pause = AWAY
            await self._pause(pause)

    async def once(self) -> int:
        """One round over everything that is due; answers how many jobs were taken."""
        merchants = await self.world.db.everyone()
        if not merchants:
            return 0
        async with tenant_tx(self.world.db, merchants) as tx:
            due = await jobs.waiting(tx, self.world.now())
        gate = asyncio.Semaphore(LANES)
        taken = await asyncio.gather(*(self._gated(gate, merchant, verb) for merchant, verb in due))
        return sum(taken)

    async def _gated(self, gate: asyncio.Semaphore, merchant: int, verb: str) -> int:
        async with gate:
            return 0 if self.stopping.is_set() else await self.work_at(merchant, verb)

    async def work_at(self, merchant: int, verb: str) -> int:
        """One batch of one merchant and verb."""
        async with tenant_tx(self.world.db, [merchant]) as tx:
            claimed = await jobs.claim(tx, merchant, verb, self.world.now(), BATCH)
        if not claimed:
            return 0
        known, unreadable = _read(claimed, self.world.now())
        if unreadable:
            await self._again(unreadable, tries=1)
        if verb in VERBS:
            await self._run_verb(verb, known)
        elif verb in ERRAND:
            await self._run_errand(verb, known)
        else:
            await self._again([(job, f"no code is bound to {verb}") for job, _ in known])
        self.done += len(claimed)
        return len(claimed)

    async def _run_verb(self, verb: str, work: Sequence[tuple[ClaimedJob, Ask[Any]]]) -> None:
        if not work:
            return
        claims = [Claimed(job.job_id, job.fence) for job, _ in work]
        try:
            answers = await run(self.world.db, verb, [ask for _, ask in work], claims)
        except Exception as error:
            if is_away(error):
                raise
            await self._after_a_bug(verb, work, error)
            return
        await self._keep_refusals(verb, work, answers)

    async def _after_a_bug(self, verb: str, work: Sequence[tuple[ClaimedJob, Ask[Any]]], error: Exception) -> None:
        """One poisoned job must not hold up the others: each runs alone, and the bad one is tried again later."""
        if len(work) == 1:
            log.error("a job failed", verb=verb, job=work[0][0].job_id, error=repr(error))
            await self._again([(work[0][0], repr(error))])
            return
        for one in work:
            await self._run_verb(verb, [one])

    async def _keep_refusals(
        self, verb: str, work: Sequence[tuple[ClaimedJob, Ask[Any]]], answers: Sequence[Answer]
    ) -> None:
        refused = [
            (job, f"{answer.code}: {answer}")
            for (job, _), answer in zip(work, answers, strict=True)
            if isinstance(answer, Refusal) and not isinstance(answer, LeaseLost)
        ]
        if refused:
            async with tenant_tx(self.world.db, [refused[0][0].merchant]) as tx:
                await jobs.refused(tx, refused, self.world.now())

    async def _run_errand(self, verb: str, work: Sequence[tuple[ClaimedJob, Ask[Any]]]) -> None:
        """Together first; when that fails, each alone, so that one dead address holds up nobody."""
        if not work:
            return
        try:
            await ERRAND[verb].run(self.world, [ask for _, ask in work])
        except Exception as error:
            if is_away(error):
                raise
            if len(work) > 1:
                await asyncio.gather(*(self._run_errand(verb, [one]) for one in work))
                return
            if not isinstance(error, Refusal):
                log.warning("an errand failed", errand=verb, job=work[0][0].job_id, error=repr(error))
            await self._again([(work[0][0], f"{type(error).__name__}: {error}")])
            return
        async with tenant_tx(self.world.db, [work[0][0].merchant]) as tx:
            await jobs.done(tx, [job for job, _ in work])

    async def _again(self, failed: Sequence[tuple[ClaimedJob, str]], tries: int = jobs.TRIES) -> None:
        async with tenant_tx(self.world.db, [failed[0][0].merchant]) as tx:
            await jobs.again(tx, failed, self.world.now(), tries)

    async def _pause(self, pause: timedelta) -> None:
        try:
            await asyncio.wait_for(self.stopping.wait(), pause.total_seconds())
        except TimeoutError:
            return


def _read(
    claimed: Sequence[ClaimedJob], now: datetime
) -> tuple[list[tuple[ClaimedJob, Ask[Any]]], list[tuple[ClaimedJob, str]]]:
    """The asks of these jobs; a body that no longer fits its verb is not work but somebody's to look at."""
    known: list[tuple[ClaimedJob, Ask[Any]]] = []
    unreadable: list[tuple[ClaimedJob, str]] = []
    for job in claimed:
        bound = VERBS.get(job.verb) or ERRAND.get(job.verb)
        try:
            body = msgspec.convert(job.body, bound.body, strict=False) if bound else job.body
        except msgspec.ValidationError as error:
            unreadable.append((job, f"the body does not fit: {error}"))
            continue
        known.append((job, Ask(job.merchant, body, now)))
    return known, unreadable
