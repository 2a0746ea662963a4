"""ids: whole numbers inside, prefixed words outside (`ord_1042`); taken from the database a block at a time.

Every id is known before anything is written, so that an outcome is plain data and a batch needs no returned keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from doorstep.kit.refusals import Refusal

if TYPE_CHECKING:
    from asyncpg import Connection, Record

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
    """A supply of fresh numbers, filled from the database before a rule runs, drawn from without I/O."""

    def __init__(self) -> None:
        self._free: list[range] = []

    def left(self) -> int:
        return sum(len(block) for block in self._free)

    async def fill(self, connection: Connection[Record], at_least: int) -> None:
        missing = at_least - self.left()
        if missing > 0:
            blocks = await connection.fetch(NEXT_BLOCKS, -(-missing // BLOCK))
            self._free.extend(range(row[0], row[0] + BLOCK) for row in blocks)

    def take(self) -> int:
        while self._free and not self._free[0]:
            self._free.pop(0)
        if not self._free:
            raise RuntimeError("the id supply is empty: the verb asked for fewer ids than it draws")
        block = self._free[0]
        self._free[0] = block[1:]
        return block[0]

    def __iter__(self) -> Iterator[int]:
        while True:
            yield self.take()
