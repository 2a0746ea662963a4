"""journal: what the world was told to do, a line each, so that it is the same world after a kill."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct


class Told(Struct, frozen=True, omit_defaults=True):
    """One request that had an effect, and when."""

    at: datetime
    wall: float
    method: str
    path: str
    body: Any = None
    key: str = ""


class Journal:
    """Appends; a line reaches the operating system before the answer leaves, so it survives kill -9."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: BinaryIO | None = None

    def replay(self) -> Iterator[Told]:
        """What was told before, oldest first; a last line cut short was never answered and is dropped."""
        if self._path is None or not self._path.exists():
            return
        whole = self._path.read_bytes()
        end = whole.rfind(b"\n") + 1
        if end < len(whole):
            with self._path.open("r+b") as file:
                file.truncate(end)
        for line in whole[:end].splitlines():
            yield msgspec.json.decode(line, type=Told)

    def append(self, told: Told) -> None:
        if self._path is None:
            return
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("ab", buffering=0)
        self._file.write(msgspec.json.encode(told) + b"\n")
