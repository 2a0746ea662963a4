"""ratecard: a carrier's price list as it is written down: zones, services, tariffs, and what adds to them.

What has a day on which it begins waits until then: a card, a tariff, a surcharge, a fuel percentage.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Literal

from babel.core import get_global
from msgspec import Struct

SAME_COUNTRY = "home"  # wherever the parcel starts
REST_OF_WORLD = "*"


class Zone(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What costs the same. `postal`: a country with the beginning of its postcodes, "GB IV"; the longest that fits
    comes first. Of `countries`, `home` is the country of origin and comes before any other, `*` is any and last."""

    name: str
    countries: tuple[str, ...] = ()
    postal: tuple[str, ...] = ()


class Break(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Up to this weight, this price."""

    up_to_g: int
    amount_minor: int


class Tariff(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one service costs into one zone, and how long it takes; of several for a zone the one that began last."""

    zone: str
    breaks: tuple[Break, ...]
    days: int | None = None
    per_extra_kg_minor: int | None = None  # beyond the last break, per begun kilogram; None = too heavy
    begins: date | None = None  # None = from the first day


class Surcharge(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An extra on parcels it applies to: an amount per parcel, a percentage of the base price, or both."""

    code: str
    on: Literal["always", "cod", "insured", "signature", "oversize", "remote", "border"] = "always"
    amount_minor: int = 0
    percent: Decimal = Decimal(0)  # of the base price; with `insured`: of the insured value, with `cod`: of the cash
    longest_over_mm: int = 0  # for oversize
    country: str = ""  # for remote
    postal_prefixes: tuple[str, ...] = ()  # for remote
    begins: date | None = None  # such as a peak season
    ends: date | None = None  # its last day


class Fuel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is added for fuel from that day until the next one of the list begins."""

    begins: date
    percent: Decimal


class Service(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: str
    tariffs: tuple[Tariff, ...]
    name: str = ""
    volumetric_divisor: int | None = None  # cm³ per kg, such as 5000; None = the scales alone count
    round_up_to_g: int = 1  # weights are charged in steps of so many grams
    minimum_minor: int = 0  # a parcel's base price is never less
    max_weight_g: int | None = None  # of one parcel
    max_length_mm: int | None = None
    max_girth_mm: int | None = None  # length + 2 × (width + height)
    surcharges: tuple[Surcharge, ...] = ()
    fuel: tuple[Fuel, ...] = ()
    fuel_on: tuple[str, ...] = ()  # the surcharges that fuel is added on too; on the base price it always is
    cash_on_delivery: bool = False
    takes: tuple[str, ...] = ()  # what not everybody takes: battery, liquid, flammable …, po_box


class RateCard(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    currency: str
    zones: tuple[Zone, ...]
    services: tuple[Service, ...]
    prefix: str = "DS"  # begins every tracking number
    origin_countries: tuple[str, ...] = ()  # where parcels are taken; empty = anywhere
    begins: date | None = None  # the first day of the whole card
    ends: date | None = None  # and the last


def problems(card: RateCard) -> list[str]:
    """What would make this card answer nonsense; empty = fine."""
    zones = {zone.name for zone in card.zones}
    found = [f"service {code} is there twice" for code, times in _codes(card).items() if times > 1]
    found += [f"zone {zone.name} is no place" for zone in card.zones if not zone.countries and not zone.postal]
    if card.currency not in get_global("all_currencies"):
        found.append(f"{card.currency} is no currency")
    if card.begins and card.ends and card.ends < card.begins:
        found.append("the card ends before it begins")
    for service in card.services:
        found += _problems_of(service)
        for tariff in service.tariffs:
            if tariff.zone not in zones:
                found.append(f"{service.code}: there is no zone {tariff.zone}")
            if not tariff.breaks or any(one.up_to_g <= 0 or one.amount_minor < 0 for one in tariff.breaks):
                found.append(f"{service.code} to {tariff.zone}: weight breaks are missing or below 0")
    return found


def _problems_of(service: Service) -> list[str]:
    found = []
    if service.volumetric_divisor is not None and service.volumetric_divisor <= 0:
        found.append(f"{service.code}: the volumetric divisor must be above 0")
    if service.round_up_to_g <= 0 or service.minimum_minor < 0:
        found.append(f"{service.code}: weights go up in steps above 0 g, and no minimum is below 0")
    if any(fuel.percent < 0 for fuel in service.fuel):
        found.append(f"{service.code}: fuel is not below 0 %")
    begun = Counter((tariff.zone, tariff.begins) for tariff in service.tariffs)
    for (zone, begins), times in begun.items():
        if times > 1:
            found.append(f"{service.code} to {zone} is there twice{f' from {begins}' if begins else ''}")
    if unknown := set(service.fuel_on) - {extra.code for extra in service.surcharges}:
        found.append(f"{service.code}: fuel is added on no surcharge {', '.join(sorted(unknown))}")
    return found


def _codes(card: RateCard) -> Counter[str]:
    return Counter(service.code for service in card.services)
