"""ids: whole numbers inside, prefixed words outside (`ord_1042`); taken from the database a block at a time.

Every id is known before anything is written, so that an outcome is plain data and a batch needs no returned keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Protocol

from doorstep.kit.refusals import Refusal


class Fetches(Protocol):
    async def fetch(self, query: str, *args: Any) -> list[Any]: ...


# A block is what one `nextval` hands out: the sequence steps by this much.
BLOCK = 256
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


class Ids:
    """A supply of fresh numbers, shared by everything in this process."""

    def __init__(self) -> None:
        self._free: list[range] = []

    async def draw(self, connection: Fetches, count: int) -> Iterator[int]:
        """So many fresh ids; drawing more from the iterator is a bug and raises StopIteration."""
        # While one task waits for blocks, another may draw what was free.
        while (missing := count - sum(map(len, self._free))) > 0:
            blocks = await connection.fetch(NEXT_BLOCKS, -(-missing // BLOCK))
            self._free.extend(range(row[0], row[0] + BLOCK) for row in blocks)
        # From here to the end nothing is awaited: no other task can draw the same numbers.
        drawn: list[int] = []
        while len(drawn) < count:
            block, wanted = self._free.pop(0), count - len(drawn)
            drawn.extend(block[:wanted])
            if block[wanted:]:
                self._free.insert(0, block[wanted:])
        return iter(drawn)
