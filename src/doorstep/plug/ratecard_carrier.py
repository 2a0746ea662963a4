"""ratecard_carrier: a carrier known only by its price list: priced, labeled and numbered here, followed by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from hashlib import sha256

from doorstep.kit import clock
from doorstep.plug.carrier import Ability, CarrierRefused, Label, Rate, Shipment, TrackEvent, must_be_able_to_take
from doorstep.plug.numbers import s10
from doorstep.plug.ratecard import RateCard, Service
from doorstep.plug.ratecard_prices import insures, price, refuse_unless_measurable


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


# Tracking numbers: the shape of UPU S10 (letters, serial, check digit, country) with a serial of 16 digits in
# place of 8, because ours come from a hash: that two of ten million are alike has a chance of 1 in 200.
_SERIAL_DIGITS = 16


def tracking_number(prefix: str, seed: str, country: str) -> str:
    hashed = int.from_bytes(sha256(seed.encode()).digest(), "big")
    serial = str(hashed % 10**_SERIAL_DIGITS).zfill(_SERIAL_DIGITS)
    return f"{prefix}{serial}{s10(serial)}{country}"


def is_tracking_number(number: str) -> bool:
    serial, check, country = number[-19:-3], number[-3:-2], number[-2:]
    if len(serial) != _SERIAL_DIGITS or not (serial + check).isascii() or not (serial + check).isdigit():
        return False
    return country.isalpha() and int(check) == s10(serial)
