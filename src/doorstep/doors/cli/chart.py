"""chart: bars drawn in the terminal, as wide as it is; plain characters where it is none."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from typing import NamedTuple

WIDTH = 100  # where there is no terminal to ask
LONGEST_LABEL = 40


class Bar(NamedTuple):
    label: str
    value: float
    spelled: str


def draw(bars: Sequence[Bar]) -> str:
    """For this process's output."""
    encoding = (getattr(sys.stdout, "encoding", None) or "").lower()
    fancy = sys.stdout.isatty() and encoding.startswith("utf")
    return "\n".join(lines(bars, shutil.get_terminal_size((WIDTH, 24)).columns, fancy=fancy))


def lines(bars: Sequence[Bar], width: int, *, fancy: bool) -> list[str]:
    """A line each; the largest takes all the room that label and number leave. Below zero a bar looks different."""
    if not bars:
        return []
    label = min(LONGEST_LABEL, max(len(bar.label) for bar in bars))
    number = max(len(bar.spelled) for bar in bars)
    room = max(1, width - label - number - 2)
    most = max(abs(bar.value) for bar in bars)
    return [
        f"{_cut(bar.label, label):<{label}} {bar.spelled:>{number}} {_bar(bar.value, most, room, fancy)}".rstrip()
        for bar in bars
    ]


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _bar(value: float, most: float, room: int, fancy: bool) -> str:
    eighths = round(abs(value) / most * room * 8) if most else 0
    whole, part = divmod(eighths, 8)
    if not fancy:
        return ("#" if value > 0 else "-") * (whole + (part >= 4))
    if value < 0:
        return "░" * (whole + (part >= 4))
    return "█" * whole + " ▏▎▍▌▋▊▉"[part].strip()
