"""Signing in through the door, and what each role reaches behind it: every page, every role, every merchant's wall."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pyotp
import pytest
import zxingcpp
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message
from PIL import Image, ImageDraw

from doorstep.doors.buyer import settings as brand
from doorstep.doors.console.routes import PAGES
from doorstep.doors.console.signing_in import own_path
from doorstep.kit import clock
from doorstep.setup.keys import create_key, holder_of
from doorstep.setup.log import By
from doorstep.setup.merchants import NewMerchant, create_merchant
from doorstep.setup.people import ROLES, Person, add_person, set_password
from doorstep.setup.sessions import issue_link
from doorstep.spine.tenant import Db
from tests.browser.windows import email, link_for
from tests.doors.belongings import CANARY, everything_of
from tests.doors.test_console import Visitor, visiting
from tests.doors.web import client_of, serving
from tests.ports import a_free_port
from tests.shop import Shop, open_shop

GOOD = "mugs walk on shelves"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@asynccontextmanager
async def knocking(web: str, shop: Shop) -> AsyncIterator[Visitor]:
    """Somebody at the door; each shop's people come from an address of their own."""
    headers = {"user-agent": BROWSER, "x-forwarded-for": f"10.{shop.merchant >> 16 & 255}.{shop.merchant >> 8 & 255}.7"}
    async with httpx.AsyncClient(base_url=web, timeout=120, trust_env=False, verify=False, headers=headers) as http:
        yield Visitor(http)


async def somebody(shop: Shop, role: str = "operator", *, who: str = "") -> Person:
    address = f"{who or role}@{shop.key}.example"
    merchant = shop.merchant if role == "merchant" else None
    person = Person(await add_person(shop.db, address, role, merchant=merchant), address, "", role, merchant)
    await set_password(shop.db, person, GOOD, clock.now(), By(address))
    return person


async def sign_in(visitor: Visitor, address: str, password: str = GOOD, **more: str) -> httpx.Response:
    return await visitor.http.post("/sign-in", data={"email": address, "password": password, **more})


def reasons(answer: httpx.Response) -> str:
    """What the notice on the page says."""
    found = re.search(r'role="alert">(.*?)</div>', answer.text, re.DOTALL)
    return re.sub(r"<[^>]+>|\s+", " ", found[1]).strip() if found else ""


# signing in


async def test_a_password_leads_to_where_one_wanted_to_go(shop: Shop, web: str) -> None:
    person = await somebody(shop)
    async with knocking(web, shop) as visitor:
        led = (await visitor.get("/settings/log?area=keys")).headers["location"]
        page = (await visitor.get(led)).text
        (to,) = re.findall(r'name="to" value="([^"]+)"', page)
        wrong = await sign_in(visitor, person.email, "not this one", to=to)
        assert (wrong.status_code, reasons(wrong)) == (403, "E-mail address and password do not belong together.")
        assert f'value="{person.email}"' in wrong.text and f'value="{to}"' in wrong.text
        assert "not this one" not in wrong.text
        came = await sign_in(visitor, person.email.upper(), to=to)
        assert (came.status_code, came.headers["location"]) == (303, "/settings/log?area=keys")
        assert (await visitor.get("/settings/log")).status_code == 200
        assert (await visitor.get("/sign-in?to=/me")).headers["location"] == "/me"


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "/%5Cevil.example", "/%2Fevil.example", "\\\\evil",
     "javascript:alert(1)", "evil.example", "", "/sign-in", "/sign-in/code", "/in/abc", "/out", "/a\nb", "/a b",
     "/" + "x" * 2000, "/\t/evil.example"],
)  # fmt: skip
def test_after_signing_in_nobody_is_sent_elsewhere(elsewhere: str) -> None:
    assert own_path(elsewhere) == "/"


def test_every_page_of_ours_is_a_place_to_go() -> None:
    for own in ("/", "/orders/ord_1?did=note", "/orders?q=%C3%A9&stage=completed", "/settings/log", "/inventory"):
        assert own_path(own) == own


async def test_each_way_in_gives_a_fresh_session_and_ends_the_one_before(shop: Shop, web: str) -> None:
    person = await somebody(shop)
    async with knocking(web, shop) as visitor:
        await sign_in(visitor, person.email)
        (first,) = [cookie.value for cookie in visitor.http.cookies.jar]
        await sign_in(visitor, person.email)
        (cookie,) = list(visitor.http.cookies.jar)
        assert cookie.value != first
        assert cookie.has_nonstandard_attr("HttpOnly") and cookie.get_nonstandard_attr("SameSite") == "lax"
    async with knocking(web, shop) as thief:
        answer = await thief.http.get("/me", headers={"cookie": f"{cookie.name}={first}"})
        assert answer.status_code == 303
        # Whoever was given a session before they signed in does not have it afterwards.
        planted = await thief.http.post(
            "/sign-in", data={"email": person.email, "password": GOOD}, headers={"cookie": f"{cookie.name}=planted"}
        )
        assert "planted" not in planted.headers["set-cookie"]


async def test_over_https_the_cookie_belongs_to_this_host_alone(shop: Shop, web: str) -> None:
    person = await somebody(shop)
    async with knocking(web, shop) as visitor:
        secure = {"x-forwarded-proto": "https", "host": "oms.example", "origin": "https://oms.example"}
        form = {"email": person.email, "password": GOOD}
        answer = await visitor.http.post("/sign-in", data=form, headers=secure)
        told = answer.headers["set-cookie"]
        assert told.startswith("__Host-doorstep=") and "Secure" in told and "Path=/" in told and "Domain" not in told


async def test_a_form_from_elsewhere_signs_nobody_in(shop: Shop, web: str) -> None:
    person = await somebody(shop)
    async with knocking(web, shop) as visitor:
        for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}):
            form = {"email": person.email, "password": GOOD}
            answer = await visitor.http.post("/sign-in", data=form, headers=headers)
            assert answer.status_code == 403 and "set-cookie" not in answer.headers
            assert (await visitor.http.post("/sign-in/forgot", data=form, headers=headers)).status_code == 403


async def test_too_many_tries_are_told_when_to_come_again(shop: Shop, web: str) -> None:
    person = await somebody(shop)
    async with knocking(web, shop) as visitor:
        for _ in range(10):
            assert (await sign_in(visitor, person.email, "not this one")).status_code == 403
        for password in ("not this one", GOOD):
            answer = await sign_in(visitor, person.email, password)
            assert answer.status_code == 429
            assert 0 < int(answer.headers["retry-after"]) <= 900
            assert "Too many tries" in reasons(answer)
        unknown = f"nobody@{shop.key}.example"
        told = [await sign_in(visitor, unknown, "not this one") for _ in range(11)]
        assert [one.status_code for one in told] == [403] * 10 + [429]  # as for somebody who is there


# links and letters


async def test_who_came_by_a_link_settles_in_and_needs_none_any_more(shop: Shop, web: str) -> None:
    token = await link_for(shop, "operator")
    async with knocking(web, shop) as visitor:
        assert (await visitor.get(f"/in/{token}")).headers["location"] == "/welcome"
        page = await visitor.html("/welcome")
        assert "Dana operator" in page and "Not now" in page
        form = {"name": "Dana Olsen", "new": "password1", "again": "password1"}
        weak = await visitor.post("/welcome", **form)
        assert weak.status_code == 422 and "would be guessed" in reasons(weak) and "Dana Olsen" in weak.text
        differ = await visitor.post("/welcome", **{**form, "new": GOOD})
        assert "not the same both times" in reasons(differ)
        assert (await visitor.post("/welcome", **{**form, "new": GOOD, "again": GOOD})).headers["location"] == "/"
        assert (await visitor.get("/welcome")).status_code == 303
        assert "Dana Olsen" in await visitor.html("/me")
    async with knocking(web, shop) as again:
        assert (await sign_in(again, email(shop, "operator"))).status_code == 303


async def test_the_first_owner_gets_an_address_to_sign_in_with(own_urls: Any) -> None:
    db = await Db.open(own_urls.app, own_urls.router, size=2)
    try:
        with serving(own_urls) as address:
            async with httpx.AsyncClient(base_url=address, timeout=120, trust_env=False, verify=False) as http:
                visitor = Visitor(http)
                await visitor.get(f"/in/{await issue_link(db)}")
                assert 'name="email"' in await visitor.html("/welcome")
                form = {"name": "Dana", "new": GOOD, "again": GOOD}
                assert (await visitor.post("/welcome", email="nonsense", **form)).status_code == 422
                assert (await visitor.post("/welcome", email="dana@example.com", **form)).status_code == 303
                await visitor.post("/out")
                assert (await sign_in(visitor, "dana@example.com")).status_code == 303
                assert (await visitor.get("/settings/people")).status_code == 200
    finally:
        await db.close()


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A real mail server that keeps what it gets."""
    letters: list[Any] = []

    class Keep(Message):
        def handle_message(self, message: Any) -> None:
            letters.append(message)

    port = a_free_port()
    controller = Controller(Keep(), hostname="127.0.0.1", port=port, ready_timeout=60)
    controller.start()
    monkeypatch.setenv("DOORSTEP_SMTP_URL", f"smtp://127.0.0.1:{port}?starttls=never")
    monkeypatch.setenv("DOORSTEP_URL", "https://oms.example/")
    yield letters
    controller.stop()


async def _until(letters: list[Any], count: int) -> None:
    deadline = time.monotonic() + 60
    while len(letters) < count:
        assert time.monotonic() < deadline, f"{len(letters)} letters of {count}"
        await asyncio.sleep(0.02)


async def _an_operator(shop: Shop) -> None:
    """Somebody to write as."""
    operator = NewMerchant(
        key=f"op-{shop.key}", name="Harbor Fulfillment", currency="USD", country="US", email="desk@harbor.example",
        is_operator=True,
    )  # fmt: skip
    await create_merchant(shop.db, operator)


async def test_who_forgot_the_password_gets_a_letter_and_everybody_the_same_answer(
    shop: Shop, web: str, post: list[Any]
) -> None:
    await _an_operator(shop)
    person = await somebody(shop)
    async with knocking(web, shop) as visitor:
        answers = []
        for address in (person.email, f"nobody@{shop.key}.example", ""):
            evil = {"host": "evil.example", "origin": "http://evil.example"}
            answers.append(await visitor.http.post("/sign-in/forgot", data={"email": address}, headers=evil))
        assert {one.status_code for one in answers} == {200}
        told = {one.text.replace(person.email, "…").replace(f"nobody@{shop.key}.example", "…") for one in answers[:2]}
        assert len(told) == 1
        await _until(post, 1)
        (letter,) = post
        assert letter["To"] == person.email and "desk@harbor.example" in letter["From"]
        text = letter.get_payload(decode=True).decode()
        assert "evil" not in text
        (path,) = re.findall(r"https://oms\.example(/in/\S+)", text)
        # Mail programs look at links: that spends none.
        assert (await visitor.get(path)).status_code == (await visitor.get(path)).status_code == 200
        assert (await visitor.http.post(path, data={"go": "in"})).headers["location"] == "/welcome"
        assert (await visitor.http.post(path, data={"go": "in"})).status_code == 410
        fresh = "shelves walk on mugs"
        assert (await visitor.post("/welcome", new=fresh, again=fresh)).status_code == 303
        assert (await sign_in(visitor, person.email, fresh)).status_code == 303
    async with knocking(web, shop) as visitor:
        for _ in range(5):
            await visitor.http.post("/sign-in/forgot", data={"email": person.email})
        await _until(post, 3)
        assert len(post) <= 4  # nobody's mailbox is filled


async def test_an_invitation_goes_by_mail_and_is_shown_to_whoever_invites(
    shop: Shop, web: str, post: list[Any]
) -> None:
    await _an_operator(shop)
    async with visiting(shop, web, "owner") as owner:
        address = f"lea@{shop.key}.example"
        answer = await owner.post("/settings/people", email=address, name="Lea", role="floor")
        (link,) = re.findall(r"https://oms\.example(/in/[\w-]+)", answer.text)
        assert answer.status_code == 200 and "on its way" in answer.text
        assert link in post[0].get_payload(decode=True).decode()
        again = await owner.post("/settings/people", email=address, name="Lea", role="floor")
        assert again.status_code == 409 and "already" in reasons(again) and 'value="Lea"' in again.text
        async with knocking(web, shop) as lea:
            assert (await lea.http.post(link, data={"go": "in"})).headers["location"] == "/welcome"
            assert (await lea.get("/")).headers["location"] == "/floor"


# my account


async def test_a_password_is_changed_by_who_knows_the_old_one(shop: Shop, web: str) -> None:
    person = await somebody(shop)
    async with knocking(web, shop) as here, knocking(web, shop) as there:
        await sign_in(here, person.email)
        await sign_in(there, person.email)
        fresh = {"new": "another of that kind", "again": "another of that kind"}
        assert (await here.post("/me/password", **fresh, password="not this one")).status_code == 403
        assert (await there.get("/me")).status_code == 200
        assert (await here.post("/me/password", **fresh, password=GOOD)).headers["location"] == "/me?did=password"
        assert (await here.get("/me")).status_code == 200
        assert (await there.get("/me")).status_code == 303


async def test_the_phone_is_set_up_asked_for_and_taken_away(shop: Shop, web: str) -> None:
    person = await somebody(shop)
    async with knocking(web, shop) as visitor:
        await sign_in(visitor, person.email)
        assert (await visitor.get("/me/two-factor")).status_code == 303
        assert (await visitor.post("/me/two-factor/start", password="not this one")).status_code == 403
        assert (await visitor.post("/me/two-factor/start", password=GOOD)).headers["location"] == "/me/two-factor"
        page = await visitor.html("/me/two-factor")
        secret = re.findall(r'class="mono secret">([A-Z2-7 ]+)<', page)[0].replace(" ", "")
        assert read_qr(page) == pyotp.TOTP(secret).provisioning_uri(name=person.email, issuer_name="doorstep")
        assert (await visitor.post("/me/two-factor/on", code="000000")).status_code == 422
        shown = await visitor.post("/me/two-factor/on", code=pyotp.TOTP(secret).now())
        codes = re.findall(r"<li>([a-z2-7-]{19})</li>", shown.text)
        assert len(codes) == 10
        assert codes[0] not in await visitor.html("/me")
    async with knocking(web, shop) as visitor:
        half = await sign_in(visitor, person.email, to="/settings/keys")
        assert half.headers["location"] == "/sign-in/code?to=%2Fsettings%2Fkeys"
        assert (await visitor.get("/me")).status_code == 303
        wrong = await visitor.http.post("/sign-in/code", data={"code": "000000", "to": "/settings/keys"})
        assert (wrong.status_code, "wrong" in reasons(wrong)) == (403, True)
        came = await visitor.http.post("/sign-in/code", data={"code": codes[3], "to": "/settings/keys"})
        assert came.headers["location"] == "/settings/keys"
        assert "9 recovery codes are left" in await visitor.html("/me")
        fresh = await visitor.post("/me/two-factor/codes", password=GOOD)
        assert len(re.findall(r"<li>([a-z2-7-]{19})</li>", fresh.text)) == 10 and codes[4] not in fresh.text
        assert (await visitor.post("/me/two-factor/off", password="not this one")).status_code == 403
        assert (await visitor.post("/me/two-factor/off", password=GOOD)).headers["location"] == "/me?did=off"
        assert (await visitor.get("/me/two-factor/nonsense")).status_code in (404, 405)
    async with knocking(web, shop) as visitor:
        assert (await sign_in(visitor, person.email)).headers["location"] == "/"
        assert (await visitor.get("/sign-in/code")).status_code == 303


def read_qr(page: str) -> str:
    """What a phone reads off the page."""
    size = int(re.findall(r'viewBox="-4 -4 (\d+) ', page)[0])
    picture = Image.new("L", (size * 4, size * 4), 255)
    draw = ImageDraw.Draw(picture)
    for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", page):
        left, top = (int(x) + 4) * 4, (int(y) + 4) * 4
        draw.rectangle((left, top, left + 3, top + 3), fill=0)
    (found,) = zxingcpp.read_barcodes(picture)
    return str(found.text)


async def test_somebody_is_signed_out_where_they_lost_their_phone(shop: Shop, web: str) -> None:
    person = await somebody(shop)
    async with knocking(web, shop) as here, knocking(web, shop) as lost:
        await sign_in(here, person.email)
        await sign_in(lost, person.email)
        page = await here.html("/me")
        assert page.count("Firefox, Linux") == 2
        (session,) = re.findall(r'name="session" value="([0-9a-f]{64})"', page)
        assert (await here.post("/me/sessions", session=session)).status_code == 303
        assert (await lost.get("/me")).status_code == 303
        assert (await here.get("/me")).status_code == 200


async def test_language_and_clock_go_with_a_person_from_browser_to_browser(shop: Shop, web: str) -> None:
    person = await somebody(shop)
    async with knocking(web, shop) as visitor:
        await sign_in(visitor, person.email)
        looks = {"name": "Ada", "language": "uk", "timezone": "Asia/Tokyo"}
        assert (await visitor.post("/me/looks", **looks)).status_code == 303
        bad = await visitor.post("/me/looks", **{**looks, "timezone": "Mars/Base"})
        assert (bad.status_code, "часового поясу" in reasons(bad)) == (422, True)
    async with knocking(web, shop) as visitor:
        await sign_in(visitor, person.email)
        page = await visitor.html("/me")
        assert '<html lang="uk"' in page and 'data-zone="Asia/Tokyo" data-zone-is-chosen' in page
        await visitor.post("/look", language="en", back="/me")
        assert '<html lang="en"' in await visitor.html("/me")


# keys


async def test_a_key_is_made_shown_once_used_and_revoked(shop: Shop, web: str) -> None:
    async with visiting(shop, web, "merchant") as merchant:
        none = await merchant.post("/settings/keys", name="till")
        assert none.status_code == 422 and "limited to these areas" in reasons(none)
        made = await merchant.post(
            "/settings/keys", name="till", **{"scope read": "yes", "scope fulfillment:write": "yes"}
        )
        (secret,) = re.findall(r"ds_live_[\w-]{30,}", made.text)
        page = await merchant.html("/settings/keys")
        assert secret not in page and secret[:14] in page and "never used" in page
        holder = await holder_of(shop.db, secret)
        assert holder and holder.merchant == shop.merchant
        assert holder.roles == frozenset()  # a merchant's people do not pick, and nor do their keys
        assert "never used" not in await merchant.html("/settings/keys")
        (key,) = re.findall(r'action="/settings/keys/(key_\d+)/revoke"', page)
        assert (await merchant.post(f"/settings/keys/{key}/revoke")).status_code == 303
        assert await holder_of(shop.db, secret) is None
        assert (await merchant.post(f"/settings/keys/{key}/revoke")).status_code == 404
        assert "1 key that was revoked" in await merchant.html("/settings/keys")


async def test_the_log_tells_who_did_what_from_where(shop: Shop, web: str) -> None:
    owner, lea = await somebody(shop, "owner"), await somebody(shop, "floor")
    async with knocking(web, shop) as visitor:
        await sign_in(visitor, owner.email, "not this one")
        await sign_in(visitor, owner.email)
        await visitor.post(f"/settings/people/{lea.id}/role", role="read_only")
        made = await visitor.post("/settings/keys", name="till", merchant=shop.key, **{"scope read": "yes"})
        assert made.status_code == 200
        page = await visitor.html("/settings/log")
        rows = [re.sub(r"<[^>]+>|\s+", " ", row) for row in re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)]
        ours = [" ".join(row.split()) for row in rows if owner.email in row or lea.email in row]
        for what in ("API key made ds_live_", f"Role changed Floor, now Only reads {lea.email} {owner.email}",
                     "Signed in with the password", f"Sign-in failed {owner.email}"):  # fmt: skip
            assert any(what in row for row in ours), (what, ours)
        assert all("Firefox, Linux" in row and "10." in row for row in ours if row.endswith("Linux"))
        only = await visitor.html("/settings/log", area="keys")
        assert "API key made" in only and "Signed in" not in only
        assert (await visitor.get("/settings/log", before="nonsense")).status_code == 422


# who reaches what

OWNER, OPERATOR, FLOOR, MERCHANT, READ_ONLY = ROLES
DESK = {OWNER, OPERATOR, MERCHANT, READ_ONLY}
HANDS = {OWNER, OPERATOR, FLOOR}
# Of every page of the console: whom it is for.
FOR: dict[tuple[str, str], set[str]] = {
    ("GET", "/"): {*ROLES},
    ("POST", "/look"): {*ROLES},
    ("GET", "/today"): DESK,
    ("GET", "/today/orders"): DESK,
    ("GET", "/reports"): DESK,
    ("GET", "/reports/{report:str}"): DESK,
    ("GET", "/attention"): DESK,
    ("POST", "/attention/look"): DESK - {READ_ONLY},
    ("POST", "/attention/end"): DESK - {READ_ONLY},
    ("POST", "/attention/{what:str}"): DESK - {READ_ONLY},
    ("GET", "/orders"): DESK,
    ("GET", "/orders/called"): DESK,
    ("GET", "/orders/download/{name:str}"): DESK,
    ("POST", "/orders/columns"): DESK,
    ("POST", "/orders/views"): DESK,
    ("POST", "/orders/views/drop"): DESK,
    ("POST", "/orders/all/{verb:str}"): DESK - {READ_ONLY},
    ("GET", "/orders/new"): DESK - {READ_ONLY},
    ("GET", "/orders/new/{merchant:str}"): DESK - {READ_ONLY},
    ("POST", "/orders/new/{merchant:str}"): DESK - {READ_ONLY},
    ("GET", "/orders/{order:str}"): {*ROLES},
    ("POST", "/orders/{order:str}/{verb:str}"): HANDS | {MERCHANT},
    ("GET", "/orders/{order:str}/parcels/{parcel:str}/customs"): {*ROLES},
    ("GET", "/orders/{order:str}/parcels/{parcel:str}/rates"): {*ROLES},
    ("POST", "/orders/{order:str}/parcels/{parcel:str}/rates"): HANDS,
    ("GET", "/orders/{order:str}/parcels/{parcel:str}/{paper:str}"): {*ROLES},
    ("GET", "/orders/{order:str}/returns/{return_label:str}"): {*ROLES},
    ("GET", "/orders/{order:str}/invoices/{invoice:str}"): DESK,
    ("GET", "/floor"): HANDS | {READ_ONLY},
    ("POST", "/floor/{verb:str}"): HANDS,
    ("GET", "/floor/pick-list"): HANDS | {READ_ONLY},
    ("GET", "/floor/leaving"): HANDS | {READ_ONLY},
    ("POST", "/floor/leaving/{verb:str}"): HANDS,
    ("GET", "/floor/manifests/{manifest:str}"): HANDS | {READ_ONLY},
    ("GET", "/loads"): HANDS | {READ_ONLY},
    ("GET", "/loads/new"): HANDS,
    ("POST", "/loads/new"): HANDS,
    ("GET", "/loads/scan"): HANDS | {READ_ONLY},
    ("GET", "/loads/{load:str}"): HANDS | {READ_ONLY},
    ("GET", "/loads/{load:str}/scan"): HANDS | {READ_ONLY},
    ("GET", "/loads/{load:str}/{paper:str}"): HANDS | {READ_ONLY},
    ("POST", "/loads/{load:str}/{verb:str}"): HANDS,
    ("GET", "/welcome"): {*ROLES},
    ("POST", "/welcome"): {*ROLES},
    ("GET", "/me"): {*ROLES},
    ("POST", "/me/looks"): {*ROLES},
    ("POST", "/me/password"): {*ROLES},
    ("POST", "/me/sessions"): {*ROLES},
    ("GET", "/me/two-factor"): {*ROLES},
    ("POST", "/me/two-factor/{step:str}"): {*ROLES},
    ("GET", "/settings"): DESK - {READ_ONLY},
    ("GET", "/settings/people"): {OWNER, OPERATOR},
    ("POST", "/settings/people"): {OWNER, OPERATOR},
    ("POST", "/settings/people/{person:str}/{change:str}"): {OWNER, OPERATOR},
    ("GET", "/settings/keys"): DESK - {READ_ONLY},
    ("POST", "/settings/keys"): DESK - {READ_ONLY},
    ("POST", "/settings/keys/{key:str}/revoke"): DESK - {READ_ONLY},
    ("GET", "/settings/log"): {OWNER, OPERATOR},
    ("GET", "/settings/channels"): DESK - {READ_ONLY},
    ("GET", "/settings/channels/new"): DESK - {READ_ONLY},
    ("GET", "/settings/channels/new/{merchant:str}"): DESK - {READ_ONLY},
    ("POST", "/settings/channels/new/{merchant:str}"): DESK - {READ_ONLY},
    ("GET", "/settings/channels/{merchant:str}/{channel:str}"): DESK - {READ_ONLY},
    ("POST", "/settings/channels/{merchant:str}/{channel:str}"): DESK - {READ_ONLY},
    ("GET", "/catalog"): {*ROLES},
    ("GET", "/catalog/new"): DESK - {READ_ONLY},
    ("GET", "/catalog/new/{merchant:str}"): DESK - {READ_ONLY},
    ("POST", "/catalog/new/{merchant:str}"): DESK - {READ_ONLY},
    ("GET", "/catalog/{sku:str}"): {*ROLES},
    ("GET", "/catalog/{sku:str}/edit"): DESK - {READ_ONLY},
    ("POST", "/catalog/{sku:str}/edit"): DESK - {READ_ONLY},
    ("GET", "/catalog/{sku:str}/movements"): {*ROLES},
    ("POST", "/catalog/{sku:str}/aliases"): DESK - {READ_ONLY},
    ("POST", "/catalog/{sku:str}/aliases/drop"): DESK - {READ_ONLY},
    ("GET", "/catalog/{sku:str}/{verb:str}"): {*ROLES},
    ("POST", "/catalog/{sku:str}/{verb:str}"): HANDS | {MERCHANT},
    ("GET", "/stock"): {*ROLES},
    ("GET", "/stock/past"): {*ROLES},
    ("GET", "/stock/arrivals"): {*ROLES},
    ("GET", "/stock/arrivals/new"): DESK - {READ_ONLY},
    ("GET", "/stock/arrivals/new/{merchant:str}"): DESK - {READ_ONLY},
    ("POST", "/stock/arrivals/new/{merchant:str}"): DESK - {READ_ONLY},
    ("GET", "/stock/arrivals/{asn:str}"): {*ROLES},
    ("POST", "/stock/arrivals/{asn:str}"): HANDS,
    ("GET", "/import"): DESK - {READ_ONLY},
    ("GET", "/import/{import:str}"): DESK - {READ_ONLY},
    ("POST", "/import/{import:str}"): DESK - {READ_ONLY},
    ("POST", "/import/{import:str}/write"): DESK - {READ_ONLY},
    ("POST", "/import/{import:str}/reopen"): DESK - {READ_ONLY},
    ("POST", "/import/{import:str}/drop"): DESK - {READ_ONLY},
    ("POST", "/import/{import:str}/keep"): DESK - {READ_ONLY},
    ("POST", "/import/{import:str}/use"): DESK - {READ_ONLY},
    ("GET", "/import/{import:str}/{name:str}"): DESK - {READ_ONLY},
    ("GET", "/settings/sites"): DESK - {READ_ONLY},
    ("GET", "/settings/sites/new"): {OWNER, OPERATOR},
    ("POST", "/settings/sites/new"): {OWNER, OPERATOR},
    ("GET", "/settings/sites/{site:str}"): {OWNER, OPERATOR},
    ("POST", "/settings/sites/{site:str}"): {OWNER, OPERATOR},
    ("GET", "/settings/merchants"): DESK - {READ_ONLY},
    ("GET", "/settings/merchants/new"): {OWNER, OPERATOR},
    ("POST", "/settings/merchants/new"): {OWNER, OPERATOR},
    ("GET", "/settings/merchants/{merchant:str}"): DESK - {READ_ONLY},
    ("POST", "/settings/merchants/{merchant:str}"): DESK - {READ_ONLY},
    ("GET", "/settings/accounts"): {OWNER, OPERATOR},
    ("GET", "/settings/accounts/new"): {OWNER, OPERATOR},
    ("GET", "/settings/accounts/new/{merchant:str}"): {OWNER, OPERATOR},
    ("POST", "/settings/accounts/{merchant:str}/drop"): {OWNER, OPERATOR},
    ("POST", "/settings/accounts/{merchant:str}/test"): {OWNER, OPERATOR},
    ("GET", "/settings/accounts/{merchant:str}/{plugin:str}"): {OWNER, OPERATOR},
    ("POST", "/settings/accounts/{merchant:str}/{plugin:str}"): {OWNER, OPERATOR},
    ("GET", "/settings/accounts/{merchant:str}/{plugin:str}/{code:str}"): {OWNER, OPERATOR},
    ("POST", "/settings/accounts/{merchant:str}/{plugin:str}/{code:str}"): {OWNER, OPERATOR},
    ("GET", "/settings/rate-cards"): {OWNER, OPERATOR},
    ("GET", "/settings/rate-cards/new"): {OWNER, OPERATOR},
    ("GET", "/settings/rate-cards/new/{merchant:str}"): {OWNER, OPERATOR},
    ("POST", "/settings/rate-cards/new/{merchant:str}"): {OWNER, OPERATOR},
    ("GET", "/settings/rate-cards/{merchant:str}/{code:str}"): {OWNER, OPERATOR},
    ("GET", "/settings/rate-cards/{merchant:str}/{code:str}/import"): {OWNER, OPERATOR},
    ("POST", "/settings/rate-cards/{merchant:str}/{code:str}/import"): {OWNER, OPERATOR},
    ("GET", "/settings/rate-cards/{merchant:str}/{code:str}/edit"): {OWNER, OPERATOR},
    ("POST", "/settings/rate-cards/{merchant:str}/{code:str}/edit"): {OWNER, OPERATOR},
    ("GET", "/settings/methods"): DESK - {READ_ONLY},
    ("GET", "/settings/methods/new"): DESK - {READ_ONLY},
    ("GET", "/settings/methods/{merchant:str}"): DESK - {READ_ONLY},
    ("POST", "/settings/methods/{merchant:str}"): DESK - {READ_ONLY},
    ("GET", "/settings/shipping-rules"): DESK - {READ_ONLY},
    ("GET", "/settings/shipping-rules/{merchant:str}/new"): DESK - {READ_ONLY},
    ("POST", "/settings/shipping-rules/{merchant:str}/new"): DESK - {READ_ONLY},
    ("GET", "/settings/shipping-rules/{merchant:str}/beside"): DESK - {READ_ONLY},
    ("POST", "/settings/shipping-rules/{merchant:str}/beside"): DESK - {READ_ONLY},
    ("GET", "/settings/shipping-rules/{merchant:str}/lanes/{mark:str}"): DESK - {READ_ONLY},
    ("POST", "/settings/shipping-rules/{merchant:str}/lanes/{mark:str}"): DESK - {READ_ONLY},
    ("POST", "/settings/shipping-rules/{merchant:str}/lanes/{mark:str}/{do:str}"): DESK - {READ_ONLY},
    ("GET", "/settings/notices"): DESK - {READ_ONLY},
    ("POST", "/settings/notices"): DESK - {READ_ONLY},
    ("GET", "/settings/notices/{fact:str}"): DESK - {READ_ONLY},
    ("POST", "/settings/notices/{fact:str}"): DESK - {READ_ONLY},
    ("GET", "/settings/notices/{fact:str}/sample"): DESK - {READ_ONLY},
    ("GET", "/settings/brand"): DESK - {READ_ONLY},
    ("POST", "/settings/brand"): DESK - {READ_ONLY},
    ("GET", "/settings/brand/sample"): DESK - {READ_ONLY},
    ("POST", "/settings/brand/logo"): DESK - {READ_ONLY},
    ("POST", "/settings/brand/logo/drop"): DESK - {READ_ONLY},
}
ROWS = [(method, path) for method, path, _ in (*PAGES, *brand.PAGES)]
NOT_FOR_YOU = "does not reach this"


@dataclass
class House:
    """A shop and another one, each with one of everything, and somebody of each role of the first."""

    shop: Shop
    named: dict[str, Any]
    theirs: dict[str, Any]
    people: dict[str, Visitor]


@pytest.fixture(scope="module")
async def house(opened: Db, web: str) -> AsyncIterator[House]:
    shop, other = await open_shop(opened), await open_shop(opened)
    named, theirs = [await _named(one, web) for one in (shop, other)]
    people = {}
    for role in ROLES:
        http = httpx.AsyncClient(base_url=web, timeout=120, trust_env=False, verify=False)
        await http.get(f"/in/{await link_for(shop, role)}")
        people[role] = Visitor(http)
    yield House(shop, named, theirs, people)
    for visitor in people.values():
        await visitor.http.aclose()
    await shop.audit()
    await other.audit()


async def _named(shop: Shop, web: str) -> dict[str, Any]:
    named = await everything_of(shop, await client_of(shop, web))
    _, key = await create_key(shop.db, shop.merchant, clock.now(), name=CANARY)
    more = {
        "paper": "packing-slip",
        "step": "nonsense",
        "person": "per_999999999",
        "change": "role",
        "name": "orders.csv",
        "report": "sales",
        "what": "comment",
        "merchant": shop.key,
        "plugin": "ratecard",
        "code": "nonsense",
        "import": "imp_999999999",
        "fact": "shipped",
        "mark": "0-nonsense",
        "do": "up",
    }
    return {**named, **more, "key": key.id}


def path_of(path: str, named: dict[str, Any]) -> str:
    return re.sub(r"\{(\w+):str\}", lambda word: str(named[word[1]]), path)


async def asked(visitor: Visitor, method: str, path: str, named: dict[str, Any]) -> httpx.Response:
    verb = (
        "collect"
        if "leaving" in path
        else "pick"
        if path.startswith("/floor")
        else "hold"
        if path.startswith("/orders/all")
        else "note"
    )
    where = path_of(path, {**named, "verb": verb})
    if method == "GET":
        query = {"site": named["site"]} if path.startswith("/floor") else None
        return await visitor.http.get(where, params=query)
    return await visitor.post(where, order=named["order"], text="seen", language="en")


@pytest.mark.parametrize(("method", "path"), ROWS, ids=[f"{method} {path}" for method, path in ROWS])
async def test_every_page_is_for_its_roles_and_no_other(house: House, method: str, path: str) -> None:
    assert (method, path) in FOR, "say in FOR whom this page is for, and in console/reach.py too"
    for role, visitor in house.people.items():
        answer = await asked(visitor, method, path, house.named)
        refused = answer.status_code == 403 and NOT_FOR_YOU in answer.text
        assert refused is (role not in FOR[method, path]), (role, answer.status_code)
        assert answer.status_code < 500 and not (refused and CANARY in answer.text)


@pytest.mark.parametrize(("method", "path"), ROWS, ids=[f"{method} {path}" for method, path in ROWS])
async def test_behind_another_merchants_wall_is_nothing(house: House, method: str, path: str) -> None:
    merchant = house.people["merchant"]
    answer = await asked(merchant, method, path, house.theirs)
    if any(name in path for name in ("{order", "{key")):
        expected = 404 if MERCHANT in FOR[method, path] else 403
        assert answer.status_code == expected
    for word in (house.theirs["email"], house.theirs["number"], house.theirs["channel"]):
        assert f"{word}<" not in answer.text and f'{word}"' not in answer.text
    nothing = {name: "key_999999999" if name == "key" else re.sub(r"_\d+$", "_999999999", str(word))
               for name, word in house.theirs.items()}  # fmt: skip
    assert (await asked(merchant, method, path, nothing)).status_code == answer.status_code


async def test_who_only_reads_has_no_buttons_but_their_own(house: House) -> None:
    reader = house.people["read_only"]
    for path in ("/orders", f"/orders/{house.named['order']}", f"/floor?site={house.named['site']}"):
        page = await reader.html(path)
        main = page[page.index("<main") : page.index("</main>")]
        forms = set(re.findall(r'<form method="post"[^>]* action="([^"]+)"', main))
        assert forms <= {"/orders/columns", "/orders/views", "/orders/views/drop"}, path


async def test_the_floor_sees_what_it_packs_and_no_money(house: House) -> None:
    hand, order = house.people["floor"], house.named["order"]
    assert (await hand.get("/")).headers["location"] == "/floor"
    page = await hand.html(f"/orders/{order}")
    assert CANARY in page and "/invoices/" not in page and 'id="money"' not in page
    assert 'id="money"' in await house.people["merchant"].html(f"/orders/{order}")
    assert "/orders?q" not in page and 'action="/orders"' not in page and 'href="/settings"' not in page


async def test_operators_give_no_more_than_they_have(house: House, web: str) -> None:
    owner = await somebody(house.shop, "owner", who="boss")
    operator = house.people["operator"]
    page = await operator.html("/settings/people")
    assert f"/settings/people/{owner.id}/" not in page and 'value="owner"' not in page
    for change in ("role", "link", "end"):
        answer = await operator.post(f"/settings/people/{owner.id}/{change}", role="floor")
        assert (answer.status_code, NOT_FOR_YOU in answer.text) == (403, True), change
    for role in ("owner", "operator"):
        tried = await operator.post("/settings/people", email=f"mate-{role}@example.com", role=role)
        assert tried.status_code == 403 and "/in/" not in tried.text, role
    assert (await operator.post("/settings/people", email="x@example.com", role="emperor")).status_code == 422
    nobody = await operator.post("/settings/people", email="y@example.com", role="merchant", merchant="no-such")
    assert nobody.status_code == 404
    async with knocking(web, house.shop) as visitor:
        await sign_in(visitor, owner.email)
        assert (await visitor.post(f"/settings/people/{owner.id}/nonsense")).status_code == 404


def test_whom_a_page_is_for_is_said_of_pages_that_are_there() -> None:
    assert set(FOR) <= set(ROWS), "take out of FOR what is no page any more"
