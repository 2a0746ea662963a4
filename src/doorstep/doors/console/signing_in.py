"""signing_in: who is looking, through which browser: the session's cookie, the proof that a form is of our pages."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from litestar import Request
from litestar.datastructures import Cookie

from doorstep.kit.refusals import Refusal
from doorstep.setup.log import By
from doorstep.setup.people import Person, merchants_seen_by
from doorstep.setup.sessions import SESSION_LASTS, CameBy, person_of
from doorstep.spine.outcome import Actor
from doorstep.spine.tenant import Db

AnyRequest = Request[Any, Any, Any]

# These come from where nobody is signed in; after signing in they are no place to go.
WAYS_IN = ("/sign-in", "/in", "/out")


class SignInFirst(Refusal):
    """You are not signed in, or not any more."""

    status = 401


class ForgedForm(Refusal):
    """This form did not come from a page of yours, or that page is too old; open the page again and repeat it."""

    status = 403


@dataclass(frozen=True, slots=True)
class Browser:
    """What one request tells of where it comes from."""

    address: str
    name: str
    host: str
    port: int
    is_https: bool
    session: str  # the word in its cookie; '' when it has none

    @classmethod
    def of(cls, request: AnyRequest) -> Browser:
        is_https, port = request.url.scheme == "https", request.url.port or 80
        session = request.cookies.get(_cookie_name(is_https, port), "")
        return cls(
            request.client.host if request.client else "", request.headers.get("user-agent", "")[:300],
            request.headers.get("host", ""), port, is_https, session if len(session) <= 100 else "",
        )  # fmt: skip

    @property
    def origin(self) -> str:
        """How whoever looks calls this doorstep."""
        return f"{'https' if self.is_https else 'http'}://{self.host}"

    def by(self, person: Person | None = None) -> By:
        """For the log."""
        if person is None:
            return By("", None, self.address, self.name)
        return By(person.email, person.person_id, self.address, self.name)

    def keeps(self, session: str) -> Cookie:
        """The session's cookie; an empty session takes it away."""
        lasts = int(SESSION_LASTS.total_seconds()) if session else 0
        return self.cookie(_cookie_name(self.is_https, self.port), session, lasts)

    def cookie(self, name: str, value: str, lasts_s: int) -> Cookie:
        return Cookie(
            key=name, value=value, path="/", httponly=True, samesite="lax", secure=self.is_https, max_age=lasts_s
        )


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks, whose orders they see, and the word that their forms carry."""

    person: Person
    merchants: tuple[int, ...]
    session: str
    since: datetime
    came_by: CameBy

    @property
    def actor(self) -> Actor:
        return Actor(f"person:{self.person.email}", self.person.roles)

    @property
    def form_proof(self) -> str:
        """Only a page that was made for this session can know it."""
        return hmac.digest(self.session.encode(), b"forms of doorstep", "sha256").hex()


async def visitor_of(db: Db, browser: Browser) -> Visitor:
    """Who is signed in; refuses SignInFirst."""
    found = await person_of(db, browser.session) if browser.session else None
    if found is None:
        raise SignInFirst
    merchants = tuple(await merchants_seen_by(db, found.person))
    return Visitor(found.person, merchants, browser.session, found.since, found.came_by)


def check_form(request: AnyRequest, visitor: Visitor, proof: str) -> None:
    """Refuses ForgedForm."""
    check_origin(request)
    if not is_of_its_page(visitor, proof):
        raise ForgedForm


def is_of_its_page(visitor: Visitor, proof: str) -> bool:
    return hmac.compare_digest(proof.encode(), visitor.form_proof.encode())


def check_origin(request: AnyRequest) -> None:
    """The browser's own word about where a form comes from; refuses ForgedForm."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    if site != "same-origin" or (origin is not None and origin != Browser.of(request).origin):
        raise ForgedForm


def own_path(word: str) -> str:
    """A page of ours to go to after signing in; whatever else the word is, the first page."""
    plain = unquote(word)
    is_path = word.startswith("/") and not word.startswith(("//", "/\\")) and not plain.startswith(("//", "/\\"))
    if not is_path or len(word) > 1000 or "\\" in plain or any(ord(char) < 33 or ord(char) == 127 for char in word):
        return "/"
    parts = urlsplit(word)
    if parts.scheme or parts.netloc or any(parts.path == way or parts.path.startswith(f"{way}/") for way in WAYS_IN):
        return "/"
    return word


def _cookie_name(is_https: bool, port: int) -> str:
    """Cookies do not tell ports apart, and two doorsteps on one machine are two systems."""
    return "__Host-doorstep" if is_https else f"doorstep_{port}"
