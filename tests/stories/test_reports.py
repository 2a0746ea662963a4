"""Reports: what came of it, in figures that are worked out by hand here."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

import msgspec
import pytest

from doorstep.doors.reads.reports.asking import ReportQuery, period
from doorstep.doors.reads.reports.credits import CreditsQuery, report_credits
from doorstep.doors.reads.reports.delivery import DeliveryQuery, report_delivery
from doorstep.doors.reads.reports.sales import SalesQuery, report_sales
from doorstep.doors.reads.reports.stages import StagesQuery, report_stages
from doorstep.doors.reads.reports.stock import PastStockQuery, report_stock
from doorstep.kit.refusals import Invalid
from doorstep.setup.channels import open_channels
from doorstep.setup.merchants import change_merchant
from doorstep.spine.tenant import tenant_tx
from tests.shop import HOME, Shop

WARSAW = {**HOME, "line1": "Prosta 1", "city": "Warszawa", "postcode": "00-838", "country": "PL"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def told(shop: Shop, report: Any, kind: Any, **asked: Any) -> dict[str, Any]:
    query = msgspec.convert({name.rstrip("_"): value for name, value in asked.items()}, kind)
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        found: dict[str, Any] = msgspec.to_builtins(await report(tx, shop.merchant, query))
    return found


async def sales(shop: Shop, **asked: Any) -> dict[str, Any]:
    return await told(shop, report_sales, SalesQuery, **asked)


def figures(row: dict[str, Any]) -> tuple[int, ...]:
    """Orders, lines, gross, credits, linked, adjustments, net."""
    names = ("orders", "lines", "gross_minor", "credits_minor", "credits_linked", "adjustments_minor", "net_minor")
    return tuple(row[name] for name in names)


# Periods


def test_a_period_is_of_days_where_the_shop_is() -> None:
    query = ReportQuery(from_=date(2026, 3, 8), to=date(2026, 3, 9), timezone="America/New_York")
    # The day on which the clocks go forward has 23 hours.
    assert period(query) == (at("2026-03-08T05:00"), at("2026-03-09T04:00"))
    # Midnight itself was left out that day in São Paulo.
    night = ReportQuery(from_=date(2018, 11, 4), timezone="America/Sao_Paulo")
    assert period(night) == (at("2018-11-04T03:00"), None)


@pytest.mark.parametrize("asked", [{"timezone": "Mars/Olympus"}, {"from": "2026-03-02", "to": "2026-03-02"}])
async def test_a_zone_that_nobody_knows_and_a_period_without_a_day_are_invalid(shop: Shop, asked: Any) -> None:
    with pytest.raises(Invalid):
        await sales(shop, **asked)


async def test_the_database_knows_every_zone_that_is_taken(shop: Shop) -> None:
    taken = []
    for name in available_timezones():
        try:
            period(ReportQuery(timezone=name))
            taken.append(name)
        except Invalid:
            continue
    rows = await shop.rows("select now() at time zone name as local from unnest($1::text[]) name", taken)
    assert len(rows) == len(taken) > 400


# Sales


@pytest.fixture
async def seller(shop: Shop) -> Shop:
    """Five orders, a draft, our own credit note, and corrections told of elsewhere.

    February's last order, by the clock of New York, is March's first by that of Greenwich.
    """
    await open_channels(shop.db, shop.merchant, ["till"], "file")
    await shop.place(("MUG", 2), placed_at=at("2026-03-01T04:30"))
    three = shop.order(("MUG", 1), ("CUP", 1), ("LAMP", 1), discount_minor=100, placed_at=at("2026-03-01T05:00"))
    billed = str(
        (await shop.do("place", order={**three, "shipping_minor": 700, "payment_term": "on_account"}))["order"]
    )
    await shop.place(("CUP", 3), placed_at=at("2026-04-01T03:59:59"), ship_to=WARSAW, channel="till")
    euro = shop.order(("MUG", 4), placed_at=at("2026-03-15T12:00"))
    await shop.do("place", order={**euro, "currency": "EUR"})
    gone = await shop.place(("MUG", 1), placed_at=at("2026-03-20T12:00"))
    await shop.do("cancel", order=gone)
    await shop.do("place", order=shop.order(("LAMP", 9), placed_at=at("2026-03-20T12:00"), draft=True))
    shop.at = at("2026-04-10T12:00")
    await shop.do("issue_invoice", order=billed)
    await shop.do("issue_credit", order=billed, lines=[{"line": 2, "quantity": 1}], amount_minor=50, refund=False)
    for kind, line in (
        ("credit", credit_line("MUG", -1, "12.50")),
        ("adjustment", credit_line("BAD DEBT", 1, "-9.99")),
    ):
        await shop.do(
            "import_correction", kind=kind, external_id="C1", happened_at=at("2026-04-11T12:00"), currency="USD",
            country="PL", channel="till", lines=[line],
        )  # fmt: skip
    return shop


def credit_line(sku: str, quantity: int, unit_price: str) -> dict[str, Any]:
    return {"sku": sku, "title": sku, "quantity": quantity, "unit_price": unit_price}


async def test_sales_are_told_to_the_cent(seller: Shop) -> None:
    # 25.00 + (37.50 - 1.00) + 37.50 + 12.50; credited: the cup less its part of the discount, 0.50 more, and a mug.
    whole = await sales(seller)
    assert whole == {
        "currency": "USD", "orders": 4, "lines": 6, "gross_minor": 11150, "credits_minor": -1217 - 50 - 1250,
        "credits_linked": 1, "adjustments_minor": -999, "net_minor": 11150 - 2517 - 999,
        "by_currency": {"EUR": {
            "orders": 1, "lines": 1, "gross_minor": 5000, "credits_minor": 0, "credits_linked": 0,
            "adjustments_minor": 0, "net_minor": 5000,
        }},
    }  # fmt: skip


async def test_a_period_begins_and_ends_with_the_days_of_its_zone(seller: Shop) -> None:
    march = {"from": "2026-03-01", "to": "2026-04-01"}
    assert figures(await sales(seller, **march)) == (3, 5, 7400, 0, 0, 0, 7400)
    # In New York the first order was February's, and the one to Warsaw still March's.
    local = await sales(seller, **march, timezone="America/New_York")
    assert figures(local) == (3, 5, 3650 + 3750 + 1250, 0, 0, 0, 8650)
    april = await sales(seller, from_="2026-04-01")
    assert figures(april) == (1, 1, 3750, -2517, 1, -999, 234)


async def test_sales_by_month_week_and_day_stand_beside_the_totals(seller: Shop) -> None:
    told = await sales(seller, by="month", timezone="America/New_York")
    assert [(row["key"], row["currency"], *figures(row)) for row in told["rows"]] == [
        ("2026-02", "USD", 1, 1, 2500, 0, 0, 0, 2500),
        ("2026-03", "EUR", 1, 1, 5000, 0, 0, 0, 5000),
        ("2026-03", "USD", 3, 5, 8650, 0, 0, 0, 8650),
        ("2026-04", "USD", 0, 0, 0, -2517, 1, -999, -3516),
    ]
    assert figures(told) == figures(await sales(seller))
    weeks = await sales(seller, by="week", to="2026-03-16")
    assert [(row["key"], row["currency"]) for row in weeks["rows"]] == [("2026-02-23", "USD"), ("2026-03-09", "EUR")]
    days = await sales(seller, by="day", from_="2026-03-20")
    assert [row["key"] for row in days["rows"]] == ["2026-03-20", "2026-04-01", "2026-04-10", "2026-04-11"]


async def test_sales_are_narrowed_by_channel_and_country(seller: Shop) -> None:
    assert figures(await sales(seller, channel="till")) == (1, 1, 3750, -1250, 0, -999, 1501)
    assert figures(await sales(seller, country="PL", channel="api")) == (0, 0, 0, 0, 0, 0, 0)
    told = await sales(seller, by="country")
    assert [(row["key"], row["currency"], row["net_minor"]) for row in told["rows"]] == [
        ("IE", "EUR", 5000), ("IE", "USD", 2500 + 3650 + 1250 - 1267), ("PL", "USD", 1501),
    ]  # fmt: skip
    assert [row["key"] for row in (await sales(seller, by="channel"))["rows"]] == ["api", "api", "till"]


async def test_by_sku_every_line_bears_its_cents_of_the_orders_discount(seller: Shop) -> None:
    # A dollar off three lines of 12.50 is 34, 33 and 33 cents.
    told = await sales(seller, by="sku")
    rows = [(row["key"], row["currency"], *figures(row)) for row in told["rows"]]
    assert rows == [
        ("", "USD", 0, 0, 0, -50, 0, 0, -50),  # what the credit note gave beyond its lines
        ("BAD DEBT", "USD", 0, 0, 0, 0, 0, -999, -999),
        ("CUP", "USD", 2, 2, 1217 + 3750, -1217, 1, 0, 3750),
        ("LAMP", "USD", 1, 1, 1217, 0, 0, 0, 1217),
        ("MUG", "EUR", 1, 1, 5000, 0, 0, 0, 5000),
        ("MUG", "USD", 3, 3, 2500 + 1216 + 1250, -1250, 0, 0, 3716),
    ]
    in_dollars = [row for row in told["rows"] if row["currency"] == "USD"]
    for name in ("lines", "gross_minor", "credits_minor", "credits_linked", "adjustments_minor", "net_minor"):
        assert sum(row[name] for row in in_dollars) == told[name]
    assert figures(await sales(seller, sku="CUP")) == (2, 2, 4967, -1217, 1, 0, 3750)
    assert figures(await sales(seller, sku="GHOST")) == (0, 0, 0, 0, 0, 0, 0)


async def test_what_a_channel_calls_an_item_that_nobody_knows_can_be_asked_for(shop: Shop) -> None:
    ghost = {"sku": "GHOST", "title": "A ghost", "quantity": 2, "unit_price": "3.00"}
    await shop.do("place", order=shop.order(ghost, channel="file", external_id="1"), generous=True)
    assert figures(await sales(shop, sku="GHOST")) == (1, 1, 600, 0, 0, 0, 600)


async def test_a_merchant_sees_its_own_sales_alone(seller: Shop, other_shop: Shop) -> None:
    assert figures(await sales(other_shop)) == (0, 0, 0, 0, 0, 0, 0)


# Credits


@pytest.fixture
async def credited(shop: Shop) -> Shop:
    """A buyer, 77, bought five mugs at 2.50; two corrections, one of them at another price, and a note of our own."""
    sold = {"sku": "MUG", "quantity": 5, "unit_price": "2.50"}
    order = shop.order(
        sold, channel="file", external_id="1", placed_at=at("2026-03-01T10:00"), buyer={"customer": "77"}
    )
    await shop.do("import_history", order=order, happened={"fulfilled_at": at("2026-03-02T10:00")})
    papers = [
        ("C1", "2026-03-20T12:00", "", [credit_line("MUG", -2, "2.50"), credit_line("POST", -1, "4.00")]),
        ("C2", "2026-04-02T12:00", "damaged", [credit_line("MUG", -1, "2.10"), credit_line("CUP", -1, "3.00")]),
    ]
    for number, when, reason, lines in papers:
        await shop.do(
            "import_correction", kind="credit", external_id=number, happened_at=at(when), currency="USD",
            buyer={"customer": "77"}, reason=reason, lines=lines,
        )  # fmt: skip
    ours = await shop.place(("LAMP", 3), payment_term="on_account", placed_at=at("2026-03-05T10:00"))
    shop.at = at("2026-04-03T12:00")
    await shop.do("issue_invoice", order=ours)
    await shop.do("issue_credit", order=ours, lines=[{"line": 1, "quantity": 2}], reason="damaged", refund=False)
    return shop


async def credits(shop: Shop, **asked: Any) -> dict[str, Any]:
    return await told(shop, report_credits, CreditsQuery, **asked)


def counts(row: dict[str, Any]) -> tuple[int, ...]:
    """Lines, linked, not linked, at another price, units, units linked, amount, of it linked."""
    names = ("lines", "linked", "not_linked", "at_another_price", "units", "units_linked", "amount_minor",
             "linked_minor")  # fmt: skip
    return tuple(row[name] for name in names)


async def test_credits_tell_what_is_linked_and_at_which_price(credited: Shop) -> None:
    whole = await credits(credited)
    assert counts(whole) == (5, 3, 2, 1, 7, 5, -500 - 400 - 210 - 300 - 2500, -500 - 210 - 2500)
    assert whole["currency"] == "USD"
    assert "rows" not in whole and "by_currency" not in whole
    sold = await sales(credited)
    assert (sold["credits_minor"], sold["credits_linked"]) == (whole["amount_minor"], whole["linked"])


async def test_however_much_was_credited_it_is_added_up(shop: Shop) -> None:
    """More than a whole number of the database holds."""
    most = 10**15
    lines = [credit_line("MUG", -100_000, "100000000")] * 2000
    for number in range(5):
        await shop.do(
            "import_correction", kind="credit", external_id=f"C{number}", happened_at=at("2026-03-20T12:00"),
            currency="USD", lines=lines,
        )  # fmt: skip
    assert (await credits(shop))["amount_minor"] == -most * 10_000
    assert (await credits(shop, by="sku"))["rows"][0]["amount_minor"] == -most * 10_000
    assert (await sales(shop))["net_minor"] == -most * 10_000


async def test_credits_by_reason_sku_and_month(credited: Shop) -> None:
    by_reason = (await credits(credited, by="reason"))["rows"]
    assert [(row["key"], *counts(row)) for row in by_reason] == [
        ("", 2, 1, 1, 0, 3, 2, -900, -500), ("damaged", 3, 2, 1, 1, 4, 3, -3010, -2710),
    ]  # fmt: skip
    by_sku = (await credits(credited, by="sku"))["rows"]
    assert [(row["key"], row["lines"], row["linked"], row["amount_minor"]) for row in by_sku] == [
        ("CUP", 1, 0, -300), ("LAMP", 1, 1, -2500), ("MUG", 2, 2, -710), ("POST", 1, 0, -400),
    ]  # fmt: skip
    by_month = (await credits(credited, by="month"))["rows"]
    assert [(row["key"], row["lines"], row["units_linked"]) for row in by_month] == [
        ("2026-03", 2, 2),
        ("2026-04", 3, 3),
    ]
    assert counts(await credits(credited, sku="MUG", from_="2026-04-01")) == (1, 1, 0, 1, 1, 1, -210, -210)
    assert counts(await credits(credited, channel="api")) == (1, 1, 0, 0, 2, 2, -2500, -2500)


# Delivery


async def packed(shop: Shop, **more: Any) -> tuple[str, list[str]]:
    """An order of a mug and a cup with its parcels, all handed over."""
    order = await shop.place(("MUG", 1), ("CUP", 1), payment_term="on_account", **more)
    await shop.to_picked(order)
    parcels = await shop.pack_all(order)
    for parcel in parcels:
        await shop.do("keep_label", parcel=parcel, carrier="card", tracking_number=f"T{parcel}")
        await shop.do("hand_over", parcel=parcel)
    return order, parcels


TELL_ANOTHER_DAY = """
insert into promise (merchant_id, order_id, promise_id, fulfillment_order_id, ship_by, deliver_from, deliver_by, reason,
    basis, made_at)
  select merchant_id, order_id, $4 + row_number() over (), fulfillment_order_id, ship_by, deliver_from, deliver_by,
      'a story says so', '{}', now()
    from fulfillment_order where merchant_id = $1 and order_id = $2 and deliver_by = $3
"""


async def promised(shop: Shop, order: str, day: str) -> None:
    """The day that the buyer was told."""
    at = shop.merchant, int(order[4:]), date.fromisoformat(day)
    first = next(await shop.db.ids.draw(shop.db.pool, 20))
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await tx.run("update fulfillment_order set deliver_by = $3 where merchant_id = $1 and order_id = $2", *at)
        await tx.run(TELL_ANOTHER_DAY, *at, first)


@pytest.fixture
async def sender(shop: Shop) -> Shop:
    """Mugs stand in New Jersey, cups in Poland: each order of both leaves in two parcels."""
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await change_merchant(tx, shop.merchant, hold_duplicates=False)
    await shop.stock("MUG", 20)
    await shop.stock("CUP", 20, "PL")
    return shop


async def delivery(shop: Shop, **asked: Any) -> dict[str, Any]:
    return await told(shop, report_delivery, DeliveryQuery, **asked)


async def test_late_is_a_later_day_where_the_parcel_left_from(sender: Shop) -> None:
    # 03:30 in Greenwich is 23:30 of the day before in New Jersey, and 04:30 of the same in Poland.
    for mug, cup in (
        ("2026-03-11T03:30", "2026-03-10T22:30"),  # both on the last minutes of the 10th
        ("2026-03-11T04:30", "2026-03-10T22:30"),  # half past midnight in New Jersey
        ("2026-03-11T03:30", "2026-03-10T23:30"),  # half past midnight in Poland
    ):
        order, parcels = await packed(sender, placed_at=at("2026-03-01T12:00"))
        await promised(sender, order, "2026-03-10")
        sites = await sender.rows(
            "select p.parcel_id, t.timezone from parcel p join site t on t.site_id = p.site_id"
            " where p.merchant_id = $1 and p.order_id = $2", sender.merchant, int(order[4:]),
        )  # fmt: skip
        zones = {f"par_{row['parcel_id']}": row["timezone"] for row in sites}
        assert len(parcels) == 2
        for parcel in parcels:
            when = mug if zones[parcel] == "America/New_York" else cup
            await sender.do("deliver", parcel=parcel, happened_at=at(when))
    assert await delivery(sender) == {"orders": 3, "delivered": 3, "late": 2, "parcels": 6}


async def test_an_order_is_delivered_when_all_its_parcels_are(sender: Shop) -> None:
    order, (first, second) = await packed(sender, placed_at=at("2026-03-01T12:00"))
    await promised(sender, order, "2026-03-02")
    await sender.do("deliver", parcel=first, happened_at=at("2026-03-05T12:00"))
    assert await delivery(sender) == {"orders": 1, "delivered": 0, "late": 1, "parcels": 2}
    await sender.do("deliver", parcel=second, happened_at=at("2026-03-05T12:00"))
    assert await delivery(sender) == {"orders": 1, "delivered": 1, "late": 1, "parcels": 2}


async def test_every_order_counts_but_drafts_and_a_parcel_that_was_emptied_does_not(sender: Shop) -> None:
    gone = await sender.place(("MUG", 1), placed_at=at("2026-03-01T12:00"))
    await sender.do("cancel", order=gone)
    await sender.do("place", order=sender.order(("MUG", 1), draft=True, placed_at=at("2026-03-01T12:00")))
    order = await sender.place(("MUG", 2), payment_term="on_account", placed_at=at("2026-04-01T12:00"), ship_to=WARSAW)
    parcel = await sender.to_packed(order)
    assert await delivery(sender) == {"orders": 2, "delivered": 0, "late": 0, "parcels": 1}
    await sender.do("unpack", parcel=parcel, lines=[{"line": 1, "quantity": 2}])
    assert await delivery(sender) == {"orders": 2, "delivered": 0, "late": 0, "parcels": 0}
    told = await delivery(sender, by="month")
    assert told["rows"] == [
        {"key": "2026-03", "orders": 1, "delivered": 0, "late": 0, "parcels": 0},
        {"key": "2026-04", "orders": 1, "delivered": 0, "late": 0, "parcels": 0},
    ]
    assert (await delivery(sender, country="PL"))["orders"] == 1
    assert (await delivery(sender, sku="CUP"))["orders"] == 0
    assert (await delivery(sender, to="2026-04-01"))["orders"] == 1
    assert await delivery(sender, from_="2027-01-01") == {"orders": 0, "delivered": 0, "late": 0, "parcels": 0}


# The time in each stage


async def stages(shop: Shop, **asked: Any) -> dict[tuple[str, str], tuple[int, float | None, float | None]]:
    found = await told(shop, report_stages, StagesQuery, **asked)
    return {(row["from"], row["to"]): (row["orders"], row["median_hours"], row["p90_hours"]) for row in found["steps"]}


async def test_the_hours_of_each_stage_are_those_of_the_world(shop: Shop) -> None:
    """One order through the house, on the hour."""
    start = at("2026-03-02T08:00")
    shop.at = start
    await shop.stock("MUG", 5)
    order = await shop.place(("MUG", 1), payment_term="on_account", placed_at=start - timedelta(hours=1))
    await shop.to_released(order)
    shop.at = start + timedelta(hours=2)
    await shop.pick_all(order)
    shop.at = start + timedelta(hours=2, minutes=30)
    (parcel,) = await shop.pack_all(order)
    await shop.do("keep_label", parcel=parcel, carrier="card", tracking_number="T1")
    shop.at = start + timedelta(hours=10)
    await shop.do("hand_over", parcel=parcel)
    assert (await stages(shop))["handed_over", "delivered"] == (0, None, None)
    shop.at = start + timedelta(hours=58)
    await shop.do("deliver", parcel=parcel)
    await shop.do("record_payment", order=order, amount_minor=1000)
    assert (await stages(shop))["placed", "paid"] == (0, None, None)
    shop.at = start + timedelta(hours=100)
    await shop.do("record_payment", order=order, amount_minor=250)
    assert await stages(shop) == {
        ("placed", "released"): (1, 1.0, 1.0),
        ("released", "picked"): (1, 2.0, 2.0),
        ("picked", "packed"): (1, 0.5, 0.5),
        ("packed", "handed_over"): (1, 7.5, 7.5),
        ("placed", "handed_over"): (1, 11.0, 11.0),
        ("handed_over", "delivered"): (1, 48.0, 48.0),
        ("placed", "delivered"): (1, 59.0, 59.0),
        ("placed", "paid"): (1, 101.0, 101.0),
        ("delivered", "paid"): (1, 42.0, 42.0),
    }


async def test_the_median_and_what_nine_in_ten_took_of_what_happened_elsewhere(shop: Shop) -> None:
    """Five orders that took 10, 20, 30, 40 and 50 hours to leave, and a day to arrive; one of them was never sent."""
    for number in range(1, 6):
        placed = at("2026-03-01T00:00") + timedelta(days=number)
        sent = placed + timedelta(hours=10 * number)
        body = shop.order(("MUG", 1), external_id=str(number), placed_at=placed)
        body["tenders"] = [{"kind": "paid", "amount_minor": 1250, "paid_at": placed + timedelta(hours=1)}]
        await shop.do(
            "import_history", order=body, happened={"fulfilled_at": sent, "delivered_at": sent + timedelta(days=1)}
        )
    await shop.do("import_history", order=shop.order(("MUG", 1), external_id="6", placed_at=at("2026-03-09T00:00")))
    found = await stages(shop)
    assert found["placed", "handed_over"] == (5, 30.0, 46.0)
    assert found["handed_over", "delivered"] == (5, 24.0, 24.0)
    assert found["placed", "delivered"] == (5, 54.0, 70.0)
    assert found["placed", "paid"] == (5, 1.0, 1.0)
    assert found["placed", "released"] == (0, None, None)
    assert found["delivered", "paid"] == (0, None, None)  # they paid before
    assert (await stages(shop, to="2026-03-04"))["placed", "handed_over"] == (2, 15.0, 19.0)
    rows = (await told(shop, report_stages, StagesQuery, by="day", from_="2026-03-06"))["rows"]
    assert [(row["key"], row["to"], row["orders"], row["median_hours"]) for row in rows] == [
        ("2026-03-06", "handed_over", 1, 50.0), ("2026-03-06", "delivered", 1, 24.0),
        ("2026-03-06", "delivered", 1, 74.0), ("2026-03-06", "paid", 1, 1.0),
    ]  # fmt: skip


# Stock


async def stood(shop: Shop, when: str, **asked: Any) -> list[tuple[Any, ...]]:
    """SKU, site, free, reserved, picked, packed, quarantine, total."""
    query = PastStockQuery(at=at(when), **asked)
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        found = await report_stock(tx, shop.merchant, query)
    assert found.at == query.at
    return [msgspec.structs.astuple(row) for row in found.stock]


async def test_stock_of_any_past_instant_is_what_had_moved_by_then(shop: Shop) -> None:
    nj, pl = shop.site("NJ"), shop.site("PL")
    shop.at = at("2026-03-02T08:00")
    await shop.stock("MUG", 10)
    shop.at = at("2026-03-03T08:00")
    await shop.stock("CUP", 4, "PL")
    order = await shop.place(("MUG", 3), payment_term="on_account")
    await shop.to_released(order)
    shop.at = at("2026-03-04T08:00")
    await shop.pick_all(order)
    shop.at = at("2026-03-05T08:00")
    (parcel,) = await shop.pack_all(order)
    await shop.do("keep_label", parcel=parcel, carrier="card", tracking_number="T1")
    shop.at = at("2026-03-06T08:00")
    await shop.do("hand_over", parcel=parcel)
    shop.at = at("2026-03-07T08:00")
    await shop.do("adjust", sku="CUP", site=pl, quantity=-4, reason="missing", bin="A-1")
    assert await stood(shop, "2026-03-02T07:59:59") == []
    assert await stood(shop, "2026-03-02T08:00") == [("MUG", nj, 10, 0, 0, 0, 0, 10)]
    assert await stood(shop, "2026-03-03T08:00") == [("CUP", pl, 4, 0, 0, 0, 0, 4), ("MUG", nj, 7, 3, 0, 0, 0, 10)]
    assert await stood(shop, "2026-03-04T23:00", sku="MUG") == [("MUG", nj, 7, 0, 3, 0, 0, 10)]
    assert await stood(shop, "2026-03-05T23:00", site=nj) == [("MUG", nj, 7, 0, 0, 3, 0, 10)]
    assert await stood(shop, "2026-03-06T08:00", sku="MUG") == [("MUG", nj, 7, 0, 0, 0, 0, 7)]
    assert await stood(shop, "2026-03-07T08:00") == [("CUP", pl, 0, 0, 0, 0, 0, 0), ("MUG", nj, 7, 0, 0, 0, 0, 7)]
    assert (await shop.availability("MUG"))["free"] == 7
    assert await stood(shop, "2099-03-07T08:00") == await stood(shop, "2026-03-07T08:00")  # so far
    assert await stood(shop, "2099-03-07T08:00", sku="MUG", site=nj) == [("MUG", nj, 7, 0, 0, 0, 0, 7)]


async def test_stock_is_what_happened_then_not_what_was_written_down_then(shop: Shop) -> None:
    """A correction of last year is known today, and counts last year."""
    await shop.do(
        "import_correction", kind="stock", external_id="S1", happened_at=at("2025-06-01T12:00"), currency="USD",
        site=shop.site("NJ"), lines=[credit_line("MUG", 6, "0")],
    )  # fmt: skip
    assert await stood(shop, "2025-06-01T11:59") == []
    assert await stood(shop, "2025-06-01T12:00") == [("MUG", shop.site("NJ"), 6, 0, 0, 0, 0, 6)]
