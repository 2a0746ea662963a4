"""waiting: how many working days something takes, learned from what ended and from what is still open.

A life table: of all that had waited so many days on some day, which share ended that day? What is still open counts as
having waited, so that a jam is seen while it grows, and those that arrived first do not make everybody look fast.
Tables stand in a line from coarse to fine ("anything", "to RJ", "SP to RJ"); a fine one with little in it leans on the
coarser, the coarsest on a prior. What is finer still (a seller, a postcode) only makes it faster or slower than others
of its kind: so many ended where so many were expected, apart for what is in time and for what is late, since whoever is
fast as a rule may still leave some behind. So do weekdays: what came while nobody worked is counted on a Monday. What
waited where it is fast counts as having waited longer, so that a table says how long it takes those who are neither
fast nor slow. Pure: no clock, no I/O.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

# Days are counted up to here; what waits longer is an exception and no date's business.
LONGEST = 60
# No share is taken for certain.
SUREST = 0.95
# It is late from the day on which fewer than this are still waiting.
LATE = 0.35
# What waited counts by its pace, but never less and never more than this.
SLOWEST, FASTEST = 0.3, 3.0
Hazard = list[float]


class Open(NamedTuple):
    """Something that waited on a working day: for how long, at which keys, and whether it ended then."""

    chain: tuple[str, ...]
    factors: tuple[str, ...]
    age: int
    ended: bool


class Forgetting(NamedTuple):
    """How much older days count, as working days until a half is forgotten, and how much is needed to be believed."""

    half: float
    prior: float


# How weekdays are learned.
OF_THE_WEEK = Forgetting(120, 60)


@dataclass(slots=True)
class Table:
    """By age: how much waited, and how much of it ended. Weights grow with time instead of all fading."""

    waited: list[float] = field(default_factory=lambda: [0.0] * LONGEST)
    ended: list[float] = field(default_factory=lambda: [0.0] * LONGEST)


@dataclass(slots=True)
class Pace:
    """What ended, and what the tables expected; faded with time."""

    ended: float = 0.0
    expected: float = 0.0


@dataclass(slots=True)
class Stage:
    """One stage of the way, such as handling or transit. `tables` and `paces` are all it has learned.

    `paces`: of each kind for what is in time, then again of each kind for what is late; then those of the weekdays,
    for what is in time and for what is late.
    """

    shapes: Forgetting
    leaning: tuple[Forgetting, ...] = ()
    prior: Sequence[float] = (0.2,) * LONGEST
    tables: dict[tuple[str, ...], Table] = field(default_factory=dict)
    paces: list[dict[str, Pace]] = field(default_factory=list)
    weight: float = 1.0
    _hazards: dict[tuple[str, ...], Hazard] = field(default_factory=dict)
    _late: dict[tuple[str, ...], int] = field(default_factory=dict)
    _averages: list[float] = field(default_factory=list)
    _week: list[tuple[float, float]] = field(default_factory=list)
    _kinds: tuple[Forgetting, ...] = ()

    def __post_init__(self) -> None:
        self._kinds = (*self.leaning * 2, OF_THE_WEEK, OF_THE_WEEK)
        self.paces = self.paces or [{} for _ in self._kinds]

    def learn(self, items: Sequence[Open], weekday: str = "") -> None:
        """One working day: all that waited, and what of it ended; which day it is, where that tells anything."""
        self.weight /= 0.5 ** (1 / self.shapes.half)
        for item, speed in zip(items, self._pace(items, weekday), strict=True):
            age = min(item.age, LONGEST - 1)
            waited = self.weight * min(FASTEST, max(SLOWEST, speed))
            for depth in range(1, len(item.chain) + 1):
                table = self.tables.setdefault(item.chain[:depth], Table())
                table.waited[age] += waited
                if item.ended:
                    table.ended[age] += self.weight
        self._hazards.clear()
        self._late.clear()
        self._averages.clear()
        self._week.clear()

    def _pace(self, items: Sequence[Open], weekday: str) -> list[float]:
        """Compared with what the tables said before this day, and with what the paces before it make of it.

        Answers how much faster than the tables each of them was taken to be.
        """
        came: list[dict[str, list[float]]] = [defaultdict(lambda: [0.0, 0.0]) for _ in self.paces]
        speeds = []
        for item in items:
            age = min(item.age, LONGEST - 1)
            share, speed = self._hazard(item.chain)[age], 1.0
            for nth, key in self._kept_at(item.factors, weekday, late=age >= self._late_from(item.chain)):
                seen = came[nth][key]
                seen[0] += item.ended
                seen[1] += min(SUREST, share * speed)
                speed *= self._times(nth, key)
            speeds.append(speed)
        for paces, new, forgetting in zip(self.paces, came, self._kinds, strict=True):
            fades = 0.5 ** (1 / forgetting.half)
            for pace in paces.values():
                pace.ended *= fades
                pace.expected *= fades
            for key, (ended, expected) in new.items():
                pace = paces.setdefault(key, Pace())
                pace.ended += ended
                pace.expected += expected
        return speeds

    def _kept_at(self, factors: Sequence[str], weekday: str = "", *, late: bool) -> Iterator[tuple[int, str]]:
        """Among which paces each of them is, as far as it is known."""
        if weekday:
            yield 2 * len(self.leaning) + late, weekday
        for nth, key in enumerate(factors, len(self.leaning) if late else 0):
            if key:
                yield nth, key

    def _speed(self, factors: Sequence[str], *, late: bool) -> float:
        """How much faster than the tables, by all that is known of these."""
        speed = 1.0
        for nth, key in self._kept_at(factors, late=late):
            speed *= self._times(nth, key)
        return speed

    def _times(self, nth: int, key: str) -> float:
        """Against the average of its kind, so that what all have in common stands in the tables alone."""
        pace, prior = self.paces[nth].get(key), self._prior(nth)
        return (pace.ended + prior) / (pace.expected * self._average(nth) + prior) if pace else 1.0

    def _average(self, nth: int) -> float:
        if not self._averages:
            self._averages = [self._on_average(nth) for nth in range(len(self.paces))]
        return self._averages[nth]

    def _on_average(self, nth: int) -> float:
        paces, prior = self.paces[nth].values(), self._prior(nth)
        return (sum(pace.ended for pace in paces) + prior) / (sum(pace.expected for pace in paces) + prior)

    def _prior(self, nth: int) -> float:
        return self._kinds[nth].prior

    def on_weekdays(self, by: Sequence[float], first: int, leads: Sequence[int]) -> list[float]:
        """The same, where on some weekdays more ends than on others. `first`: which one it is now; 1 = Monday."""
        found, left, before = [], 1.0, 0.0
        for chance, lead in zip(by, leads, strict=True):
            stays = max(0.0, 1 - chance) / (1 - before) if before < 1 else 0.0
            left *= stays ** self._of_the_week(first + lead, late=1 - before < LATE)
            found.append(1 - left)
            before = chance
        return found

    def _of_the_week(self, day: int, *, late: bool) -> float:
        if not self._week:
            in_time = 2 * len(self.leaning)
            days = [str(day or 7) for day in range(7)]
            self._week = [(self._times(in_time, day), self._times(in_time + 1, day)) for day in days]
        return self._week[day % 7][late]

    def days(self, chain: tuple[str, ...], factors: Sequence[str] = ()) -> list[float]:
        """The chance of each number of working days, of what ends at all."""
        late = self._late_from(chain)
        fast, then = self._speed(factors, late=False), self._speed(factors, late=True)
        return chances(share * (fast if age < late else then) for age, share in enumerate(self._hazard(chain)))

    def ended(self, chain: tuple[str, ...]) -> float:
        """How much ended there, older days counted as they fade."""
        table = self.tables.get(chain)
        return sum(table.ended) / self.weight if table else 0.0

    def observed(self, chain: tuple[str, ...]) -> tuple[str, int]:
        """The finest table that has anything in it, and how much ended there."""
        for depth in range(len(chain), 0, -1):
            if (ended := self.ended(chain[:depth])) >= 1:
                return " ".join(filter(None, chain[:depth])) or "anything", round(ended)
        return "", 0

    def _hazard(self, chain: tuple[str, ...]) -> Hazard:
        """Per age the share that ends: what was seen, and so much of what the coarser table says."""
        found = self._hazards.get(chain)
        if found is None:
            coarser = self._hazard(chain[:-1]) if len(chain) > 1 else list(self.prior)
            table = self.tables.get(chain)
            found = coarser if table is None else self._leaning_on(coarser, table)
            self._hazards[chain] = found
        return found

    def _late_from(self, chain: tuple[str, ...]) -> int:
        """The age from which it is late, by its table."""
        found = self._late.get(chain)
        if found is None:
            left, found = 1.0, 0
            while left >= LATE and found < LONGEST:
                left *= 1 - min(SUREST, self._hazard(chain)[found])
                found += 1
            self._late[chain] = found
        return found

    def _leaning_on(self, coarser: Hazard, table: Table) -> Hazard:
        weight = self.shapes.prior * self.weight
        together = zip(table.ended, table.waited, coarser, strict=True)
        return [(ended + weight * share) / (waited + weight) for ended, waited, share in together]


def chances(hazard: Iterable[float]) -> list[float]:
    """Of each number of days: what has not ended before ends then. What never ends is left out."""
    found, left = [], 1.0
    for share in hazard:
        ends = left * min(SUREST, share)
        found.append(ends)
        left -= ends
    return [chance / (1 - left) for chance in found] if left < 1 else found


def one_after_the_other(first: Sequence[float], then: Sequence[float], longest: int) -> list[float]:
    """The chances of the days that two stages take together."""
    together = [0.0] * (longest + 1)
    for days, chance in enumerate(first):
        if chance > 1e-6:
            for more, other in enumerate(then):
                together[min(days + more, longest)] += chance * other
    return together


def surely_by(chance: Iterable[float]) -> list[float]:
    """The chance of so many days or fewer."""
    by, total = [], 0.0
    for one in chance:
        total += one
        by.append(total)
    return by


def stretched(by: Sequence[float], times: float) -> list[float]:
    """The same if everything took so many times as long."""
    if times == 1:
        return list(by)
    last, found = len(by) - 1, []
    for days in range(len(by)):
        whole, part = divmod(days / times, 1)
        here = int(whole)
        found.append(by[last] if here >= last else by[here] + part * (by[here + 1] - by[here]))
    return found


def slowest(several: Sequence[Sequence[float]]) -> list[float]:
    """All of them have arrived when the last one has; they are late together, so the worst of them tells."""
    return [min(days) for days in zip(*several, strict=True)]
