"""lift: an open hold ends; what it stopped is looked at again and goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from doorstep.kit.ids import number, public
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.spine.after import after
from doorstep.spine.facts import Hold, OrderFacts, order_facts
from doorstep.spine.holds import lift_hold
from doorstep.spine.outcome import Ask, Event, Job, Outcome, Result, answer_of_order
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb

# Of which order a hold is never changes, so it may be looked up before the order is locked.
ORDERS_OF = "select hold_id, order_id from hold where merchant_id = any($1) and hold_id = any($2)"
OVER = ("canceled", "expired", "completed")


class Lift(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    hold: str


class Lifted(msgspec.Struct, frozen=True, kw_only=True):
    """`holds_open` are those that still stop the order or a line of it."""

    order: str
    hold: str
    holds_open: int


class NotOpen(Refusal):
    """This hold was lifted before."""


class SkuUnknown(Refusal):
    """Lifting it does not tell which SKU the line is; say that first, with “Name the SKU”."""


@dataclass(slots=True)
class Orders:
    """The orders of these holds, as this batch leaves them: two holds of one order may be lifted together."""

    of_hold: Mapping[int, int]
    found: dict[int, OrderFacts] = field(default_factory=dict)

    def of(self, merchant: int, hold: str) -> OrderFacts:
        """Refuses NotFound, for another merchant's too."""
        order = self.found.get(self.of_hold.get(number("hld", hold), 0))
        if order is None or order.merchant != merchant:
            raise NotFound(hold=hold)
        return order


@verb(Lift, Lifted)
async def lift(tx: Tx, asks: list[Ask[Lift]]) -> list[Result]:
    """End a hold. The order is checked again, and goes on where nothing else stops it."""
    holds = [number("hld", ask.body.hold) for ask in asks]
    of_hold = {row["hold_id"]: row["order_id"] for row in await tx.rows(ORDERS_OF, list(tx.merchants), holds)}
    orders = Orders(of_hold, await order_facts(tx, of_hold.values()))
    return each(asks, lambda ask: decide(orders, ask))


def decide(orders: Orders, ask: Ask[Lift]) -> Outcome:
    order = orders.of(ask.merchant, ask.body.hold)
    hold = _open(order, ask.body.hold)
    if hold.type == "unknown_item" and hold.line_no and order.line(hold.line_no).sku_id is None:
        raise SkuUnknown(hold=ask.body.hold, line=hold.line_no, next_action="name_item")
    outcome = Outcome(order.merchant, ("order", order.order_id), [])
    lift_hold(outcome, hold, by=ask.actor.name, at=ask.at)
    told = {"hold": ask.body.hold, "type": hold.type, "line": hold.line_no, "reason": hold.reason}
    outcome.events = [Event("lift", [], told)]
    now = orders.found[order.order_id] = after(order, outcome)
    outcome.answer = answer_of_order(order.order_id, hold=ask.body.hold, holds_open=len(now.holds))
    if not now.row["drafts"] and not now.row["history"] and now.row["stage"] not in OVER and _may_go_on(now):
        outcome.then = [Job("check", {"order": public("ord", order.order_id)})]
    return outcome


def _open(order: OrderFacts, hold: str) -> Hold:
    for each_hold in order.holds:
        if each_hold.hold_id == number("hld", hold):
            return each_hold
    raise NotOpen(hold=hold)


def _may_go_on(order: OrderFacts) -> bool:
    return not any(hold.line_no is None for hold in order.holds)
