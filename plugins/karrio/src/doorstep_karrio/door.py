"""door: the one way out of Karrio's HTTP: with a deadline, a size cap, no redirects, and each request sent once.

Karrio waits for an answer for ever, follows redirects with the account's key in hand, turns every failure into a
message, and, where sentry_sdk is installed, sends a request anew whose answer was lost: a second label. All it sends
goes through `urlopen` of one module of its own, which is replaced here; nothing else of it is touched. What went out
and what came back is kept for each call, so that a no can be told from an answer that nobody knows.
"""

from __future__ import annotations

import socket
import threading
import time
from io import BytesIO
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from karrio.core.utils import helpers

from doorstep.plug import retry_after_s
from doorstep_karrio.exchange import Exchange

LARGEST_ANSWER = 20_000_000
DEADLINE_S = 20.0

_here = threading.local()
_deadlines: dict[str, float] = {}


class Answer:
    """As much of an answer as Karrio reads."""

    def __init__(self, status: int, headers: Any, url: str, content: bytes) -> None:
        self.status, self.headers, self.url = status, headers, url
        self._content = content

    def read(self) -> bytes:
        return self._content

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left open."""


class NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = build_opener(NoRedirects)


def send_for(exchanges: list[Exchange]) -> None:
    """What this thread sends from now on is kept there."""
    _here.exchanges = exchanges


def wait_for(base_url: str, deadline_s: float) -> None:
    """Answers from there are waited for so long."""
    _deadlines[base_url] = deadline_s


def urlopen(request: Request, timeout: float | None = None) -> Answer:
    if (failure := getattr(request, "failed_as", None)) is not None:
        raise failure  # it was sent once: whatever came of it, it is not sent again
    exchange = Exchange(request.get_method(), request.full_url)
    if (exchanges := getattr(_here, "exchanges", None)) is not None:
        exchanges.append(exchange)
    try:
        return _opened(request, exchange, timeout or _deadline_s(request.full_url))
    except Exception as failed:
        request.failed_as = failed  # type: ignore[attr-defined]
        raise


def _opened(request: Request, exchange: Exchange, deadline_s: float) -> Answer:
    until = time.monotonic() + deadline_s
    try:
        with _OPENER.open(request, timeout=deadline_s) as response:
            content = _read(response, until)
            exchange.status = response.status
            return Answer(response.status, response.headers, response.url, content)
    except HTTPError as said:
        content = _read(said, until)
        exchange.status, exchange.retry_after_s = said.code, retry_after_s(said.headers.get("Retry-After") or "")
        raise HTTPError(said.url, said.code, said.reason, said.headers, BytesIO(content)) from None
    except URLError as failure:
        exchange.is_unheard = isinstance(failure.reason, ConnectionRefusedError | socket.gaierror)
        raise


def _read(response: Any, until: float) -> bytes:
    content = bytearray()
    while piece := response.read1(65536) if hasattr(response, "read1") else response.read(65536):
        content += piece
        if len(content) > LARGEST_ANSWER:
            raise OSError(f"answer larger than {LARGEST_ANSWER} bytes")
        if time.monotonic() > until:
            raise TimeoutError("the answer took too long")
    return bytes(content)


def _deadline_s(url: str) -> float:
    known = [base for base in _deadlines if url.startswith(base)]
    return _deadlines[max(known, key=len)] if known else DEADLINE_S


if not callable(getattr(helpers, "urlopen", None)):
    raise ImportError("this version of Karrio sends its requests another way: its answers could not be trusted")
helpers.urlopen = urlopen
