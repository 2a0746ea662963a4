"""other_goods: a historic order comes again with other goods or other amounts: what changed is applied to the books.

All of it or nothing: what cannot be applied is told, with every difference, and the books stay as they are. What was
wrong is corrected where it stood: on the day of the order, and goods that never left are back on the day they did not
leave, so that every past day adds up as if it had been told right the first time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from doorstep.journey.intake.history.matching import Likeness, match
from doorstep.journey.intake.history.papers_elsewhere import follow, paper_line, was_billed
from doorstep.journey.intake.history.standing import UNIT, VERB, Standing, Unit
from doorstep.journey.intake.history.ways import Told
from doorstep.spine.amounts import Amounts
from doorstep.spine.numbering import Numbers
from doorstep.spine.outcome import Cash, Demand, Event, Move, Outcome, Update

Row = Mapping[str, Any]

# Where units that never were are taken from: what did not leave first. What came back is linked to a credit.
TAKEN_FROM = {True: ("wanted", "canceled", "shipped", "delivered", "lost"), False: ("delivered", "canceled")}
LEFT = ("shipped", "delivered", "lost")
PRICED = ("unit_price", "discount_minor", "tax_minor", "total_minor", "worth_minor")
LIKE = ("external_id", "code", "title", "unit_price", "ships")
AMOUNTS = ("lines_minor", "discount_minor", "shipping_minor", "fees_minor", "tax_minor", "tax_included", "total_minor")


class Papers(NamedTuple):
    """What a paper is made with."""

    numbers: Numbers
    ids: Iterator[int]
    at: datetime


@dataclass(slots=True)
class Changes:
    """`applied`: each field with what it was and is; `values`: of the order's row."""

    applied: list[dict[str, Any]] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)


def find_lines(standing: Standing, told: Told, rows: Sequence[Row], *, is_corrected: bool) -> None:
    """Say which of the books' lines each line is that is told. What was a service is another line as goods."""

    def likeness(line: Row, quantity: int) -> Likeness:
        ships = line["ships"] if is_corrected else None
        word = line["code"] or line["title"]
        return Likeness(line["external_id"], word, ships, line["title"], line["unit_price"], quantity)

    books = [likeness({name: getattr(unit, name) for name in LIKE}, unit.ordered) for unit in standing.lines]
    lines = [likeness(row, line.quantity) for row, line in zip(rows, told.new.lines, strict=True)]
    standing.told = [None if place is None else standing.lines[place] for place in match(lines, books)]


def correct(
    outcome: Outcome, standing: Standing, order: Row, told: Told, rows: Sequence[Row], costs: Amounts,
    papers: Papers,
) -> Changes:  # fmt: skip
    """Apply what is other than it was. `rows`: the lines that are told, as rows of the books."""
    differences = list(_differences(standing, order, told, rows, costs))
    if not differences:
        return Changes()
    obstacles = [each["field"] for each in differences if each["field"] == "currency"]
    obstacles += [f"lines/{unit.line_no}" for unit, fewer in _fewer(standing, told) if fewer > _takeable(unit)]
    if obstacles:
        named = ", ".join(obstacles)
        reason = f"what is told of {named} now cannot be taken over"
        standing.contradicts("correction_not_applied", reason, differences=differences)
        return Changes()
    return _applied(outcome, standing, told, rows, costs, papers, differences)


def _differences(
    standing: Standing, order: Row, told: Told, rows: Sequence[Row], costs: Amounts
) -> Iterator[dict[str, Any]]:
    def differs(field: str, before: Any, now: Any) -> dict[str, Any]:
        return {"field": field, "before": _plain(before), "now": _plain(now)}

    if told.new.currency != order["currency"]:
        yield differs("currency", order["currency"], told.new.currency)
    more = max((unit.line_no for unit in standing.lines), default=0)
    for unit, row, line in zip(standing.told, rows, told.new.lines, strict=True):
        if unit is None:
            more += 1
            yield differs(f"lines/{more}", None, {"item": line.sku or line.title, "quantity": line.quantity})
            continue
        if unit.ordered != line.quantity:
            yield differs(f"lines/{unit.line_no}/quantity", unit.ordered, line.quantity)
        if line.title and unit.title != line.title:
            yield differs(f"lines/{unit.line_no}/title", unit.title, line.title)
        for name in PRICED:
            if getattr(unit, name) != row[name]:
                yield differs(f"lines/{unit.line_no}/{name}", getattr(unit, name), row[name])
    for unit in _not_told(standing):
        if unit.ordered or unit.total_minor:
            yield differs(f"lines/{unit.line_no}", {"item": unit.code or unit.title, "quantity": unit.ordered}, None)
    for name in AMOUNTS:
        if order[name] != getattr(costs, name):
            yield differs(name, order[name], getattr(costs, name))


def _plain(value: Any) -> Any:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value


def _not_told(standing: Standing) -> list[Unit]:
    told = {unit.line_no for unit in standing.told if unit is not None}
    return [unit for unit in standing.lines if unit.line_no not in told]


def _fewer(standing: Standing, told: Told) -> Iterator[tuple[Unit, int]]:
    """Lines that have fewer units now, and how many fewer."""
    for unit, line in zip(standing.told, told.new.lines, strict=True):
        if unit is not None and line.quantity < unit.ordered:
            yield unit, unit.ordered - line.quantity
    for unit in _not_told(standing):
        if unit.ordered:
            yield unit, unit.ordered


def _takeable(unit: Unit) -> int:
    return sum(getattr(unit, stage) for stage in TAKEN_FROM[unit.ships])


def _applied(
    outcome: Outcome, standing: Standing, told: Told, rows: Sequence[Row], costs: Amounts, papers: Papers,
    differences: list[dict[str, Any]],
) -> Changes:  # fmt: skip
    # What is owed less than the total for other reasons than cancellations (a credit, a refund) stays so.
    otherwise = max(0, standing.total_minor - standing.not_owed() - standing.money.owed)
    bill, billed_less, billed_more = was_billed(standing), [], []
    moves: list[Move] = []
    back: dict[datetime, list[Move]] = {}
    for unit, fewer in list(_fewer(standing, told)):
        before = copy(unit)
        _take_away(outcome, standing, unit, fewer, moves, back, told)
        if gone := fewer - (before.canceled - unit.canceled):
            billed_less.append(paper_line(before, gone))
    for at, (row, line) in enumerate(zip(rows, told.new.lines, strict=True)):
        here = standing.told[at]
        if here is None:
            here = standing.told[at] = _added(outcome, standing, row)
        else:
            _reprice(outcome, here, row, line.title)
        if (new := line.quantity - here.ordered) > 0:
            _bring(outcome, here, new, moves)
            billed_more.append(paper_line(here, new))
    for unit in _not_told(standing):
        nothing = dict.fromkeys(PRICED, 0) | {"unit_price": unit.unit_price, "external_id": unit.external_id}
        _reprice(outcome, unit, nothing, "")
    changes = _amounts(standing, told, costs, differences)
    owed = max(0, standing.total_minor - standing.not_owed() - otherwise)
    if owed > standing.money.owed:
        moves.append(Cash(owed - standing.money.owed, "world", "owed"))
    elif owed < standing.money.owed:
        moves.append(Cash(standing.money.owed - owed, "owed", "world"))
    standing.money.owed = owed
    on_paper = follow(outcome, standing, bill, billed_less, billed_more, papers.numbers, papers.ids, papers.at)
    data = {"what": "corrected", "applied": differences, **on_paper}
    outcome.events.append(Event(VERB, moves, data, told.placed_at))
    for when in sorted(back):
        outcome.events.append(Event(VERB, back[when], {"what": "corrected"}, when))
    return changes


def _take_away(
    outcome: Outcome, standing: Standing, unit: Unit, fewer: int, moves: list[Move], back: dict[datetime, list[Move]],
    told: Told,
) -> None:  # fmt: skip
    """Units that never were go back to the world, from where they are; the goods of them never left."""
    unit.ordered -= fewer
    returned = 0
    for stage in TAKEN_FROM[unit.ships]:
        units = min(fewer, getattr(unit, stage))
        if units:
            moves.append(Demand(unit.line_no, units, stage, "world"))
            setattr(unit, stage, getattr(unit, stage) - units)
            fewer -= units
            returned += units if unit.ships and stage in LEFT else 0
            if not unit.ships and stage == "delivered":
                outcome.count("services", -units)
    if returned:
        way = next((way for way, one in zip(told.ways, standing.told, strict=True) if one is unit), None)
        at = (way.site, way.sent_at) if way is not None else ()
        for left_at, came in standing.goods.come_back(unit, returned, *at).items():
            back.setdefault(left_at, []).append(came)


def _bring(outcome: Outcome, unit: Unit, more: int, moves: list[Move]) -> None:
    """Units that are new are wanted; how far they came is told beside."""
    stage = "wanted" if unit.ships else "delivered"
    moves.append(Demand(unit.line_no, more, "world", stage))
    setattr(unit, stage, getattr(unit, stage) + more)
    unit.ordered += more
    if not unit.ships:
        outcome.count("services", more)


def _added(outcome: Outcome, standing: Standing, row: Row) -> Unit:
    line_no = max((unit.line_no for unit in standing.lines), default=0) + 1
    new = {**row, "line_no": line_no}
    unit = Unit(**{name: new[name] for name in UNIT if name in new}, ordered=0)
    outcome.adds.append(new)
    standing.lines.append(unit)
    return unit


def _reprice(outcome: Outcome, unit: Unit, row: Row, title: str) -> None:
    values = {name: row[name] for name in PRICED}
    values |= {"title": title or unit.title, "external_id": row["external_id"] or unit.external_id}
    if any(getattr(unit, name) != value for name, value in values.items()):
        where = {"order_id": outcome.order, "line_no": unit.line_no}
        outcome.facts.append(Update("order_line", where, values))
        for name, value in values.items():
            setattr(unit, name, value)


def _amounts(standing: Standing, told: Told, costs: Amounts, differences: list[dict[str, Any]]) -> Changes:
    fees = [msgspec.to_builtins(fee) for fee in told.new.fees]
    standing.total_minor = costs.total_minor
    standing.shipping_minor = costs.shipping_minor
    standing.shipping_worth_minor = costs.shipping_worth_minor
    standing.tax_minor = costs.tax_minor
    standing.tax_included = costs.tax_included
    standing.fees = fees
    return Changes(
        applied=differences,
        values={name: getattr(costs, name) for name in AMOUNTS},
        details={"fees": fees, "shipping_worth_minor": costs.shipping_worth_minor},
    )
