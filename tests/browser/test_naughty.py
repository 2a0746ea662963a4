"""Whatever people type anywhere is shown as the text that it is: nothing of it runs, loads, or breaks a page.

What a buyer orders, and notes and holds, are in tests/doors/test_console.py. A new field whose text others read adds
itself to TYPED: it is filled with every text, and its pages are looked at.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta

from doorstep.doors import caring
from doorstep.kit import clock
from doorstep.kit.refusals import Refusal
from doorstep.kit.text import storable
from doorstep.setup.lane_rules import change_rules, mark
from doorstep.setup.many_skus import put_skus
from doorstep.setup.merchants import NewSku, change_merchant, check_sku
from doorstep.setup.people import add_person, person_called
from doorstep.setup.shipping_rules import MOST_LANES, LaneRule, ShippingRules
from doorstep.setup.tracking_links import tracking_links
from doorstep.setup.views import keep_view
from doorstep.spine.outcome import Actor
from doorstep.spine.tenant import tenant_tx
from tests.browser.windows import Window, email
from tests.doors.test_console import NAUGHTY, _big_list
from tests.shop import HOME, Shop

# Fills one kind of field with these texts, and answers the pages that show them.
Typed = Callable[[Shop, list[str]], AsyncIterator[str]]


def some_of(texts: list[str]) -> list[str]:
    """Where each fills a row of a list that goes on, page after page."""
    return [*NAUGHTY, *texts[len(NAUGHTY) :: 5]]


async def skus(shop: Shop, texts: list[str]) -> AsyncIterator[str]:
    """Codes, names, customs texts."""
    able = []
    for text in some_of(texts):
        sku = NewSku(text.strip()[:120], name=text[:200], customs_text=text[:100])
        with suppress(Refusal):
            check_sku(sku)
            able.append(sku)
    await put_skus(shop.db, shop.merchant, able)
    yield f"/catalog?merchant={shop.key}"
    rows = await shop.rows("select sku_id from sku where merchant_id = $1 order by sku_id desc limit 6", shop.merchant)
    for row in rows:
        yield f"/catalog/sku_{row['sku_id']}"


async def cases(shop: Shop, texts: list[str]) -> AsyncIterator[str]:
    """What a buyer says, and what is answered: for the office and for the buyer."""
    order = await shop.place(("MUG", 1))
    case = (await shop.do("open_case", order=order, kind="other", text=texts[0]))["case"]
    await shop.ask_all("answer_case", [{"case": case, "text": text} for text in texts[1:]])
    yield f"/orders/{order}"
    yield f"/t/{tracking_links().token(shop.merchant, int(order[4:]))}"
    yield f"/attention?merchant={shop.key}"


async def news(shop: Shop, texts: list[str]) -> AsyncIterator[str]:
    """What a carrier says, and how it calls itself."""
    await shop.stock("MUG", 1)
    order = await shop.place(("MUG", 1), payment_term="on_account")
    parcel = await shop.to_packed(order)
    await shop.do("keep_label", parcel=parcel, carrier=NAUGHTY[0], service=NAUGHTY[1], tracking_number=NAUGHTY[3][:60])
    await shop.do("hand_over", parcel=parcel)
    at = clock.now() - timedelta(days=1)
    scans = [
        {"happened_at": at + timedelta(seconds=nth), "state": "in_transit", "raw_code": text[:200], "place": text[:200],
         "message": text[:1000]}
        for nth, text in enumerate(texts)
    ]  # fmt: skip
    for start in range(0, len(scans), 500):
        await shop.do("track", parcel=parcel, events=scans[start : start + 500])
    yield f"/orders/{order}"
    yield f"/t/{tracking_links().token(shop.merchant, int(order[4:]))}"


async def comments(shop: Shop, texts: list[str]) -> AsyncIterator[str]:
    """What people say about an exception, and why somebody stopped an order."""
    order = await shop.place(("MUG", 1), payment_term="on_account")
    hold = (await shop.do("hold", order=order, type="operator", reason=NAUGHTY[0]))["hold"]
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        for text in texts:
            await caring.comment(tx, [hold], text, Actor(NAUGHTY[1], frozenset()), clock.now())
    yield f"/attention?merchant={shop.key}"


async def arrivals(shop: Shop, texts: list[str]) -> AsyncIterator[str]:
    """Numbers on the papers, and bins."""
    site = shop.site("NJ")
    lines = [{"sku": "MUG", "quantity": 1}]
    await shop.ask_all("announce", [{"site": site, "lines": lines, "reference": text[:120]} for text in some_of(texts)])
    for text in NAUGHTY:
        with suppress(Refusal):
            await shop.ask("adjust", sku="CUP", site=site, quantity=1, reason="found", bin=text[:60], note=text)
    yield f"/stock/arrivals?merchant={shop.key}"
    (asn,) = await shop.rows("select max(asn_id) as id from asn where merchant_id = $1", shop.merchant)
    (cup,) = await shop.rows("select sku_id as id from sku where merchant_id = $1 and code = 'CUP'", shop.merchant)
    yield f"/stock/arrivals/asn_{asn['id']}"
    yield f"/catalog/sku_{cup['id']}"


async def names(shop: Shop, texts: list[str]) -> AsyncIterator[str]:
    """What people are called, and their views."""
    owner = await person_called(shop.db, email(shop, "owner"))
    for nth, text in enumerate(NAUGHTY):
        await add_person(shop.db, f"naughty{nth}@{shop.key}.example", "floor", name=text[:80])
        await keep_view(shop.db, owner, text[:40], "payment=unpaid")
    yield "/settings/people"
    yield "/settings/log"
    yield "/orders"


async def ways(shop: Shop, texts: list[str]) -> AsyncIterator[str]:
    """Accounts that rules for carriers name, and a pickup point."""
    named = [which for text in some_of(texts) if (which := text.replace("/", " ").strip()[:60])]
    rules = ShippingRules(lanes=[LaneRule(say="prefer", which=[which]) for which in named[:MOST_LANES]])
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await change_rules(tx, shop.merchant, lambda kept: rules)
    yield f"/settings/shipping-rules?merchant={shop.key}"
    yield f"/settings/shipping-rules/{shop.key}/lanes/{mark(0, rules.lanes[0])}"
    for text in texts[:3]:
        yield f"/orders/{await shop.place(('MUG', 1), ship_to={**HOME, 'pickup_point': text[:80]})}"


TYPED: tuple[Typed, ...] = (skus, cases, news, comments, arrivals, names, ways)


async def test_whatever_is_typed_anywhere_is_only_text(shop: Shop, desk: Window) -> None:
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await change_merchant(tx, shop.merchant, hold_duplicates=False)
    texts = [text for text in (*NAUGHTY, *_big_list()) if storable(text) and text.strip()]
    for typed in TYPED:
        async for path in typed(shop, texts):
            await _is_harmless(desk, path)
    # What was written in the case stands there word for word.
    (order,) = await shop.rows("select order_id from contact_case where merchant_id = $1", shop.merchant)
    await desk.go(f"/orders/ord_{order['order_id']}")
    shown = await desk.page.locator(".thread .said").all_text_contents()
    assert [text.strip() for text in shown] == [text.strip() for text in texts]


async def _is_harmless(desk: Window, path: str) -> None:
    while path:
        assert await desk.go(path) == 200, path
        assert await desk.page.locator("main script, main img:not([src^='/']), main iframe").count() == 0, path
        assert await desk.fits(), f"{path} is wider than the window"
        assert desk.troubles == [], path
        following = await desk.page.locator("main a[rel=next]").all()
        path = str(await following[0].get_attribute("href")) if following else ""
