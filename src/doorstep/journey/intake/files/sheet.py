"""sheet: the XML of an Excel file, a piece at a time: the rows of a sheet, the texts that sheets share, plain lists."""

from __future__ import annotations

import re
import tempfile
from array import array
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import IO
from xml.parsers import expat

from doorstep.journey.intake.files.number_formats import Shown, plain_number
from doorstep.journey.intake.files.packed import unpacking
from doorstep.journey.intake.files.rows import NotReadable

CHUNK = 1 << 16
LONGEST_TEXT = 1 << 20  # letters of a cell; Excel's own limit is 32,767
LARGEST_ROW = 16 << 20  # letters of all its cells
LONGEST_TAG = 4 << 20  # bytes
MOST_COLUMNS = 16_384
KEPT = 200_000  # shared texts that are kept in memory,
KEPT_LETTERS = 8 << 20  # up to so many letters of them
TOO_LONG = "a cell is longer than 1 MB: this is not a table"
DAMAGED = "the spreadsheet is damaged: open it, and save it anew"

# How a text says a letter that XML cannot hold: _x000D_.
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")

# A row's number, and its cells up to the last that says something.
SheetRow = tuple[int, list[str]]


def rows_of(stream: IO[bytes], strings: Strings, shown: Mapping[str, Shown], file: str) -> Iterator[SheetRow]:
    """The rows of a sheet that say something. `shown`: how its numbers are told, by the style of their cell."""
    sheet = _Sheet(strings, shown)
    with stream:
        for _ in _parsed(stream, sheet, file):
            yield from sheet.done
            sheet.done.clear()
        yield from sheet.done


def elements(stream: IO[bytes], file: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Every element: the name of the one it stands in, its own, and its attributes."""
    found = _Elements()
    with stream:
        for _ in _parsed(stream, found, file):
            yield from found.done
            found.done.clear()
        yield from found.done


class Strings:
    """The texts that the sheets of a workbook share, by their number. Those beyond some megabytes are on disk."""

    def __init__(self) -> None:
        self._kept: list[str] = []
        self._letters = 0
        self._file: IO[bytes] | None = None
        self._ends = array("Q", [0])

    def read(self, stream: IO[bytes], file: str) -> None:
        found = _Texts()
        with stream:
            for _ in _parsed(stream, found, file):
                self._add(found.done)
                found.done.clear()
            self._add(found.done)

    def _add(self, texts: list[str]) -> None:
        for text in texts:
            if self._file is None and len(self._kept) < KEPT and self._letters < KEPT_LETTERS:
                self._kept.append(text)
                self._letters += len(text)
            else:
                self._file = self._file or tempfile.TemporaryFile()  # noqa: SIM115 - goes with this object
                self._ends.append(self._ends[-1] + self._file.write(text.encode()))

    def __getitem__(self, number: int) -> str:
        if 0 <= number < len(self._kept):
            return self._kept[number]
        place = number - len(self._kept)
        if self._file is None or place < 0:
            raise IndexError(number)
        start, end = self._ends[place], self._ends[place + 1]
        self._file.seek(start)
        return self._file.read(end - start).decode()


# XML


class _Handler:
    """Takes what the parser finds. Names are compared with the prefix that the root element has."""

    over = False  # nothing more is wanted

    def begin(self, prefix: str) -> None: ...
    def start(self, name: str, attributes: dict[str, str]) -> None: ...
    def end(self, name: str) -> None: ...
    def data(self, text: str) -> None: ...

    def held(self) -> int:
        """Letters of the text that has not ended yet."""
        return 0


def _parsed(stream: IO[bytes], handler: _Handler, file: str) -> Iterator[None]:
    """A step for every piece that went through the parser. Reads to the end, where the checksum is looked at."""
    parser = _parser(handler)
    fed = 0
    while True:
        with unpacking(file):
            chunk = stream.read(CHUNK)
        try:
            if not handler.over:
                parser.Parse(chunk, not chunk)
        except (expat.ExpatError, ValueError, IndexError):
            raise NotReadable(file=file, reason=DAMAGED) from None
        except _TooLong:
            raise NotReadable(file=file, reason=TOO_LONG) from None
        if not chunk:
            return
        fed += len(chunk)
        if not handler.over and (fed - parser.CurrentByteIndex > LONGEST_TAG or handler.held() > LONGEST_TEXT):
            raise NotReadable(file=file, reason=TOO_LONG)
        yield


def _parser(handler: _Handler) -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def root(name: str, attributes: dict[str, str]) -> None:
        prefix, colon, _ = name.rpartition(":")
        handler.begin(prefix + colon)
        parser.StartElementHandler = handler.start
        handler.start(name, attributes)

    def doctype(*_: object) -> None:
        raise ValueError  # no spreadsheet declares one; it would be a way to make much out of little

    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = root
    parser.EndElementHandler = handler.end
    parser.CharacterDataHandler = handler.data
    return parser


class _TooLong(Exception):
    """More text than a cell, or than a row, can have."""


class _Elements(_Handler):
    def __init__(self) -> None:
        self.done: list[tuple[str, str, dict[str, str]]] = []
        self._open = [""]

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        self.done.append((self._open[-1], name, {key.rpartition(":")[2]: value for key, value in attributes.items()}))
        self._open.append(name)

    def end(self, name: str) -> None:
        self._open.pop()


class _Texts(_Handler):
    """The shared texts: what stands in `t`, of one piece or of several, without readings (`rPh`)."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self._text: list[str] = []
        self._taking = self._reading = False

    def begin(self, prefix: str) -> None:
        self._si, self._t, self._ph = f"{prefix}si", f"{prefix}t", f"{prefix}rPh"

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == self._t:
            self._taking = not self._reading
        elif name == self._ph:
            self._reading = True

    def end(self, name: str) -> None:
        if name == self._t:
            self._taking = False
        elif name == self._si:
            self.done.append(plain_text("".join(self._text)))
            self._text.clear()
        elif name == self._ph:
            self._reading = False

    def data(self, text: str) -> None:
        if self._taking:
            self._text.append(text)

    def held(self) -> int:
        return sum(map(len, self._text))


class _Sheet(_Handler):
    """The rows of a sheet, as they end."""

    def __init__(self, strings: Strings, shown: Mapping[str, Shown]) -> None:
        self.done: list[SheetRow] = []
        self._strings, self._shown = strings, shown
        self._text: list[str] = []
        self._formula: list[str] = []
        self._into: list[str] | None = None
        self._reading = False
        self._cell: dict[str, str] = {}
        self._cells: list[str] = []
        self._line = self._column = self._letters = 0

    def begin(self, prefix: str) -> None:
        self._row, self._c, self._v, self._t, self._f = (f"{prefix}{name}" for name in ("row", "c", "v", "t", "f"))
        self._ph, self._all = f"{prefix}rPh", f"{prefix}sheetData"

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == self._c:
            self._cell = attributes
            reference = attributes.get("r")
            self._column = self._column + 1 if reference is None else column_of(reference.rstrip("0123456789"))
        elif name == self._v or name == self._t:
            self._into = None if self._reading else self._text
        elif name == self._row:
            self._line = int(attributes.get("r") or self._line + 1)
            self._column = self._letters = 0
        elif name == self._f:
            self._into = self._formula
        elif name == self._ph:
            self._reading = True

    def end(self, name: str) -> None:
        if name == self._v:
            self._into = None
        elif name == self._c:
            self._end_cell()
        elif name == self._row:
            if any(map(str.strip, self._cells)):
                self.done.append((self._line, self._cells))
            self._cells = []
        elif name == self._ph:
            self._reading = False
        elif name == self._all:
            self.over = True
        else:
            self._into = None

    def data(self, text: str) -> None:
        if self._into is not None:
            self._into.append(text)

    def held(self) -> int:
        return sum(map(len, self._text)) + sum(map(len, self._formula))

    def _end_cell(self) -> None:
        text = self._told()
        self._text.clear()
        self._formula.clear()
        if not text:
            return
        self._letters += len(text)
        if self._letters > LARGEST_ROW:
            raise _TooLong
        cells, at = self._cells, self._column - 1
        if at == len(cells):
            cells.append(text)
        else:
            cells.extend([""] * (at + 1 - len(cells)))
            cells[at] = text

    def _told(self) -> str:
        """What the cell says. A formula that nobody has computed says itself."""
        text, kind = "".join(self._text), self._cell.get("t", "n")
        if kind == "s":
            return self._strings[int(text)] if text else ""
        if not text:
            return "=" + "".join(self._formula) if self._formula and kind != "str" else ""
        if kind == "n":
            return self._shown.get(self._cell.get("s", ""), plain_number)(text.strip())
        if kind == "b":
            return "FALSE" if text == "0" else "TRUE"
        if kind == "d":
            return text.replace("T", " ").removesuffix(" 00:00:00")
        return text if kind == "e" else plain_text(text)


@lru_cache(maxsize=MOST_COLUMNS)
def column_of(letters: str) -> int:
    """A is 1, Z is 26, AA is 27."""
    number = 0
    for letter in letters:
        number = number * 26 + "ABCDEFGHIJKLMNOPQRSTUVWXYZ".index(letter) + 1
        if number > MOST_COLUMNS:
            raise ValueError(letters)
    return number


def plain_text(text: str) -> str:
    """With the letters that XML cannot hold; a NUL or half a letter shows as the replacement character."""
    if "_x" not in text:
        return text
    told = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
    return told.replace("\x00", "\ufffd").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
