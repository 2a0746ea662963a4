"""Track: events in any order and however often are the same parcel; delivered is delivered once."""

from __future__ import annotations

import itertools
import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from doorstep.kit.refusals import Refusal
from tests.shop import Shop


def code(answer: Any) -> str:
    assert isinstance(answer, Refusal), answer
    return answer.code


@pytest.fixture
async def road(shop: Shop) -> Shop:
    await shop.stock("MUG", 50)
    return shop


async def on_the_road(road: Shop, *lines: tuple[str, int], **more: Any) -> tuple[str, str]:
    """An order whose parcel has left: order, parcel."""
    terms = {"payment_term": "on_account"} | more
    order = await road.place(*(lines or (("MUG", 2),)), **terms)
    parcel = await road.to_packed(order)
    await road.do("keep_label", parcel=parcel, carrier="card", tracking_number=f"T{parcel}")
    await road.do("hand_over", parcel=parcel)
    return order, parcel


def scan(at: datetime, hours: int, code: str, raw: str = "") -> dict[str, Any]:
    return {"happened_at": at + timedelta(hours=hours), "code": code, "raw_code": raw or code, "place": "Newark"}


async def state(road: Shop, parcel: str) -> str:
    (row,) = await road.rows(
        "select state from parcel where merchant_id = $1 and parcel_id = $2", road.merchant, int(parcel[4:])
    )
    return str(row["state"])


async def test_a_parcel_is_followed_to_the_door(road: Shop) -> None:
    order, parcel = await on_the_road(road)
    seen = []
    for hours, upu in enumerate(("EMA", "EMC", "EMD", "EDB", "EDC", "EDG", "EMI")):
        await road.do("track", parcel=parcel, events=[scan(road.at, hours, upu)])
        seen.append((await road.now(order))["delivery"])
    assert seen == [
        "in_transit", "in_transit", "in_transit", "in_customs", "in_transit", "out_for_delivery", "delivered",
    ]  # fmt: skip
    await road.work()
    now = await road.now(order)
    assert (now["delivered"], now["stage"]) == (2, "fulfilled")
    await road.do("record_payment", order=order, amount_minor=2500)
    assert await road.stage(order) == "completed"


async def test_the_same_news_twice_changes_nothing(road: Shop) -> None:
    order, parcel = await on_the_road(road)
    told = [scan(road.at, 1, "EMA"), scan(road.at, 2, "EMC")]
    assert (await road.do("track", parcel=parcel, events=told))["new_events"] == 2
    before = await road.timeline(order)
    assert (await road.do("track", parcel=parcel, events=told + told))["new_events"] == 0
    assert await road.timeline(order) == before


async def test_news_in_any_order_ends_in_the_same_state(road: Shop) -> None:
    codes = ("EMA", "EMC", "EDB", "EMH", "EMI")
    shuffles = random.Random(7).sample(list(itertools.permutations(range(len(codes)))), 5)
    ends = set()
    for units, shuffle in enumerate(shuffles, start=1):
        order, parcel = await on_the_road(road, ("MUG", units))
        for index in shuffle:
            await road.do("track", parcel=parcel, events=[scan(road.at, index, codes[index])])
        await road.work()
        now = await road.now(order)
        ends.add((await state(road, parcel), now["delivery"], now["ordered"] - now["delivered"]))
    assert ends == {("delivered", "delivered", 0)}


async def test_an_unknown_code_is_kept_and_says_nothing(road: Shop) -> None:
    order, parcel = await on_the_road(road)
    await road.do("track", parcel=parcel, events=[scan(road.at, 1, "", "Z99")])
    assert await state(road, parcel) == "pre_transit"
    assert (await road.timeline(order))[-1] == "track"


async def test_news_of_an_emptied_parcel_moves_no_other(road: Shop) -> None:
    order = await road.place(("MUG", 2), payment_term="on_account")
    await road.to_picked(order)
    (ful,) = {row["ful"] for row in await road.on_floor(order)}
    half = [{"line": 1, "quantity": 1}]
    emptied, full = [(await road.do("pack", fulfillment_order=ful, lines=half))["parcel"] for _ in range(2)]
    await road.do("unpack", parcel=emptied)
    await road.do("track", parcel=emptied, events=[scan(road.at, 1, "EMH")])
    now = await road.now(order)
    assert (now["parcels_pre_transit"], now["parcels_exception"]) == (1, 0)
    assert await state(road, full) == "pre_transit"


async def test_trouble_on_the_road_is_somebodys_to_look_at(road: Shop) -> None:
    order, parcel = await on_the_road(road)
    await road.do("track", parcel=parcel, events=[scan(road.at, 1, "EMH")])
    (raised,) = await road.rows("select kind, next_action from attention where merchant_id = $1", road.merchant)
    assert raised["kind"] == "delivery_attempted" and "buyer" in raised["next_action"]
    assert (await road.now(order))["delivery"] == "exception"


async def test_a_scan_by_the_carrier_hands_over_what_nobody_scanned_out(road: Shop) -> None:
    order = await road.place(("MUG", 2), payment_term="on_account")
    parcel = await road.to_packed(order)
    await road.do("keep_label", parcel=parcel, carrier="card", tracking_number="T9")
    await road.do("track", parcel=parcel, events=[scan(road.at, 1, "EMA"), scan(road.at, 30, "EMI")])
    await road.work()
    now = await road.now(order)
    assert (now["delivered"], now["delivery"]) == (2, "delivered")


async def test_delivered_is_recorded_by_hand_and_only_once(road: Shop) -> None:
    order, parcel = await on_the_road(road)
    await road.do("deliver", parcel=parcel, received_by="Ada")
    assert code(await road.ask("deliver", parcel=parcel)) == "AlreadyArrived"
    assert code(await road.ask("lose", parcel=parcel)) == "AlreadyArrived"
    now = await road.now(order)
    assert (now["delivery"], now["delivered"]) == ("delivered", 2)


async def test_what_has_not_left_cannot_arrive(road: Shop) -> None:
    order = await road.place(("MUG", 2), payment_term="on_account")
    parcel = await road.to_packed(order)
    assert code(await road.ask("deliver", parcel=parcel)) == "NotHandedOver"
    assert code(await road.ask("lose", parcel=parcel)) == "NotHandedOver"


async def test_a_lost_parcel_is_written_off_and_waits_for_a_claim(road: Shop) -> None:
    order, parcel = await on_the_road(road)
    await road.do("lose", parcel=parcel, reason="the carrier says so")
    now = await road.now(order)
    assert (now["lost"], now["delivery"]) == (2, "lost")
    (raised,) = await road.rows("select kind from attention where merchant_id = $1", road.merchant)
    assert raised["kind"] == "parcel_lost"


async def test_a_lost_parcel_that_turns_up_is_delivered_after_all(road: Shop) -> None:
    order, parcel = await on_the_road(road, payment_term="cod")
    await road.do("lose", parcel=parcel)
    assert code(await road.ask("lose", parcel=parcel)) == "AlreadyArrived"
    await road.do("track", parcel=parcel, events=[scan(road.at, 90, "EMI")])
    await road.work()
    now = await road.now(order)
    assert (now["lost"], now["delivered"], now["collected"], now["delivery"]) == (0, 2, 2500, "delivered")
    assert code(await road.ask("deliver", parcel=parcel)) == "AlreadyArrived"


async def test_a_lost_parcel_that_comes_back_to_the_site_is_taken_back(road: Shop) -> None:
    order, parcel = await on_the_road(road)
    await road.do("lose", parcel=parcel)
    await road.do("take_back", order=order, site=road.site("NJ"), parcel=parcel)
    now = await road.now(order)
    assert (now["lost"], now["taken_back"], now["delivery"]) == (0, 2, "returned_to_sender")
    assert code(await road.ask("deliver", parcel=parcel)) == "AlreadyArrived"


async def test_what_came_back_of_a_parcel_does_not_keep_the_rest_on_the_road(road: Shop) -> None:
    order, parcel = await on_the_road(road, ("MUG", 3))
    other, _ = await on_the_road(road, ("MUG", 1))
    await road.do("take_back", order=order, site=road.site("NJ"), parcel=parcel, lines=[{"line": 1, "quantity": 2}])
    await road.do("lose", parcel=parcel, reason="one fell out")
    now = await road.now(order)
    assert (now["taken_back"], now["lost"], now["shipped"]) == (2, 1, 0)
    assert (await road.now(other))["shipped"] == 1


async def test_cash_on_delivery_is_collected_at_the_door_and_remitted_later(road: Shop) -> None:
    order, parcel = await on_the_road(road, ("MUG", 2), payment_term="cod", shipping_minor=500)
    assert (await road.now(order))["payment"] == "unpaid"
    await road.do("deliver", parcel=parcel)
    now = await road.now(order)
    assert (now["collected"], now["earned"], now["payment"], now["stage"]) == (3000, 0, "pending", "fulfilled")
    assert code(await road.ask("remit", order=order, amount_minor=3001)) == "NothingCollected"
    await road.do("remit", order=order, reference="payout 4")
    now = await road.now(order)
    assert (now["collected"], now["earned"], now["payment"], now["stage"]) == (0, 3000, "paid", "completed")


async def test_two_parcels_collect_together_what_the_order_is_worth(road: Shop) -> None:
    order = await road.place(("MUG", 3), payment_term="cod", shipping_minor=501)
    fulfillment_order = await road.to_picked(order)
    parcels = []
    for units in (2, 1):
        lines = [{"line": 1, "quantity": units}]
        parcels.append((await road.do("pack", fulfillment_order=fulfillment_order, lines=lines))["parcel"])
    for parcel in parcels:
        await road.do("keep_label", parcel=parcel, carrier="card", tracking_number=f"T{parcel}")
        await road.do("hand_over", parcel=parcel)
    first, second = await road.ask_all("deliver", [{"parcel": parcel} for parcel in parcels])
    assert not isinstance(first, Refusal) and not isinstance(second, Refusal)
    assert (await road.now(order))["collected"] == 3 * 1250 + 501


async def test_what_was_credited_before_the_carrier_paid_it_out_goes_back_to_the_buyer(road: Shop) -> None:
    order, parcel = await on_the_road(road, ("MUG", 2), payment_term="cod")
    await road.work()
    await road.do("deliver", parcel=parcel)
    await road.do("issue_credit", order=order, lines=[{"line": 1, "quantity": 1}], reason="came back")
    await road.do("remit", order=order)
    assert (await road.now(order))["payment"] == "overpaid"
    await road.work()
    assert [job for job in await road.jobs() if job[0] == "want_refund"] == []
    (back,) = await road.rows(
        "select state, amount_minor from payment where merchant_id = $1 and kind = 'refund'", road.merchant
    )
    assert back == {"state": "wanted", "amount_minor": 1250}
