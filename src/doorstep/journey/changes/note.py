"""note: somebody writes something down about an order; it stands in its timeline for ever."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from doorstep.kit.ids import number
from doorstep.spine.facts import of_merchant, order_facts
from doorstep.spine.outcome import Ask, Event, Outcome, Result, answer_of_order
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb


class Note(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    order: str
    text: Annotated[str, Meta(min_length=1, max_length=2000)]


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    order: str


@verb(Note, Noted)
async def note(tx: Tx, asks: list[Ask[Note]]) -> list[Result]:
    """Write something down about an order."""
    orders = await order_facts(tx, [number("ord", ask.body.order) for ask in asks], reads=())

    def decide(ask: Ask[Note]) -> Outcome:
        order = of_merchant(orders, ask.merchant, number("ord", ask.body.order))
        told = {"text": ask.body.text, "by": ask.actor.name}
        stream = ("order", order.order_id)
        return Outcome(order.merchant, stream, [Event("note", [], told)], answer_of_order(order.order_id))

    return each(asks, decide)
