"""carrier: the simulated carrier: sells labels, takes parcels, tells of them late, twice and in a muddle."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any, Literal

from msgspec import Struct, structs

from doorstep.plug.carrier import Label, Manifest, Pickup, PickupAsked, Rate, Shipment
from doorstep.plug.ratecard_carrier import tracking_number
from doorstep.plug.ratecard_prices import price, refuse_unless_measurable
from doorstep.plug.simcarrier import CODES, Histories, History, Rates, Told
from doorstep.plug.simulator.answer import Wrong, read_as
from doorstep.plug.simulator.cardfile import CARD
from doorstep.plug.simulator.labelpdf import has_letters, label_pdf
from doorstep.plug.simulator.routes import FATES, Stop, Trip, fate_of, route

NAME = "simulated"
# Its lockers have a number each.
POINT = re.compile(r"SIM-[1-9][0-9]{0,3}")


class Accepting(Struct, frozen=True):
    """When parcels start to move: by themselves hours after the label, or only once on a manifest."""

    when: Literal["auto", "manifest"] = "auto"


class Sold(Struct):
    """A label and the parcel it is on."""

    label: Label
    shipment: Shipment
    bought_at: datetime
    accepted_at: datetime | None
    fate: str
    voided_at: datetime | None = None
    stops: list[Stop] = []
    sent: set[tuple[datetime, str]] = set()  # which of its events were sent to whoever listens


class LabelRefs(Struct, frozen=True):
    label_refs: list[str]


class Numbers(Struct, frozen=True):
    numbers: list[str]


class SimulatedCarrier:
    def __init__(self, seed: int, accepting: Accepting, disorder: float) -> None:
        self._seed, self._accepting, self._disorder = seed, accepting, disorder
        self._sold: dict[str, Sold] = {}
        self._by_number: dict[str, Sold] = {}
        self._manifests: dict[str, Manifest] = {}
        self._pickups: dict[str, Pickup] = {}  # those that nobody canceled
        self._canceled: set[str] = set()
        self.weights: dict[str, float] = dict(FATES)

    # What can be asked

    def rates(self, body: Any) -> Rates:
        shipment = read_as(Shipment, body)
        refuse_unless_measurable(shipment)
        priced = [price(NAME, CARD, service, shipment) for service in CARD.services]
        found = [rate for rate in priced if isinstance(rate, Rate) and shipment.service in ("", rate.service)]
        return Rates(sorted(found, key=lambda rate: rate.amount_minor))

    def buy(self, body: Any, key: str, now: datetime) -> Label:
        shipment = read_as(Shipment, body)
        rate = _price_of(shipment)
        _refuse_incomplete(shipment)
        label = self._label(shipment, rate, key)
        sold = Sold(label, shipment, now, None, "smooth")
        abroad = shipment.crosses_border
        sold.fate = fate_of(self._seed, label.tracking_number, self.weights, abroad)
        if self._accepting.when == "auto" or shipment.is_return:  # a buyer brings it without any manifest
            sold.accepted_at = now + timedelta(hours=self._chance(label).uniform(2, 10))
        self._plan(sold)
        self._sold[label.label_ref] = sold
        self._by_number.update((number, sold) for number in label.numbers)
        return label

    def void(self, label_ref: str, now: datetime) -> dict[str, Any]:
        sold = self._sold.get(label_ref)
        if sold is None:
            raise Wrong(404, "unknown_label", label_ref)
        if sold.voided_at is None:
            if sold.accepted_at is not None and sold.accepted_at <= now:
                raise Wrong(409, "already_moving", label_ref)
            sold.voided_at = now
        return {}

    def manifest(self, body: Any, key: str, now: datetime) -> Manifest:
        refs = read_as(LabelRefs, body).label_refs
        unknown = [ref for ref in refs if ref not in self._sold]
        voided = [ref for ref in refs if ref in self._sold and self._sold[ref].voided_at]
        if unknown or voided or not refs:
            raise Wrong(422, "unknown_label" if unknown else "voided_label", ", ".join(unknown or voided))
        for sold in map(self._sold.__getitem__, refs):
            soon = now + timedelta(hours=self._chance(sold.label).uniform(0.3, 2))
            if sold.accepted_at is None or sold.accepted_at > soon:
                sold.accepted_at = soon
                self._plan(sold)
        manifest = Manifest(manifest_ref=f"mnf_{_short(key)}", label_refs=tuple(refs))
        self._manifests[manifest.manifest_ref] = manifest
        return manifest

    def pickup(self, body: Any, key: str, now: datetime) -> Pickup:
        asked = read_as(PickupAsked, body)
        unknown = [ref for ref in asked.label_refs if ref not in self._sold]
        if unknown:
            raise Wrong(422, "unknown_label", ", ".join(unknown))
        if asked.until <= max(asked.ready_at, now):
            raise Wrong(422, "bad_window", "the window must end after it begins, and not be over")
        booked = Pickup(
            pickup_ref=f"pck_{_short(key)}", ready_at=asked.ready_at, until=asked.until, cost_minor=0, currency="USD"
        )
        self._pickups[booked.pickup_ref] = booked
        return booked

    def cancel_pickup(self, pickup_ref: str, now: datetime) -> dict[str, Any]:
        booked = self._pickups.get(pickup_ref)
        if booked is None and pickup_ref not in self._canceled:
            raise Wrong(404, "unknown_pickup", pickup_ref)
        if booked and booked.until and booked.until <= now:
            raise Wrong(409, "already_fetched", pickup_ref)
        self._pickups.pop(pickup_ref, None)
        self._canceled.add(pickup_ref)
        return {}

    def track(self, number: str, now: datetime) -> History:
        sold = self._by_number.get(number)
        if sold is None:
            raise Wrong(404, "unknown_number", number)
        return History(self._told(sold, now))

    def track_many(self, body: Any, now: datetime) -> Histories:
        known = [number for number in read_as(Numbers, body).numbers if number in self._by_number]
        return Histories({number: self._told(self._by_number[number], now) for number in known})

    def unsent(self, now: datetime) -> list[tuple[str, Told]]:
        """What happened since this was asked last, of every parcel, by its number."""
        news = []
        for sold in self._sold.values():
            for stop in self._happened(sold, now):
                if (stop.at, stop.status) not in sold.sent:
                    sold.sent.add((stop.at, stop.status))
                    news.append((sold.label.tracking_number, Told(stop.status, stop.at, stop.place, stop.country)))
        return news

    # What only the one at the controls may do

    def decide_fate(self, number: str, fate: str) -> None:
        if number not in self._by_number or fate not in FATES:
            raise Wrong(422, "unknown_number" if number not in self._by_number else "unknown_fate")
        sold = self._by_number[number]
        sold.fate = fate
        self._plan(sold)

    def weigh_fates(self, weights: Mapping[str, float]) -> None:
        if set(weights) - set(FATES) or not any(weights.values()):
            raise Wrong(422, "unknown_fate", ", ".join(set(weights) - set(FATES)))
        self.weights = dict(weights)

    def books(self) -> list[dict[str, Any]]:
        """Every label that was paid for, and what went back for those that were given back."""
        return [
            {"number": sold.label.tracking_number, "cost_minor": sold.label.cost_minor,
             "currency": sold.label.currency, "reference": sold.shipment.reference,
             "back_minor": sold.label.cost_minor if sold.voided_at else 0}
            for sold in self._sold.values()
        ]  # fmt: skip

    def summary(self, now: datetime) -> dict[str, Any]:
        latest = [self._happened(sold, now)[-1] for sold in self._sold.values()]
        coming = (stop.at for sold in self._sold.values() if not sold.voided_at for stop in sold.stops)
        return {
            "labels": len(self._sold),
            "in_force": sum(sold.voided_at is None for sold in self._sold.values()),
            "manifests": len(self._manifests),
            "pickups": len(self._pickups),
            "by_state": dict(Counter(CODES[stop.status].state for stop in latest)),
            "by_fate": dict(Counter(sold.fate for sold in self._sold.values())),
            "next_event_at": min((at for at in coming if at > now), default=None),
        }

    # How it does it

    def _label(self, shipment: Shipment, rate: Rate, key: str) -> Label:
        origin, target = shipment.ship_from.country, shipment.ship_to.country
        number = tracking_number("SM", f"{self._seed}|{key}", origin)
        last = tracking_number("LM", f"{self._seed}|last|{key}", target) if origin != target else ""
        to = shipment.ship_to
        point = f"LOCKER {to.pickup_point}" if to.pickup_point else ""
        lines = [f"SIMULATED CARRIER {rate.service.upper()}", number, to.name, to.company, point, to.line1, to.line2]
        lines += [f"{to.postal_code} {to.city} {to.region}".strip(), to.country, shipment.reference]
        return Label(
            carrier=NAME,
            service=rate.service,
            tracking_number=number,
            label_ref=f"lbl_{_short(key)}",
            cost_minor=rate.amount_minor,
            currency=rate.currency,
            # What its font cannot write is left to us, as by carriers that send no label.
            pdf=label_pdf(line for line in lines if line) if has_letters(lines) else None,
            first_mile_number=number if last else "",
            last_mile_number=last,
        )

    def _plan(self, sold: Sold) -> None:
        home, away = sold.shipment.ship_from, sold.shipment.ship_to
        trip = Trip(
            number=sold.label.tracking_number,
            origin_place=home.city,
            origin_country=home.country,
            place=away.city,
            country=away.country,
            labeled_at=sold.bought_at,
            accepted_at=sold.accepted_at or sold.bought_at,
            days=_price_of(sold.shipment).days or 5,
        )
        fate = "delayed" if sold.fate in ("customs_hold", "seized") and not trip.abroad else sold.fate
        stops = route(self._seed, trip, fate)
        sold.stops = stops if sold.accepted_at else stops[:1]

    def _happened(self, sold: Sold, now: datetime) -> list[Stop]:
        if sold.voided_at:
            made = sold.stops[0]
            return [made, structs.replace(made, at=sold.voided_at, status="3", reported_at=sold.voided_at)]
        return [stop for stop in sold.stops if stop.reported_at <= now] or sold.stops[:1]

    def _told(self, sold: Sold, now: datetime) -> list[Told]:
        events = [Told(stop.status, stop.at, stop.place, stop.country) for stop in self._happened(sold, now)]
        muddle = Random(f"{self._seed}|told|{sold.label.tracking_number}|{len(events)}")
        if muddle.random() < self._disorder:
            events.append(muddle.choice(events))
        if muddle.random() < self._disorder:
            muddle.shuffle(events)
        return events

    def _chance(self, label: Label) -> Random:
        return Random(f"{self._seed}|accept|{label.tracking_number}")


def _price_of(shipment: Shipment) -> Rate:
    refuse_unless_measurable(shipment)
    service = next((one for one in CARD.services if one.code == shipment.service), None)
    if service is None:
        raise Wrong(422, "unknown_service", shipment.service)
    rate = price(NAME, CARD, service, shipment)
    if isinstance(rate, str):
        raise Wrong(422, rate)
    return rate


def _refuse_incomplete(shipment: Shipment) -> None:
    for side, address in (("ship_from", shipment.ship_from), ("ship_to", shipment.ship_to)):
        wanted = ("name", "city", "country") if address.pickup_point else ("name", "line1", "city", "country")
        missing = [name for name in wanted if not getattr(address, name).strip()]
        if missing or len(address.country) != 2:
            raise Wrong(422, "address_incomplete", f"{side}: {', '.join(missing) or 'country'}")
    point = shipment.ship_to.pickup_point
    if point and not POINT.fullmatch(point):
        raise Wrong(422, "unknown_pickup_point", point[:60])
    if shipment.crosses_border:
        _refuse_without_customs(shipment)


def _refuse_without_customs(shipment: Shipment) -> None:
    if not shipment.customs:
        raise Wrong(422, "customs_incomplete", "no customs items")
    for number, item in enumerate(shipment.customs, 1):
        wanting = [
            name
            for name, fine in (
                ("description", item.description.strip()),
                ("hs_code", len(item.hs_code.replace(".", "").replace(" ", "")) >= 6),
                ("origin_country", len(item.origin_country) == 2),
                ("quantity", item.quantity > 0),
                ("weight_g", item.weight_g > 0),
                ("value_minor", item.value_minor > 0),
            )
            if not fine
        ]
        if wanting:
            raise Wrong(422, "customs_incomplete", f"item {number}: {', '.join(wanting)}")


def _short(key: str) -> str:
    return sha256(key.encode()).hexdigest()[:20]
