"""workbook: an Excel file (.xlsx, .xlsm) read as a table: one sheet, row by row, its cells as text.

The sheet is the one that is named, or else the first that holds a table: visible before hidden. What else holds rows
is told. Read straight from the XML and never as a whole: two cells at the far corners of a sheet of a few kilobytes
would be a table of seventeen billion cells.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import IO
from zipfile import ZipFile, ZipInfo

from doorstep.journey.intake.files.number_formats import Shown, shown_as
from doorstep.journey.intake.files.packed import unpacking
from doorstep.journey.intake.files.rows import BadRow, Header, NotReadable, Row
from doorstep.journey.intake.files.sheet import DAMAGED, SheetRow, Strings, elements, rows_of

LOOKED_AT = 20  # rows, to find the header among titles and remarks


@dataclass(frozen=True, slots=True)
class Sheet:
    name: str
    part: str
    hidden: bool


def read(
    archive: ZipFile, entries: Mapping[str, ZipInfo], file: str, wanted: str = ""
) -> tuple[tuple[str, ...], Iterator[Row | BadRow]]:
    """The header, and the rows to come. `wanted` is the name of a sheet."""
    book = _Book(archive, entries, file)
    sheets = [book.named(wanted)] if wanted else book.sheets
    heads = [list(islice(book.rows(sheet), LOOKED_AT)) for sheet in sheets]
    chosen = _first_table(heads)
    if chosen is None:
        raise NotReadable(file=file, reason="it is empty")
    at = _header_at(heads[chosen])
    header = Header(heads[chosen][at][1])
    notes = list(_notes(sheets, heads, chosen, file))
    rows = islice(book.rows(sheets[chosen]), at, None)
    above = [_above(row, file) for row in heads[chosen][:at]]
    return header.names, chain(notes, above, _rows(rows, header, file))


def _rows(rows: Iterator[SheetRow], header: Header, file: str) -> Iterator[Row | BadRow]:
    names, width = header.names, header.width
    next(rows)
    for line, cells in rows:
        if header.is_repeated(cells):
            yield BadRow(file=file, line=line, reason="header_repeated", value=cells[0])
        else:
            # A sheet does not say of a cell at the end of a row whether it is missing or blank: it is blank.
            texts = cells if len(cells) == width else cells[:width] + [""] * (width - len(cells))
            yield Row(file, line, texts, names, line, 0, tuple(cells[width:]))


def _above(row: SheetRow, file: str) -> BadRow:
    said = " ".join(cell.strip() for cell in row[1] if cell.strip())
    return BadRow(file=file, line=row[0], reason="above_header", value=said[:200])


# Which sheet, which row


def _first_table(heads: Sequence[Sequence[SheetRow]]) -> int | None:
    """The first sheet with several columns and a row under its header; or else the first that says anything."""
    for place, head in enumerate(heads):
        if len(head) > 1 and max(_width(row) for row in head) > 1 and _header_at(head) + 1 < len(head):
            return place
    return next((place for place, head in enumerate(heads) if head), None)


def _header_at(head: Sequence[SheetRow]) -> int:
    """Titles and remarks above a table fill a cell or two: the header is the first row that fills more than half."""
    widest = max(_width(row) for row in head)
    return next(place for place, row in enumerate(head) if _width(row) * 2 > widest)


def _width(row: SheetRow) -> int:
    return sum(1 for cell in row[1] if cell.strip())


def _notes(sheets: Sequence[Sheet], heads: Sequence[Sequence[SheetRow]], chosen: int, file: str) -> Iterator[BadRow]:
    for place, (sheet, head) in enumerate(zip(sheets, heads, strict=True)):
        if place == chosen and sheet.hidden:
            yield BadRow(file=file, line=0, reason="sheet_hidden", value=sheet.name, rows=0)
        elif place != chosen and head:
            reason = "sheet_hidden_not_read" if sheet.hidden else "sheet_not_read"
            yield BadRow(file=file, line=0, reason=reason, value=sheet.name, rows=0)


# The parts of a workbook


class _Book:
    """Where its sheets are, their shared texts, and what the formats of its cells mean."""

    def __init__(self, archive: ZipFile, entries: Mapping[str, ZipInfo], file: str) -> None:
        self._archive, self._file = archive, file
        self._parts = {name.casefold(): part for name, part in entries.items()}
        home = next((to for kind, to in self._related("").values() if kind == "officeDocument"), "xl/workbook.xml")
        related = self._related(home)
        others = dict(related.values())
        self.sheets: list[Sheet] = []
        self._from_1904 = False
        self._read_list(home, related)
        self._strings = Strings()
        if "sharedStrings" in others:
            self._strings.read(self._opened(others["sharedStrings"]), file)
        self._shown = self._formats(others["styles"]) if "styles" in others else {}

    def rows(self, sheet: Sheet) -> Iterator[SheetRow]:
        return rows_of(self._opened(sheet.part), self._strings, self._shown, self._file)

    def named(self, name: str) -> Sheet:
        for sheet in self.sheets:
            if sheet.name.strip().casefold() == name.strip().casefold():
                return sheet
        names = ", ".join(sheet.name for sheet in self.sheets)
        raise NotReadable(file=self._file, reason=f"it has no sheet {name}; its sheets are: {names}")

    def _read_list(self, home: str, related: Mapping[str, tuple[str, str]]) -> None:
        """Visible sheets before hidden ones; what is only a chart is none."""
        for inside, name, said in elements(self._opened(home), self._file):
            if name == "workbookPr":
                self._from_1904 = said.get("date1904") in ("1", "true")
            elif (inside, name) == ("sheets", "sheet"):
                kind, target = related.get(said.get("id", ""), ("", ""))
                if kind == "worksheet":
                    hidden = said.get("state", "visible") != "visible"
                    self.sheets.append(Sheet(said.get("name", ""), target, hidden))
        self.sheets.sort(key=lambda sheet: sheet.hidden)

    def _formats(self, styles: str) -> dict[str, Shown]:
        """How a number is told, by the style of its cell."""
        codes: dict[str, str] = {}
        shown: dict[str, Shown] = {}
        for inside, name, said in elements(self._opened(styles), self._file):
            if (inside, name) == ("numFmts", "numFmt"):
                codes[said.get("numFmtId", "")] = said.get("formatCode", "")
            elif (inside, name) == ("cellXfs", "xf"):
                number = said.get("numFmtId", "")
                built_in = int(number) if number.isdecimal() else 0
                shown[str(len(shown))] = shown_as(built_in, codes.get(number, ""), self._from_1904)
        return shown

    def _related(self, part: str) -> dict[str, tuple[str, str]]:
        """What belongs to a part of the workbook, by id: its kind, and where it is."""
        folder, name = posixpath.split(part)
        told = posixpath.join(folder, "_rels", f"{name}.rels")
        if told.casefold() not in self._parts:
            return {}
        return {
            said.get("Id", ""): (said.get("Type", "").rpartition("/")[2], _target(folder, said.get("Target", "")))
            for _, kind, said in elements(self._opened(told), self._file)
            if kind == "Relationship"
        }

    def _opened(self, part: str) -> IO[bytes]:
        entry = self._parts.get(part.casefold())
        if entry is None:
            raise NotReadable(file=self._file, reason=DAMAGED)
        with unpacking(self._file):
            return self._archive.open(entry)


def _target(folder: str, target: str) -> str:
    """Where a relation leads, from the root of the archive."""
    return posixpath.normpath(posixpath.join("/", folder, target.replace("\\", "/"))).lstrip("/")
