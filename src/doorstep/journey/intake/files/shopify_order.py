"""shopify_order: turn the rows of one order of a Shopify export into an order to place.

What comes from a shop is always taken. What is wrong with it stands in `problems`; `problems.HOLDS` says
which of them should stop the order until somebody looked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal

import msgspec

from doorstep.journey.intake.files import cells
from doorstep.journey.intake.files.problems import Problem
from doorstep.journey.intake.files.shopify_amounts import Said, SaidLine, Settled, settle
from doorstep.journey.intake.files.shopify_columns import Columns
from doorstep.journey.intake.files.tables import BadRow, Row
from doorstep.journey.intake.new_order import Buyer, Fee, NewLine, NewOrder, PaymentTerm, Tender
from doorstep.kit import money
from doorstep.setup.addresses import Address

LARGEST_QUANTITY = 1_000_000
MOST_LINES = 2000
MOST_TAGS = 50

# Columns that only the first row of an order fills; any of them makes a row the order's own.
ORDER_COLUMNS = ("financial_status", "subtotal", "total", "currency", "id")
LINE_COLUMNS = ("quantity", "title", "price", "sku")

FINANCIAL = frozenset(
    {"paid", "pending", "authorized", "partially_paid", "refunded", "partially_refunded", "voided", "expired"}
)
FULFILLMENT = frozenset(
    {"", "fulfilled", "unfulfilled", "partial", "partially_fulfilled", "restocked", "pending", "on_hold",
     "scheduled", "in_progress", "open", "pending_fulfillment", "request_declined", "incomplete"}
)  # fmt: skip
PAID = ("paid", "partially_refunded", "refunded")

TIPS = frozenset({"tip", "tips", "gratuity", "trinkgeld", "pourboire", "propina", "mancia", "napiwek", "fooi"})
COD = re.compile(
    r"\bcod\b|cash[ _-]*on[ _-]*delivery|nachnahme|contre[ -]?remboursement|contra ?r?reembolso"
    r"|contrareembolso|contrassegno|pobrani|dobírk|dobierk|rembours\b|utánvét|ramburs|наложен|післяплат",
    re.IGNORECASE,
)
ON_SHIPMENT = re.compile(r"fulfil|shipment|dispatch", re.IGNORECASE)


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
    risk_level: str = ""
    source: str = ""
    note_attributes: str = ""
    file: str
    first_line: int
    last_line: int
    sources: list[Source] = []
    rows: int
    problems: list[Problem] = []


class OrderRow(msgspec.Struct, frozen=True):
    """A row with the order it belongs to."""

    row: Row
    columns: Columns
    channel: str
    name: str
    name_missing: bool = False

    def says(self, key: str) -> str:
        at = self.columns.at.get(key)
        return self.row.cells[at].strip() if at is not None else ""

    @property
    def heads(self) -> bool:
        """Is this an order's own row, not one that continues it?"""
        return any(self.says(key) for key in ORDER_COLUMNS)

    @property
    def has_line(self) -> bool:
        return any(self.says(key) for key in LINE_COLUMNS)

    @property
    def identity(self) -> tuple[str, str]:
        """What tells two orders of one name apart."""
        return plain_id(self.says("id")), self.says("created_at")


def plain_id(text: str) -> str:
    """The digits of Shopify's Id; "" for what cannot be one: no whole number, or one digit over and over."""
    digits = cells.code(text).removeprefix("gid://shopify/Order/")
    masked = len(digits) > 2 and len(set(digits)) == 1
    return digits if digits.isascii() and digits.isdigit() and not masked else ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What must be known beyond an order's rows to read them."""

    currency: str
    zone: tzinfo
    day_first: bool | None = None
    shared_ids: frozenset[str] = frozenset()
    external_ids: Mapping[tuple[str, str, str, str], str] = field(default_factory=dict)


class _Notes:
    """Collects the problems of one order."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, row: OrderRow, key: str, reason: str, value: str = "") -> None:
        column = row.columns.at.get(key, key)
        self.found.append(Problem(row.row.line, column, reason, value[:200]))


def build(rows: Sequence[OrderRow], reading: Reading, broken: bool = False) -> FileOrder | list[BadRow]:
    """The order that these rows are; BadRows when no order can hold it."""
    head = next((row for row in rows if row.heads), rows[0])
    lines = [row for row in rows if row.has_line]
    if len(lines) > MOST_LINES:
        return [_bad(row, "too_many_lines") for row in rows]
    notes = _Notes()
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


def _about_rows(rows: Sequence[OrderRow], head: OrderRow, broken: bool, notes: _Notes) -> None:
    if not head.heads:
        notes.add(head, "name", "no_order_row", head.name)
    if broken:
        notes.add(head, "name", "row_left_out", head.name)
    for row in rows:
        if row.name_missing:
            notes.add(row, "name", "name_missing")
        if row.row.guessed:
            notes.add(row, "name", "encoding_guessed")


# -- lines -----------------------------------------------------------------------------------------


class _Taken(msgspec.Struct, frozen=True):
    """A line as read, before its amounts are settled; `quantity` 0 is left out."""

    row: OrderRow
    said: SaidLine | None
    ships: bool = False


def _line(row: OrderRow, currency: str, notes: _Notes) -> _Taken:
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
    discount = abs(_amount(row, "line_discount", currency, notes, may_be_negative=True) or 0)
    tip = not row.says("sku") and row.says("title").casefold() in TIPS
    return _Taken(row, SaidLine(quantity=quantity, unit_price=price, discount_minor=discount, tip=tip), ships)


def _quantity(row: OrderRow, notes: _Notes) -> tuple[int, Decimal | None]:
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


def _price(row: OrderRow, notes: _Notes) -> Decimal | None:
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


# -- amounts ---------------------------------------------------------------------------------------


def _currency(head: OrderRow, reading: Reading, notes: _Notes) -> str:
    text = head.says("currency").upper()
    if not text:
        return reading.currency
    try:
        money.digits(text)
    except money.UnknownCurrency:
        notes.add(head, "currency", "currency_unknown", text)
        return reading.currency
    return text


def _amount(row: OrderRow, key: str, currency: str, notes: _Notes, may_be_negative: bool = False) -> int | None:
    text = row.says(key)
    if not text:
        return None
    value = cells.amount(text)
    try:
        minor = money.to_minor(value, currency) if value is not None else None
    except money.NotMoney:
        minor = None
    if value is None or minor is None:
        notes.add(row, key, "amount_unreadable", text)
        return None
    if minor < 0 and not may_be_negative:
        notes.add(row, key, "amount_negative", text)
        return None
    if money.to_decimal(minor, currency) != value:
        notes.add(row, key, "amount_rounded", text)
    return minor


def _said(head: OrderRow, taken: Sequence[_Taken], currency: str, notes: _Notes) -> Said:
    lines = [line.said for line in taken if line.said is not None]
    if not lines:
        notes.add(head, "quantity", "no_lines")
        lines = [SaidLine(quantity=1, unit_price=None)]
    return Said(
        currency=currency,
        lines=lines,
        subtotal_minor=_amount(head, "subtotal", currency, notes),
        discount_minor=abs(_amount(head, "discount_amount", currency, notes, may_be_negative=True) or 0),
        shipping_minor=_amount(head, "shipping", currency, notes) or 0,
        tax_minor=_tax(head, currency, notes),
        duties_minor=_amount(head, "duties", currency, notes) or 0,
        total_minor=_amount(head, "total", currency, notes),
    )


def _tax(head: OrderRow, currency: str, notes: _Notes) -> int:
    stated = _amount(head, "taxes", currency, notes)
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
            amount = _amount(head, f"tax_{place}_value", currency, _Notes()) or 0
            yield FileTax(name[:200], amount)


# -- the whole -------------------------------------------------------------------------------------


def _file_order(
    rows: Sequence[OrderRow],
    head: OrderRow,
    taken: Sequence[_Taken],
    said: Said,
    settled: Settled,
    reading: Reading,
    notes: _Notes,
) -> FileOrder:
    kept = [line for line in taken if line.said is not None]
    goods = [line for place, line in enumerate(kept) if place not in settled.tips]
    status = _word(head, "financial_status", FINANCIAL, notes)
    times = {key: _time(head, key, reading, notes) for key in ("created_at", "paid_at", "fulfilled_at")}
    canceled_at = _time(head, "canceled_at", reading, notes)
    outstanding = _amount(head, "outstanding", said.currency, notes, may_be_negative=True)
    ship_to = _address(head, "shipping", notes)
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
        buyer=_buyer(head, ship_to, notes),
        ship_to=ship_to,
        bill_to=_address(head, "billing", notes),
        discount_minor=settled.discount_minor,
        shipping_minor=settled.shipping_minor,
        tax_minor=said.tax_minor,
        tax_included=settled.tax_included,
        fees=_fees(settled),
        total_minor=said.total_minor,
        tenders=_tenders(head, status, total, outstanding, times["paid_at"], notes),
        payment_term=_payment_term(head, methods),
        shipping_method=_text(head, "shipping_method", 200, notes),
        note=_text(head, "notes", 2000, notes),
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
        fulfillment_status=_word(head, "fulfillment_status", FULFILLMENT, notes),
        paid_at=times["paid_at"],
        fulfilled_at=times["fulfilled_at"],
        canceled_at=canceled_at,
        next_due_at=_time(head, "next_due_at", reading, notes),
        refunded_minor=_amount(head, "refunded", said.currency, notes) or 0,
        outstanding_minor=outstanding,
        taxes=list(_taxes(head, said.currency)),
        discount_codes=[word for part in head.says("discount_code").split(",") if (word := part.strip())],
        payment_methods=methods,
        payment_terms=head.says("payment_terms"),
        risk_level=head.says("risk").casefold(),
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


# -- identity --------------------------------------------------------------------------------------


def _shopify_id(head: OrderRow, reading: Reading, notes: _Notes) -> str:
    text = head.says("id")
    digits = plain_id(text)
    if text and not digits and not cells.code(text).isdigit():
        notes.add(head, "id", "id_unreadable", text)
    return "" if digits in reading.shared_ids else digits


def _external_id(head: OrderRow, shopify_id: str, reading: Reading, notes: _Notes) -> str:
    """The Name; with the Id or the time beside it where the file has an earlier order of that name."""
    given = reading.external_ids.get((head.channel, head.name, *head.identity))
    if given is not None and given != head.name:
        notes.add(head, "name", "name_shared", head.name)
    return (given or head.name)[:120]


def _word(head: OrderRow, key: str, known: frozenset[str], notes: _Notes) -> str:
    text = head.says(key)
    word = "_".join(text.casefold().replace("-", " ").split())
    if text and word not in known:
        notes.add(head, key, "status_unknown", text)
    return word


def _time(head: OrderRow, key: str, reading: Reading, notes: _Notes) -> datetime | None:
    text = head.says(key)
    if not text:
        return None
    found = cells.when(text, reading.zone, reading.day_first is True)
    if found is None:
        notes.add(head, key, "date_unreadable", text)
    elif reading.day_first is None and (pair := cells.slashed(text)) and pair[0] != pair[1] and max(pair) <= 12:
        notes.add(head, key, "date_ambiguous", text)
    return found


def _text(row: OrderRow, key: str, limit: int, notes: _Notes, *, is_code: bool = False) -> str:
    text = cells.code(row.says(key)) if is_code else cells.plain(row.says(key))
    if len(text) > limit:
        notes.add(row, key, "text_cut", text)
    return text[:limit]


def _tags(head: OrderRow, notes: _Notes) -> list[str]:
    tags = [tag.strip() for tag in head.says("tags").split(",") if tag.strip()]
    if len(tags) > MOST_TAGS or any(len(tag) > 200 for tag in tags):
        notes.add(head, "tags", "text_cut", head.says("tags"))
    return [tag[:200] for tag in tags[:MOST_TAGS]]


# -- people and places -----------------------------------------------------------------------------


def _address(head: OrderRow, side: str, notes: _Notes) -> Address | None:
    """None when no place is named; the country is `ZZ` when it is not known which."""
    parts = ("street", "address1", "address2", "city", "zip", "province", "province_name", "country")
    if not any(head.says(f"{side}_{part}") for part in parts):
        return None
    country = _country(head, f"{side}_country", notes)
    has_lines = bool(head.says(f"{side}_address1"))
    phone = _text(head, f"{side}_phone", 40, notes, is_code=True)
    if phone and not cells.possible_phone(phone, country):
        notes.add(head, f"{side}_phone", "phone_unclear", phone)
    return Address(
        name=_text(head, f"{side}_name", 200, notes),
        company=_text(head, f"{side}_company", 200, notes),
        line1=_text(head, f"{side}_address1" if has_lines else f"{side}_street", 200, notes),
        line2=_text(head, f"{side}_address2", 200, notes) if has_lines else "",
        city=_text(head, f"{side}_city", 200, notes),
        region=cells.region(
            country, head.says(f"{side}_province"), head.says(f"{side}_province_name")
        )[:200],
        postcode=_text(head, f"{side}_zip", 20, notes, is_code=True),
        country=country,
        phone=phone,
    )  # fmt: skip


def _country(head: OrderRow, key: str, notes: _Notes) -> str:
    text = cells.plain(head.says(key))
    found = cells.country(text)
    if not found:
        notes.add(head, key, "country_unknown" if text else "country_missing", text)
    return found or cells.UNKNOWN_COUNTRY


def _buyer(head: OrderRow, ship_to: Address | None, notes: _Notes) -> Buyer:
    email = _text(head, "email", 254, notes)
    if email and not cells.looks_like_email(email):
        notes.add(head, "email", "email_unclear", email)
    name_key = "billing_name" if head.says("billing_name") else "shipping_name"
    phones = (key for key in ("phone", "billing_phone", "shipping_phone") if head.says(key))
    phone = _text(head, next(phones, "phone"), 40, notes, is_code=True)
    country = ship_to.country if ship_to else cells.UNKNOWN_COUNTRY
    if head.says("phone") and not cells.possible_phone(phone, country):
        notes.add(head, "phone", "phone_unclear", phone)
    return Buyer(name=_text(head, name_key, 200, notes), email=email, phone=phone)


# -- paying ----------------------------------------------------------------------------------------


def _payment_term(head: OrderRow, methods: Sequence[str]) -> PaymentTerm:
    """Cash on delivery by the method's name; else the store's payment terms; else paid before we ship."""
    if any(COD.search(method) for method in methods):
        return "cod"
    terms = head.says("payment_terms")
    if not terms:
        return "prepaid"
    return "on_shipment" if ON_SHIPMENT.search(terms) else "on_account"


def _tenders(
    head: OrderRow, status: str, total: int, outstanding: int | None, paid_at: datetime | None, notes: _Notes
) -> list[Tender]:
    """What was paid or authorized before the order came to us; a later refund does not change it."""
    kind, amount = "paid", total
    if status == "partially_paid":
        if outstanding is None:
            notes.add(head, "outstanding", "paid_part_unknown")
        amount = max(0, total - outstanding) if outstanding is not None else 0
    elif status == "authorized":
        kind = "authorized"
    elif status not in PAID:
        return []
    elif status == "paid" and outstanding and outstanding > 0:
        notes.add(head, "outstanding", "paid_yet_outstanding", head.says("outstanding"))
    if not amount:
        return []
    reference = next((key for key in ("payment_references", "payment_id") if head.says(key)), "payment_id")
    return [
        Tender(
            kind="paid" if kind == "paid" else "authorized",
            amount_minor=amount,
            method=_text(head, "payment_method", 200, notes),
            reference=_text(head, reference, 200, notes, is_code=True),
            paid_at=paid_at,
        )
    ]
