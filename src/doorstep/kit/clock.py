"""clock: the one place that asks what time it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

_read: Callable[[], datetime] = lambda: datetime.now(UTC)  # noqa: E731


def now() -> datetime:
    """The current instant, aware, in UTC."""
    return _read()


@contextmanager
def stopped_at(instant: datetime) -> Iterator[None]:
    """For tests: inside, the clock stands still."""
    global _read
    before, _read = _read, lambda: instant
    try:
        yield
    finally:
        _read = before
