"""shopify_lines: the lines of one order of a Shopify export, as they are read and as they are placed."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

import msgspec

from doorstep.journey.intake.files import cells
from doorstep.journey.intake.files.shopify_amounts import Said, SaidLine, Settled
from doorstep.journey.intake.files.shopify_rows import Notes, OrderRow, amount_of
from doorstep.journey.intake.new_order import NewLine
from doorstep.kit import money

LARGEST_QUANTITY = 1_000_000
MOST_LINES = 2000
TIPS = frozenset({"tip", "tips", "gratuity", "trinkgeld", "pourboire", "propina", "mancia", "napiwek", "fooi"})


class FileLine(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says of a line beyond what is placed; beside `order.lines`, in the same order."""

    file: str
    line: int
    sku: str
    title: str
    quantity: str
    fulfillment_status: str = ""
    vendor: str = ""


class TakenLine(msgspec.Struct, frozen=True):
    """A line as read, before its amounts are settled; `quantity` 0 is left out."""

    row: OrderRow
    said: SaidLine | None
    ships: bool = False


def take_line(row: OrderRow, currency: str, notes: Notes) -> TakenLine:
    ships = cells.yes(row.says("requires_shipping"), default=True)
    quantity, whole_price_of = _quantity(row, notes)
    if not quantity:
        return TakenLine(row, None)
    price = _price(row, notes)
    if price is not None and price < 0:
        notes.add(row, "price", "price_negative", row.says("price"))
        return TakenLine(row, None)
    if price is not None and whole_price_of is not None:
        price = _six_places(price * whole_price_of)
    if price is not None and price * quantity > money.to_decimal(money.LARGEST_MINOR // MOST_LINES, currency):
        notes.add(row, "price", "price_too_large", row.says("price"))
        return TakenLine(row, None)
    if ships and not row.says("sku"):
        notes.add(row, "sku", "no_sku", row.says("title"))
    discount = abs(amount_of(row, "line_discount", currency, notes, may_be_negative=True) or 0)
    tip = not row.says("sku") and row.says("title").casefold() in TIPS
    return TakenLine(row, SaidLine(quantity=quantity, unit_price=price, discount_minor=discount, tip=tip), ships)


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


def new_lines(kept: Sequence[TakenLine], said: Said, settled: Settled) -> list[NewLine]:
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


def file_line(row: OrderRow) -> FileLine:
    return FileLine(
        file=row.row.file,
        line=row.row.line,
        sku=cells.code(row.says("sku")),
        title=cells.plain(row.says("title")),
        quantity=row.says("quantity"),
        fulfillment_status=row.says("line_status").casefold(),
        vendor=row.says("vendor"),
    )
