"""twins: the web process has twins, one for each further processor, on the same port; none of them outlives it.

Python runs on one processor at a time: alone, the web process lets the database wait while it reads what was asked.
Each twin listens on a socket of its own, and the kernel spreads what comes among the sockets. The first process opens
them all, so that what waits at a twin that died is answered by the one that is started in its place.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

import structlog

from doorstep.kit.processors import processors, told

MOST = 4
BACKLOG = 2048
SOONEST_S, SLOWEST_S = 0.2, 5.0  # who came to it waits so long
LIVED_S = 60.0  # who lived so long died of something new


def how_many() -> int:
    """Web processes: as many as processors, unless it is set. Only Linux spreads what comes evenly."""
    if not sys.platform.startswith("linux"):
        return 1
    return told("DOORSTEP_WEB_PROCESSES") or min(processors(), MOST)


def listening(host: str, port: int, count: int) -> list[socket.socket]:
    """So many sockets on the one port; refuses OSError when somebody else has it."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    _taken_by_nobody(found)
    return [_bound(found, shared=count > 1) for _ in range(count)]


def _taken_by_nobody(found: tuple[Any, ...]) -> None:
    """Sockets that share a port would share it with another doorstep of this user as well."""
    _bound(found, shared=False).close()


def _bound(found: tuple[Any, ...], *, shared: bool) -> socket.socket:
    family, kind, protocol, _, address = found
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        made.bind(address)
        if shared:
            made.listen(BACKLOG)
    except OSError:
        made.close()
        raise
    made.setblocking(False)
    return made


@asynccontextmanager
async def twins(sockets: Sequence[socket.socket], closing: asyncio.Event) -> AsyncIterator[None]:
    """Keep a twin at each socket until this process closes."""
    kept = [asyncio.create_task(_keep(each, closing)) for each in sockets]
    try:
        yield
    finally:
        closing.set()
        await asyncio.gather(*kept)


async def _keep(at: socket.socket, closing: asyncio.Event) -> None:
    pause_s = SOONEST_S
    closes = asyncio.create_task(closing.wait())
    while not closing.is_set():
        began = monotonic()
        why = await _a_life(at, closes)
        if not closing.is_set():
            structlog.get_logger("doorstep.http").warning("a twin ended", why=why)
            pause_s = SOONEST_S if monotonic() - began > LIVED_S else min(pause_s * 2, SLOWEST_S)
            await asyncio.wait([closes], timeout=pause_s)
    await closes


async def _a_life(at: socket.socket, closes: asyncio.Task[Any]) -> str:
    """Of one twin, and why it ended: the machine may refuse to start one, too."""
    command = (sys.executable, "-m", "doorstep.doors.http", "--twin", str(at.fileno()))
    try:
        # Its standard input is its lifeline: it ends when this process does, however that ends.
        twin = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, pass_fds=[at.fileno()])
    except OSError as error:
        return str(error)
    ended = asyncio.create_task(twin.wait())
    await asyncio.wait([ended, closes], return_when=asyncio.FIRST_COMPLETED)
    assert twin.stdin
    twin.stdin.close()
    return f"exit code {await ended}"


def when_the_first_is_gone(end: Callable[[], None]) -> None:
    """In a twin: what to do then."""
    loop, lifeline = asyncio.get_running_loop(), sys.stdin.fileno()

    def pulled() -> None:
        if not os.read(lifeline, 1024):
            loop.remove_reader(lifeline)
            end()

    loop.add_reader(lifeline, pulled)
