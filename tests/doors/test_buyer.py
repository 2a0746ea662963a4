"""The buyers' door: what a link opens and what nothing else does, what the page says, and what the buyer can say."""

from __future__ import annotations

import gzip
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from markupsafe import escape
from PIL import Image
from playwright.async_api import Browser

from doorstep.doors.buyer.finding import CALLED, CANDIDATES, FROM_AN_ADDRESS, NotFoundSo
from doorstep.doors.worker import finding
from doorstep.kit import clock
from doorstep.kit.embedded import Urls
from doorstep.setup.branding import keep_brand, keep_logo
from doorstep.setup.tracking_links import tracking_links
from doorstep.setup.tries import TooManyTries
from doorstep.spine.tenant import tenant_tx
from tests.browser.windows import Window, link_for, window
from tests.doors.test_console import NAUGHTY, visiting
from tests.doors.web import Client, settled
from tests.plans import forgotten, rows_read
from tests.shop import HOME, Shop

PHONE = {"width": 390, "height": 844}
AXE = Path(__file__).parents[1] / "browser" / "vendor" / "axe.min.js"
KYIV = {"name": "Олена", "line1": "вул. Хрещатик 1", "city": "Київ", "postcode": "01001", "country": "UA"}
PAPER = b"%PDF-1.4 a label"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9v9z" fill="#b3451c"/></svg>'


def link(shop: Shop, order: str) -> str:
    return f"/t/{tracking_links().token(shop.merchant, int(order[4:]))}"


@pytest.fixture
async def buyer(web: str, shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody with a browser, whom nobody knows."""
    async with httpx.AsyncClient(
        base_url=web, timeout=120, trust_env=False, verify=False, headers={"accept-language": "en"}
    ) as http:
        yield http
        assert not http.cookies, "a buyer got a cookie"


async def read(buyer: httpx.AsyncClient, path: str, **headers: str) -> str:
    answer = await buyer.get(path, headers={name.replace("_", "-"): word for name, word in headers.items()})
    assert answer.status_code == 200, answer.text
    return answer.text


async def on_the_road(shop: Shop, *lines: tuple[str, int], **more: Any) -> tuple[str, str]:
    """An order whose parcel has left: order, parcel."""
    await shop.stock("MUG", 50)
    order = await shop.place(*(lines or (("MUG", 2),)), **{"payment_term": "on_account"} | more)
    parcel = await shop.to_packed(order)
    await shop.do("keep_label", parcel=parcel, carrier="Meridian", tracking_number=f"MP{shop.merchant}US")
    await shop.do("hand_over", parcel=parcel)
    return order, parcel


def scan(shop: Shop, hours_ago: int, **told: str) -> dict[str, Any]:
    return {"happened_at": shop.at - timedelta(hours=hours_ago), "raw_code": f"C{hours_ago}", **told}


async def findable(shop: Shop) -> None:
    await settled(shop)
    await finding.FOLLOWER.once(shop.db, [shop.merchant])


# What opens a page


async def test_a_link_opens_its_order_and_tells_nothing_of_who_bought_it(shop: Shop, buyer: httpx.AsyncClient) -> None:
    order, parcel = await on_the_road(shop, number="#1001", note="Ring twice")
    events = [scan(shop, 9, code="EMC", place="Newark, US"), scan(shop, 1, code="EDB", place="Dublin, IE")]
    await shop.do("track", parcel=parcel, events=events)
    html = await read(buyer, link(shop, order))
    for word in (
        "Order #1001",
        "Your parcel is with customs",
        f"MP{shop.merchant}US",
        "Meridian",
        "A mug",
        "Newark, US",
    ):
        assert word in html, word
    for word in ("Ada", "Byrne", "Grafton", "ada@example.com", "D02", "12.50", "25.00", "Ring twice", order):
        assert word not in html, word
    assert len(re.findall(r'class="step-dot"', html)) == 5
    assert '<li class="is-now" aria-current="step">' in html


async def test_the_page_is_closed_to_everything_from_outside(shop: Shop, buyer: httpx.AsyncClient) -> None:
    order, _ = await on_the_road(shop)
    for path in (link(shop, order), "/t", f"/t/at/{shop.key}", "/t/nothing"):
        answer = await buyer.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert "noindex" in answer.headers["x-robots-tag"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "set-cookie" not in answer.headers
        assert not re.search(r"<[^>]*\s(style|on\w+)=", answer.text)
        assert re.findall(r"<script(?![^>]*\ssrc=)", answer.text) == []
        assert not re.findall(r'(?:src|href)="(?:https?:)?//', answer.text)


async def test_a_tampered_link_and_one_of_another_merchant_open_nothing(
    shop: Shop, other_shop: Shop, buyer: httpx.AsyncClient
) -> None:
    order, _ = await on_the_road(shop)
    token = tracking_links().token(shop.merchant, int(order[4:]))
    raw = bytearray(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    bad = [token[:-1], token + "A", token[::-1], "x", "A" * 99, "A" * 150, "%00", "ünïcode", order]
    for at in range(len(raw)):
        changed = raw.copy()
        changed[at] ^= 1
        bad.append(urlsafe_b64encode(changed).rstrip(b"=").decode())
    # Signed, but for an order that is not this merchant's.
    bad.append(tracking_links().token(other_shop.merchant, int(order[4:])))
    for word in bad:
        for answer in (await buyer.get(f"/t/{word}"), await buyer.post(f"/t/{word}/cases", data={"text": "x"})):
            assert answer.status_code == 404, word
            assert "This link leads to no order" in answer.text
    assert (await shop.timeline(order))[-1] == "hand_over"


async def test_a_link_is_the_same_wherever_it_is_told(shop: Shop, buyer: httpx.AsyncClient, api: Client) -> None:
    order, _ = await on_the_road(shop)
    told = (await api.get(f"/v1/orders/{order}")).json()["tracking_url"]
    assert told.endswith(link(shop, order))
    async with visiting(shop, str(buyer.base_url)) as somebody:
        assert link(shop, order) in await somebody.html(f"/orders/{order}")


async def test_a_page_closes_half_a_year_after_the_last_that_happened(shop: Shop, buyer: httpx.AsyncClient) -> None:
    shop.at -= timedelta(days=400)
    finished, parcel = await on_the_road(shop)
    still_out, _ = await on_the_road(shop, ("MUG", 1), number="2")
    await shop.do("deliver", parcel=parcel)
    answer = await buyer.get(link(shop, finished))
    assert answer.status_code == 410 and "was closed some time ago" in answer.text
    assert (await buyer.get(link(shop, still_out))).status_code == 200


async def test_an_order_is_found_by_its_number_and_its_postcode(shop: Shop, buyer: httpx.AsyncClient) -> None:
    order, _ = await on_the_road(shop, number="#1001")
    await findable(shop)
    for number, postcode in (("#1001", "D02 XY45"), ("1001", "d02xy45"), (" 1001 ", "D02-XY45"),
                             (f"mp{shop.merchant}us", "D02 XY45")):  # fmt: skip
        answer = await buyer.post(f"/t/at/{shop.key}?lang=uk", data={"number": number, "postcode": postcode})
        assert (answer.status_code, answer.headers["location"]) == (303, f"{link(shop, order)}?lang=uk")
    answer = await buyer.post("/t", data={"shop": shop.key, "number": "1001", "postcode": "D02 XY45"})
    assert answer.headers["location"] == link(shop, order)


async def test_what_is_wrong_about_number_and_postcode_is_not_told(
    shop: Shop, other_shop: Shop, buyer: httpx.AsyncClient
) -> None:
    await on_the_road(shop, number="#1001")
    await findable(shop)
    seen = set()
    for where, number, postcode in (
        (shop.key, "1001", "D02 XY46"), (shop.key, "1002", "D02 XY45"), (shop.key, "1001", ""),
        (shop.key, "Ada", "D02 XY45"), (shop.key, f"MP{shop.merchant}US", "D02 XY46"), (shop.key, "%", "D02 XY45"),
    ):  # fmt: skip
        answer = await buyer.post(f"/t/at/{where}", data={"number": number, "postcode": postcode})
        assert answer.status_code == NotFoundSo.status == 404
        seen.add(re.sub(r'value="[^"]*"', "", answer.text))
    assert len(seen) == 1 and NotFoundSo.__doc__ in seen.pop()
    for where in (other_shop.key, "nobody"):
        answer = await buyer.post("/t", data={"shop": where, "number": "1001", "postcode": "D02 XY45"})
        assert answer.status_code == 404 and "Ada" not in answer.text


async def test_words_that_half_a_shop_is_found_by_cost_no_more_than_a_number(
    shop: Shop, urls: Urls, buyer: httpx.AsyncClient
) -> None:
    """With the statistics that the database keeps by itself."""
    await on_the_road(shop, number="#1001")
    await findable(shop)
    for word in ("to:ie", "# To:IE", f"via:{shop.key}"):
        answer = await buyer.post(f"/t/at/{shop.key}", data={"number": word, "postcode": "D02 XY45"})
        assert answer.status_code == 404, word
    async with forgotten(urls, shop, "order_token") as tx:
        await tx.run(
            "insert into order_token (merchant_id, placed_at, order_id, token)"
            " select $1, $2::timestamptz - n * interval '1 minute', -n, 'mug' from generate_series(1, 30000) n",
            shop.merchant, shop.at,
        )  # fmt: skip
        # Tables that are known to be a few pages are read whole, whatever is asked; those of many orders never.
        await tx.run("analyze order_token; set local enable_seqscan = off")
        assert await rows_read(tx, CALLED, shop.merchant, "MUG") <= 3 * CANDIDATES
    assert (await buyer.post(f"/t/at/{shop.key}", data={"number": "1001", "postcode": "D02 XY45"})).status_code < 400


async def test_who_guesses_postcodes_is_told_when_to_come_back(shop: Shop, buyer: httpx.AsyncClient) -> None:
    await on_the_road(shop, number="#1001")
    await findable(shop)
    for nth in range(FROM_AN_ADDRESS.tries):
        answer = await buyer.post(f"/t/at/{shop.key}", data={"number": "1001", "postcode": f"D02 {nth}"})
        assert answer.status_code == 404
    answer = await buyer.post(f"/t/at/{shop.key}", data={"number": "1001", "postcode": "D02 XY45"})
    assert answer.status_code == TooManyTries.status == 429
    assert 0 < int(answer.headers["retry-after"]) <= FROM_AN_ADDRESS.lasts.total_seconds()
    assert "Too many tries" in answer.text
    kept = await shop.db.pool.fetch("select subject from attempt")
    assert kept and all(len(row["subject"]) == 32 for row in kept)


# What it says


async def test_each_trouble_says_what_happens_now_and_what_the_buyer_can_do(
    shop: Shop, buyer: httpx.AsyncClient
) -> None:
    order, parcel = await on_the_road(shop)
    for hours, (code, state, title) in enumerate((
        ("", "customs_hold", "Customs holds your parcel"),
        ("EDG", "", "Your parcel is out for delivery"),
        ("EMH", "", "The carrier was at your door"),
        ("EDH", "", "Your parcel is waiting for you"),
        ("", "delayed", "Your parcel is running late"),
        ("", "returning", "Your parcel is on its way back to us"),
        ("", "returned_to_sender", "Your parcel came back to us"),
    )):  # fmt: skip
        told = {"happened_at": shop.at + timedelta(hours=hours), "raw_code": title[:40], "code": code, "state": state}
        await shop.do("track", parcel=parcel, events=[told])
        html = await read(buyer, link(shop, order))
        assert f'<h1 id="standing">{title}</h1>' in html
        assert "What you can do" in html


async def test_of_a_parcel_that_customs_turned_back_nobody_is_said_to_have_been_at_the_door(
    shop: Shop, buyer: httpx.AsyncClient
) -> None:
    order, parcel = await on_the_road(shop)
    for hours, state, title in (
        (1, "customs_hold", "Customs holds your parcel"),
        (2, "refused", "Customs did not let your parcel in"),
        (3, "returning", "Customs did not let your parcel in"),
        (4, "in_customs", ""),  # of the country it came from
        (5, "returned_to_sender", "Your parcel came back to us"),
    ):
        told = {"happened_at": shop.at + timedelta(hours=hours), "raw_code": f"C{hours}", "state": state}
        await shop.do("track", parcel=parcel, events=[told])
        html = await read(buyer, link(shop, order))
        assert not title or f'<h1 id="standing">{title}</h1>' in html
        assert "at the door" not in html and "at your door" not in html
    assert "Customs did not let it in." in html and "Not let in by customs" in html


async def test_how_the_office_came_to_know_is_not_told_to_the_buyer(shop: Shop, buyer: httpx.AsyncClient) -> None:
    order, parcel = await on_the_road(shop)
    await shop.do("deliver", parcel=parcel)
    html = await read(buyer, link(shop, order))
    assert "Your order has arrived" in html and "by hand" not in html


async def test_a_canceled_order_says_so_and_whether_money_comes_back(shop: Shop, buyer: httpx.AsyncClient) -> None:
    unpaid = await shop.place(("MUG", 1))
    paid = await shop.place(("MUG", 1), tenders=[{"kind": "paid", "amount_minor": 1250}], number="2")
    for order in (unpaid, paid):
        await shop.do("cancel", order=order, reason="x")
    assert "We have no money of yours" in await read(buyer, link(shop, unpaid))
    assert "What you paid goes back" in await read(buyer, link(shop, paid))
    await shop.work()
    (back,) = await shop.rows(
        "select payment_id from payment where merchant_id = $1 and kind = 'refund'", shop.merchant
    )
    await shop.do("refund", payment=f"pay_{back['payment_id']}", provider_ref="r1")
    html = await read(buyer, link(shop, paid))
    assert "Your money is on its way back" in html and 'class="steps"' not in html


async def test_an_order_that_nobody_paid_in_time_says_that_it_ran_out(shop: Shop, buyer: httpx.AsyncClient) -> None:
    await shop.stock("MUG", 1)
    order = await shop.place(("MUG", 1), reserve="now")
    assert "This order ran out" not in await read(buyer, link(shop, order))
    shop.at += timedelta(minutes=61)
    await shop.do("expire", order=order)
    html = await read(buyer, link(shop, order))
    for words in ("This order ran out", "No payment came, so we have let the items go.", "Please order again."):
        assert words in html, words
    assert 'class="steps"' not in html
    ukrainian = await read(buyer, f"{link(shop, order)}?lang=uk")
    assert "Оплата не надійшла, тож ми зняли товари з резерву." in ukrainian


async def test_a_label_for_the_way_back_is_there_until_it_is_to_be_void(
    shop: Shop, other_shop: Shop, buyer: httpx.AsyncClient
) -> None:
    order, parcel = await on_the_road(shop)
    page = link(shop, order)
    assert "Send it back" not in await read(buyer, page)
    name = (await shop.do("want_return_label", parcel=parcel))["return_label"]
    address = f"{page}/returns/{name}"
    assert (await buyer.get(address)).status_code == 410  # not bought yet
    kept = {"carrier": "An Post", "tracking_number": "BK7", "label_ref": "b7", "pdf": PAPER}
    await shop.do("keep_return_label", return_label=name, **kept)
    html = await read(buyer, page)
    assert "Send it back" in html and "BK7" in html and "An Post" in html and f'href="{address}"' in html
    answer = await buyer.get(address)
    assert answer.headers["content-type"] == "application/pdf" and answer.content == PAPER
    assert answer.headers["cache-control"] == "no-store" and "noindex" in answer.headers["x-robots-tag"]
    theirs, _ = await on_the_road(other_shop)
    mine, _ = await on_the_road(shop, ship_to=KYIV, buyer={"name": "Олена", "email": "olena@example.com"})
    for elsewhere in (link(other_shop, theirs), link(shop, mine), "/t/nothing"):
        assert (await buyer.get(f"{elsewhere}/returns/{name}")).status_code in (404, 410)
    assert (await buyer.get(f"{page}/returns/ret_999")).status_code == 410
    await shop.do("want_return_void", return_label=name)
    assert "Send it back" not in await read(buyer, page)
    gone = await buyer.get(address)
    assert gone.status_code == 410 and "not valid any more" in gone.text
    await shop.do("refuse_return_label", return_label=name, reason="already_moving")
    assert (await buyer.get(address)).status_code == 200
    await shop.do("want_return_void", return_label=name)
    await shop.do("keep_return_void", return_label=name)
    assert (await buyer.get(address)).status_code == 410


async def test_two_parcels_are_told_apart_and_an_order_arrives_with_its_last(
    shop: Shop, buyer: httpx.AsyncClient
) -> None:
    await shop.stock("CUP", 5, site="PL")
    order, first = await on_the_road(shop, ("MUG", 1), ("CUP", 1))
    await shop.do("deliver", parcel=first)
    html = await read(buyer, link(shop, order))
    assert "A part of your order has arrived" in html
    assert "Parcel 1 of 2" in html and "Parcel 2 of 2" in html


async def test_it_speaks_the_language_that_is_asked_for_else_that_of_the_order(
    shop: Shop, buyer: httpx.AsyncClient
) -> None:
    order, _ = await on_the_road(shop, ship_to=KYIV, number="#7")
    path = link(shop, order)
    assert "Your order is on its way" in await read(buyer, path, accept_language="en-GB,en;q=0.8")
    for headers, query in (({"accept_language": "de-DE"}, ""), ({"accept_language": "uk"}, ""), ({}, "?lang=uk")):
        html = await read(buyer, path + query, **headers)
        assert '<html lang="uk">' in html and "Ваше замовлення в дорозі" in html and "Замовлено" in html


async def test_times_are_those_of_the_place(shop: Shop, buyer: httpx.AsyncClient) -> None:
    order, parcel = await on_the_road(shop, ship_to=KYIV)
    at = shop.at.replace(month=7, day=1, hour=10, minute=0)
    events = [
        {"happened_at": at - timedelta(hours=nth), "raw_code": place, "code": "EMJ", "place": place}
        for nth, place in enumerate(("Lviv, UA", "Warsaw, PL", "Newark, US"))
    ]
    await shop.do("track", parcel=parcel, events=events)
    html = await read(buyer, link(shop, order))
    assert "1 Jul, 13:00<" in html  # Kyiv is the reader's own
    assert "1 Jul, 11:00 CEST" in html and "1 Jul, 04:00 EDT" in html


async def test_what_anybody_typed_is_shown_as_typed(shop: Shop, buyer: httpx.AsyncClient) -> None:
    await shop.stock("MUG", 50)
    for nth, text in enumerate(NAUGHTY):
        line = {"sku": "MUG", "title": text, "quantity": 1, "unit_price": "1.00"}
        order = await shop.place(line, number=text, payment_term="on_account", buyer={"name": text}, reserve="now")
        answer = await buyer.post(f"{link(shop, order)}/cases", data={"kind": "other", "text": text, "once": str(nth)})
        assert answer.status_code == 303
        html = await read(buyer, link(shop, order))
        shown = re.findall(r'<p class="said" dir="auto">(.*?)</p>', html, re.S)
        assert shown == [str(escape(text))]
        assert "<script>alert" not in html and "<img src=x" not in html and "<iframe src" not in html


# What the buyer says


async def test_a_buyer_says_what_is_wrong_and_reads_the_answer(shop: Shop, buyer: httpx.AsyncClient) -> None:
    order, _ = await on_the_road(shop)
    path = link(shop, order)
    form = {"kind": "damaged", "text": "The handle is off", "email": "", "once": "k"}
    for _twice in range(2):
        answer = await buyer.post(f"{path}/cases", data=form)
        assert answer.status_code == 303
    html = await read(buyer, answer.headers["location"])
    assert "We have your message" in html and "We are on it" in html
    cases = await shop.rows("select 'cas_' || case_id as id from contact_case where merchant_id = $1", shop.merchant)
    assert len(cases) == 1
    await shop.do("answer_case", case=cases[0]["id"], text="A new one leaves today", close=True)
    html = await read(buyer, path)
    assert "A new one leaves today" in html and "Settled" in html
    answer = await buyer.post(f"{path}/cases/{cases[0]['id']}", data={"text": "Thank you!", "once": "k2"})
    assert answer.status_code == 303 and "Thank you!" in await read(buyer, path)


async def test_a_form_that_is_not_right_comes_back_as_it_was_filled_in(shop: Shop, buyer: httpx.AsyncClient) -> None:
    order, _ = await on_the_road(shop)
    for wrong, said in (
        ({"text": "  "}, "Message: "), ({"email": "nobody"}, "E-mail: must be an e-mail address"),
        ({"kind": "spaceship"}, "What is wrong: "), ({"text": "x" * 4001}, "Message: "),
    ):  # fmt: skip
        form = {"kind": "damaged", "text": "My <words>", "email": ""} | wrong
        answer = await buyer.post(f"{link(shop, order)}/cases", data=form)
        assert answer.status_code == 422 and said in answer.text
        if "text" not in wrong:
            assert "My &lt;words&gt;</textarea>" in answer.text
    assert (await shop.timeline(order))[-1] == "hand_over"


async def test_nobody_writes_in_the_case_of_another_order(
    shop: Shop, other_shop: Shop, buyer: httpx.AsyncClient
) -> None:
    order, _ = await on_the_road(shop)
    other, _ = await on_the_road(shop, ("MUG", 1), number="2")
    theirs, _ = await on_the_road(other_shop)
    case = (await shop.do("open_case", order=order, kind="other", text="Mine"))["case"]
    for path in (link(shop, other), link(other_shop, theirs)):
        answer = await buyer.post(f"{path}/cases/{case}", data={"text": "x"})
        assert answer.status_code == 404 and "Mine" not in answer.text
    for word in ("cas_1", "ord_1", "x"):
        assert (await buyer.post(f"{link(shop, order)}/cases/{word}", data={"text": "x"})).status_code == 404


async def test_too_many_words_are_refused_by_name(shop: Shop, buyer: httpx.AsyncClient) -> None:
    order, _ = await on_the_road(shop)
    answers = [
        await buyer.post(f"{link(shop, order)}/cases", data={"kind": "other", "text": f"x{nth}", "once": str(nth)})
        for nth in range(11)
    ]
    assert [answer.status_code for answer in answers] == [303] * 3 + [409] * 7 + [429]
    assert "enough open cases" in answers[5].text and "Too many tries" in answers[-1].text


async def lets_buyers_cancel(shop: Shop) -> None:
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await keep_brand(
            tx, shop.merchant, name="Mugs", accent="#1f5fbf", support="hi@mugs.example", note="", buyers_cancel=True
        )


async def test_a_buyer_cancels_an_order_that_nobody_has_begun(shop: Shop, buyer: httpx.AsyncClient) -> None:
    await lets_buyers_cancel(shop)
    await shop.stock("MUG", 9)
    order = await shop.place(("MUG", 2), tenders=[{"kind": "paid", "amount_minor": 2500}])
    await shop.work()
    path = link(shop, order)
    shown = await read(buyer, path)
    assert "Cancel this order" in shown and "You can still cancel below" in shown
    for _twice in range(2):
        answer = await buyer.post(f"{path}/cancel", data={"reason": "changed my mind", "once": "k"})
        assert answer.status_code == 303
    shop.at = clock.now()
    await shop.work()
    html = await read(buyer, path)
    assert "Cancel this order" not in html and await shop.stage(order) == "canceled"
    (event,) = await shop.rows(
        "select actor, data from event where merchant_id = $1 and verb = 'cancel'", shop.merchant
    )  # fmt: skip
    assert event["actor"] == "buyer" and "changed my mind" in str(event["data"])
    (refund,) = await shop.rows(
        "select amount_minor from payment where merchant_id = $1 and kind = 'refund'", shop.merchant
    )  # fmt: skip
    assert refund["amount_minor"] == 2500
    await shop.audit()


async def test_a_buyer_is_too_late_once_somebody_picks(shop: Shop, buyer: httpx.AsyncClient) -> None:
    await lets_buyers_cancel(shop)
    await shop.stock("MUG", 9)
    order = await shop.place(("MUG", 2), payment_term="on_account")
    await shop.work()
    await shop.to_picked(order)
    path = link(shop, order)
    assert "Cancel this order" not in await read(buyer, path)
    answer = await buyer.post(f"{path}/cancel", data={"once": "k"})
    assert answer.status_code == 409 and "Somebody is getting this order ready" in answer.text
    assert await shop.stage(order) == "in_fulfillment"


async def test_a_shop_that_does_not_let_buyers_cancel_says_so(shop: Shop, buyer: httpx.AsyncClient) -> None:
    order = await shop.place(("MUG", 2), payment_term="on_account")
    path = link(shop, order)
    assert "Cancel this order" not in await read(buyer, path)
    answer = await buyer.post(f"{path}/cancel", data={"once": "k"})
    assert answer.status_code == 403 and "This shop cancels orders itself" in answer.text
    assert "cancel" not in await shop.timeline(order)


async def test_the_office_says_whether_buyers_cancel(shop: Shop, buyer: httpx.AsyncClient, web: str) -> None:
    order = await shop.place(("MUG", 1), payment_term="on_account")
    form = {"name": "Mugs", "accent": "#1f5fbf", "support": "", "note": ""}
    async with visiting(shop, web) as somebody:
        assert (await somebody.post("/settings/brand", **form, buyers_cancel="yes")).status_code == 303
        assert 'name="buyers_cancel" value="yes" checked' in await somebody.html("/settings/brand")
        assert "Cancel this order" in await read(buyer, link(shop, order))
        assert (await somebody.post("/settings/brand", **form)).status_code == 303
    assert "Cancel this order" not in await read(buyer, link(shop, order))


# The shop's own look


async def test_a_shop_gives_its_pages_its_name_its_color_and_its_picture(
    shop: Shop, buyer: httpx.AsyncClient, web: str
) -> None:
    order, _ = await on_the_road(shop)
    async with visiting(shop, web) as somebody:
        form = {"name": "Mugs <3", "accent": "#FFE600", "support": "hi@mugs.example", "note": "Line 1\nLine <2>"}
        assert (await somebody.post("/settings/brand", **form)).status_code == 303
        files = {"logo": ("logo.svg", SVG.encode(), "image/svg+xml")}
        posted = await somebody.http.post("/settings/brand/logo", data={"proof": await somebody.proof()}, files=files)
        assert posted.status_code == 303
        page = await somebody.html("/settings/brand")
        assert "Words of it could not be read on white" in page
        sample = await somebody.get("/settings/brand/sample", name="<b>New</b>", accent="#101010")
        assert "&lt;b&gt;New&lt;/b&gt;" in sample.text and "/t/look/101010.css" in sample.text
        assert "frame-ancestors 'self'" in sample.headers["content-security-policy"]
    html = await read(buyer, link(shop, order))
    assert "Mugs &lt;3" in html and "hi@mugs.example" in html and "Line &lt;2&gt;" in html
    colors = await buyer.get("/t/look/ffe600.css")
    assert "/t/look/ffe600.css" in html and colors.headers["content-type"].startswith("text/css")
    assert "--accent: #ffe600; --on-accent: #14181f" in colors.text and "#ffe600, " not in colors.text
    (src,) = re.findall(r'<img class="logo" src="([^"]+)"', html)
    logo = await buyer.get(src)
    assert logo.headers["content-type"] == "image/svg+xml" and b"#b3451c" in logo.content
    assert logo.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert (await buyer.get(src.replace(shop.key, "nobody"))).status_code == 404
    assert (await buyer.get("/t/look/red;}.css")).status_code == 404


@pytest.mark.parametrize("role", ["floor", "read_only"])
async def test_the_look_is_not_everybodys_to_change(shop: Shop, web: str, role: str) -> None:
    async with visiting(shop, web, role) as somebody:
        assert (await somebody.get("/settings/brand")).status_code == 403
        assert (await somebody.post("/settings/brand", name="x", accent="#000000")).status_code == 403


async def test_a_merchant_changes_its_own_look_only(shop: Shop, other_shop: Shop, web: str) -> None:
    async with visiting(shop, web) as somebody:
        for path in ("/settings/brand", "/settings/brand/logo/drop"):
            form = {"merchant": other_shop.key, "name": "x", "accent": "#000000"}
            assert (await somebody.post(path, **form)).status_code == 404
        assert (await somebody.get("/settings/brand/sample", merchant=other_shop.key)).status_code == 404
        assert (await somebody.post("/settings/brand", name="x", accent="red")).status_code == 422
    (row,) = await other_shop.rows(
        "select brand::text as brand from merchant where merchant_id = $1", other_shop.merchant
    )
    assert row["brand"] == "{}"


async def test_a_form_with_a_file_is_proven_and_bounded_too(shop: Shop, web: str) -> None:
    async with visiting(shop, web) as somebody:
        path, proof = "/settings/brand/logo", await somebody.proof()
        files = {"logo": ("logo.svg", SVG.encode(), "image/svg+xml")}
        assert (await somebody.http.post(path, data={"proof": "0" * 64}, files=files)).status_code == 403
        large = {"logo": ("logo.png", b"x" * 700_000, "image/png")}
        assert (await somebody.http.post(path, data={"proof": proof}, files=large)).status_code == 400
        broken = {"content-type": "multipart/form-data"}
        assert (await somebody.http.post(path, content=b"--x", headers=broken)).status_code == 400
        nothing = {"logo": ("logo.png", b"GIF89a", "image/png")}
        assert (await somebody.http.post(path, data={"proof": proof}, files=nothing)).status_code == 422


# Looked at


async def test_on_a_phone_it_fits_is_light_and_clean_to_axe(shop: Shop, web: str, browser: Browser) -> None:
    image = BytesIO()
    Image.new("RGBA", (900, 300), "#b3451c").save(image, "PNG")
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await keep_logo(tx, shop.merchant, image.getvalue(), shop.at)
    long = "Donaudampfschifffahrtsgesellschaftskapitänsmützenfabrik" * 2
    line = {"sku": "MUG", "title": long, "quantity": 12, "unit_price": "9.99"}
    await shop.stock("MUG", 50)
    order = await shop.place(line, number="#" + "9" * 50, payment_term="on_account", ship_to={**HOME, "city": long})
    parcel = await shop.to_packed(order)
    await shop.do("keep_label", parcel=parcel, carrier=long[:60], tracking_number="9" * 60)
    await shop.do("hand_over", parcel=parcel)
    await shop.do("track", parcel=parcel, events=[scan(shop, 1, code="EMH", place=long, message=long)])
    case = (await shop.do("open_case", order=order, kind="damaged", text=long))["case"]
    await shop.do("answer_case", case=case, text=f"{long}\n{long}")
    for scheme in ("light", "dark"):
        async with window(browser, web, viewport=PHONE, color_scheme=scheme, has_touch=True, locale="en-US") as hand:
            weights = Responses(hand)
            for path in (link(shop, order), f"/t/at/{shop.key}", "/t"):
                weights.came.clear()
                assert await hand.go(path) == 200
                assert await hand.fits(), path
                sizes = [(await each.request.sizes())["responseBodySize"] for each in weights.came]
                assert sum(sizes) <= 60_000, sizes
                await hand.page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
                await hand.page.evaluate(AXE.read_text())
                found = await hand.page.evaluate("axe.run()")
                assert [each["id"] for each in found["violations"]] == [], path
            assert hand.troubles == []


class Responses:
    def __init__(self, of: Window) -> None:
        self.came: list[Any] = []
        of.page.on("response", lambda came: self.came.append(came))


async def test_without_a_script_the_buyer_says_it_all_the_same(shop: Shop, web: str, browser: Browser) -> None:
    await on_the_road(shop, number="#1001")
    await findable(shop)
    async with window(browser, web, viewport=PHONE, java_script_enabled=False, locale="en-US") as hand:
        page = hand.page
        await hand.go(f"/t/at/{shop.key}")
        await page.fill("#number", "1001")
        await page.fill("#postcode", "D02 XY45")
        async with page.expect_navigation():
            await page.click("text=Find it")
        assert await page.locator("h1").inner_text() == "Your order is on its way"
        await page.click("text=Something is wrong?")
        await page.select_option("#kind", "change_address")
        await page.fill("#text", "13 Grafton Street, please")
        async with page.expect_navigation():
            await page.locator("#write button").click()
        assert "We have your message" in await hand.text()
        assert "13 Grafton Street, please" in await page.locator(".thread").inner_text()
        assert await page.locator("[data-copy]:visible").count() == 0
        assert await page.context.cookies() == []
        assert hand.troubles == []


async def test_the_office_answers_and_closes_a_case_by_clicks(shop: Shop, desk: Window) -> None:
    order, _ = await on_the_road(shop)
    await shop.do("open_case", order=order, kind="damaged", text="The <b>handle</b> is off")
    page = desk.page
    await desk.go(f"/orders/{order}")
    assert "The <b>handle</b> is off" in await page.locator(".cases").inner_text()
    await page.locator(".cases button:text-is('Answer')").click()
    sheet = page.locator(".sheet:popover-open")
    await sheet.locator("[name=text]").fill("A new one leaves today")
    await sheet.locator("[name=close]").select_option("true")
    async with page.expect_navigation():
        await sheet.locator("button.primary").click()
    told = await page.locator(".cases").inner_text()
    assert "A new one leaves today" in told and "Closed" in told
    assert (await shop.timeline(order))[-2:] == ["answer_case", "close_case"]


async def test_the_sample_follows_what_is_typed(shop: Shop, web: str, browser: Browser) -> None:
    async with window(browser, web, await link_for(shop, "merchant"), viewport={"width": 1440, "height": 900}) as desk:
        await desk.go("/settings/brand")
        await desk.page.fill("#brand-name", "Cups & Sons")
        await desk.page.fill("#brand-accent", "#0b6b5d")
        frame = desk.page.frame_locator("iframe.sample")
        await frame.locator("text=Cups & Sons").first.wait_for()
        await frame.locator('link[href="/t/look/0b6b5d.css"]').wait_for(state="attached")
        assert await desk.page.input_value("[data-color-of]") == "#0b6b5d"
        assert desk.troubles == []


async def test_the_page_is_packed_for_who_takes_it_so(shop: Shop, buyer: httpx.AsyncClient) -> None:
    order, _ = await on_the_road(shop)
    async with buyer.stream("GET", link(shop, order), headers={"accept-encoding": "gzip"}) as answer:
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip" and b"<!doctype html>" in gzip.decompress(raw)
