"""shopify_order: turn the rows of one order of a Shopify export into an order to place.

What comes from a shop is always taken. What is wrong with it stands in `problems`; `problems.HOLDS` says
which of them should stop the order until somebody looked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from doorstep.journey.intake.files import cells
from doorstep.journey.intake.files.problems import Problem
from doorstep.journey.intake.files.shopify_amounts import Said, SaidLine, Settled, settle
from doorstep.journey.intake.files.shopify_buyer import address_of, buyer_of, payment_term, tenders_of
from doorstep.journey.intake.files.shopify_lines import MOST_LINES, FileLine, TakenLine, file_line, new_lines, take_line
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
from doorstep.journey.intake.new_order import Fee, NewOrder
from doorstep.kit import money
from doorstep.setup.addresses import Address

MOST_TAGS = 50

FINANCIAL = frozenset(
    {"paid", "pending", "authorized", "partially_paid", "refunded", "partially_refunded", "voided", "expired"}
)
FULFILLMENT = frozenset(
    {"", "fulfilled", "unfulfilled", "partial", "partially_fulfilled", "restocked", "pending", "on_hold",
     "scheduled", "in_progress", "open", "pending_fulfillment", "request_declined", "incomplete"}
)  # fmt: skip


class FileTax(msgspec.Struct, frozen=True):
    name: str
    amount_minor: int


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
    taken = [take_line(row, currency, notes) for row in lines]
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


def _said(head: OrderRow, taken: Sequence[TakenLine], currency: str, notes: Notes) -> Said:
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


class _Head(msgspec.Struct, frozen=True):
    """What the order's own row says of it beside its amounts."""

    shopify_id: str
    external_id: str
    status: str
    created_at: datetime | None
    paid_at: datetime | None
    fulfilled_at: datetime | None
    canceled_at: datetime | None
    outstanding_minor: int | None
    ship_to: Address | None
    methods: list[str]


def _head(head: OrderRow, currency: str, is_sent: bool, reading: Reading, notes: Notes) -> _Head:
    status = word_of(head, "financial_status", FINANCIAL, notes)
    created_at, paid_at, fulfilled_at, canceled_at = (
        time_of(head, key, reading, notes) for key in ("created_at", "paid_at", "fulfilled_at", "canceled_at")
    )
    outstanding = amount_of(head, "outstanding", currency, notes, may_be_negative=True)
    ship_to = address_of(head, "shipping", notes)
    if ship_to is None and is_sent:
        notes.add(head, "shipping_address1", "no_address")
    shopify_id = _shopify_id(head, reading, notes)
    return _Head(
        shopify_id=shopify_id,
        external_id=_external_id(head, shopify_id, reading, notes),
        status=status,
        created_at=created_at,
        paid_at=paid_at,
        fulfilled_at=fulfilled_at,
        canceled_at=canceled_at,
        outstanding_minor=outstanding,
        ship_to=ship_to,
        methods=[part.strip() for part in head.says("payment_method").split(" + ") if part.strip()],
    )


def _new_order(
    head: OrderRow, told: _Head, kept: Sequence[TakenLine], said: Said, settled: Settled, notes: Notes
) -> NewOrder:
    total = _order_total(settled, said)
    return NewOrder(
        lines=new_lines(kept, said, settled),
        currency=said.currency,
        external_id=told.external_id,
        number=head.name[:60],
        channel=head.channel,
        placed_at=told.created_at,
        buyer=buyer_of(head, told.ship_to, notes),
        ship_to=told.ship_to,
        bill_to=address_of(head, "billing", notes),
        discount_minor=settled.discount_minor,
        shipping_minor=settled.shipping_minor,
        tax_minor=said.tax_minor,
        tax_included=settled.tax_included,
        fees=_fees(settled),
        total_minor=said.total_minor,
        tenders=tenders_of(head, told.status, total, told.outstanding_minor, told.paid_at, notes),
        payment_term=payment_term(head, told.methods),
        shipping_method=text_of(head, "shipping_method", 200, notes),
        risk=cells.risk(head.says("risk")),
        note=text_of(head, "notes", 2000, notes),
        tags=_tags(head, notes),
    )


def _file_order(
    rows: Sequence[OrderRow],
    head: OrderRow,
    taken: Sequence[TakenLine],
    said: Said,
    settled: Settled,
    reading: Reading,
    notes: Notes,
) -> FileOrder:
    kept = [line for line in taken if line.said is not None]
    goods = [line for place, line in enumerate(kept) if place not in settled.tips]
    told = _head(head, said.currency, any(line.ships for line in goods), reading, notes)
    return FileOrder(
        order=_new_order(head, told, kept, said, settled, notes),
        lines=[file_line(line.row) for line in goods] or [file_line(head)],
        left_out=[file_line(line.row) for line in taken if line.said is None],
        subtotal_minor=settled.subtotal_minor,
        shipping_discount_minor=settled.shipping_discount_minor,
        shopify_id=told.shopify_id,
        financial_status=told.status,
        fulfillment_status=word_of(head, "fulfillment_status", FULFILLMENT, notes),
        paid_at=told.paid_at,
        fulfilled_at=told.fulfilled_at,
        canceled_at=told.canceled_at,
        next_due_at=time_of(head, "next_due_at", reading, notes),
        refunded_minor=amount_of(head, "refunded", said.currency, notes) or 0,
        outstanding_minor=told.outstanding_minor,
        taxes=list(_taxes(head, said.currency)),
        discount_codes=[word for part in head.says("discount_code").split(",") if (word := part.strip())],
        payment_methods=told.methods,
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
