"""app: the web application: the API's operations as routes, and one way out for every no."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar import Litestar, Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ControllerRouterHandler

from doorstep.doors.http import health, routes
from doorstep.doors.http.admission import Admission, check_scope
from doorstep.doors.http.openapi import IDEMPOTENCY_KEY, document
from doorstep.doors.http.operations import Asked, Operation, Reply
from doorstep.doors.http.problems import (
    MEDIA_TYPE,
    BadRequest,
    DatabaseAway,
    NoSuchPage,
    WrongMethod,
    as_problem,
    encoded,
    headers_of,
    refusal_of,
)
from doorstep.doors.http.reading import LARGEST_BODY, NotJson, Reader, TooLarge, WrongContentType, invalid, read_words
from doorstep.doors.http.shapes import Fault
from doorstep.kit import clock
from doorstep.kit.refusals import Refusal
from doorstep.spine.gather import Gather
from doorstep.spine.tenant import Db

# Answers are a merchant's own business: no cache keeps them, no browser guesses at them.
SAFE = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def build(
    db: Db, more: Sequence[ControllerRouterHandler] = (), bring_back: Callable[[], Awaitable[None]] | None = None
) -> Litestar:
    """The application over an open database; `more` are the routes of other doors, as the console.

    `bring_back` is called when the database turns out to be away.
    """
    operations = routes.every_operation()
    admission, gather = Admission(db), Gather(db)

    @asynccontextmanager
    async def settled(_: Litestar) -> AsyncIterator[None]:
        yield
        await gather.settle()

    # What a path allows is said by all its operations together, so these come first.
    handlers = [_options(path, operations) for path in dict.fromkeys(operation.path for operation in operations)]
    handlers += [_route(operation, db, admission, gather) for operation in operations]
    app = Litestar(
        route_handlers=[*handlers, *health.routes(db, document(operations)), *more],
        exception_handlers={Exception: _refused, HTTPException: _refused},
        lifespan=[settled],
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    app.state.db = db
    app.state.gather = gather
    app.state.admission = admission
    app.state.bring_back = Once(bring_back) if bring_back else None
    return app


class Once:
    """Runs what it is given, one at a time however often it is asked."""

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self._work = work
        self._task: asyncio.Future[None] | None = None

    def ask(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._work())


def _route(operation: Operation, db: Db, admission: Admission, gather: Gather) -> HTTPRouteHandler:
    reader = Reader(operation.body) if operation.body else None
    status = next(iter(operation.answers))

    async def answer(request: Request[Any, Any, Any]) -> Response[bytes]:
        holder = await admission.holder(request.headers.get("authorization"))
        check_scope(holder, operation.scope)
        query = read_words(operation.query, _words(request))
        key = _idempotency_key(request) if operation.takes_key else None
        raw = await _body(request) if reader else b""
        body = _read(operation, reader, raw, request) if reader else None
        asked = Asked(
            db=db, gather=gather, holder=holder, at=clock.now(), path=_path(request), query=query, body=body, raw=raw,
            url=request.scope["path"], key=key,
        )  # fmt: skip
        result = await operation.call(asked)
        reply = result if isinstance(result, Reply) else Reply(result, status)
        content = reply.content if isinstance(reply.content, bytes) else msgspec.json.encode(reply.content)
        return Response(
            content, status_code=reply.status, media_type=reply.media_type, headers={**SAFE, **reply.headers}
        )

    return HTTPRouteHandler(
        _litestar_path(operation.path),
        http_method=operation.method,
        name=f"{operation.method} {operation.path}",
        include_in_schema=False,
        request_max_body_size=None,
        status_code=status,
    )(answer)


def _options(path: str, operations: Sequence[Operation]) -> HTTPRouteHandler:
    methods = {operation.method for operation in operations if operation.path == path}
    allowed = ", ".join(sorted({*methods, "OPTIONS"}))

    async def answer() -> Response[None]:
        return Response(None, status_code=204, headers={**SAFE, "allow": allowed})

    return HTTPRouteHandler(
        _litestar_path(path), http_method="OPTIONS", name=f"OPTIONS {path}", include_in_schema=False, status_code=204
    )(answer)


def _litestar_path(path: str) -> str:
    return path.replace("}", ":str}")


def _path(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Words of the path as they are: whether they name anything, the operation says."""
    return {name: str(word) for name, word in request.path_params.items()}


def _words(request: Request[Any, Any, Any]) -> list[tuple[str, str]]:
    raw = request.scope.get("query_string", b"")
    if not raw:
        return []
    try:
        words = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=100, errors="strict")
    except ValueError:
        raise BadRequest(problem="the query is not UTF-8, percent-encoded, with 100 parameters at most") from None
    return words


def _idempotency_key(request: Request[Any, Any, Any]) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not re.fullmatch(IDEMPOTENCY_KEY, key):
        raise invalid([Fault("Idempotency-Key", "must be 1 to 255 visible ASCII characters")])
    return key


async def _body(request: Request[Any, Any, Any]) -> bytes:
    """The body, given up as soon as it is known to be too large."""
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told) > LARGEST_BODY:
        raise TooLarge(largest_bytes=LARGEST_BODY)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > LARGEST_BODY:
            raise TooLarge(largest_bytes=LARGEST_BODY)
        chunks.append(chunk)
    return b"".join(chunks)


def _read(operation: Operation, reader: Reader[Any], raw: bytes, request: Request[Any, Any, Any]) -> Any:
    if not raw:
        if operation.body_may_be_empty:
            return reader.read(b"{}")
        raise NotJson(problem="the body is empty")
    kind, _, _ = request.headers.get("content-type", "").partition(";")
    if kind.strip().lower() != "application/json":
        raise WrongContentType(content_type=kind.strip()[:100])
    return reader.read(raw)


def _refused(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The one way out for everything that is raised."""
    refusal = _as_refusal(request, error)
    if isinstance(refusal, DatabaseAway) and request.app.state.bring_back is not None:
        request.app.state.bring_back.ask()
    problem = as_problem(refusal)
    headers: Mapping[str, str] = {**SAFE, **headers_of(refusal), **_of_http(error)}
    return Response(encoded(problem), status_code=problem.status, media_type=MEDIA_TYPE, headers=dict(headers))


def _as_refusal(request: Request[Any, Any, Any], error: Exception) -> Refusal:
    if isinstance(error, NotFoundException):
        return NoSuchPage()
    if isinstance(error, MethodNotAllowedException):
        return WrongMethod(method=str(request.scope.get("method", ""))[:20])
    if isinstance(error, HTTPException) and error.status_code < 500:
        return BadRequest(problem=str(error.detail)[:200])
    where = {"method": request.scope.get("method"), "route": request.scope.get("path_template", "")}
    return refusal_of(error, **where)


def _of_http(error: Exception) -> dict[str, str]:
    headers = getattr(error, "headers", None)
    return {str(name).lower(): str(word) for name, word in headers.items()} if isinstance(headers, Mapping) else {}
