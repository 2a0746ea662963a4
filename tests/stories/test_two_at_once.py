"""Two at once: two payments, parcels or holds of one order in one batch do what they do one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from doorstep.kit.refusals import Refusal
from doorstep.setup.merchants import NewSku, add_skus
from tests.shop import Shop, open_shop

Bodies = list[dict[str, Any]]
# What came of an order: its counters and statuses, beside its payments, its events, and what somebody must look at.
NOW = ("ordered", "wanted", "promised", "picked", "packed", "shipped", "delivered", "lost", "canceled", "owed", "held",
       "collected", "earned", "refunded", "invoiced", "holds_open", "auths_pending", "stage", "payment", "fulfillment",
       "delivery")  # fmt: skip


async def stocked(shop: Shop) -> None:
    await shop.connect("payments", "simpay", "sim")
    await add_skus(shop.db, shop.merchant, [NewSku("GIFT", name="A gift card", stocked=False)])
    await shop.stock("MUG", 9)


async def payments(shop: Shop, order: str, kind: str) -> Bodies:
    rows = await shop.rows(
        "select 'pay_' || payment_id as payment from payment where merchant_id = $1 and order_id = $2 and kind = $3"
        " and state = 'wanted' order by payment_id", shop.merchant, int(order[4:]), kind,
    )  # fmt: skip
    return [{"payment": row["payment"]} for row in rows]


async def held(shop: Shop, **more: Any) -> str:
    """An order of three mugs whose money a provider holds."""
    order = await shop.place(("MUG", 3), payment_token="tok_ok", shipping_minor=500, **more)
    await shop.work()
    (asked,) = await payments(shop, order, "authorization")
    await shop.do("authorize", **asked, provider_ref="a")
    await shop.work()
    return order


async def two_parcels(shop: Shop, order: str) -> Bodies:
    fulfillment_order = await shop.to_picked(order)
    one = [{"line": 1, "quantity": 1}]
    parcels = []
    for lines in (one, []):
        parcel = (await shop.do("pack", fulfillment_order=fulfillment_order, lines=lines, label="none"))["parcel"]
        await shop.do("keep_label", parcel=parcel, carrier="c", tracking_number=f"T{len(parcels)}")
        parcels.append({"parcel": parcel})
    return parcels


async def captures(shop: Shop) -> tuple[str, Bodies]:
    """Less is owed than is held, and one of them was canceled while the provider was asked."""
    order = await held(shop)
    for amount in (1000, 2000):
        await shop.do("want_capture", order=order, amount_minor=amount)
    await shop.do("cancel", order=order, lines=[{"line": 1, "quantity": 2}], refund=False)
    return order, await payments(shop, order, "capture")


async def refunds(shop: Shop) -> tuple[str, Bodies]:
    order = await shop.place(("MUG", 1), payment_term="on_account")
    for amount in (2000, 2500):
        await shop.do("record_payment", order=order, amount_minor=amount)
    await shop.do("want_refund", order=order)
    return order, await payments(shop, order, "refund")


async def on_the_road(shop: Shop, **more: Any) -> tuple[str, Bodies]:
    order = await shop.place(("MUG", 3), **({"payment_term": "on_account"} | more))
    parcels = await two_parcels(shop, order)
    for parcel in parcels:
        await shop.do("hand_over", **parcel)
    return order, parcels


async def paid_at_the_door(shop: Shop) -> tuple[str, Bodies]:
    return await on_the_road(shop, payment_term="cod", shipping_minor=500)


async def packed(shop: Shop) -> tuple[str, Bodies]:
    order = await held(shop)
    return order, await two_parcels(shop, order)


async def holds(shop: Shop) -> tuple[str, Bodies]:
    order = await shop.place(("MUG", 1), payment_term="on_account")
    return order, [
        {"hold": (await shop.do("hold", order=order, type=of, reason="look"))["hold"]} for of in ("fraud", "merchant")
    ]


async def fulfillment_orders(shop: Shop) -> tuple[str, Bodies]:
    await shop.stock("CUP", 2, site="PL")
    order = await shop.place(("MUG", 1), ("CUP", 1), payment_term="on_account")
    for verb in ("check", "promise"):
        await shop.do(verb, order=order)
    rows = await shop.rows(
        "select 'ful_' || fulfillment_order_id as fulfillment_order from fulfillment_order"
        " where merchant_id = $1 and order_id = $2 order by 1", shop.merchant, int(order[4:]),
    )  # fmt: skip
    return order, rows


Scene = Callable[[Shop], Awaitable[tuple[str, Bodies]]]
SCENES: list[tuple[str, Scene, dict[str, Any]]] = [
    ("capture", captures, {"provider_ref": "c"}),
    ("decline", captures, {"reason": "no"}),
    ("refund", refunds, {"provider_ref": "r"}),
    ("decline", refunds, {"reason": "no"}),
    ("hand_over", packed, {}),
    ("want_void", packed, {}),
    ("deliver", on_the_road, {}),
    ("deliver", paid_at_the_door, {}),
    ("lose", on_the_road, {}),
    ("lift", holds, {}),
    ("release", fulfillment_orders, {}),
]


async def what_came(shop: Shop, order: str) -> dict[str, Any]:
    now = await shop.now(order)
    kept = await shop.rows(
        "select kind, state, amount_minor from payment where merchant_id = $1 and order_id = $2 order by payment_id",
        shop.merchant, int(order[4:]),
    )  # fmt: skip
    open_ = await shop.rows("select kind from attention where merchant_id = $1 order by attention_id", shop.merchant)
    return {
        "now": {name: now[name] for name in NOW}, "payments": kept, "attention": open_,
        "events": Counter(await shop.timeline(order)),
    }  # fmt: skip


@pytest.mark.parametrize("verb, scene, more", SCENES, ids=[f"{verb}-{scene.__name__}" for verb, scene, _ in SCENES])
async def test_two_of_one_order_at_once_come_to_what_they_come_to_one_by_one(
    shop: Shop, verb: str, scene: Scene, more: dict[str, Any]
) -> None:
    other = await open_shop(shop.db)
    came = []
    for each, at_once in ((shop, True), (other, False)):
        await stocked(each)
        order, bodies = await scene(each)
        assert len(bodies) == 2, "two of one order"
        asked = [body | more for body in bodies]
        answers = await each.ask_all(verb, asked) if at_once else [await each.ask(verb, **body) for body in asked]
        assert not [answer for answer in answers if isinstance(answer, Refusal)]
        worked = await each.work()
        assert not [(name, answer) for name, answer in worked if isinstance(answer, Refusal)]
        came.append(await what_came(each, order))
        await each.audit()
    assert came[0] == came[1]
