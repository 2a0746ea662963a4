"""`python -m doorstep.doors.http`: the web process: API and console over one database, until it is told to end."""

from __future__ import annotations

import argparse
import asyncio
import os
import socket

import structlog
import uvloop

from doorstep.doors import buyer, console, logs
from doorstep.doors.http.app import build
from doorstep.doors.http.serving import Server, config
from doorstep.doors.http.twins import how_many, listening, twins, when_the_first_is_gone
from doorstep.doors.mending import bring_back
from doorstep.doors.opening import open_db
from doorstep.kit import home as homes
from doorstep.kit.garbage import collect_seldom
from doorstep.spine.tenant import Db

HOST = "127.0.0.1"
# Connections of all web processes together, and what one needs at least.
POOL, SMALLEST_POOL = 16, 8


def main() -> None:
    arguments = _arguments()
    logs.set_up()
    if arguments.twin:
        own = socket.socket(fileno=arguments.twin)
        own.setblocking(False)
        uvloop.run(serve_as_twin(own))
        return
    port = arguments.port or int(os.environ.get("DOORSTEP_PORT", "0")) or homes.choose_port(homes.home(), "web")
    uvloop.run(serve(arguments.host, port))


async def serve(host: str, port: int) -> None:
    """With its twins."""
    own, *others = listening(host, port, how_many())
    closing = asyncio.Event()
    async with twins(others, closing), open_db(size=_pool()) as db:
        structlog.get_logger("doorstep.http").info("web started", host=host, port=port, processes=1 + len(others))
        await _server(db, own, closing).serve([own])


async def serve_as_twin(own: socket.socket) -> None:
    served: list[Server] = []

    def end() -> None:
        if not served:
            os._exit(0)  # nobody was answered yet, and the port is free at once
        served[0].should_exit = True

    when_the_first_is_gone(end)
    async with open_db(size=_pool()) as db:
        served.append(_server(db, own, asyncio.Event()))
        await served[0].serve([own])


def _server(db: Db, own: socket.socket, closing: asyncio.Event) -> Server:
    doors = [*console.routes(db), *buyer.routes(db)]
    app = build(db, doors, bring_back, as_page=console.nowhere, closing=closing, processes=how_many())
    host, port = own.getsockname()[:2]
    collect_seldom()
    return Server(config(app, host, port))


def _pool() -> int:
    return max(POOL // how_many(), SMALLEST_POOL)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="doorstep web", description="Serve the API and the console.")
    parser.add_argument("--host", default=HOST)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--twin", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
