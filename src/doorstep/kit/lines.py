"""lines: so many calls to one account at once, none beyond a deadline; who is late again and again is left alone."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 16
LATE_AFTER = 3  # times in a row,
REST_S = 30.0  # then it is not asked for so long


class TooLate(Exception):
    """It took longer than anybody waits, or has done so too often to be asked just now."""


@dataclass(slots=True)
class _Line:
    free: asyncio.Semaphore
    late: int = 0
    rests_until: float = 0.0


@dataclass(slots=True)
class Lines:
    """Of this process alone. An account is anything that can be a key."""

    at_once: int = AT_ONCE
    rest_s: float = REST_S
    _lines: dict[object, _Line] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lines = defaultdict(lambda: _Line(asyncio.Semaphore(self.at_once)))

    async def within(self, deadline_s: float, account: object, call: Callable[[], Awaitable[T]]) -> T:
        """What the call answers; raises TooLate, or what the call raises."""
        line = self._lines[account]
        if (left_s := line.rests_until - monotonic()) > 0:
            raise TooLate(f"did not answer in time {line.late} times in a row: asked again in {left_s:.0f} s")
        asked = False
        try:
            async with asyncio.timeout(deadline_s), line.free:
                asked = True
                answer = await call()
        except TimeoutError:
            if asked:
                line.late += 1
                if line.late >= LATE_AFTER:
                    line.rests_until = monotonic() + self.rest_s
            raise TooLate(f"no answer within {deadline_s:g} s") from None
        line.late = 0
        return answer
