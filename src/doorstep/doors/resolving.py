"""resolving: an exception ends: an attention item was looked at, a hold is lifted, a job is tried again or dropped.

A second time changes nothing and says so. Holds end by the verb `lift`, jobs as `jobs replay` does it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

import doorstep.doors.stages  # noqa: F401  (binds the verbs)
from doorstep.kit.ids import NotAnId, number, public
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.spine import jobs
from doorstep.spine.exceptions import HOLD, JOB
from doorstep.spine.outcome import Actor, Ask
from doorstep.spine.runner import run
from doorstep.spine.tenant import Db, Tx, tenant_tx
from doorstep.spine.verbs import VERBS

PREFIXES = ("att", "hld", "job")
LIFTED_AT_ONCE = 200

# Whether it is there, and since when it is no exception any more.
ATTENTION = """
select a.attention_id as id, a.resolved_at as at, a.resolved_by as by from attention a
  where a.merchant_id = $1 and a.attention_id = any($2)
"""
HOLDS = """
select h.hold_id as id, h.lifted_at as at, h.lifted_by as by from hold h
  where h.merchant_id = $1 and h.hold_id = any($2)
"""
# One that is due again was tried again; one that was dropped became an attention item of its number.
JOBS = """
select j.job_id as id, case j.state when 'due' then j.due_at end as at, null as by from job j
  where j.merchant_id = $1 and j.job_id = any($2)
union all
select a.attention_id, a.resolved_at, a.resolved_by from attention a
  where a.merchant_id = $1 and a.attention_id = any($2) and a.kind like 'job:%'
"""
RESOLVE = """
update attention set resolved_at = $3, resolved_by = $4, resolution = $5
  where merchant_id = $1 and attention_id = any($2) and resolved_at is null returning attention_id
"""
# Labels that nobody asks a carrier for any more, once these jobs are dropped; a later choice has a job of its own.
GIVEN_UP = """
select j.body ->> 'parcel' as parcel, p.label_key, p.label_choice is not null as is_chosen from job j
  join parcel p on p.merchant_id = j.merchant_id and p.parcel_id = substr(j.body ->> 'parcel', 5)::bigint
  where j.merchant_id = $1 and j.job_id = any($2) and j.verb = 'buy_label' and j.state in ('refused', 'dead')
    and p.label_state = 'wanted' and p.label_key = j.body ->> 'label_key'
    and coalesce((p.label_choice ->> 'nth')::int, 0) = coalesce((j.body ->> 'nth')::int, 0)
"""
BACK_GIVEN_UP = """
select j.body ->> 'return_label' as return_label, l.choice is not null as is_chosen from job j
  join return_label l on l.merchant_id = j.merchant_id
    and l.return_label_id = substr(j.body ->> 'return_label', 5)::bigint
  where j.merchant_id = $1 and j.job_id = any($2) and j.verb = 'buy_return_label' and j.state in ('refused', 'dead')
    and l.state = 'wanted'
    and coalesce((l.choice ->> 'nth')::int, 0) = coalesce((j.body ->> 'nth')::int, 0)
"""
RESOLVE_KIND = """
with done as (
  update attention set resolved_at = $3, resolved_by = $4, resolution = $5
    where merchant_id = $1 and kind = $2 and resolved_at is null returning attention_id)
select count(*) from done
"""
HOLDS_OF_TYPE = """
select h.hold_id from hold h where h.merchant_id = $1 and h.type = $2 and h.lifted_at is null order by h.hold_id
"""
JOBS_OF_VERB = """
select j.job_id from job j where j.merchant_id = $1 and j.verb = $2 and j.state in ('refused', 'dead') order by j.job_id
"""
ORDERS_OF_HOLDS = "select h.hold_id, h.order_id from hold h where h.merchant_id = $1 and h.hold_id = any($2)"


class Before(Struct, frozen=True, kw_only=True):
    """It was no exception any more: since when, and by whom where that is known."""

    id: str
    at: datetime
    by: str | None


class NotResolved(Struct, frozen=True, kw_only=True):
    """It is still open, and why."""

    id: str
    code: str
    sentence: str


class Resolved(Struct, frozen=True, kw_only=True):
    """How many ended now; those of the named that had ended before; those that could not."""

    resolved: int
    before: list[Before]
    refused: list[NotResolved]


@dataclass(frozen=True, slots=True)
class Resolution:
    """Who resolves, when, with which words. `drop`: jobs are not tried again."""

    actor: Actor
    at: datetime
    note: str = ""
    drop: bool = False


async def resolve(db: Db, merchant: int, ids: Sequence[str], how: Resolution) -> Resolved:
    """End these; refuses NotFound before anything is done when one of them is not there."""
    numbers = {prefix: [number(prefix, word) for word in ids if _prefix(word) == prefix] for prefix in PREFIXES}
    async with tenant_tx(db, [merchant]) as tx:
        before = await _before(tx, merchant, numbers, ids)
        done = {row[0] for row in await tx.rows(RESOLVE, merchant, numbers["att"], *_said(how))}
        again = set(await _end_jobs(tx, merchant, numbers["job"], how))
    ended = {one.id for one in before}
    holds = [hold for hold in numbers["hld"] if public("hld", hold) not in ended]
    lifted, refused = await _lift(db, merchant, holds, how)
    return Resolved(resolved=len(done) + len(again) + lifted, before=before, refused=refused)


async def resolve_kind(db: Db, merchant: int, kind: str, how: Resolution) -> Resolved:
    """End all open ones of a kind."""
    lifted, refused, done = 0, list[NotResolved](), 0
    async with tenant_tx(db, [merchant]) as tx:
        if kind.startswith(HOLD):
            holds = [row[0] for row in await tx.rows(HOLDS_OF_TYPE, merchant, kind.removeprefix(HOLD))]
        elif kind.startswith(JOB):
            stopped = [row[0] for row in await tx.rows(JOBS_OF_VERB, merchant, kind.removeprefix(JOB))]
            done = len(await _end_jobs(tx, merchant, stopped, how))
        else:
            done = int(await tx.value(RESOLVE_KIND, merchant, kind, *_said(how)))
    if kind.startswith(HOLD):
        lifted, refused = await _lift(db, merchant, holds, how)
    return Resolved(resolved=done + lifted, before=[], refused=refused)


def _prefix(word: str) -> str:
    prefix = word.partition("_")[0]
    if prefix not in PREFIXES:
        raise NotAnId(id=word[:60], expected="att_…, hld_… or job_…")
    return prefix


def _said(how: Resolution) -> tuple[datetime, str, str]:
    return how.at, how.actor.name, how.note


async def _before(tx: Tx, merchant: int, numbers: dict[str, list[int]], ids: Sequence[str]) -> list[Before]:
    """Those that had ended; refuses NotFound, for another merchant's too."""
    found: dict[str, Any] = {}
    for prefix, query in zip(PREFIXES, (ATTENTION, HOLDS, JOBS), strict=True):
        rows = await tx.rows(query, merchant, numbers[prefix]) if numbers[prefix] else ()
        found |= {public(prefix, row["id"]): row for row in rows}
    missing = [word for word in dict.fromkeys(ids) if word not in found]
    if missing:
        raise NotFound(exceptions=", ".join(missing))
    return [Before(id=word, at=row["at"], by=row["by"]) for word, row in found.items() if row["at"] is not None]


async def _end_jobs(tx: Tx, merchant: int, wanted: list[int], how: Resolution) -> list[int]:
    if how.drop:
        await _give_up_labels(tx, merchant, wanted, how)
        return await jobs.drop(tx, merchant, wanted, how.at, by=how.actor.name, note=how.note)
    return await jobs.replay(tx, merchant, wanted, how.at)


async def _give_up_labels(tx: Tx, merchant: int, wanted: list[int], how: Resolution) -> None:
    """A label that nobody asks for any more is refused: else its parcel would wait for it for ever."""
    there = [
        (merchant, {"parcel": row["parcel"], "label_key": row["label_key"], "reason": _given_up(row["is_chosen"])})
        for row in await tx.rows(GIVEN_UP, merchant, wanted)
    ]
    back = [
        (merchant, {"return_label": row["return_label"], "reason": _given_up(row["is_chosen"])})
        for row in await tx.rows(BACK_GIVEN_UP, merchant, wanted)
    ]
    await jobs.queue(tx, "refuse_label", there, how.at)
    await jobs.queue(tx, "refuse_return_label", back, how.at)


def _given_up(is_chosen: bool) -> str:
    """Of one that a carrier was asked for nobody knows whether it was sold."""
    return "outcome_unknown: given up" if is_chosen else "given up before a carrier was asked"


async def _lift(db: Db, merchant: int, holds: Sequence[int], how: Resolution) -> tuple[int, list[NotResolved]]:
    lifted, refused = 0, list[NotResolved]()
    for some in _cut(list(dict.fromkeys(holds))):
        answers = await run(db, "lift", [_ask(merchant, "lift", how, hold=public("hld", hold)) for hold in some])
        over = [hold for hold, answer in zip(some, answers, strict=True) if not isinstance(answer, Refusal)]
        refused += [
            NotResolved(id=public("hld", hold), code=answer.code, sentence=str(answer))
            for hold, answer in zip(some, answers, strict=True)
            if isinstance(answer, Refusal)
        ]
        lifted += len(over)
        await _note(db, merchant, over, how)
    return lifted, refused


async def _note(db: Db, merchant: int, holds: list[int], how: Resolution) -> None:
    """A hold keeps who lifted it and when; what was said of it stands in its order's timeline."""
    if how.note and holds:
        async with tenant_tx(db, [merchant], readonly=True) as tx:
            rows = await tx.rows(ORDERS_OF_HOLDS, merchant, holds)
        orders = dict.fromkeys(public("ord", row["order_id"]) for row in rows)
        await run(db, "note", [_ask(merchant, "note", how, order=order, text=how.note) for order in orders])


def _ask(merchant: int, verb: str, how: Resolution, **body: Any) -> Ask[Any]:
    return Ask(merchant, msgspec.convert(body, VERBS[verb].body), how.at, how.actor)


def _cut(holds: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(holds), LIFTED_AT_ONCE):
        yield holds[start : start + LIFTED_AT_ONCE]
