"""progress: how an order that happens elsewhere moves on in our books, with the times of that world.

Told is a state (so many fulfilled, canceled then, refunded that much); written down is what is missing from what is
known until it is so. What cannot be true together is not mended: it is told as a contradiction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from doorstep.journey.intake.content import Happened
from doorstep.journey.intake.money import Money, give_back, said_to_be, take_in
from doorstep.journey.intake.new_order import NewOrder
from doorstep.spine.amounts import worth_of_last_units
from doorstep.spine.facts import OrderFacts
from doorstep.spine.numbering import Numbers, spelled
from doorstep.spine.outcome import Cash, Demand, Event, Insert, Move, Outcome, Stock

# Papers that were issued elsewhere: a credit is a credit note here, and it credits something that was billed.
INVOICES, CREDIT_NOTES = "HIST-INV", "HIST-CN"
VERB = "import_history"
RECEIVING = "RECEIVING"


@dataclass(slots=True)
class Unit:
    """A line as the books have it; `sku_id` None: the item is not known."""

    line_no: int
    sku_id: int | None
    code: str
    title: str
    ships: bool
    ordered: int
    unit_price: Any
    discount_minor: int
    total_minor: int
    worth_minor: int
    wanted: int = 0
    shipped: int = 0
    delivered: int = 0
    taken_back: int = 0
    lost: int = 0
    canceled: int = 0

    @property
    def gone(self) -> int:
        return self.shipped + self.delivered + self.taken_back + self.lost


@dataclass(slots=True)
class Standing:
    """One order as the books have it; the rule moves it as it goes."""

    lines: list[Unit]
    money: Money
    total_minor: int
    shipping_worth_minor: int
    tax_minor: int
    tax_included: bool
    shipping_minor: int = 0
    fees: Sequence[dict[str, Any]] = ()
    invoiced: int = 0
    credited: int = 0
    contradictions: list[dict[str, Any]] = field(default_factory=list)

    def contradicts(self, reason: str, **why: Any) -> None:
        self.contradictions.append({"reason": reason, **why})


def standing_of(order: OrderFacts, money: Money) -> Standing:
    names = list(Unit.__dataclass_fields__)
    row = order.row
    return Standing(
        lines=[Unit(**{name: getattr(line, name) for name in names}) for line in order.lines],
        money=money,
        total_minor=row["total_minor"],
        shipping_worth_minor=int((row["details"] or {}).get("shipping_worth_minor", 0)),
        tax_minor=row["tax_minor"],
        tax_included=row["tax_included"],
        shipping_minor=row["shipping_minor"],
        fees=(row["details"] or {}).get("fees", ()),
        invoiced=row["invoiced"],
        credited=row["credited"],
    )


def write_down(
    outcome: Outcome, standing: Standing, new: NewOrder, there: Happened, numbers: Numbers, ids: Iterator[int],
    *, placed_at: datetime, at: datetime, site: int | None = None,
) -> None:  # fmt: skip
    """Add to the outcome an event per thing that happened, with its own time, and the papers that go with it."""
    _paid(outcome, standing, new, ids, placed_at, at)
    _sent(outcome, standing, new, there, placed_at, site)
    _no_longer_wanted(outcome, standing, there, placed_at)
    _refunded(outcome, standing, there, numbers, ids, placed_at, at)
    _about_times(standing, there, placed_at)


def ids_needed(new: NewOrder) -> int:
    """Payments, refunds of them, an invoice, a credit note, an attention item."""
    return 6 + 4 * len(new.tenders)


def _paid(
    outcome: Outcome, standing: Standing, new: NewOrder, ids: Iterator[int], placed_at: datetime, at: datetime
) -> None:
    moves, rows = take_in(standing.money, new.tenders, ids, at)
    if moves:
        paid_at = next((tender.paid_at for tender in new.tenders if tender.paid_at), placed_at)
        outcome.events.append(Event(VERB, moves, {"what": "paid"}, paid_at))
        outcome.facts += rows
    elif said_to_be("paid", new.tenders) < standing.money.told_paid:
        standing.contradicts("less is paid than was told before", paid_minor=said_to_be("paid", new.tenders))


def _sent(
    outcome: Outcome, standing: Standing, new: NewOrder, there: Happened, placed_at: datetime, site: int | None
) -> None:
    sent: list[Move] = []
    for unit, line in zip(standing.lines, new.lines, strict=False):
        told = there.units(unit.line_no, line) if unit.ships else 0
        units = min(told - unit.gone, unit.wanted)
        if told > unit.gone + unit.wanted:
            standing.contradicts("fulfilled, though it was canceled before", line=unit.line_no, fulfilled=told)
        if units > 0:
            sent.append(Demand(unit.line_no, units, "wanted", "shipped"))
            sent += _opening_stock(unit, units, site)
            unit.wanted -= units
            unit.shipped += units
    if sent:
        outcome.events.append(Event(VERB, sent, {"what": "fulfilled"}, there.fulfilled_at or placed_at))
    arrived: list[Move] = []
    for unit in standing.lines if there.delivered_at and not there.came_back else ():
        if unit.shipped:
            arrived.append(Demand(unit.line_no, unit.shipped, "shipped", "delivered"))
            unit.delivered, unit.shipped = unit.delivered + unit.shipped, 0
    if arrived:
        outcome.events.append(Event(VERB, arrived, {"what": "delivered"}, there.delivered_at))


def _opening_stock(unit: Unit, units: int, site: int | None) -> Iterator[Move]:
    """Just enough: what left the site must have stood there."""
    if site is not None and unit.sku_id is not None:
        yield Stock(unit.sku_id, site, units, "world", "", "free", RECEIVING)
        yield Stock(unit.sku_id, site, units, "free", RECEIVING, "world", "")


def _no_longer_wanted(outcome: Outcome, standing: Standing, there: Happened, placed_at: datetime) -> None:
    """Canceled, or back on the shelf there: what was sent came back, what was not is canceled."""
    if not there.canceled_at and not there.came_back:
        return
    moves: list[Move] = []
    canceled: dict[int, int] = {}
    for unit in standing.lines:
        if there.came_back and unit.ships:
            for stage in ("shipped", "delivered"):
                units = getattr(unit, stage)
                if units:
                    moves.append(Demand(unit.line_no, units, stage, "taken_back"))
                    setattr(unit, stage, 0)
                    unit.taken_back += units
        source = "wanted" if unit.ships else "delivered"
        units = getattr(unit, source)
        if units and (unit.ships or not any(other.gone for other in standing.lines if other.ships)):
            moves.append(Demand(unit.line_no, units, source, "canceled"))
            canceled[unit.line_no] = units
            if not unit.ships:
                outcome.count("services", -units)
            setattr(unit, source, 0)
            unit.canceled += units
    less = _owed_less(standing, canceled)
    if less:
        moves.append(Cash(less, "owed", "world"))
        standing.money.owed -= less
    if moves:
        what = "canceled" if there.canceled_at else "came back"
        when = there.canceled_at or there.refunded_at or there.fulfilled_at or placed_at
        outcome.events.append(Event(VERB, moves, {"what": what}, when))
    if there.canceled_at and not there.came_back and any(unit.gone for unit in standing.lines if unit.ships):
        standing.contradicts("canceled, though it was fulfilled", canceled_at=there.canceled_at.isoformat())


def _owed_less(standing: Standing, canceled: dict[int, int]) -> int:
    """With the last unit that was to be sent goes the shipping, with the whole order all."""
    if not any(unit.ordered - unit.canceled for unit in standing.lines):
        return standing.money.owed
    less = sum(
        worth_of_last_units(
            unit.worth_minor, unit.ordered, unit.canceled - canceled[unit.line_no], canceled[unit.line_no]
        )
        for unit in standing.lines
        if unit.line_no in canceled
    )
    if canceled and not any(unit.ordered - unit.canceled for unit in standing.lines if unit.ships):
        less += standing.shipping_worth_minor
    return min(less, standing.money.owed)


def _refunded(
    outcome: Outcome, standing: Standing, there: Happened, numbers: Numbers, ids: Iterator[int],
    placed_at: datetime, at: datetime,
) -> None:  # fmt: skip
    """Money that went back there: the money is written down as given back, the credit as a credit note."""
    money, told = standing.money, there.refunded_minor
    more = told - money.refunded
    if there.canceled_at and money.earned > money.owed + max(0, more):
        standing.contradicts("canceled, but the money was not given back", kept_minor=money.earned - max(0, more))
    if more < 0:
        standing.contradicts("less is refunded than was told before", refunded_minor=told)
    if more <= 0:
        return
    when = there.refunded_at or there.canceled_at or there.fulfilled_at or placed_at
    back = min(more, money.earned)
    if back < more:
        standing.contradicts("more was refunded than was paid", refunded_minor=told, paid_minor=money.came_in)
    moves, rows = give_back(money, back, ids, at, when)
    outcome.facts += rows
    # What was canceled is not owed any more; a refund beyond it is no longer owed either.
    less = min(money.owed, max(0, told - (standing.total_minor - money.owed)))
    if less:
        moves.append(Cash(less, "owed", "world"))
        money.owed -= less
    credit = min(more, standing.total_minor - standing.credited)
    data: dict[str, Any] = {"what": "refunded", "amount_minor": more}
    if credit > 0:
        data["credit_note"] = _credited(outcome, standing, credit, numbers, ids, when)
    if moves or credit > 0:
        outcome.events.append(Event(VERB, moves, data, when))


def _credited(
    outcome: Outcome, standing: Standing, credit: int, numbers: Numbers, ids: Iterator[int], when: datetime
) -> str:
    merchant = outcome.merchant
    if not standing.invoiced:
        number, moved = numbers.take(merchant, INVOICES)
        row = _paper(standing, next(ids), INVOICES, number, "invoice", _invoice_content(standing), when)
        outcome.facts += [Insert("invoice", row), moved]
        outcome.count("invoiced", standing.total_minor)
        standing.invoiced = standing.total_minor
    number, moved = numbers.take(merchant, CREDIT_NOTES)
    tax = standing.tax_minor * credit // standing.total_minor if standing.total_minor else 0
    beside = 0 if standing.tax_included else tax
    content = {
        "lines": [], "subtotal_minor": 0, "shipping_minor": 0, "discount_minor": 0,
        "fees": [{"name": "Refunded", "amount_minor": credit - beside}], "total_minor": credit, "tax_minor": tax,
        "tax_included": standing.tax_included, "reason": "refunded before this order was taken over",
        "corrects": "", "history": True,
    }  # fmt: skip
    row = _paper(standing, next(ids), CREDIT_NOTES, number, "credit_note", content, when)
    outcome.facts += [Insert("invoice", row), moved]
    outcome.count("credited", credit)
    standing.credited += credit
    return spelled(CREDIT_NOTES, number)


def _invoice_content(standing: Standing) -> dict[str, Any]:
    lines = [
        {
            "line": unit.line_no, "sku": unit.code, "title": unit.title or unit.code, "quantity": unit.ordered,
            "unit_price": f"{unit.unit_price:f}", "discount_minor": unit.discount_minor,
            "total_minor": unit.total_minor, "worth_minor": unit.worth_minor, "tax_minor": 0,
        }
        for unit in standing.lines
    ]  # fmt: skip
    subtotal = sum(unit.total_minor for unit in standing.lines)
    fees_minor = sum(fee["amount_minor"] for fee in standing.fees)
    added = 0 if standing.tax_included else standing.tax_minor
    beside = standing.shipping_minor + fees_minor + added
    return {
        "lines": lines, "subtotal_minor": subtotal, "shipping_minor": standing.shipping_minor,
        "fees": [msgspec.to_builtins(fee) for fee in standing.fees],
        "discount_minor": subtotal + beside - standing.total_minor, "total_minor": standing.total_minor,
        "tax_minor": standing.tax_minor, "tax_included": standing.tax_included, "history": True,
    }  # fmt: skip


def _paper(
    standing: Standing, invoice: int, series: str, number: int, kind: str, content: dict[str, Any], when: datetime
) -> dict[str, Any]:
    return {
        "invoice_id": invoice, "series": series, "number": number, "order_id": standing.money.order_id, "kind": kind,
        "currency": standing.money.currency, "total_minor": content["total_minor"],
        "tax_minor": content["tax_minor"], "content": content, "issued_at": when,
    }  # fmt: skip


def _about_times(standing: Standing, there: Happened, placed_at: datetime) -> None:
    for name in ("fulfilled_at", "delivered_at", "canceled_at"):
        when: datetime | None = getattr(there, name)
        if when and when < placed_at:
            standing.contradicts(f"{name.removesuffix('_at')} before it was placed", at=when.isoformat())
    if there.fulfilled_at and there.delivered_at and there.delivered_at < there.fulfilled_at:
        standing.contradicts("delivered before it was fulfilled", at=there.delivered_at.isoformat())
