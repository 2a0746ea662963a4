"""payments: the socket for whoever moves the buyer's money: hold it, take it, let it go, give it back."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from msgspec import Struct

from doorstep.kit.refusals import Refusal


class Declined(Refusal):
    """The payment provider said no."""

    # why: reason=a word (insufficient_funds, expired, …), detail=the provider's own text
    status = 402


class ProviderDown(Refusal):
    """The payment provider did not answer; whether it acted is unknown, so ask again with the same key."""

    # why: provider, detail, retry_after_s (None when the provider named no time)
    status = 503


class Authorization(Struct, frozen=True, kw_only=True):
    ref: str
    amount_minor: int
    currency: str
    expires_at: datetime | None = None  # None when the provider names no time


class Capture(Struct, frozen=True, kw_only=True):
    ref: str  # of this capture
    amount_minor: int
    captured_minor: int  # of the authorization so far, this one included


class Refund(Struct, frozen=True, kw_only=True):
    ref: str  # of this refund
    amount_minor: int
    refunded_minor: int


class Entry(Struct, frozen=True, kw_only=True):
    """One thing that happened to a charge; the key is the one we sent."""

    kind: str  # authorize, capture, void, refund, expire
    ref: str
    key: str
    amount_minor: int
    at: datetime


class Charge(Struct, frozen=True, kw_only=True):
    """What the provider believes about one authorization: the other side of reconciliation."""

    ref: str
    reference: str
    currency: str
    authorized_minor: int
    captured_minor: int
    refunded_minor: int
    status: str  # authorized, partially_captured, captured, voided, expired
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None = None
    entries: tuple[Entry, ...] = ()


class Payments(Protocol):
    """The same key again is the same act, answered alike; with other content it is Declined("key_reused").

    A key names one act of the whole account, which may serve several merchants: unique over all of them.
    """

    @property
    def code(self) -> str: ...

    async def authorize(
        self, amount_minor: int, currency: str, token: str, reference: str, key: str
    ) -> Authorization: ...

    async def capture(self, ref: str, amount_minor: int, key: str) -> Capture:
        """Take part or all of what is held; several captures may follow each other."""

    async def void(self, ref: str, key: str) -> None:
        """Let go of what is held and not yet captured."""

    async def refund(self, ref: str, amount_minor: int, key: str) -> Refund:
        """Give back part or all of what was captured."""

    async def list(self, since: datetime) -> tuple[Charge, ...]:
        """Every charge that changed at or after `since`, oldest change first."""
