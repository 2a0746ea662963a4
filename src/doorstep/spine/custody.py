"""custody: who had a parcel when, by what was told of it; and gaps: one had let go, and the next said nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

# A hub scans in what came with the evening's truck by the next evening. Longer, and nobody says where it is: so long is
# what a buyer asks about, and what a claim is written for.
LONGEST_HANDING_OVER = timedelta(hours=24)


class Told(NamedTuple):
    """One event of a parcel; `hands_over` when it says that somebody else has it from here on."""

    at: datetime
    holder: str
    leg: str
    hands_over: bool = False


class Gap(NamedTuple):
    """Between the last word of one and the first of the next; `until` is None while there is none yet."""

    since: datetime
    until: datetime | None
    after: str  # who had it last
    before: str  # who had it next; '' while nobody has said so
    hours: float


def gaps(events: Iterable[Told], now: datetime) -> Iterator[Gap]:
    """In the order of time, however the events come."""
    told = sorted(set(events))
    for last, following in pairwise(told):
        if last.holder != following.holder and following.at - last.at > LONGEST_HANDING_OVER:
            yield Gap(last.at, following.at, last.holder, following.holder, _hours(following.at - last.at))
    if told and told[-1].hands_over and now - told[-1].at > LONGEST_HANDING_OVER:
        yield Gap(told[-1].at, None, told[-1].holder, "", _hours(now - told[-1].at))


def _hours(span: timedelta) -> float:
    return round(span.total_seconds() / 3600, 1)
