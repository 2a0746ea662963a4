"""Told times: when something happened is believed, but not what cannot have been; a clock may be a little wrong."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from doorstep.spine.told_times import NotYet
from tests.shop import Shop

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
async def parcel(shop: Shop) -> str:
    """With a label, of an order of yesterday."""
    await shop.stock("MUG", 5)
    order = await shop.place(("MUG", 1), payment_term="on_account", placed_at=shop.at - DAY)
    parcel = await shop.to_packed(order)
    await shop.do("keep_label", parcel=parcel, carrier="c", tracking_number="T1")
    return parcel


async def times(shop: Shop, parcel: str) -> tuple[datetime | None, datetime | None]:
    """When it was handed over, and delivered."""
    (row,) = await shop.rows(
        "select handed_over_at, delivered_at from parcel where merchant_id = $1 and parcel_id = $2",
        shop.merchant, int(parcel[4:]),
    )  # fmt: skip
    return row["handed_over_at"], row["delivered_at"]


async def test_a_parcel_does_not_leave_before_its_order_came_nor_in_days_to_come(shop: Shop, parcel: str) -> None:
    for absurd in (shop.at + DAY, shop.at - 3 * DAY, datetime.fromisoformat("9999-01-01T00:00:00Z")):
        refused = await shop.refuses("hand_over", NotYet, parcel=parcel, happened_at=absurd)
        assert refused.why["happened_at"] == absurd
    await shop.do("hand_over", parcel=parcel, happened_at=shop.at - timedelta(hours=20))
    assert (await times(shop, parcel))[0] == shop.at - timedelta(hours=20), "written down late, it left when it left"


async def test_a_scanners_clock_may_be_a_little_ahead_or_behind(shop: Shop, parcel: str) -> None:
    await shop.do("hand_over", parcel=parcel, happened_at=shop.at - DAY - 40 * MINUTE)
    await shop.do("deliver", parcel=parcel, happened_at=shop.at + 40 * MINUTE)
    assert await times(shop, parcel) == (shop.at - DAY - 40 * MINUTE, shop.at)


async def test_a_parcel_does_not_arrive_in_days_to_come(shop: Shop, parcel: str) -> None:
    await shop.do("hand_over", parcel=parcel)
    for absurd in (shop.at + 2 * DAY, shop.at - 400 * DAY):
        await shop.refuses("deliver", NotYet, parcel=parcel, happened_at=absurd)
    await shop.do("deliver", parcel=parcel)


@pytest.mark.parametrize("days", [-400, 400])
async def test_a_carrier_with_a_wrong_clock_is_heard_all_the_same(shop: Shop, parcel: str, days: int) -> None:
    """Such as the news of the parcel that had this number a year ago."""
    when = (shop.at + timedelta(days=days)).isoformat()
    await shop.do("track", parcel=parcel, events=[{"happened_at": when, "state": "in_transit", "raw_code": "1"}])
    await shop.work()
    await shop.do("track", parcel=parcel, events=[{"happened_at": when, "state": "delivered", "raw_code": "2"}])
    await shop.work()
    assert await times(shop, parcel) == (shop.at, shop.at)


async def test_a_number_and_money_are_not_of_days_to_come(shop: Shop, parcel: str) -> None:
    body: dict[str, Any] = {"parcel": parcel, "number": "LM-1", "happened_at": shop.at + DAY}
    await shop.refuses("number_parcel", NotYet, **body)
    order = await shop.place(("MUG", 1))
    later = shop.at + DAY
    await shop.refuses("record_payment", NotYet, order=order, amount_minor=1250, received_at=later)
    before = {"received_at": shop.at - 90 * DAY}
    assert (await shop.do("record_payment", order=order, amount_minor=1250, **before))["due_minor"] == 0


async def test_an_order_of_days_to_come_is_refused_or_taken_from_a_generous_door(shop: Shop) -> None:
    there = shop.order(("MUG", 1), placed_at=(shop.at + 9 * DAY).isoformat(), payment_term="on_account")
    await shop.refuses("place", NotYet, order=there)
    await shop.stock("MUG", 1)
    order = (await shop.do("place", order=there, generous=True))["order"]
    parcel = await shop.to_packed(order)
    await shop.do("keep_label", parcel=parcel, carrier="c", tracking_number="T2")
    await shop.do("hand_over", parcel=parcel, happened_at=shop.at)
