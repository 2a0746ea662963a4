"""units: grams in ounces, millimeters in inches, minor units as EasyPost spells money; exact, then rounded once. Pure.

Of a parcel EasyPost keeps one decimal place: rounded up, for a carrier that weighs more than was told bills the
difference. Of a line of the declaration it keeps three and cuts the rest off: rounded down, for the lines together may
not weigh more than the parcel.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_DOWN, Decimal

from doorstep.plug import to_decimal

GRAMS_PER_OUNCE = Decimal("28.349523125")
MM_PER_INCH = Decimal("25.4")
ONE_PLACE, THREE_PLACES = Decimal("0.1"), Decimal("0.001")


def parcel_ounces(grams: int) -> float:
    return float((grams / GRAMS_PER_OUNCE).quantize(ONE_PLACE, ROUND_CEILING))


def line_ounces(grams: int) -> float:
    return float(max(THREE_PLACES, (grams / GRAMS_PER_OUNCE).quantize(THREE_PLACES, ROUND_DOWN)))


def inches(millimeters: int) -> float:
    return float((millimeters / MM_PER_INCH).quantize(ONE_PLACE, ROUND_CEILING))


def amount(minor: int, currency: str) -> str:
    """As EasyPost spells money: a decimal in a string."""
    return format(to_decimal(minor, currency), "f")
