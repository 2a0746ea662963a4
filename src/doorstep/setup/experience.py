"""experience: what a merchant's own past says of how long a way takes, and how surely a date is to be named.

Three things are learned, a working day at a time: how long each stage takes (`waiting`), how long everything is taking
just now (what is open, by what arrives a day, against the usual), and what a broken promise is worth in days, so that
of all promises the asked-for share is kept. Pure: no clock, no I/O; the worker feeds it, `promising` asks it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, log
from typing import NamedTuple

from doorstep.setup.waiting import (
    LONGEST,
    Forgetting,
    Open,
    Stage,
    one_after_the_other,
    slowest,
    stretched,
    surely_by,
)

MODEL = "life tables 3"
# The most working days that a promise reaches.
FARTHEST = 75
# No date is named that is less likely to be kept than this, however dear a surer one is.
LEAST_SURE = 0.6
# With twice as much open for what arrives a day, everything takes 2 ** 0.8 times as long: the carrier and the site work
# harder too, but not twice as hard. In quiet times it is a little faster than usual, never much.
CROWDING, LEAST_STRETCH = 0.8, 0.9
# How much of each day's throughput, and of each day's load, is new.
THROUGHPUT_NEW, USUAL_NEW = 0.1, 0.02
# How fast the price of a broken promise follows how sure the dates are that were named; and how fast the asked-for
# share is corrected by promises that fell due, and how far at most.
PRICE_MOVES, SHARE_MOVES, SHARE_AT_MOST = 0.001, 0.0003, 0.02
PRICE_AT_FIRST, CHEAPEST, DEAREST = 60.0, 7.0, 1100.0
# Of a buyer's area so much is the district.
DISTRICT = 3
# So much must have arrived before own history says more than the shipping method.
ENOUGH = 30


class Way(NamedTuple):
    """All of an order that tells how long it takes: how it is paid, the site, and from where to where.

    `allowed`: working days that the channel gives it to leave the site; `far`: how far it goes. Nothing = not known.
    """

    paying: str
    site: str
    origin: str
    to: str
    area: str
    level: str = ""
    allowed: str = ""
    far: str = ""

    @property
    def of_paying(self) -> tuple[str, ...]:
        return "", self.paying

    @property
    def of_handling(self) -> tuple[str, ...]:
        return "", self.allowed, self.site

    @property
    def paces_of_handling(self) -> tuple[str, ...]:
        return self.paying, self.site

    @property
    def of_transit(self) -> tuple[str, ...]:
        lane = ("", self.to, f"{self.origin}>{self.to}")
        return (*lane, f"{self.origin}>{self.to} {self.level}") if self.level else lane

    @property
    def paces_of_transit(self) -> tuple[str, ...]:
        return self.far, f"{self.to} {self.area[:DISTRICT]}", f"{self.to} {self.area}", self.site


class Chosen(NamedTuple):
    """Working days from the day it could leave: the first and the last that are named, and how sure the last one is."""

    first: int
    last: int
    sure: float


@dataclass(slots=True)
class Crowd:
    """How much is open for what arrives a day, and how much is usual."""

    throughput: float = 0.0
    usual: float = 0.0
    open: int = 0

    def learn(self, open_now: int, arrived: int) -> None:
        self.open = open_now
        first = not self.throughput
        self.throughput += (arrived - self.throughput) * (1 if first else THROUGHPUT_NEW)
        load = self.load(open_now)
        self.usual += (load - self.usual) * (1 if not self.usual else USUAL_NEW)

    def load(self, open_now: int) -> float:
        return open_now / max(self.throughput, 1.0)

    def stretch(self, open_now: int) -> float:
        """How many times as long as usual a way takes that begins now; in steps of a hundredth."""
        if not self.usual or not self.throughput:
            return 1.0
        crowded: float = (self.load(open_now) / self.usual) ** CROWDING
        return round(max(LEAST_STRETCH, crowded), 2)


@dataclass(slots=True)
class Keeping:
    """What a broken promise is worth in days: dearer while dates are less sure than was asked for, and cheaper."""

    asked: float = 0.9
    price: float = PRICE_AT_FIRST
    more: float = 0.0  # than asked for: what promises that fell due have taught

    @property
    def share(self) -> float:
        return min(0.985, self.asked + self.more)

    def named(self, sure: float, times: int = 1) -> None:
        moved = exp(log(self.price) + times * PRICE_MOVES * (self.share - sure))
        self.price = min(DEAREST, max(CHEAPEST, moved))

    def fell_due(self, kept: bool) -> None:
        more = self.more + SHARE_MOVES * (self.asked - kept)
        self.more = min(SHARE_AT_MOST, max(-SHARE_AT_MOST, more))


def _paying() -> Stage:
    return Stage(Forgetting(30, 5), prior=(0.5,) * LONGEST)


def _handling() -> Stage:
    return Stage(Forgetting(40, 8), (Forgetting(60, 30), Forgetting(30, 5)))


def _transit() -> Stage:
    paces = Forgetting(120, 15), Forgetting(60, 15), Forgetting(60, 15), Forgetting(60, 10)
    return Stage(Forgetting(120, 4), paces, prior=(0.1,) * LONGEST)


@dataclass(slots=True)
class Experience:
    """Of one merchant. Day by day it learns; between two days it answers the same question alike."""

    paying: Stage = field(default_factory=_paying)
    handling: Stage = field(default_factory=_handling)
    transit: Stage = field(default_factory=_transit)
    crowd: Crowd = field(default_factory=Crowd)
    keeping: Keeping = field(default_factory=Keeping)
    _known: dict[Way, list[float]] = field(default_factory=dict)

    def learn(
        self, paying: Sequence[Open], handling: Sequence[Open], transit: Sequence[Open], open_now: int, weekday: int
    ) -> None:
        """One working day; of the week, 1 = Monday."""
        self.paying.learn(paying)
        self.handling.learn(handling)
        self.transit.learn(transit, str(weekday))
        came = sum(item.ended for item in transit)
        self.crowd.learn(open_now, came)
        self._known.clear()

    def by(self, way: Way) -> list[float]:
        """The chance that it has arrived after so many working days."""
        if way not in self._known:
            # Where nobody writes down when orders are paid, that is part of their handling.
            paid = self.paying.days(way.of_paying) if self.paying.tables else [1.0]
            handled = self.handling.days(way.of_handling, way.paces_of_handling)
            moved = self.transit.days(way.of_transit, way.paces_of_transit)
            ready = one_after_the_other(paid, handled, FARTHEST)
            self._known[way] = surely_by(one_after_the_other(ready, moved, FARTHEST))
        return self._known[way]

    def choose(self, ways: Sequence[Way], leads: Sequence[int], open_now: int, weekday: int) -> Chosen:
        """For what goes these ways at once, on this day of the week. `leads`: how far away each working day is."""
        by = self.by(ways[0]) if len(ways) == 1 else slowest([self.by(way) for way in ways])
        now = stretched(by, self.crowd.stretch(open_now))
        return choose(self.transit.on_weekdays(now, weekday, leads), leads, self.keeping.price)

    def days_of_handling(self, way: Way, sure: float) -> int:
        """Of these days, what the merchant and the site take, as surely."""
        by = surely_by(self.handling.days(way.of_handling, way.paces_of_handling))
        return next((days for days, chance in enumerate(by) if chance >= sure), 0)

    def knows(self, way: Way) -> bool:
        """Enough arrived there, by whatever lane: before that the shipping method says more."""
        return self.transit.ended(way.of_transit[:2]) >= ENOUGH


def choose(by: Sequence[float], leads: Sequence[int], price: float) -> Chosen:
    """The day after which one more would cost the buyer more waiting than it takes away of the risk.

    All promises of a merchant have one price: where a day buys much certainty it is taken, where it buys little it is
    not, and so the share that is kept costs the fewest days.
    """
    likely = [days for days in range(len(leads)) if by[days] >= LEAST_SURE]
    last = min(likely, key=lambda days: leads[days] + price * (1 - by[days]), default=len(leads) - 1)
    first = next((days for days in range(last) if by[days] >= 1 - LEAST_SURE / 2), last)
    return Chosen(min(first, last), last, by[last])
