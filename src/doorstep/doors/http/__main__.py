"""`python -m doorstep.doors.http`: the web process: opens the database, serves until it is told to end."""

from __future__ import annotations

import argparse
import asyncio
import os

import structlog
import uvicorn

from doorstep.doors import logs
from doorstep.doors.http.app import build
from doorstep.kit import embedded
from doorstep.kit import home as homes
from doorstep.spine.tenant import Db

HOST = "127.0.0.1"
POOL = 16


def main() -> None:
    arguments = _arguments()
    logs.set_up()
    urls = embedded.resolve_urls()
    port = arguments.port or int(os.environ.get("DOORSTEP_PORT", "0")) or homes.choose_port(homes.home(), "web")
    asyncio.run(serve(urls, arguments.host, port))


async def serve(urls: embedded.Urls, host: str, port: int) -> None:
    db = await Db.open(urls.app, urls.router, size=POOL)
    try:
        config = uvicorn.Config(
            build(db), host=host, port=port, log_config=None, access_log=False, server_header=False,
            lifespan="on", timeout_keep_alive=30, timeout_graceful_shutdown=10, h11_max_incomplete_event_size=65_536,
        )  # fmt: skip
        structlog.get_logger("doorstep.http").info("web started", host=host, port=port)
        await uvicorn.Server(config).serve()
    finally:
        await db.close()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="doorstep web", description="Serve the API.")
    parser.add_argument("--host", default=HOST)
    parser.add_argument("--port", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
