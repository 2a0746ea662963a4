"""cardfile: the simulated carrier's own price list."""

from __future__ import annotations

from decimal import Decimal

from doorstep.plug.ratecard import SAME_COUNTRY, Break, RateCard, Service, Surcharge, Tariff, Zone

_NORTH_AMERICA = ("US", "CA", "MX", "PR")
_EUROPEAN = """AD AL AT BA BE BG CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IS IT LI LT LU LV MC MD ME MK MT NL
NO PL PT RO RS SE SI SK SM UA XK"""
_EUROPE = tuple(_EUROPEAN.split())
_UPTO = (250, 500, 1000, 2000, 5000, 10000, 20000, 30000)


def _tariff(zone: str, days: int, prices: tuple[int, ...]) -> Tariff:
    breaks = tuple(Break(up_to_g=up_to_g, amount_minor=price) for up_to_g, price in zip(_UPTO, prices, strict=True))
    return Tariff(zone=zone, days=days, breaks=breaks)


_FUEL = Surcharge(code="fuel", percent=Decimal("7.5"))
_COD = Surcharge(code="cod", on="cod", amount_minor=250, percent=Decimal(1))
_INSURANCE = Surcharge(code="insurance", on="insured", percent=Decimal(2))
_LONG = Surcharge(code="oversize", on="oversize", amount_minor=1500, longest_over_mm=1200)

CARD = RateCard(
    currency="USD",
    prefix="SM",
    zones=(
        Zone(name="home", countries=(SAME_COUNTRY,)),
        Zone(name="north_america", countries=_NORTH_AMERICA),
        Zone(name="europe", countries=_EUROPE),
        Zone(name="world", countries=("*",)),
    ),
    services=(
        Service(
            code="economy",
            name="Economy",
            takes=("battery", "liquid", "po_box"),
            volumetric_divisor=8000,
            max_weight_g=20000,
            max_length_mm=1500,
            surcharges=(_INSURANCE, _LONG),
            tariffs=(
                _tariff("home", 5, (390, 450, 590, 790, 1190, 1690, 2590, 3490)),
                _tariff("north_america", 8, (590, 690, 890, 1290, 2190, 3690, 6490, 9900)),
                _tariff("europe", 12, (690, 890, 1290, 1890, 3290, 5490, 9900, 14900)),
                _tariff("world", 18, (790, 1090, 1590, 2390, 4290, 7490, 13900, 20900)),
            ),
        ),
        Service(
            code="standard",
            name="Standard",
            takes=("battery", "liquid", "flammable"),
            volumetric_divisor=5000,
            max_weight_g=30000,
            max_length_mm=1750,
            max_girth_mm=3600,
            cash_on_delivery=True,
            surcharges=(_FUEL, _COD, _INSURANCE, _LONG),
            tariffs=(
                _tariff("home", 2, (590, 690, 890, 1190, 1790, 2590, 3990, 5390)),
                _tariff("north_america", 5, (990, 1190, 1590, 2190, 3590, 5690, 9900, 13900)),
                _tariff("europe", 7, (1190, 1490, 1990, 2890, 4990, 7990, 13900, 19900)),
                _tariff("world", 10, (1490, 1890, 2590, 3890, 6890, 11900, 20900, 29900)),
            ),
        ),
        Service(
            code="express",
            name="Express",
            volumetric_divisor=5000,
            max_weight_g=30000,
            max_length_mm=1200,
            max_girth_mm=3000,
            surcharges=(_FUEL, _INSURANCE),
            tariffs=(
                _tariff("home", 1, (1990, 2290, 2790, 3490, 4990, 7490, 11900, 15900)),
                _tariff("north_america", 2, (2990, 3390, 4190, 5490, 8900, 13900, 22900, 31900)),
                _tariff("europe", 3, (3490, 3990, 4890, 6490, 10900, 17900, 29900, 41900)),
                _tariff("world", 4, (3990, 4690, 5890, 7990, 13900, 22900, 38900, 54900)),
            ),
        ),
    ),
)
