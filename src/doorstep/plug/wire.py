"""wire: one HTTP API outside: deadline, size cap, the only retry policy, and honesty about what is not known.

Every call that changes something carries a key, so repeating it is safe; this is why all calls are retried. Where the
other side knows no keys, its plugin asks once (`tries=1`) and looks for what came of it before it asks again.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, TypeVar, cast

import httpx
import msgspec
from msgspec import Struct

from doorstep.kit import clock

T = TypeVar("T")


class NoAnswer(Exception):
    """Nothing usable came back: the outcome is unknown, unless it `has_not_acted`: that is sure where it is told."""

    def __init__(self, detail: str, retry_after_s: float | None = None, has_not_acted: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.has_not_acted = has_not_acted


class Rejected(Exception):
    """A clear no from the other side; `said` is its whole answer, for whoever speaks its language."""

    def __init__(self, status: int, reason: str, detail: str = "", said: bytes = b"") -> None:
        super().__init__(f"{status} {reason} {detail}".strip())
        self.status, self.reason, self.detail, self.said = status, reason, detail, said


class Policy(Struct, frozen=True, kw_only=True):
    tries: int = 3
    connect_s: float = 5.0
    deadline_s: float = 10.0  # of one try, answer read included
    backoff_s: float = 0.25  # doubles with every try
    longest_wait_s: float = 5.0  # asked to wait longer: give up and say so, the caller comes back later
    largest_answer: int = 20_000_000
    breaker_after: int = 5  # calls without an answer in a row
    breaker_s: float = 10.0  # then fail at once for so long


class Complaint(Struct):
    """How a well-behaved API says no."""

    error: str = ""
    detail: str = ""


# The other side was not ready: it did nothing and may be asked again.
TRY_AGAIN = frozenset({408, 425, 429})


class Wire:
    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str] | None = None,
        policy: Policy | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.policy = policy or Policy()
        self._base_url, self._headers, self._transport, self._sleep = (
            base_url,
            dict(headers or {}),
            transport,
            sleep,
        )
        self._client: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._silent_calls = 0
        self._resting_until = 0.0

    async def call(
        self,
        method: str,
        path: str,
        into: type[T],
        body: Any = None,
        key: str = "",
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        tries: int | None = None,
        form: Mapping[str, str] | None = None,
    ) -> T:
        """The answer; Rejected for a clear no; NoAnswer when the tries are used up.

        `into=bytes` is the answer as it came: a label to print, not JSON. `form`: instead of a JSON body.
        """
        self._refuse_while_resting()
        keyed = {"Idempotency-Key": key} if key else {}
        request = self._request(method, path, body, {**keyed, **(headers or {})}, params, form)
        try:
            answer = await self._with_tries(request, into, tries or self.policy.tries)
        except NoAnswer:
            self._count_silence()
            raise
        except Rejected:
            self._silent_calls = 0
            raise
        self._silent_calls = 0
        return answer

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _with_tries(self, request: httpx.Request, into: type[T], tries: int) -> T:
        for attempt in range(1, tries + 1):
            try:
                return await self._once(request, into)
            except NoAnswer as silence:
                wait_s = self._wait_s(attempt, silence.retry_after_s)
                if attempt == tries or wait_s > self.policy.longest_wait_s:
                    raise
                await self._sleep(wait_s)
        raise AssertionError("a policy has at least one try")

    async def _once(self, request: httpx.Request, into: type[T]) -> T:
        try:
            async with asyncio.timeout(self.policy.deadline_s):
                response = await self._open().send(request, stream=True)
                try:
                    content = await self._read(response)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise NoAnswer(f"no answer within {self.policy.deadline_s:g} s") from None
        except (httpx.TransportError, httpx.StreamError) as failure:
            unheard = isinstance(failure, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
            told = "could not be reached" if unheard else "broke off before it had answered"
            raise NoAnswer(told, has_not_acted=unheard) from failure
        return _judge(response, content, into)

    async def _read(self, response: httpx.Response) -> bytes:
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > self.policy.largest_answer:
                raise NoAnswer(f"answer larger than {self.policy.largest_answer} bytes")
        return bytes(content)

    def _request(
        self, method: str, path: str, body: Any, headers: Mapping[str, str], params: Mapping[str, str] | None,
        form: Mapping[str, str] | None,
    ) -> httpx.Request:  # fmt: skip
        content = None if body is None else msgspec.json.encode(body)
        kind = {} if body is None else {"Content-Type": "application/json"}
        return self._open().build_request(
            method, path, headers={**kind, **headers}, content=content, params=params, data=dict(form) if form else None
        )

    def _open(self) -> httpx.AsyncClient:
        """Connections belong to one event loop: another loop gets its own client."""
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._loop = loop
            self._client = httpx.AsyncClient(
                base_url=self._base_url,
                headers=self._headers,
                timeout=httpx.Timeout(self.policy.deadline_s, connect=self.policy.connect_s),
                # A connection each: what is left in one, of an answer that came twice, is not the next one's answer.
                limits=httpx.Limits(max_keepalive_connections=0),
                follow_redirects=False,
                trust_env=not _is_local(self._base_url),  # a proxy is for what lies outside this machine
                verify=_trusted(),
                transport=self._transport,
            )
        return self._client

    def _wait_s(self, attempt: int, asked_s: float | None) -> float:
        backoff_s: float = self.policy.backoff_s * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)
        return max(backoff_s, asked_s or 0.0)

    def _refuse_while_resting(self) -> None:
        left_s = self._resting_until - time.monotonic()
        if left_s > 0:
            raise NoAnswer("not asked: it has not been answering", retry_after_s=left_s, has_not_acted=True)

    def _count_silence(self) -> None:
        self._silent_calls += 1
        if self._silent_calls >= self.policy.breaker_after:
            self._resting_until = time.monotonic() + self.policy.breaker_s


@cache
def _trusted() -> ssl.SSLContext:
    """Read once for all: reading what is trusted takes longer than a call."""
    return httpx.create_ssl_context()


def _is_local(url: str) -> bool:
    host = httpx.URL(url).host
    return host in ("localhost", "::1") or host.startswith("127.")


def _judge(response: httpx.Response, content: bytes, into: type[T]) -> T:
    status = response.status_code
    if status >= 500 or status in TRY_AGAIN:
        wait_s = retry_after_s(response.headers.get("Retry-After", ""))
        raise NoAnswer(f"answered {status}", wait_s, has_not_acted=status in TRY_AGAIN)
    if status >= 300:
        complaint = _complaint(content)
        raise Rejected(status, complaint.error or f"http_{status}", complaint.detail, content)
    if into is bytes:
        return cast("T", content)
    try:
        return msgspec.json.decode(content or b"null", type=into)
    except (msgspec.DecodeError, msgspec.ValidationError) as nonsense:
        raise NoAnswer(f"answered {status} with a body that makes no sense: {nonsense}") from nonsense


def _complaint(content: bytes) -> Complaint:
    try:
        return msgspec.json.decode(content, type=Complaint)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return Complaint(detail=content[:200].decode("utf-8", "replace"))


def retry_after_s(header: str) -> float | None:
    """Seconds from a Retry-After header, given as seconds or as a date."""
    header = header.strip()
    if header.isascii() and header.isdigit():
        return float(header)
    try:
        at = parsedate_to_datetime(header)
    except (TypeError, ValueError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - clock.now()).total_seconds())
