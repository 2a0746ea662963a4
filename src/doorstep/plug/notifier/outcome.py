"""outcome: how one attempt to tell something ended, and when the next one is due."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

from msgspec import Struct

# Of Standard Webhooks: ten tries in 75 hours and 35 minutes, each counted from the one before.
SCHEDULE: tuple[timedelta, ...] = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)


class Delivered(Struct, frozen=True, tag="delivered"):
    detail: str = ""


class RetryAt(Struct, frozen=True, tag="retry_at"):
    at: datetime
    reason: str
    attempt: int  # the number of the try that is due then


class Gone(Struct, frozen=True, tag="gone"):
    """No further try; with `disable` nothing should be sent there any more. `stopped`: whoever it is for said so."""

    reason: str
    disable: bool = False
    stopped: bool = False


Outcome = Delivered | RetryAt | Gone


def next_try(now: datetime, message_id: str, attempt: int, reason: str, asked_s: float | None = None) -> RetryAt | Gone:
    """After the failed try number `attempt`, from 1; never sooner than the other side asked for."""
    if attempt >= len(SCHEDULE):
        return Gone(f"gave up after {attempt} tries: {reason}")
    pause = SCHEDULE[attempt] * (1 + _spread(message_id, attempt))
    asked = timedelta(seconds=min(asked_s or 0.0, SCHEDULE[-1].total_seconds()))
    return RetryAt(now + max(pause, asked), reason, attempt + 1)


def _spread(message_id: str, attempt: int) -> float:
    """Up to a tenth more, always the same for one try, so that many failed at once do not come back at once."""
    return sha256(f"{message_id}|{attempt}".encode()).digest()[0] / 2550
