"""statement: many tables written by one statement, each of them once; rows travel as an array per column.

The fixed price of a statement (starting it, planning, a round trip) is what a small batch pays, so `record` collects
what it writes in parts and sends them together. Parts of one statement do not see each other's rows: what writes a
table a second time goes into the next statement. The text depends on the shape only (tables and columns), so that
the database plans it once per connection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from operator import itemgetter
from typing import Any, Literal, NamedTuple, Protocol

import msgspec


class RowsMissing(AssertionError):
    """A statement changed another number of rows than it was given: something would have been lost."""

    def __init__(self, table: str, given: int, changed: int) -> None:
        super().__init__(f"{table}: {given} rows were to change, {changed} did")
        self.table = table


class Reads(Protocol):
    async def fetch(self, query: str, *args: Any) -> list[Any]: ...


OWNED_COLUMNS = """
select c.relname, a.attname, format_type(a.atttypid, null) as type, pg_get_expr(d.adbin, d.adrelid) as unset
  from pg_attribute a join pg_class c on c.oid = a.attrelid
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum and a.attgenerated = ''
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relrowsecurity
    and a.attnum > 0 and not a.attisdropped
"""

# Numbers, words and moments travel as the text of their array: the driver looks at each element of an array several
# times, and what it saves the database in reading it is less than that.
NUMBERS = frozenset({"bigint", "integer", "smallint", "numeric"})
SPELLED = NUMBERS | {"text", "boolean", "date", "timestamptz", "timestamp with time zone"}
# What has no array of its own on the wire goes as its text, element by element: it is full of quotes.
AS_IT_IS = "varchar"
_AS_JSON = msgspec.json.Encoder().encode
AS_TEXT = frozenset({"jsonb", "json", "text[]", "xid8"})
# So many rows are looked into one by one; six columns of words cost as much either way at about a hundred.
FEW_ROWS = 64
# How the rows of a part travel: one is spelled out, more go as arrays. A text for each number of them would be planned,
# and the plan kept, for every combination of numbers that orders come in.
Size = Literal["one", "few", "many"]


def passed(kind: str, number: int) -> str:
    """A parameter that carries an array of this type."""
    return f"${number}::text::{kind}[]" if kind in SPELLED else f"${number}::{kind}[]"


def sent(kind: str, values: Sequence[Any]) -> Any:
    """The array as its parameter takes it."""
    return _spelled(values) if kind in SPELLED else values


def _spelled(values: Sequence[Any]) -> str:
    """An array as PostgreSQL spells it: as JSON does, as long as no text has what JSON escapes in its own way.

    Of a quote and of a backslash both make the same.
    """
    told = _AS_JSON(values).decode()
    if "\\" in told and "\\" in told.replace("\\\\", "").replace('\\"', ""):
        return "{" + ",".join(["NULL" if value is None else f'"{_escaped(str(value))}"' for value in values]) + "}"
    return "{" + told[1:-1] + "}"


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace('"', '\\"')


@dataclass(slots=True)
class Columns:
    """The type of each column of the merchants' tables, and the statements made of them before."""

    types: dict[tuple[str, str], str] = field(default_factory=dict)
    # What a column holds when it is left out; of columns where that is a plain value.
    unset: dict[tuple[str, str], Any] = field(default_factory=dict)
    made: dict[tuple[Any, ...], str] = field(default_factory=dict)

    async def load(self, connection: Reads) -> None:
        rows = await connection.fetch(OWNED_COLUMNS)
        self.types = {(row["relname"], row["attname"]): row["type"] for row in rows}
        found = (((row["relname"], row["attname"]), _plain_default(row["unset"], row["type"])) for row in rows)
        self.unset = {column: value for column, value in found if value is not ...}
        self.made.clear()

    def kind(self, table: str, column: str) -> str:
        """What the column's values travel as."""
        kind = self.types[table, column]
        return AS_IT_IS if kind in AS_TEXT else kind

    def read(self, table: str, column: str) -> str:
        """The column as the statement takes it from the rows `d`."""
        kind = self.types[table, column]
        return f"d.{column}::{kind}" if kind in AS_TEXT else f"d.{column}"

    def told(self, table: str, column: str, values: Sequence[Any]) -> Sequence[Any]:
        """The column's values as they travel."""
        kind = self.types[table, column]
        if kind in ("jsonb", "json"):
            return [None if value is None else _AS_JSON(value).decode() for value in values]
        if kind == "text[]":
            return [None if value is None else _spelled(value) for value in values]
        return values


def _plain_default(expression: str | None, kind: str) -> Any:
    """The value of a column's default; ... when it is none that can be compared."""
    if expression is None:
        return None
    if kind == "boolean":
        return expression == "true"
    if kind in NUMBERS:
        return int(expression) if expression.isdigit() else ...
    quoted = re.fullmatch(r"'((?:[^']|'')*)'::[a-z\[\] ]+", expression)
    if quoted and kind == "text":
        return quoted[1].replace("''", "'")
    empty: dict[str, Any] = {"{}": [] if kind == "text[]" else {}, "[]": []}
    return empty.get(quoted[1], ...) if quoted and kind in ("jsonb", "json", "text[]") else ...


class Given(NamedTuple):
    """What a part is given: its parameters' numbers, and how its rows travel."""

    numbers: Iterator[int]
    size: Size

    def rows(self, columns: Sequence[tuple[str, str]]) -> str:
        """Rows `d` of these columns, each with its type, numbered by `at`.

        The one row of a single outcome is spelled out, value by value: what arrays cost beside the rows in them, their
        reading and taking apart, is more than it.

        Of a few rows in arrays, one array is taken apart and the others are looked into by its numbers: taken apart all
        at once, each would be laid out in a store of its own first, which costs more than all that is done with the
        rows. A word is found by going past those before it, though, so that of many rows they are taken apart all the
        same. `offset 0` keeps the database from taking what is given for a table of its own, and joining all that there
        is with it.
        """
        names = [name for name, _ in columns]
        if self.size == "one":
            values = ", ".join(f"${next(self.numbers)}::{kind}" for _, kind in columns)
            return f"(values ({values}, 1::bigint) offset 0) d({', '.join(names)}, at)"
        arrays = [passed(kind, next(self.numbers)) for _, kind in columns]
        if self.size == "many":
            return f"unnest({', '.join(arrays)}) with ordinality d({', '.join(names)}, at)"
        told = ", ".join(f"{array} as a{n}" for n, array in enumerate(arrays))
        looked_up = "".join(f", p.a{n}[x.at] as {name}" for n, name in enumerate(names) if n)
        return (
            f"(select x.a as {names[0]}{looked_up}, x.at from (select {told} offset 0) p "
            "cross join lateral unnest(p.a0) with ordinality x(a, at) offset 0) d"
        )


class NewRows(NamedTuple):
    """New rows. `zeros`: columns that are nothing in all of them and have no default.

    There cannot be fewer than were given, so they are counted only where other parts read what they answer.
    """

    table: str
    columns: tuple[str, ...]
    zeros: tuple[str, ...] = ()
    returning: str = ""

    @property
    def carried(self) -> tuple[str, ...]:
        return self.columns

    def sql(self, types: Columns, given: Given) -> str:
        names = ", ".join((*self.columns, *self.zeros))
        values = ", ".join([*(types.read(self.table, name) for name in self.columns), *("0" for _ in self.zeros)])
        source = _given(types, self.table, self.columns, given)
        returning = f" returning {self.returning}" if self.returning else ""
        return f"insert into {self.table} as t ({names}) select {values} from {source}{returning}"


class Update(NamedTuple):
    """New values for rows found by their keys, of which a column may have to hold nothing yet."""

    table: str
    where: tuple[str, ...]
    values: tuple[str, ...]
    unless: str = ""

    @property
    def carried(self) -> tuple[str, ...]:
        return (*self.where, *self.values)

    def sql(self, types: Columns, given: Given) -> str:
        changes = ", ".join(f"{name} = {types.read(self.table, name)}" for name in self.values)
        source = _given(types, self.table, self.carried, given)
        still = f" and t.{self.unless} is null" if self.unless else ""
        return f"update {self.table} t set {changes} from {source} where {_same(self.where)}{still} returning 1"


class Delete(NamedTuple):
    """Rows that go."""

    table: str
    where: tuple[str, ...]

    @property
    def carried(self) -> tuple[str, ...]:
        return self.where

    def sql(self, types: Columns, given: Given) -> str:
        source = _given(types, self.table, self.carried, given)
        return f"delete from {self.table} t using {source} where {_same(self.where)} returning 1"


class Add(NamedTuple):
    """Add to counters of rows that are there; taken in the order given (`d.at`), which is the order of locks."""

    table: str
    keys: tuple[str, ...]
    counters: tuple[str, ...]
    returning: str = "1"

    @property
    def carried(self) -> tuple[str, ...]:
        return (*self.keys, *self.counters)

    def sql(self, types: Columns, given: Given) -> str:
        changes = ", ".join(f"{name} = t.{name} + d.{name}" for name in self.counters)
        source = _given(types, self.table, self.carried, given)
        return f"update {self.table} t set {changes} from {source} where {_same(self.keys)} returning {self.returning}"


class Drain(NamedTuple):
    """Take from a counter of rows that are there. One half of two: rows with something left, or those `emptied`."""

    table: str
    keys: tuple[str, ...]
    counter: str
    emptied: bool

    @property
    def carried(self) -> tuple[str, ...]:
        return (*self.keys, self.counter)

    def sql(self, types: Columns, given: Given) -> str:
        source = _given(types, self.table, self.carried, given)
        left = f"t.{self.counter} + d.{self.counter}"
        if self.emptied:
            return f"delete from {self.table} t using {source} where {_same(self.keys)} and {left} = 0 returning 1"
        return (
            f"update {self.table} t set {self.counter} = {left} from {source} "
            f"where {_same(self.keys)} and {left} <> 0 returning 1"
        )


class AddOrOpen(NamedTuple):
    """Add to counters, nothing below zero; a row that is not there is opened, with `more` in it.

    There cannot be fewer than were given; they are counted, and so come in their turn, where others want their locks.
    """

    table: str
    keys: tuple[str, ...]
    unique: tuple[str, ...]
    counters: tuple[str, ...]
    more: tuple[str, ...] = ()
    returning: str = ""

    @property
    def carried(self) -> tuple[str, ...]:
        return (*self.keys, *self.counters, *self.more)

    def sql(self, types: Columns, given: Given) -> str:
        columns = self.carried
        changes = ", ".join(f"{name} = t.{name} + excluded.{name}" for name in self.counters)
        values = ", ".join(types.read(self.table, name) for name in columns)
        source = _given(types, self.table, columns, given)
        returning = f" returning {self.returning}" if self.returning else ""
        return (
            f"insert into {self.table} as t ({', '.join(columns)}) select {values} from {source} "
            f"on conflict ({', '.join(self.unique)}) do update set {changes}{returning}"
        )


class Written(NamedTuple):
    """A part that is written out, with `{rows}` where its rows stand; `kinds`: the type of each column."""

    table: str
    text: str
    kinds: tuple[tuple[str, str], ...] = ()
    returning: str = ""

    def sql(self, types: Columns, given: Given) -> str:
        returning = f" returning {self.returning}" if self.returning else ""
        if not self.kinds:
            return self.text + returning
        return self.text.format(rows=given.rows(self.kinds)) + returning


def _is_counted(shape: Shape) -> bool:
    """What answers something is counted; the rest is done all the same, in no order that is told."""
    return not isinstance(shape, NewRows | AddOrOpen | Written) or shape.returning != ""


Shape = NewRows | Update | Delete | Add | Drain | AddOrOpen | Written


def _given(types: Columns, table: str, columns: Sequence[str], given: Given) -> str:
    return given.rows([(name, types.kind(table, name)) for name in columns])


def _columns(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> list[list[Any]]:
    """An array per column; there are two at least, the merchant's and another. Rows are looked into one by one."""
    return [list(column) for column in zip(*map(itemgetter(*names), rows), strict=True)]


def _same(keys: Sequence[str]) -> str:
    return " and ".join(f"t.{name} = d.{name}" for name in keys)


class Part(NamedTuple):
    """`name`: what other parts of the statement call it; `rows`: how many must change, None for as many as do.

    `with_next`: they are counted together with those of the part behind it.
    """

    name: str
    shape: Shape
    arrays: list[Any]
    rows: int | None
    size: Size = "few"
    with_next: bool = False


@dataclass(slots=True)
class Statements:
    """What is written, in the order of locks; a part goes into the first statement in which its table is free.

    `alone`: it is all of one outcome.
    """

    types: Columns
    alone: bool = False
    _parts: list[list[Part]] = field(default_factory=list)
    _last: dict[str, tuple[int, str]] = field(default_factory=dict)

    def insert(self, table: str, rows: Sequence[dict[str, Any]]) -> None:
        """Rows that all have the same columns."""
        if rows:
            given = tuple(rows[0])
            self.insert_arrays(table, given, _columns(rows, given), group="new")

    def insert_arrays(
        self,
        table: str,
        columns: Sequence[str],
        arrays: Sequence[list[Any]],
        zeros: tuple[str, ...] = (),
        *,
        group: str,
        name: str = "",
        returning: str = "",
    ) -> None:
        """A column that is in every row what it is anyway is left out: what does not travel costs nothing."""
        unset = self.types.unset
        told = [
            (column, array)
            for column, array in zip(columns, arrays, strict=True)
            if (value := unset.get((table, column), ...)) is ... or array[0] != value or array.count(value) < len(array)
        ]
        kept = [array for _, array in told]
        self.add(NewRows(table, tuple(column for column, _ in told), zeros, returning), kept, group=group, name=name)

    def update(
        self,
        table: str,
        where: tuple[str, ...],
        values: tuple[str, ...],
        rows: Sequence[dict[str, Any]],
        *,
        unless: str = "",
    ) -> None:
        self.add(Update(table, where, values, unless), _columns(rows, (*where, *values)))

    def delete(self, table: str, where: tuple[str, ...], rows: Sequence[dict[str, Any]]) -> None:
        self.add(Delete(table, where), _columns(rows, where))

    def add(self, shape: Shape, arrays: Sequence[list[Any]], *, group: str = "", name: str = "") -> None:
        """As many rows must change as were given. Parts of one group and table write no row of each other's."""
        self.put(shape, arrays, len(arrays[0]), group=group, name=name)

    def drain(
        self, table: str, keys: tuple[str, ...], counter: str, arrays: Sequence[list[Any]], *, group: str
    ) -> None:
        """Take from these rows; those that are empty then are gone."""
        self.put(Drain(table, keys, counter, emptied=False), arrays, group=group, with_next=True)
        self.add(Drain(table, keys, counter, emptied=True), arrays, group=group)

    def put(
        self,
        shape: Shape,
        arrays: Sequence[list[Any]],
        rows: int | None = None,
        *,
        group: str = "",
        name: str = "",
        with_next: bool = False,
    ) -> None:
        at, other = self._last.get(shape.table, (-1, ""))
        if at < 0 or not group or group != other:
            at += 1
        while len(self._parts) <= at:
            self._parts.append([])
        size = self._size(len(arrays[0]) if arrays else 0)
        carried = self._sent(shape, arrays, size)
        self._parts[at].append(Part(name or f"p{len(self._parts[at])}", shape, carried, rows, size, with_next))
        self._last[shape.table] = (at, group)

    def _size(self, rows: int) -> Size:
        if self.alone and rows == 1:
            return "one"
        return "many" if rows > FEW_ROWS else "few"

    def _sent(self, shape: Shape, arrays: Sequence[list[Any]], size: Size) -> list[Any]:
        told: Sequence[Sequence[Any]] = arrays
        if isinstance(shape, Written):
            kinds = [kind for _, kind in shape.kinds]
        else:
            kinds = [self.types.kind(shape.table, name) for name in shape.carried]
            named = zip(shape.carried, arrays, strict=True)
            told = [self.types.told(shape.table, name, array) for name, array in named]
        if size == "one":
            return [value for (value,) in told]
        return [sent(kind, array) for kind, array in zip(kinds, told, strict=True)]

    async def send(self, connection: Reads) -> None:
        """Write it all; RowsMissing when a part changed another number of rows than it was given."""
        for parts in self._parts:
            text = self._text(tuple((part.name, part.shape, part.size) for part in parts))
            (found,) = await connection.fetch(text, *(array for part in parts for array in part.arrays))
            before = 0
            for part, rows in zip([part for part in parts if _is_counted(part.shape)], found, strict=False):
                changed = before + rows
                before = changed if part.with_next else 0
                if part.rows is not None and changed != part.rows:
                    raise RowsMissing(part.shape.table, part.rows, changed)

    def _text(self, shapes: tuple[tuple[str, Shape, Size], ...]) -> str:
        made = self.types.made.get(shapes)
        if made is None:
            numbers = count(1)
            parts = ", ".join(
                f"{name} as ({shape.sql(self.types, Given(numbers, size))})" for name, shape, size in shapes
            )
            counts = ", ".join(f"(select count(*) from {name})" for name, shape, _ in shapes if _is_counted(shape))
            made = self.types.made[shapes] = f"with {parts} select {counts or 0}"
        return made
