"""packed: a zip archive, looked at before anything in it is unpacked: a small file may hold more than a disk does."""

from __future__ import annotations

import gzip
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import IO
from zipfile import ZipFile, ZipInfo

from doorstep.journey.intake.files.rows import NotReadable

ZIP = b"PK\x03\x04"
MOST_ENTRIES = 10_000
LAST_RECORD = 22 + (1 << 16)  # bytes: the last record of an archive, and the longest comment after it
LONGEST_LIST = MOST_ENTRIES * 400  # bytes of the list of what is in the archive, which is read whole
LARGEST = 4 << 30  # bytes, unpacked: more than the fullest sheet that Excel saves
DENSEST = 200  # bytes out of one; text packs to a tenth or twentieth
HARMLESS = 64 << 20  # so much is unpacked whatever it was packed to
DAMAGED = "it is a spreadsheet or zip archive that is damaged or cut off: get it anew"
TOO_MANY = f"it holds more than {MOST_ENTRIES:,} files"

# What else comes as a zip archive, known by what is in it.
NOT_OURS = (
    ("xl/workbook.bin", "it is a binary Excel workbook (.xlsb): save it as .xlsx or CSV"),
    ("content.xml", "it is an OpenDocument file: save it as .xlsx or CSV"),
    ("word/document.xml", "it is a Word document"),
    ("ppt/presentation.xml", "it is a PowerPoint presentation"),
    ("index/document.iwa", "it is an Apple Numbers file: export it as Excel or CSV"),
)


@contextmanager
def unpacking(file: str) -> Iterator[None]:
    """What can go wrong with a file, told as a refusal."""
    try:
        yield
    except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError):
        raise NotReadable(file=file, reason="it is packed, and damaged or cut off: get it anew") from None
    except NotImplementedError:
        raise NotReadable(file=file, reason="it is packed in a way that is not known here: pack it anew") from None
    except FileNotFoundError:
        raise NotReadable(file=file, reason="there is no such file") from None
    except OSError as problem:
        raise NotReadable(file=file, reason=problem.strerror or "it cannot be opened") from None


def open_zip(stream: IO[bytes], file: str) -> ZipFile:
    """The archive, small enough to be unpacked."""
    if _length_of_list(stream) > LONGEST_LIST:
        raise NotReadable(file=file, reason=TOO_MANY)
    try:
        archive = ZipFile(stream)
    except zipfile.BadZipFile:
        raise NotReadable(file=file, reason=DAMAGED) from None
    entries = archive.infolist()
    if len(entries) > MOST_ENTRIES:
        raise NotReadable(file=file, reason=TOO_MANY)
    size, packed = sum(one.file_size for one in entries), sum(one.compress_size for one in entries)
    if size > LARGEST:
        raise NotReadable(file=file, reason="it holds more than 4 GB: save it as CSV")
    if size > HARMLESS and size > packed * DENSEST:
        raise NotReadable(file=file, reason="it unpacks to more than 200 times its size: that is no table")
    if any(one.flag_bits & 1 for one in entries):
        raise NotReadable(file=file, reason="it is protected with a password: save it without one")
    return archive


def entries_of(archive: ZipFile) -> dict[str, ZipInfo]:
    """What is in it by its name, without folders; some programs write the separators of Windows."""
    return {str(PurePosixPath(one.filename.replace("\\", "/"))): one for one in archive.infolist() if not one.is_dir()}


def _length_of_list(stream: IO[bytes]) -> int:
    """As the archive's last record says, in bytes."""
    end = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, end - LAST_RECORD))
    last = stream.read(LAST_RECORD)
    at = last.rfind(b"PK\x05\x06")
    stream.seek(0)
    return int.from_bytes(last[at + 12 : at + 16], "little") if at >= 0 else 0


def is_workbook(entries: dict[str, ZipInfo], file: str) -> bool:
    """Refuses what is something else that comes as a zip archive."""
    names = {name.casefold() for name in entries}
    for name, reason in NOT_OURS:
        if name in names:
            raise NotReadable(file=file, reason=reason)
    return "[content_types].xml" in names
