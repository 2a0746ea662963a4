"""scene: a doorstep of its own for a drill: its database, ways into it, its parts as processes; and what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from doorstep.doors import supervisor
from doorstep.kit import embedded
from doorstep.kit.embedded import Urls
from doorstep.kit.migrate import migrate
from doorstep.spine.tenant import Db


@contextlib.asynccontextmanager
async def database(home: Path) -> AsyncIterator[Urls]:
    """Started and migrated, and stopped whatever happens."""
    os.environ["DOORSTEP_HOME"] = str(home)
    urls = await asyncio.to_thread(embedded.start, home)
    try:
        await migrate(urls.owner)
        yield urls
    finally:
        await asyncio.to_thread(embedded.stop, home)


@contextlib.asynccontextmanager
async def opened(urls: Urls, size: int = 2) -> AsyncIterator[Db]:
    db = await Db.open(urls.app, urls.router, size=size)
    try:
        yield db
    finally:
        await db.close()


@contextlib.asynccontextmanager
async def running(home: Path, *parts: str) -> AsyncIterator[str]:
    """These parts as processes; the address of the first, if it has one."""
    first, *_ = await asyncio.to_thread(supervisor.start, home, *parts)
    try:
        yield first.address or ""
    finally:
        for part in parts:
            await asyncio.to_thread(supervisor.stop, home, part)


def tell(figures: Mapping[str, Any], ok: bool) -> NoReturn:
    """Print them, and end as a test does."""
    print(json.dumps(figures, indent=2))
    print(f"{int(ok)} passed, {int(not ok)} failed")
    sys.exit(0 if ok else 1)
