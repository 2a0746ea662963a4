"""charts: what a chart shows, as the page carries it: static/charts.js draws it, a table says the same in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import msgspec

from doorstep.doors.reads.days import Span


@dataclass(frozen=True, slots=True)
class Line:
    """A series by key of time; its tone is a color of the stylesheet. `before`: that of the period before, dashed."""

    name: str
    tone: str
    values: Mapping[str, float]
    before: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """`keys`: the days, weeks or months, each as a day; where there is no value a line is broken, or is `fill`."""

    title: str
    keys: tuple[str, ...]
    lines: tuple[Line, ...]
    unit: str = ""
    fill: float | None = None

    @classmethod
    def by_day(cls, title: str, span: Span, *lines: Line, unit: str = "", fill: float | None = None) -> Chart:
        keys = tuple(str(span.first + timedelta(days=n)) for n in range((span.last - span.first).days + 1))
        return cls(title, keys, lines, unit, fill)

    @property
    def is_empty(self) -> bool:
        return not any(line.values for line in self.lines)

    @property
    def data(self) -> str:
        """For the script: seconds since 1970, and the values of each line beside them."""
        times = [_seconds(key) for key in self.keys]
        lines = [
            {
                "name": line.name,
                "tone": line.tone,
                "before": line.before,
                "values": [self.at(line, k) for k in self.keys],
            }
            for line in self.lines
        ]
        return msgspec.json.encode({"times": times, "lines": lines, "unit": self.unit}).decode()

    def at(self, line: Line, key: str) -> float | None:
        return line.values.get(key, self.fill)


def _seconds(key: str) -> int:
    """A month stands on its first day."""
    day = date.fromisoformat(key if len(key) > len("2026-01") else f"{key}-01")
    return (day - date(1970, 1, 1)).days * 86_400
