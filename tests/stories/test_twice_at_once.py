"""Twice at once: two people, or two tabs, ask for the same: one is answered, the other told no, nothing is doubled."""

from __future__ import annotations

from typing import Any

import pytest

from doorstep.kit.refusals import Refusal
from tests.shop import Shop
from tests.stories.test_to_the_cent import answered, labeled, sent, till

__all__ = ["till"]


async def once(shop: Shop, verb: str, *bodies: dict[str, Any]) -> None:
    answers = await shop.ask_all(verb, list(bodies))
    assert sum(not isinstance(answer, Refusal) for answer in answers) == 1, answers


async def test_what_came_back_is_taken_credited_and_restocked_once(till: Shop) -> None:
    order = await till.place(("MUG", 2), payment_term="on_account")
    (parcel,) = await sent(till, order)
    await till.do("deliver", parcel=parcel)
    back = {"order": order, "site": till.site("NJ"), "lines": [{"line": 1, "quantity": 2}]}
    await once(till, "take_back", back, back, back | {"lines": [], "parcel": parcel})
    credit = {"order": order, "lines": [{"line": 1, "quantity": 2}]}
    await once(till, "issue_credit", credit, credit)
    goods = {"sku": "MUG", "site": till.site("NJ"), "quantity": 2, "bin": "A-1"}
    await once(till, "restock", goods, goods)


async def test_two_halves_of_a_parcel_that_come_back_at_once_are_the_whole(till: Shop) -> None:
    order = await till.place(("MUG", 4), payment_term="on_account")
    (parcel,) = await sent(till, order)
    half = {"order": order, "site": till.site("NJ"), "parcel": parcel, "lines": [{"line": 1, "quantity": 2}]}
    await till.ask_all("take_back", [half, half])
    now = await till.now(order)
    assert (now["taken_back"], now["delivery"]) == (4, "returned_to_sender")


async def test_money_is_held_taken_and_given_back_once(till: Shop) -> None:
    order = await till.place(("MUG", 2), payment_token="tok_ok", payment_term="on_account")
    await once(till, "want_authorization", {"order": order}, {"order": order})
    await answered(till, "authorization", "authorize")
    await once(till, "want_capture", {"order": order}, {"order": order})
    await answered(till, "capture", "capture")
    await till.do("record_payment", order=order, amount_minor=700)
    await once(till, "want_refund", {"order": order}, {"order": order})
    assert await answered(till, "refund", "refund") == 700


async def test_a_parcel_is_packed_labeled_voided_and_unpacked_once(till: Shop) -> None:
    order = await till.place(("MUG", 2), payment_term="on_account")
    of = {"fulfillment_order": await till.to_picked(order)}
    await once(till, "pack", of, of)
    (row,) = await till.rows("select 'par_' || parcel_id as parcel from parcel where merchant_id = $1", till.merchant)
    label = {**row, "carrier": "c"}
    await once(till, "keep_label", label | {"tracking_number": "A"}, label | {"tracking_number": "B"})
    for verb in ("want_void", "want_label"):
        await once(till, verb, row, row)


@pytest.mark.parametrize("verb", ["unpack", "hand_over", "deliver"])
async def test_a_parcel_goes_its_way_once(till: Shop, verb: str) -> None:
    order = await till.place(("MUG", 1), payment_term="cod", shipping_minor=500)
    parcel = await till.to_packed(order)
    if verb != "unpack":
        await labeled(till, parcel)
    if verb == "deliver":
        await till.do("hand_over", parcel=parcel)
    await once(till, verb, {"parcel": parcel}, {"parcel": parcel})
    if verb == "deliver":
        await once(till, "remit", {"order": order}, {"order": order})


async def test_a_parcel_of_a_canceled_order_goes_nowhere_though_its_bag_departs(till: Shop) -> None:
    order = await till.place(("MUG", 2), payment_term="on_account")
    parcel = await labeled(till, await till.to_packed(order))
    load = (await till.do("open_load", kind="bag"))["load"]
    await till.do("put_in", load=load, items=[parcel])
    await till.do("close_load", load=load)
    await till.do("cancel", order=order)
    await till.work()
    await till.do("track_load", load=load, events=[{"what": "departed"}])
    await till.do("track", parcel=parcel, events=[{"happened_at": till.at.isoformat(), "state": "departed"}])
    await till.work()
    now = await till.now(order)
    assert (now["stage"], now["delivery"], now["shipped"], now["invoiced"]) == ("canceled", "none", 0, 0)


@pytest.mark.parametrize(
    ("currency", "price", "line_minor"), [("JPY", "333", 999), ("KWD", "1.001", 3003), ("CLF", "1.0001", 30003)]
)
async def test_in_every_currency_the_parts_are_the_whole(
    till: Shop, currency: str, price: str, line_minor: int
) -> None:
    line = {"sku": "MUG", "quantity": 3, "unit_price": price}
    costs = {"shipping_minor": 7, "discount_minor": 1, "tax_minor": 2}
    order = await till.place(line, currency=currency, payment_token="tok_ok", **costs)
    await till.work()
    assert await answered(till, "authorization", "authorize") == line_minor + 8
    fulfillment_order = await till.to_picked(order)
    for number in ("N1", "N2", "N3"):
        one = [{"line": 1, "quantity": 1}]
        parcel = (await till.do("pack", fulfillment_order=fulfillment_order, lines=one))["parcel"]
        await till.do("hand_over", parcel=await labeled(till, parcel, number))
        await till.work()
    assert await answered(till, "capture", "capture") == line_minor + 8
    now = await till.now(order)
    assert (now["invoiced"], now["held"], now["payment"]) == (line_minor + 8, 0, "paid")
