"""tables: open what a shop hands over and yield its rows one by one; nothing is dropped in silence.

A table is CSV, plain or gzip, in UTF-8, UTF-16 or Windows-1252, split by comma, semicolon, tab or bar; or a sheet of
an Excel workbook; or either within a zip archive. What a file is, its content says; where its name says otherwise,
that is told. Memory stays small whatever the size. What cannot be read as a row comes out as a `BadRow`; what is no
table at all is refused by name.

`orders.xlsx#May` is the sheet May of that workbook, `export.zip#orders.csv` the file orders.csv in that archive.
"""

from __future__ import annotations

import gzip
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from io import BufferedReader
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import IO, cast

from doorstep.journey.intake.files import lines, records, workbook
from doorstep.journey.intake.files.packed import ZIP, entries_of, is_workbook, open_zip, unpacking
from doorstep.journey.intake.files.rows import BadRow, NotReadable, Row

__all__ = ["BadRow", "NotReadable", "Row", "Table", "expand", "name_within", "open_table", "read_rows"]

TEXTS = (".csv", ".tsv", ".txt")
WORKBOOKS = (".xlsx", ".xlsm", ".xltx", ".xltm")
ENDINGS = (*TEXTS, *(f"{ending}.gz" for ending in (*TEXTS, *WORKBOOKS)), *WORKBOOKS)
REPORT_ENDING = "doorstep-report.csv"
WITHIN = "#"
GZIP = b"\x1f\x8b"
OLD_EXCEL = b"\xd0\xcf\x11\xe0"
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
OTHERS = (".xls", ".xlsb", ".ods", ".zip", ".json", ".xml", ".html", ".pdf")
ARCHIVE = ".zip"
LARGEST_SEARCHED = 64 << 20  # bytes
LARGEST_COPY = 1 << 30  # bytes of a workbook that comes packed in something else


class Table:
    """An open table: its header is read, its rows are still to come."""

    def __init__(self, file: str, header: tuple[str, ...], rows: Iterable[Row | BadRow]) -> None:
        self.file = file
        self.header = header
        self._rows = iter(rows)

    def __iter__(self) -> Iterator[Row | BadRow]:
        return self._rows


def expand(paths: Sequence[str | PathLike[str]]) -> tuple[list[Path], list[BadRow]]:
    """The files to read, folders and archives opened and sorted; beside them what is in those, but is no table."""
    files: list[Path] = []
    strangers: list[BadRow] = []
    for path in map(Path, paths):
        if os.path.isdir(path):
            found = _tables_in_folder(path, strangers)
        elif _is_archive(path):
            found = _tables_in_archive(path, strangers)
        else:
            found = [path]
        if not found:
            raise NotReadable(file=str(path), reason="there is no table in it")
        files += found
    return list(dict.fromkeys(files)), strangers


def open_table(path: str | PathLike[str]) -> Table:
    """Read as far as the header. The rows follow when the table is iterated."""
    file = str(path)
    place, within = _place(Path(path))
    with unpacking(file):
        return _table(_opened(place), place.name, within, file)


def read_rows(paths: Sequence[str | PathLike[str]]) -> Iterator[Row | BadRow]:
    """Every row of every file, in order."""
    files, strangers = expand(paths)
    yield from strangers
    for file in files:
        yield from open_table(file)


def name_within(path: Path) -> str:
    """The name of the file itself: orders.csv of `export.zip#sales/orders.csv`, orders.xlsx of `orders.xlsx#May`."""
    place, within = _place(path)
    if not within or place.name.lower().endswith((*WORKBOOKS, ".gz")):
        return place.name
    return within.rpartition("/")[2].partition(WITHIN)[0]


# What a file is


def _table(stream: IO[bytes], name: str, within: str, file: str) -> Table:
    if packed := _starts(stream, GZIP):
        stream = cast(IO[bytes], _Unpacked(stream))
    if _starts(stream, ZIP):
        return _zipped(stream, name, packed, within, file)
    if within:
        raise NotReadable(file=file, reason=f"{name} is no workbook and no archive, so there is no {within} in it")
    if _starts(stream, OLD_EXCEL):
        raise NotReadable(file=file, reason=_old_excel(stream))
    header, rows = records.read(lines.blocks(stream, file), file)
    return Table(file, header, chain(_said_otherwise(name, packed, "text", file), rows))


def _zipped(stream: IO[bytes], name: str, packed: bool, within: str, file: str) -> Table:
    archive = open_zip(stream if isinstance(stream, BufferedReader) else _on_disk(stream, file), file)
    entries = entries_of(archive)
    if is_workbook(entries, file):
        header, rows = workbook.read(archive, entries, file, within)
        return Table(file, header, chain(_said_otherwise(name, packed, "Excel workbook", file), rows))
    member, sheet = (within, "") if within in entries else within.rpartition(WITHIN)[::2]
    if member not in entries:
        reason = f"it holds no file {within}" if within else "it is a zip archive: name a file in it, or unpack it"
        raise NotReadable(file=file, reason=reason)
    return _table(archive.open(entries[member]), member.rpartition("/")[2], sheet, file)


def _starts(stream: IO[bytes], magic: bytes) -> bool:
    return cast(BufferedReader, stream).peek(len(magic))[: len(magic)] == magic


def _said_otherwise(name: str, packed: bool, content: str, file: str) -> Iterator[BadRow]:
    """Where a file can be read for sure, but its name says something else."""
    name = name.lower()
    kind = Path(name.removesuffix(".gz")).suffix
    lie = kind in WORKBOOKS if content == "text" else kind not in WORKBOOKS
    if packed != name.endswith(".gz"):
        yield BadRow(file=file, line=0, reason="name_differs", value="gzip" if packed else "not packed", rows=0)
    if lie or kind in OTHERS:
        yield BadRow(file=file, line=0, reason="name_differs", value=content, rows=0)


def _old_excel(stream: IO[bytes]) -> str:
    """Excel wraps a workbook that has a password in the form of old Excel files."""
    if ENCRYPTED in stream.read(LARGEST_SEARCHED):
        return "it is protected with a password: open it in Excel, take the password away, and save it"
    return "it is an old Excel file (.xls): save it as .xlsx or CSV"


class _Unpacked(gzip.GzipFile):
    """Closes what it unpacks, too."""

    def __init__(self, packed: IO[bytes]) -> None:
        super().__init__(fileobj=packed)
        self._packed = packed

    def close(self) -> None:
        super().close()
        self._packed.close()


def _on_disk(stream: IO[bytes], file: str) -> IO[bytes]:
    """A zip archive is read from its end, which only a file has."""
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - goes with who reads it
    with stream:
        while chunk := stream.read(1 << 20):
            copy.write(chunk)
            if copy.tell() > LARGEST_COPY:
                raise NotReadable(file=file, reason="it holds a workbook of more than 1 GB: save it as CSV")
    copy.seek(0)
    return copy


# Where a file is


def _place(path: Path) -> tuple[Path, str]:
    """The file, and what is meant within it."""
    text = str(path)
    at = text.find(WITHIN)
    while at >= 0 and not os.path.exists(path):
        if os.path.isfile(text[:at]):
            return Path(text[:at]), text[at + 1 :]
        at = text.find(WITHIN, at + 1)
    return path, ""


def _opened(path: Path) -> IO[bytes]:
    """A pipe or a device is no file: it might never end, and cannot be read twice."""
    try:
        kind = os.stat(path).st_mode
    except ValueError:
        raise NotReadable(file=str(path), reason="no file can have this name") from None
    if stat.S_ISDIR(kind):
        raise NotReadable(file=str(path), reason="it is a folder")
    if not stat.S_ISREG(kind):
        raise NotReadable(file=str(path), reason="it is a pipe or a device: save what comes from it as a file")
    return path.open("rb")


# Folders and archives


def _tables_in_folder(folder: Path, strangers: list[BadRow]) -> list[Path]:
    files, locked = _files_in(folder)
    if str(folder) in locked:
        raise NotReadable(file=str(folder), reason="the folder cannot be opened")
    strangers += [BadRow(file=place, line=0, reason="folder_not_readable", rows=0) for place in locked]
    found = []
    for path in files:
        if _is_ours_to_skip(path.relative_to(folder).parts):
            continue
        if path.name.lower().endswith(ARCHIVE) and _is_archive(path):
            found += _tables_in_archive(path, strangers)
        elif path.name.lower().endswith(ENDINGS) and path.is_file():
            found.append(path)
        else:
            strangers.append(BadRow(file=str(path), line=0, reason="not_a_table", rows=0))
    return found


def _files_in(folder: Path) -> tuple[list[Path], list[str]]:
    """All but folders, and links to folders, which might lead in a circle; and the folders that cannot be opened."""
    locked: list[str] = []
    files = []
    for place, folders, names in os.walk(folder, onerror=lambda problem: locked.append(str(problem.filename))):
        files += [Path(place, name) for name in names]
        files += [path for name in folders if (path := Path(place, name)).is_symlink()]
    return sorted(files), locked


def _tables_in_archive(path: Path, strangers: list[BadRow]) -> list[Path]:
    with unpacking(str(path)), _opened(path) as stream, open_zip(stream, str(path)) as archive:
        names = sorted(entries_of(archive))
    found = []
    for name in names:
        place = Path(f"{path}{WITHIN}{name}")
        if name.lower().endswith(ENDINGS) and not _is_ours_to_skip(Path(name).parts):
            found.append(place)
        elif not _is_ours_to_skip(Path(name).parts):
            strangers.append(BadRow(file=str(place), line=0, reason="not_a_table", rows=0))
    return found


def _is_archive(path: Path) -> bool:
    """Content decides: a workbook is a zip archive, too."""
    if not os.path.isfile(path):
        return False
    with unpacking(str(path)), _opened(path) as stream:
        if stream.read(len(ZIP)) != ZIP:
            return False
        with open_zip(stream, str(path)) as archive:
            return not is_workbook(entries_of(archive), str(path))


def _is_ours_to_skip(parts: Sequence[str]) -> bool:
    """Hidden files, what a Mac packs beside each file, what Excel keeps beside an open one, and our own reports."""
    hidden = any(part.startswith((".", "~$")) or part == "__MACOSX" for part in parts)
    return hidden or parts[-1].lower().endswith(REPORT_ENDING)
