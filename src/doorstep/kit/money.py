"""money: whole minor units and an ISO 4217 currency; rounded once, half-up; split without losing a cent."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

from babel.core import get_global
from babel.numbers import format_currency

from doorstep.kit.refusals import Refusal

UNIT_PRICE_PLACES = 6
LARGEST_MINOR = 10**15  # far above any order, far below where a bigint sum could overflow


class NotMoney(Refusal):
    """This is not an amount of money in that currency."""

    status = 422


class UnknownCurrency(Refusal):
    """This is not a current ISO 4217 currency."""

    status = 422


@lru_cache(maxsize=512)
def digits(currency: str) -> int:
    """Decimal places of the currency's minor unit: USD 2, JPY 0, KWD 3."""
    known = get_global("all_currencies")
    if currency not in known:
        raise UnknownCurrency(currency=currency)
    fractions = get_global("currency_fractions")
    # Babel's table follows CLDR's cash habits for a few; ISO 4217 gives these their minor units.
    iso = {"HUF": 2, "TWD": 2, "IDR": 2, "COP": 2, "CLP": 0, "ISK": 0, "UGX": 0, "UYI": 0}
    if currency in iso:
        return iso[currency]
    places: int = fractions.get(currency, fractions["DEFAULT"])[0]
    return places


def to_minor(amount: str | Decimal, currency: str) -> int:
    """Whole minor units of a decimal amount, rounded half-up."""
    try:
        value = Decimal(amount)
        if not value.is_finite():
            raise InvalidOperation
    except InvalidOperation:
        raise NotMoney(amount=str(amount), currency=currency) from None
    return _half_up(value.scaleb(digits(currency)))


def to_decimal(amount_minor: int, currency: str) -> Decimal:
    return Decimal(amount_minor).scaleb(-digits(currency))


def line_total(unit_price: Decimal, quantity: int, currency: str) -> int:
    """Minor units of a line: the exact product, rounded once, half-up (away from zero)."""
    return _half_up((unit_price * quantity).scaleb(digits(currency)))


def allocate(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """Split an amount by weights (>= 0) so that the parts add up to it; the largest remainders get the odd cents.

    With all weights zero the amount is split evenly.
    """
    if not weights:
        return []
    shares = list(weights) if any(weights) else [1] * len(weights)
    whole, sign = sum(shares), -1 if amount_minor < 0 else 1
    parts = [abs(amount_minor) * share // whole for share in shares]
    remainders = [abs(amount_minor) * share % whole for share in shares]
    odd = abs(amount_minor) - sum(parts)
    for index in sorted(range(len(shares)), key=lambda i: (-remainders[i], i))[:odd]:
        parts[index] += 1
    return [sign * part for part in parts]


def spell(amount_minor: int, currency: str, locale: str = "en_US") -> str:
    """The amount as people write it: $19.99."""
    return format_currency(to_decimal(amount_minor, currency), currency, locale=locale)


def _half_up(value: Decimal) -> int:
    whole = int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))
    if abs(whole) > LARGEST_MINOR:
        raise NotMoney(amount=str(value))
    return whole
