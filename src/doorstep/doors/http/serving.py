"""serving: how uvicorn is set up, in the web process and in tests alike."""

from __future__ import annotations

import socket

import uvicorn

from doorstep.doors.http.app import Application


def config(app: Application, host: str, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        interface="asgi3",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # the application does it, where it matters
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=10,
    )


class Server(uvicorn.Server):
    """Ends what would never end by itself, before it waits for what is under way."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app = self.config.app
        if isinstance(app, Application):
            app.closing.set()
        await super().shutdown(sockets)
