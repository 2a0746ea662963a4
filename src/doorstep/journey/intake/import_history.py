"""import_history: an order that happened elsewhere: written down with its own times; no gate, no hold, no work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from doorstep.journey.intake.catching_up import tell_contradictions, tell_problems
from doorstep.journey.intake.costs import order_amounts
from doorstep.journey.intake.money import Money
from doorstep.journey.intake.place import (
    Arrival,
    Facts,
    Item,
    Left,
    again,
    channel_of,
    count_services,
    existing_order,
    facts_of,
    item_of,
    line_rows,
    order_row,
    ships,
    told,
)
from doorstep.journey.intake.progress import VERB, Standing, Unit, write_down
from doorstep.kit.ids import public
from doorstep.kit.refusals import NotFound
from doorstep.setup.sites import every_site
from doorstep.spine.amounts import Amounts
from doorstep.spine.numbering import only_last_counts
from doorstep.spine.outcome import Ask, Cash, Demand, Event, Move, NewOrderRows, Outcome, Result
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb


class ImportHistory(Arrival, frozen=True, kw_only=True):
    """`site`: where the goods left from; just enough of them is written down as having stood there."""

    site: str = ""


@verb(ImportHistory)
async def import_history(tx: Tx, asks: list[Ask[ImportHistory]]) -> list[Result]:
    """Write down an order that happened elsewhere; told again with more, what happened since is added."""
    facts, left = await facts_of(tx, asks, is_generous=[True] * len(asks))
    named = any(ask.body.site for ask in asks)
    sites = {site.code: site.site_id for site in (await every_site(tx)).values()} if named else {}
    return only_last_counts(each(asks, lambda ask: decide(facts, left, sites, ask)))


def decide(facts: Facts, left: Left, sites: Mapping[str, int], ask: Ask[ImportHistory]) -> Outcome:
    """The rule: placed then, and everything that is told to have happened since, each at its time."""
    new, merchant = ask.body.order, ask.merchant
    channel = channel_of(facts, ask)
    before = existing_order(facts, ask)
    if before:
        return again(facts, left.ids, ask, before, generous=True)
    if ask.body.site and ask.body.site not in sites:
        raise NotFound(site=ask.body.site)
    items = [item_of(facts, merchant, channel, line) for line in new.lines]
    costs = order_amounts(new)
    order = next(left.ids)
    number = new.number or new.external_id or public("ord", order)
    placed_at = new.placed_at or ask.at
    placed = Event(
        VERB, _opening_moves(ask.body, items, costs), {"what": "placed", **told(new, number, costs)}, placed_at
    )
    outcome = Outcome(
        merchant,
        ("order", order),
        events=[placed],
        answer={"order": public("ord", order), "number": number, "existing": False},
        opens=NewOrderRows(
            order_row(facts, ask, channel, number, costs, generous=True, history=True), line_rows(new, items, costs)
        ),
    )
    count_services(outcome, new, items)
    standing = _standing(ask.body, order, items, costs)
    site = sites.get(ask.body.site)
    write_down(
        outcome, standing, new, ask.body.happened, facts.numbers, left.ids, placed_at=placed_at, at=ask.at, site=site
    )
    if new.total_minor is not None and new.total_minor != costs.total_minor:
        standing.contradicts(
            "the total is not what the lines add up to", told_minor=new.total_minor, adds_up_to_minor=costs.total_minor
        )
    outcome.answer["contradictions"] = tell_contradictions(outcome, standing, left.ids, ask)
    tell_problems(outcome, ask.body.problems, left.ids, ask)
    return outcome


def _opening_moves(body: Arrival, items: Sequence[Item | None], costs: Amounts) -> list[Move]:
    """What ships is wanted until it is told to be sent; what does not ship came with the order."""
    moves: list[Move] = [
        Demand(line_no, line.quantity, "world", "wanted" if ships(line, item) else "delivered")
        for line_no, (line, item) in enumerate(zip(body.order.lines, items, strict=True), start=1)
    ]
    if costs.total_minor:
        moves.append(Cash(costs.total_minor, "world", "owed"))
    return moves


def _standing(body: Arrival, order: int, items: Sequence[Item | None], costs: Amounts) -> Standing:
    lines = zip(body.order.lines, items, costs.totals, costs.worths, strict=True)
    units = [
        Unit(
            line_no=line_no, sku_id=item.sku_id if item else None, code=line.sku, title=line.title,
            ships=ships(line, item), ordered=line.quantity, unit_price=line.unit_price,
            discount_minor=line.discount_minor, total_minor=total, worth_minor=worth,
            wanted=line.quantity if ships(line, item) else 0,
            delivered=0 if ships(line, item) else line.quantity,
        )
        for line_no, (line, item, total, worth) in enumerate(lines, start=1)
    ]  # fmt: skip
    return Standing(
        lines=units,
        money=Money(order, body.order.currency, owed=costs.total_minor),
        total_minor=costs.total_minor,
        shipping_worth_minor=costs.shipping_worth_minor,
        tax_minor=costs.tax_minor,
        tax_included=costs.tax_included,
        shipping_minor=costs.shipping_minor,
        fees=[{"name": fee.name, "amount_minor": fee.amount_minor} for fee in body.order.fees],
    )
