"""insure: an order's goods are insured on their way, as long as something of it is still to be sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from doorstep.journey.changes.fix_address import labeled_of, must_still_be_sent, refuse_label
from doorstep.kit.ids import number
from doorstep.spine.facts import LINES, OrderFacts, of_merchant, order_facts
from doorstep.spine.outcome import Ask, Event, Outcome, Result, Update, answer_of_order
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb


class Insure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`insured_minor`: for how much, in the order's currency; 0 = not."""

    order: str
    insured_minor: Annotated[int, Meta(ge=0, le=10**15)]


class Insured(msgspec.Struct, frozen=True, kw_only=True):
    """`changed`: false when it was insured so already."""

    order: str
    changed: bool


READS = ("currency", "insured_minor", *LINES)


@verb(Insure, Insured)
async def insure(tx: Tx, asks: list[Ask[Insure]]) -> list[Result]:
    """Insure an order's goods on their way, each parcel for its share. With a label bought before, void that first."""
    orders = await order_facts(tx, [number("ord", ask.body.order) for ask in asks], reads=READS)
    labeled = await labeled_of(tx, orders)

    def rule(ask: Ask[Insure]) -> Outcome:
        order = of_merchant(orders, ask.merchant, number("ord", ask.body.order))
        return decide(order, labeled.get(order.order_id), ask)

    return each(asks, rule)


def decide(order: OrderFacts, labeled: Mapping[str, Any] | None, ask: Ask[Insure]) -> Outcome:
    wanted, before = ask.body, order.row["insured_minor"]
    must_still_be_sent(order)
    outcome = Outcome(order.merchant, ("order", order.order_id), [])
    outcome.answer = answer_of_order(order.order_id, changed=wanted.insured_minor != before)
    if wanted.insured_minor == before:
        return outcome
    refuse_label(order, labeled)
    told = {"insured_minor": wanted.insured_minor, "currency": order.row["currency"]}
    outcome.events = [Event("insure", [], {"before": {"insured_minor": before}, "after": told})]
    outcome.facts = [Update("orders", {"order_id": order.order_id}, {"insured_minor": wanted.insured_minor})]
    return outcome
