"""timezones: the names of all there are; the disk is searched for them once."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones


@cache
def timezones() -> frozenset[str]:
    return frozenset(available_timezones())
