"""files: where an export goes and how it is written: CSV, plain or gzip, a workbook, and parquet.

A file is written to a draft beside it and takes its name when it is whole: a name never stands for half an export.
"""

from __future__ import annotations

import csv
import fcntl
import gzip
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import IO, Any, Literal, Protocol

from doorstep.doors.exports.columns import Column, Export, Kind
from doorstep.journey.intake.files.report import harmless
from doorstep.kit.refusals import Refusal

Format = Literal["csv", "csv.gz", "xlsx", "parquet"]
FORMATS: tuple[Format, ...] = ("csv", "csv.gz", "xlsx", "parquet")
DRAFT = ".part"
# A spreadsheet takes a file for UTF-8 by this mark; what programs read has none.
MARK = b"\xef\xbb\xbf"
# A row group of parquet: rows are kept until there are so many, or they are so large.
GROUP_ROWS, GROUP_BYTES = 50_000, 16 << 20


class FileIsThere(Refusal):
    """There is a file of that name already; --force replaces it."""


class BeingWritten(Refusal):
    """Another export is writing this very file."""


class CannotWrite(Refusal):
    """The file cannot be written there."""

    status = 422


# What a file is


def format_of(path: Path) -> Format | None:
    """As its name ends; None when it tells nothing."""
    name = path.name.lower()
    return next((known for known in FORMATS if name.endswith(f".{known}")), None)


class Sink(Protocol):
    """Takes the rows of an export, block after block."""

    def write(self, rows: Sequence[Sequence[Any]]) -> None: ...
    def close(self) -> None: ...


def sink_of(format: Format, export: Export, stream: IO[bytes], *, marked: bool) -> Sink:
    if format == "parquet":
        return ParquetSink(export, stream)
    if format == "xlsx":
        return WorkbookSink(export, stream)
    return CsvSink(export, Packed(stream) if format == "csv.gz" else stream, marked=marked)


# CSV


class Packed(gzip.GzipFile):
    """Without name and time inside: the same rows are the same bytes."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(filename="", mode="wb", compresslevel=6, fileobj=stream, mtime=0)


class CsvSink:
    """RFC 4180 in UTF-8. An empty cell of numbers and times is null, of texts ''."""

    def __init__(self, export: Export, stream: IO[bytes] | Packed, *, marked: bool) -> None:
        self._stream = stream
        self._columns = export.columns
        if marked:
            stream.write(MARK)
        self._lines([[column.name for column in export.columns]])

    def write(self, rows: Sequence[Sequence[Any]]) -> None:
        """Column by column, which is what costs least."""
        values = zip(*rows, strict=True)
        self._lines(zip(*map(_cells, self._columns, values), strict=True))

    def close(self) -> None:
        if isinstance(self._stream, Packed):
            self._stream.close()

    def _lines(self, rows: Any) -> None:
        lines = StringIO(newline="")
        csv.writer(lines).writerows(rows)
        self._stream.write(lines.getvalue().encode())


def _cells(column: Column, values: Sequence[Any]) -> Sequence[Any]:
    spelled = SPELLED.get(column.kind)
    return [spelled(value) for value in values] if spelled else values


def _text(value: str) -> str:
    """A letter or a digit begins no formula."""
    return value if value[:1].isalnum() else harmless(value)


def _price(value: Decimal) -> str:
    return f"{value:f}"


def _moment(value: datetime | None) -> str:
    """All of one length: 2026-03-02T12:00:00.000000Z."""
    return "" if value is None else f"{value.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def _flag(value: bool) -> str:
    return "true" if value else "false"


# Of the other kinds the values are written as they are.
SPELLED: Mapping[Kind, Callable[[Any], str]] = {"text": _text, "price": _price, "moment": _moment, "flag": _flag}


# A workbook

# A sheet holds no more rows, its first one the names; a cell holds no more letters.
LARGEST_SHEET, LONGEST_CELL = 1 << 20, 32_767


class TooManyRows(Refusal):
    """A sheet of a workbook holds 1,048,575 rows at most; write CSV or parquet."""

    status = 422


class WorkbookSink:
    """One sheet: texts as texts, never as formulas; numbers, times and days as what they are. Times are UTC."""

    def __init__(self, export: Export, stream: IO[bytes]) -> None:
        import xlsxwriter

        self._book = xlsxwriter.Workbook(stream, {"constant_memory": True, "remove_timezone": True})
        self._sheet = self._book.add_worksheet(export.name)
        self._sheet.freeze_panes(1, 1)
        named = self._book.add_format({"bold": True, "bottom": 1})
        formats = {"moment": "yyyy-mm-dd hh:mm:ss", "day": "yyyy-mm-dd"}
        self._formats = {kind: self._book.add_format({"num_format": form}) for kind, form in formats.items()}
        self._columns = export.columns
        self._row = 0
        for at, column in enumerate(export.columns):
            self._sheet.set_column(at, at, max(10, min(28, len(column.name) + 2)))
            self._sheet.write_string(0, at, column.name, named)

    def write(self, rows: Sequence[Sequence[Any]]) -> None:
        if self._row + len(rows) >= LARGEST_SHEET:
            raise TooManyRows(rows=LARGEST_SHEET - 1)
        for row in rows:
            self._row += 1
            for at, (column, value) in enumerate(zip(self._columns, row, strict=True)):
                self._cell(at, column.kind, value)

    def close(self) -> None:
        self._book.close()

    def _cell(self, at: int, kind: Kind, value: Any) -> None:
        if value is None:
            return
        if kind == "text":
            self._sheet.write_string(self._row, at, value[:LONGEST_CELL])
        elif kind == "flag":
            self._sheet.write_boolean(self._row, at, value)
        elif kind in ("moment", "day"):
            self._sheet.write_datetime(self._row, at, value, self._formats[kind])
        else:
            self._sheet.write_number(self._row, at, value)


# Parquet


class ParquetSink:
    """Every column of its type: texts as they are, prices as decimals, times with their zone."""

    def __init__(self, export: Export, stream: IO[bytes]) -> None:
        import pyarrow as arrow
        from pyarrow import parquet

        types = {
            "text": arrow.string(), "number": arrow.int64(), "price": arrow.decimal128(18, 6),
            "moment": arrow.timestamp("us", tz="UTC"), "day": arrow.date32(), "flag": arrow.bool_(),
        }  # fmt: skip
        told = {column.name: {"says": column.says, "unit": column.unit} for column in export.columns}
        fields = [
            arrow.field(column.name, types[column.kind], nullable=column.is_nullable, metadata=told[column.name])
            for column in export.columns
        ]
        # The system's own allocator gives back what is free: a quarter less memory than arrow's.
        arrow.set_memory_pool(arrow.system_memory_pool())
        self._arrow = arrow
        self._schema = arrow.schema(fields, metadata={"doorstep": export.name})
        self._writer = parquet.ParquetWriter(stream, self._schema)
        self._waiting: list[Any] = []

    def write(self, rows: Sequence[Sequence[Any]]) -> None:
        values = zip(*rows, strict=True)
        arrays = [self._arrow.array(each, field.type) for each, field in zip(values, self._schema, strict=True)]
        self._waiting.append(self._arrow.RecordBatch.from_arrays(arrays, schema=self._schema))
        rows_waiting = sum(batch.num_rows for batch in self._waiting)
        if rows_waiting >= GROUP_ROWS or sum(batch.nbytes for batch in self._waiting) >= GROUP_BYTES:
            self._write_group()

    def close(self) -> None:
        self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        if self._waiting:
            self._writer.write_table(self._arrow.Table.from_batches(self._waiting, self._schema))
            self._waiting = []


# Where it stands


@contextmanager
def drafts(paths: Sequence[Path], *, force: bool) -> Iterator[list[IO[bytes]]]:
    """A stream for each; when all is well they take their names together, else nothing is left of them."""
    there = [path for path in paths if os.path.lexists(path) and not force]
    if there:
        raise FileIsThere(file=", ".join(map(str, there)))
    opened: list[tuple[Path, IO[bytes]]] = []
    unnamed: list[Path] = []
    try:
        for path in paths:
            with writing(path):
                opened.append((path, _draft(path)))
                unnamed.append(path)
        yield [stream for _, stream in opened]
        for path, stream in opened:
            with writing(path):
                stream.flush()
                os.fsync(stream.fileno())
        for path in paths:
            with writing(path):
                _take_name(path, force=force)
                unnamed.remove(path)
    finally:
        for path in unnamed:
            draft_of(path).unlink(missing_ok=True)
        for _, stream in opened:
            with suppress(OSError):
                stream.close()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What the file system says no to is told by name; a reader who went away is no concern of the file's."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CannotWrite(file=str(path), reason=error.strerror or str(error)) from error


def draft_of(path: Path) -> Path:
    return path.with_name(path.name + DRAFT)


def _draft(path: Path) -> IO[bytes]:
    """One process writes it: the lock ends with the process, however it ends, and the next one begins anew."""
    draft = draft_of(path)
    handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(handle), os.stat(draft)):
            raise BeingWritten(file=str(path))
        os.ftruncate(handle, 0)
        return os.fdopen(handle, "wb")
    except BlockingIOError:
        os.close(handle)
        raise BeingWritten(file=str(path)) from None
    except BaseException:
        os.close(handle)
        raise


def _take_name(path: Path, *, force: bool) -> None:
    """A file that came to stand there meanwhile is not replaced either, where the file system can tell."""
    if not force:
        try:
            os.link(draft_of(path), path)
            draft_of(path).unlink()
            return
        except FileExistsError:
            raise FileIsThere(file=str(path)) from None
        except OSError:
            pass  # no hard links here
    os.replace(draft_of(path), path)


def standard_output() -> IO[bytes]:
    return sys.stdout.buffer
