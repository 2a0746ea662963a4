"""routes: the way of one parcel, decided at its birth: stops, times, what goes wrong; same seed, same way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random

from msgspec import Struct

# How often each fate befalls a parcel, as weights. Those marked abroad need a border.
FATES: dict[str, float] = {
    "smooth": 76,
    "delayed": 6,
    "attempted": 6,
    "pickup": 3,
    "customs_hold": 3,  # abroad
    "refused": 1.5,
    "absent": 1.5,  # nobody there twice: back to the sender
    "unclaimed": 0.8,  # never fetched: back to the sender
    "lost": 1.2,
    "damaged": 0.8,
    "seized": 0.2,  # abroad
}
ABROAD = frozenset({"customs_hold", "seized"})


class Trip(Struct, frozen=True, kw_only=True):
    """What the way depends on."""

    number: str
    origin_place: str
    origin_country: str
    place: str
    country: str
    labeled_at: datetime
    accepted_at: datetime
    days: int

    @property
    def abroad(self) -> bool:
        return self.origin_country != self.country


class Stop(Struct, frozen=True):
    """One scan; `reported_at` is when the carrier's computer learns of it."""

    at: datetime
    status: str
    place: str
    country: str
    reported_at: datetime


def fate_of(seed: int, number: str, weights: Mapping[str, float], abroad: bool) -> str:
    random = Random(f"{seed}|fate|{number}")
    fate = random.choices(list(weights), list(weights.values()))[0]
    return "smooth" if fate in ABROAD and not abroad else fate


def route(seed: int, trip: Trip, fate: str) -> list[Stop]:
    """Every scan there will ever be, in the order they happen."""
    random = Random(f"{seed}|route|{trip.number}")
    legs = _abroad(trip, random) if trip.abroad else _at_home(trip)
    legs = _befall(fate, trip, legs, random)
    stops = [_stop(trip.labeled_at, ("2", trip.origin_place, trip.origin_country), random)]
    at = trip.accepted_at
    for hours, *scan in legs:
        at += timedelta(hours=hours * random.uniform(0.75, 1.25))
        stops.append(_stop(at.replace(microsecond=0), (scan[0], scan[1], scan[2]), random))
    return stops


Leg = tuple[float, str, str, str]  # hours since the scan before, status, place, country


def _at_home(trip: Trip) -> list[Leg]:
    here, there = (trip.origin_place, trip.origin_country), (trip.place, trip.country)
    hours = max(12.0, trip.days * 24.0 - 8.0)
    return [
        (0.0, "606", *here),
        (1.0, "101", *here),
        (hours * 0.2, "8081", *here),
        (hours * 0.4, "1100", f"{trip.place} sorting center", trip.country),
        (hours * 0.4, "1214", *there),
        *_to_the_door(trip),
    ]


def _abroad(trip: Trip, random: Random) -> list[Leg]:
    here, there = (trip.origin_place, trip.origin_country), (trip.place, trip.country)
    out, into = f"{trip.origin_country} outbound center", f"{trip.country} inbound center"
    hours = max(48.0, trip.days * 24.0 - 8.0)
    flight: list[Leg] = [(hours * 0.35, "505", into, trip.country)]
    if random.random() < 0.4:
        hub = random.choice([("Frankfurt hub", "DE"), ("Warsaw hub", "PL"), ("Istanbul hub", "TR")])
        flight = [
            (hours * 0.15, "404", *hub),
            (hours * 0.1, "405", *hub),
            (hours * 0.1, "505", into, trip.country),
        ]
    return [
        (0.0, "606", *here),
        (1.0, "101", *here),
        (hours * 0.1, "8081", *here),
        (hours * 0.1, "202", out, trip.origin_country),
        (hours * 0.1, "303", out, trip.origin_country),
        *flight,
        (hours * 0.05, "2230", into, trip.country),
        (hours * 0.1, "2226", into, trip.country),
        (hours * 0.05, "808", into, trip.country),
        (hours * 0.15, "1214", *there),
        *_to_the_door(trip),
    ]


def _to_the_door(trip: Trip) -> list[Leg]:
    return [(4.0, "1315", trip.place, trip.country), (4.0, "1622", trip.place, trip.country)]


def _way_back(trip: Trip) -> list[Leg]:
    hours = max(24.0, trip.days * 24.0)
    return [
        (20.0, "1521", trip.place, trip.country),
        (hours * 0.5, "109", f"{trip.country} outbound center", trip.country),
        (hours * 0.4, "707", trip.origin_place, trip.origin_country),
        (12.0, "1825", trip.origin_place, trip.origin_country),
    ]


def _befall(fate: str, trip: Trip, legs: list[Leg], random: Random) -> list[Leg]:
    """The smooth way, bent by what befalls the parcel."""
    there, middle = (trip.place, trip.country), len(legs) // 2
    approach = legs[:-2]  # up to the last branch: all but courier and delivery
    stopped: Leg = (6.0, "", legs[middle][2], legs[middle][3])
    courier: Leg = (18.0, "1315", *there)
    attempts: list[Leg] = [(4.0, random.choice(["1625", "1627", "1624", "1626"]), *there), courier]
    match fate:
        case "delayed":
            delay = _scan(stopped, "9002", 6.0)
            late: Leg = (random.uniform(40, 120), *legs[middle + 1][1:])
            return [*legs[: middle + 1], delay, late, *legs[middle + 2 :]]
        case "attempted":
            return [*legs[:-1], *attempts * random.choice([1, 1, 2]), legs[-1]]
        case "pickup":
            return [*approach, (3.0, "1216", *there), (random.uniform(10, 70), "1622", *there)]
        case "customs_hold":
            cleared = _index(legs, "2226")
            hold = _scan(legs[cleared], "9003", 10.0)
            look = _scan(legs[cleared], "2225", random.uniform(30, 140))
            return [*legs[:cleared], hold, look, *legs[cleared:]]
        case "refused":
            return [*legs[:-1], (4.0, "1620", *there), *_way_back(trip)]
        case "absent":
            return [*legs[:-1], (4.0, "1625", *there), courier, (4.0, "1625", *there), *_way_back(trip)]
        case "unclaimed":
            waiting: list[Leg] = [(3.0, "1216", *there), (168.0, "1521", *there)]
            return [*approach, *waiting, *_way_back(trip)[1:]]
        case "lost":
            missing, lost = _scan(stopped, "5051", 168.0), _scan(stopped, "9001", 240.0)
            return [*legs[: middle + 1], missing, lost]
        case "damaged":
            return [*legs[: middle + 1], _scan(stopped, "9004", 3.0), *_way_back(trip)]
        case "seized":
            return [*legs[: _index(legs, "2226")], _scan(legs[_index(legs, "2226")], "9005", 60.0)]
    return legs


def _scan(where: Leg, status: str, hours: float) -> Leg:
    return (hours, status, where[2], where[3])


def _index(legs: list[Leg], status: str) -> int:
    return next(place for place, leg in enumerate(legs) if leg[1] == status)


def _stop(at: datetime, scan: tuple[str, str, str], random: Random) -> Stop:
    """One scan in ten is uploaded hours late, so that events arrive in the wrong order."""
    late_h = random.uniform(2, 20) if random.random() < 0.1 else random.uniform(0.02, 0.3)
    if scan[0] == "2":
        late_h = 0.0
    return Stop(at, *scan, at + timedelta(hours=late_h))
