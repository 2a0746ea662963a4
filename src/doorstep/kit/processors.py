"""processors: how many this process may use."""

from __future__ import annotations

import os


def processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def told(variable: str) -> int | None:
    """A count that the environment sets; None where it sets none."""
    word = os.environ.get(variable, "")
    return int(word) if word.isdigit() and int(word) > 0 else None
