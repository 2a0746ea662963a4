"""web: a real web server for tests, on a real port, and clients with a shop's keys."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from doorstep.doors import buyer, console
from doorstep.doors.http.app import build
from doorstep.doors.http.serving import Server, config
from doorstep.kit import clock
from doorstep.kit.embedded import Urls
from doorstep.setup.keys import SCOPES, create_key
from doorstep.spine.tenant import Db
from tests.shop import Shop


@contextmanager
def serving(urls: Urls) -> Iterator[str]:
    """The web application in a thread of its own; answers its address."""
    own = socket.create_server(("127.0.0.1", 0))
    port = own.getsockname()[1]
    server: list[Server] = []

    async def serve() -> None:
        db = await Db.open(urls.app, urls.router, size=4)
        try:
            app = build(db, [*console.routes(db), *buyer.routes(db)], as_page=console.nowhere)
            server.append(Server(config(app, "127.0.0.1", port)))
            await server[0].serve([own])
        finally:
            await db.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    deadline = time.monotonic() + 120
    while not (server and server[0].started):
        if time.monotonic() > deadline or not thread.is_alive():
            raise AssertionError("the web server did not start")
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server[0].should_exit = True
        thread.join(60)
        assert not thread.is_alive(), "the web server did not end"


class Client:
    """Talks to the API with one key."""

    def __init__(self, address: str, key: str | None) -> None:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self.http = httpx.AsyncClient(base_url=address, headers=headers, timeout=120, trust_env=False, verify=False)
        self.key = key

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.http.get(path, params=params)

    async def post(self, path: str, body: Any = None, *, key: str | None = None, **params: Any) -> httpx.Response:
        headers = {"idempotency-key": key} if key else {}
        return await self.http.post(path, json=body, headers=headers, params=params)

    async def put(self, path: str, body: Any) -> httpx.Response:
        return await self.http.put(path, json=body)

    async def raw(self, path: str, content: Any, **headers: str) -> httpx.Response:
        given = {"content-type": "application/json"} | {name.replace("_", "-"): word for name, word in headers.items()}
        return await self.http.post(path, content=content, headers=given)

    async def delete(self, path: str, **params: Any) -> httpx.Response:
        return await self.http.delete(path, params=params)


async def client_of(shop: Shop, address: str, scopes: Iterable[str] = SCOPES) -> Client:
    secret, _ = await create_key(shop.db, shop.merchant, clock.now(), scopes=scopes)
    return Client(address, secret)


@pytest.fixture(scope="session")
def web(urls: Urls) -> Iterator[str]:
    """The address of a web server over this worker's database."""
    with serving(urls) as address:
        yield address


@pytest.fixture
async def api(shop: Shop, web: str) -> Client:
    """The shop's own client, which may do everything."""
    return await client_of(shop, web)


async def settled(shop: Shop) -> None:
    """Until the feed shows all that happened: transactions of other tests on this server may hold it back a moment."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        (row,) = await shop.rows(
            "select count(*) as n from event where merchant_id = $1"
            " and txid >= pg_snapshot_xmin(pg_current_snapshot())",
            shop.merchant,
        )
        if not row["n"]:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("somebody's transaction never ends")
