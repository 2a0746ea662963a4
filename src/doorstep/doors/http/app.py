"""app: the web application: the API's operations as routes, and one way out for every no."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ControllerRouterHandler
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from doorstep.doors.http import health, hooks, routes
from doorstep.doors.http.admission import Admission
from doorstep.doors.http.answering import SAFE, Asgi, Door, LeanDoor, Receive, Scope, Send, refused
from doorstep.doors.http.openapi import document
from doorstep.doors.http.operations import Operation, Reply
from doorstep.doors.http.problems import BadRequest, DatabaseAway, NoSuchPage, WrongMethod, refusal_of
from doorstep.kit.refusals import Refusal
from doorstep.spine.gather import Gather, how_many_lanes
from doorstep.spine.tenant import Db

# Asked so often that a framework's price for each would be most of it.
LEAN = ("place", "place_many")
# Where programs ask: they are answered as programs are, whatever they accept.
OF_PROGRAMS = ("/v1", "/health", "/readyz")
HEAD = "doorstep.head"

# A no as a page, for people.
AsPage = Callable[[Request[Any, Any, Any], Exception], Response[str]]


class Application:
    """What the server calls: Litestar, but for the lean operations, asked plainly."""

    def __init__(self, litestar: Litestar, lean: Mapping[str, LeanDoor]) -> None:
        self.closing: asyncio.Event = litestar.state.closing
        # Whose address and scheme a proxy tells is of interest to pages alone.
        trusted = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1")
        self._everything_else: Asgi = ProxyHeadersMiddleware(litestar, trusted)  # type: ignore[arg-type]
        self._lean = lean

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http" and scope["method"] == "POST" and not scope["query_string"]:
            lean = self._lean.get(scope["path"])
            if lean is not None:
                return lean(scope, receive, send)
        if scope["type"] == "http" and scope["method"] == "HEAD":
            return _heads_of(self._everything_else, scope, receive, send)
        return self._everything_else(scope, receive, send)


async def _heads_of(app: Asgi, scope: Scope, receive: Receive, send: Send) -> None:
    """What GET would answer, but for its body. Who asks is gone once the headers are out: nothing streams to nobody."""
    is_told = False

    async def sent(message: Any) -> None:
        nonlocal is_told
        if message["type"] == "http.response.start":
            is_told = True
            await send(message)

    async def received() -> Any:
        return {"type": "http.disconnect"} if is_told else await receive()

    await app({**scope, "method": "GET", HEAD: True}, received, sent)
    await send({"type": "http.response.body", "body": b""})


def build(
    db: Db,
    more: Sequence[ControllerRouterHandler] = (),
    bring_back: Callable[[], Awaitable[None]] | None = None,
    *,
    as_page: AsPage | None = None,
    closing: asyncio.Event | None = None,
    processes: int = 1,
) -> Application:
    """The application over an open database; `more` are the routes of other doors, as the console.

    `bring_back` is called when the database turns out to be away, `as_page` says a no to a person's browser where no
    door of its own does. `processes`: so many of them serve together.
    """
    operations = routes.every_operation()
    admission, gather = Admission(db), Gather(db, lanes=how_many_lanes(processes))
    doors = [Door(operation, db, admission, gather) for operation in operations]

    @asynccontextmanager
    async def settled(_: Litestar) -> AsyncIterator[None]:
        yield
        await gather.settle()

    # What a path allows is said by all its operations together, so these come first.
    handlers = [_options(path, operations) for path in dict.fromkeys(operation.path for operation in operations)]
    handlers += [_route(door) for door in doors]
    app = Litestar(
        route_handlers=[*handlers, *health.routes(db, document(operations)), *hooks.routes(db), *more],
        exception_handlers={Exception: _refused, HTTPException: _refused},
        lifespan=[settled],
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    app.state.db = db
    app.state.closing = closing or asyncio.Event()  # the server ends: what streams without an end of its own, ends too
    app.state.gather = gather
    app.state.admission = admission
    app.state.bring_back = Once(bring_back) if bring_back else None
    app.state.as_page = as_page

    def away(refusal: Refusal) -> None:
        _bring_back(app, refusal)

    return Application(
        app, {door.operation.path: LeanDoor(door, away) for door in doors if door.operation.name in LEAN}
    )


class Once:
    """Runs what it is given, one at a time however often it is asked."""

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self._work = work
        self._task: asyncio.Future[None] | None = None

    def ask(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._work())


def _route(door: Door) -> HTTPRouteHandler:
    operation = door.operation

    async def answer(request: Request[Any, Any, Any]) -> Response[bytes]:
        return _response(await door.answer(request.scope, request.receive))

    return HTTPRouteHandler(
        _litestar_path(operation.path),
        http_method=operation.method,
        name=f"{operation.method} {operation.path}",
        include_in_schema=False,
        request_max_body_size=None,
        status_code=next(iter(operation.answers)),
    )(answer)


def _options(path: str, operations: Sequence[Operation]) -> HTTPRouteHandler:
    methods = {operation.method for operation in operations if operation.path == path}
    allowed = ", ".join(sorted({*methods, "OPTIONS", *({"HEAD"} if "GET" in methods else ())}))

    async def answer() -> Response[None]:
        return Response(None, status_code=204, headers={**SAFE, "allow": allowed})

    return HTTPRouteHandler(
        _litestar_path(path), http_method="OPTIONS", name=f"OPTIONS {path}", include_in_schema=False, status_code=204
    )(answer)


def _litestar_path(path: str) -> str:
    return path.replace("}", ":str}")


def _response(reply: Reply, more: Mapping[str, str] | None = None) -> Response[bytes]:
    headers = {**SAFE, **reply.headers, **(more or {})}
    return Response(reply.content, status_code=reply.status, media_type=reply.media_type, headers=headers)


def _refused(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The one way out for everything that is raised."""
    if request.app.state.as_page is not None and _is_a_person_lost(request, error):
        page: Response[Any] = request.app.state.as_page(request, error)
        return page
    refusal = _as_refusal(request, error)
    _bring_back(request.app, refusal)
    return _response(refused(refusal), _of_http(error))


def _is_a_person_lost(request: Request[Any, Any, Any], error: Exception) -> bool:
    """A browser at an address where nothing is."""
    is_nowhere = isinstance(error, NotFoundException | MethodNotAllowedException)
    asks_for_a_page = "text/html" in request.headers.get("accept", "")
    return is_nowhere and asks_for_a_page and not request.url.path.startswith(OF_PROGRAMS)


def _bring_back(app: Litestar, refusal: Refusal) -> None:
    if isinstance(refusal, DatabaseAway) and app.state.bring_back is not None:
        app.state.bring_back.ask()


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
