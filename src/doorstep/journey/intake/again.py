"""again: an order that is here already came in: a repeat of it is answered with it, a change is made of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from doorstep.journey.intake import amend
from doorstep.journey.intake.arrival import Facts, is_same
from doorstep.journey.intake.costs import order_amounts
from doorstep.journey.intake.history import catching_up
from doorstep.journey.intake.known import Existing, items_of
from doorstep.journey.intake.money import money_of
from doorstep.journey.intake.order_rows import line_rows
from doorstep.kit.ids import public
from doorstep.kit.refusals import Refusal
from doorstep.spine.outcome import Ask, Outcome, Update


class ExternalIdTaken(Refusal):
    """This channel sent another order under the same external id before."""


def again(facts: Facts, ids: Iterator[int], ask: Ask[Any], before: Existing, *, generous: bool) -> Outcome:
    """The order is here: a repeat is answered with it, a change is one of a historic order or of today's."""
    new = ask.body.order
    if is_same(ask.body, before):
        answer = {"order": public("ord", before.order_id), "number": before.number, "existing": True}
        outcome = Outcome(ask.merchant, ("order", before.order_id), [], answer)
        if ask.body.also_id and not before.also_id:
            outcome.facts.append(Update("orders", {"order_id": before.order_id}, {"also_id": ask.body.also_id}))
        return outcome
    if not generous:
        raise ExternalIdTaken(order=public("ord", before.order_id), external_id=new.external_id)
    order = facts.orders[before.order_id]
    level = facts.levels.get((ask.merchant, new.shipping_method), "standard")
    also_id = "" if before.also_id else ask.body.also_id
    said = amend.Said(new, ask.body.happened, level, also_id, facts.holding.get(order.order_id, {}))
    money = money_of({**order.row, "order_id": order.order_id}, facts.payments[order.order_id])
    if before.history:
        items = items_of(facts.items, ask.merchant, order.row["channel_id"], new.lines)
        costs = order_amounts(new)
        more = catching_up.Facts(said, line_rows(new, items, costs), costs, facts.past, facts.numbers)
        return catching_up.decide_more(order, money, more, ids, ask)
    return amend.decide(order, money, said, ids, ask)
