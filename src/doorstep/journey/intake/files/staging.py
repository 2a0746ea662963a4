"""staging: the rows of a shop's files, set down on disk and given back order by order, in the order of time.

A file may hold an order's rows far apart, several files may each hold a part of it, and a credit may stand before the
sale it is about. So all rows are written to a scratch database first (a file that goes when it is closed: memory stays
small whatever the size), and read back sorted by when each order was placed, then by its key, whatever the order of
the files was. Rows of one order that stand together, as nearly all do, are one row of the scratch database.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import chain, groupby
from operator import attrgetter, itemgetter

import msgspec

SCHEMA = """
pragma journal_mode = off;
pragma synchronous = off;
pragma locking_mode = exclusive;
pragma temp_store = file;
pragma cache_size = -40000;
create table run (key text not null, seq integer not null, parts blob not null);
create table placed (key text primary key, at integer not null) without rowid;
create table looked_up (owner integer not null, id text not null, cells blob not null, primary key (owner, id))
  without rowid;
"""
ADD_RUNS = "insert into run values (?, ?, ?)"
ADD_PLACED = (
    "insert into placed values (?, ?) on conflict (key) do update set at = min(at, excluded.at) where excluded.at < at"
)
ADD_LOOKED_UP = "insert or ignore into looked_up values (?, ?, ?)"
LOOK_UP = "select cells from looked_up where owner = ? and id = ?"
BY_KEY = "create index run_key on run (key, seq)"
WITHOUT_ORDER = """
select r.key, r.parts from run r left join placed o on o.key = r.key where o.key is null order by r.seq
"""
IN_TIME = """
select o.key, o.at, r.parts from placed o cross join run r on r.key = o.key order by o.at, o.key, r.seq
"""
BATCH = 2000  # rows, or looked-up rows, that are written at once
LONGEST_RUN = 500
MOST_REMEMBERED = 20_000


class Part(msgspec.Struct, array_like=True, gc=False):
    """A row of an order, as it stood in its table."""

    owner: int  # which table
    file: int
    line: int
    texts: list[str]


_encode = msgspec.msgpack.Encoder().encode
_texts = msgspec.msgpack.Decoder(list[str]).decode
_parts = msgspec.msgpack.Decoder(list[Part]).decode


class Staging:
    """begin(); add(…) …; seal(); for key, at, parts in in_time(): …; close()"""

    def __init__(self) -> None:
        self._scratch = sqlite3.connect("", isolation_level=None)
        self._key, self._run = "", list[Part]()
        self._runs: list[tuple[str, int, bytes]] = []
        self._placed: dict[str, int] = {}
        self._looked_up: list[tuple[int, str, bytes]] = []
        self._known: dict[tuple[int, str], list[str] | None] = {}
        self._rows = self._waiting = 0

    def begin(self) -> None:
        self._scratch.executescript(SCHEMA)
        self._scratch.execute("begin")

    def close(self) -> None:
        self._scratch.close()

    def add(self, owner: int, key: str, file: int, line: int, texts: list[str], at: int | None) -> None:
        """A row of the order `key`; `at`: when it was placed, if this row tells (any whole number that sorts)."""
        if key != self._key or len(self._run) >= LONGEST_RUN:
            self._end_run()
            self._key = key
        self._run.append(Part(owner, file, line, texts))
        if at is not None:
            before = self._placed.get(key)
            if before is None or at < before:
                self._placed[key] = at

    def add_looked_up(self, owner: int, id: str, texts: list[str]) -> None:
        """A row that others point to; of several with one id the first counts."""
        self._looked_up.append((owner, id, _encode(texts)))
        if len(self._looked_up) >= BATCH:
            self._write()

    def seal(self) -> int:
        """All rows are in; answers how many of them belong to orders."""
        self._end_run()
        self._write()
        self._scratch.execute("commit")
        self._scratch.execute(BY_KEY)
        return self._rows

    def without_order(self) -> Iterator[Part]:
        """Rows of lines or payments whose order is nowhere; the key is their only text."""
        for key, parts in self._scratch.execute(WITHOUT_ORDER):
            for part in _parts(parts):
                yield Part(part.owner, part.file, part.line, [key])

    def in_time(self) -> Iterator[tuple[str, int, list[Part]]]:
        """Every order's key, when it was placed, and its rows, oldest order first."""
        rows = self._scratch.execute(IN_TIME)
        for (key, at), runs in groupby(rows, itemgetter(0, 1)):
            parts = list(chain.from_iterable(_parts(run) for _, _, run in runs))
            parts.sort(key=attrgetter("owner"))
            yield key, at, parts

    def look_up(self, owner: int, id: str) -> list[str] | None:
        known = self._known
        if (owner, id) not in known:
            if len(known) >= MOST_REMEMBERED:
                known.clear()
            row = self._scratch.execute(LOOK_UP, (owner, id)).fetchone()
            known[owner, id] = _texts(row[0]) if row else None
        return known[owner, id]

    def _end_run(self) -> None:
        if not self._run:
            return
        self._rows += len(self._run)
        self._waiting += len(self._run)
        self._runs.append((self._key, self._rows, _encode(self._run)))
        self._run = []
        if self._waiting >= BATCH:
            self._write()

    def _write(self) -> None:
        self._scratch.executemany(ADD_RUNS, self._runs)
        self._scratch.executemany(ADD_PLACED, self._placed.items())
        self._scratch.executemany(ADD_LOOKED_UP, self._looked_up)
        self._runs, self._placed, self._looked_up, self._waiting = [], {}, [], 0
