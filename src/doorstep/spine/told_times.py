"""told_times: when something happened, as somebody says it: a clock may be a little wrong, but not absurdly."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from doorstep.kit.refusals import Refusal

# A clock elsewhere may be wrong by so much; what is further to come has not happened.
AHEAD = timedelta(hours=1)


class NotYet(Refusal):
    """That is before it could be, or to come: another time, or none, is meant."""

    status = 422


def told_time(told: datetime | None, now: datetime, *, since: datetime | None = None, **of: Any) -> datetime:
    """When it happened: now where no time is told, or by a clock that is a little ahead.

    Refuses NotYet what is to come, and what is before `since`; `of` names what it is about.
    """
    if told is not None and not can_be(told, now, since=since):
        raise NotYet(**of, happened_at=told, **({"since": since} if since else {}))
    return now if told is None else min(told, now)


def can_be(told: datetime, now: datetime, *, since: datetime | None = None) -> bool:
    """`since` may itself be told, and ahead."""
    return told <= now + AHEAD and (since is None or told >= min(since, now) - AHEAD)
