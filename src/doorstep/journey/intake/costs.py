"""costs: what a new order costs, by the one rule of order money; a price that is none is refused."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache

from doorstep.journey.intake.new_order import NewOrder
from doorstep.journey.intake.told import CorrectedLine
from doorstep.kit.money import UNIT_PRICE_PLACES, digits, line_total
from doorstep.kit.refusals import Invalid
from doorstep.spine.amounts import Amounts, Priced, amounts

HIGHEST_PRICE = 10**9


def order_amounts(new: NewOrder) -> Amounts:
    """The amounts block of a new order; refuses unit prices that are no prices."""
    digits(new.currency)
    _must_be_prices([line.unit_price for line in new.lines], lowest=0)
    priced = [Priced(line.quantity, line.unit_price, line.discount_minor, line.tax_minor) for line in new.lines]
    return amounts(
        priced,
        new.currency,
        discount_minor=new.discount_minor,
        shipping_minor=new.shipping_minor,
        fees_minor=sum(fee.amount_minor for fee in new.fees),
        tax_minor=new.tax_minor,
        tax_included=new.tax_included,
    )


def corrected_totals(lines: Sequence[CorrectedLine], currency: str) -> list[int]:
    """Each line's own, signed as it was told; refuses unit prices that are no prices."""
    digits(currency)
    _must_be_prices([line.unit_price for line in lines], lowest=-HIGHEST_PRICE)
    return [line_total(line.unit_price, line.quantity, currency) for line in lines]


def _must_be_prices(prices: Sequence[Decimal], lowest: int) -> None:
    for index, price in enumerate(prices):
        if not _is_price(str(price), lowest):
            detail = f"must be a decimal from {lowest:,} to {HIGHEST_PRICE:,} with at most {UNIT_PRICE_PLACES} places"
            raise Invalid(fields=[{"pointer": f"/lines/{index}/unit_price", "detail": detail}])


@lru_cache(maxsize=16384)
def _is_price(spelled: str, lowest: int) -> bool:
    """By how it is spelled: 1 and 1.0000000 are equal, but the second has too many places."""
    price = Decimal(spelled)
    exponent = price.as_tuple().exponent
    exact = price.is_finite() and isinstance(exponent, int) and -exponent <= UNIT_PRICE_PLACES
    return exact and lowest <= price <= HIGHEST_PRICE
