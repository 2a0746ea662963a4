"""fix_address: the address is mended while it still can be; then the order is checked again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from doorstep.kit.ids import number, public
from doorstep.kit.refusals import Refusal
from doorstep.setup.addresses import Address
from doorstep.spine.facts import LINES, OrderFacts, of_merchant, order_facts
from doorstep.spine.holds import lift_hold
from doorstep.spine.outcome import Ask, Event, Job, Outcome, Result, Update, answer_of_order
from doorstep.spine.parcels import LabelThere
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb

# Parcels that carry the old address, or are about to.
LABELED = """
select order_id, parcel_id, label_state from parcel
  where merchant_id = any($1) and order_id = any($2) and handed_over_at is null
    and label_state in ('wanted', 'bought', 'void_wanted')
  order by parcel_id
"""


class FixAddress(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    order: str
    ship_to: Address
    bill_to: Address | None = None


class AddressFixed(msgspec.Struct, frozen=True, kw_only=True):
    """`changed`: false when it was that address already."""

    order: str
    changed: bool


class NothingToSend(Refusal):
    """Nothing of this order is still to be sent, so this cannot matter any more."""


READS = ("ship_to", "bill_to", "drafts", "history", *LINES, "holds")


@verb(FixAddress, AddressFixed)
async def fix_address(tx: Tx, asks: list[Ask[FixAddress]]) -> list[Result]:
    """Mend where an order goes. With a label for the old address, void that first."""
    orders = await order_facts(tx, [number("ord", ask.body.order) for ask in asks], reads=READS)
    labeled = await labeled_of(tx, orders)

    def rule(ask: Ask[FixAddress]) -> Outcome:
        order = of_merchant(orders, ask.merchant, number("ord", ask.body.order))
        return decide(order, labeled.get(order.order_id), ask)

    return each(asks, rule)


async def labeled_of(tx: Tx, orders: Collection[int]) -> dict[int, Mapping[str, Any]]:
    """Of each order one parcel that has a label, where there is one."""
    labeled: dict[int, Mapping[str, Any]] = {}
    for row in await tx.rows(LABELED, list(tx.merchants), list(orders)):
        labeled.setdefault(row["order_id"], row)
    return labeled


def must_still_be_sent(order: OrderFacts) -> None:
    if not any(line.open for line in order.lines):
        raise NothingToSend(order=public("ord", order.order_id))


def refuse_label(order: OrderFacts, labeled: Mapping[str, Any] | None) -> None:
    """What a label was bought for stays as it is while it is there."""
    if labeled is not None:
        name, parcel = public("ord", order.order_id), public("par", labeled["parcel_id"])
        raise LabelThere(order=name, parcel=parcel, label=labeled["label_state"], next_action="want_void")


def decide(order: OrderFacts, labeled: Mapping[str, Any] | None, ask: Ask[FixAddress]) -> Outcome:
    wanted = ask.body
    must_still_be_sent(order)
    outcome = Outcome(order.merchant, ("order", order.order_id), [])
    outcome.answer = answer_of_order(order.order_id, changed=False)
    before = {name: order.row[name] for name in ("ship_to", "bill_to")}
    new: dict[str, Any] = {"ship_to": msgspec.to_builtins(wanted.ship_to)}
    if wanted.bill_to is not None:
        new["bill_to"] = msgspec.to_builtins(wanted.bill_to)
    if new == {name: before[name] for name in new}:
        return outcome
    if new["ship_to"] != before["ship_to"]:
        refuse_label(order, labeled)
    outcome.events = [Event("fix_address", [], {"before": {name: before[name] for name in new}, "after": new})]
    outcome.facts = [Update("orders", {"order_id": order.order_id}, new | {"country": wanted.ship_to.country})]
    outcome.answer["changed"] = True
    # The check's own hold is for the check to end; somebody else's said that the address is to be mended: it is.
    for hold in order.holds:
        if hold.type == "address" and hold.placed_by != "check":
            lift_hold(outcome, hold, by=ask.actor.name, at=ask.at)
    if not order.row["drafts"] and not order.row["history"]:
        outcome.then = [Job("check", {"order": wanted.order})]
    return outcome
