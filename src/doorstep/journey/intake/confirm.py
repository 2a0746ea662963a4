"""confirm: a draft becomes an order: from here on it is checked, and the buyer hears of it."""

from __future__ import annotations

from doorstep.journey.intake.new_order import Struct
from doorstep.kit.ids import number, public
from doorstep.kit.refusals import Refusal
from doorstep.spine.facts import OrderFacts, of_merchant, order_facts
from doorstep.spine.outcome import Ask, Event, Job, Outcome, Result, answer_of_order
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb


class Confirm(Struct, frozen=True, kw_only=True):
    order: str


class NotADraft(Refusal):
    """This is no draft, or not any more."""


@verb(Confirm)
async def confirm(tx: Tx, asks: list[Ask[Confirm]]) -> list[Result]:
    """Make an order of a draft."""
    orders = await order_facts(tx, [number("ord", ask.body.order) for ask in asks], reads=("stage",))
    return each(asks, lambda ask: decide(of_merchant(orders, ask.merchant, number("ord", ask.body.order)), ask))


def decide(order: OrderFacts, ask: Ask[Confirm]) -> Outcome:
    word = public("ord", order.order_id)
    if order.row["stage"] != "draft":
        raise NotADraft(order=word, stage=order.row["stage"])
    outcome = Outcome(order.merchant, ("order", order.order_id), [Event("confirm")], answer_of_order(order.order_id))
    outcome.count("drafts", -1)
    outcome.then = [Job("check", {"order": word}), Job("notify", {"order": word, "kind": "received"})]
    return outcome
