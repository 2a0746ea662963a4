"""lines: the bytes of a text file as physical lines, a block at a time; each block in the encoding it is in.

UTF-8, UTF-16 and UTF-32, with or without a mark. Where a block is not UTF-8, each of its lines is read for itself:
exports that were glued together by hand change their encoding half way.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import IO

from doorstep.journey.intake.files.packed import unpacking
from doorstep.journey.intake.files.rows import NotReadable

CHUNK = 1 << 16
LONGEST_LINE = 1 << 20  # bytes; a line longer than this is not from a table

# Lines with their ends; of each, whether something in it was guessed. None: nothing was, as in nearly all blocks.
Block = tuple[list[str], list[bool] | None]

# What people hand over by mistake, known by its first bytes.
NOT_TABLES = (
    (b"PK\x05\x06", "it is an empty zip archive"),
    (b"\x1f\x8b", "it is gzip within gzip: unpack it once"),
    (b"%PDF", "it is a PDF"),
    (b"\x89PNG", "it is an image"),
    (b"\xff\xd8\xff", "it is an image"),
    (b"GIF8", "it is an image"),
    (b"PAR1", "it is a parquet file: save it as CSV"),
    (b"SQLite format 3", "it is a database: save its tables as CSV"),
    (b"7z\xbc\xaf\x27\x1c", "it is a 7z archive: unpack it"),
    (b"Rar!", "it is a RAR archive: unpack it"),
    (b"BZh", "it is packed with bzip2: unpack it"),
    (b"\xfd7zXZ", "it is packed with xz: unpack it"),
    (b"\x28\xb5\x2f\xfd", "it is packed with zstd: unpack it"),
    (b"<!DOCTYPE", "it is a web page: the download probably needed signing in"),
    (b"<!doctype", "it is a web page: the download probably needed signing in"),
    (b"<html", "it is a web page: the download probably needed signing in"),
    (b"<HTML", "it is a web page: the download probably needed signing in"),
    (b"<?xml", "it is XML"),
)
BLANK = b"\x00 \t\r\n\x0b\x0c"
JSON = re.compile(rb'\{\s*["}]|\[\s*[\[{"\d\]-]')
MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


def blocks(stream: IO[bytes], file: str) -> Iterator[Block]:
    """The lines of the file, which is closed at their end. Refuses what is no text, and bytes that no letter has."""
    with stream, unpacking(file):
        head = stream.read(CHUNK)
        encoding = _encoding(head, file)
        chunks: Iterable[bytes] = chain([head], iter(lambda: stream.read(CHUNK), b""))
        if encoding != "utf-8":
            chunks = _in_utf8(chunks, encoding)
        try:
            yield from map(_decoded, _whole_lines(chunks, file))
        except UnicodeDecodeError:
            raise NotReadable(file=file, reason="its text is damaged: bytes that no letter has") from None


def _encoding(head: bytes, file: str) -> str:
    for mark, encoding in MARKS:
        if head.startswith(mark):
            return encoding
    if not head.strip(BLANK):
        raise NotReadable(file=file, reason="it is empty")
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    for magic, reason in NOT_TABLES:
        if start.startswith(magic):
            raise NotReadable(file=file, reason=reason)
    if JSON.match(start):
        raise NotReadable(file=file, reason="it is JSON")
    return _by_zeros(head, file)


def _by_zeros(head: bytes, file: str) -> str:
    """UTF-16 without its mark shows as a zero in every second byte; zeros elsewhere are no text."""
    for part in (head[:64], head[:4096]):  # the names of columns first: what follows may be in letters without zeros
        even, odd = part[::2].count(0), part[1::2].count(0)
        sure = even + odd > 20 or part[:4].count(0) == 2
        if sure and max(even, odd) * 4 > len(part) and min(even, odd) * 10 <= max(even, odd):
            return "utf-16-be" if even > odd else "utf-16-le"
    zeros = head[:4096].count(0)
    if zeros > 20 and zeros * 50 > len(head[:4096]):
        raise NotReadable(file=file, reason="it is not text")
    return "utf-8"


def _in_utf8(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    for chunk in chunks:
        if text := decoder.decode(chunk):
            yield text.encode()
    yield decoder.decode(b"", final=True).encode()


def _whole_lines(chunks: Iterable[bytes], file: str) -> Iterator[bytes]:
    """Chunks cut where a line ends: \\n, \\r\\n or \\r, mixed as they come."""
    rest = b""
    for chunk in chunks:
        piece = rest + chunk
        # A \r at the very end may be the first half of \r\n.
        cut = piece.rfind(b"\n") + 1 or piece.rfind(b"\r", 0, -1) + 1
        if cut:
            yield piece[:cut]
        rest = piece[cut:]
        if len(rest) >= LONGEST_LINE:
            raise NotReadable(file=file, reason="a line is longer than 1 MB: this is not a table")
    if rest:
        yield rest


def _decoded(block: bytes) -> Block:
    try:
        text = block.decode()
    except UnicodeDecodeError:
        return _line_by_line(block)
    if "\x00" in text:
        return _line_by_line(block)
    return list(io.StringIO(text, newline="")), None


def _line_by_line(block: bytes) -> Block:
    lines, guessed = [], []
    for line in block.splitlines(keepends=True):
        try:
            text = line.decode()
            guessed.append("\x00" in text)
        except UnicodeDecodeError:
            text = line.decode("cp1252", errors="replace")
            guessed.append(True)
        # A NUL, which no database keeps, shows as the replacement character.
        lines.append(text.replace("\x00", "\ufffd"))
    return lines, guessed
