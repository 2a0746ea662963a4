"""feed: the merchant's events as a feed to follow."""

from __future__ import annotations

from typing import Any

from doorstep.doors.http.operations import Asked, operation
from doorstep.doors.reads import feed as reads
from doorstep.setup.keys import READ


@operation("GET", "/events", scope=READ, tag="events", query=reads.FeedQuery, answer=reads.Feed)
async def list_events(asked: Asked) -> Any:
    """Everything that happened to the merchant, nothing skipped, nothing twice: keep `next` and ask again."""
    async with asked.reading() as tx:
        return await reads.feed(tx, asked.merchant, asked.query)
