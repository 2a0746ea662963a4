"""way_in: the pages of those who are not signed in: password, code, a link by mail; and the way out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from litestar import Response

from doorstep.doors.console import oidc
from doorstep.doors.console.letters import post_way_in
from doorstep.doors.console.letting_in import keys, let_in
from doorstep.doors.console.signing_in import Browser, Visitor, own_path
from doorstep.doors.console.visit import Knock, page, see_other
from doorstep.doors.http.problems import headers_of
from doorstep.kit import clock
from doorstep.kit.address import public_address
from doorstep.kit.refusals import Refusal
from doorstep.kit.text import normalized
from doorstep.setup import sessions, tries
from doorstep.setup.sessions import LinkSpent, WrongCode, WrongPassword
from doorstep.setup.tries import TooManyTries
from doorstep.spine.tenant import Db

LETTER_LASTS = timedelta(hours=1)


def address(path: str, query: str) -> str:
    """The sign-in page, from which they come to where they wanted to go."""
    wanted = own_path(f"{path}?{query}" if query else path)
    return "/sign-in" if wanted == "/" else f"/sign-in?{urlencode({'to': wanted})}"


# The password


async def show(knock: Knock) -> Response[str]:
    if await sessions.person_of(knock.db, knock.browser.session):
        return see_other(_wanted(knock.query))
    return _sign_in_page(own_path(knock.query.get("to", "/")))


async def sign_in(knock: Knock) -> Response[str]:
    to, email = _wanted(knock.form), knock.form.get("email", "")
    try:
        opened = await sessions.sign_in(knock.db, email, knock.form.get("password", ""), knock.by, clock.now())
    except (WrongPassword, TooManyTries) as refusal:
        return _sign_in_page(to, email=email[:254], refusal=refusal)
    return await let_in(knock, opened, to)


def _sign_in_page(to: str, *, email: str = "", refusal: Refusal | None = None) -> Response[str]:
    return _page("sign_in.html", refusal, to=to, email=email, oidc=oidc.configured(), way=oidc.called())


# The code


async def show_code(knock: Knock) -> Response[str]:
    if await sessions.person_of(knock.db, knock.browser.session, kind="half") is None:
        return see_other("/sign-in")
    return _page("sign_in_code.html", to=_wanted(knock.query))


async def give_code(knock: Knock) -> Response[str]:
    to, code = _wanted(knock.form), knock.form.get("code", "")[:100]
    try:
        opened = await sessions.complete(knock.db, keys(), knock.browser.session, code, knock.by, clock.now())
    except (WrongCode, TooManyTries) as refusal:
        return _page("sign_in_code.html", refusal, to=to)
    except LinkSpent:
        return see_other("/sign-in")
    return await let_in(knock, opened, to)


# The link by mail


async def show_forgot(knock: Knock) -> Response[str]:
    return _page("forgot.html", email="", sent=False)


async def forgot(knock: Knock) -> Response[str]:
    """Says the same, as quickly, whether or not somebody signs in with that address."""
    email, at = normalized(knock.form.get("email", ""))[:254], clock.now()
    try:
        network = {tries.OF_ADDRESS: tries.network_of(knock.browser.address)}
        await sessions.count_tries(knock.db, network, knock.by, email, at)
    except TooManyTries as refusal:
        return _page("forgot.html", refusal, email=email, sent=False)
    if await tries.count(knock.db, {tries.OF_LETTERS: email}, at) is None:
        post_way_in(knock.db, email, public_address() or knock.server, knock.by, LETTER_LASTS)
    return _page("forgot.html", email=email, sent=True)


# Links


async def by_link(knock: Knock) -> Response[str]:
    """A link from the machine lets in at once; a letter's waits for a hand, as mail programs open links to look. Who
    asks for the headers alone spends neither."""
    token = knock.path["token"][:200]
    try:
        if await sessions.link_kind(knock.db, token) == "letter" or knock.only_looks:
            return _page("let_in.html", token=token)
        opened = await sessions.consume(knock.db, token, knock.by)
    except LinkSpent as refusal:
        return _page("link_spent.html", refusal)
    return await let_in(knock, opened, "/" if opened.has_password else "/welcome")


async def by_letter(knock: Knock) -> Response[str]:
    try:
        opened = await sessions.consume(knock.db, knock.path["token"][:200], knock.by)
    except LinkSpent as refusal:
        return _page("link_spent.html", refusal)
    return await let_in(knock, opened, "/welcome")


async def sign_out(db: Db, browser: Browser, visitor: Visitor) -> Response[str]:
    await sessions.end_session(db, visitor.session, browser.by(visitor.person))
    answer = see_other("/sign-in")
    answer.set_cookie(browser.keeps(""))
    return answer


def _wanted(given: Any) -> str:
    return own_path(given.get("to", "/"))


def _page(template: str, refusal: Refusal | None = None, **context: Any) -> Response[str]:
    answer = page(template, refusal.status if refusal else 200, refusal=refusal, **context)
    if refusal:
        answer.headers.update(headers_of(refusal))
    return answer
