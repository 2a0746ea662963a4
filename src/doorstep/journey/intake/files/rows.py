"""rows: what a table gives out: a row under its header, or what could not be one, and why."""

from __future__ import annotations

from functools import cached_property

import msgspec

from doorstep.kit.refusals import Refusal

BYTE_ORDER_MARK = "\ufeff"


class NotReadable(Refusal):
    """This file is not what its name says, or it cannot be read."""

    status = 422

    def __init__(self, *, file: str, reason: str) -> None:
        """A file's name may be no text, and still has to be told."""
        super().__init__(file=file.encode(errors="replace").decode(), reason=reason)


class Row(msgspec.Struct, frozen=True, dict=True):
    """One row under its header: a text per column, "" where the row has none.

    `missing`: cells that the row is short of; `extra`: those beyond the header. `guessed`: some of its text was not
    UTF-8 and was read as Windows-1252.
    """

    file: str
    line: int
    texts: list[str]
    header: tuple[str, ...]
    last_line: int = 0
    missing: int = 0
    extra: tuple[str, ...] = ()
    guessed: bool = False

    @cached_property
    def cells(self) -> dict[str, str]:
        """The texts by their columns."""
        return dict(zip(self.header, self.texts, strict=True))


class BadRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row (or, at line 0, a file) that could not be taken, and why.

    `rows`: how many rows are lost with it; none where it is only a note about the file.
    """

    file: str
    line: int
    column: str = ""
    reason: str
    value: str = ""
    rows: int = 1


def named_columns(cells: list[str]) -> tuple[str, ...]:
    """Names trimmed; a repeated name gets its count, a blank one its place, so that no cell hides another."""
    taken = {cell.strip() for cell in cells}
    seen: dict[str, int] = {}
    names: list[str] = []
    for place, cell in enumerate(cells, 1):
        name = cell.strip() or f"column {place}"
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            name = _not_taken(name, seen, taken)
        names.append(name)
    return tuple(names)


def _not_taken(name: str, seen: dict[str, int], taken: set[str]) -> str:
    """`Name (2)`, or the next number that no other column is called."""
    while f"{name} ({seen[name]})" in taken:
        seen[name] += 1
    return f"{name} ({seen[name]})"


class Header:
    """The columns, and how to tell a row that is the header once more: where files were glued together."""

    def __init__(self, cells: list[str]) -> None:
        self.names = named_columns(cells)
        self.width = len(self.names)
        first = cells[0].strip()
        # A file that was glued on may have brought its byte order mark along.
        firsts = {first, f"{BYTE_ORDER_MARK}{first}", f'{BYTE_ORDER_MARK}"{first}"'}
        self._firsts = firsts if self.width > 1 and any(map(str.strip, cells)) else set()
        self._first = cells[0]

    def is_repeated(self, cells: list[str]) -> bool:
        if cells[0].strip() not in self._firsts:
            return False
        return named_columns([self._first, *cells[1 : self.width]]) == self.names
