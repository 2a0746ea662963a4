"""why: why an order is where it is, what would move it on, what was decided about it, and what is queued for it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct, structs

from doorstep.doors.reads.order import Promise, promises
from doorstep.doors.reads.way import CustodyGap, gaps_in
from doorstep.journey.processing.why import why as reasons
from doorstep.kit import clock
from doorstep.kit.ids import number
from doorstep.spine.tenant import Tx

NEXT = """
select j.verb, j.state, j.due_at, j.error from job j
  where j.merchant_id = $1 and j.body ->> 'order' = $2 order by j.due_at, j.job_id limit 50
"""


class Decision(Struct, frozen=True, kw_only=True):
    """`refused`: the options that were not chosen, each with its reason."""

    verb: str
    chosen: str
    why: dict[str, Any]
    decided_at: datetime
    refused: dict[str, Any] = {}


class OpenHold(Struct, frozen=True, kw_only=True):
    hold: str
    type: str
    line: int | None
    reason: str
    fields: list[Any]
    lifts: str
    by: str
    since: datetime
    until: datetime | None


class WaitingLine(Struct, frozen=True, kw_only=True):
    """A line that is not promised yet: `free` by site; `because`, and what would `mend` it."""

    line: int
    sku: str
    quantity: int
    free: dict[str, int]
    because: str
    mend: str


class Possible(Struct, frozen=True, kw_only=True):
    """A verb whose source is not empty, who may ask it, and the hold that stops it."""

    verb: str
    says: str
    units: int
    who: list[str]
    stopped_by: str | None


class Promised(Struct, frozen=True, kw_only=True):
    """`told`: every date that was named, with its basis and what became of it."""

    ship_by: datetime | None
    deliver_by: str | None
    told: list[Promise]


class NextStep(Struct, frozen=True, kw_only=True):
    """What is queued for the order; a refused one tells why."""

    verb: str
    state: str
    due_at: datetime
    error: str


class Why(Struct, frozen=True, kw_only=True):
    order: str
    stage: str
    says: str
    promise: Promised | None
    holds: list[OpenHold]
    waiting: list[WaitingLine]
    moves_on: list[str]
    decisions: list[Decision]
    next: list[Possible]
    queued: list[NextStep]
    gaps: list[CustodyGap] = []  # in custody: where nobody said that they had it


async def why(tx: Tx, merchant: int, word: str) -> Why:
    """Refuses NotFound."""
    told = await reasons(tx, number("ord", word))
    if told["promise"]:
        told["promise"]["told"] = await promises(tx, merchant, word)
    queued = [dict(row) for row in await tx.rows(NEXT, merchant, word)]
    gaps = await gaps_in(tx, merchant, word, clock.now())
    return structs.replace(msgspec.convert(told | {"queued": queued}, Why), gaps=gaps)
