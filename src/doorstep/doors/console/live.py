"""live: the board of `/today` as it changes, sent to whoever looks at it.

The numbers of a set of merchants are read once for all who watch them. A stream ends by itself now and then, and when
the server does: the browser comes back by itself, and is asked anew who it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from time import monotonic

import msgspec
import structlog

from doorstep.doors.console.speaking import Reader, write_for
from doorstep.doors.console.today import Board, board, fragment
from doorstep.doors.logs import told
from doorstep.kit import clock
from doorstep.spine.tenant import Db, tenant_tx

LOOKS_EVERY_S = 2.0
QUIET_AT_MOST_S = 15.0  # then a line that says nothing, by which both ends know that the other is there
LASTS_S = 600.0

log = structlog.get_logger("doorstep.http")


@dataclass(slots=True)
class Watched:
    """The board of a set of merchants while somebody looks at it."""

    viewers: int = 0
    now: Board | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def tell(self, found: Board) -> None:
        """Whoever waits gets it; who comes later waits for the next."""
        self.now = found
        self.changed.set()
        self.changed = asyncio.Event()


class Boards:
    """Who watches what."""

    def __init__(self, db: Db) -> None:
        self._db = db
        self._watched: dict[tuple[int, ...], Watched] = {}

    async def stream(self, merchants: tuple[int, ...], reader: Reader, closing: asyncio.Event) -> AsyncIterator[bytes]:
        """Server-sent events: the board now, and each time that it changes."""
        watched = self._watched.setdefault(merchants, Watched())
        watched.viewers += 1
        if watched.task is None:
            watched.task = asyncio.create_task(self._look(merchants, watched))
        try:
            until, shown = monotonic() + LASTS_S, None
            yield b"retry: 2000\n\n"
            while not closing.is_set() and monotonic() < until:
                changed = watched.changed
                if watched.now is not None and watched.now is not shown:
                    shown = watched.now
                    write_for(reader)
                    yield b"data: " + msgspec.json.encode(fragment(shown)) + b"\n\n"
                elif not await _first_of(changed, closing):
                    yield b":\n\n"
        finally:
            watched.viewers -= 1
            if not watched.viewers:
                watched.task.cancel()
                del self._watched[merchants]

    async def _look(self, merchants: tuple[int, ...], watched: Watched) -> None:
        while True:
            try:
                async with tenant_tx(self._db, merchants, readonly=True) as tx:
                    found = await board(tx, merchants, clock.now())
                if found != watched.now:
                    watched.tell(found)
            except Exception as error:
                log.warning("the board was not read", **told(error))
            await asyncio.sleep(LOOKS_EVERY_S)


async def _first_of(*events: asyncio.Event) -> bool:
    """Whether one of them came before it was quiet for too long."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        done, _pending = await asyncio.wait(waiting, timeout=QUIET_AT_MOST_S, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)
    finally:
        for one in waiting:
            one.cancel()
