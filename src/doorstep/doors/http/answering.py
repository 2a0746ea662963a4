"""answering: one request to one operation, from what came over the wire to what goes back.

The one way for every operation: most are asked through a route of Litestar's; what must cost little is asked without.
Both hand over the plain request as the server gave it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from doorstep.doors.http.admission import Admission, check_scope
from doorstep.doors.http.operations import IDEMPOTENCY_KEY, Asked, Operation, Reply
from doorstep.doors.http.problems import MEDIA_TYPE, BadRequest, as_problem, encoded, headers_of, refusal_of
from doorstep.doors.http.reading import LARGEST_BODY, NotJson, Reader, TooLarge, WrongContentType, invalid, read_words
from doorstep.doors.http.shapes import Fault
from doorstep.kit import clock
from doorstep.kit.refusals import Refusal
from doorstep.spine.gather import Gather
from doorstep.spine.tenant import Db

# Answers are a merchant's own business: no cache keeps them, no browser guesses at them.
SAFE = {"cache-control": "no-store", "x-content-type-options": "nosniff"}

# What a server of ASGI hands over.
Scope = Any
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

_KEY = re.compile(IDEMPOTENCY_KEY)
_NO_PATH: Mapping[str, str] = {}


class Door:
    """Answers one operation."""

    def __init__(self, operation: Operation, db: Db, admission: Admission, gather: Gather) -> None:
        self.operation = operation
        self._db = db
        self._admission = admission
        self._gather = gather
        self._reader = Reader(operation.body) if operation.body else None
        self._status = next(iter(operation.answers))
        self._no_query = operation.query() if _may_be_empty(operation.query) else None

    async def answer(self, scope: Scope, receive: Receive) -> Reply:
        """The reply, its content as bytes; raises its refusal, or what went wrong."""
        operation = self.operation
        # Of a header that is there twice the first one counts.
        headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))
        holder = await self._admission.holder(headers.get(b"authorization"))
        check_scope(holder, operation.scope)
        query_string = scope.get("query_string", b"")
        if query_string or self._no_query is None:
            query = read_words(operation.query, _words(query_string))
        else:
            query = self._no_query
        key = _idempotency_key(headers) if operation.takes_key else None
        raw, body = b"", None
        if self._reader:
            raw = await _body(headers, receive)
            body = self._read(raw, headers)
        asked = Asked(
            db=self._db, gather=self._gather, holder=holder, at=clock.now(), path=_path(scope), query=query, body=body,
            raw=raw, url=scope["path"], key=key,
        )  # fmt: skip
        result = await operation.call(asked)
        reply = result if isinstance(result, Reply) else Reply(result, self._status)
        if not isinstance(reply.content, bytes):
            reply = Reply(msgspec.json.encode(reply.content), reply.status, reply.media_type, reply.headers)
        return reply

    def _read(self, raw: bytes, headers: Mapping[bytes, bytes]) -> Any:
        assert self._reader
        if not raw:
            if self.operation.body_may_be_empty:
                return self._reader.read(b"{}")
            raise NotJson(problem="the body is empty")
        told = headers.get(b"content-type", b"")
        if told != b"application/json":
            kind = told.decode("latin-1").partition(";")[0].strip()
            if kind.lower() != "application/json":
                raise WrongContentType(content_type=kind[:100])
        return self._reader.read(raw)


class LeanDoor:
    """The same operation, asked with nothing in between: as a framework would cost more than all the rest."""

    def __init__(self, door: Door, away: Callable[[Refusal], None]) -> None:
        self._door = door
        self._away = away
        self._where = {"method": door.operation.method, "route": door.operation.path}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            reply = await self._door.answer(scope, receive)
        except Exception as error:
            refusal = refusal_of(error, **self._where)
            self._away(refusal)
            reply = refused(refusal)
        await send({"type": "http.response.start", "status": reply.status, "headers": _headers(reply)})
        await send({"type": "http.response.body", "body": reply.content})


def refused(refusal: Refusal) -> Reply:
    """The one way out for every no."""
    return Reply(encoded(as_problem(refusal)), refusal.status, MEDIA_TYPE, headers_of(refusal))


_SAFE = [(name.encode(), word.encode()) for name, word in SAFE.items()]
_OF_JSON = [(b"content-type", b"application/json"), *_SAFE]


def _headers(reply: Reply) -> list[tuple[bytes, bytes]]:
    length = (b"content-length", b"%d" % len(reply.content))
    if reply.media_type == "application/json" and not reply.headers:
        return [*_OF_JSON, length]
    more = [(name.encode("latin-1"), word.encode("latin-1")) for name, word in reply.headers.items()]
    return [(b"content-type", reply.media_type.encode("latin-1")), *_SAFE, *more, length]


def _may_be_empty(query: type[msgspec.Struct]) -> bool:
    return not any(one.required for one in msgspec.structs.fields(query))


def _path(scope: Scope) -> Mapping[str, str]:
    """Words of the path as they are: whether they name anything, the operation says."""
    words = scope.get("path_params")
    return {name: str(word) for name, word in words.items()} if words else _NO_PATH


def _words(query_string: bytes) -> list[tuple[str, str]]:
    if not query_string:
        return []
    try:
        return parse_qsl(query_string.decode("ascii"), keep_blank_values=True, max_num_fields=100, errors="strict")
    except ValueError:
        raise BadRequest(problem="the query is not UTF-8, percent-encoded, with 100 parameters at most") from None


def _idempotency_key(headers: Mapping[bytes, bytes]) -> str | None:
    key = headers.get(b"idempotency-key")
    if key is None:
        return None
    word = key.decode("latin-1")
    if not _KEY.fullmatch(word):
        raise invalid([Fault("Idempotency-Key", "must be 1 to 255 visible ASCII characters")])
    return word


async def _body(headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
    """The body, given up as soon as it is known to be too large."""
    told = headers.get(b"content-length", b"")
    if told.isdigit() and int(told) > LARGEST_BODY:
        raise TooLarge(largest_bytes=LARGEST_BODY)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        if len(body) > LARGEST_BODY:
            raise TooLarge(largest_bytes=LARGEST_BODY)
        return body
    chunks: list[bytes] = []
    size = 0
    while message["type"] == "http.request":
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > LARGEST_BODY:
            raise TooLarge(largest_bytes=LARGEST_BODY)
        if not message.get("more_body"):
            return b"".join(chunks)
        message = await receive()
    raise BadRequest(problem="the request ended before its body did")
