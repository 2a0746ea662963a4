"""budget: so many calls an hour, per name; what is not used is there for the next hour, never more than one hour's."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)


@dataclass(slots=True)
class Budget:
    """Of this process alone; nothing is kept of it when it ends. Without a limit everything is granted."""

    per_hour: int = 0
    _left: dict[object, tuple[float, datetime]] = field(default_factory=dict)

    def take(self, name: object, wanted: int, now: datetime) -> int:
        """How many of the wanted calls may be made now."""
        if not self.per_hour:
            return wanted
        left, at = self._left.get(name, (float(self.per_hour), now))
        left = min(self.per_hour, left + self.per_hour * max(now - at, timedelta(0)) / HOUR)
        granted = min(wanted, int(left))
        self._left[name] = (left - granted, now)
        return granted

    def next_at(self, name: object, now: datetime) -> datetime:
        """When there is one more again."""
        left, at = self._left.get(name, (1.0, now))
        return max(now, at + HOUR * max(0.0, 1.0 - left) / max(self.per_hour, 1))
