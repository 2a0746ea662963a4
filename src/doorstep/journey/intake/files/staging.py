"""staging: the rows of a shop's files, set down on disk and given back order by order, in the order of time.

A file may hold an order's rows far apart, several files may each hold a part of it, and a credit may stand before the
sale it is about. So all rows are written to a scratch database first (a file that goes when it is closed: memory stays
small whatever the size), and read back sorted by when each order was placed, then by its key, whatever the order of
the files was.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import msgspec

SCHEMA = """
pragma journal_mode = off;
pragma synchronous = off;
pragma locking_mode = exclusive;
pragma temp_store = file;
pragma cache_size = -40000;
create table part (key text not null, owner integer not null, seq integer not null, file integer not null,
  line integer not null, cells blob not null);
create table placed (key text primary key, at integer not null) without rowid;
create table looked_up (owner integer not null, id text not null, cells blob not null, primary key (owner, id))
  without rowid;
"""
ADD_PARTS = "insert into part values (?, ?, ?, ?, ?, ?)"
ADD_PLACED = (
    "insert into placed values (?, ?) on conflict (key) do update set at = min(at, excluded.at) where excluded.at < at"
)
ADD_LOOKED_UP = "insert or ignore into looked_up values (?, ?, ?)"
LOOK_UP = "select cells from looked_up where owner = ? and id = ?"
BY_KEY = "create index part_key on part (key, owner, seq)"
WITHOUT_ORDER = """
select p.owner, p.file, p.line, p.key from part p left join placed o on o.key = p.key where o.key is null
  order by p.file, p.line
"""
IN_TIME = """
select o.key, o.at, p.owner, p.file, p.line, p.cells from placed o cross join part p on p.key = o.key
  order by o.at, o.key, p.owner, p.seq
"""
BATCH = 2000
MOST_REMEMBERED = 20_000

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[str]).decode


@dataclass(frozen=True, slots=True)
class Part:
    """A row of an order, as it stood in its table."""

    owner: int  # which table
    file: int
    line: int
    texts: list[str]


class Staging:
    """begin(); add(…) …; seal(); for key, at, parts in in_time(): …; close()"""

    def __init__(self) -> None:
        self._scratch = sqlite3.connect("", isolation_level=None)
        self._parts: list[tuple[str, int, int, int, int, bytes]] = []
        self._placed: dict[str, int] = {}
        self._looked_up: list[tuple[int, str, bytes]] = []
        self._known: dict[tuple[int, str], list[str] | None] = {}
        self._seq = 0

    def begin(self) -> None:
        self._scratch.executescript(SCHEMA)
        self._scratch.execute("begin")

    def close(self) -> None:
        self._scratch.close()

    def add(self, owner: int, key: str, file: int, line: int, texts: list[str], at: int | None) -> None:
        """A row of the order `key`; `at`: when it was placed, if this row tells (any whole number that sorts)."""
        self._seq += 1
        self._parts.append((key, owner, self._seq, file, line, _encode(texts)))
        if at is not None:
            before = self._placed.get(key)
            if before is None or at < before:
                self._placed[key] = at
        if len(self._parts) >= BATCH:
            self._write()

    def add_looked_up(self, owner: int, id: str, texts: list[str]) -> None:
        """A row that others point to; of several with one id the first counts."""
        self._looked_up.append((owner, id, _encode(texts)))
        if len(self._looked_up) >= BATCH:
            self._write()

    def seal(self) -> int:
        """All rows are in; answers how many of them belong to orders."""
        self._write()
        self._scratch.execute("commit")
        self._scratch.execute(BY_KEY)
        return self._seq

    def without_order(self) -> Iterator[Part]:
        """Rows of lines or payments whose order is nowhere; the key is their only text."""
        for owner, file, line, key in self._scratch.execute(WITHOUT_ORDER):
            yield Part(owner, file, line, [key])

    def in_time(self) -> Iterator[tuple[str, int, list[Part]]]:
        """Every order's key, when it was placed, and its rows, oldest order first."""
        rows = self._scratch.execute(IN_TIME)
        for (key, at), parts in groupby(rows, itemgetter(0, 1)):
            yield key, at, [Part(owner, file, line, _decode(cells)) for _, _, owner, file, line, cells in parts]

    def look_up(self, owner: int, id: str) -> list[str] | None:
        known = self._known
        if (owner, id) not in known:
            if len(known) >= MOST_REMEMBERED:
                known.clear()
            row = self._scratch.execute(LOOK_UP, (owner, id)).fetchone()
            known[owner, id] = _decode(row[0]) if row else None
        return known[owner, id]

    def _write(self) -> None:
        self._scratch.executemany(ADD_PARTS, self._parts)
        self._scratch.executemany(ADD_PLACED, _items(self._placed))
        self._scratch.executemany(ADD_LOOKED_UP, self._looked_up)
        self._parts, self._placed, self._looked_up = [], {}, []


def _items(placed: dict[str, int]) -> Iterable[tuple[str, int]]:
    return placed.items()
