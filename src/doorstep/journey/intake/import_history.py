"""import_history: an order that happened elsewhere: written down with its own times; no gate, no hold, no work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from msgspec import Meta

from doorstep.journey.intake.again import again
from doorstep.journey.intake.arrival import Arrival, Facts, Left, channel_of, existing_order, facts_of
from doorstep.journey.intake.costs import order_amounts
from doorstep.journey.intake.history.looking import tell_contradictions, tell_problems
from doorstep.journey.intake.history.parceling import keep_parcels
from doorstep.journey.intake.history.past import sites_of
from doorstep.journey.intake.history.progress import write_down
from doorstep.journey.intake.history.standing import REFUND_TAKEN, VERB, Shipped, Standing, new_unit
from doorstep.journey.intake.history.ways import told_of
from doorstep.journey.intake.known import items_of
from doorstep.journey.intake.money import Money
from doorstep.journey.intake.new_order import NewLine, NewOrder
from doorstep.journey.intake.order_rows import count_services, line_rows, order_row, told
from doorstep.kit.ids import public
from doorstep.spine.amounts import Amounts
from doorstep.spine.numbering import only_last_counts
from doorstep.spine.outcome import Ask, Cash, Demand, Event, Move, NewOrderRows, Outcome, Result
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb


class PastLine(NewLine, frozen=True, kw_only=True):
    """A line of which nothing is left may be told with no units."""

    quantity: Annotated[int, Meta(ge=0, le=1_000_000)]


class PastOrder(NewOrder, frozen=True, kw_only=True):
    """As a new order, but the past may have forgotten what was in it."""

    lines: Annotated[list[PastLine], Meta(max_length=2000)]  # type: ignore[assignment]


class ImportHistory(Arrival, frozen=True, kw_only=True):
    """`site`: where the goods left from that are in no parcel."""

    # Who reads files builds an order and checks nothing; who asks from outside is held to what the past may be.
    if TYPE_CHECKING:
        order: NewOrder
    else:
        order: PastOrder
    site: str = ""
    is_history: ClassVar[bool] = True


@verb(ImportHistory)
async def import_history(tx: Tx, asks: list[Ask[ImportHistory]]) -> list[Result]:
    """Write down an order that happened elsewhere; told again with more, what happened since is added."""
    facts, left = await facts_of(tx, asks, is_generous=[True] * len(asks))
    results = each(asks, lambda ask: decide(facts, left, ask))
    tx.ids.put_back(left.ids)
    if facts.past.shelf.is_short and not tx.careful:
        tx.careful = True
        return await import_history(tx, asks)
    return only_last_counts(results)


def decide(facts: Facts, left: Left, ask: Ask[ImportHistory]) -> Outcome:
    """The rule: placed then, and everything that is told to have happened since, each at its time."""
    new, merchant = ask.body.order, ask.merchant
    channel = channel_of(facts, ask)
    before = existing_order(facts, ask)
    if before:
        return again(facts, left.ids, ask, before, generous=True)
    facts.past.must_know(sites_of(ask.body))
    costs = order_amounts(new)
    order = next(left.ids)
    number = new.number or new.external_id or public("ord", order)
    placed_at = new.placed_at or ask.at
    rows = line_rows(new, items_of(facts.items, merchant, channel, new.lines), costs)
    data = {"what": "placed", **told(new, number, costs)}
    outcome = Outcome(
        merchant,
        ("order", order),
        events=[Event(VERB, _opening_moves(new, rows, costs), data, placed_at)],
        answer={"order": public("ord", order), "number": number, "existing": False},
        opens=NewOrderRows(order_row(facts, ask, channel, number, costs, generous=True, history=True), rows),
    )
    count_services(outcome, new, rows)
    standing = _standing(new, order, rows, costs, facts.past.goods_of(merchant))
    said = told_of(new, ask.body.happened, site=ask.body.site, placed_at=placed_at)
    write_down(outcome, standing, said, facts.numbers, left.ids, at=ask.at)
    keep_parcels(outcome, standing, said, left.ids)
    if outcome.opens and ask.body.happened.refunded_minor:
        outcome.opens.order["details"][REFUND_TAKEN] = standing.refund_taken
    outcome.answer["contradictions"] = tell_contradictions(outcome, standing.contradictions, (), left.ids, ask)
    tell_problems(outcome, ask.body.problems, left.ids, ask)
    return outcome


def _opening_moves(new: NewOrder, rows: Sequence[dict[str, Any]], costs: Amounts) -> list[Move]:
    """What ships is wanted until it is told to be sent; what does not ship came with the order."""
    moves: list[Move] = [
        Demand(row["line_no"], line.quantity, "world", "wanted" if row["ships"] else "delivered")
        for line, row in zip(new.lines, rows, strict=True)
        if line.quantity
    ]
    if costs.total_minor:
        moves.append(Cash(costs.total_minor, "world", "owed"))
    return moves


def _standing(new: NewOrder, order: int, rows: Sequence[dict[str, Any]], costs: Amounts, goods: Shipped) -> Standing:
    units = [new_unit(row, line.quantity) for row, line in zip(rows, new.lines, strict=True)]
    return Standing(
        lines=units,
        told=[*units],
        money=Money(order, new.currency, owed=costs.total_minor),
        goods=goods,
        total_minor=costs.total_minor,
        shipping_worth_minor=costs.shipping_worth_minor,
        tax_minor=costs.tax_minor,
        tax_included=costs.tax_included,
        shipping_minor=costs.shipping_minor,
        fees=[{"name": fee.name, "amount_minor": fee.amount_minor} for fee in new.fees],
    )
