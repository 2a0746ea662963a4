"""waiting: how many working days something takes, learned from what ended and from what is still open.

A life table: of all that had waited so many days on some day, which share ended that day? What is still open counts as
having waited, so that a jam is seen while it grows, and those that arrived first do not make everybody look fast.
Tables stand in a line from coarse to fine ("anything", "to RJ", "SP to RJ"); a fine one with little in it leans on the
coarser, the coarsest on a prior. What is finer still (a seller, a postcode) only makes it faster or
slower: so many ended where so many were expected. Pure: no clock, no I/O.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

# Days are counted up to here; what waits longer is an exception and no date's business.
LONGEST = 60
# No share is taken for certain.
SUREST = 0.95
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
    """One stage of the way, such as handling or transit. `tables` and `paces` are all it has learned."""

    shapes: Forgetting
    leaning: tuple[Forgetting, ...] = ()
    prior: Sequence[float] = (0.2,) * LONGEST
    tables: dict[tuple[str, ...], Table] = field(default_factory=dict)
    paces: list[dict[str, Pace]] = field(default_factory=list)
    weight: float = 1.0
    _hazards: dict[tuple[str, ...], Hazard] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.paces = self.paces or [{} for _ in self.leaning]

    def learn(self, items: Sequence[Open]) -> None:
        """One working day: all that waited, and what of it ended."""
        self.weight /= 0.5 ** (1 / self.shapes.half)
        self._pace(items)
        for item in items:
            age = min(item.age, LONGEST - 1)
            for depth in range(1, len(item.chain) + 1):
                table = self.tables.setdefault(item.chain[:depth], Table())
                table.waited[age] += self.weight
                if item.ended:
                    table.ended[age] += self.weight
        self._hazards.clear()

    def _pace(self, items: Sequence[Open]) -> None:
        """Compared with what the tables said before this day, and with what the paces before it make of it."""
        came: list[dict[str, list[float]]] = [defaultdict(lambda: [0.0, 0.0]) for _ in self.leaning]
        for item in items:
            share = self._hazard(item.chain)[min(item.age, LONGEST - 1)]
            for nth, key in enumerate(item.factors):
                seen = came[nth][key]
                seen[0] += item.ended
                seen[1] += min(SUREST, share)
                share *= self._times(nth, key)
        for nth, forgetting in enumerate(self.leaning):
            fades = 0.5 ** (1 / forgetting.half)
            for pace in self.paces[nth].values():
                pace.ended *= fades
                pace.expected *= fades
            for key, (ended, expected) in came[nth].items():
                pace = self.paces[nth].setdefault(key, Pace())
                pace.ended += ended
                pace.expected += expected

    def speed(self, factors: Sequence[str]) -> float:
        """How much faster than the tables, by all that is known of these."""
        speed = 1.0
        for nth, key in enumerate(factors):
            speed *= self._times(nth, key)
        return speed

    def _times(self, nth: int, key: str) -> float:
        pace, prior = self.paces[nth].get(key), self.leaning[nth].prior
        return (pace.ended + prior) / (pace.expected + prior) if pace else 1.0

    def days(self, chain: tuple[str, ...], factors: Sequence[str] = ()) -> list[float]:
        """The chance of each number of working days, of what ends at all."""
        return chances(self._hazard(chain), self.speed(factors))

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

    def _leaning_on(self, coarser: Hazard, table: Table) -> Hazard:
        weight = self.shapes.prior * self.weight
        together = zip(table.ended, table.waited, coarser, strict=True)
        return [(ended + weight * share) / (waited + weight) for ended, waited, share in together]


def chances(hazard: Sequence[float], speed: float = 1.0) -> list[float]:
    """Of each number of days: what has not ended before ends then. What never ends is left out."""
    found, left = [], 1.0
    for share in hazard:
        ends = left * min(SUREST, share * speed)
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
