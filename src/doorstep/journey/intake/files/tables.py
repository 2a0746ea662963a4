"""files: open what a shop hands over and yield its rows one by one; nothing is dropped in silence.

A table is CSV, plain or gzip, in UTF-8, UTF-16 or Windows-1252, split by comma, semicolon, tab or bar.
Memory stays small whatever the size: one record at a time. What cannot be read as a row comes out as a
`BadRow`; what is no table at all is refused by name.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from doorstep.kit.refusals import Refusal

ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
REPORT_ENDING = "doorstep-report.csv"
DELIMITERS = ",;\t|"
CHUNK = 1 << 16
LONGEST_LINE = 1 << 20  # bytes; a line longer than this is not from a table
LONGEST_RECORD = 500  # physical lines; a quote open for longer was never meant to be one
GZIP = b"\x1f\x8b"

# What people hand over by mistake, known by its first bytes.
NOT_TABLES = (
    (b"PK\x03\x04", "it is a spreadsheet or zip archive: save it as CSV"),
    (b"\xd0\xcf\x11\xe0", "it is an old Excel file: save it as CSV"),
    (b"%PDF", "it is a PDF"),
    (b"\x89PNG", "it is an image"),
    (b"\xff\xd8\xff", "it is an image"),
    (b"<!DOCTYPE", "it is a web page: the download probably needed signing in"),
    (b"<!doctype", "it is a web page: the download probably needed signing in"),
    (b"<html", "it is a web page: the download probably needed signing in"),
    (b"<?xml", "it is XML"),
    (b"{", "it is JSON"),
    (b"[", "it is JSON"),
)
MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


class NotReadable(Refusal):
    """This file is not what its name says, or it cannot be read."""

    status = 422


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row under its header. `guessed`: some of its text was not UTF-8 and was read as Windows-1252."""

    file: str
    line: int
    cells: dict[str, str]
    last_line: int = 0
    missing: int = 0
    extra: tuple[str, ...] = ()
    guessed: bool = False


class BadRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row (or, at line 0, a file) that could not be taken, and why."""

    file: str
    line: int
    column: str = ""
    reason: str
    value: str = ""
    rows: int = 1


class Table:
    """An open table: its header is read, its rows are still to come."""

    def __init__(self, file: str, header: tuple[str, ...], records: Iterator[_Record | BadRow]) -> None:
        self.file = file
        self.header = header
        self._records = records

    def __iter__(self) -> Iterator[Row | BadRow]:
        for record in self._records:
            if isinstance(record, BadRow):
                yield record
            elif any(cell.strip() for cell in record.cells):
                yield self._row(record)

    def _row(self, record: _Record) -> Row | BadRow:
        width, cells = len(self.header), record.cells
        if width > 1 and cells[0].strip() == self.header[0] and _header(cells[:width]) == self.header:
            return BadRow(file=self.file, line=record.line, reason="header_repeated", value=cells[0])
        return Row(
            file=self.file,
            line=record.line,
            last_line=record.last_line,
            cells=dict(zip(self.header, cells + [""] * (width - len(cells)), strict=False)),
            missing=max(0, width - len(cells)),
            extra=tuple(cells[width:]),
            guessed=record.guessed,
        )


def expand(paths: Sequence[str | PathLike[str]]) -> tuple[list[Path], list[BadRow]]:
    """The files to read, folders opened and sorted; beside them what stands in a folder but is no table."""
    files: list[Path] = []
    strangers: list[BadRow] = []
    for path in map(Path, paths):
        if path.is_dir():
            found = _tables_in(path, strangers)
            if not found:
                raise NotReadable(file=str(path), reason="the folder holds no CSV file")
            files += found
        else:
            files.append(path)
    return list(dict.fromkeys(files)), strangers


def open_table(path: str | PathLike[str]) -> Table:
    """Read as far as the header. The rows follow when the table is iterated."""
    file = str(path)
    lines = _lines(Path(path))
    first, before, delimiter = _first_line(lines, file)
    records = _records(_Feed(chain([first], lines), before), delimiter, file)
    header = next(records, None)
    if header is None or isinstance(header, BadRow):
        raise NotReadable(file=file, reason="its first line is not a header")
    return Table(file, _header(header.cells), records)


def read_rows(paths: Sequence[str | PathLike[str]]) -> Iterator[Row | BadRow]:
    """Every row of every file, in order."""
    files, strangers = expand(paths)
    yield from strangers
    for file in files:
        yield from open_table(file)


# -- folders ---------------------------------------------------------------------------------------


def _tables_in(folder: Path, strangers: list[BadRow]) -> list[Path]:
    found = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        if path.name.lower().endswith(REPORT_ENDING):
            continue  # our own report from an earlier import
        if path.name.lower().endswith(ENDINGS):
            found.append(path)
        else:
            strangers.append(BadRow(file=str(path), line=0, reason="not_a_table", rows=0))
    return found


# -- bytes to lines --------------------------------------------------------------------------------


class _Line(msgspec.Struct, frozen=True):
    text: str
    guessed: bool = False


def _lines(path: Path) -> Iterator[_Line]:
    """Physical lines with their ends, decoded; the first bytes decide what the file is."""
    file = str(path)
    try:
        with path.open("rb") as raw:
            stream = _unzipped(path, raw)
            head = stream.read(CHUNK)
            encoding = _encoding(head, file)
            chunks: Iterable[bytes] = chain([head], _chunks(stream))
            if encoding != "utf-8":
                chunks = _in_utf8(chunks, encoding)
            yield from map(_decoded, _byte_lines(chunks, file))
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise NotReadable(file=file, reason="the gzip file is damaged or cut off") from None
    except UnicodeDecodeError:
        raise NotReadable(file=file, reason="its text is damaged: bytes that no letter has") from None
    except FileNotFoundError:
        raise NotReadable(file=file, reason="there is no such file") from None
    except OSError as problem:
        raise NotReadable(file=file, reason=problem.strerror or "it cannot be opened") from None


def _unzipped(path: Path, raw: io.BufferedReader) -> BinaryIO:
    zipped = raw.peek(2)[:2] == GZIP
    named = path.name.lower().endswith(".gz")
    if named and not zipped:
        raise NotReadable(file=str(path), reason="its name says gzip, its content does not")
    if zipped and not named:
        raise NotReadable(file=str(path), reason="it is gzip, its name does not say so")
    return cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if zipped else raw


def _encoding(head: bytes, file: str) -> str:
    for mark, encoding in MARKS:
        if head.startswith(mark):
            return encoding
    if not head.strip():
        raise NotReadable(file=file, reason="it is empty")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for magic, reason in NOT_TABLES:
        if start.startswith(magic):
            raise NotReadable(file=file, reason=reason)
    return _by_zeros(head[:4096], file)


def _by_zeros(head: bytes, file: str) -> str:
    """UTF-16 without its mark shows as a zero in every second byte; zeros elsewhere are no text."""
    zeros = head.count(0)
    if zeros * 4 > len(head):
        return "utf-16-be" if head[::2].count(0) > head[1::2].count(0) else "utf-16-le"
    if zeros > 20 and zeros * 50 > len(head):
        raise NotReadable(file=file, reason="it is not text")
    return "utf-8"


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK):
        yield chunk


def _byte_lines(chunks: Iterable[bytes], file: str) -> Iterator[bytes]:
    """Lines ended by \\n, \\r\\n or \\r, mixed as they come."""
    tail = b""
    for chunk in chunks:
        if not (pieces := (tail + chunk).splitlines(keepends=True)):
            continue
        # A \r at the very end may be the first half of \r\n.
        tail = b"" if pieces[-1].endswith(b"\n") else pieces.pop()
        yield from pieces
        _refuse_endless(len(tail), file)
    if tail:
        yield tail


def _in_utf8(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    for chunk in chunks:
        if text := decoder.decode(chunk):
            yield text.encode()
    yield decoder.decode(b"", final=True).encode()


def _refuse_endless(length: int, file: str) -> None:
    if length >= LONGEST_LINE:
        raise NotReadable(file=file, reason="a line is longer than 1 MB: this is not a table")


def _decoded(line: bytes) -> _Line:
    """Each line for itself: exports glued together by hand may change their encoding half way."""
    try:
        return _Line(_clean(line.decode("utf-8")), guessed=b"\x00" in line)
    except UnicodeDecodeError:
        return _Line(_clean(line.decode("cp1252", errors="replace")), guessed=True)


def _clean(text: str) -> str:
    """Without byte order marks; a NUL, which no database keeps, shows as the replacement character."""
    return text.removeprefix("\ufeff").replace("\x00", "\ufffd")


# -- lines to records ------------------------------------------------------------------------------


class _Record(msgspec.Struct, frozen=True):
    line: int
    last_line: int
    cells: list[str]
    texts: list[_Line]

    @property
    def guessed(self) -> bool:
        return any(text.guessed for text in self.texts)


class _Endless(Exception):
    """A record has swallowed more lines than a record has."""


class _Feed:
    """Hands lines to the CSV reader; remembers those of the current record, to take them back if need be."""

    def __init__(self, lines: Iterator[_Line], before: int) -> None:
        self._lines = lines
        self._again: deque[_Line] = deque()
        self.taken: list[_Line] = []
        self.line = before
        self.open_at_end = False

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= LONGEST_RECORD:
            raise _Endless
        line = self._again.popleft() if self._again else next(self._lines, None)
        if line is None:
            self.open_at_end = bool(self.taken)  # the reader wanted more: a quote is still open
            raise StopIteration
        self.taken.append(line)
        return line.text

    def begin(self) -> None:
        self.line += len(self.taken)
        self.taken = []
        self.open_at_end = False

    def give_back(self) -> None:
        """All but the first line of the current record are read again."""
        self._again.extendleft(reversed(self.taken[1:]))
        self.taken = self.taken[:1]


def _records(feed: _Feed, delimiter: str, file: str) -> Iterator[_Record | BadRow]:
    reader, width = csv.reader(feed, delimiter=delimiter), 0
    while True:
        feed.begin()
        try:
            cells = next(reader)
            broken = feed.open_at_end or _swallowed_rows(feed.taken, cells, width, delimiter)
            reason = "quote_not_closed"
        except StopIteration:
            return
        except _Endless:
            broken, cells, reason = True, [], "quote_not_closed"
        except csv.Error:
            broken, cells, reason = True, [], "cell_too_long"
        width = width or len(cells)
        if broken:
            first = feed.taken[0].text.rstrip("\r\n")
            yield BadRow(file=file, line=feed.line + 1, reason=reason, value=first[:200])
            feed.give_back()
            reader = csv.reader(feed, delimiter=delimiter)
        else:
            line = feed.line + 1
            yield _Record(line, line + max(0, len(feed.taken) - 1), cells, list(feed.taken))


def _swallowed_rows(lines: list[_Line], cells: list[str], width: int, delimiter: str) -> bool:
    """A stray quote joins rows up to the next: the joined row does not fit, a swallowed line alone does."""
    if len(lines) < 2 or width < 2:
        return False
    if len(cells) == width and _well_quoted(lines, delimiter):
        return False
    return any(len(next(csv.reader([line.text], delimiter=delimiter), [])) == width for line in lines[1:])


def _well_quoted(lines: list[_Line], delimiter: str) -> bool:
    try:
        next(csv.reader([line.text for line in lines], delimiter=delimiter, strict=True))
    except csv.Error:
        return False
    return True


# -- header ----------------------------------------------------------------------------------------


def _first_line(lines: Iterator[_Line], file: str) -> tuple[_Line, int, str]:
    """The header's line, how many lines stood before it, and the delimiter, which a `sep=` line may name."""
    named = ""
    for before, line in enumerate(lines):
        text = line.text.strip("\r\n")
        if text.lower().startswith("sep=") and len(text) == 5:
            named = text[4]
        elif text.strip():
            return line, before, named or _delimiter(text)
    raise NotReadable(file=file, reason="it is empty")


def _delimiter(header: str) -> str:
    """The one that splits the header most often, quotes respected; a comma when none does."""
    return max(DELIMITERS, key=lambda mark: len(next(csv.reader([header], delimiter=mark), [])))


def _header(cells: list[str]) -> tuple[str, ...]:
    """Names trimmed; a repeated name gets its count, a blank one its place, so that no cell hides another."""
    seen: dict[str, int] = {}
    names = []
    for place, cell in enumerate(cells, 1):
        name = cell.strip() or f"column {place}"
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(names)
