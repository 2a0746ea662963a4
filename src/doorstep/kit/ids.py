"""ids: whole numbers inside, prefixed words outside (`ord_1042`); taken from the database a block at a time.

Every id is known before anything is written, so that an outcome is plain data and a batch needs no returned keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from time import monotonic
from typing import Any, Protocol

from doorstep.kit.refusals import Refusal


class Fetches(Protocol):
    async def fetch(self, query: str, *args: Any) -> list[Any]: ...


# A block is what one `nextval` hands out: the sequence steps by this much.
BLOCK = 256
MOST_AHEAD, SOON_S = 64, 1.0
NEXT_BLOCKS = "select nextval('doorstep_id') from generate_series(1, $1)"

_PUBLIC = re.compile(r"([a-z]{3})_([1-9][0-9]{0,17})", re.ASCII)


class NotAnId(Refusal):
    """This is not an id of that kind."""

    status = 404


def public(prefix: str, number: int) -> str:
    return f"{prefix}_{number}"


def number(prefix: str, word: str) -> int:
    """The number inside a public id; NotAnId when it is not one of this prefix."""
    match = _PUBLIC.fullmatch(word)
    if not match or match[1] != prefix:
        raise NotAnId(id=word[:60], expected=f"{prefix}_…")
    return int(match[2])


class Drawn(Iterator[int]):
    """Numbers that were drawn; drawing more of them than there are is a bug and raises StopIteration."""

    def __init__(self, blocks: list[range]) -> None:
        self._blocks = blocks
        self._at = 0

    def __next__(self) -> int:
        while self._blocks:
            block = self._blocks[0]
            if self._at < len(block):
                self._at += 1
                return block[self._at - 1]
            del self._blocks[0]
            self._at = 0
        raise StopIteration

    def rest(self) -> list[range]:
        """What is left of them, all of it: nothing is here afterwards."""
        rest = [self._blocks[0][self._at :], *self._blocks[1:]] if self._blocks else []
        self._blocks = []
        return [block for block in rest if block]


class Ids:
    """A supply of fresh numbers, shared by everything in this process."""

    def __init__(self) -> None:
        self._free: list[range] = []
        self._ahead = 1
        self._asked_at = 0.0

    async def draw(self, connection: Fetches, count: int) -> Drawn:
        """So many fresh ids."""
        # While one task waits for blocks, another may draw what was free.
        while (missing := count - sum(map(len, self._free))) > 0:
            blocks = await connection.fetch(NEXT_BLOCKS, max(self._blocks_ahead(), -(-missing // BLOCK)))
            self._free.extend(range(row[0], row[0] + BLOCK) for row in blocks)
        # From here to the end nothing is awaited: no other task can draw the same numbers.
        drawn: list[range] = []
        while count:
            block = self._free.pop(0)
            drawn.append(block[:count])
            if block[count:]:
                self._free.insert(0, block[count:])
            count -= len(drawn[-1])
        return Drawn(drawn)

    def _blocks_ahead(self) -> int:
        """Twice as many where the last ones were soon used up: who writes much seldom asks."""
        now = monotonic()
        self._ahead = min(self._ahead * 2, MOST_AHEAD) if now - self._asked_at < SOON_S else 1
        self._asked_at = now
        return self._ahead

    def put_back(self, drawn: Drawn) -> None:
        """What was drawn and not used is drawn next."""
        self._free[:0] = drawn.rest()
