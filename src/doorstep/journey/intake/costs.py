"""costs: what a new order costs, by the one rule of order money; a price that is none is refused."""

from __future__ import annotations

from doorstep.journey.intake.new_order import NewOrder
from doorstep.kit.money import UNIT_PRICE_PLACES, digits
from doorstep.kit.refusals import Invalid
from doorstep.spine.amounts import Amounts, Priced, amounts


def order_amounts(new: NewOrder) -> Amounts:
    """The amounts block of a new order; refuses unit prices that are no prices."""
    digits(new.currency)
    for index, line in enumerate(new.lines):
        exponent = line.unit_price.as_tuple().exponent
        exact = line.unit_price.is_finite() and isinstance(exponent, int) and -exponent <= UNIT_PRICE_PLACES
        if not exact or not 0 <= line.unit_price <= 10**9:
            detail = f"must be a decimal from 0 to 1,000,000,000 with at most {UNIT_PRICE_PLACES} places"
            raise Invalid(fields=[{"pointer": f"/lines/{index}/unit_price", "detail": detail}])
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
