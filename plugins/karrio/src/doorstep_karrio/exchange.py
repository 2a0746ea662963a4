"""exchange: a request that was sent, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Exchange:
    method: str
    url: str
    status: int | None = None  # None = no answer
    is_unheard: bool = False  # nobody took it: it did nothing
    retry_after_s: float | None = None
