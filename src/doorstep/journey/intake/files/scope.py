"""scope: the tables of a mapping opened, and the columns that its fields can name, each at its place in one long row.

A row of lines is seen together with what it points to: the order's row, the product, the seller. Its own columns are
named as they are (`price`), those of others by their table (`sellers.seller_city`), or alone where nobody else has the
name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from os import PathLike
from pathlib import Path

from doorstep.journey.intake.files.expressions import NotAnExpression, test_formula, text_formula, text_of, truth_of
from doorstep.journey.intake.files.mapping import Field, NotAMapping, Said
from doorstep.journey.intake.files.mapping import Mapping as Mapped
from doorstep.journey.intake.files.mapping import Table as SaidTable
from doorstep.journey.intake.files.tables import BadRow, Row, expand, name_within, open_table

# The one table of a mapping that names none.
ROWS = "rows"

Getter = Callable[[Sequence[str]], str]
Test = Callable[[Sequence[str]], bool]


@dataclass(slots=True)
class Opened:
    """A table of the mapping: its files, and every column that any of them has."""

    name: str
    said: SaidTable
    owner: int
    files: list[Path] = field(default_factory=list)
    header: tuple[str, ...] = ()

    def rows(self, file: Path) -> Iterator[tuple[int, list[str]] | BadRow]:
        """The rows of one of its files, each with the line it stands on, in the order of `header`."""
        table = open_table(file)
        if tuple(table.header) == self.header:
            return _as_they_are(table)
        places = [table.header.index(name) if name in table.header else None for name in self.header]
        return _put_in_order(table, places)


def _as_they_are(table: Iterable[Row | BadRow]) -> Iterator[tuple[int, list[str]] | BadRow]:
    for row in table:
        yield row if isinstance(row, BadRow) else _checked(row)


def _put_in_order(table: Iterable[Row | BadRow], places: list[int | None]) -> Iterator[tuple[int, list[str]] | BadRow]:
    for row in table:
        if isinstance(row, BadRow) or isinstance(checked := _checked(row), BadRow):
            yield row if isinstance(row, BadRow) else checked
            continue
        line, texts = checked
        yield line, ["" if place is None else texts[place] for place in places]


def _checked(row: Row) -> tuple[int, list[str]] | BadRow:
    """A row with more cells than the header has shifted: nobody knows which cell is which."""
    if row.extra and any(extra.strip() for extra in row.extra):
        return BadRow(file=row.file, line=row.line, reason="too_many_cells", value=row.extra[0][:200])
    return row.line, row.texts


def open_tables(mapping: Mapped, paths: Sequence[str | PathLike[str]]) -> tuple[dict[str, Opened], list[BadRow]]:
    """The tables by name, and what was among the files but is none of them. Refuses NotAMapping for a missing one."""
    files, strangers = expand(paths)
    said = mapping.tables or {ROWS: SaidTable(files="*", key=mapping.order.key)}
    tables = {name: Opened(name, table, owner) for owner, (name, table) in enumerate(said.items())}
    for file in files:
        mine = next((table for table in tables.values() if fnmatch(name_within(file), table.said.files)), None)
        if mine is None:
            strangers.append(BadRow(file=str(file), line=0, reason="file_not_mapped", rows=0))
        else:
            mine.files.append(file)
            header = open_table(file).header
            mine.header += tuple(name for name in header if name not in mine.header)
    for table in tables.values():
        if not table.files:
            raise NotAMapping(problem=f"no file is the table {table.name}: none is called like {table.said.files}")
        for column in (table.said.key, table.said.id):
            if column and column not in table.header:
                raise NotAMapping(problem=f"the files of {table.name} have no column {column}")
    return tables, strangers


class Scope:
    """The columns that a table's row shows, those of its neighbors included."""

    def __init__(self, tables: Mapping[str, Opened], *names: str) -> None:
        self.chain = [tables[name] for name in _with_looked_up(tables, names)]
        self.columns: dict[str, int] = {}
        place = 0
        for table in self.chain:
            for column in table.header:
                self.columns.setdefault(column, place)
                self.columns[f"{table.name}.{column}"] = place
                place += 1

    def getter(self, said: Said) -> Getter | None:
        """What this field says of a row, as text; None when the mapping leaves it out."""
        if isinstance(said, str):
            return self._text(said) if said else None
        if said.value is not None:
            always = text_of(said.value) if isinstance(said.value, str | bool) else str(said.value)
            return lambda row: always
        inner = self._text(said.of)
        return inner if said.values is None and said.otherwise is None else _translated(inner, said)

    def test(self, said: Said) -> Test | None:
        """Whether this field says yes of a row."""
        if isinstance(said, str) and said:
            return test_formula(said, self.columns)
        get = self.getter(said)
        return None if get is None else lambda row: truth_of(get(row))

    def _text(self, said: str) -> Getter:
        if not said and said not in self.columns:
            raise NotAnExpression(expression=said, problem="a field says of which column it is, or a value")
        return text_formula(said, self.columns)


def _translated(inner: Getter, said: Field) -> Getter:
    words, otherwise = said.values or {}, said.otherwise

    def get(row: Sequence[str]) -> str:
        word = inner(row)
        return words.get(word.strip(), word if otherwise is None else otherwise)

    return get


def _with_looked_up(tables: Mapping[str, Opened], names: Sequence[str]) -> list[str]:
    """These tables, each followed by those that its rows point to."""
    chain: list[str] = []
    for name in names:
        waiting = [name]
        while waiting:
            this = waiting.pop(0)
            if this not in chain:
                chain.append(this)
                waiting += [n for n, t in tables.items() if t.said.by.partition(".")[0] == this]
    return chain
