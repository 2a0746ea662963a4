"""Daily roll-ups: what the days come to, whatever happens to their orders later; and they are what the books say."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from doorstep.doors.worker import rolling
from doorstep.setup.channels import open_channels
from doorstep.setup.merchants import change_merchant
from doorstep.spine.tenant import tenant_tx
from tests.doors.web import settled
from tests.rolling import kept, past_stock_is_what_moved_by_then, roll, roll_anew
from tests.shop import HOME, Shop
from tests.stories.test_reports import promised, sales

MONDAY = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
WARSAW = {**HOME, "line1": "Prosta 1", "city": "Warszawa", "postcode": "00-838", "country": "PL"}


async def day_of(shop: Shop, table: str, day: str, **where: Any) -> dict[str, int]:
    """The sums of a day."""
    rows = [
        row
        for row in (await kept(shop))[table]
        if row["day"] == date.fromisoformat(day) and all(row[name] == value for name, value in where.items())
    ]
    numbers = [name for name in (rows[0] if rows else {}) if type(rows[0][name]) is int]
    return {name: sum(row[name] for row in rows) for name in numbers}


@pytest.fixture
async def week(shop: Shop) -> Shop:
    """Monday: an order of two parcels that comes in time, one that comes late, one that is canceled on Tuesday."""
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await change_merchant(tx, shop.merchant, hold_duplicates=False, timezone="America/New_York")
    await open_channels(shop.db, shop.merchant, ["till"], "api")
    await shop.stock("MUG", 20)
    await shop.stock("CUP", 20, "PL")
    shop.at = MONDAY
    placed = [
        await shop.place(
            ("MUG", 1), ("CUP", 1), payment_term="on_account", placed_at=MONDAY, ship_to=to, channel=channel
        )
        for to, channel in ((HOME, "api"), (WARSAW, "till"), (HOME, "api"))
    ]
    await roll(shop)
    shop.at = MONDAY + timedelta(days=1)
    await shop.do("cancel", order=placed[2])
    for order in placed[:2]:
        await shop.to_picked(order)
        await promised(shop, order, "2026-03-06")
        for parcel in await shop.pack_all(order):
            await shop.do("keep_label", parcel=parcel, carrier="card", tracking_number=f"T{parcel}")
            await shop.do("hand_over", parcel=parcel)
    await roll(shop)
    for order, days in zip(placed, (3, 5), strict=False):
        shop.at = MONDAY + timedelta(days=days)
        for row in await parcels(shop, order):
            await shop.do("deliver", parcel=row)
    await shop.work()
    await shop.do("record_payment", order=placed[0], amount_minor=2500)
    await roll(shop)
    return shop


async def parcels(shop: Shop, order: str) -> list[str]:
    rows = await shop.rows(
        "select 'par_' || parcel_id as id from parcel where merchant_id = $1 and order_id = $2 order by 1",
        shop.merchant, int(order[4:]),
    )  # fmt: skip
    return [row["id"] for row in rows]


async def first_order(shop: Shop) -> str:
    rows = await shop.rows("select min(order_id) as id from orders where merchant_id = $1", shop.merchant)
    return f"ord_{rows[0]['id']}"


async def test_a_day_is_what_was_placed_then_canceled_orders_too(week: Shop) -> None:
    monday = await day_of(week, "day_sales", "2026-03-02")
    assert {name: monday[name] for name in ("orders", "canceled", "lines", "units", "gross_minor")} == {
        "orders": 3, "canceled": 1, "lines": 6, "units": 6, "gross_minor": 7500,
    }  # fmt: skip
    assert (await day_of(week, "day_sales", "2026-03-02", country="PL"))["orders"] == 1
    mugs = await day_of(week, "day_goods", "2026-03-02", item="MUG")
    assert (mugs["orders"], mugs["units"], mugs["gross_minor"]) == (3, 3, 3750)


async def test_money_stands_on_the_day_it_moved(week: Shop) -> None:
    assert (await day_of(week, "day_cash", "2026-03-07"))["taken_minor"] == 2500
    week.at = MONDAY + timedelta(days=8)
    await week.do("record_payment", order=await first_order(week), amount_minor=700)
    (by_hand,) = (await week.do("want_refund", order=await first_order(week)))["by_hand"]
    await week.do("refund", payment=by_hand)
    await roll(week)
    tuesday = await day_of(week, "day_cash", "2026-03-10")
    assert (tuesday["taken_minor"], tuesday["refunded_minor"]) == (700, 700)
    (cash,) = await week.rows(
        "select sum(earned)::int as earned, sum(refunded)::int as refunded from order_now where merchant_id = $1",
        week.merchant,
    )
    rows = (await kept(week))["day_cash"]
    assert sum(row["taken_minor"] - row["refunded_minor"] for row in rows) == cash["earned"]
    assert sum(row["refunded_minor"] for row in rows) == cash["refunded"]


async def test_an_order_is_perfect_until_something_is_wrong_with_it(week: Shop) -> None:
    in_time, late = [await day_of(week, "day_arrivals", day) for day in ("2026-03-05", "2026-03-07")]
    assert (in_time["orders"], in_time["promised"], in_time["on_time"], in_time["perfect"]) == (1, 1, 1, 1)
    assert (late["orders"], late["promised"], late["on_time"], late["late"], late["perfect"]) == (1, 1, 0, 1, 0)
    assert (late["complete"], late["undamaged"], late["papered"]) == (1, 1, 1)
    week.at = MONDAY + timedelta(days=20)
    back = [{"line": 1, "quantity": 1}]
    await week.do("take_back", order=await first_order(week), site=week.site("NJ"), lines=back)
    await roll(week)
    returned = await day_of(week, "day_arrivals", "2026-03-05")
    assert (returned["orders"], returned["on_time"], returned["undamaged"], returned["perfect"]) == (1, 1, 0, 0)


async def test_carriers_are_told_by_the_day_they_got_the_parcels(week: Shop) -> None:
    tuesday = await day_of(week, "day_carriers", "2026-03-03", carrier="card")
    assert (tuesday["parcels"], tuesday["delivered"], tuesday["on_time"], tuesday["failed"]) == (4, 4, 2, 0)
    assert tuesday["seconds"] == 2 * 2 * 86_400 + 2 * 4 * 86_400


async def test_steps_count_on_the_day_they_ended(week: Shop) -> None:
    delivered = await day_of(week, "day_steps", "2026-03-05", step=5)
    assert (delivered["orders"], delivered["seconds"]) == (1, 2 * 86_400)
    assert (await day_of(week, "day_steps", "2026-03-03", step=3))["orders"] == 2


async def test_what_is_open_is_due_until_it_has_left_and_arrived(shop: Shop) -> None:
    await shop.stock("MUG", 5)
    order = await shop.place(("MUG", 1), payment_term="on_account")
    await shop.work()
    await roll(shop)
    (waiting,) = (await kept(shop))["backlog"]
    assert waiting["stop"] == "awaiting_fulfillment"
    (due,) = await shop.rows("select ship_by, deliver_by from fulfillment_order where merchant_id = $1", shop.merchant)
    assert (waiting["ship_by"], waiting["deliver_by"]) == (due["ship_by"], due["deliver_by"])
    parcel = await shop.to_packed(order)
    await shop.do("keep_label", parcel=parcel, carrier="card", tracking_number="T1")
    await shop.do("hand_over", parcel=parcel)
    await roll(shop)
    (travels,) = (await kept(shop))["backlog"]
    assert (travels["stop"], travels["deliver_by"]) == ("on_its_way", due["deliver_by"])
    assert str(travels["ship_by"]) > "9999" or travels["ship_by"].year == 9999
    await shop.do("deliver", parcel=parcel)
    await shop.do("record_payment", order=order, amount_minor=1250)
    await roll(shop)
    assert (await kept(shop))["backlog"] == []


async def test_rolled_up_one_by_one_is_what_it_is_at_once_and_what_the_books_say(week: Shop) -> None:
    moved = await week.place(("MUG", 2), placed_at=MONDAY, payment_term="on_account")
    await roll(week)
    await week.do("fix_address", order=moved, ship_to=WARSAW)
    await roll(week)
    one_by_one = await kept(week)
    await roll_anew(week)
    assert await kept(week) == one_by_one
    told = await sales(week, by="day", timezone="America/New_York")
    for row in told["rows"]:
        rolled = await day_of(week, "day_sales", row["key"], currency=row["currency"])
        assert (rolled["orders"], rolled["lines"], rolled["gross_minor"]) == (
            row["orders"], row["lines"], row["gross_minor"],
        )  # fmt: skip
    by_sku = {row["key"]: row["gross_minor"] for row in (await sales(week, by="sku"))["rows"]}
    goods = (await kept(week))["day_goods"]
    assert {row["item"]: sum(g["gross_minor"] for g in goods if g["item"] == row["item"]) for row in goods} == by_sku


async def test_what_stood_there_on_any_day_is_what_had_moved_by_then(week: Shop) -> None:
    assert await past_stock_is_what_moved_by_then(week) > 8
    await week.place(("MUG", 2), placed_at=MONDAY, payment_term="on_account")
    await past_stock_is_what_moved_by_then(week)  # and what is not rolled up yet


@pytest.mark.parametrize("seed", range(3))
async def test_stock_may_move_and_be_written_down_in_any_order(shop: Shop, seed: int) -> None:
    """Over years, around midnight of the merchant's clock, some of it rolled up and some not yet."""
    chance = random.Random(seed)
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await change_merchant(tx, shop.merchant, timezone="Pacific/Auckland")
    for nth in range(40):
        shop.at = MONDAY + timedelta(days=chance.randint(-900, 30), hours=chance.randint(-13, 13))
        sku, site = chance.choice(("MUG", "CUP")), chance.choice(("NJ", "PL"))
        if nth % 4:
            await shop.receive(sku, chance.randint(1, 9), site, damaged=chance.randint(0, 1))
        else:
            await shop.stock(sku, chance.randint(1, 9), site)
        if chance.random() < 0.2:
            await roll(shop)
            await past_stock_is_what_moved_by_then(shop)
    assert await past_stock_is_what_moved_by_then(shop) > 40
    await roll(shop)
    await past_stock_is_what_moved_by_then(shop)
    one_by_one = await kept(shop)
    await roll_anew(shop)
    assert await kept(shop) == one_by_one
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await change_merchant(tx, shop.merchant, timezone="America/New_York")
    await roll(shop)
    await past_stock_is_what_moved_by_then(shop)


async def test_stock_that_older_code_passed_over_is_caught_up_with(shop: Shop) -> None:
    async def nothing(tx: Any, news: Any) -> None:
        pass

    await shop.stock("MUG", 4)
    await settled(shop)
    assert await rolling.Follower("rollup", rolling.EVENTS, nothing).once(shop.db, [shop.merchant])
    assert (await kept(shop))["stock_moved"] == []
    await past_stock_is_what_moved_by_then(shop)
    await shop.stock("CUP", 2)
    await roll(shop)
    assert sum(row["free"] for row in (await kept(shop))["stock_moved"] if row["span"] == "day") == 6
    await past_stock_is_what_moved_by_then(shop)


async def test_another_clock_counts_the_days_anew(shop: Shop) -> None:
    await shop.place(("MUG", 1), placed_at=datetime(2026, 3, 2, 2, tzinfo=UTC))
    await roll(shop)
    assert (await day_of(shop, "day_sales", "2026-03-02"))["orders"] == 1
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await change_merchant(tx, shop.merchant, timezone="America/New_York")
    await roll(shop)
    assert await day_of(shop, "day_sales", "2026-03-02") == {}
    assert (await day_of(shop, "day_sales", "2026-03-01"))["orders"] == 1


async def test_a_batch_is_counted_once_however_often_it_is_run(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await shop.place(("MUG", 1), placed_at=MONDAY)
    await roll(shop)

    async def dies(tx: Any, news: Any) -> None:
        await rolling.write(tx, news)
        raise RuntimeError("killed before the place was kept")

    await shop.place(("MUG", 1), placed_at=MONDAY)
    dying = rolling.Follower("rollup", rolling.EVENTS, dies)
    await settled(shop)
    with pytest.raises(RuntimeError):
        await dying.batch(shop.db, shop.merchant)
    assert (await day_of(shop, "day_sales", "2026-03-02"))["orders"] == 1
    await roll(shop)
    assert (await day_of(shop, "day_sales", "2026-03-02"))["orders"] == 2


async def test_nobody_sees_another_merchants_days(week: Shop, other_shop: Shop) -> None:
    await roll(other_shop)
    assert not any((await kept(other_shop)).values())
