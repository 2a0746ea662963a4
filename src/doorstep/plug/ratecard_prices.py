"""ratecard_prices: what a price list comes to for a parcel, on a day; or the word for why it does not take it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from doorstep.plug.carrier import CarrierRefused, Parcel, Rate, Shipment
from doorstep.plug.ratecard import REST_OF_WORLD, SAME_COUNTRY, RateCard, Service, Surcharge, Tariff, Zone


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
