"""route: the way of a parcel as stops: the site, the places where its carrier saw it, the door."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Literal

from doorstep.doors.console import words
from doorstep.doors.console.beside import ParcelNews
from doorstep.doors.console.whole import Parcel, Part, Whole

# Of a long way the last places are shown.
MOST_PLACES = 5
# Seen in the buyer's city in one of these states, it is as good as at the door.
NEAR = ("out_for_delivery", "attempted", "available_for_pickup", "partially_delivered")


@dataclass(frozen=True, slots=True)
class Stop:
    """`crosses`: the leg before it goes to another country. `when` it was there last; None while it was not."""

    name: str
    country: str
    kind: Literal["site", "place", "door"]
    state: Literal["done", "now", "ahead"]
    when: datetime | None = None
    says: str = ""
    tone: str = "teal"
    crosses: bool = False


def stops(of: Whole, part: Part, parcel: Parcel) -> list[Stop]:
    """Two at least; one of them is where it is now, unless it arrived."""
    seen = list(_places(parcel.events))
    site = Stop(part.site.name, part.site.country, "site", "done", parcel.row.handed_over_at or parcel.row.packed_at)
    if seen and seen[0].country in ("", site.country):
        site = replace(site, when=seen.pop(0).when)
    door = _door(of, parcel)
    if seen and seen[-1].name.casefold() == door.name.casefold():
        seen[-1] = replace(seen[-1], country=door.country)
    at_the_door = parcel.row.delivered_at or parcel.row.state in NEAR
    if at_the_door and seen and seen[-1].name.casefold() == door.name.casefold():
        last = seen.pop()
        door = door if parcel.row.delivered_at else replace(door, state="now", when=last.when)
    way = [site, *seen[-MOST_PLACES:], door]
    return _with_legs(_with_now(way, parcel))


def _places(news: Sequence[ParcelNews]) -> Iterator[Stop]:
    """Where it was seen, the oldest first; what follows at the same place is the same stop."""
    last: Stop | None = None
    for each in sorted((each for each in news if each.place), key=lambda each: each.happened_at):
        name, _comma, country = each.place.rpartition(", ")
        if len(country) != 2 or not country.isupper():
            name, country = each.place, ""
        if last and last.name != name:
            yield last
        last = Stop(name, country, "place", "done", each.happened_at)
    if last:
        yield last


def _door(of: Whole, parcel: Parcel) -> Stop:
    given = of.order.ship_to or {}
    arrived = parcel.row.delivered_at
    return Stop(
        str(given.get("city", "")), str(given.get("country", "")), "door", "done" if arrived else "ahead", arrived
    )


def _with_now(way: list[Stop], parcel: Parcel) -> list[Stop]:
    """The last stop that it reached is where it is, and says how it stands there."""
    at = max(index for index, stop in enumerate(way) if stop.state != "ahead")
    state = "delivered" if parcel.row.delivered_at else parcel.row.state
    here = replace(way[at], says=words.delivery(state), tone=words.tone(state))
    if not parcel.row.delivered_at:
        here = replace(here, state="now")
    return [*way[:at], here, *way[at + 1 :]]


def _with_legs(way: list[Stop]) -> list[Stop]:
    legs = pairwise(way)
    crossed = [bool(before.country and stop.country and before.country != stop.country) for before, stop in legs]
    return [way[0], *(replace(stop, crosses=crosses) for stop, crosses in zip(way[1:], crossed, strict=True))]
