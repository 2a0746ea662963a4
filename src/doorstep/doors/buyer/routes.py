"""routes: the buyers' pages as routes of the web application; every no is a page too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal

from litestar import Response, Router
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ControllerRouterHandler

from doorstep.doors.buyer import canceling, look, looking_up, page, settings, stopping, telling
from doorstep.doors.buyer.asking import Asked, asked_of
from doorstep.doors.buyer.looking_up import with_retry
from doorstep.doors.console.routes import pages
from doorstep.doors.console.signing_in import AnyRequest
from doorstep.doors.console.visit import read_form, read_posted
from doorstep.doors.http.problems import BadRequest, NoSuchPage, refusal_of
from doorstep.kit.refusals import Refusal
from doorstep.spine.tenant import Db

Method = Literal["GET", "POST"]
Page = Callable[[Asked], Awaitable[Response[Any]]]

PAGES: tuple[tuple[Method, str, Page], ...] = (
    ("GET", "/t", looking_up.show),
    ("POST", "/t", looking_up.look_up),
    ("GET", "/t/at/{merchant:str}", looking_up.show),
    ("POST", "/t/at/{merchant:str}", looking_up.look_up),
    ("GET", "/t/look/{name:str}", look.colors),
    ("GET", "/t/logo/{merchant:str}/{name:str}", look.logo),
    ("GET", "/t/{token:str}", page.show),
    ("GET", "/t/{token:str}/stop", stopping.show),
    ("POST", "/t/{token:str}/stop", stopping.change),
    ("GET", "/t/{token:str}/returns/{return_label:str}", page.label),
    ("POST", "/t/{token:str}/cancel", canceling.cancel),
    ("POST", "/t/{token:str}/cases", telling.open_case),
    ("POST", "/t/{token:str}/cases/{case:str}", telling.write),
)


def routes(db: Db) -> list[ControllerRouterHandler]:
    """What the web application takes in beside the API and the console."""
    handlers = [_page(db, method, path, call) for method, path, call in PAGES]
    open_to_all = Router(
        "/", route_handlers=handlers, exception_handlers={Exception: _refused, HTTPException: _refused}
    )
    return [open_to_all, pages(db, settings.PAGES)]


def _page(db: Db, method: Method, path: str, call: Page) -> HTTPRouteHandler:
    async def answer(request: AnyRequest) -> Response[Any]:
        asked_of(db, request, {}).speak()
        form = await _form(request, call) if method == "POST" else {}
        return await call(asked_of(db, request, form))

    bound = HTTPRouteHandler(
        path, http_method=method, name=f"buyer {method} {path}", include_in_schema=False, status_code=200,
        request_max_body_size=None,
    )  # fmt: skip
    return bound(answer)


async def _form(request: AnyRequest, call: Page) -> dict[str, str]:
    """Mail programs send theirs as browsers send files."""
    return (await read_posted(request))[0] if call is stopping.change else await read_form(request)


def _refused(request: AnyRequest, error: Exception) -> Response[Any]:
    refusal = _as_refusal(request, error)
    bring_back = getattr(request.app.state, "bring_back", None)
    if refusal.status == 503 and bring_back is not None:
        bring_back.ask()
    asked = asked_of(request.app.state.db, request, {})
    asked.speak()
    return with_retry(asked.show("sorry.html", refusal.status, refusal=refusal, brand=None), refusal)


def _as_refusal(request: AnyRequest, error: Exception) -> Refusal:
    if isinstance(error, HTTPException) and error.status_code < 500:
        return NoSuchPage() if error.status_code == 404 else BadRequest(problem=str(error.detail)[:200])
    return refusal_of(error, method=request.scope.get("method"), route=request.scope.get("path_template", ""))
