"""matching: which line of an order in the books each line that is told is, in whatever order they are told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from decimal import Decimal
from typing import Any, Protocol


class AnyLine(Protocol):
    """A line in the books, or one that is told."""

    @property
    def word(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def external_id(self) -> str: ...
    @property
    def quantity(self) -> int: ...
    @property
    def unit_price(self) -> Decimal: ...


# From what tells a line for sure to what it is at least. A word names the item: its code, or its title without one.
ALIKE: tuple[Callable[[AnyLine], Hashable], ...] = (
    lambda line: line.external_id and (line.external_id, line.word),
    lambda line: (line.word, line.title, line.unit_price, line.quantity),
    lambda line: (line.word, line.title, line.unit_price),
    lambda line: (line.word, line.quantity),
    lambda line: line.word,
)


def match(told: Sequence[AnyLine], books: Sequence[AnyLine]) -> list[int | None]:
    """For each line that is told the place of its line in the books; None is a line that is new.

    A line of which nothing is left is taken only where no other fits: it may be wanted again.
    """
    exact = ALIKE[1]
    if len(told) == len(books) and all(map(_same(exact), told, books)):
        return list(range(len(told)))
    found: list[int | None] = [None] * len(told)
    free = set(range(len(books)))
    for alike in ALIKE:
        by_key: dict[Hashable, list[int]] = defaultdict(list)
        for place in sorted(free, key=lambda place: (books[place].quantity == 0, place), reverse=True):
            if key := alike(books[place]):
                by_key[key].append(place)
        for at, line in enumerate(told):
            key = alike(line) if found[at] is None else None
            if key and by_key.get(key):
                found[at] = by_key[key].pop()
                free.discard(found[at])  # type: ignore[arg-type]
    return found


def _same(alike: Callable[[AnyLine], Any]) -> Callable[[AnyLine, AnyLine], bool]:
    return lambda one, other: bool(alike(one) == alike(other))
