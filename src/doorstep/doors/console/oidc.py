"""oidc: signing in by the word of somebody whom the owner trusts (OpenID Connect): only people already invited come in.

The code flow with PKCE, state and nonce. What must be remembered while the browser is away travels with it, sealed.
"""

from __future__ import annotations

import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import msgspec
from litestar import Response

from doorstep.doors.console.letting_in import keys, let_in
from doorstep.doors.console.signing_in import Browser, own_path
from doorstep.doors.console.visit import Knock, see_other
from doorstep.doors.http.problems import NoSuchPage
from doorstep.kit import clock
from doorstep.kit.address import public_address
from doorstep.kit.refusals import Refusal
from doorstep.setup.sessions import sign_in_as_told

ISSUER, CLIENT_ID, CLIENT_SECRET = "DOORSTEP_OIDC_ISSUER", "DOORSTEP_OIDC_CLIENT_ID", "DOORSTEP_OIDC_CLIENT_SECRET"
NAME = "DOORSTEP_OIDC_NAME"
ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
AWAY_S = 600
DEADLINE_S = 10.0
# So much may clocks differ.
LEEWAY_S = 60
_CONTEXT = "oidc/on its way"


class IssuerAway(Refusal):
    """Whoever signs you in elsewhere does not answer as they should; try again, or use your password."""

    status = 502


class NotSignedInThere(Refusal):
    """You were not signed in there, or it took too long; begin anew at the sign-in page."""

    status = 403


class OidcNotInstalled(Refusal):
    """Signing in elsewhere needs more: pip install 'doorstep[oidc]'."""

    status = 500


@dataclass(frozen=True, slots=True)
class Client:
    """Who we are to the issuer."""

    issuer: str
    id: str
    secret: str


class OnItsWay(msgspec.Struct, frozen=True):
    """What we must know again when the browser comes back."""

    state: str
    nonce: str
    verifier: str
    to: str
    until: float


def configured(env: Mapping[str, str] = os.environ) -> Client | None:
    issuer, client = env.get(ISSUER, "").rstrip("/"), env.get(CLIENT_ID, "")
    return Client(issuer, client, env.get(CLIENT_SECRET, "")) if issuer and client else None


def called(env: Mapping[str, str] = os.environ) -> str:
    """What the button calls them."""
    return env.get(NAME, "") or urlsplit(env.get(ISSUER, "")).hostname or ""


async def leave(knock: Knock) -> Response[str]:
    """To the issuer, who sends the browser back to us."""
    client = _client()
    told = await _discovered(client)
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    gone = OnItsWay(state, nonce, verifier, own_path(knock.query.get("to", "/")), clock.now().timestamp() + AWAY_S)
    asked = {
        "response_type": "code", "client_id": client.id, "redirect_uri": _back(knock), "scope": "openid email profile",
        "state": gone.state, "nonce": gone.nonce, "code_challenge": _challenge(gone.verifier),
        "code_challenge_method": "S256",
    }  # fmt: skip
    endpoint = str(told["authorization_endpoint"])
    answer = see_other(f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}")
    sealed = keys().seal(msgspec.json.encode(gone).decode(), _CONTEXT)
    answer.set_cookie(knock.browser.cookie(_cookie_name(knock.browser), sealed, AWAY_S))
    return answer


async def come_back(knock: Knock) -> Response[str]:
    """From the issuer, with a code that only we can change for their word."""
    client, gone = _client(), _remembered(knock)
    told = await _discovered(client)
    if not compare_digest(gone.state.encode(), knock.query.get("state", "").encode()):
        raise NotSignedInThere(problem="state")
    if knock.query.get("iss", client.issuer).rstrip("/") != client.issuer or "code" not in knock.query:
        raise NotSignedInThere(problem=knock.query.get("error", "")[:60])
    word = await _changed(client, told, knock, gone)
    claims = await _checked(client, told, word, gone)
    opened = await sign_in_as_told(knock.db, str(claims["email"]), knock.by, clock.now())
    answer = await let_in(knock, opened, gone.to)
    answer.set_cookie(knock.browser.cookie(_cookie_name(knock.browser), "", 0))
    return answer


def _client() -> Client:
    """Refuses NoSuchPage where nobody is trusted so, OidcNotInstalled."""
    client = configured()
    if client is None:
        raise NoSuchPage
    try:
        import joserfc  # noqa: F401
    except ImportError:
        raise OidcNotInstalled from None
    return client


def _remembered(knock: Knock) -> OnItsWay:
    """Refuses NotSignedInThere."""
    sealed = knock.cookies.get(_cookie_name(knock.browser), "")
    try:
        gone = msgspec.json.decode(keys().open(sealed, _CONTEXT), type=OnItsWay)
    except Refusal:
        raise NotSignedInThere(problem="it was not from here that you left") from None
    if gone.until < clock.now().timestamp():
        raise NotSignedInThere(problem="it took too long")
    return gone


async def _discovered(client: Client) -> dict[str, Any]:
    """What the issuer says of itself; refuses IssuerAway."""
    url = urlsplit(client.issuer)
    if url.scheme != "https" and url.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise IssuerAway(issuer=client.issuer, problem="it must be an https address")
    told = await _asked("GET", f"{client.issuer}/.well-known/openid-configuration")
    if str(told.get("issuer", "")).rstrip("/") != client.issuer:
        raise IssuerAway(issuer=client.issuer, problem="it calls itself otherwise")
    if not {"authorization_endpoint", "token_endpoint", "jwks_uri"} <= told.keys():
        raise IssuerAway(issuer=client.issuer, problem="it does not say where to go")
    return told


async def _changed(client: Client, told: dict[str, Any], knock: Knock, gone: OnItsWay) -> str:
    """The code for the issuer's word, an ID token; refuses NotSignedInThere, IssuerAway."""
    form = {
        "grant_type": "authorization_code", "code": knock.query["code"], "redirect_uri": _back(knock),
        "client_id": client.id, "code_verifier": gone.verifier,
    }  # fmt: skip
    ways = told.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    basic = (client.id, client.secret) if client.secret and "client_secret_basic" in ways else None
    if client.secret and basic is None:
        form["client_secret"] = client.secret
    answer = await _asked("POST", str(told["token_endpoint"]), data=form, auth=basic)
    if not isinstance(answer.get("id_token"), str):
        raise NotSignedInThere(problem=str(answer.get("error", "no ID token"))[:60])
    return str(answer["id_token"])


async def _checked(client: Client, told: dict[str, Any], word: str, gone: OnItsWay) -> Mapping[str, Any]:
    """What it says, if the issuer signed it, for us, now, for this very sign-in; refuses NotSignedInThere."""
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    signed_by = await _asked("GET", str(told["jwks_uri"]))
    exactly = jwt.JWTClaimsRegistry(
        now=int(clock.now().timestamp()), leeway=LEEWAY_S,
        iss={"essential": True, "value": str(told["issuer"])}, aud={"essential": True, "value": client.id},
        exp={"essential": True}, iat={"essential": True}, sub={"essential": True},
        nonce={"essential": True, "value": gone.nonce}, email={"essential": True},
        email_verified={"essential": True, "value": True},
    )  # fmt: skip
    try:
        claims = jwt.decode(word, KeySet.import_key_set(signed_by), algorithms=ALGORITHMS).claims  # type: ignore[arg-type]
        exactly.validate(claims)
    except (JoseError, ValueError, TypeError) as error:
        raise NotSignedInThere(problem=f"{type(error).__name__}: {error}"[:120]) from None
    if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != client.id:
        raise NotSignedInThere(problem="it is for somebody else too")
    return claims


async def _asked(method: str, url: str, **more: Any) -> dict[str, Any]:
    """A JSON object; refuses IssuerAway."""
    try:
        async with httpx.AsyncClient(timeout=DEADLINE_S, follow_redirects=False) as http:
            answer = await http.request(method, url, headers={"accept": "application/json"}, **more)
        found = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise IssuerAway(problem=type(error).__name__) from None
    if answer.status_code >= 500 or not isinstance(found, dict):
        raise IssuerAway(status=answer.status_code)
    return found


def _back(knock: Knock) -> str:
    """As it must be registered with the issuer."""
    return f"{public_address() or knock.browser.origin}/sign-in/oidc/back"


def _challenge(verifier: str) -> str:
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _cookie_name(browser: Browser) -> str:
    return "__Host-doorstep-away" if browser.is_https else f"doorstep_away_{browser.port}"
