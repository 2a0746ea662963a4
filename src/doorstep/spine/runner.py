"""runner: gives a verb its transaction, and every request its one answer.

It runs the verb over the list, records outcomes, answers and the ends of jobs in one go, commits. A request that comes
a second time, at once or later, breaks the key of its answer, or is refused: it is answered as the first one was. What
breaks a CHECK is run anew once with what is scarce locked, then cut in halves, facts read anew, so that a refused
outcome fails alone; a deadlock runs the whole list again; anything else is a bug and is raised. Due jobs are taken in
the transaction that does and ends them, as long as nothing comes between; else they are leased first, then run.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from doorstep.kit.refusals import KeyReused, Refusal
from doorstep.spine.jobs import take
from doorstep.spine.outcome import Ask, Claimed, Outcome
from doorstep.spine.record import Answered, record
from doorstep.spine.statement import RowsMissing
from doorstep.spine.tenant import Db, Tx, tenant_tx
from doorstep.spine.verbs import VERBS, Verb
from doorstep.spine.walls import LeaseLost, refusal_of

Answer = dict[str, Any] | Refusal

ATTEMPTS = 12
# The other one commits first; then the facts show what it did.
CAME_SECOND = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.UniqueViolationError)
AT_A_WALL = (asyncpg.CheckViolationError, RowsMissing)

ANSWERED_BEFORE = """
select r.merchant_id, r.key, r.digest, r.answer
  from unnest($1::bigint[], $2::bytea[]) u(m, k) join request r on r.merchant_id = u.m and r.key = u.k
"""
FINISH = """
delete from job j using unnest($1::bigint[], $2::bigint[], $3::bigint[]) u(m, id, f)
  where j.merchant_id = u.m and j.job_id = u.id and j.fence = u.f
  returning j.merchant_id, j.job_id, j.verb, j.body, j.created_at
"""
# What a verb refused stays visible, in the transaction that ended its job: without the key, so that the same work can
# be queued anew.
KEEP_REFUSED = """
insert into job (merchant_id, job_id, verb, body, account, due_at, state, error, created_at)
  select m, id, v, b::jsonb, account_of(v, b::jsonb), at, 'refused', e, c
  from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::timestamptz[])
    u(m, id, v, b, at, e, c)
"""


async def run(db: Db, name: str, asks: Sequence[Ask[Any]], jobs: Sequence[Claimed] | None = None) -> list[Answer]:
    """Run the verb over the asks; an answer per ask, in order. An outcome is all or nothing, the list is not."""
    answers: dict[int, Answer] = {}
    await _run(db, VERBS[name], list(enumerate(asks)), dict(enumerate(jobs or [])), answers)
    return [answers[index] for index in range(len(asks))]


async def run_one(db: Db, name: str, ask: Ask[Any]) -> dict[str, Any]:
    """Run the verb for one; raises its refusal."""
    (answer,) = await run(db, name, [ask])
    if isinstance(answer, Refusal):
        raise answer
    return answer


async def run_due(db: Db, name: str, merchant: int, at: datetime, most: int) -> list[Answer] | None:
    """Take so many due jobs of the verb, do and end them, all in one transaction; an answer to each that was done.

    None: nothing was done, for one was tried before, or somebody came first, or a wall stopped it, or other merchants'
    things are reached. Such jobs are to be leased, then run.
    """
    verb = VERBS[name]
    if verb.beyond:
        return None
    try:
        async with tenant_tx(db, [merchant]) as tx:
            due = await take(tx, merchant, name, at, most)
            if any(job.attempts for job in due):
                return None
            asks = [Ask(merchant, msgspec.convert(job.body, verb.body, strict=False), at) for job in due]
            now, _ = _first_of_each(list(enumerate(asks)))
            ends = {index: Claimed(due[index].job_id, due[index].fence) for index, _ in now}
            answers = await _attempt(tx, verb, now, ends, {})
    except (*CAME_SECOND, *AT_A_WALL, Refusal):
        return None
    return [answers[index] for index, _ in now]


Numbered = list[tuple[int, Ask[Any]]]


async def _run(db: Db, verb: Verb, asks: Numbered, jobs: dict[int, Claimed], answers: dict[int, Answer]) -> None:
    while asks:
        now, asks = _first_of_each(asks)
        await _run_now(db, verb, now, jobs, answers)


async def _run_now(
    db: Db, verb: Verb, now: Numbered, jobs: dict[int, Claimed], answers: dict[int, Answer], careful: bool = False
) -> None:
    refusal: Refusal | None = None
    for attempt in range(ATTEMPTS):
        # Who asks again is rare, and breaks the key of its answer: only then are answers looked for beforehand.
        unseen = not careful and not attempt and any(ask.key is not None for _, ask in now)
        try:
            async with tenant_tx(db, await verb.merchants(db, [ask for _, ask in now])) as tx:
                tx.careful = careful
                before = {} if unseen else await _answered_before(tx, now)
                found = await _attempt(tx, verb, now, jobs, before)
            answers.update(found)
            break
        except CAME_SECOND:
            if attempt == ATTEMPTS - 1:
                raise
            await asyncio.sleep(random.uniform(0, 0.005 * 2 ** min(attempt, 6)))
        except AT_A_WALL as error:
            refusal = refusal_of(error)
            if refusal is None:
                raise
            if not careful and attempt < ATTEMPTS - 1:
                careful, refusal = True, None
                continue
        except Refusal as error:
            if unseen:
                continue
            refusal = error
        if refusal and len(now) == 1:
            await _refuse_alone(db, now[0], jobs, refusal, answers)
            break
        if refusal:
            half = len(now) // 2
            await _run_now(db, verb, now[:half], jobs, answers, careful)
            await _run_now(db, verb, now[half:], jobs, answers, careful)
            break


# A rule may take it that these are in its list once: the second ask sees what the first one changed.
SUBJECTS = (
    "order",
    "payment",
    "hold",
    "asn",
    "fulfillment_order",
    "parcel",
    "load",
    "case",
    "manifest",
    "pickup",
    "return_label",
)


def _first_of_each(asks: Numbered) -> tuple[Numbered, Numbered]:
    """A key and a subject are in a batch at most once: the repeat runs after the first is committed."""
    seen: set[tuple[int, object]] = set()
    now: Numbered = []
    later: Numbered = []
    for index, ask in asks:
        marks = {(ask.merchant, mark) for mark in (ask.key, _subject(ask.body)) if mark is not None}
        (later if marks & seen else now).append((index, ask))
        seen |= marks
    return now, later


def _subject(body: Any) -> object | None:
    """What the ask is about; a body that no id tells it of has a `subject` of its own."""
    own: object | None = getattr(body, "subject", None)
    if own is not None:
        return own
    for name in SUBJECTS:
        value = getattr(body, name, None)
        if isinstance(value, str) and value:
            return (name, value)
    return None


async def _attempt(
    tx: Tx, verb: Verb, asks: Numbered, jobs: dict[int, Claimed], before: dict[int, Answer]
) -> dict[int, Answer]:
    """An answer to each; `before`: those that are known already."""
    answers = dict(before)
    fresh = [(index, ask) for index, ask in asks if index not in answers]
    results = await verb.run(tx, [ask for _, ask in fresh]) if fresh else []
    if len(results) != len(fresh):
        raise AssertionError(f"{verb.name} answered {len(results)} of {len(fresh)} asks")
    outcomes = [(ask, r) for (_, ask), r in zip(fresh, results, strict=True) if isinstance(r, Outcome)]
    refused: Numbered = []
    for (index, ask), result in zip(fresh, results, strict=True):
        answers[index] = result.answer if isinstance(result, Outcome) else result
        if isinstance(result, Refusal):
            refused.append((index, ask))
    # What was refused because the same request came before, or is at work beside it, is answered as that one was.
    answers |= await _answered_before(tx, refused)
    kept = [
        Answered(ask.merchant, ask.key, ask.digest, msgspec.json.encode(result.answer).decode())
        for (_, ask), result in zip(fresh, results, strict=True)
        if ask.key is not None and isinstance(result, Outcome)
    ]
    # A refusal is not kept: the same request may be asked again once the reason is gone.
    gone = [(index, ask) for index, ask in asks if isinstance(answers[index], Refusal)]
    lost, ended = await _finish(tx, gone, jobs)
    answers |= lost
    await _keep_refused(tx, gone, ended, answers)
    done = [(ask.merchant, jobs[i]) for i, ask in asks if i in jobs and not isinstance(answers[i], Refusal)]
    if outcomes or done:
        await record(tx, outcomes, kept, done)
    return answers


async def _answered_before(tx: Tx, asks: Numbered) -> dict[int, Answer]:
    """Answers of those whose key had one before."""
    keyed = [(index, ask) for index, ask in asks if ask.key is not None]
    if not keyed:
        return {}
    rows = await tx.rows(ANSWERED_BEFORE, [ask.merchant for _, ask in keyed], [ask.key for _, ask in keyed])
    before = {(row["merchant_id"], row["key"]): row for row in rows}
    return {
        index: _replayed(ask, before[ask.merchant, ask.key])
        for index, ask in keyed
        if (ask.merchant, ask.key) in before
    }


def _replayed(ask: Ask[Any], row: asyncpg.Record) -> Answer:
    if row["digest"] != ask.digest:
        return KeyReused()
    answer: dict[str, Any] = msgspec.json.decode(row["answer"])
    return answer


Ended = dict[int, asyncpg.Record]


async def _finish(tx: Tx, asks: Numbered, jobs: dict[int, Claimed]) -> tuple[dict[int, Answer], Ended]:
    """End the jobs that these asks answer; who lost its lease is not run a second time."""
    held = [(index, ask.merchant, jobs[index]) for index, ask in asks if index in jobs]
    if not held:
        return {}, {}
    rows = await tx.rows(
        FINISH, [m for _, m, _ in held], [job.job_id for _, _, job in held], [job.fence for _, _, job in held]
    )
    ours = {row["job_id"]: row for row in rows}
    lost: dict[int, Answer] = {index: LeaseLost() for index, _, job in held if job.job_id not in ours}
    return lost, {index: ours[job.job_id] for index, _, job in held if job.job_id in ours}


async def _keep_refused(tx: Tx, asks: Numbered, ended: Ended, answers: dict[int, Answer]) -> None:
    refused = [
        (ask.at, ended[i], answer) for i, ask in asks if i in ended and isinstance(answer := answers[i], Refusal)
    ]
    if not refused:
        return
    rows = [row for _, row, _ in refused]
    await tx.run(
        KEEP_REFUSED, [row["merchant_id"] for row in rows], [row["job_id"] for row in rows],
        [row["verb"] for row in rows], [row["body"] for row in rows], [at for at, _, _ in refused],
        [f"{answer.code}: {answer}"[:2000] for _, _, answer in refused], [row["created_at"] for row in rows],
    )  # fmt: skip


async def _refuse_alone(
    db: Db, ask: tuple[int, Ask[Any]], jobs: dict[int, Claimed], refusal: Refusal, answers: dict[int, Answer]
) -> None:
    index, asked = ask
    answers[index] = refusal
    if index in jobs:
        async with tenant_tx(db, [asked.merchant]) as tx:
            lost, ended = await _finish(tx, [ask], jobs)
            await _keep_refused(tx, [ask], ended, answers)
        answers.update(lost)
