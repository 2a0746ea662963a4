"""feed: a merchant's events, page after page."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

from doorstep.doors.reads import cursor
from doorstep.doors.reads.cursor import Cursor
from doorstep.doors.reads.orders import Limit
from doorstep.spine import feed as spine
from doorstep.spine.tenant import Tx


class FeedQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without a cursor from the very beginning."""

    cursor: Cursor | None = None
    limit: Limit = 50


class FeedEvent(Struct, frozen=True, kw_only=True):
    """`seq` counts the events of its subject without gaps."""

    id: str
    type: str
    subject: str
    seq: int
    actor: str
    happened_at: datetime
    recorded_at: datetime
    moves: list[list[Any]]
    data: dict[str, Any]


class Feed(Struct, frozen=True, kw_only=True):
    """`next` is where to go on, also when there is nothing new yet: keep it and ask again."""

    events: list[FeedEvent]
    next: str


async def feed(tx: Tx, merchant: int, query: FeedQuery) -> Feed:
    place = cursor.read(query.cursor, tuple[int, int]) if query.cursor else spine.BEGINNING
    found = await spine.events_after(tx, merchant, place, query.limit)
    events = [FeedEvent(**{name: getattr(one, name) for name in FeedEvent.__struct_fields__}) for one in found]
    return Feed(events=events, next=cursor.write(*(found[-1].place if found else place)))
