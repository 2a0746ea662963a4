"""money: whole minor units and an ISO 4217 currency; rounded once, half-up; split without losing a cent."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal, DecimalException
from functools import lru_cache

from babel.core import Locale, get_global
from babel.numbers import NumberPattern, parse_pattern

from doorstep.kit.refusals import Refusal

UNIT_PRICE_PLACES = 6
LARGEST_MINOR = 10**15  # far above any order, far below where a bigint sum could overflow

# ISO 4217's minor units where they are not 2. CLDR's table follows habits instead: it has none for RSD, IQD, MMK …
_DIGITS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF BYR ESP ITL LUF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
DIGITS = {currency: places for places, currencies in _DIGITS.items() for currency in currencies.split()}
# Codes of ISO 4217 that are no money: metals, units of account, tests.
NOT_CURRENCIES = frozenset({
    "XAG", "XAU", "XBA", "XBB", "XBC", "XBD", "XDR", "XEU", "XFO", "XFU", "XPD", "XPT", "XRE", "XSU", "XTS", "XUA",
    "XXX",
})  # fmt: skip
# Wide enough that no product of a price and a quantity is rounded before it is rounded once.
EXACT = Context(prec=60, rounding=ROUND_HALF_UP)


class NotMoney(Refusal):
    """This is not an amount of money in that currency."""

    status = 422


class UnknownCurrency(Refusal):
    """This is not an ISO 4217 currency."""

    status = 422


@lru_cache(maxsize=512)
def digits(currency: str) -> int:
    """Decimal places of the currency's minor unit: USD 2, JPY 0, KWD 3. Those of old orders (HRK) are known too."""
    if currency not in get_global("all_currencies") or currency in NOT_CURRENCIES:
        raise UnknownCurrency(currency=currency)
    return DIGITS.get(currency, 2)


def to_minor(amount: str | Decimal, currency: str) -> int:
    """Whole minor units of a decimal amount, rounded half-up."""
    places = digits(currency)
    try:
        return _half_up(EXACT.scaleb(Decimal(amount), places))
    except DecimalException:
        raise NotMoney(amount=str(amount)[:60], currency=currency) from None


def to_decimal(amount_minor: int, currency: str) -> Decimal:
    return EXACT.scaleb(Decimal(amount_minor), -digits(currency))


@lru_cache(maxsize=16384)  # a shop sells many of the same at the same price
def line_total(unit_price: Decimal, quantity: int, currency: str) -> int:
    """Minor units of a line: the exact product, rounded once, half-up (away from zero)."""
    return _half_up(EXACT.scaleb(EXACT.multiply(unit_price, Decimal(quantity)), digits(currency)))


def allocate(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """Split an amount by weights (>= 0) so that the parts add up to it; the largest remainders get the odd cents.

    With all weights zero the amount is split evenly.
    """
    if not weights:
        return []
    assert min(weights) >= 0, "a weight below zero would give away more than there is"
    if not amount_minor:
        return [0] * len(weights)
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
    pattern = _pattern(locale, digits(currency))
    written: str = pattern.apply(to_decimal(amount_minor, currency), locale, currency=currency, currency_digits=False)
    return written


@lru_cache(maxsize=512)
def _pattern(locale: str, places: int) -> NumberPattern:
    pattern = parse_pattern(Locale.parse(locale).currency_formats["standard"].pattern)
    pattern.frac_prec = (places, places)
    return pattern


def _half_up(value: Decimal) -> int:
    """Refuses NotMoney: not a number, or more than any order is worth."""
    if not value.is_finite() or abs(value) > LARGEST_MINOR:
        raise NotMoney(amount=str(value)[:60])
    return int(value.quantize(Decimal(1), context=EXACT))
