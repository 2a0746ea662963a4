"""Orders that the office types in: by phone, over the counter, or once more for what was lost."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from doorstep.kit import clock
from doorstep.spine.tenant import tenant_tx
from tests.doors.test_console import visiting
from tests.doors.test_goods_pages import errors, text_of
from tests.shop import HOME, Shop

TYPED = {
    "lines.1.sku": "MUG", "lines.1.quantity": "2", "lines.1.unit_price": "12,50",
    "lines.3.sku": "CUP", "lines.3.unit_price": "9",
    "buyer.name": "Ada Byrne", "buyer.email": "ada@example.com",
    "ship_to.name": "Ada Byrne", "ship_to.line1": HOME["line1"], "ship_to.city": HOME["city"],
    "ship_to.postcode": HOME["postcode"], "ship_to.country": HOME["country"],
    "payment_term": "on_account", "shipping_minor": "4.90", "note": "Ring twice",
}  # fmt: skip


def value_of(page: str, name: str) -> str:
    (found,) = re.findall(rf'<input id="f-{re.escape(name)}"[^>]*? value="([^"]*)"', page)
    return str(found)


async def test_an_order_taken_by_phone_is_typed_in_once_and_goes_its_way(shop: Shop, web: str) -> None:
    await shop.stock("MUG", 5)
    await shop.stock("CUP", 5)
    async with visiting(shop, web) as office:
        assert (await office.get("/orders/new")).headers["location"] == f"/orders/new/{shop.key}"
        assert 'href="/orders/new"' in await office.html("/orders")
        first = await office.post(f"/orders/new/{shop.key}", **TYPED, once="k")
        again = await office.post(f"/orders/new/{shop.key}", **TYPED, once="k")
        assert first.status_code == 303 and first.headers["location"] == again.headers["location"]
        page = text_of(await office.html(first.headers["location"]))
        assert "Ring twice" in page and "Ada Byrne" in page
    (order,) = await shop.rows(
        "select 'ord_' || o.order_id as id, c.key, o.total_minor, o.shipping_minor from orders o"
        " join channel c on c.merchant_id = o.merchant_id and c.channel_id = o.channel_id where o.merchant_id = $1",
        shop.merchant,
    )  # fmt: skip
    assert (order["key"], order["total_minor"], order["shipping_minor"]) == ("console", 3890, 490)
    shop.at = clock.now()
    await shop.work()
    assert await shop.stage(order["id"]) == "awaiting_fulfillment"
    await shop.audit()


async def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_placed(shop: Shop, web: str) -> None:
    async with visiting(shop, web) as office:
        wrong = {**TYPED, "lines.1.quantity": "0", "lines.3.unit_price": "dear", "ship_to.country": ""}
        answer = await office.post(f"/orders/new/{shop.key}", **wrong)
        assert answer.status_code == 422
        assert set(errors(answer.text)) == {"lines.1.quantity", "lines.3.unit_price", "ship_to.country"}
        assert value_of(answer.text, "buyer.name") == "Ada Byrne"
        answer = await office.post(f"/orders/new/{shop.key}", **{**TYPED, "lines.3.sku": "NOTHING"})
        assert answer.status_code == 422 and "This merchant has no such SKU" in answer.text
    assert await shop.rows("select 1 from orders where merchant_id = $1", shop.merchant) == []


async def test_an_order_goes_somewhere_at_home_unless_it_is_said(shop: Shop, web: str) -> None:
    (home,) = await shop.rows("select country from merchant where merchant_id = $1", shop.merchant)
    nowhere = {name: value for name, value in TYPED.items() if not name.startswith("ship_to.")}
    async with visiting(shop, web) as office:
        page = await office.html(f"/orders/new/{shop.key}")
        assert f'<option value="{home["country"]}" selected>' in page
        assert ">Cancel</a>" in page and "Another line" in page
        answer = await office.post(f"/orders/new/{shop.key}", **nowhere, **{"ship_to.country": home["country"]})
        assert answer.status_code == 303
    (order,) = await shop.rows("select ship_to from orders where merchant_id = $1", shop.merchant)
    assert order["ship_to"] is None, "the country that the page chose is no address"


async def test_an_order_of_many_lines_is_sent_again_whole(shop: Shop, web: str) -> None:
    await shop.stock("MUG", 40)
    order = await shop.place(*[("MUG", 1)] * 15, payment_term="on_account")
    async with visiting(shop, web) as office:
        page = await office.html(f"/orders/new/{shop.key}?again={order}")
        lines = {f"lines.{row}.{name}": value_of(page, f"lines.{row}.{name}")
                 for row in range(1, 16) for name in ("sku", "quantity", "unit_price")}  # fmt: skip
        address = {name: value for name, value in TYPED.items() if name.startswith("ship_to.")}
        answer = await office.post(f"/orders/new/{shop.key}", **lines, **address, payment_term="on_account")
        assert answer.status_code == 303
    counts = await shop.rows(
        "select count(*) as lines from order_line where merchant_id = $1 group by order_id", shop.merchant
    )
    assert [row["lines"] for row in counts] == [15, 15]


async def test_a_day_to_ship_by_means_its_end_on_the_merchants_clock(shop: Shop, web: str) -> None:
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await tx.run("update merchant set timezone = 'America/New_York' where merchant_id = $1", shop.merchant)
    day = clock.now().date() + timedelta(days=2)
    async with visiting(shop, web) as office:
        form = await office.html(f"/orders/new/{shop.key}")
        assert re.search(r'<input id="f-ship_by" name="ship_by" type="date"', form) and "Ship by" in form
        for wrong in ("tomorrow", "2026-02-30", "0001-01-01", "9999-12-31"):
            answer = await office.post(f"/orders/new/{shop.key}", **TYPED, ship_by=wrong)
            assert answer.status_code == 422 and set(errors(answer.text)) == {"ship_by"}
        assert await shop.rows("select 1 from orders where merchant_id = $1", shop.merchant) == []
        answer = await office.post(f"/orders/new/{shop.key}", **TYPED, ship_by=day.isoformat())
        assert answer.status_code == 303
        assert "The channel wants it to leave by" in await office.html(answer.headers["location"])
    (order,) = await shop.rows("select ship_by from orders where merchant_id = $1", shop.merchant)
    end = datetime.combine(day + timedelta(days=1), time.min, ZoneInfo("America/New_York"))
    assert order["ship_by"] == end


async def test_a_draft_waits_until_somebody_confirms_it(shop: Shop, web: str) -> None:
    await shop.stock("MUG", 5)
    await shop.stock("CUP", 5)
    async with visiting(shop, web) as office:
        answer = await office.post(f"/orders/new/{shop.key}", **TYPED, draft="yes")
    order = answer.headers["location"].split("/")[2].partition("?")[0]
    shop.at = clock.now()
    await shop.work()
    assert await shop.stage(order) == "draft"


async def test_what_was_sent_is_sent_again_for_nothing_to_the_same_door(shop: Shop, other_shop: Shop, web: str) -> None:
    await shop.stock("MUG", 9)
    order = await shop.place(("MUG", 2), payment_term="on_account", number="#7")
    async with visiting(shop, web) as office:
        assert "Send it again" not in await office.html(f"/orders/{order}")
        parcel = await shop.to_packed(order)
        await shop.do("keep_label", parcel=parcel, carrier="post", tracking_number="LX1IE")
        await shop.do("hand_over", parcel=parcel)
        await shop.do("lose", parcel=parcel)
        again = f"/orders/new/{shop.key}?again={order}"
        assert again in await office.html(f"/orders/{order}")
        page = await office.html(again)
        asked = {name: value_of(page, name) for name in ("lines.1.sku", "lines.1.quantity", "lines.1.unit_price")}
        assert asked == {"lines.1.sku": "MUG", "lines.1.quantity": "2", "lines.1.unit_price": "0"}
        assert value_of(page, "ship_to.line1") == HOME["line1"] and "#7 once more" in page
        theirs = await other_shop.place(("MUG", 1))
        assert (await office.get(f"/orders/new/{shop.key}?again={theirs}")).status_code == 404
        assert (await office.get(f"/orders/new/{other_shop.key}")).status_code == 404
