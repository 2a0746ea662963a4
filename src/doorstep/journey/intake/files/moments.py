"""moments: when a cell says something was, by the forms and the time zone of its mapping."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from doorstep.journey.intake.files import cells
from doorstep.journey.intake.files.mapping import Mapping

Moment = Callable[[str], datetime | None]


def moments(mapping: Mapping, timezone: str) -> Moment:
    """Reads this mapping's times; each text once."""
    zone, forms, day_first = ZoneInfo(timezone), tuple(mapping.dates), mapping.day_first

    @lru_cache(maxsize=65536)
    def moment(text: str) -> datetime | None:
        for form in forms:
            try:
                at = datetime.strptime(text.strip(), form)
            except ValueError:
                continue
            return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
        return cells.when(text, zone, day_first) if text.strip() else None

    return moment
