"""days: the time a demo lives in: it begins weeks ago, jumps from one hour of work to the next, and ends now.

Demo, web, worker and simulator read the same file (doorstep.kit.clock); when the play is over there is none, and
everybody lives in the real time again.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from doorstep.kit import clock
from doorstep.kit import home as homes

LONG = 14  # days
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Days:
    file: Path
    first: datetime  # midnight

    def enter(self) -> None:
        """From here on this process, and those it starts, live by the file."""
        os.environ[clock.SET_BY] = str(self.file)
        clock.live_by(self.file)

    def at(self, day: int, hour: float) -> datetime:
        return self.first + timedelta(days=day, hours=hour)

    def number(self, at: datetime) -> int:
        """Which day of the play that is, the first being 1."""
        return (at - self.first) // DAY + 1

    def go_to(self, at: datetime) -> None:
        """Forward only, and never past the real time."""
        shift = min(at - datetime.now(UTC), timedelta(0))
        if not self.file.exists() or shift > clock.shift_of(self.file):
            homes.write_whole(self.file, f"{shift.total_seconds():.3f}")

    def end(self) -> None:
        self.file.unlink(missing_ok=True)


def first_day(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0) - LONG * DAY
