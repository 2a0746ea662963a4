"""worldclock: the simulated world's time: runs at any speed, jumps ahead on request, never goes back."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class WorldClock:
    def __init__(
        self, start: datetime | None = None, speed: float = 1.0, wall: Callable[[], float] = time.time
    ) -> None:
        self._wall = wall
        self._base_wall = wall()
        self._base = start or datetime.fromtimestamp(self._base_wall, UTC)
        self.speed = speed
        self._pinned: datetime | None = None

    def now(self) -> datetime:
        if self._pinned is not None:
            return self._pinned
        return self._base + timedelta(seconds=(self._wall() - self._base_wall) * self.speed)

    def wall(self) -> float:
        return self._wall()

    def advance(self, by: timedelta) -> None:
        if by < timedelta(0):
            raise ValueError("time does not go back")
        if self._pinned is not None:
            self._pinned += by
        self._base += by

    def run_at(self, speed: float) -> None:
        if speed < 0:
            raise ValueError("time does not go back")
        self._base, self._base_wall = self.now(), self._wall()
        self.speed = speed

    def pin(self, at: datetime) -> None:
        """While a log is replayed: it is this instant."""
        self._pinned = at

    def unpin(self, at: datetime, wall: float) -> None:
        """It was `at` when the wall clock said `wall`; the world went on while nobody looked."""
        self._pinned, self._base, self._base_wall = None, at, min(wall, self._wall())
