"""quiet: hours in which a medium says nothing; what falls into them is said when they end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from doorstep.setup.notices.kinds import Medium


class Quiet(Struct, frozen=True, forbid_unknown_fields=True):
    """From when, and until when: local to the buyer. Over midnight where it ends before it begins."""

    begins: time
    ends: time

    def __contains__(self, at: time) -> bool:
        if self.begins <= self.ends:
            return self.begins <= at < self.ends
        return at >= self.begins or at < self.ends


# A text message wakes people up, a letter does not.
BY_DEFAULT: Mapping[Medium, Quiet | None] = {"sms": Quiet(time(21), time(8))}


def speaks_at(now: datetime, quiet: Quiet | None, zone: ZoneInfo) -> datetime:
    """Now, or when the quiet hours around it end."""
    local = now.astimezone(zone)
    if quiet is None or local.time().replace(tzinfo=None) not in quiet:
        return now
    ends = (_instant(local, quiet, days, fold, zone) for days in (0, 1) for fold in (0, 1))
    return min(end for end in ends if end > now)


def _instant(local: datetime, quiet: Quiet, days: int, fold: int, zone: ZoneInfo) -> datetime:
    """When it ends on that day; an hour that the clock goes through twice ends twice, one that it leaves out once."""
    wall = datetime.combine(local.date() + timedelta(days=days), quiet.ends, zone).replace(fold=fold)
    return wall.astimezone(UTC)


def as_json(quiet: Quiet | None) -> dict[str, Any] | None:
    return {"begins": f"{quiet.begins:%H:%M}", "ends": f"{quiet.ends:%H:%M}"} if quiet else None
