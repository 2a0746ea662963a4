"""`python -m doorstep.doors.http`: the web process: API and console over one database, until it is told to end."""

from __future__ import annotations

import argparse
import os

import structlog
import uvloop

from doorstep.doors import buyer, console, logs
from doorstep.doors.http.app import build
from doorstep.doors.http.serving import Server, config
from doorstep.doors.mending import bring_back
from doorstep.doors.opening import open_db
from doorstep.kit import home as homes
from doorstep.kit.garbage import collect_seldom

HOST = "127.0.0.1"
POOL = 16


def main() -> None:
    arguments = _arguments()
    logs.set_up()
    port = arguments.port or int(os.environ.get("DOORSTEP_PORT", "0")) or homes.choose_port(homes.home(), "web")
    uvloop.run(serve(arguments.host, port))


async def serve(host: str, port: int) -> None:
    async with open_db(size=POOL) as db:
        structlog.get_logger("doorstep.http").info("web started", host=host, port=port)
        server = Server(config(build(db, [*console.routes(db), *buyer.routes(db)], bring_back), host, port))
        collect_seldom()
        await server.serve()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="doorstep web", description="Serve the API and the console.")
    parser.add_argument("--host", default=HOST)
    parser.add_argument("--port", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
