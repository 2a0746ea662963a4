"""shopify_order: turn the rows of one order of a Shopify export into an order to place.

What comes from a shop is always taken. What is wrong with it stands in `problems`; `problems.HOLDS` says
which of them should stop the order until somebody looked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

import msgspec

from doorstep.journey.intake.files import cells
from doorstep.journey.intake.files.problems import Problem
from doorstep.journey.intake.files.shopify_amounts import Said, SaidLine, Settled, settle
from doorstep.journey.intake.files.shopify_buyer import address_of, buyer_of, payment_term, tenders_of
from doorstep.journey.intake.files.shopify_rows import (
    Notes,
    OrderRow,
    Reading,
    amount_of,
    plain_id,
    text_of,
    time_of,
    word_of,
)
from doorstep.journey.intake.files.tables import BadRow
from doorstep.journey.intake.new_order import Fee, NewLine, NewOrder
from doorstep.kit import money

LARGEST_QUANTITY = 1_000_000
MOST_LINES = 2000
MOST_TAGS = 50

FINANCIAL = frozenset(
    {"paid", "pending", "authorized", "partially_paid", "refunded", "partially_refunded", "voided", "expired"}
)
FULFILLMENT = frozenset(
    {"", "fulfilled", "unfulfilled", "partial", "partially_fulfilled", "restocked", "pending", "on_hold",
     "scheduled", "in_progress", "open", "pending_fulfillment", "request_declined", "incomplete"}
)  # fmt: skip
TIPS = frozenset({"tip", "tips", "gratuity", "trinkgeld", "pourboire", "propina", "mancia", "napiwek", "fooi"})


class FileTax(msgspec.Struct, frozen=True):
    name: str
    amount_minor: int


class FileLine(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says of a line beyond what is placed; beside `order.lines`, in the same order."""

    file: str
    line: int
    sku: str
    title: str
    quantity: str
    fulfillment_status: str = ""
    vendor: str = ""


class Source(msgspec.Struct, frozen=True):
    """The lines of the file that a part of the order stood on."""

    file: str
    first_line: int
    last_line: int


class FileOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order of a Shopify export. `subtotal_minor` is what its lines come to after discounts."""

    order: NewOrder
    lines: list[FileLine]
    left_out: list[FileLine]
    subtotal_minor: int
    shipping_discount_minor: int = 0
    shopify_id: str = ""
    financial_status: str = ""
    fulfillment_status: str = ""
    paid_at: datetime | None = None
    fulfilled_at: datetime | None = None
    canceled_at: datetime | None = None
    next_due_at: datetime | None = None
    refunded_minor: int = 0
    outstanding_minor: int | None = None
    taxes: list[FileTax] = []
    discount_codes: list[str] = []
    payment_methods: list[str] = []
    payment_terms: str = ""
    source: str = ""
    note_attributes: str = ""
    file: str
    first_line: int
    last_line: int
    sources: list[Source] = []
    rows: int
    problems: list[Problem] = []


def build(rows: Sequence[OrderRow], reading: Reading, broken: bool = False) -> FileOrder | list[BadRow]:
    """The order that these rows are; BadRows when no order can hold it."""
    head = next((row for row in rows if row.heads), rows[0])
    lines = [row for row in rows if row.has_line]
    if len(lines) > MOST_LINES:
        return [_bad(row, "too_many_lines") for row in rows]
    notes = Notes()
    _about_rows(rows, head, broken, notes)
    currency = _currency(head, reading, notes)
    taken = [_line(row, currency, notes) for row in lines]
    said = _said(head, taken, currency, notes)
    settled = settle(said)
    kept = [line for line in taken if line.said is not None]
    for finding in settled.findings:
        at = kept[finding.line].row if finding.line is not None and kept else head
        notes.add(at, finding.column, finding.reason, finding.value)
    return _file_order(rows, head, taken, said, settled, reading, notes)


def _bad(row: OrderRow, reason: str) -> BadRow:
    return BadRow(file=row.row.file, line=row.row.line, column="Name", reason=reason, value=row.name)


def _about_rows(rows: Sequence[OrderRow], head: OrderRow, broken: bool, notes: Notes) -> None:
    if not head.heads:
        notes.add(head, "name", "no_order_row", head.name)
    if broken:
        notes.add(head, "name", "row_left_out", head.name)
    for row in rows:
        if row.name_missing:
            notes.add(row, "name", "name_missing")
        if row.row.guessed:
            notes.add(row, "name", "encoding_guessed")


# Lines


class _Taken(msgspec.Struct, frozen=True):
    """A line as read, before its amounts are settled; `quantity` 0 is left out."""

    row: OrderRow
    said: SaidLine | None
    ships: bool = False


def _line(row: OrderRow, currency: str, notes: Notes) -> _Taken:
    ships = cells.yes(row.says("requires_shipping"), default=True)
    quantity, whole_price_of = _quantity(row, notes)
    if not quantity:
        return _Taken(row, None)
    price = _price(row, notes)
    if price is not None and price < 0:
        notes.add(row, "price", "price_negative", row.says("price"))
        return _Taken(row, None)
    if price is not None and whole_price_of is not None:
        price = _six_places(price * whole_price_of)
    if price is not None and price * quantity > money.to_decimal(money.LARGEST_MINOR // MOST_LINES, currency):
        notes.add(row, "price", "price_too_large", row.says("price"))
        return _Taken(row, None)
    if ships and not row.says("sku"):
        notes.add(row, "sku", "no_sku", row.says("title"))
    discount = abs(amount_of(row, "line_discount", currency, notes, may_be_negative=True) or 0)
    tip = not row.says("sku") and row.says("title").casefold() in TIPS
    return _Taken(row, SaidLine(quantity=quantity, unit_price=price, discount_minor=discount, tip=tip), ships)


def _quantity(row: OrderRow, notes: Notes) -> tuple[int, Decimal | None]:
    """Pieces; and when they cannot be counted, of how many the one piece that stands in has the price."""
    text = row.says("quantity")
    value = cells.amount(text)
    if value is None:
        notes.add(row, "quantity", "quantity_unclear", text)
        return 1, None
    if value <= 0:
        notes.add(row, "quantity", "quantity_negative" if value < 0 else "quantity_zero", text)
        return 0, None
    if value != int(value) or value > LARGEST_QUANTITY:
        reason = "quantity_too_large" if value > LARGEST_QUANTITY else "quantity_not_whole"
        notes.add(row, "quantity", reason, text)
        return 1, value
    return int(value), None


def _price(row: OrderRow, notes: Notes) -> Decimal | None:
    text = row.says("price")
    value = cells.amount(text)
    if value is None:
        if "price" in row.columns:
            notes.add(row, "price", "amount_unreadable" if text else "price_missing", text)
        return None
    rounded = _six_places(value)
    if rounded != value:
        notes.add(row, "price", "price_rounded", text)
    return rounded


def _six_places(value: Decimal) -> Decimal:
    step = Decimal(1).scaleb(-money.UNIT_PRICE_PLACES)
    return value.quantize(step, rounding=ROUND_HALF_UP).normalize() + Decimal(0)


# Amounts


def _currency(head: OrderRow, reading: Reading, notes: Notes) -> str:
    text = head.says("currency").upper()
    if not text:
        return reading.currency
    try:
        money.digits(text)
    except money.UnknownCurrency:
        notes.add(head, "currency", "currency_unknown", text)
        return reading.currency
    return text


def _said(head: OrderRow, taken: Sequence[_Taken], currency: str, notes: Notes) -> Said:
    lines = [line.said for line in taken if line.said is not None]
    if not lines:
        notes.add(head, "quantity", "no_lines")
        lines = [SaidLine(quantity=1, unit_price=None)]
    return Said(
        currency=currency,
        lines=lines,
        subtotal_minor=amount_of(head, "subtotal", currency, notes),
        discount_minor=abs(amount_of(head, "discount_amount", currency, notes, may_be_negative=True) or 0),
        shipping_minor=amount_of(head, "shipping", currency, notes) or 0,
        tax_minor=_tax(head, currency, notes),
        duties_minor=amount_of(head, "duties", currency, notes) or 0,
        total_minor=amount_of(head, "total", currency, notes),
    )


def _tax(head: OrderRow, currency: str, notes: Notes) -> int:
    stated = amount_of(head, "taxes", currency, notes)
    by_name = sum(tax.amount_minor for tax in _taxes(head, currency))
    if stated is None:
        return by_name
    if by_name and by_name != stated:
        notes.add(head, "taxes", "taxes_do_not_add_up", head.says("taxes"))
    return stated


def _taxes(head: OrderRow, currency: str) -> Iterator[FileTax]:
    for place in range(1, 6):
        name, value = head.says(f"tax_{place}_name"), head.says(f"tax_{place}_value")
        if name or value:
            amount = amount_of(head, f"tax_{place}_value", currency, Notes()) or 0
            yield FileTax(name[:200], amount)


# The whole


def _file_order(
    rows: Sequence[OrderRow],
    head: OrderRow,
    taken: Sequence[_Taken],
    said: Said,
    settled: Settled,
    reading: Reading,
    notes: Notes,
) -> FileOrder:
    kept = [line for line in taken if line.said is not None]
    goods = [line for place, line in enumerate(kept) if place not in settled.tips]
    status = word_of(head, "financial_status", FINANCIAL, notes)
    times = {key: time_of(head, key, reading, notes) for key in ("created_at", "paid_at", "fulfilled_at")}
    canceled_at = time_of(head, "canceled_at", reading, notes)
    outstanding = amount_of(head, "outstanding", said.currency, notes, may_be_negative=True)
    ship_to = address_of(head, "shipping", notes)
    if ship_to is None and any(line.ships for line in goods):
        notes.add(head, "shipping_address1", "no_address")
    shopify_id = _shopify_id(head, reading, notes)
    external_id = _external_id(head, shopify_id, reading, notes)
    total = _order_total(settled, said)
    methods = [part.strip() for part in head.says("payment_method").split(" + ") if part.strip()]
    order = NewOrder(
        lines=_new_lines(kept, said, settled),
        currency=said.currency,
        external_id=external_id,
        number=head.name[:60],
        channel=head.channel,
        placed_at=times["created_at"],
        buyer=buyer_of(head, ship_to, notes),
        ship_to=ship_to,
        bill_to=address_of(head, "billing", notes),
        discount_minor=settled.discount_minor,
        shipping_minor=settled.shipping_minor,
        tax_minor=said.tax_minor,
        tax_included=settled.tax_included,
        fees=_fees(settled),
        total_minor=said.total_minor,
        tenders=tenders_of(head, status, total, outstanding, times["paid_at"], notes),
        payment_term=payment_term(head, methods),
        shipping_method=text_of(head, "shipping_method", 200, notes),
        risk=cells.risk(head.says("risk")),
        note=text_of(head, "notes", 2000, notes),
        tags=_tags(head, notes),
    )
    return FileOrder(
        order=order,
        lines=[_file_line(line.row) for line in goods] or [_file_line(head)],
        left_out=[_file_line(line.row) for line in taken if line.said is None],
        subtotal_minor=settled.subtotal_minor,
        shipping_discount_minor=settled.shipping_discount_minor,
        shopify_id=shopify_id,
        financial_status=status,
        fulfillment_status=word_of(head, "fulfillment_status", FULFILLMENT, notes),
        paid_at=times["paid_at"],
        fulfilled_at=times["fulfilled_at"],
        canceled_at=canceled_at,
        next_due_at=time_of(head, "next_due_at", reading, notes),
        refunded_minor=amount_of(head, "refunded", said.currency, notes) or 0,
        outstanding_minor=outstanding,
        taxes=list(_taxes(head, said.currency)),
        discount_codes=[word for part in head.says("discount_code").split(",") if (word := part.strip())],
        payment_methods=methods,
        payment_terms=head.says("payment_terms"),
        source=head.says("source"),
        note_attributes=head.says("note_attributes"),
        file=head.row.file,
        first_line=min(row.row.line for row in rows if row.row.file == head.row.file),
        last_line=max(row.row.last_line for row in rows if row.row.file == head.row.file),
        sources=_sources(rows),
        rows=len(rows),
        problems=notes.found,
    )


def _new_lines(kept: Sequence[_Taken], said: Said, settled: Settled) -> list[NewLine]:
    """The goods, tips left out; the stand-in when the file has no line."""
    if not kept:
        price = settled.unit_prices[0]
        return [NewLine(title="(the file has no line)", quantity=1, unit_price=price, ships=False)]
    lines: list[NewLine] = []
    for place, line in enumerate(kept):
        if place not in settled.tips:
            new = NewLine(
                sku=cells.code(line.row.says("sku"))[:120],
                title=cells.plain(line.row.says("title"))[:500],
                quantity=said.lines[place].quantity,
                unit_price=settled.unit_prices[place],
                discount_minor=settled.line_discounts_minor[place],
                ships=line.ships,
                external_id=str(len(lines) + 1),
            )
            lines.append(new)
    return lines


def _file_line(row: OrderRow) -> FileLine:
    return FileLine(
        file=row.row.file,
        line=row.row.line,
        sku=cells.code(row.says("sku")),
        title=cells.plain(row.says("title")),
        quantity=row.says("quantity"),
        fulfillment_status=row.says("line_status").casefold(),
        vendor=row.says("vendor"),
    )


def _fees(settled: Settled) -> list[Fee]:
    fees = {
        "Duties": settled.duties_minor,
        "Tip": settled.tip_minor,
        "Other charges in Total": settled.other_minor,
    }
    return [Fee(name=name, amount_minor=amount) for name, amount in fees.items() if amount]


def _order_total(settled: Settled, said: Said) -> int:
    if said.total_minor is not None:
        return said.total_minor
    added = 0 if settled.tax_included else said.tax_minor
    fees = settled.duties_minor + settled.tip_minor
    return settled.subtotal_minor + settled.shipping_minor + added + fees


def _sources(rows: Sequence[OrderRow]) -> list[Source]:
    """Runs of lines, a new one where a gap of other orders' rows lies between."""
    runs: list[Source] = []
    for row in (order_row.row for order_row in rows):
        last = runs[-1] if runs else None
        if last and last.file == row.file and last.last_line + 1 == row.line:
            runs[-1] = Source(row.file, last.first_line, row.last_line)
        else:
            runs.append(Source(row.file, row.line, row.last_line))
    return runs


# Identity


def _shopify_id(head: OrderRow, reading: Reading, notes: Notes) -> str:
    text = head.says("id")
    digits = plain_id(text)
    if text and not digits and not cells.code(text).isdigit():
        notes.add(head, "id", "id_unreadable", text)
    return "" if digits in reading.shared_ids else digits


def _external_id(head: OrderRow, shopify_id: str, reading: Reading, notes: Notes) -> str:
    """The Name; with the Id or the time beside it where the file has an earlier order of that name."""
    given = reading.external_ids.get((head.channel, head.name, *head.identity))
    if given is not None and given != head.name:
        notes.add(head, "name", "name_shared", head.name)
    return (given or head.name)[:120]


def _tags(head: OrderRow, notes: Notes) -> list[str]:
    tags = [tag.strip() for tag in head.says("tags").split(",") if tag.strip()]
    if len(tags) > MOST_TAGS or any(len(tag) > 200 for tag in tags):
        notes.add(head, "tags", "text_cut", head.says("tags"))
    return [tag[:200] for tag in tags[:MOST_TAGS]]
