"""clock: the one place that asks what time it is."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

# Names a file that says by how many seconds this process lives off the real time: how a demo plays weeks in a minute.
SET_BY = "DOORSTEP_CLOCK"


def _real() -> datetime:
    return datetime.now(UTC)


_read: Callable[[], datetime] = _real


def now() -> datetime:
    """The current instant, aware, in UTC."""
    return _read()


def live_by(file: Path) -> None:
    """From now on this process lives by that file; while there is none, by the real time."""
    global _read
    _read = lambda: _real() + shift_of(file)  # noqa: E731


def shift_of(file: Path) -> timedelta:
    try:
        return timedelta(seconds=float(file.read_text("ascii")))
    except FileNotFoundError:
        return timedelta(0)


@contextmanager
def stopped_at(instant: datetime) -> Iterator[None]:
    """For tests: inside, the clock stands still."""
    global _read
    before, _read = _read, lambda: instant
    try:
        yield
    finally:
        _read = before


if os.environ.get(SET_BY):
    live_by(Path(os.environ[SET_BY]))
