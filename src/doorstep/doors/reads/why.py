"""why: what an order waits for, and what was decided about it for which reasons."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from doorstep.doors.reads.orders import Hold, Statuses, order
from doorstep.spine.tenant import Tx

DECISIONS = """
select d.verb, d.chosen, d.why, d.decided_at from decision d where d.merchant_id = $1 and d.order_id = $2
  order by d.decision_id
"""
NEXT = """
select j.verb, j.state, j.due_at, j.error from job j
  where j.merchant_id = $1 and j.body ->> 'order' = $2 order by j.due_at, j.job_id limit 50
"""


class Decision(Struct, frozen=True, kw_only=True):
    verb: str
    chosen: str
    why: dict[str, Any]
    decided_at: datetime


class NextStep(Struct, frozen=True, kw_only=True):
    """What is queued for the order; a refused one tells why."""

    verb: str
    state: str
    due_at: datetime
    error: str


class Why(Struct, frozen=True, kw_only=True):
    order: str
    statuses: Statuses
    waiting_for: list[Hold]
    decisions: list[Decision]
    next_steps: list[NextStep]


async def why(tx: Tx, merchant: int, word: str) -> Why:
    whole = await order(tx, merchant, word)
    decided = await tx.rows(DECISIONS, merchant, int(word.partition("_")[2]))
    queued = await tx.rows(NEXT, merchant, word)
    return Why(
        order=word,
        statuses=whole.statuses,
        waiting_for=[hold for hold in whole.holds if hold.lifted_at is None],
        decisions=[Decision(**{**dict(row), "why": msgspec.json.decode(row["why"])}) for row in decided],
        next_steps=[NextStep(**dict(row)) for row in queued],
    )
