"""routes: the console's pages as routes of the web application, with one way in and one way out for all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal

from litestar import Response, Router
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream
from litestar.types import ControllerRouterHandler

from doorstep.doors.console import (
    account,
    accounts_page,
    attention,
    bulk,
    catalog_page,
    channels_page,
    doing,
    download,
    floor,
    goods_moves,
    import_page,
    keys_page,
    leaving_page,
    loads_page,
    log_page,
    looking,
    merchants_page,
    methods_page,
    new_order_page,
    notices_page,
    oidc,
    order_page,
    orders_page,
    papers,
    people_page,
    rate_cards_page,
    rate_tables_page,
    rates_page,
    reports,
    settings_page,
    shipping_rules_page,
    sites_page,
    stock_page,
    today,
    way_in,
    words,
)
from doorstep.doors.console.live import Boards
from doorstep.doors.console.looks import assets
from doorstep.doors.console.narrowing import MERCHANTS
from doorstep.doors.console.reach import check_reach
from doorstep.doors.console.resending import waiting
from doorstep.doors.console.signing_in import (
    AnyRequest,
    Browser,
    SignInFirst,
    check_form,
    check_origin,
    is_of_its_page,
    visitor_of,
)
from doorstep.doors.console.speaking import reader, reader_of, write_for
from doorstep.doors.console.uploading import receive
from doorstep.doors.console.visit import (
    SAFE,
    Knock,
    Visit,
    is_without_files,
    kept_of,
    page,
    read_form,
    read_posted,
    read_query,
    see_other,
)
from doorstep.doors.http.app import HEAD
from doorstep.doors.http.problems import BadRequest, DatabaseAway, NoSuchPage, headers_of, refusal_of
from doorstep.doors.importing import folder_of
from doorstep.kit.refusals import Refusal
from doorstep.setup.people import Person
from doorstep.spine.tenant import Db, tenant_tx

Method = Literal["GET", "POST"]
Page = Callable[[Visit], Awaitable[Response[Any]]]
Entrance = Callable[[Knock], Awaitable[Response[Any]]]

PAGES: tuple[tuple[Method, str, Page], ...] = (
    ("GET", "/", looking.begin),
    ("POST", "/look", looking.choose),
    ("GET", "/today", today.show),
    ("GET", "/today/orders", today.orders),
    ("GET", "/reports", reports.index),
    ("GET", "/reports/{report:str}", reports.show),
    ("GET", "/attention", attention.show),
    ("POST", "/attention/look", attention.look),
    ("POST", "/attention/end", attention.end),
    ("POST", "/attention/{what:str}", attention.care),
    ("GET", "/orders", orders_page.show),
    ("GET", "/orders/called", orders_page.called),
    ("GET", "/orders/download/{name:str}", download.orders),
    ("POST", "/orders/columns", orders_page.choose_columns),
    ("POST", "/orders/views", orders_page.keep),
    ("POST", "/orders/views/drop", orders_page.drop),
    ("POST", "/orders/all/{verb:str}", bulk.do),
    ("GET", "/orders/new", new_order_page.ask_whose),
    ("GET", "/orders/new/{merchant:str}", new_order_page.ask),
    ("POST", "/orders/new/{merchant:str}", new_order_page.place),
    ("GET", "/orders/{order:str}", order_page.show),
    ("POST", "/orders/{order:str}/{verb:str}", doing.do),
    ("GET", "/orders/{order:str}/parcels/{parcel:str}/customs", papers.customs),
    ("GET", "/orders/{order:str}/parcels/{parcel:str}/rates", rates_page.show),
    ("POST", "/orders/{order:str}/parcels/{parcel:str}/rates", rates_page.choose),
    ("GET", "/orders/{order:str}/parcels/{parcel:str}/{paper:str}", papers.of_parcel),
    ("GET", "/orders/{order:str}/returns/{return_label:str}", papers.of_return),
    ("GET", "/orders/{order:str}/invoices/{invoice:str}", papers.of_invoice),
    ("GET", "/floor", floor.show),
    ("POST", "/floor/{verb:str}", floor.do),
    ("GET", "/floor/pick-list", papers.pick_list),
    ("GET", "/floor/leaving", leaving_page.show),
    ("POST", "/floor/leaving/{verb:str}", leaving_page.do),
    ("GET", "/floor/manifests/{manifest:str}", papers.manifest),
    ("GET", "/loads", loads_page.show),
    ("GET", "/loads/new", loads_page.ask_new),
    ("POST", "/loads/new", loads_page.create),
    ("GET", "/loads/scan", loads_page.scan_which),
    ("GET", "/loads/{load:str}", loads_page.show_one),
    ("GET", "/loads/{load:str}/scan", loads_page.scan),
    ("GET", "/loads/{load:str}/{paper:str}", loads_page.printed),
    ("POST", "/loads/{load:str}/{verb:str}", loads_page.do),
    ("GET", "/catalog", catalog_page.show),
    ("GET", "/catalog/new", catalog_page.ask_whose),
    ("GET", "/catalog/new/{merchant:str}", catalog_page.ask_new),
    ("POST", "/catalog/new/{merchant:str}", catalog_page.create),
    ("GET", "/catalog/{sku:str}", catalog_page.show_one),
    ("GET", "/catalog/{sku:str}/edit", catalog_page.ask_change),
    ("POST", "/catalog/{sku:str}/edit", catalog_page.change),
    ("GET", "/catalog/{sku:str}/movements", catalog_page.show_moves),
    ("POST", "/catalog/{sku:str}/aliases", catalog_page.put_alias),
    ("POST", "/catalog/{sku:str}/aliases/drop", catalog_page.drop_alias),
    ("GET", "/catalog/{sku:str}/{verb:str}", goods_moves.ask),
    ("POST", "/catalog/{sku:str}/{verb:str}", goods_moves.do),
    ("GET", "/stock", stock_page.show),
    ("GET", "/stock/past", stock_page.show_past),
    ("GET", "/stock/arrivals", stock_page.show_arrivals),
    ("GET", "/stock/arrivals/new", stock_page.ask_whose_arrival),
    ("GET", "/stock/arrivals/new/{merchant:str}", stock_page.ask_announcement),
    ("POST", "/stock/arrivals/new/{merchant:str}", stock_page.announce),
    ("GET", "/stock/arrivals/{asn:str}", stock_page.show_arrival),
    ("POST", "/stock/arrivals/{asn:str}", stock_page.receive),
    ("GET", "/import", import_page.show),
    ("GET", "/import/{import:str}", import_page.show_one),
    ("POST", "/import/{import:str}", import_page.change),
    ("POST", "/import/{import:str}/write", import_page.write),
    ("POST", "/import/{import:str}/reopen", import_page.reopen),
    ("POST", "/import/{import:str}/drop", import_page.drop),
    ("POST", "/import/{import:str}/keep", import_page.keep),
    ("POST", "/import/{import:str}/use", import_page.use),
    ("GET", "/import/{import:str}/{name:str}", import_page.download),
    ("GET", "/settings", settings_page.show),
    ("GET", "/settings/sites", sites_page.show),
    ("GET", "/settings/sites/new", sites_page.ask_new),
    ("POST", "/settings/sites/new", sites_page.create),
    ("GET", "/settings/sites/{site:str}", sites_page.ask_change),
    ("POST", "/settings/sites/{site:str}", sites_page.change),
    ("GET", "/settings/merchants", merchants_page.show),
    ("GET", "/settings/merchants/new", merchants_page.ask_new),
    ("POST", "/settings/merchants/new", merchants_page.create),
    ("GET", "/settings/merchants/{merchant:str}", merchants_page.ask_change),
    ("POST", "/settings/merchants/{merchant:str}", merchants_page.change),
    ("GET", "/settings/channels", channels_page.show),
    ("GET", "/settings/channels/new", channels_page.ask_whose),
    ("GET", "/settings/channels/new/{merchant:str}", channels_page.ask_new),
    ("POST", "/settings/channels/new/{merchant:str}", channels_page.create),
    ("GET", "/settings/channels/{merchant:str}/{channel:str}", channels_page.ask_name),
    ("POST", "/settings/channels/{merchant:str}/{channel:str}", channels_page.name),
    ("GET", "/settings/accounts", accounts_page.show),
    ("GET", "/settings/accounts/new", accounts_page.ask_whose),
    ("GET", "/settings/accounts/new/{merchant:str}", accounts_page.ask_plugin),
    ("POST", "/settings/accounts/{merchant:str}/drop", accounts_page.drop),
    ("POST", "/settings/accounts/{merchant:str}/test", accounts_page.test),
    ("GET", "/settings/accounts/{merchant:str}/{plugin:str}", accounts_page.ask_account),
    ("POST", "/settings/accounts/{merchant:str}/{plugin:str}", accounts_page.keep),
    ("GET", "/settings/accounts/{merchant:str}/{plugin:str}/{code:str}", accounts_page.ask_account),
    ("POST", "/settings/accounts/{merchant:str}/{plugin:str}/{code:str}", accounts_page.keep),
    ("GET", "/settings/rate-cards", rate_cards_page.show),
    ("GET", "/settings/rate-cards/new", rate_cards_page.ask_whose),
    ("GET", "/settings/rate-cards/new/{merchant:str}", rate_cards_page.ask_new),
    ("POST", "/settings/rate-cards/new/{merchant:str}", rate_cards_page.create),
    ("GET", "/settings/rate-cards/{merchant:str}/{code:str}", rate_cards_page.show_one),
    ("GET", "/settings/rate-cards/{merchant:str}/{code:str}/import", rate_tables_page.ask),
    ("POST", "/settings/rate-cards/{merchant:str}/{code:str}/import", rate_tables_page.look),
    ("GET", "/settings/rate-cards/{merchant:str}/{code:str}/edit", rate_cards_page.ask_change),
    ("POST", "/settings/rate-cards/{merchant:str}/{code:str}/edit", rate_cards_page.change),
    ("GET", "/settings/methods", methods_page.show),
    ("GET", "/settings/methods/new", methods_page.ask_whose),
    ("GET", "/settings/methods/{merchant:str}", methods_page.ask),
    ("POST", "/settings/methods/{merchant:str}", methods_page.keep),
    ("GET", "/settings/shipping-rules", shipping_rules_page.show),
    ("GET", "/settings/shipping-rules/{merchant:str}/new", shipping_rules_page.ask_new),
    ("POST", "/settings/shipping-rules/{merchant:str}/new", shipping_rules_page.create),
    ("GET", "/settings/shipping-rules/{merchant:str}/beside", shipping_rules_page.ask_beside),
    ("POST", "/settings/shipping-rules/{merchant:str}/beside", shipping_rules_page.keep_beside),
    ("GET", "/settings/shipping-rules/{merchant:str}/lanes/{mark:str}", shipping_rules_page.ask_change),
    ("POST", "/settings/shipping-rules/{merchant:str}/lanes/{mark:str}", shipping_rules_page.change),
    ("POST", "/settings/shipping-rules/{merchant:str}/lanes/{mark:str}/{do:str}", shipping_rules_page.do),
    ("GET", "/settings/notices", notices_page.show),
    ("POST", "/settings/notices", notices_page.keep),
    ("GET", "/settings/notices/{fact:str}", notices_page.show_words),
    ("POST", "/settings/notices/{fact:str}", notices_page.keep_own),
    ("GET", "/settings/notices/{fact:str}/sample", notices_page.sample),
    ("GET", "/welcome", account.welcome),
    ("POST", "/welcome", account.settle_in),
    ("GET", "/me", account.show),
    ("POST", "/me/looks", account.change_looks),
    ("POST", "/me/password", account.change_password),
    ("POST", "/me/sessions", account.end_session),
    ("GET", "/me/two-factor", account.show_second_factor),
    ("POST", "/me/two-factor/{step:str}", account.change_second_factor),
    ("GET", "/settings/people", people_page.show),
    ("POST", "/settings/people", people_page.invite),
    ("POST", "/settings/people/{person:str}/{change:str}", people_page.change),
    ("GET", "/settings/keys", keys_page.show),
    ("POST", "/settings/keys", keys_page.create),
    ("POST", "/settings/keys/{key:str}/revoke", keys_page.revoke),
    ("GET", "/settings/log", log_page.show),
)
# Where nobody is signed in yet.
DOORMAT: tuple[tuple[Method, str, Entrance], ...] = (
    ("GET", "/sign-in", way_in.show),
    ("POST", "/sign-in", way_in.sign_in),
    ("GET", "/sign-in/code", way_in.show_code),
    ("POST", "/sign-in/code", way_in.give_code),
    ("GET", "/sign-in/forgot", way_in.show_forgot),
    ("POST", "/sign-in/forgot", way_in.forgot),
    ("GET", "/sign-in/oidc", oidc.leave),
    ("GET", "/sign-in/oidc/back", oidc.come_back),
    ("GET", "/in/{token:str}", way_in.by_link),
    ("POST", "/in/{token:str}", way_in.by_letter),
)
# A file's name carries its hash: what a browser has, it may keep.
KEEP = {
    "cache-control": "public, max-age=31536000, immutable", "vary": "accept-encoding",
    "x-content-type-options": "nosniff",
}  # fmt: skip


def routes(db: Db) -> list[ControllerRouterHandler]:
    """What the web application takes in beside the API."""
    entrances = [_entrance(db, method, path, call) for method, path, call in DOORMAT]
    return [pages(db, PAGES, *entrances, _way_out(db), _live(db), _hand_over(db), _assets())]


def pages(db: Db, of: Sequence[tuple[Method, str, Page]], *more: HTTPRouteHandler) -> Router:
    """Pages for people who are signed in; another door brings its own."""
    handlers = [*(_page(db, method, path, call) for method, path, call in of), *more]
    return Router("/", route_handlers=handlers, exception_handlers={Exception: _refused, HTTPException: _refused})


def _page(db: Db, method: Method, path: str, call: Page) -> HTTPRouteHandler:
    async def answer(request: AnyRequest) -> Response[Any]:
        browser = Browser.of(request)
        try:
            visitor = request.state.visitor = await visitor_of(db, browser)
        except SignInFirst:
            if method == "GET" or not is_without_files(request):
                raise
            check_origin(request)
            _write_for(request)
            return waiting(request, await read_form(request), b"", None)
        taste = await looking.taken_over(db, visitor, request.cookies)
        _write_for(request, taste, visitor.person)
        form, upload = await read_posted(request) if method == "POST" else ({}, b"")
        check_reach(visitor.person, method, path)
        if method == "POST":
            check_origin(request)
            if not is_of_its_page(visitor, form.pop("proof", "")):
                return waiting(request, form, upload, visitor)
        is_part = request.headers.get("hx-request") == "true"
        words_of = _words(request), read_query(request)
        shown = await call(Visit(db, visitor, browser, *words_of, form, is_part, kept_of(request), upload))
        looking.remember(shown, taste)
        return shown

    return _handler(method, path, answer)


def _write_for(request: AnyRequest, taste: Mapping[str, str] | None = None, person: Person | None = None) -> None:
    cookies = {**request.cookies, **(taste or {})}
    accepts = request.headers.get("accept-language", "")
    write_for(reader_of(cookies, accepts, person.timezone if person else ""))


def _entrance(db: Db, method: Method, path: str, call: Entrance) -> HTTPRouteHandler:
    async def answer(request: AnyRequest) -> Response[Any]:
        _write_for(request)
        if method == "POST":
            check_origin(request)
        form = await read_form(request) if method == "POST" else {}
        host, port = request.scope.get("server") or ("127.0.0.1", 80)
        server = f"http://{host}:{port}"
        from_it = Browser.of(request), server, request.cookies
        only_looks = HEAD in request.scope
        return await call(Knock(db, *from_it, _words(request), read_query(request), form, only_looks))

    return _handler(method, path, answer)


def _way_out(db: Db) -> HTTPRouteHandler:
    async def sign_out(request: AnyRequest) -> Response[str]:
        browser = Browser.of(request)
        visitor = await visitor_of(db, browser)
        form = await read_form(request)
        check_form(request, visitor, form.get("proof", ""))
        return await way_in.sign_out(db, browser, visitor)

    return _handler("POST", "/out", sign_out)


def _words(request: AnyRequest) -> dict[str, str]:
    return {name: str(word) for name, word in request.path_params.items()}


def _live(db: Db) -> HTTPRouteHandler:
    boards = Boards(db)

    async def watch(request: AnyRequest) -> Stream:
        visitor = await visitor_of(db, Browser.of(request))
        check_reach(visitor.person, "GET", "/today/live")
        _write_for(request, person=visitor.person)
        async with tenant_tx(db, visitor.merchants, readonly=True) as tx:
            names = await tx.rows(MERCHANTS, list(tx.merchants))
        wanted = tuple(today.chosen(names, read_query(request).get("merchant", "")))
        told = boards.stream(wanted, reader(), request.app.state.closing)
        return Stream(told, media_type="text/event-stream", headers=SAFE)

    return _handler("GET", "/today/live", watch)


def _hand_over(db: Db) -> HTTPRouteHandler:
    """The one form with files: they are written down as they come, once it is known who sends them."""

    async def hand_over(request: AnyRequest) -> Response[Any]:
        browser = Browser.of(request)
        visitor = request.state.visitor = await visitor_of(db, browser)
        _write_for(request, person=visitor.person)
        check_reach(visitor.person, "POST", "/import")
        (import_id,) = await db.ids.draw(db.pool, 1)
        folder = folder_of(import_id)
        upload = await receive(request, folder, lambda form: check_form(request, visitor, form.pop("proof", "")))
        return await import_page.take(Visit(db, visitor, browser, {}, {}, upload.fields), import_id, upload)

    return _handler("POST", "/import", hand_over)


def _assets() -> HTTPRouteHandler:
    async def asset(request: AnyRequest) -> Response[bytes]:
        name = str(request.path_params["name"])
        if name not in assets():
            raise NoSuchPage
        found = assets()[name]
        if found.packed and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(found.packed, media_type=found.media_type, headers={**KEEP, "content-encoding": "gzip"})
        return Response(found.content, media_type=found.media_type, headers=KEEP)

    return _handler("GET", "/static/{name:str}", asset)


def _handler(method: Method, path: str, answer: Callable[[AnyRequest], Awaitable[Response[Any]]]) -> HTTPRouteHandler:
    bound = HTTPRouteHandler(
        path, http_method=method, name=f"console {method} {path}", include_in_schema=False, status_code=200,
        request_max_body_size=None,
    )  # fmt: skip
    return bound(answer)


def _refused(request: AnyRequest, error: Exception) -> Response[str]:
    """Every no is a page that says why, and what to do."""
    visitor = getattr(request.state, "visitor", None)
    _write_for(request, person=visitor.person if visitor else None)
    refusal = _as_refusal(request, error)
    if isinstance(refusal, DatabaseAway) and getattr(request.app.state, "bring_back", None) is not None:
        request.app.state.bring_back.ask()
    if isinstance(refusal, SignInFirst) and request.method == "GET":
        return see_other(way_in.address(request.url.path, request.url.query))
    answer = page("refused.html", refusal.status, visitor=visitor, refusal=refusal, reasons=words.reasons(refusal))
    answer.headers.update(headers_of(refusal))
    return answer


def nowhere(request: AnyRequest, _error: Exception) -> Response[str]:
    """An address that is no door's: nobody knows whether a buyer stands there or somebody of the house."""
    _write_for(request)
    return page("nowhere.html", NoSuchPage.status)


def _as_refusal(request: AnyRequest, error: Exception) -> Refusal:
    if isinstance(error, HTTPException) and error.status_code < 500:
        return NoSuchPage() if error.status_code == 404 else BadRequest(problem=str(error.detail)[:200])
    return refusal_of(error, method=request.scope.get("method"), route=request.scope.get("path_template", ""))
