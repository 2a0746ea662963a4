"""Numbers are drawn once each, and who draws many asks the database seldom."""

from __future__ import annotations

from itertools import count
from typing import Any

from doorstep.kit.ids import BLOCK, Ids


class Sequence:
    """Stands in for the database's."""

    def __init__(self) -> None:
        self.asked = 0
        self._next = count(1, BLOCK)

    async def fetch(self, query: str, blocks: int) -> list[Any]:
        self.asked += 1
        return [(next(self._next),) for _ in range(blocks)]


async def test_no_number_is_drawn_twice_and_what_is_put_back_comes_next() -> None:
    sequence, ids = Sequence(), Ids()
    first = await ids.draw(sequence, 10)
    used = [next(first) for _ in range(4)]
    ids.put_back(first)
    assert used + list(await ids.draw(sequence, 1000)) == list(range(1, 1005))


async def test_who_draws_many_asks_seldom() -> None:
    sequence, ids = Sequence(), Ids()
    drawn = [number for _ in range(1000) for number in await ids.draw(sequence, 200)]
    assert len(set(drawn)) == 200_000
    assert sequence.asked < 25


async def test_one_number_takes_one_block() -> None:
    sequence, ids = Sequence(), Ids()
    assert list(await ids.draw(sequence, 1)) == [1]
    assert await sequence.fetch("", 1) == [(1 + BLOCK,)]
