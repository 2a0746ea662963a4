"""webhook: one signed message to one address outside, by the Standard Webhooks rules."""

from __future__ import annotations

import asyncio
import re
import secrets
import ssl
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime

import httpcore
from msgspec import Struct
from standardwebhooks import Webhook

from doorstep.kit import clock
from doorstep.plug.guard import AddressRefused, Guard, Target, UrlRefused, allowed_networks, read_url
from doorstep.plug.notifier.outcome import Delivered, Gone, Outcome, next_try
from doorstep.plug.wire import retry_after_s

DEADLINE_S = 15.0
LARGEST_BODY = 20_000
_READ_AT_MOST = 4_096  # of the answer: enough to show what the receiver complained about


class Endpoint(Struct, frozen=True):
    """Where to, and the secrets to sign with: the new one first, an old one beside it while it is being rotated."""

    url: str
    secrets: tuple[str, ...]


class WebhookMessage(Struct, frozen=True):
    id: str  # the same for every try, so that the receiver can drop what it has
    body: bytes
    attempt: int = 1


class WebhookSender:
    def __init__(
        self, guard: Guard | None = None, deadline_s: float = DEADLINE_S, trust: ssl.SSLContext | None = None
    ) -> None:
        self._guard = guard or Guard(allowed_networks())
        self._deadline_s, self._trust = deadline_s, trust
        self._pool: httpcore.AsyncConnectionPool | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def send(self, endpoint: Endpoint, message: WebhookMessage) -> Outcome:
        if len(message.body) > LARGEST_BODY:
            return Gone(f"{len(message.body)} bytes are more than a webhook carries ({LARGEST_BODY})")
        try:
            target = read_url(endpoint.url)
        except UrlRefused as refused:
            return Gone(f"bad address: {refused}", disable=True)
        headers = webhook_headers(endpoint.secrets, message, clock.now())
        try:
            async with asyncio.timeout(self._deadline_s):
                status, asked_s, note = await self._post(target, headers, message.body)
        except TimeoutError:
            return _again(message, f"no answer within {self._deadline_s:g} s")
        except AddressRefused as refused:
            return _again(message, f"address refused: {refused}; DOORSTEP_WEBHOOK_ALLOW opens networks of your own")
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as failure:
            return _again(message, f"{type(failure).__name__}: {failure}".rstrip(": "))
        return _judge(message, status, asked_s, note)

    async def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.aclose()

    async def _post(self, target: Target, headers: dict[str, str], body: bytes) -> tuple[int, float | None, str]:
        scheme = b"https" if target.secure else b"http"
        url = httpcore.URL(scheme=scheme, host=target.host.encode(), port=target.port, target=target.path.encode())
        pairs = [("Host", target.authority), ("Content-Length", str(len(body))), *headers.items()]
        async with self._open().stream("POST", url, headers=pairs, content=body) as response:
            told = {name.lower(): value.decode("latin-1") for name, value in response.headers}
            note = bytearray()
            async for chunk in response.aiter_stream():
                note += chunk
                if len(note) >= _READ_AT_MOST:
                    break
        return response.status, retry_after_s(told.get(b"retry-after", "")), _readable(bytes(note[:_READ_AT_MOST]))

    def _open(self) -> httpcore.AsyncConnectionPool:
        """No proxy, no redirects, no second look-up: only what the guard connects to."""
        loop = asyncio.get_running_loop()
        if self._pool is None or self._loop is not loop:
            self._loop = loop
            self._pool = httpcore.AsyncConnectionPool(
                ssl_context=self._trust,
                network_backend=self._guard,
                max_connections=100,
                max_keepalive_connections=20,
                keepalive_expiry=15,
            )
        return self._pool


class WebhookNotifier:
    """Notices for a merchant's own program, at its one address."""

    def __init__(self, endpoint: Endpoint, sender: WebhookSender) -> None:
        self._endpoint, self._sender = endpoint, sender

    async def send(self, messages: Sequence[WebhookMessage]) -> list[Outcome]:
        return [await self._sender.send(self._endpoint, message) for message in messages]


def webhook_headers(secrets: Sequence[str], message: WebhookMessage, at: datetime) -> dict[str, str]:
    """One signature for each secret, so that a receiver with either of them is content."""
    signatures = [Webhook(secret).sign(message.id, at, message.body.decode()) for secret in secrets]
    return {
        "Content-Type": "application/json",
        "User-Agent": "doorstep-webhooks",
        "Webhook-Id": message.id,
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": " ".join(signatures),
    }


def new_webhook_secret() -> str:
    return "whsec_" + b64encode(secrets.token_bytes(32)).decode()


def _judge(message: WebhookMessage, status: int, asked_s: float | None, note: str) -> Outcome:
    if 200 <= status < 300:
        return Delivered(f"answered {status}")
    if status == 410:
        return Gone("answered 410: nobody wants this any more", disable=True)
    what = f"answered {status}, redirects are not followed" if 300 <= status < 400 else f"answered {status}"
    return _again(message, f"{what}: {note}" if note else what, asked_s)


def _again(message: WebhookMessage, reason: str, asked_s: float | None = None) -> Outcome:
    return next_try(clock.now(), message.id, message.attempt, reason, asked_s)


def _readable(raw: bytes) -> str:
    return re.sub(r"[\x00-\x1f\x7f]+", " ", raw.decode("utf-8", "replace")).strip()[:200]
