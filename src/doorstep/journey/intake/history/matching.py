"""matching: which line of an order in the books each line that is told is, in whatever order they are told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from decimal import Decimal
from typing import NamedTuple


class Likeness(NamedTuple):
    """What tells a line from others. Its word names the item: the code, or the title where there is none.

    `ships`: None where it is all the same whether these are goods or a service.
    """

    external_id: str
    word: str
    ships: bool | None
    title: str
    unit_price: Decimal
    quantity: int


# From what tells a line for sure to what it is at least.
ALIKE: tuple[Callable[[Likeness], Hashable], ...] = (
    lambda line: (line.external_id, line.word, line.ships) if line.external_id else None,
    lambda line: line[1:],
    lambda line: (line.word, line.ships, line.title, line.unit_price),
    lambda line: (line.word, line.ships, line.quantity),
    lambda line: (line.word, line.ships),
)


def match(told: Sequence[Likeness], books: Sequence[Likeness]) -> list[int | None]:
    """For each line that is told the place of its line in the books; None is a line that is new.

    A line of which nothing is left is taken only where no other fits: it may be wanted again.
    """
    found: list[int | None] = [None] * len(told)
    if list(told) == list(books):
        return list(range(len(books)))
    free = set(range(len(books)))
    for alike in ALIKE:
        by_key: dict[Hashable, list[int]] = defaultdict(list)
        # The last of a list is taken first.
        for place in sorted(free, key=lambda place: (books[place].quantity == 0, place), reverse=True):
            by_key[alike(books[place])].append(place)
        for at, line in enumerate(told):
            key = alike(line)
            if found[at] is None and key is not None and by_key.get(key):
                place = by_key[key].pop()
                found[at] = place
                free.discard(place)
    return found
