"""server: the simulated world over HTTP, its faults included."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, cast
from urllib.parse import parse_qsl

import msgspec
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from doorstep.plug.simulator.answer import Answer, Wrong, read_as
from doorstep.plug.simulator.faults import FaultPlan, Faults, Rule
from doorstep.plug.simulator.partial import Part, Without, without
from doorstep.plug.simulator.telling import Hook, Telling
from doorstep.plug.simulator.world import World

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LARGEST_BODY = 5_000_000
DROP = "doorstep.drop"  # in the request's extensions: cuts the connection
WRITE = "doorstep.write"  # writes into it past HTTP


class App:
    """ASGI. Requests are handled one at a time, so an act and its record are never torn apart."""

    def __init__(self, world: World, api_key: str = "", late_s: float = 30.0) -> None:
        self.world, self.faults = world, Faults()
        self._api_key, self._late_s = api_key, late_s
        self._left_out: tuple[Part, ...] = ()
        self.telling = Telling(world)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            telling = asyncio.create_task(self.telling.run())
            await _live(receive, send)
            telling.cancel()
            return
        try:
            await self._serve(scope, await _read(scope, receive), send)
        except Wrong as no:
            await _say(send, Answer(no.status, {"error": no.error, "detail": no.detail}))

    async def _serve(self, scope: Scope, body: Any, send: Send) -> None:
        path: str = scope["path"]
        if path.startswith("/control/") or path == "/health":
            await _say(send, self._control(scope["method"], path, body))
            return
        # The gateway has accounts of its own.
        if (
            self._api_key
            and not path.startswith("/sms/")
            and _header(scope, b"authorization") != f"Bearer {self._api_key}"
        ):
            raise Wrong(401, "unauthorized")
        fault = self.faults.pick(path)
        if fault is None or not await self._strike_before(fault, scope, send):
            if fault is not None and fault.kind == "repeated":
                self._act(scope, body)
            answer = self._act(scope, body)
            if fault is None or not await self._strike_after(fault, answer, scope, send):
                await asyncio.sleep(self._late_s if answer.late else 0)
                await _say(send, answer)

    def _act(self, scope: Scope, body: Any) -> Answer:
        params = dict(parse_qsl(scope["query_string"].decode()))
        key = _header(scope, b"idempotency-key")
        who = _header(scope, b"authorization")
        answer = self.world.handle(scope["method"], scope["path"], body, key, params, who)
        return Answer(answer.status, without(self._left_out, answer.body), answer.late) if self._left_out else answer

    async def _strike_before(self, fault: Rule, scope: Scope, send: Send) -> bool:
        """True when the request ends here, with nothing done."""
        match fault.kind:
            case "error_before":
                await _say(send, Answer(500, {"error": "internal"}))
            case "drop_before":
                await _drop(scope)
            case "rate_limit":
                headers = {"Retry-After": f"{fault.seconds:.0f}"}
                await _say(send, Answer(429, {"error": "slow_down"}), headers)
            case "redirect":
                await _say(send, Answer(302, None), {"Location": "http://127.0.0.1:1/"})
            case "slow":
                await asyncio.sleep(fault.seconds)
                return False
            case _:
                return False
        return True

    async def _strike_after(self, fault: Rule, answer: Answer, scope: Scope, send: Send) -> bool:
        """True when the request ends here: done, and not said so."""
        match fault.kind:
            case "error_after":
                await _say(send, Answer(500, {"error": "internal"}))
            case "drop_after":
                await _drop(scope)
            case "garbage":
                await _say_raw(send, 200, b'{"ok": tru<html>502 Bad Gateway</html>')
            case "huge":
                await _never_stop(send)
            case "late":
                await asyncio.sleep(fault.seconds)
                return False
            case "answered_twice":
                _write_past_http(scope, answer)
                return False
            case _:
                return False
        return True

    def _control(self, method: str, path: str, body: Any) -> Answer:
        if path == "/health":
            return Answer(200, {"ok": True})
        try:
            match method, path:
                case "POST", "/control/faults":
                    self.faults.use(read_as(FaultPlan, body))
                case "DELETE", "/control/faults":
                    self.faults.use(FaultPlan())
                case "POST", "/control/leave_out":
                    self._left_out = read_as(Without, body).parts
                case "POST", "/control/hook":
                    self.telling.to(read_as(Hook, body))
                case "DELETE", "/control/hook":
                    self.telling.to(None)
                case _ if path != "/control/faults":
                    return self.world.handle(method, path, body)
        except Wrong as no:
            return Answer(no.status, {"error": no.error, "detail": no.detail})
        return Answer(200, {"rules": self.faults.rules, "done": dict(self.faults.done), "told": self.telling.sent})


class DroppableProtocol(HttpToolsProtocol):
    """HTTP that lets the app cut the connection, which ASGI itself has no word for."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        cast("Scope", self.scope)["extensions"] = {DROP: self.transport.abort, WRITE: self.transport.write}


def serve(app: App, listening: socket.socket) -> None:
    """Until a signal ends it."""
    server_of(app).run(sockets=[listening])


def server_of(app: App) -> uvicorn.Server:
    """One that does not wait for its slow answers when it is ended."""
    return uvicorn.Server(
        uvicorn.Config(
            app, http=DroppableProtocol, lifespan="on", log_level="warning", access_log=False, ws="none",
            timeout_graceful_shutdown=1,
        )
    )  # fmt: skip


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _read(scope: Scope, receive: Receive) -> Any:
    content, more = bytearray(), True
    while more:
        message = await receive()
        content += message.get("body", b"")
        more = message.get("more_body", False)
        if len(content) > LARGEST_BODY:
            raise Wrong(413, "too_large")
    if _header(scope, b"content-type") == "application/x-www-form-urlencoded":
        return dict(parse_qsl(content.decode("utf-8", "replace"), keep_blank_values=True))
    try:
        return msgspec.json.decode(bytes(content)) if content else None
    except msgspec.DecodeError:
        raise Wrong(400, "malformed") from None


async def _say(send: Send, answer: Answer, headers: dict[str, str] | None = None) -> None:
    await _say_raw(send, answer.status, _written(answer), headers)


def _written(answer: Answer) -> bytes:
    """As JSON, unless it is a paper."""
    return answer.body if isinstance(answer.body, bytes) else msgspec.json.encode(answer.body)


async def _say_raw(send: Send, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
    pairs = {"content-type": "application/json", "content-length": str(len(content)), **(headers or {})}
    raw = [(name.lower().encode(), value.encode()) for name, value in pairs.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": content})


async def _never_stop(send: Send) -> None:
    """Ends when the other side has had enough (sending into a closed connection raises) or after 10 GB."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(10_000):
        await send({"type": "http.response.body", "body": b" " * 1_000_000, "more_body": True})
        await asyncio.sleep(0)


async def _drop(scope: Scope) -> None:
    cut = scope.get("extensions", {}).get(DROP)
    if cut is None:
        raise ConnectionResetError("this server cannot cut connections")
    cut()
    await asyncio.sleep(0.01)  # until the server has noticed that nobody is left to answer


def _write_past_http(scope: Scope, answer: Answer) -> None:
    """A whole answer in front of the one that HTTP is about to send."""
    content = _written(answer)
    head = f"HTTP/1.1 {answer.status} OK\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    scope["extensions"][WRITE](head.encode() + content)


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")
