"""Signing in by somebody else's word: only who was invited comes in, and only by a word that is whole."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from joserfc.jwk import OctKey

from doorstep.setup.people import add_person, end_person
from tests.doors.issuer import CLIENT, SECRET, Issuer, another_key, elliptic_key, issuing
from tests.shop import Shop


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    with issuing() as opened:
        monkeypatch.setenv("DOORSTEP_OIDC_ISSUER", opened.address)
        monkeypatch.setenv("DOORSTEP_OIDC_CLIENT_ID", CLIENT)
        monkeypatch.setenv("DOORSTEP_OIDC_CLIENT_SECRET", SECRET)
        yield opened


@pytest.fixture
async def invited(shop: Shop, issuer: Issuer) -> str:
    issuer.email = f"dana@{shop.key}.example"
    await add_person(shop.db, issuer.email, "operator")
    return issuer.email


@asynccontextmanager
async def browser(web: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=web, timeout=120, trust_env=False, verify=False) as http:
        yield http


async def there(http: httpx.AsyncClient, to: str = "/") -> str:
    """To the issuer; answers where the browser is sent back to."""
    left = await http.get("/sign-in/oidc", params={"to": to})
    assert left.status_code == 303, left.text
    async with httpx.AsyncClient(timeout=120, trust_env=False, verify=False) as outside:
        return (await outside.get(left.headers["location"])).headers["location"]


async def came(web: str, **how: Any) -> httpx.Response:
    """All the way, to the answer that the browser gets at its return."""
    async with browser(web) as http:
        return await http.get(await there(http, **how))


async def test_who_was_invited_comes_in_to_where_they_wanted_to_go(shop: Shop, web: str, invited: str) -> None:
    async with browser(web) as http:
        page = (await http.get("/sign-in?to=/settings/keys")).text
        assert "Sign in with 127.0.0.1" in page
        (way,) = re.findall(r'href="(/sign-in/oidc[^"]+)"', page)
        assert way == "/sign-in/oidc?to=%2Fsettings%2Fkeys" or way == "/sign-in/oidc?to=/settings/keys"
        back = await there(http, "/settings/keys")
        assert back.startswith(f"{web}/sign-in/oidc/back?code=")
        answer = await http.get(back)
        assert (answer.status_code, answer.headers["location"]) == (303, "/settings/keys")
        assert (await http.get("/settings/keys")).status_code == 200
        assert (await http.get(back)).status_code == 403  # once
    rows = await shop.db.pool.fetch("select details from log_entry where who = $1 and what = 'signed_in'", invited)
    assert [row["details"] for row in rows] == ['{"way": "oidc"}']


async def test_a_stranger_and_who_left_stay_outside(shop: Shop, web: str, issuer: Issuer, invited: str) -> None:
    await end_person(shop.db, invited)
    for address in (invited, f"stranger@{shop.key}.example"):
        issuer.email = address
        answer = await came(web)
        assert answer.status_code == 403 and "Nobody was invited here" in answer.text


# Seconds since 1970; written out, for a test is called by them, and by the same name in each process of a run.
IN_2020, IN_2100 = 1_577_836_800, 4_102_444_800


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://somebody.else.example"}, {"aud": "another-client"}, {"aud": [CLIENT, "another-client"]},
        {"nonce": "of another sign-in"}, {"nonce": None}, {"exp": IN_2020}, {"exp": None}, {"iat": IN_2100},
        {"email": None}, {"email_verified": False}, {"email_verified": None}, {"email_verified": "false"},
    ],
    ids=str,
)  # fmt: skip
async def test_a_word_that_says_something_else_is_none(
    web: str, issuer: Issuer, invited: str, claims: dict[str, Any]
) -> None:
    issuer.claims = claims
    answer = await came(web)
    assert answer.status_code == 403 and "You were not signed in there" in answer.text, claims
    assert "doorstep_" not in answer.headers.get("set-cookie", "")


async def test_a_word_for_several_counts_when_it_was_given_to_us(web: str, issuer: Issuer, invited: str) -> None:
    issuer.claims = {"aud": [CLIENT, "another-client"], "azp": CLIENT}
    assert (await came(web)).status_code == 303


async def test_only_the_issuers_own_key_signs(web: str, issuer: Issuer, invited: str) -> None:
    issuer.shown = [another_key()]
    assert (await came(web)).status_code == 403
    issuer.shown, issuer.key, issuer.alg = [], elliptic_key(), "ES256"
    assert (await came(web)).status_code == 303
    # What everybody knows is no key to sign with.
    issuer.key, issuer.alg = OctKey.import_key(SECRET * 4, {"kid": "three"}), "HS256"
    assert (await came(web)).status_code == 403


async def test_another_browser_cannot_end_what_this_one_began(web: str, invited: str) -> None:
    async with browser(web) as mine, browser(web) as theirs:
        back = await there(theirs)
        assert (await mine.get(back)).status_code == 403  # it never left
        await there(mine)
        assert (await mine.get(back)).status_code == 403  # it left with another state
        assert (await mine.get("/me")).status_code == 303
        mine.cookies.set(f"doorstep_away_{web.rsplit(':')[-1]}", "v1.a.b.c", domain="127.0.0.1", path="/")
        assert (await mine.get(back)).status_code == 403


async def test_a_code_needs_the_proof_that_only_we_have(web: str, issuer: Issuer, invited: str) -> None:
    async with browser(web) as http:
        back = await there(http)
        (asked,) = issuer._codes.values()
        asked["code_challenge"] = "of another verifier"
        answer = await http.get(back)
        assert answer.status_code == 403 and "invalid_grant" in answer.text
        refused = back.replace("code=", "error=access_denied&nocode=")
        assert (await http.get(refused)).status_code == 403
        mixed_up = f"{await there(http)}&iss=https%3A%2F%2Fsomebody.else.example"
        assert (await http.get(mixed_up)).status_code == 403


async def test_an_issuer_that_is_away_or_somebody_else_is_named(
    web: str, issuer: Issuer, invited: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer.told = {"issuer": "https://somebody.else.example"}
    for address, said in ((issuer.address, "calls itself otherwise"), ("http://127.0.0.1:1", "ConnectError"),
                          ("http://issuer.example", "must be an https address")):  # fmt: skip
        monkeypatch.setenv("DOORSTEP_OIDC_ISSUER", address)
        async with browser(web) as http:
            answer = await http.get("/sign-in/oidc")
            assert answer.status_code == 502 and said in answer.text, address


async def test_without_an_issuer_there_is_no_such_way(web: str) -> None:
    async with browser(web) as http:
        assert (await http.get("/sign-in/oidc")).status_code == 404
        assert (await http.get("/sign-in/oidc/back?code=x&state=y")).status_code == 404
        assert "/sign-in/oidc" not in (await http.get("/sign-in")).text


async def test_nobody_is_sent_elsewhere_after_it(web: str, invited: str) -> None:
    answer = await came(web, to="https://evil.example/")
    assert answer.headers["location"] == "/"
