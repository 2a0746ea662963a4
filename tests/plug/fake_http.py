"""A stand-in for somebody's API on a real port, with the bad days of the carriers' contract.

What it answers is the world's that is handed in: one request at a time, so that an act and its record are never torn
apart. Each fault is of an act, the world's own word for a request.
"""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SO_LINGER, SOL_SOCKET
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.plug.carrier_contract import Act, Fault, Part


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def steps(self) -> list[str]:
        return [unquote(step) for step in self.path.strip("/").split("/")]

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: Any = None  # bytes as they are, everything else as JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Strike:
    fault: Fault
    acts: frozenset[str]
    times: int | None
    seconds: float
    is_over: threading.Event = field(default_factory=threading.Event)


class FakeServer:
    """`with FakeServer(world.answer, world.act_of) as server: server.url …`"""

    def __init__(self, answer: Callable[[Asked], Reply], act_of: Callable[[Asked], str], port: int = 0) -> None:
        self.asked: list[Asked] = []
        self._answer, self._act_of = answer, act_of
        self._strikes: list[Strike] = []
        self._ever: list[Strike] = []
        self._under_way = 0
        self._one_at_a_time = threading.Condition()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except ConnectionError:
                    self.close_connection = True

            def _any(self) -> None:
                with fake._at_work():
                    fake._serve(self)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _any

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def strike(self, fault: Fault, *acts: str, times: int | None = 1, seconds: float = 3.0) -> None:
        self._strikes.append(Strike(fault, frozenset(acts), times, seconds))
        self._ever.append(self._strikes[-1])

    def calm(self) -> None:
        self._strikes.clear()

    def hurry(self) -> None:
        """What is slow or late is so no longer; answers when all that was asked has been done."""
        for strike in self._ever:
            strike.is_over.set()
        with self._one_at_a_time:
            assert self._one_at_a_time.wait_for(lambda: not self._under_way, 60), "somebody is still at it"

    def __enter__(self) -> FakeServer:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        with self._one_at_a_time:
            self._under_way += 1
        try:
            yield
        finally:
            with self._one_at_a_time:
                self._under_way -= 1
                self._one_at_a_time.notify_all()

    def _serve(self, at: BaseHTTPRequestHandler) -> None:
        url = urlsplit(at.path)
        body = at.rfile.read(int(at.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in at.headers.items()}
        asked = Asked(at.command, url.path, dict(parse_qsl(url.query, keep_blank_values=True)), headers, body)
        struck = self._struck(self._act_of(asked))
        match struck.fault if struck else None:
            case "error_before":
                return _say(at, Reply(500, {"error": {"code": "INTERNAL_SERVER_ERROR", "message": "oops"}}))
            case "drop_before":
                return _drop(at)
            case "rate_limit":
                return _say(at, Reply(429, None, {"Retry-After": f"{struck.seconds:.0f}"}))
            case "redirect":
                return _say(at, Reply(302, None, {"Location": "http://127.0.0.1:1/"}))
            case "slow":
                struck.is_over.wait(struck.seconds)
            case "repeated":
                self._act(asked)
        reply = self._act(asked)
        match struck.fault if struck else None:
            case "error_after":
                return _say(at, Reply(500, b"oops"))
            case "drop_after":
                return _drop(at)
            case "garbage":
                return _say(at, Reply(200, b'{"ok": tru<html>502 Bad Gateway</html>'))
            case "huge":
                return _never_stop(at)
            case "late":
                struck.is_over.wait(struck.seconds)
            case "answered_twice":
                _say(at, reply)
        _say(at, reply)

    def _act(self, asked: Asked) -> Reply:
        with self._one_at_a_time:
            self.asked.append(asked)
            return self._answer(asked)

    def _struck(self, act: str) -> Strike | None:
        with self._one_at_a_time:
            for strike in self._strikes:
                if act in strike.acts and strike.times != 0:
                    strike.times = None if strike.times is None else strike.times - 1
                    return strike
        return None


class FakeControls:
    """The fake's controls, as the contract turns them."""

    def __init__(self, world: Any, server: FakeServer) -> None:
        self.world, self.server = world, server

    def strike(self, fault: Fault, act: Act, *, times: int | None = 1, seconds: float = 3.0) -> None:
        self.server.strike(fault, act, times=times, seconds=seconds)

    def leave_out(self, *parts: Part) -> None:
        self.world.left_out = parts

    def calm(self) -> None:
        self.server.calm()
        self.world.left_out = ()


def _say(at: BaseHTTPRequestHandler, reply: Reply) -> None:
    content = reply.content
    at.send_response(reply.status)
    for name, value in {"Content-Type": "application/json", **reply.headers}.items():
        at.send_header(name, value)
    at.send_header("Content-Length", str(len(content)))
    at.end_headers()
    at.wfile.write(content)


def _drop(at: BaseHTTPRequestHandler) -> None:
    """Cut, not closed: the other side sees a reset."""
    at.connection.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    at.close_connection = True
    at.connection.close()


def _never_stop(at: BaseHTTPRequestHandler) -> None:
    """Ends when the other side has had enough."""
    at.send_response(200)
    at.end_headers()
    at.close_connection = True
    for _ in range(10_000):
        at.wfile.write(b" " * 1_000_000)
