"""ratecard: a carrier known only by its price list: priced, labeled and numbered here, followed by hand.

What has a day on which it begins waits until then: a card, a tariff, a surcharge, a fuel percentage.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from hashlib import sha256
from typing import Literal

from babel.core import get_global
from msgspec import Struct

from doorstep.kit import clock
from doorstep.plug.carrier import (
    Ability,
    CarrierRefused,
    Label,
    Parcel,
    Rate,
    Shipment,
    TrackEvent,
    must_be_able_to_take,
)

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


class RateCardCarrier:
    """Keeps nothing: the number follows from the key, so the same key is always the same label."""

    def __init__(self, code: str, card: RateCard, today: Callable[[], date] = lambda: clock.now().date()) -> None:
        self.code = code
        self.card = card
        able: set[Ability] = {"rates", "buy", "void", "return_label"}
        self.can: frozenset[Ability] = frozenset(able | ({"insurance"} if any(map(insures, card.services)) else set()))
        self._today = today

    async def rates(self, shipment: Shipment) -> list[Rate]:
        self._refuse_unless_able(shipment)
        on = self._today()
        priced = (price(self.code, self.card, service, shipment, on) for service in self._services(shipment))
        found = [rate for rate in priced if isinstance(rate, Rate)]
        return sorted(found, key=lambda rate: (rate.amount_minor, rate.service))

    async def buy(self, shipment: Shipment, key: str) -> Label:
        self._refuse_unless_able(shipment)
        services = [service for service in self._services(shipment) if service.code == shipment.service]
        if not services:
            raise CarrierRefused(carrier=self.code, reason="unknown_service", service=shipment.service)
        rate = price(self.code, self.card, services[0], shipment, self._today())
        if not isinstance(rate, Rate):
            raise CarrierRefused(carrier=self.code, reason=rate, service=shipment.service)
        if untaken := [word for word in shipment.contains if word not in rate.takes]:
            raise CarrierRefused(carrier=self.code, reason="goods_not_taken", detail=", ".join(untaken))
        number = tracking_number(self.card.prefix, f"{self.code}|{key}", shipment.ship_from.country)
        return Label(
            carrier=self.code,
            service=rate.service,
            tracking_number=number,
            label_ref=number,
            cost_minor=rate.amount_minor,
            currency=rate.currency,
        )

    async def void(self, label_ref: str, key: str) -> None:
        """Nobody else knows of the label: not handing the parcel over is all there is to it."""
        if not is_tracking_number(label_ref):
            raise CarrierRefused(carrier=self.code, reason="unknown_label", label_ref=label_ref)

    async def track(self, tracking_number: str) -> list[TrackEvent]:
        """This carrier reports nothing; its events are entered by hand."""
        raise CarrierRefused(carrier=self.code, reason="unsupported", detail="track")

    def _refuse_unless_able(self, shipment: Shipment) -> None:
        refuse_unless_measurable(shipment)
        must_be_able_to_take(self, shipment)
        if shipment.insured_minor and shipment.currency not in ("", self.card.currency):
            detail = f"this card insures in {self.card.currency}"
            raise CarrierRefused(carrier=self.code, reason="insurance_currency", detail=detail)

    def _services(self, shipment: Shipment) -> list[Service]:
        home = shipment.ship_to if shipment.is_return else shipment.ship_from
        if self.card.origin_countries and home.country not in self.card.origin_countries:
            return []
        return [one for one in self.card.services if shipment.service in ("", one.code)]


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


def refuse_unless_measurable(shipment: Shipment) -> None:
    if not shipment.parcels or any(parcel.weight_g <= 0 for parcel in shipment.parcels):
        raise CarrierRefused(reason="weight_missing")


def price(carrier: str, card: RateCard, service: Service, shipment: Shipment, on: date = date.min) -> Rate | str:
    """The rate on that day (without one, by what has no days), or one word for why this service does not take it."""
    if not _begun(card.begins, on) or (card.ends and card.ends < on):
        return "not_in_force"
    tariffs = in_force(service, on)
    zone = zone_of(card, tariffs, shipment)
    tariff = next((one for one in tariffs if zone and one.zone == zone.name), None)
    if tariff is None:
        return "country_not_served"
    if shipment.cod_minor and not service.cash_on_delivery:
        return "cod_not_offered"
    if shipment.cod_minor and shipment.currency and shipment.currency != card.currency:
        return "cod_currency"
    if shipment.insured_minor and not insures(service):
        return "insurance_not_offered"
    if shipment.insured_minor and shipment.currency and shipment.currency != card.currency:
        return "insurance_currency"
    if unfit := next((word for parcel in shipment.parcels if (word := misfit(service, parcel))), ""):
        return unfit
    bases = [base_price(service, tariff, parcel) for parcel in shipment.parcels]
    if None in bases:
        return "too_heavy"
    listed_minor = sum(base for base in bases if base is not None)
    base_minor = sum(max(base, service.minimum_minor) for base in bases if base is not None)
    extras = _extras(service, shipment, base_minor, on)
    if base_minor > listed_minor:
        extras.insert(0, ("minimum", base_minor - listed_minor))
    why = [f"zone {tariff.zone}", *(_weight_line(service, parcel) for parcel in shipment.parcels)]
    why += [f"base {listed_minor}", *(f"{code} {amount}" for code, amount in extras)]
    return Rate(
        carrier=carrier,
        service=service.code,
        amount_minor=listed_minor + sum(amount for _, amount in extras),
        currency=card.currency,
        days=tariff.days,
        why=tuple(why),
        takes=service.takes,
    )


def insures(service: Service) -> bool:
    """A list says what insuring costs, be it nothing; one that says nothing of it insures nothing."""
    return any(extra.on == "insured" for extra in service.surcharges)


def in_force(service: Service, on: date) -> list[Tariff]:
    """Of each zone the tariff that began last."""
    found: dict[str, Tariff] = {}
    for tariff in sorted(service.tariffs, key=lambda one: one.begins or date.min):
        if _begun(tariff.begins, on):
            found[tariff.zone] = tariff
    return list(found.values())


def _begun(begins: date | None, on: date) -> bool:
    return begins is None or begins <= on


def zone_of(card: RateCard, tariffs: Iterable[Tariff], shipment: Shipment) -> Zone | None:
    """The closest of the zones that there is a tariff for; the way back costs what the way there does."""
    served = {tariff.zone for tariff in tariffs}
    zones = [zone for zone in card.zones if zone.name in served]
    away = shipment.ship_from if shipment.is_return else shipment.ship_to
    area = away.country + away.postal_code.replace(" ", "").upper()
    fitting = [
        (len(prefix), zone) for zone in zones for postal in zone.postal if area.startswith(prefix := _joined(postal))
    ]
    if fitting:
        return max(fitting, key=lambda one: one[0])[1]
    home = () if shipment.crosses_border else (SAME_COUNTRY,)
    for wanted in (*home, away.country, REST_OF_WORLD):
        for zone in zones:
            if wanted in zone.countries:
                return zone
    return None


def _joined(postal: str) -> str:
    """ "GB IV" as a postcode begins behind its country."""
    return postal.replace(" ", "").replace(":", "").upper()


def chargeable_g(service: Service, parcel: Parcel) -> int:
    """The dearer of what it weighs and what room it takes (mm³ / (cm³ per kg) is grams), in the steps of the list."""
    weight_g = parcel.weight_g
    if service.volumetric_divisor:
        volume_mm3 = parcel.length_mm * parcel.width_mm * parcel.height_mm
        weight_g = max(weight_g, -(-volume_mm3 // service.volumetric_divisor))
    return -(-weight_g // service.round_up_to_g) * service.round_up_to_g


def base_price(service: Service, tariff: Tariff, parcel: Parcel) -> int | None:
    """None when the list ends below this weight."""
    weight_g = chargeable_g(service, parcel)
    breaks = sorted(tariff.breaks, key=lambda one: one.up_to_g)
    for one in breaks:
        if weight_g <= one.up_to_g:
            return one.amount_minor
    if tariff.per_extra_kg_minor is None or not breaks:
        return None
    extra_kg = -(-(weight_g - breaks[-1].up_to_g) // 1000)
    return breaks[-1].amount_minor + extra_kg * tariff.per_extra_kg_minor


def misfit(service: Service, parcel: Parcel) -> str:
    longest, *others = sorted((parcel.length_mm, parcel.width_mm, parcel.height_mm), reverse=True)
    if service.max_weight_g is not None and parcel.weight_g > service.max_weight_g:
        return "too_heavy"
    if service.max_length_mm is not None and longest > service.max_length_mm:
        return "too_long"
    if service.max_girth_mm is not None and longest + 2 * sum(others) > service.max_girth_mm:
        return "too_big"
    return ""


def longest_mm(parcel: Parcel) -> int:
    return max(parcel.length_mm, parcel.width_mm, parcel.height_mm)


def surcharges(service: Service, shipment: Shipment, base_minor: int, on: date = date.min) -> list[tuple[str, int]]:
    found = []
    for extra in service.surcharges:
        times = _times(extra, shipment)
        if times and _begun(extra.begins, on) and (extra.ends is None or on <= extra.ends):
            share = _share(extra.percent, _percent_base(extra, shipment, base_minor))
            found.append((extra.code, extra.amount_minor * times + share))
    return found


def _extras(service: Service, shipment: Shipment, base_minor: int, on: date) -> list[tuple[str, int]]:
    """Surcharges, then the fuel of that day on the base price and on those that are named."""
    found = surcharges(service, shipment, base_minor, on)
    begun = [fuel for fuel in service.fuel if fuel.begins <= on]
    if begun:
        fuel = max(begun, key=lambda one: one.begins)
        fueled_minor = base_minor + sum(amount for code, amount in found if code in service.fuel_on)
        found.append((f"fuel {fuel.percent} %", _share(fuel.percent, fueled_minor)))
    return found


def _share(percent: Decimal, of_minor: int) -> int:
    return int((percent / 100 * of_minor).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _times(extra: Surcharge, shipment: Shipment) -> int:
    """How many times the amount is due: per parcel, or once for what concerns the whole."""
    if extra.on == "oversize":
        return sum(longest_mm(parcel) > extra.longest_over_mm for parcel in shipment.parcels)
    if extra.on == "always":
        return len(shipment.parcels)
    far = shipment.ship_from if shipment.is_return else shipment.ship_to
    postal_code = far.postal_code.replace(" ", "").upper()
    applies = {
        "cod": shipment.cod_minor > 0,
        "insured": shipment.insured_minor > 0,
        "signature": shipment.signature,
        "border": shipment.crosses_border,
        "remote": far.country == extra.country and postal_code.startswith(extra.postal_prefixes),
    }
    return int(applies[extra.on])


def _percent_base(extra: Surcharge, shipment: Shipment, base_minor: int) -> int:
    return {"cod": shipment.cod_minor, "insured": shipment.insured_minor}.get(extra.on, base_minor)


def _weight_line(service: Service, parcel: Parcel) -> str:
    charged_g = chargeable_g(service, parcel)
    by_volume = charged_g - service.round_up_to_g >= parcel.weight_g
    rounded = ", rounded up" if service.round_up_to_g > 1 else ""
    return f"{charged_g} g {'by volume' if by_volume else 'on the scales'}{rounded}"


# Tracking numbers: the shape of UPU S10 (letters, serial, check digit, country) with a serial of 16 digits in
# place of 8, because ours come from a hash: that two of ten million are alike has a chance of 1 in 200.
_S10_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)
_SERIAL_DIGITS = 16


def tracking_number(prefix: str, seed: str, country: str) -> str:
    hashed = int.from_bytes(sha256(seed.encode()).digest(), "big")
    serial = str(hashed % 10**_SERIAL_DIGITS).zfill(_SERIAL_DIGITS)
    return f"{prefix}{serial}{s10_check_digit(serial)}{country}"


def is_tracking_number(number: str) -> bool:
    serial, check, country = number[-19:-3], number[-3:-2], number[-2:]
    if len(serial) != _SERIAL_DIGITS or not (serial + check).isascii() or not (serial + check).isdigit():
        return False
    return country.isalpha() and int(check) == s10_check_digit(serial)


def s10_check_digit(serial: str) -> int:
    """UPU S10: weights 8 6 4 2 3 5 9 7 (over again for longer serials), modulus 11, 10 → 0 and 11 → 5."""
    weighted = sum(int(digit) * _S10_WEIGHTS[place % 8] for place, digit in enumerate(serial))
    return {10: 0, 11: 5}.get(11 - weighted % 11, 11 - weighted % 11)
