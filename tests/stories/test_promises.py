"""A date that a buyer is told: with its basis, superseded with a reason, kept or broken, and whose time it was."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from bench.promise import TRAINED, Order, World, compared, read
from doorstep.doors.reads.order import order as read_order
from doorstep.doors.reads.why import why as read_why
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.setup import checks
from doorstep.setup.experience import ENOUGH
from doorstep.setup.learning import count_queues, experiences_of, learn
from doorstep.setup.merchants import change_merchant
from doorstep.setup.sites import set_capacity
from doorstep.spine.outcome import Ask
from doorstep.spine.preview import preview
from doorstep.spine.tenant import tenant_tx
from doorstep.spine.verbs import VERBS
from tests.shop import NOON, Shop, open_shop

# Noon in New Jersey, before its cut-off.
MONDAY = NOON + timedelta(hours=5)


@pytest.fixture
async def shelf(db: Any) -> Shop:
    shop = await open_shop(db, hold_duplicates=False)
    shop.at = MONDAY
    await shop.stock("MUG", 500)
    return shop


async def whole(shop: Shop, order: str) -> Any:
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        return await read_order(tx, [shop.merchant], order)


async def sent(shop: Shop, *, left: datetime, **more: Any) -> tuple[str, str]:
    """An order of Monday noon, whose parcel leaves then: order, parcel."""
    order = await shop.place(("MUG", 1), reserve="now", payment_term="on_account", **more)
    await shop.do("check", order=order)
    parcel = await shop.to_packed(order)
    await shop.do("keep_label", parcel=parcel, carrier="card", tracking_number=f"T{parcel}")
    shop.at = left
    await shop.do("hand_over", parcel=parcel)
    return order, parcel


async def test_every_date_is_a_row_with_its_basis(shelf: Shop) -> None:
    order = await shelf.place(("MUG", 1), reserve="now", payment_term="on_account")
    (promise,) = (await whole(shelf, order)).promises
    assert (promise.deliver_from, promise.deliver_by, promise.reason) == (date(2026, 3, 4), date(2026, 3, 11), "")
    assert promise.basis["cut_off"]["leaves"] == "2026-03-02"
    assert promise.basis["transit"] == {"days": 7, "from": "the shipping method", "observed": 0}
    assert promise.basis["calendars"]["to"].endswith(": IE")
    async with tenant_tx(shelf.db, [shelf.merchant], readonly=True) as tx:
        told = await read_why(tx, shelf.merchant, order)
    assert told.promise and told.promise.told == [promise]
    with pytest.raises(Exception, match="permission denied"):
        await shelf.rows("update promise set deliver_by = now() where merchant_id = $1 returning 1", shelf.merchant)


async def test_a_preview_tells_the_date_and_its_basis(shelf: Shop) -> None:
    body = {"order": shelf.order(("MUG", 1), reserve="now")}
    asked = msgspec.convert(body, VERBS["place"].body, strict=False)
    effect = await preview(shelf.db, "place", Ask(shelf.merchant, asked, shelf.at))
    (told,) = effect["promise"]
    assert told["deliver_by"] == date(2026, 3, 11)
    assert told["basis"]["transit"]["from"] == "the shipping method"


async def test_saint_patricks_day_in_ireland_moves_the_date(shelf: Shop) -> None:
    shelf.at = MONDAY + timedelta(days=9)
    order = await shelf.place(("MUG", 1), reserve="now")
    (promise,) = (await whole(shelf, order)).promises
    assert promise.deliver_by == date(2026, 3, 23)
    assert list(promise.basis["holidays"]) == ["2026-03-17"]


async def test_what_is_promised_anew_supersedes_the_date_and_says_why(shelf: Shop) -> None:
    order = await shelf.place(("MUG", 1), payment_term="on_account")
    await shelf.do("check", order=order)
    await shelf.do("promise", order=order)
    await shelf.do("unpromise", order=order)
    shelf.at += timedelta(days=3)
    await shelf.do("promise", order=order)
    first, second = (await whole(shelf, order)).promises
    assert (first.reason, second.reason) == ("", "its goods were given back, and promised anew")
    assert first.deliver_by < second.deliver_by


async def test_a_promise_is_kept(shelf: Shop) -> None:
    order, parcel = await sent(shelf, left=MONDAY + timedelta(hours=1))
    shelf.at = MONDAY + timedelta(days=9)
    await shelf.do("deliver", parcel=parcel)
    (promise,) = (await whole(shelf, order)).promises
    (end,) = promise.ends
    assert (end.parcel, end.kept, end.days_late, end.party) == (parcel, True, 0, "")
    assert set(end.spent) == {"merchant", "site", "carrier", "customs", "buyer"}


@pytest.mark.parametrize(("left", "party"), [(timedelta(hours=1), "carrier"), (timedelta(days=11), "site")])
async def test_a_promise_is_broken_and_it_is_told_whose_time_it_was(shelf: Shop, left: timedelta, party: str) -> None:
    order, parcel = await sent(shelf, left=MONDAY + left)
    shelf.at = MONDAY + timedelta(days=13)
    await shelf.do("deliver", parcel=parcel)
    (promise,) = (await whole(shelf, order)).promises
    assert [(end.kept, end.days_late, end.party) for end in promise.ends] == [(False, 4, party)]


async def test_customs_kept_it_too_long(shelf: Shop) -> None:
    order, parcel = await sent(shelf, left=MONDAY + timedelta(hours=1))
    events = [{"happened_at": MONDAY + timedelta(days=days), "code": code} for days, code in ((3, "EDB"), (15, "EDC"))]
    await shelf.do("track", parcel=parcel, events=events)
    shelf.at = MONDAY + timedelta(days=16)
    await shelf.do("deliver", parcel=parcel)
    (promise,) = (await whole(shelf, order)).promises
    assert promise.ends[0].party == "customs"


async def test_a_site_that_sends_ten_a_day_tells_whoever_comes_late_a_later_date(shelf: Shop) -> None:
    async with tenant_tx(shelf.db, []) as tx:
        await set_capacity(tx, shelf.site("NJ"), 10)
    for _ in range(25):
        await shelf.place(("MUG", 1), reserve="now", payment_term="on_account")
    async with tenant_tx(shelf.db, [shelf.merchant]) as tx:
        await count_queues(tx, shelf.at)
    shelf.db.kept.forget()
    order = await shelf.place(("MUG", 1), reserve="now", payment_term="on_account")
    (promise,) = (await whole(shelf, order)).promises
    assert promise.ship_by.astimezone(UTC).date() == date(2026, 3, 4)
    assert promise.basis["queue"] == {"waiting": 25, "capacity": 10}


async def test_what_is_no_reliability_and_no_site_is_refused(shelf: Shop) -> None:
    async with tenant_tx(shelf.db, [shelf.merchant]) as tx:
        with pytest.raises(checks.NotAReliability):
            await change_merchant(tx, shelf.merchant, reliability=1.2)
        await change_merchant(tx, shelf.merchant, reliability=0.8)
        with pytest.raises(NotFound):
            await set_capacity(tx, "NOWHERE", 3)
    shelf.db.kept.forget()
    order = await shelf.place(("MUG", 1), reserve="now")
    assert (await whole(shelf, order)).promises[0].basis["reliability"] == 0.8
    assert issubclass(checks.NotAReliability, Refusal)


async def test_own_history_overrules_the_rate_card(shelf: Shop) -> None:
    parcels: list[tuple[str, str]] = []
    for _ in range(ENOUGH + 10):
        shelf.at = MONDAY
        parcels.append(await sent(shelf, left=MONDAY + timedelta(hours=1)))
    shelf.at = MONDAY + timedelta(days=3)
    for _, parcel in parcels:
        await shelf.do("deliver", parcel=parcel)
    async with tenant_tx(shelf.db, [shelf.merchant]) as tx:
        assert not await learn(tx, shelf.merchant, date(2026, 3, 5))
        assert not await learn(tx, shelf.merchant, date(2026, 3, 5))
        (learned, until) = (await experiences_of(tx, [shelf.merchant]))[shelf.merchant]
    assert until == date(2026, 3, 5)
    assert learned.transit.ended(("", "IE")) == pytest.approx(len(parcels), rel=0.05)
    shelf.db.kept.forget()
    shelf.at = MONDAY
    order = await shelf.place(("MUG", 1), reserve="now", payment_term="on_account")
    (promise,) = (await whole(shelf, order)).promises
    assert promise.basis["transit"]["from"].startswith("own history: IE US-NJ>IE")
    assert promise.basis["transit"]["observed"] >= ENOUGH
    assert promise.basis["sure"] > 0.8
    assert date(2026, 3, 5) <= promise.deliver_from <= promise.deliver_by <= date(2026, 3, 11)


# the back-test


@pytest.fixture(scope="module")
def olist() -> list[Order]:
    folder = os.environ.get("DOORSTEP_DATA", "")
    if not folder:
        pytest.skip("set DOORSTEP_DATA to the folder of recorded data to run this")
    return read(Path(folder) / "orders_olist")


@pytest.fixture(scope="module")
def till_november(olist: list[Order]) -> list[Order]:
    """The orders before the peak, with the dates that they were promised."""
    orders = [replace(order) for order in olist if order.placed <= date(2017, 11, 10)]
    World(orders, 0.9).run()
    return orders


def promised(orders: list[Order], day: date) -> dict[str, date | None]:
    return {order.order_id: order.promised for order in orders if order.placed <= day}


def test_what_happens_later_changes_no_date_that_was_named_before(
    olist: list[Order], till_november: list[Order]
) -> None:
    """The future is shuffled: stages that end after the day end whenever, orders placed after it are others."""
    day, chance = date(2017, 8, 15), Random(7)
    before = promised(till_november, day)
    assert sum(named is not None for named in before.values()) > 3000
    others = list(_with_another_future(olist, day, chance))
    world = World(others, 0.9)
    world.last = day
    world.run()
    assert promised(others, day) == before


def _with_another_future(orders: list[Order], day: date, chance: Random) -> Iterator[Order]:
    for order in orders:
        if order.placed <= day:
            stages = tuple(
                end if end and end < day else chance.choice([None, day + timedelta(days=chance.randrange(1, 200))])
                for end in order.stages
            )
            yield replace(order, stages=stages, promised=None)
        elif chance.random() < 0.5:
            yield replace(order, ways=chance.choice(orders).ways, promised=None)


def test_dates_are_as_often_kept_as_the_marketplaces_own_and_shorter(till_november: list[Order]) -> None:
    """Where nothing unusual happens: in the months before the peak."""
    told = compared(till_november[int(len(till_november) * TRAINED) :])
    assert told.orders > 3000
    assert told.on_time >= 0.88
    assert told.shorter > 0.15
