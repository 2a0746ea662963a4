"""socket: what everything that carries news to somebody outside can do: letters, text messages, signed posts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from doorstep.plug.notifier.outcome import Outcome


class Notifier(Protocol):
    """A message has a key that is the same for every try. A clear no is `Gone`; everything whose end is not known is
    `RetryAt`, and is tried again with the same key."""

    async def send(self, messages: Sequence[Any]) -> list[Outcome]:
        """One outcome per message, in the same order; nothing is raised."""


@runtime_checkable
class LooksUp(Protocol):
    """One whose other side knows no key: before a message is sent again, it is asked whether it has it."""

    async def look_up(self, message: Any, tried_at: datetime) -> Outcome | None:
        """What became of it; None when it is certainly not there. `tried_at`: when it was last sent."""


async def known(notifier: Notifier, message: Any, tried_at: datetime | None) -> Outcome | None:
    """What is known of a message that was tried before and nobody knows what came of it; None: send it, with the same
    key."""
    if tried_at is None or not isinstance(notifier, LooksUp):
        return None
    return await notifier.look_up(message, tried_at)
