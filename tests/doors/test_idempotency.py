"""The same key with the same body answers with the first result; with another body it is refused."""

from __future__ import annotations

import asyncio

from doorstep.setup.merchants import NewMerchant, create_merchant
from tests.doors.test_problems import problem
from tests.doors.web import Client, client_of
from tests.shop import Shop


async def orders_of(shop: Shop) -> int:
    return len(await shop.rows("select 1 from orders where merchant_id = $1", shop.merchant))


async def test_the_same_key_with_the_same_body_answers_with_the_first_result(api: Client, shop: Shop) -> None:
    body = shop.order(("MUG", 1))
    first = await api.post("/v1/orders", body, key="checkout-1")
    again = await api.post("/v1/orders", body, key="checkout-1")
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert await orders_of(shop) == 1


async def test_the_same_key_with_another_body_is_refused(api: Client, shop: Shop) -> None:
    await api.post("/v1/orders", shop.order(("MUG", 1)), key="checkout-1")
    problem(await api.post("/v1/orders", shop.order(("MUG", 2)), key="checkout-1"), 422, "KeyReused")
    assert await orders_of(shop) == 1


async def test_the_same_key_at_another_address_is_refused(api: Client, shop: Shop) -> None:
    one, other = [(await api.post("/v1/orders", shop.order((sku, 1)))).json()["order"] for sku in ("MUG", "CUP")]
    hold = {"type": "merchant", "reason": "wait"}
    assert (await api.post(f"/v1/orders/{one}/hold", hold, key="stop")).status_code == 200
    problem(await api.post(f"/v1/orders/{other}/hold", hold, key="stop"), 422, "KeyReused")


async def test_a_refused_request_may_be_asked_again_with_its_key(api: Client, shop: Shop) -> None:
    body = shop.order(("MUG", 1), channel="pos")
    problem(await api.post("/v1/orders", body, key="k"), 422, "UnknownChannel")
    assert (await api.post("/v1/channels", {"key": "pos"})).status_code == 201
    assert (await api.post("/v1/orders", body, key="k")).status_code == 201


async def test_many_at_once_with_one_key_are_one_order(api: Client, shop: Shop) -> None:
    body = shop.order(("MUG", 1))
    answers = await asyncio.gather(*(api.post("/v1/orders", body, key="rush") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["order"] for answer in answers}) == 1
    assert await orders_of(shop) == 1


async def test_two_merchants_may_use_the_same_key(api: Client, shop: Shop, web: str) -> None:
    merchant = await create_merchant(
        shop.db, NewMerchant(key=f"{shop.key}-b", name="Other", currency="USD", country="US")
    )
    other = await client_of(Shop(shop.db, merchant, f"{shop.key}-b"), web)
    service = {"currency": "USD", "lines": [{"title": "Wrap", "quantity": 1, "unit_price": "1", "ships": False}]}
    one, two = await api.post("/v1/orders", service, key="k"), await other.post("/v1/orders", service, key="k")
    assert one.status_code == two.status_code == 201
    assert one.json()["order"] != two.json()["order"]


async def test_keys_that_are_none_are_refused(api: Client, shop: Shop) -> None:
    for key in ("k" * 256, "two words", "tab\there"):
        problem(await api.post("/v1/orders", shop.order(("MUG", 1)), key=key), 422, "Invalid")
    assert await orders_of(shop) == 0


async def test_an_order_that_the_channel_sent_before_is_answered_with_200(api: Client, shop: Shop) -> None:
    body = shop.order(("MUG", 1), external_id="1042")
    assert (await api.post("/v1/orders", body)).status_code == 201
    again = await api.post("/v1/orders", body)
    assert (again.status_code, again.json()["existing"]) == (200, True)
