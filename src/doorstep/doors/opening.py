"""opening: how a process of doorstep's comes to its database: started if need be, its tables up to date."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from doorstep.kit import embedded
from doorstep.kit.migrate import migrate
from doorstep.spine.tenant import Db


@asynccontextmanager
async def open_db(size: int = 8) -> AsyncIterator[Db]:
    """The application's pools behind the tenant wall, closed at the end.

    The embedded database is brought up to date on the way; your own server is migrated by `doorstep migrate` or
    `doorstep up` alone, so that old and new processes may run beside each other.
    """
    urls = await asyncio.to_thread(embedded.resolve_urls)
    if embedded.external_urls() is None:
        await migrate(urls.owner)
    db = await Db.open(urls.app, urls.router, size=size)
    try:
        yield db
    finally:
        await db.close()
