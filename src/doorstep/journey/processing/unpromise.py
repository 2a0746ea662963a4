"""unpromise: what was promised and nobody picked is given back; the line waits again."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from doorstep.kit.ids import number
from doorstep.kit.refusals import Refusal
from doorstep.setup.canceling import freed_skus
from doorstep.spine.facts import ALLOCATIONS, OrderFacts, of_merchant, order_facts
from doorstep.spine.outcome import Ask, Demand, Event, Move, Outcome, Result, Stock, answer_of_order
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb

READS = ("line.line_no", *ALLOCATIONS)


class Unpromise(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without `line` every line, without `quantity` all that is promised."""

    order: str
    line: Annotated[int, Meta(ge=1, le=2000)] | None = None
    quantity: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


class Unpromised(msgspec.Struct, frozen=True, kw_only=True):
    order: str
    units: int


class NotPromised(Refusal):
    """Not so many units are promised and still untouched."""


@verb(Unpromise, Unpromised)
async def unpromise(tx: Tx, asks: list[Ask[Unpromise]]) -> list[Result]:
    """Give promised stock back. To keep it from this order, hold the order first: the oldest waiting line is next."""
    orders = await order_facts(tx, [number("ord", ask.body.order) for ask in asks], reads=READS)
    return each(asks, lambda ask: decide(of_merchant(orders, ask.merchant, number("ord", ask.body.order)), ask))


def decide(order: OrderFacts, ask: Ask[Unpromise]) -> Outcome:
    """The site that was added last gives back first."""
    wanted = ask.body
    if wanted.line is not None:
        order.line(wanted.line)
    at = [a for a in reversed(order.allocations) if a.promised and wanted.line in (None, a.line_no)]
    promised = sum(allocation.promised for allocation in at)
    left = promised if wanted.quantity is None else wanted.quantity
    if not promised or left > promised:
        raise NotPromised(order=wanted.order, line=wanted.line, promised=promised, asked=left)
    moves: list[Move] = []
    for allocation in at:
        units = min(left, allocation.promised)
        if units:
            moves.append(Demand(allocation.line_no, units, "promised", "wanted", allocation.fulfillment_order_id))
            moves.append(Stock(allocation.sku_id, allocation.site_id, units, "reserved", "", "free", ""))
            left -= units
    units = sum(move.quantity for move in moves if isinstance(move, Demand))
    outcome = Outcome(order.merchant, ("order", order.order_id), [Event("unpromise", moves, {"units": units})])
    outcome.answer = answer_of_order(order.order_id, units=units)
    outcome.then = freed_skus(moves)
    return outcome
