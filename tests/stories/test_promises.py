"""A date that a buyer is told: with its basis, superseded with a reason, kept or broken, and whose time it was."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from bench.promise import TRAINED, Order, World, compared, read
from doorstep.doors.reads.due import due
from doorstep.doors.reads.order import order as read_order
from doorstep.doors.reads.why import why as read_why
from doorstep.journey.intake.new_order import NewOrder
from doorstep.kit.ids import public
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.setup import checks
from doorstep.setup.customs.loading import load_list, sample
from doorstep.setup.experience import ENOUGH
from doorstep.setup.learning import count_queues, experiences_of, learn
from doorstep.setup.merchants import change_merchant
from doorstep.setup.postcodes import NOWHERE, area_of, places_of
from doorstep.setup.sites import Site, set_capacity
from doorstep.spine.outcome import Ask
from doorstep.spine.preview import preview
from doorstep.spine.tenant import tenant_tx
from doorstep.spine.verbs import VERBS
from tests.rolling import roll
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


async def test_it_is_to_leave_by_the_channels_day_where_that_is_the_earlier_one(shelf: Shop) -> None:
    early, late = MONDAY + timedelta(minutes=30), MONDAY + timedelta(days=4)
    hasty, patient, silent = [
        await whole(shelf, await shelf.place(("MUG", 1), reserve="now", payment_term="on_account", **said))
        for said in ({"ship_by": early.isoformat()}, {"ship_by": late.isoformat()}, {})
    ]
    own = silent.fulfillment_orders[0].ship_by
    assert [order.ship_by for order in (hasty, patient, silent)] == [early, late, None]
    assert [order.fulfillment_orders[0].ship_by for order in (hasty, patient)] == [early, own]
    assert hasty.promises[0].basis["ship_by"] == {"site": own.isoformat(), "channel": early.isoformat()}
    assert "ship_by" not in silent.promises[0].basis
    assert {order.deliver_by for order in (hasty, patient, silent)} == {silent.deliver_by}
    with pytest.raises(msgspec.ValidationError, match="timezone"):
        msgspec.convert(shelf.order(("MUG", 1), ship_by="2026-03-02T10:00:00"), NewOrder, strict=False)


async def test_the_channel_names_another_day_to_ship_by_and_what_still_waits_leaves_by_it(shelf: Shop) -> None:
    async def told(**more: Any) -> Any:
        content = shelf.order(("MUG", 1), external_id="7", payment_term="on_account", **more)
        return await shelf.do("place", order=content, generous=True)

    order = (await told())["order"]
    await shelf.do("check", order=order)
    await shelf.do("promise", order=order)
    own = (await whole(shelf, order)).fulfillment_orders[0].ship_by
    early = MONDAY + timedelta(minutes=30)
    assert (await told(ship_by=early.isoformat()))["applied"] == ["ship_by"]
    assert "applied" not in await told(ship_by=early.isoformat())
    now = await whole(shelf, order)
    assert (now.ship_by, now.fulfillment_orders[0].ship_by) == (early, early)
    first, second = now.promises
    assert (second.reason, second.deliver_by) == ("the channel named another day to ship by", first.deliver_by)
    assert (await told())["applied"] == ["ship_by"]
    now = await whole(shelf, order)
    assert (now.ship_by, now.fulfillment_orders[0].ship_by, len(now.promises)) == (None, own, 3)
    content = shelf.order(("MUG", 1), external_id="7", payment_term="on_account", ship_by=early.isoformat())
    assert "ship_by" in (await shelf.do("amend", order=order, content=content))["applied"]
    assert (await whole(shelf, order)).fulfillment_orders[0].ship_by == early
    parcel = await shelf.to_packed(order)
    await shelf.do("keep_label", parcel=parcel, carrier="card", tracking_number="T1")
    await shelf.do("hand_over", parcel=parcel)
    await told()
    assert (await whole(shelf, order)).fulfillment_orders[0].ship_by == early  # it has left


async def test_what_waits_for_stock_is_overdue_when_the_channels_day_has_passed(shelf: Shop) -> None:
    order = await shelf.place(("CUP", 1), payment_term="on_account", ship_by=(MONDAY + timedelta(hours=3)).isoformat())
    await shelf.work()
    await roll(shelf)
    async with tenant_tx(shelf.db, [shelf.merchant], readonly=True) as tx:
        before, _ = await due(tx, [shelf.merchant], "overdue", MONDAY + timedelta(hours=2))
        after, _ = await due(tx, [shelf.merchant], "overdue", MONDAY + timedelta(hours=4))
    assert ([row["order_id"] for row in before], [public("ord", row["order_id"]) for row in after]) == ([], [order])


async def test_no_distance_is_known_until_postcodes_are_loaded(shelf: Shop) -> None:
    site = Site(1, "LA", "", "US", None, None, "UTC", time(14), (1, 2, 3, 4, 5), "90012")
    async with tenant_tx(shelf.db, [], readonly=True) as tx:
        assert await places_of(tx) is NOWHERE
    await load_list(shelf.db, "postcodes", sample("postcodes"), at=MONDAY, by="a story", as_of=date(2026, 1, 1))
    shelf.db.kept.forget()
    async with tenant_tx(shelf.db, [], readonly=True) as tx:
        places = await places_of(tx)
        assert await places_of(tx) is places
    there = [area_of(postcode) for postcode in ("90012", "94103", "10001", "99999")]
    near, farther, far, unknown = (places.far(site, "US", area) for area in there)
    assert int(near) < int(farther) < int(far)
    assert (unknown, places.far(site, "IE", there[0])) == ("", "")
    assert places.far(replace(site, latitude=40.7, longitude=-74.0), "US", there[2]) == "0"
    async with tenant_tx(shelf.db, []) as tx:
        await tx.run("delete from rule_list")
    shelf.db.kept.forget()


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
    friday = (MONDAY + timedelta(days=4)).isoformat()
    for nth in range(ENOUGH + 10):
        shelf.at = MONDAY
        said = {"ship_by": friday} if nth % 2 else {}
        parcels.append(await sent(shelf, left=MONDAY + timedelta(hours=1), **said))
    shelf.at = MONDAY + timedelta(days=3)
    for _, parcel in parcels:
        await shelf.do("deliver", parcel=parcel)
    # Two workers at once, and one later: a day is learned once.
    await asyncio.gather(*(learn(shelf.db, shelf.merchant, date(2026, 3, until)) for until in (4, 5, 5)))
    assert not await learn(shelf.db, shelf.merchant, date(2026, 3, 5))
    async with tenant_tx(shelf.db, [shelf.merchant]) as tx:
        (learned, until) = (await experiences_of(tx, [shelf.merchant]))[shelf.merchant]
    assert until == date(2026, 3, 5)
    assert learned.transit.ended(("", "IE")) == pytest.approx(len(parcels), rel=0.05)
    assert learned.handling.ended(("", "4 days")) == pytest.approx(len(parcels) / 2, rel=0.06)
    assert learned.handling.ended(("", "")) == pytest.approx(len(parcels) / 2, rel=0.06)
    shelf.db.kept.forget()
    shelf.at = MONDAY
    order = await shelf.place(("MUG", 1), reserve="now", payment_term="on_account")
    (promise,) = (await whole(shelf, order)).promises
    assert promise.basis["transit"]["from"].startswith("own history: IE US-NJ>IE")
    assert promise.basis["transit"]["observed"] >= ENOUGH
    assert promise.basis["sure"] > 0.8
    assert promise.basis["handling"]["from"] == f"own history: {shelf.site('NJ')}"
    order = await shelf.place(("MUG", 1), reserve="now", payment_term="on_account", ship_by=friday)
    assert (await whole(shelf, order)).promises[0].basis["handling"][
        "from"
    ] == f"own history: 4 days {shelf.site('NJ')}"
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
