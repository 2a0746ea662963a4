"""Orders are found: by each filter, by several, by the beginning of a word; and what finds them follows the events."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from doorstep.doors.reads import finding as reading
from doorstep.doors.reads.finding import find
from doorstep.doors.reads.orders import OrderQuery, orders, orders_called
from doorstep.doors.worker import finding
from doorstep.setup.channels import open_channels
from doorstep.spine import counters
from doorstep.spine.tenant import tenant_tx
from tests.shop import HOME, NOON, Shop

OLENA = {"name": "Olena Kovalenko-Petrenko", "email": "Olena@Example.com"}
KYIV = {"name": "Олена Коваленко", "line1": "1 Khreshchatyk", "city": "Kyiv", "postcode": "01001", "country": "UA"}
GRETA = {"name": "Gréta Ἀλέξης", "email": "greta@example.com"}


async def ids(shop: Shop, limit: int = 50, **filters: Any) -> list[str]:
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        page = await orders(tx, shop.merchant, OrderQuery(limit=limit, **filters))
    return [row.id for row in page.orders]


async def follow(shop: Shop) -> None:
    """Until nothing is left behind: transactions of other tests may hold the feed up for a moment."""
    for _ in range(6000):
        await finding.FOLLOWER.once(shop.db, [shop.merchant])
        async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
            if not await tx.rows(reading._CHANGED, [shop.merchant]):
                return
        await asyncio.sleep(0.02)
    raise AssertionError("the feed did not come to its end")


@pytest.fixture(params=["fed", "not fed yet"])
async def three(shop: Shop, request: pytest.FixtureRequest) -> tuple[Shop, str, str, str]:
    """Three orders with little in common; what finds them is fed, or what is behind is looked at as it is."""
    await open_channels(shop.db, shop.merchant, ["web", "fair"], "api")
    await shop.stock("MUG", 50)
    first = await shop.place(("MUG", 1), number="#A-1001", external_id="ext-77", channel="web", placed_at=NOON)
    second = await shop.place(
        ("MUG", 2), buyer=OLENA, ship_to=KYIV, number="B-2002", external_id="ext-78", channel="fair",
        placed_at=NOON + timedelta(hours=1), payment_term="on_shipment",
    )  # fmt: skip
    third = await shop.place(("MUG", 1), buyer=GRETA, number="C-3", placed_at=NOON + timedelta(hours=2))
    await shop.work()
    await shop.do("hold", order=third, type="fraud", reason="a strange address")
    if request.param == "fed":
        await follow(shop)
    return shop, first, second, third


FILTERS: list[tuple[dict[str, Any], str]] = [
    ({}, "321"),
    ({"channel": "web"}, "1"),
    ({"channel": "fair"}, "2"),
    ({"channel": "nobody"}, ""),
    ({"country": "UA"}, "2"),
    ({"country": "IE"}, "31"),
    ({"number": "B-2002"}, "2"),
    ({"number": "#A-1001"}, "1"),
    ({"number": "A-1001"}, ""),
    ({"external_id": "ext-77"}, "1"),
    ({"email": "olena@example.com"}, "2"),
    ({"email": "OLENA@example.com"}, "2"),
    ({"sku": "MUG"}, "321"),
    ({"sku": "mug"}, ""),
    ({"stage": "awaiting_fulfillment"}, "2"),
    ({"stage": "processing"}, "31"),
    ({"stage": "completed"}, ""),
    ({"payment": "unpaid"}, "321"),
    ({"fulfillment": "awaiting_fulfillment"}, "2"),
    ({"delivery": "none"}, "321"),
    ({"hold": "any"}, "31"),
    ({"hold": "fraud"}, "3"),
    ({"hold": "address"}, ""),
    ({"placed_from": NOON + timedelta(hours=1)}, "32"),
    ({"placed_to": NOON + timedelta(hours=1)}, "1"),
    ({"country": "IE", "stage": "processing"}, "31"),
    ({"country": "IE", "stage": "awaiting_fulfillment"}, ""),
    ({"sku": "MUG", "channel": "fair", "payment": "unpaid"}, "2"),
    ({"hold": "payment", "placed_to": NOON + timedelta(minutes=1)}, "1"),
    ({"stage": "processing", "hold": "fraud", "fulfillment": "unfulfilled"}, "3"),
    ({"q": "b-20"}, "2"),
    ({"q": "a-1001"}, "1"),
    ({"q": "#A-1001"}, "1"),
    ({"q": "OLENA"}, "2"),
    ({"q": "kovalenko"}, "2"),
    ({"q": "Коваленко"}, "2"),
    ({"q": "КОВАЛ"}, "2"),
    ({"q": "GRÉTA"}, "3"),
    ({"q": "gre"}, "3"),
    ({"q": "ἈΛΈΞΗΣ"}, "3"),
    ({"q": "ext-7"}, "21"),
    ({"q": "mu"}, "321"),
    ({"q": "olena kov"}, "2"),
    ({"q": "olena byrne"}, ""),
    ({"q": "mug ada"}, "31"),
    ({"q": "mug", "country": "UA"}, "2"),
    ({"q": "to:ua"}, "2"),
    ({"q": "lena"}, ""),
    ({"q": "#"}, "321"),
    ({"q": "%"}, ""),
]


async def test_each_filter_finds_what_fits_it_newest_first(three: tuple[Shop, str, str, str]) -> None:
    shop, *placed = three
    for filters, expected in FILTERS:
        found = await ids(shop, **filters)
        assert [str(placed.index(order) + 1) for order in found] == list(expected), filters


async def test_an_order_is_found_by_its_own_id(three: tuple[Shop, str, str, str]) -> None:
    shop, first, *_ = three
    assert await ids(shop, q=first) == [first]
    assert await ids(shop, q=first, country="UA") == []


async def test_pages_of_every_filter_hold_each_order_once(three: tuple[Shop, str, str, str]) -> None:
    shop, *_ = three
    for filters, _expected in FILTERS:
        whole, paged, at = await ids(shop, **filters), [], None
        for _ in range(10):
            async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
                page = await orders(tx, shop.merchant, OrderQuery(limit=1, cursor=at, **filters))
            paged += [row.id for row in page.orders]
            at = page.next
            if at is None:
                break
        assert at is None, filters
        assert paged == whole, filters


async def test_a_page_upwards_is_the_page_downwards_read_from_its_end(three: tuple[Shop, str, str, str]) -> None:
    shop, _, second, third = three
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        down = await find(tx, [shop.merchant], OrderQuery(sku="MUG"))
        end = (down.rows[-1]["placed_at"], down.rows[-1]["order_id"])
        up = await find(tx, [shop.merchant], OrderQuery(sku="MUG"), at=end, newer=True)
    assert [f"ord_{row['order_id']}" for row in up.rows] == [second, third]


async def test_orders_that_come_in_meanwhile_move_nobody_to_another_page(shop: Shop) -> None:
    await shop.stock("MUG", 50)
    old = [await shop.place(("MUG", 1), placed_at=NOON + timedelta(minutes=n)) for n in range(6)]
    await follow(shop)
    query = OrderQuery(country="IE", limit=2)
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        first = await orders(tx, shop.merchant, query)
    for n in range(3):
        await shop.place(("MUG", 1), placed_at=NOON + timedelta(hours=1 + n))
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        second = await orders(tx, shop.merchant, OrderQuery(country="IE", limit=2, cursor=first.next))
    assert [row.id for row in (*first.orders, *second.orders)] == old[:1:-1]


async def test_what_fits_rarely_is_found_round_by_round(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two filters that many fit one of, and few both: the search says where it stopped, and goes on from there."""
    await open_channels(shop.db, shop.merchant, ["web", "fair"], "api")
    monkeypatch.setattr(reading, "ROUNDS", (1, 1))
    bodies = [
        {"order": shop.order(("MUG", 1), channel="fair" if n % 2 else "web", placed_at=NOON + timedelta(minutes=n),
                             ship_to=HOME if n % 2 == 0 or n == 1 else KYIV)}
        for n in range(300)
    ]  # fmt: skip
    placed = [answer["order"] for answer in await shop.ask_all("place", bodies) if isinstance(answer, dict)]
    await follow(shop)
    found, at, pages = [], None, 0
    while pages == 0 or at:
        async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
            page = await orders(tx, shop.merchant, OrderQuery(channel="fair", country="IE", limit=5, cursor=at))
        found += [row.id for row in page.orders]
        at, pages = page.next, pages + 1
    assert found == [placed[1]]
    assert pages > 1


async def test_a_word_that_begins_too_much_is_taken_whole(shop: Shop) -> None:
    numbers = [f"9{n:03d}" for n in range(reading.BEGINNINGS + 5)] + ["9"]
    await shop.ask_all("place", [{"order": shop.order(("MUG", 1), number=number)} for number in numbers])
    await follow(shop)
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        found = await find(tx, [shop.merchant], OrderQuery(q="9"))
        assert [row["number"] for row in found.rows] == ["9"]
        assert found.whole_words == ["9"]
        narrower = await find(tx, [shop.merchant], OrderQuery(q="9000"))
        assert [row["number"] for row in narrower.rows] == ["9000"]
        assert narrower.whole_words == []


async def test_nobody_finds_another_merchants_orders(three: tuple[Shop, str, str, str], other_shop: Shop) -> None:
    shop, *placed = three
    theirs = await other_shop.place(("MUG", 1), number="#A-1001", external_id="ext-77", placed_at=NOON)
    await follow(other_shop)
    for filters, _ in FILTERS:
        assert not set(placed) & set(await ids(other_shop, **filters)), filters
    assert await ids(other_shop, q="a-1001") == [theirs]
    async with tenant_tx(shop.db, [shop.merchant, other_shop.merchant], readonly=True) as tx:
        both = await find(tx, [shop.merchant, other_shop.merchant], OrderQuery(external_id="ext-77"))
        assert {row["merchant_id"] for row in both.rows} == {shop.merchant, other_shop.merchant}
        mine = await find(tx, [shop.merchant], OrderQuery(external_id="ext-77"))
        assert {row["merchant_id"] for row in mine.rows} == {shop.merchant}


async def test_a_list_that_is_late_shows_nothing_wrong(shop: Shop) -> None:
    """What changed is taken off the list at once, and shown where it is now."""
    order = await shop.place(("MUG", 1))
    await follow(shop)
    assert await ids(shop, stage="received") == [order]
    await shop.do("cancel", order=order, reason="changed their mind")
    assert await ids(shop, stage="received") == []
    assert await ids(shop, stage="canceled") == [order]
    await follow(shop)
    assert await ids(shop, stage="received") == []
    assert await ids(shop, stage="canceled") == [order]


async def test_a_parcel_is_found_by_its_tracking_number(shop: Shop) -> None:
    await shop.stock("MUG", 5)
    order = await shop.place(("MUG", 1), payment_term="on_shipment")
    parcel = await shop.to_packed(order)
    await follow(shop)
    await shop.do("keep_label", parcel=parcel, carrier="simcarrier", service="s", tracking_number="1Z999AA1")
    assert await ids(shop, q="1z999") == [order]
    await follow(shop)
    assert await ids(shop, q="1z999") == [order]


async def test_an_order_is_still_found_by_what_it_was_called_before(shop: Shop) -> None:
    order = await shop.place(("MUG", 1))
    await follow(shop)
    await shop.do("fix_address", order=order, ship_to={**HOME, "name": "Grace Hopper", "country": "FR",
                                                       "postcode": "75001", "city": "Paris"})  # fmt: skip
    await follow(shop)
    assert await ids(shop, q="hopper") == [order]
    assert await ids(shop, q="ada") == [order]
    assert await ids(shop, country="FR") == [order]
    assert await ids(shop, country="IE") == []


async def test_what_follows_the_events_may_be_run_again_and_by_several(shop: Shop) -> None:
    order = await shop.place(("MUG", 1))
    await follow(shop)
    held = "select count(*) as n from order_token where merchant_id = $1"
    before = (await shop.rows(held, shop.merchant))[0]["n"]
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await tx.run("update order_finding set after_txid = '0' where merchant_id = $1", shop.merchant)
    await follow(shop)
    assert (await shop.rows(held, shop.merchant))[0]["n"] == before
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await finding.FOLLOWER._claim(tx, shop.merchant)
        await shop.do("cancel", order=order, reason="changed their mind")
        assert await finding.FOLLOWER.batch(shop.db, shop.merchant) == 0  # somebody else is at it
    await follow(shop)
    assert await ids(shop, stage="canceled") == [order]


async def test_people_name_an_order_by_its_number_or_an_id_of_the_channels(three: tuple[Shop, str, str, str]) -> None:
    shop, first, second, _ = three
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        assert await orders_called(tx, shop.merchant, "#A-1001") == [first]
        assert await orders_called(tx, shop.merchant, "A-1001") == [first]
        assert await orders_called(tx, shop.merchant, "ext-78") == [second]
        assert await orders_called(tx, shop.merchant, "ext-7") == []
        assert await orders_called(tx, shop.merchant, "a-1001") == [first], "as the list's search finds it"
        assert await orders_called(tx, shop.merchant, "EXT-78") == [second]


async def test_of_orders_called_the_same_but_for_capitals_the_very_one_is_meant(shop: Shop) -> None:
    large, small = [await shop.place(("MUG", 1), number=number) for number in ("K-1", "k-1")]
    await follow(shop)
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        assert await orders_called(tx, shop.merchant, "K-1") == [large]
        assert await orders_called(tx, shop.merchant, "k-1") == [small]
        assert sorted(await orders_called(tx, shop.merchant, "#k-1 ")) == sorted([large, small])


async def test_stages_are_counted_without_counting(shop: Shop) -> None:
    first, second = [await shop.place(("MUG", 1)) for _ in range(2)]
    assert await stages(shop) == {"received": 2}
    await shop.do("cancel", order=first)
    assert await stages(shop) == {"received": 1, "canceled": 1}
    await shop.do("record_payment", order=second, amount_minor=1250)
    await shop.do("check", order=second)
    assert await stages(shop) == {"processing": 1, "canceled": 1}


async def stages(shop: Shop) -> dict[str, int]:
    """Those where an order stands."""
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        counted = await counters.orders_per_stage(tx, [shop.merchant])
    return {stage: orders for stage, orders in counted.items() if orders}
