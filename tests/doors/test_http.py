"""The API through a real server: verbs, pages of orders, one order whole, the feed, goods and keys."""

from __future__ import annotations

from tests.doors.web import Client
from tests.shop import Shop


async def placed(api: Client, shop: Shop, **more: object) -> str:
    answer = await api.post("/v1/orders", shop.order(("MUG", 2), **more))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["order"])


async def test_an_order_placed_over_the_api_is_found_again_whole(api: Client, shop: Shop) -> None:
    order = await placed(api, shop, external_id="1042", number="#1042", shipping_minor=500, total_minor=3000)
    found = (await api.get(f"/v1/orders/{order}")).json()
    assert found["number"] == "#1042"
    assert found["statuses"]["stage"] == "received"
    assert found["amounts"]["total_minor"] == 3000
    assert found["lines"][0]["sku"] == "MUG"
    assert found["lines"][0]["units"]["wanted"] == 2
    assert found["cash"]["owed"] == 3000
    events = (await api.get(f"/v1/orders/{order}/events")).json()["events"]
    assert [event["verb"] for event in events] == ["place"]
    assert events[0]["actor"].startswith("key:ds_live_")
