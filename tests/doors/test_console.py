"""The console: who gets in, what they see and may do, and that nothing a buyer typed ever runs."""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from playwright.async_api import Browser, Page

from doorstep.doors.console.navigation import PLACES, SETTINGS
from doorstep.kit import clock
from doorstep.setup.people import add_person, end_person
from doorstep.setup.sessions import consume, issue_link
from doorstep.spine.tenant import Db
from tests.browser.windows import Window, email, link_for, window
from tests.doors.web import serving
from tests.shop import HOME, Shop
from tests.stories.test_processing import LESSON

NAUGHTY = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "javascript:alert(1)",
    "</title><script>alert(1)</script>",
    "{{ 7 * 7 }}{% if 1 %}<b>x</b>{% endif %}",
    "<iframe src=https://example.com></iframe>",
    "Robert'); drop table orders;--",
    "مرحبا ‮abc‭ 田中さん 👩‍👩‍👧 Ω≈ç√",
    "&lt;b&gt;&amp;",
)


@dataclass
class Visitor:
    """Somebody with a session, without a browser."""

    http: httpx.AsyncClient

    async def get(self, path: str, **params: str) -> httpx.Response:
        return await self.http.get(path, params=params or None)

    async def html(self, path: str, **params: str) -> str:
        answer = await self.get(path, **params)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def proof(self) -> str:
        found = re.search(r'name="proof" value="([0-9a-f]+)"', await self.html("/me"))
        assert found
        return found[1]

    async def post(self, path: str, headers: dict[str, str] | None = None, **form: str) -> httpx.Response:
        """With the proof that a page of theirs carries."""
        return await self.http.post(path, data={"proof": await self.proof(), **form}, headers=headers)

    async def numbers(self, **params: str) -> list[str]:
        """The orders of the list, as shown."""
        return re.findall(r'class="row-link" href="/orders/(ord_\d+)"', await self.html("/orders", **params))


@asynccontextmanager
async def visiting(shop: Shop, web: str, role: str = "merchant") -> AsyncIterator[Visitor]:
    token = await link_for(shop, role)
    async with httpx.AsyncClient(base_url=web, timeout=120, trust_env=False, verify=False) as http:
        assert (await http.get(f"/in/{token}")).status_code == 303
        yield Visitor(http)


@pytest.fixture
async def visitor(shop: Shop, web: str) -> AsyncIterator[Visitor]:
    """The shop's merchant, signed in."""
    async with visiting(shop, web) as found:
        yield found


# Who gets in


async def test_a_link_lets_one_browser_in_once(shop: Shop, web: str, browser: Browser) -> None:
    token = await link_for(shop, "merchant")
    async with window(browser, web) as first, window(browser, web) as second:
        assert await first.go(f"/in/{token}") == 200
        assert first.page.url == f"{web}/welcome"
        assert await second.go(f"/in/{token}") == 410
        assert "This link is spent" in await second.text()
        await second.go("/")
        assert second.page.url == f"{web}/sign-in"
        await first.go("/")
        assert first.page.url == f"{web}/today"


async def test_without_a_session_every_page_leads_to_the_way_in(shop: Shop, web: str) -> None:
    order = await shop.place(("MUG", 1))
    async with httpx.AsyncClient(base_url=web, timeout=120, trust_env=False, verify=False) as nobody:
        for path in (f"/orders/{order}?did=note", f"/orders/{order}/parcels/par_1/label", "/floor", "/settings/log"):
            for cookie in ({}, {"cookie": "doorstep_1=x; __Host-doorstep=x"}):
                answer = await nobody.get(path, headers=cookie)
                assert answer.status_code == 303
                assert answer.headers["location"] == f"/sign-in?{urlencode({'to': path})}"
        assert (await nobody.get("/")).headers["location"] == "/sign-in"
        assert "doorstep link" in (await nobody.get("/sign-in")).text
        assert (await nobody.post(f"/orders/{order}/note", data={"text": "x"})).status_code == 401
    assert await shop.timeline(order) == ["place"]


async def test_an_old_link_and_one_of_somebody_who_left_open_nothing(shop: Shop, web: str, db: Db) -> None:
    await add_person(db, email(shop, "late"), "merchant", merchant=shop.merchant)
    old = await issue_link(db, email(shop, "late"), clock.now() - timedelta(hours=2))
    fresh = await issue_link(db, email(shop, "late"))
    async with httpx.AsyncClient(base_url=web, timeout=120, trust_env=False, verify=False) as http:
        assert (await http.get(f"/in/{old}")).status_code == 410
        assert (await http.get(f"/in/{fresh}")).status_code == 303
        assert (await http.get("/orders")).status_code == 200
        unused = await issue_link(db, email(shop, "late"))
        await end_person(db, email(shop, "late"))
        assert (await http.get("/")).headers["location"] == "/sign-in"
        assert (await http.get(f"/in/{unused}")).status_code == 410


async def test_signing_out_ends_the_session(visitor: Visitor) -> None:
    cookies = dict(visitor.http.cookies)
    assert (await visitor.post("/out")).status_code == 303
    answer = await visitor.http.get("/", headers={"cookie": "; ".join(f"{n}={v}" for n, v in cookies.items())})
    assert answer.headers["location"] == "/sign-in"


async def test_the_first_link_of_all_makes_an_owner(own_urls: Any) -> None:
    db = await Db.open(own_urls.app, own_urls.router, size=2)
    try:
        await consume(db, await issue_link(db))
        await consume(db, await issue_link(db))
        people = await db.pool.fetch("select role from person")
        assert [row["role"] for row in people] == ["owner"]
        kept = await db.pool.fetch("select hash, kind from session")
        assert all(len(row["hash"]) == 32 for row in kept)
    finally:
        await db.close()


async def test_a_new_doorstep_has_no_page_that_is_not_there(own_urls: Any) -> None:
    """Before anything was added each page of the navigation and of the settings answers, and says where to begin."""
    db = await Db.open(own_urls.app, own_urls.router, size=2)
    with serving(own_urls) as web:
        async with httpx.AsyncClient(base_url=web, timeout=120, trust_env=False, verify=False) as http:
            assert (await http.get(f"/in/{await issue_link(db)}")).status_code == 303
            for address in (place.address for place in (*PLACES, *SETTINGS)):
                answer = await http.get(address)
                assert answer.status_code == 200, address
            for address in ("/settings/notices", "/settings/brand", "/settings/shipping-rules", "/settings/channels"):
                assert "Add a merchant" in (await http.get(address)).text, address
    await db.close()


async def test_pages_are_closed_to_everything_from_outside(visitor: Visitor, shop: Shop) -> None:
    order = await shop.place(("MUG", 1))
    (cookie,) = visitor.http.cookies.jar
    assert cookie.has_nonstandard_attr("HttpOnly")
    for path in ("/orders", f"/orders/{order}", "/orders/ord_1"):
        answer = await visitor.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        # Nothing in the page needs what the policy forbids.
        assert not re.search(r"<[^>]*\s(style|on\w+)=", answer.text)
        assert re.findall(r"<script(?![^>]*\ssrc=)", answer.text) == []


async def test_head_is_answered_wherever_get_is_and_spends_no_link(shop: Shop, web: str, visitor: Visitor) -> None:
    link = await link_for(shop, "owner")
    async with httpx.AsyncClient(base_url=web, trust_env=False, verify=False, timeout=120) as nobody:
        for path, status in (("/", 303), ("/sign-in", 200), ("/t", 200), ("/healthz", 200), ("/v1/openapi.json", 200),
                             ("/v1/orders", 401), ("/nowhere", 404), (f"/in/{link}", 200), ("/look", 405)):  # fmt: skip
            answer = await nobody.head(path)
            assert (answer.status_code, answer.content) == (status, b""), path
        shown = await nobody.get("/sign-in")
        assert (await nobody.head("/sign-in")).headers["content-length"] == str(len(shown.content))
        assert "HEAD" in (await nobody.options("/v1/orders")).headers["allow"]
        assert (await nobody.get(f"/in/{link}")).status_code == 303, "the link was still there"
    for path in ("/orders", "/today/live", "/orders/download/orders.csv"):
        answer = await visitor.http.head(path)
        assert (answer.status_code, answer.content) == (200, b""), path


async def test_an_address_where_nothing_is_tells_people_and_programs_so(web: str) -> None:
    async with httpx.AsyncClient(base_url=web, timeout=120, trust_env=False, verify=False) as nobody:
        browser = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8", "accept-language": "uk"}
        for path in ("/nowhere", "/orders/x/y/z"):
            answer = await nobody.get(path, headers=browser)
            assert answer.status_code == 404 and answer.headers["content-type"].startswith("text/html"), path
            assert "За цією адресою нічого немає" in answer.text and 'href="/t"' in answer.text
        for path, headers in (("/nowhere", {"accept": "*/*"}), ("/v1/nowhere", browser)):
            answer = await nobody.get(path, headers=headers)
            assert answer.status_code == 404 and answer.json()["code"] == "NoSuchPage", path


# What they see


async def test_the_list_and_the_page_show_the_order(shop: Shop, desk: Window) -> None:
    await shop.stock("MUG", 10)
    order = await shop.place(("MUG", 2), ("CUP", 1), number="#7001", note="Ring twice", tags=["first"])
    await shop.work()
    assert await desk.go(f"/orders?merchant={shop.key}") == 200
    listed = await desk.page.inner_text("table.orders tbody")
    for word in ("#7001", "Ada Byrne", "Dublin, Ireland", "A mug", "+ 1 more item", "$37.50", "Processing", "Payment"):
        assert word in listed
    async with desk.page.expect_navigation():
        await desk.page.click("a.row-link")
    assert desk.page.url.endswith(f"/orders/{order}")
    text = await desk.text()
    for word in (
        "#7001", "Mugs & Co", "12 Grafton Street", "Ring twice", "On hold: Payment", "The order came in",
        "2 × A mug, 1 × A cup", "$37.50 to be paid", "2 waiting",
    ):  # fmt: skip
        assert word in text, word
    assert await desk.page.locator(".steps [aria-current=step]").inner_text() == "Processing"


async def test_pages_follow_each_other_without_gap_or_repeat(shop: Shop, visitor: Visitor) -> None:
    at = clock.now() - timedelta(days=3)
    bodies = [
        # Many came in at the same instant: the order's id tells them apart.
        {"order": shop.order(("MUG", 1), external_id=f"x{index}", placed_at=at + timedelta(minutes=index // 20))}
        for index in range(120)
    ]
    answers = await shop.ask_all("place", bodies)
    placed = [answer["order"] for answer in answers if isinstance(answer, dict)]
    assert len(placed) == 120
    first = await visitor.html("/orders")
    seen, path = await visitor.numbers(), _link(first, "next")
    middle = ""
    while path:
        page = await visitor.html(path)
        seen += re.findall(r'class="row-link" href="/orders/(ord_\d+)"', page)
        middle, path = middle or page, _link(page, "next")
    assert seen == sorted(placed, key=lambda order: int(order[4:]), reverse=True)
    assert await visitor.html(_link(middle, "prev")) and _orders(await visitor.html(_link(middle, "prev"))) == seen[:50]


def _link(html: str, rel: str) -> str:
    found = re.search(rf'<a rel="{rel}" href="([^"]+)"', html)
    return found[1].replace("&amp;", "&") if found else ""


def _orders(html: str) -> list[str]:
    return re.findall(r'class="row-link" href="/orders/(ord_\d+)"', html)


async def test_filters_and_search_narrow_the_list(shop: Shop, visitor: Visitor) -> None:
    await shop.stock("MUG", 5)
    berlin = {**HOME, "city": "Berlin", "postcode": "10115", "country": "DE"}
    paid = [{"kind": "paid", "amount_minor": 1250}]
    ready = await shop.place(("MUG", 1), number="#81", external_id="gid-81", tenders=paid)
    unpaid = await shop.place(("MUG", 1), number="#82", buyer={"name": "Bo", "email": "Bo@Example.com"}, ship_to=berlin)
    await shop.work()
    assert await visitor.numbers(stage="awaiting_fulfillment") == [ready]
    assert await visitor.numbers(hold="any") == await visitor.numbers(hold="payment") == [unpaid]
    assert await visitor.numbers(hold="address") == []
    assert await visitor.numbers(country="DE") == [unpaid]
    assert set(await visitor.numbers(channel="api")) == {ready, unpaid}
    for word in ("#81", "81", "gid-81", ready):
        assert await visitor.numbers(q=word) == [ready], word
    assert await visitor.numbers(q="bo@example.com") == [unpaid]
    assert await visitor.numbers(q="nobody") == []
    assert await visitor.numbers(stage="awaiting_fulfillment", q="82") == []
    # What is no filter is none; what is no page is told.
    assert len(await visitor.numbers(stage="'; drop table orders;--", country="x", hold="y")) == 2
    assert (await visitor.get("/orders", before="nonsense")).status_code == 422
    strip = re.findall(r'stop-name">([^<]+)</span>\s*<span class="stop-count">([^<]+)<', await visitor.html("/orders"))
    assert ("Awaiting fulfillment", "1") in strip and ("Processing", "1") in strip and ("On hold", "1") in strip


async def test_an_empty_list_teaches_how_orders_come_in(visitor: Visitor) -> None:
    assert "doorstep import orders" in await visitor.html("/orders")
    assert "Show all orders" in await visitor.html("/orders", stage="completed")


async def test_nothing_that_people_typed_runs(shop: Shop, desk: Window) -> None:
    texts = [*NAUGHTY, *_big_list()]
    placed = []
    for index, text in enumerate(texts):
        word = text[:190]
        answer = await shop.ask("place", order=shop.order(
            {"sku": "MUG", "title": word, "quantity": 1, "unit_price": "1"}, number=f"#{index} {word}"[:60],
            external_id=f"naughty-{index}", buyer={"name": word, "email": "x@example.com"}, note=word, tags=[word],
            ship_to={**HOME, "name": word, "line1": word, "city": word[:90]},
        ))  # fmt: skip
        if isinstance(answer, dict):
            placed.append((answer["order"], word))
    assert len(placed) >= len(NAUGHTY)
    await shop.ask_all("note", [{"order": order, "text": word} for order, word in placed])
    await shop.ask_all("hold", [{"order": order, "type": "operator", "reason": word} for order, word in placed])
    path = f"/orders?merchant={shop.key}"
    while path:
        await desk.go(path)
        following = await desk.page.locator("a[rel=next]").all()
        path = str(await following[0].get_attribute("href")) if following else ""
    for order, word in placed[:: max(1, len(placed) // 40)]:
        await desk.go(f"/orders/{order}")
        shown = await desk.page.locator("#notes ~ blockquote p").first.text_content()
        assert (shown or "").strip() == word.strip()
    await desk.go("/orders?q=" + "%3Cscript%3Ealert(1)%3C/script%3E")
    assert await desk.page.locator("main script, main img, main iframe").count() == 0
    assert desk.troubles == []


def _big_list() -> list[str]:
    """The big list of naughty strings, where the recorded data is at hand."""
    folder = os.environ.get("DOORSTEP_DATA")
    found = sorted(Path(folder).rglob("blns.json")) if folder else []
    return [text for text in json.loads(found[0].read_text("utf-8")) if text.strip()] if found else []


# The wall


async def test_another_merchants_order_is_not_there(shop: Shop, other_shop: Shop, visitor: Visitor) -> None:
    mine = await shop.place(("MUG", 1), number="SAME")
    theirs = await other_shop.place(("MUG", 1), number="SAME", buyer={"name": "Eve Other", "email": "eve@example.com"})
    assert await visitor.numbers() == [mine]
    for narrowed in ({"q": "SAME"}, {"merchant": shop.key}):
        assert await visitor.numbers(**narrowed) == [mine]
    for narrowed in ({"merchant": other_shop.key}, {"q": "eve@example.com"}, {"q": theirs}):
        assert await visitor.numbers(**narrowed) == []
    missing = await visitor.get("/orders/ord_999999999")
    answer = await visitor.get(f"/orders/{theirs}")
    assert (answer.status_code, missing.status_code) == (404, 404)
    assert "Eve" not in answer.text
    before = await other_shop.timeline(theirs)
    for verb in ("note", "hold", "cancel", "record_payment"):
        answer = await visitor.post(f"/orders/{theirs}/{verb}", order=theirs, text="x", reason="x", step="do")
        assert answer.status_code == 404, verb
    # Through an order of its own, too, only what belongs to that order is reached.
    answer = await visitor.post(f"/orders/{mine}/note", order=theirs, text="x")
    assert answer.status_code == 409
    assert await other_shop.timeline(theirs) == before


async def test_who_works_for_the_operator_sees_every_merchant(shop: Shop, other_shop: Shop, web: str) -> None:
    mine, theirs = await shop.place(("MUG", 1)), await other_shop.place(("MUG", 1))
    async with visiting(shop, web, "operator") as operator:
        assert {mine, theirs} <= set(await operator.numbers())
        assert await operator.numbers(merchant=other_shop.key) == [theirs]


async def test_money_that_is_held_no_longer_is_told_wherever_somebody_looks(shop: Shop, visitor: Visitor) -> None:
    await shop.connect("payments", "simpay", "sim")
    await shop.stock("MUG", 2)
    order = await shop.place(("MUG", 2), payment_token="tok_ok")
    asked = (await shop.do("want_authorization", order=order))["payment"]
    until = shop.at + timedelta(hours=20)
    await shop.do("authorize", payment=asked, provider_ref="auth_1", expires_at=until.isoformat())
    await shop.work()
    (held,) = re.findall(r"auth_1.*?</li>", await visitor.html(f"/orders/{order}"), re.DOTALL)
    assert f'until <time datetime="{until:%Y-%m-%dT%H:%M}' in held
    shop.at += timedelta(days=1)
    await shop.do("expire_authorization", order=order)
    page = await visitor.html(f"/orders/{order}")
    assert "Authorization expired" in page and "The authorization ran out" in page
    assert f'action="/orders/{order}/want_authorization"' in page and "25.00 let go" in page
    assert "· until" not in page
    await shop.do("check", order=order)
    for path in (f"/orders/{order}", "/attention"):
        assert "The authorization ran out, the money is held no longer" in await visitor.html(path)
        told = await visitor.http.get(path, headers={"accept-language": "uk"})
        assert "Строк авторизації минув, гроші більше не утримано" in told.text


async def test_an_unpaid_order_says_on_its_page_when_it_expires(shop: Shop, visitor: Visitor) -> None:
    await shop.stock("MUG", 1)
    goods, lesson = await shop.place(("MUG", 1), reserve="now"), await shop.place(LESSON, reserve="now")
    patient = await shop.place(LESSON)
    await shop.work()
    until = shop.at + timedelta(minutes=60)
    for order in (goods, lesson):
        told = await visitor.html(f"/orders/{order}")
        (when,) = re.findall(r"<dt>Expires if not paid</dt><dd>(.*?)</dd>", told)
        assert f'datetime="{until:%Y-%m-%dT%H:%M:%SZ}"' in when and 'data-how="at"' in when
    assert "Expires if not paid" not in await visitor.html(f"/orders/{patient}")
    await shop.do("record_payment", order=goods, amount_minor=1250, method="transfer")
    await shop.work()
    assert "Expires if not paid" not in await visitor.html(f"/orders/{goods}")
    ukrainian = await visitor.http.get(f"/orders/{lesson}", headers={"accept-language": "uk"})
    assert "Чекає на оплату до" in ukrainian.text


async def test_the_list_says_which_unpaid_orders_expire_and_when(shop: Shop, visitor: Visitor) -> None:
    await shop.stock("MUG", 2)
    waiting, paid = [await shop.place(("MUG", 1), reserve="now") for _ in range(2)]
    patient = await shop.place(LESSON)
    await shop.do("record_payment", order=paid, amount_minor=1250, method="transfer")
    await shop.work()
    until = shop.at + timedelta(minutes=60)
    for address in ("/orders?payment=unpaid", "/orders?columns=payment"):
        rows = _rows(await visitor.html(address))
        assert f'expires <time datetime="{until:%Y-%m-%dT%H:%M:%SZ}"' in rows[waiting]
        assert "expires" not in rows[patient] + rows.get(paid, "")
    ukrainian = await visitor.http.get("/orders?payment=unpaid", headers={"accept-language": "uk"})
    assert "строк спливає" in ukrainian.text


def _rows(page: str) -> dict[str, str]:
    """The rows of the order list, by order."""
    rows = re.findall(r"<tr>\s*<td class=\"c-choose\">.*?</tr>", page, re.S)
    return {re.findall(r'href="/orders/(ord_\d+)"', row)[0]: row for row in rows}


async def test_an_order_that_ran_out_unpaid_says_so_and_what_is_to_go_back(shop: Shop, visitor: Visitor) -> None:
    await shop.stock("MUG", 2)
    orders = [await shop.place(line, reserve="now") for line in (("MUG", 1), LESSON, ("MUG", 1))]
    await shop.do("record_payment", order=orders[2], amount_minor=1000, method="transfer")
    shop.at += timedelta(minutes=61)
    for order in orders:
        await shop.do("expire", order=order)
        page = await visitor.html(f"/orders/{order}")
        assert "It ran out unpaid" in page and "Expires if not paid" not in page
        assert "Nobody paid in time. Goods that were set aside for it are free again." in page
        told_back = "$10.00 more was paid than is owed." in page and "Refund it." in page
        assert told_back == (order == orders[2])
    ukrainian = await visitor.http.get(f"/orders/{orders[0]}", headers={"accept-language": "uk"})
    assert "Ніхто не заплатив вчасно. Відкладений для нього товар знову вільний." in ukrainian.text


async def test_each_role_gets_its_own_buttons_and_no_other(shop: Shop, web: str) -> None:
    order = await shop.place(("MUG", 1))
    for role, may, may_not in (
        ("operator", ("note", "hold", "cancel"), ()),
        ("floor", ("note", "hold"), ("cancel", "record_payment", "fix_address")),
        ("read_only", (), ("note", "hold", "cancel", "record_payment")),
    ):
        async with visiting(shop, web, role) as somebody:
            html = await somebody.html(f"/orders/{order}")
            for verb in may:
                assert f'action="/orders/{order}/{verb}"' in html, (role, verb)
            for verb in may_not:
                assert f'action="/orders/{order}/{verb}"' not in html, (role, verb)
                answer = await somebody.post(f"/orders/{order}/{verb}", order=order, reason="x", text="x", step="do")
                assert answer.status_code == 403, (role, verb)
    assert await shop.timeline(order) == ["place"]


# What they may do


async def test_a_form_that_no_page_of_theirs_made_is_refused(shop: Shop, visitor: Visitor) -> None:
    order = await shop.place(("MUG", 1))
    form = {"order": order, "text": "x"}
    path = f"/orders/{order}/note"
    for proof in ({}, {"proof": ""}, {"proof": "0" * 64}):
        assert (await visitor.http.post(path, data={**form, **proof})).status_code == 403
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}):
        assert (await visitor.post(path, headers=headers, **form)).status_code == 403
    assert (await visitor.http.post(path, json=form)).status_code == 400
    assert (await visitor.http.post(path, content=b"proof=%ff", headers={
        "content-type": "application/x-www-form-urlencoded"})).status_code == 400  # fmt: skip
    assert await shop.timeline(order) == ["place"]
    assert (await visitor.post(path, **form)).status_code == 303
    assert await shop.timeline(order) == ["place", "note"]


async def test_a_form_sent_twice_is_done_once(shop: Shop, visitor: Visitor) -> None:
    order = await shop.place(("MUG", 1))
    form = {"order": order, "amount_minor": "12.50", "method": "cash", "once": "k1"}
    for _ in range(2):
        assert (await visitor.post(f"/orders/{order}/record_payment", **form)).status_code == 303
    assert (await shop.now(order))["earned"] == 1250
    changed = await visitor.post(f"/orders/{order}/record_payment", **{**form, "amount_minor": "1.00"})
    assert changed.status_code in (409, 422)
    assert (await shop.now(order))["earned"] == 1250


async def test_a_no_is_a_sentence_and_the_form_stays_filled(shop: Shop, desk: Window) -> None:
    order = await shop.place(("MUG", 1))
    await desk.go(f"/orders/{order}")
    await desk.page.click(f"[popovertarget='m-record_payment-{order}'] >> nth=0")
    sheet = desk.page.locator(".sheet:popover-open")
    await sheet.locator("[name=amount_minor]").fill("twelve")
    await sheet.locator("[name=reference]").fill("RF18 5390")
    async with desk.page.expect_navigation():
        await sheet.locator("button.primary").click()
    assert "Amount: cannot be twelve" in await desk.page.inner_text("[role=alert]")
    assert await sheet.locator("[name=reference]").input_value() == "RF18 5390"
    assert await shop.timeline(order) == ["place"]
    desk.troubles[:] = [told for told in desk.troubles if "422" not in told]  # Chromium notes the status


async def test_an_order_from_hold_to_the_door_by_clicks(shop: Shop, desk: Window) -> None:
    await shop.stock("MUG", 10)
    order = await shop.place(("MUG", 2), number="#9001", tenders=[{"kind": "paid", "amount_minor": 2500}])
    page = desk.page
    await desk.go(f"/orders/{order}")
    await _do(page, "hold", "Put it on hold", reason="Buyer wants to talk", until="2099-06-01T10:30")
    (until,) = await shop.rows("select until from hold where merchant_id = $1 and until is not null", shop.merchant)
    assert f"{until['until']:%Y-%m-%d %H:%M}" == "2099-06-01 08:30"  # the desk stands in Warsaw
    assert "On hold: Operator" in await desk.text() and "Buyer wants to talk" in await desk.text()
    await _work(shop)
    assert await shop.stage(order) == "processing"
    await _do(page, "lift", "Lift the hold")
    await _do(page, "note", "Keep it", text="Buyer is happy")
    await _work(shop)
    assert await shop.stage(order) == "awaiting_fulfillment"
    await shop.pick_all(order)
    await page.reload()
    await _do(page, "pack", "Pack")
    await page.reload()
    await _do(page, "keep_label", "Keep it", carrier="Post", tracking_number="XX1234567")
    await _do(page, "hand_over", "It is gone")
    assert "On its way with Post" in await desk.text()
    await _do(page, "deliver", "It arrived", received_by="A neighbor")
    assert await shop.stage(order) == "completed"
    text = await desk.text()
    assert "Everything is done" in text and "A neighbor" in text and f"owner@{shop.key}.example" in text
    assert await page.locator(".steps .is-done").count() == 5


async def test_a_cancellation_is_shown_before_it_is_done(shop: Shop, desk: Window) -> None:
    await shop.stock("MUG", 10)
    order = await shop.place(("MUG", 3), number="#9002", reserve="now")
    await desk.go(f"/orders/{order}")
    await _do(desk.page, "cancel", "Show what it would do", reason="Changed their mind", **{"lines.1": "2"})
    shown = await desk.page.inner_text("main")
    assert "2 × A mug: promised → canceled" in shown and "2 units free again" in shown
    assert "$25.00 no longer to be paid" in shown
    assert (await shop.now(order))["canceled"] == 0
    async with desk.page.expect_navigation():
        await desk.page.click("text=Cancel it")
    now = await shop.now(order)
    assert (now["canceled"], now["promised"], await shop.free("MUG")) == (2, 1, 9)
    assert "Changed their mind" in await desk.text()


async def test_the_floor_picks_and_packs_with_a_scanner(shop: Shop, web: str, browser: Browser) -> None:
    await shop.stock("MUG", 10, bin="B-7")
    paid = [{"kind": "paid", "amount_minor": 2500}]
    order = await shop.place(("MUG", 2), number="#9003", tenders=paid)
    other = {"buyer": {"name": "Bo", "email": "bo@example.com"}, "ship_to": {**HOME, "line1": "13 Grafton Street"}}
    stopped = await shop.place(("MUG", 2), number="#9004", tenders=paid, **other)
    await shop.work()
    await shop.do("hold", order=stopped, type="operator", reason="Wait for a call")
    phone = {"width": 390, "height": 844}
    async with window(browser, web, await link_for(shop, "floor"), viewport=phone, has_touch=True) as hand:
        await hand.go(f"/floor?site={shop.site('NJ')}")
        assert await hand.fits()
        orders = hand.page.locator(".floor-order")
        assert "On hold, do not pick. Operator: Wait for a call" in await orders.nth(1).inner_text()
        assert await orders.nth(1).locator("button").count() == 0
        assert "B-7" in await orders.nth(0).inner_text()
        await _scan(hand.page, "4006381333931")  # a cup, and not a mug
        assert (await shop.now(order))["picked"] == 0
        assert "cup" in (await hand.page.inner_text("[role=alert]")).lower()
        await _scan(hand.page, "5901234123457")
        assert (await shop.now(order))["picked"] == 2
        async with hand.page.expect_navigation():
            await hand.page.click("text=Pack into a parcel")
        assert (await shop.now(order))["packed"] == 2
        assert await hand.page.locator(".floor-order").count() == 1
        label = await hand.page.get_attribute("[role=status] a", "href")
        assert re.fullmatch(rf"/orders/{order}/parcels/par_[0-9]+/label", label or "")
        hand.troubles[:] = [told for told in hand.troubles if "status of 4" not in told]
        assert hand.troubles == []


async def _scan(page: Page, barcode: str) -> None:
    """A scanner types and hits Enter."""
    async with page.expect_navigation():
        await page.locator(".floor-order input[name=barcode]").first.fill(barcode)
        await page.keyboard.press("Enter")


async def test_papers_are_shown_to_who_may_see_their_order(
    shop: Shop, other_shop: Shop, visitor: Visitor, web: str
) -> None:
    await shop.stock("MUG", 10)
    order = await shop.place(("MUG", 1), tenders=[{"kind": "paid", "amount_minor": 1250}])
    parcel = await shop.to_packed(order)
    path = f"/orders/{order}/parcels/{parcel}/label"
    assert (await visitor.get(path)).status_code == 404
    await shop.do("keep_label", parcel=parcel, carrier="Post", tracking_number="XX1", pdf=b"%PDF-1.7 label")
    shown = await visitor.get(path)
    assert (shown.status_code, shown.headers["content-type"], shown.content) == (
        200,
        "application/pdf",
        b"%PDF-1.7 label",
    )
    await shop.do("hand_over", parcel=parcel)
    await shop.work()
    html = await visitor.html(f"/orders/{order}")
    (invoice,) = re.findall(rf'href="(/orders/{order}/invoices/inv_\d+)"', html)
    (slip,) = re.findall(r'href="([^"]+/packing-slip)"', html)
    (customs,) = re.findall(r'href="([^"]+/customs)"', html)
    (declaration,) = re.findall(r'href="([^"]+/cn22)"', await visitor.html(customs))
    for paper in (invoice, slip, declaration):
        assert (await visitor.get(paper)).content.startswith(b"%PDF-"), paper
    another = await shop.place(("MUG", 1))
    async with visiting(other_shop, web) as stranger:
        for paper in (path, invoice, slip, customs, declaration):
            assert (await stranger.get(paper)).status_code == 404
            # Nor below the address of another order.
            assert (await visitor.get(paper.replace(order, another))).status_code == 404


async def _work(shop: Shop) -> None:
    """What the worker would do by now."""
    shop.at = clock.now()
    await shop.work()


async def _do(page: Page, verb: str, confirm: str, **fields: str) -> None:
    """Open the verb's sheet, fill it in, send it."""
    await page.locator(f"[popovertarget^='m-{verb}-']:visible").first.click()
    sheet = page.locator(".sheet:popover-open")
    for name, value in fields.items():
        await sheet.locator(f"[name='{name}']").fill(value)
    async with page.expect_navigation():
        await sheet.locator(f"button:text-is('{confirm}')").click()


async def test_the_keyboard_alone_finds_and_opens_an_order(shop: Shop, desk: Window) -> None:
    orders = [await shop.place(("MUG", 1), number=f"K{index}") for index in range(3)]
    newest = list(reversed(orders))
    await desk.go(f"/orders?merchant={shop.key}")
    keys = desk.page.keyboard
    await keys.press("/")
    assert await desk.page.evaluate("document.activeElement.name") == "q"
    await keys.type("jk/K1")
    assert await desk.page.input_value("input[name=q]") == "jk/K1"
    await keys.press("Escape")
    for key in "jjk":
        await keys.press(key)
    assert await desk.page.evaluate("document.activeElement.textContent") == "K2"
    await keys.press("j")
    async with desk.page.expect_navigation():
        await keys.press("Enter")
    assert desk.page.url.endswith(newest[1])
    async with desk.page.expect_navigation():
        await keys.press("u")
    assert f"merchant={shop.key}" in desk.page.url


async def test_everything_fits_on_a_phone_light_and_dark(shop: Shop, web: str, browser: Browser) -> None:
    long = "Donaudampfschifffahrtsgesellschaftskapitänsmützenfabrik" * 2
    line = {"sku": "MUG", "title": long, "quantity": 12, "unit_price": "99999.99"}
    buyer = {"name": long, "email": f"{'x' * 60}@example.com"}
    order = await shop.place(line, number="#" + "9" * 50, buyer=buyer)
    await shop.work()
    token = await link_for(shop, "merchant")
    phone = {"width": 390, "height": 844}
    async with window(browser, web, token, viewport=phone, color_scheme="dark", has_touch=True) as opened:
        for path in ("/orders", f"/orders/{order}", "/orders?stage=completed", "/orders/ord_1"):
            await opened.go(path)
            assert await opened.fits(), path
        opened.troubles[:] = [told for told in opened.troubles if "404" not in told]
        assert opened.troubles == []


async def test_files_of_the_pages_may_be_kept_and_nothing_else_is_served(web: str) -> None:
    async with httpx.AsyncClient(base_url=web, timeout=120, trust_env=False, verify=False) as anybody:
        for name, kind in (
            ("console.css", "text/css"),
            ("console.js", "text/javascript"),
            ("door.svg", "image/svg+xml"),
            ("htmx.js", "text/javascript"),
            ("icons.svg", "image/svg+xml"),
            ("inter-latin.woff2", "font/woff2"),
        ):
            answer = await anybody.get(f"/static/{name}")
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith(kind)
            assert "immutable" in answer.headers["cache-control"]
        for name in ("../looks.py", "..%2flooks.py", "order.html", "looks.py"):
            assert (await anybody.get(f"/static/{name}")).status_code == 404


async def test_a_mended_address_is_put_back_by_undo(shop: Shop, visitor: Visitor) -> None:
    order = await shop.place(("MUG", 1))

    async def street() -> str:
        (row,) = await shop.rows(
            "select ship_to ->> 'line1' as line1 from orders where merchant_id = $1 and order_id = $2",
            shop.merchant, int(order[4:]),
        )  # fmt: skip
        return str(row["line1"])

    was = await street()
    new = {"ship_to.line1": "9 Other Street", "ship_to.city": "Newark", "ship_to.region": "NJ", "ship_to.country": "US",
           "ship_to.postcode": "07102", "ship_to.name": "Ada"}  # fmt: skip
    done = await visitor.post(f"/orders/{order}/fix_address", order=order, **new)
    assert (done.status_code, await street()) == (303, "9 Other Street")
    page = await visitor.html(done.headers["location"])
    toast = page[page.index('<div class="toast"') :]
    form = re.search(r'<form method="post" action="([^"]+)">(.*?)</form>', toast, re.DOTALL)
    assert form
    fields = {name: html.unescape(word) for name, word in re.findall(r'name="([^"]+)" value="([^"]*)"', form[2])}
    assert (await visitor.post(form[1], **{**fields, "proof": await visitor.proof()})).status_code == 303
    assert await street() == was


def fields_of(page: str, path: str) -> dict[str, str]:
    """The hidden fields of the page's form that goes there."""
    (inside,) = re.findall(rf'<form method="post" action="{path}">(.*?)</form>', page, re.DOTALL)
    return {name: html.unescape(word) for name, word in re.findall(r'name="([^"]+)" value="([^"]*)"', inside)}


async def test_what_was_typed_when_the_session_had_ended_waits_to_be_sent_again(shop: Shop, web: str) -> None:
    order = await shop.place(("MUG", 1))
    path = f"/orders/{order}/note"
    typed = {"proof": "0" * 64, "order": order, "once": "k7", "text": "Ring <twice>, the bell is weak"}
    async with httpx.AsyncClient(base_url=web, timeout=120, trust_env=False, verify=False) as nobody:
        kept = await nobody.post(path, data=typed)
        assert kept.status_code == 401 and "Ring &lt;twice&gt;, the bell is weak" in kept.text
        # Another site's form is not kept, nor is a password.
        assert "Send it again" not in (await nobody.post(path, data=typed, headers={"origin": "https://evil"})).text
        assert "Send it again" not in (await nobody.post("/me/password", data={"new_password": "x" * 20})).text
    again = fields_of(kept.text, path)
    assert "proof" not in again
    async with visiting(shop, web) as back:
        shown = await back.http.post(path, data=again)
        assert shown.status_code == 403 and "Ring &lt;twice&gt;, the bell is weak" in shown.text
        assert "note" not in await shop.timeline(order)
        for _ in range(2):
            assert (await back.http.post(path, data=fields_of(shown.text, path))).status_code == 303
    assert (await shop.timeline(order)).count("note") == 1
