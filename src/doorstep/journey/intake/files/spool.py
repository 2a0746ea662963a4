"""spool: entries that were built on a first look at the files, set down on disk, and read back as they were.

Building an order out of its rows costs more than to write it down and read it again, and the second look may not come
to anything else than the first.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import cache, reduce
from operator import or_
from types import TracebackType, UnionType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

import msgspec

from doorstep.journey.intake.files.entries import Body, Entry
from doorstep.journey.intake.files.problems import Problem
from doorstep.journey.intake.files.rows import BadRow
from doorstep.journey.intake.import_history import ImportHistory
from doorstep.journey.intake.place import Place
from doorstep.journey.intake.told import ImportCorrection

BLOCK = 200  # entries that are written at once
SIZE = 8  # bytes that say how long a block is


class _Kept(msgspec.Struct, array_like=True, gc=False):
    """An entry; what it is the first to name is made by the time it is read back."""

    verb: str
    file: str
    first_line: int
    rows: int
    name: str
    problems: tuple[Problem, ...]
    counts: bool
    body: msgspec.Raw


_One = tuple[_Kept | None, BadRow | None]


class Spool:
    """with Spool() as spool: spool.add(entry) …; for entry in spool.entries(): …"""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(buffering=1 << 20)  # noqa: SIM115 - closed with the spool
        self._waiting: list[_One] = []

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def add(self, entry: Entry | BadRow) -> None:
        self._waiting.append((None, entry) if isinstance(entry, BadRow) else (_kept(entry), None))
        if len(self._waiting) >= BLOCK:
            self._write()

    def entries(self) -> Iterator[Entry | BadRow]:
        """In the order in which they were added."""
        self._write()
        self._file.seek(0)
        while size := self._file.read(SIZE):
            for kept, lost in _decode(self._file.read(int.from_bytes(size, "big"))):
                if kept is not None:
                    yield _entry(kept)
                elif lost is not None:
                    yield lost

    def _write(self) -> None:
        block = _encode(self._waiting)
        self._file.write(len(block).to_bytes(SIZE, "big"))
        self._file.write(block)
        self._waiting = []


def _kept(entry: Entry) -> _Kept:
    return _Kept(
        entry.verb, entry.file, entry.first_line, entry.rows, entry.name, entry.problems, entry.counts,
        msgspec.Raw(_encode(entry.body)),
    )  # fmt: skip


def _entry(kept: _Kept) -> Entry:
    body = _bodies()[kept.verb].decode(kept.body)
    return Entry(
        verb=kept.verb, body=body, file=kept.file, first_line=kept.first_line, rows=kept.rows, name=kept.name,
        problems=kept.problems, counts=kept.counts,
    )  # fmt: skip


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[_One]).decode


@cache
def _bodies() -> dict[str, msgspec.msgpack.Decoder[Body]]:
    shapes: dict[str, type[Body]] = {
        "import_history": ImportHistory, "place": Place, "import_correction": ImportCorrection,
    }  # fmt: skip
    return {verb: msgspec.msgpack.Decoder(cast(type[Body], _unchecked(shape))) for verb, shape in shapes.items()}


@cache
def _unchecked(shape: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """The same shape without the limits that askers from outside are held to: a file's order is taken as it is."""
    hints = get_type_hints(shape)  # without what is annotated to them
    fields = [
        (field.name, _without_limits(hints[field.name]), _otherwise(field))
        if not field.required
        else (field.name, _without_limits(hints[field.name]))
        for field in msgspec.structs.fields(shape)
    ]
    return msgspec.defstruct(shape.__name__, fields, bases=(shape,), frozen=True, kw_only=True)


def _otherwise(field: msgspec.structs.FieldInfo) -> Any:
    return msgspec.field(default=field.default, default_factory=field.default_factory)  # type: ignore[call-overload]


def _without_limits(hint: Any) -> Any:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _unchecked(hint)
    origin, parts = get_origin(hint), tuple(map(_without_limits, get_args(hint)))
    if origin in (Union, UnionType):
        return reduce(or_, parts)
    return origin[parts] if origin in (list, tuple, dict) else hint
