"""world: what an errand is given: the outside, and the way back in. No transaction is open while it calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from doorstep.kit import clock
from doorstep.kit.budget import Budget
from doorstep.kit.lines import Lines
from doorstep.spine.outcome import Ask
from doorstep.spine.runner import Answer, run
from doorstep.spine.tenant import Db, Tx, tenant_tx

# The address of a buyer's page, by merchant and order; '' where nobody serves it.
Link = Callable[[int, int], str]
# The address that a gateway tells the end of a text message to, by merchant and letter; '' where it reaches nobody.
ReceiptLink = Callable[[int, str], str]
# A merchant's carrier or provider, ready to be called; the doors build them from the connections.
Open = Callable[[int, str], Awaitable[Any]]


class TryLater(Exception):
    """The outside gave no answer: the job is tried again, with the same key."""


def _nowhere(_merchant: int, _of: object) -> str:
    return ""


async def _no_notifier(_merchant: int, medium: str) -> Any:
    raise TryLater(f"there is nothing here to send by: {medium}")


@dataclass(slots=True)
class World:
    db: Db
    open_carrier: Open
    open_payments: Open
    notifier: Any
    now: Callable[[], datetime] = field(default=clock.now)
    # The shortest wait between two questions about one parcel; how many calls an hour an account is asked at most.
    follow_every: timedelta = timedelta(minutes=30)
    budget: Budget = field(default_factory=Budget)
    tracking_link: Link = _nowhere
    receipt_link: ReceiptLink = _nowhere
    # How many questions an account is asked at once, and how long who is late is left alone.
    lines: Lines = field(default_factory=Lines)
    # A merchant's own way to its buyers by a medium, beside the letters.
    open_notifier: Open = _no_notifier

    async def carrier(self, merchant: int, code: str) -> Any:
        """The merchant's carrier account of that code, as `doorstep.plug.carrier.Carrier`."""
        return await self.open_carrier(merchant, code)

    async def payments(self, merchant: int, code: str = "") -> Any:
        """The merchant's payment provider, as `doorstep.plug.payments.Payments`; '' for its only one."""
        return await self.open_payments(merchant, code)

    async def notifier_of(self, merchant: int, medium: str) -> Any:
        """What carries notices by that medium, as `doorstep.plug.notifier.Notifier`."""
        return self.notifier if medium in ("email", "office") else await self.open_notifier(merchant, medium)

    def reading(self, merchants: Sequence[int]) -> AbstractAsyncContextManager[Tx]:
        """A short read-only transaction, over before the outside is called."""
        return tenant_tx(self.db, merchants, readonly=True)

    async def ask(self, verb: str, asks: Sequence[Ask[Any]]) -> list[Answer]:
        """Keep what the outside answered, by a verb."""
        return await run(self.db, verb, asks)

    async def keep(self, merchant: int, verb: str, body: Any) -> Answer:
        """One answer, now."""
        [answer] = await self.ask(verb, [Ask(merchant, body, self.now())])
        return answer
