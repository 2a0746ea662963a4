"""hold: somebody stops an order, or one line of it, and says why; from the next verb on nothing more happens to it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from doorstep.kit.ids import number, public
from doorstep.kit.refusals import Invalid
from doorstep.spine.facts import OrderFacts, of_merchant, order_facts
from doorstep.spine.holds import TYPES, place_hold
from doorstep.spine.outcome import Ask, Event, Outcome, Result, answer_of_order
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb

Type = Literal[
    "payment", "fraud", "address", "duplicate", "customs_data", "restricted", "denied_party", "unknown_item", "amounts",
    "changed", "stock", "merchant", "operator", "scheduled", "awaiting_return", "dispute",
]  # fmt: skip


class Hold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without `line` the whole order; with `until` it ends by itself at that time."""

    order: str
    type: Type
    reason: Annotated[str, Meta(min_length=1, max_length=500)]
    line: Annotated[int, Meta(ge=1, le=2000)] | None = None
    until: datetime | None = None


class Held(msgspec.Struct, frozen=True, kw_only=True):
    order: str
    hold: str


@verb(Hold, Held)
async def hold(tx: Tx, asks: list[Ask[Hold]]) -> list[Result]:
    """Stop an order or a line, down to the picker's next scan."""
    orders = await order_facts(tx, [number("ord", ask.body.order) for ask in asks], reads=("line.line_no",))
    ids = await tx.fresh_ids(len(asks))
    return each(asks, lambda ask: decide(of_merchant(orders, ask.merchant, number("ord", ask.body.order)), ids, ask))


def decide(order: OrderFacts, ids: Iterator[int], ask: Ask[Hold]) -> Outcome:
    wanted = ask.body
    if wanted.line is not None:
        order.line(wanted.line)
    if wanted.type == "scheduled" and wanted.until is None:
        raise Invalid(fields=[{"pointer": "/until", "detail": "a scheduled hold needs the time at which it ends"}])
    if wanted.until is not None and wanted.until <= ask.at:
        raise Invalid(fields=[{"pointer": "/until", "detail": "must be in the future"}])
    outcome = Outcome(order.merchant, ("order", order.order_id), [])
    placed = place_hold(
        outcome, ids, type=wanted.type, reason=wanted.reason, by=ask.actor.name, at=ask.at, line_no=wanted.line,
        until=wanted.until, why={"lifts": TYPES[wanted.type]},
    )  # fmt: skip
    told = {"hold": public("hld", placed), "type": wanted.type, "line": wanted.line, "reason": wanted.reason}
    outcome.events = [Event("hold", [], told)]
    outcome.answer = answer_of_order(order.order_id, hold=public("hld", placed))
    return outcome
