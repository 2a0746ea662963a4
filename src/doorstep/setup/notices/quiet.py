"""quiet: hours in which a medium says nothing; what falls into them is said when they end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from doorstep.kit.refusals import Invalid
from doorstep.setup.notices.kinds import Medium


@dataclass(frozen=True, slots=True)
class Quiet:
    """From when, and until when: local to whoever it is for. Over midnight where it ends before it begins."""

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
    if quiet is None or _wall(now, zone) not in quiet:
        return now
    ends = (_instant(local, quiet, days, fold, zone) for days in (0, 1) for fold in (0, 1))
    return min(end for end in ends if end > now and _wall(end, zone) not in quiet)


def _wall(at: datetime, zone: ZoneInfo) -> time:
    """What the clock on the wall shows."""
    return at.astimezone(zone).time().replace(tzinfo=None)


def _instant(local: datetime, quiet: Quiet, days: int, fold: int, zone: ZoneInfo) -> datetime:
    """When it ends on that day; an hour that the clock goes through twice ends twice, one that it leaves out once."""
    wall = datetime.combine(local.date() + timedelta(days=days), quiet.ends, zone).replace(fold=fold)
    return wall.astimezone(UTC)


def read_quiet(begins: str, ends: str) -> Quiet | None:
    """As people write hours: 21:00 and 08:00; two empty ones are none. Refuses Invalid."""
    if not begins and not ends:
        return None
    try:
        quiet = Quiet(time.fromisoformat(begins), time.fromisoformat(ends))
    except ValueError:
        raise Invalid(
            fields=[{"pointer": "/begins", "detail": "must be two times of day, as 21:00, or none"}]
        ) from None
    if quiet.begins == quiet.ends or quiet.begins.tzinfo or quiet.ends.tzinfo:
        raise Invalid(fields=[{"pointer": "/ends", "detail": "must not be when it begins"}])
    return quiet


def as_json(quiet: Quiet | None) -> dict[str, str] | None:
    return {"begins": f"{quiet.begins:%H:%M}", "ends": f"{quiet.ends:%H:%M}"} if quiet else None
