"""signing_in: who is looking: the session's cookie, and the proof that a form came from a page of ours."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Any

from litestar import Request
from litestar.datastructures import Cookie

from doorstep.kit.refusals import Refusal
from doorstep.setup.people import SESSION_LASTS, Person, merchants_seen_by, person_of
from doorstep.spine.outcome import Actor
from doorstep.spine.tenant import Db

AnyRequest = Request[Any, Any, Any]


class SignInFirst(Refusal):
    """You are not signed in, or not any more."""

    status = 401


class ForgedForm(Refusal):
    """This form did not come from a page of yours, or that page is too old; open the page again and repeat it."""

    status = 403


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks, whose orders they see, and the word that their forms carry."""

    person: Person
    merchants: tuple[int, ...]
    session: str

    @property
    def actor(self) -> Actor:
        return Actor(f"person:{self.person.email}", self.person.roles)

    @property
    def form_proof(self) -> str:
        """Only a page that was made for this session can know it."""
        return hmac.digest(self.session.encode(), b"forms of doorstep", "sha256").hex()


async def visitor_of(db: Db, request: AnyRequest) -> Visitor:
    """Who is signed in; refuses SignInFirst."""
    session = request.cookies.get(_cookie_name(request), "")
    person = await person_of(db, session) if 0 < len(session) <= 100 else None
    if person is None:
        raise SignInFirst
    return Visitor(person, tuple(await merchants_seen_by(db, person)), session)


def check_form(request: AnyRequest, visitor: Visitor, proof: str) -> None:
    """Refuses ForgedForm. The browser's own word about where a form comes from counts too."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    ours = f"{request.url.scheme}://{request.headers.get('host', '')}"
    if site != "same-origin" or (origin is not None and origin != ours):
        raise ForgedForm
    if not hmac.compare_digest(proof.encode(), visitor.form_proof.encode()):
        raise ForgedForm


def cookie_of(request: AnyRequest, session: str) -> Cookie:
    """The session's cookie; an empty session takes it away."""
    return Cookie(
        key=_cookie_name(request), value=session, path="/", httponly=True, samesite="lax", secure=_is_https(request),
        max_age=int(SESSION_LASTS.total_seconds()) if session else 0,
    )  # fmt: skip


def _cookie_name(request: AnyRequest) -> str:
    """Cookies do not tell ports apart, and two doorsteps on one machine are two systems."""
    if _is_https(request):
        return "__Host-doorstep"
    return f"doorstep_{request.url.port or 80}"


def _is_https(request: AnyRequest) -> bool:
    return request.url.scheme == "https"
