"""kept: what is asked for with every order and changes seldom, read once a minute and merchant, not once an order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

FOR_S = 60.0


@dataclass(slots=True)
class Kept:
    """Of one process and database; what is read may be a minute old, so it must be nothing that a balance needs."""

    found: dict[tuple[str, int], tuple[float, Any]] = field(default_factory=dict)

    async def of(
        self, name: str, merchants: Sequence[int], read: Callable[[list[int]], Awaitable[Mapping[int, Any]]]
    ) -> dict[int, Any]:
        """By merchant; those that are missing or too old are read in one go."""
        now = monotonic()
        old = [merchant for merchant in merchants if self.found.get((name, merchant), (0.0, None))[0] < now]
        if old:
            for merchant, value in (await read(old)).items():
                self.found[name, merchant] = (now + FOR_S, value)
        return {merchant: self.found[name, merchant][1] for merchant in merchants}

    def last(self, name: str, merchant: int) -> Any:
        """What was read before, however old; None the first time."""
        return self.found.get((name, merchant), (0.0, None))[1]

    def forget(self) -> None:
        self.found.clear()
