"""fitting: how well a column of a file fits a field of an order: by its name, and by what stands in it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from doorstep.journey.intake.files import column_words
from doorstep.journey.intake.files.column_words import match, words_of
from doorstep.journey.intake.files.columns_seen import NEARLY_ALL, Column

LEAST = 0.55  # a confidence below this is no proposal


def fit(name: str, column: Column) -> float:
    """From 0 to 1: the name's fit times the values'."""
    named = match(column.name, name)
    return named * VALUES[name](column) if named else 0.0


def as_key(column: Column) -> float:
    """An order's number stands in every row, is no date and no amount; in a file of lines it repeats."""
    if column.filled_share < 0.9 or column.dates.share > 0.5 or column.email_share > 0.5:
        return 0.0
    if column.number_share > NEARLY_ALL and column.whole_share < NEARLY_ALL:
        return 0.0
    named = match(column.name, "order.key")
    if named < LEAST:
        return 0.3 if not named and column.is_unique and "id" in words_of(column.name) else 0.0
    few = len(column.distinct) < 0.02 * len(column.filled)
    return named * 0.7 if few else named


def _amount(column: Column) -> float:
    if column.number_share < NEARLY_ALL or column.dates.share > 0.5:
        return 0.0
    return 1.0


def _positive(column: Column) -> float:
    return _amount(column) * (column.negative_share < 0.5)


def _quantity(column: Column) -> float:
    return 1.0 if column.number_share >= NEARLY_ALL and column.whole_share >= 0.9 else 0.0


def _date(column: Column) -> float:
    if not column.filled:
        return 0.0
    return column.dates.share if column.dates.share >= 0.9 else float(column.share(_is_day_count) >= NEARLY_ALL) * 0.8


def _is_day_count(text: str) -> bool:
    return text[:1] in "3456" and text.replace(".", "", 1).isdigit() and len(text.partition(".")[0]) == 5


def _text(column: Column) -> float:
    return 1.0 if column.filled and column.number_share < 0.5 and column.dates.share < 0.5 else 0.0


def _code(column: Column) -> float:
    if not column.filled or column.dates.share > 0.9:
        return 0.0
    is_amount = column.number_share > 0.9 and column.whole_share < 0.9
    return 0.0 if is_amount else 1.0 if len(column.distinct) > 1 else 0.9


def _country(column: Column) -> float:
    return 1.0 if column.country_share >= 0.5 else 0.0


def _currency(column: Column) -> float:
    return 1.0 if column.currency_share >= NEARLY_ALL else 0.0


def _email(column: Column) -> float:
    return 1.0 if column.email_share >= 0.8 else 0.0


def _few_words(column: Column) -> float:
    return 1.0 if _text(column) and len(column.distinct) <= 40 else 0.0


def _phone(column: Column) -> float:
    return 1.0 if column.digit_share > 0.8 and column.dates.share < 0.5 else 0.0


def _kilograms(column: Column) -> float:
    heavy = max((amount for amount in column.amounts if amount is not None), default=Decimal(0))
    return _positive(column) if heavy <= 200 else 0.0


VALUES: dict[str, Callable[[Column], float]] = {
    **dict.fromkeys(column_words.WORDS, _text),
    **{name: _date for name in column_words.WORDS if name.endswith(("_at", "_on", "_by"))},
    **{name: _positive for name in column_words.WORDS if name.endswith(("_g", "_mm", "_cm"))},
    **dict.fromkeys(("order.discount", "line.discount", "line.total", "line.unit_price", "order.refunded"), _amount),
    **dict.fromkeys(("order.shipping", "order.tax", "order.total", "line.shipping", "line.tax"), _positive),
    **dict.fromkeys(("order.customer", "order.number", "line.sku", "line.site", "line.external_id"), _code),
    **dict.fromkeys(("line.tracking_number", "payment.reference", "order.postcode", "order.pickup_point"), _code),
    **dict.fromkeys(("sku.barcode", "sku.hs_code"), _code),
    **dict.fromkeys(("line.number", "payment.number", "line.quantity"), _quantity),
    "order.insured": _positive,
    "order.key": as_key, "payment.amount": _amount, "order.country": _country, "sku.origin": _country,
    "order.currency": _currency, "order.email": _email, "order.status": _few_words, "order.phone": _phone,
    "order.channel": _few_words, "order.risk": _few_words, "sku.weight_kg": _kilograms,
}  # fmt: skip
