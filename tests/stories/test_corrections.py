"""What was corrected elsewhere comes in with the rest of history: credits find their sales, goods their place."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from doorstep.journey.changes.take_back import NotOut
from doorstep.journey.processing.why import why
from doorstep.journey.tracking.deliver import AlreadyArrived
from doorstep.kit.money import NotMoney, UnknownCurrency
from doorstep.kit.refusals import Invalid, NotFound
from doorstep.setup.catalog import put_alias
from doorstep.setup.channels import UnknownChannel
from doorstep.setup.merchants import NewSku, add_skus
from doorstep.spine.moves import told as spelled
from doorstep.spine.outcome import Ask
from doorstep.spine.preview import preview
from doorstep.spine.tenant import Tx, tenant_tx
from doorstep.spine.verbs import VERBS
from tests.shop import NOON, Shop

CREDITED = NOON + timedelta(days=20)
ADA = {"customer": "13085", "name": "Ada Byrne"}
BOB = {"customer": "17850"}


async def sold(shop: Shop, *lines: Any, day: int = 0, **more: Any) -> str:
    """A sale of that day, delivered the day after; lines as (SKU, units, price)."""
    placed = NOON + timedelta(days=day)
    number = await shop.rows("select 1 from orders where merchant_id = $1", shop.merchant)
    told = {
        "currency": "USD", "channel": "file", "external_id": f"S{len(number) + 1}", "placed_at": placed, "buyer": ADA,
        "lines": [{"sku": sku, "quantity": units, "unit_price": price} for sku, units, price in lines],
    }  # fmt: skip
    happened = {"fulfilled_at": placed, "delivered_at": placed + timedelta(days=1)} | more.pop("happened", {})
    answer = await shop.do("import_history", order=told | more, happened=happened)
    return str(answer["order"])


async def sent(shop: Shop, *quantities: int) -> tuple[str, list[str]]:
    """A sale of mugs to Ada that goes out in parcels of so many each."""
    await shop.stock("MUG", sum(quantities))
    order = await shop.place(
        ("MUG", sum(quantities)), placed_at=NOON.isoformat(), buyer=ADA, channel="file", payment_term="on_account",
        external_id="S1",
    )  # fmt: skip
    await shop.to_picked(order)
    parcels = []
    for quantity in quantities:
        (row,) = [row for row in await shop.on_floor(order) if row["picked"]]
        line = {"line": row["line_no"], "quantity": quantity}
        parcels.append((await shop.do("pack", fulfillment_order=row["ful"], lines=[line]))["parcel"])
        await shop.do("keep_label", parcel=parcels[-1], carrier="c", tracking_number=f"T{quantity}")
        await shop.do("hand_over", parcel=parcels[-1])
    return order, parcels


def credit(*lines: Any, number: str = "C1", **more: Any) -> dict[str, Any]:
    """A credit to Ada of day 20; lines as (SKU, units, price), the units as they are told: below zero."""
    told = {
        "kind": "credit", "external_id": number, "happened_at": CREDITED, "currency": "USD", "buyer": ADA,
        "lines": [{"sku": sku, "quantity": units, "unit_price": price} for sku, units, price in lines],
    }  # fmt: skip
    return told | more


async def credits(shop: Shop, *lines: Any, **more: Any) -> dict[str, Any]:
    return await shop.do("import_correction", **credit(*lines, **more))


async def links(shop: Shop) -> list[tuple[Any, ...]]:
    """(line, order, its line, stage, units, less owed, at another price)."""
    rows = await shop.rows(
        "select line_no, 'ord_' || order_id, order_line_no, stage, quantity, less_minor, price_differs from credit_link"
        " where merchant_id = $1 order by correction_id, line_no, price_differs, order_id desc, order_line_no, stage",
        shop.merchant,
    )
    return [tuple(row.values()) for row in rows]


async def kept_lines(shop: Shop) -> list[tuple[Any, ...]]:
    rows = await shop.rows(
        "select code, quantity, total_minor, linked from correction_line where merchant_id = $1"
        " order by correction_id, line_no",
        shop.merchant,
    )
    return [tuple(row.values()) for row in rows]


async def events(shop: Shop, kind: str, subject: str) -> list[tuple[str, datetime, list[Any]]]:
    rows = await shop.rows(
        "select verb, happened_at, moves from event where merchant_id = $1 and kind = $2 and id = $3 order by seq",
        shop.merchant, kind, int(subject[4:]),
    )  # fmt: skip
    return [(row["verb"], row["happened_at"], spelled(row["moves"])) for row in rows]


async def units(shop: Shop, order: str, line: int = 1) -> dict[str, int]:
    """Of the line, what left and was not lost."""
    left = await _left(shop, order, line)
    return {stage: left[stage] for stage in ("shipped", "delivered", "taken_back")}


async def where(shop: Shop, order: str, line: int = 1) -> dict[str, int]:
    """Where units of the line are, of those that left."""
    return {stage: quantity for stage, quantity in (await _left(shop, order, line)).items() if quantity}


async def _left(shop: Shop, order: str, line: int) -> dict[str, int]:
    (row,) = await shop.rows(
        "select shipped, delivered, lost, taken_back from order_line"
        " where merchant_id = $1 and order_id = $2 and line_no = $3",
        shop.merchant, int(order[4:]), line,
    )  # fmt: skip
    return row


# A credit and its sale


async def test_a_credit_is_written_down_and_linked_to_the_sale_it_is_about(shop: Shop) -> None:
    order = await sold(shop, ("MUG", 12, "6.95"), ("CUP", 4, "2.10"))
    answer = await credits(shop, ("MUG", -5, "6.95"), number="C489449", reason="broken")
    correction = answer["correction"]
    assert correction.startswith("cor_")
    assert answer == {
        "correction": correction, "number": "C489449", "existing": False, "changed": False, "linked": 5,
        "lines_linked": 1,
    }  # fmt: skip
    assert await links(shop) == [(1, order, 1, "delivered", 5, 3475, False)]
    assert await units(shop, order) == {"shipped": 0, "delivered": 7, "taken_back": 5}
    now = await shop.now(order)
    assert (now["taken_back"], now["owed"], now["credited"], now["invoiced"]) == (5, 8340 + 840 - 3475, 0, 0)
    *_, (verb, at, moves) = await events(shop, "order", order)
    assert (verb, at) == ("import_correction", CREDITED)
    assert moves == [["demand", 1, 5, "delivered", "taken_back", 0], ["cash", 3475, "owed", "world"]]
    assert [verb for verb, *_ in await events(shop, "correction", correction)] == ["import_correction"]
    (kept,) = await shop.rows("select * from correction where merchant_id = $1", shop.merchant)
    assert (kept["kind"], kept["total_minor"], kept["customer"], kept["reason"], kept["happened_at"]) == (
        "credit", -3475, "13085", "broken", CREDITED,
    )  # fmt: skip
    assert await shop.jobs() == []


async def test_the_same_price_comes_first_then_the_newest_and_what_is_left_bounds_it(shop: Shop) -> None:
    old = await sold(shop, ("MUG", 3, "2.55"), day=1)
    dear = await sold(shop, ("MUG", 2, "2.95"), day=2)
    older = await sold(shop, ("MUG", 1, "2.55"), day=0)
    newest = await sold(shop, ("MUG", 4, "2.10"), day=5)
    answer = await credits(shop, ("MUG", -9, "2.55"))
    assert (answer["linked"], answer["lines_linked"]) == (9, 1)
    assert sorted(await links(shop), key=lambda row: row[6]) == [
        (1, older, 1, "delivered", 1, 255, False),
        (1, old, 1, "delivered", 3, 765, False),
        (1, newest, 1, "delivered", 4, 840, True),
        (1, dear, 1, "delivered", 1, 255, True),
    ]
    again = await credits(shop, ("MUG", -5, "2.95"), number="C2")
    assert (again["linked"], again["lines_linked"]) == (1, 1)
    assert await kept_lines(shop) == [("MUG", -9, -2295, 9), ("MUG", -5, -1475, 1)]
    assert await units(shop, dear) == {"shipped": 0, "delivered": 0, "taken_back": 2}


async def test_what_arrived_is_credited_before_what_is_on_its_way(shop: Shop) -> None:
    """Two stages of one sale are two links."""
    order, (there, on_its_way) = await sent(shop, 2, 3)
    await shop.do("deliver", parcel=there)
    assert await units(shop, order) == {"shipped": 3, "delivered": 2, "taken_back": 0}
    await credits(shop, ("MUG", -3, "12.50"))
    assert await links(shop) == [
        (1, order, 1, "delivered", 2, 2500, False), (1, order, 1, "shipped", 1, 1250, False),
    ]  # fmt: skip
    assert await units(shop, order) == {"shipped": 2, "delivered": 0, "taken_back": 3}
    await shop.do("deliver", parcel=on_its_way)
    assert await units(shop, order) == {"shipped": 0, "delivered": 2, "taken_back": 3}


async def test_a_sale_that_was_given_back_there_has_nothing_left_to_credit(shop: Shop) -> None:
    await sold(shop, ("MUG", 2, "2.00"), happened={"came_back": True})
    assert (await credits(shop, ("MUG", -1, "2.00")))["linked"] == 0


@pytest.mark.parametrize(
    "more",
    [
        {"buyer": BOB},
        {"buyer": {}},
        {"happened_at": NOON - timedelta(minutes=1)},
        {"channel": "api"},
        {"currency": "EUR"},
        {"kind": "adjustment"},
        {"kind": "stock"},
        {"link": False},
        {"lines": [{"sku": "CUP", "quantity": -1, "unit_price": "2.00"}]},
        {"lines": [{"sku": "MUG", "quantity": 1, "unit_price": "2.00"}]},
        {"lines": [{"sku": "POST", "quantity": -1, "unit_price": "2.00"}]},
        {"lines": [{"sku": "nobody knows", "quantity": -1, "unit_price": "2.00"}]},
    ],
)
async def test_what_is_about_no_sale_is_written_down_and_not_linked(shop: Shop, more: dict[str, Any]) -> None:
    """Another buyer, nobody, an earlier day, another channel's buyer, other money, no credit, a service …"""
    await add_skus(shop.db, shop.merchant, [NewSku("POST", name="Postage", stocked=False)])
    order = await sold(shop, ("MUG", 2, "2.00"), ("POST", 1, "2.00"))
    answer = await shop.do("import_correction", **credit(("MUG", -1, "2.00")) | more)
    assert (answer["linked"], answer["lines_linked"], answer["existing"]) == (0, 0, False)
    assert await links(shop) == []
    assert (await shop.now(order))["taken_back"] == 0
    assert len(await kept_lines(shop)) == 1


async def test_a_credit_of_the_very_minute_is_about_the_sale_and_one_before_is_not(shop: Shop) -> None:
    await sold(shop, ("MUG", 2, "2.00"))
    assert (await credits(shop, ("MUG", -1, "2.00"), happened_at=NOON))["linked"] == 1
    earlier = NOON - timedelta(microseconds=1)
    assert (await credits(shop, ("MUG", -1, "2.00"), number="C2", happened_at=earlier))["linked"] == 0


async def test_a_code_that_nobody_knows_is_kept_as_it_was_written(shop: Shop) -> None:
    await credits(shop, ("DCGS0058", -2, "0.33"), site=shop.site("NJ"))
    (line,) = await shop.rows("select * from correction_line where merchant_id = $1", shop.merchant)
    assert (line["code"], line["sku_id"], line["site_id"], line["total_minor"]) == ("DCGS0058", None, None, -66)


async def test_what_the_channel_calls_an_item_is_that_item(shop: Shop) -> None:
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await put_alias(tx, shop.merchant, "file", "85123A", "MUG")
    order = await sold(shop, ("MUG", 2, "2.00"))
    await credits(shop, ("85123A", -1, "2.00"))
    assert await links(shop) == [(1, order, 1, "delivered", 1, 200, False)]
    assert await kept_lines(shop) == [("85123A", -1, -200, 1)]


async def test_another_merchants_buyer_of_that_name_is_another_buyer(shop: Shop, other_shop: Shop) -> None:
    await sold(other_shop, ("MUG", 2, "2.00"))
    assert (await credits(shop, ("MUG", -1, "2.00")))["linked"] == 0


# Amounts


async def test_totals_are_rounded_once_away_from_zero_and_add_up_with_their_signs(shop: Shop) -> None:
    """Half a cent goes away from zero, a positive line of a credit stays positive."""
    await credits(shop, ("MUG", -1, "0.125"), ("MUG", -3, "0.335"), ("CUP", 2, "0.0025"), ("CUP", -1, "0.0049"))
    assert [total for _, _, total, _ in await kept_lines(shop)] == [-13, -101, 1, 0]
    (kept,) = await shop.rows("select total_minor from correction where merchant_id = $1", shop.merchant)
    assert kept["total_minor"] == -113


async def test_a_write_off_is_money_alone(shop: Shop) -> None:
    order = await sold(shop, ("MUG", 2, "2.00"))
    told = credit(("B", 1, "-53594.36"), number="A506401", kind="adjustment", site=shop.site("NJ"))
    answer = await shop.do("import_correction", **told | {"reason": "Adjust bad debt"})
    assert (answer["number"], answer["linked"]) == ("A506401", 0)
    assert await kept_lines(shop) == [("B", 1, -5359436, 0)]
    assert (await shop.now(order))["owed"] == 400
    goods = credit(("MUG", -3, "1.00"), number="A2", kind="adjustment", site=shop.site("NJ"))
    await shop.do("import_correction", **goods)
    assert await shop.places("MUG") == {}


async def test_the_shares_of_a_credit_add_up_to_it_to_the_cent(shop: Shop) -> None:
    """7 units for 10.00: no share is lost when they are spread over three sales."""
    for day in range(3):
        await sold(shop, ("MUG", 3, "1.428571"), day=day)
    await credits(shop, ("MUG", -7, "1.428571"))
    assert [row[4:6] for row in await links(shop)] == [(3, 428), (3, 429), (1, 143)]
    assert await kept_lines(shop) == [("MUG", -7, -1000, 7)]


async def test_a_credit_takes_no_more_than_what_is_owed_for_the_sale(shop: Shop) -> None:
    order = await sold(shop, ("MUG", 2, "2.00"), discount_minor=150)
    await credits(shop, ("MUG", -2, "3.00"))
    assert await links(shop) == [(1, order, 1, "delivered", 2, 250, True)]
    now = await shop.now(order)
    assert (now["owed"], now["taken_back"], now["fulfillment"]) == (0, 2, "restocked")


async def test_a_sale_that_was_paid_and_credited_is_overpaid_until_the_money_goes_back(shop: Shop) -> None:
    order = await sold(shop, ("MUG", 2, "2.00"), tenders=[{"kind": "paid", "amount_minor": 400}])
    await credits(shop, ("MUG", -1, "2.00"))
    now = await shop.now(order)
    assert (now["owed"], now["earned"], now["refunded"], now["payment"]) == (200, 400, 0, "overpaid")


# Several at once, and again


async def test_two_credits_of_one_list_never_get_the_same_unit(shop: Shop) -> None:
    order = await sold(shop, ("MUG", 5, "2.00"), ("CUP", 2, "1.00"), discount_minor=400)
    asks = [
        credit(("MUG", -3, "2.00"), number="C1"),
        credit(("MUG", -3, "2.00"), ("CUP", -1, "1.00"), number="C2"),
        credit(("MUG", -1, "2.00"), number="C3"),
    ]
    answers = await shop.ask_all("import_correction", asks)
    assert [answer["linked"] for answer in answers] == [3, 3, 0]
    assert await links(shop) == [
        (1, order, 1, "delivered", 3, 600, False),
        (1, order, 1, "delivered", 2, 200, False),  # 800 were owed in all
        (2, order, 2, "delivered", 1, 0, False),
    ]
    assert await shop.timeline(order) == ["import_history"] * 3 + ["import_correction"] * 2
    assert (await shop.now(order))["owed"] == 0


async def test_a_list_costs_as_many_statements_as_one(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in range(3):
        await sold(shop, ("MUG", 40, "2.00"), ("CUP", 40, "2.00"), day=day)
    counted: list[int] = []
    asked = Tx.rows

    async def counting(self: Tx, query: str, *args: Any) -> list[Any]:
        counted[-1] += 1
        return await asked(self, query, *args)

    monkeypatch.setattr(Tx, "rows", counting)
    for name, many in (("one", 1), ("all", 60)):
        counted.append(0)
        lines = (("MUG", -1, "2.00"), ("CUP", -1, "2.00"))
        asks = [credit(*lines, number=f"{name}{number}", site=shop.site("NJ")) for number in range(many)]
        answers = await shop.ask_all("import_correction", asks)
        assert sum(answer["linked"] for answer in answers) == 2 * many
    assert counted[0] == counted[1] > 5


async def test_the_same_again_changes_nothing_whatever_the_order_of_its_lines(shop: Shop) -> None:
    await sold(shop, ("MUG", 5, "2.00"), ("CUP", 2, "1.00"))
    lines = (("MUG", -2, "2.00"), ("CUP", -1, "1.00"), ("LAMP", -1, "9.00"))
    first = await credits(shop, *lines, site=shop.site("NJ"))
    books = await shop.books()
    priced = [(sku, quantity, price + "00") for sku, quantity, price in reversed(lines)]
    for told in (lines, priced):
        answer = await credits(shop, *told, site=shop.site("NJ"))
        assert answer == first | {"existing": True}
    assert (first["linked"], first["lines_linked"]) == (3, 2)
    assert await shop.books() == books


async def test_one_number_may_be_a_credit_a_write_off_and_a_loss(shop: Shop) -> None:
    told = [credit(("MUG", -1, "2.00"), number="7", kind=kind) for kind in ("credit", "adjustment", "stock")]
    told.append(credit(("MUG", -1, "2.00"), number="7", channel="api"))
    answers = await shop.ask_all("import_correction", told)
    assert len({answer["correction"] for answer in answers}) == 4
    assert not any(answer["existing"] for answer in answers)


async def test_a_credit_that_came_in_before_its_sale_is_linked_when_it_is_told_again(shop: Shop) -> None:
    alone = await credits(shop, ("MUG", -3, "2.00"), link=False)
    assert (await credits(shop, ("MUG", -3, "2.00")))["changed"] is False
    first = await sold(shop, ("MUG", 2, "2.00"))
    assert (await credits(shop, ("MUG", -3, "2.00"), link=False))["linked"] == 0
    answer = await credits(shop, ("MUG", -3, "2.00"))
    assert answer == alone | {"existing": True, "changed": True, "linked": 2, "lines_linked": 1}
    second = await sold(shop, ("MUG", 2, "2.00"), day=1)
    assert (await credits(shop, ("MUG", -3, "2.00")))["linked"] == 3
    assert await links(shop) == [
        (1, second, 1, "delivered", 1, 200, False), (1, first, 1, "delivered", 2, 400, False),
    ]  # fmt: skip
    assert await kept_lines(shop) == [("MUG", -3, -600, 3)]
    books = await shop.books()
    assert (await credits(shop, ("MUG", -3, "2.00")))["changed"] is False
    assert await shop.books() == books


# Corrected corrections


async def state(shop: Shop) -> dict[str, Any]:
    """What the books say now: everything but what happened, and how often."""
    names = ("correction", "correction_line", "credit_link", "order_line")
    books = await shop.books()
    now = {row.pop("order_id"): row | {"seq": 0} for row in books["order_now"]}
    standing = [row for row in (*books["availability"], *books["bin_stock"]) if row.get("free") or row.get("quantity")]
    return {name: books[name] for name in names} | {"order_now": now, "standing": standing}


async def test_a_corrected_credit_takes_back_what_it_says_no_more(shop: Shop) -> None:
    order = await sold(shop, ("MUG", 5, "2.00"), ("CUP", 4, "1.00"))
    lines = (("MUG", -4, "2.00"), ("CUP", -2, "1.00"))
    first = await credits(shop, *lines, site=shop.site("NJ"))
    before = await state(shop)
    told_now = await credits(shop, ("MUG", -1, "1.50"), site=shop.site("NJ"), reason="typed wrong")
    assert told_now == first | {"existing": True, "changed": True, "linked": 1, "lines_linked": 1}
    assert await kept_lines(shop) == [("MUG", -1, -150, 1)]
    assert await links(shop) == [(1, order, 1, "delivered", 1, 150, True)]
    assert await units(shop, order) == {"shipped": 0, "delivered": 4, "taken_back": 1}
    assert await units(shop, order, 2) == {"shipped": 0, "delivered": 4, "taken_back": 0}
    assert (await shop.places("MUG"), await shop.places("CUP")) == ({"HISTORY": 1}, {})
    assert (await shop.now(order))["owed"] == 1400 - 150
    *_, (verb, at, moves) = await events(shop, "order", order)
    assert (verb, at) == ("import_correction", CREDITED)
    assert moves == [
        ["demand", 1, 3, "taken_back", "delivered", 0],
        ["demand", 2, 2, "taken_back", "delivered", 0],
        ["cash", 850, "world", "owed"],
    ]
    (kept,) = await shop.rows("select total_minor, reason from correction where merchant_id = $1", shop.merchant)
    assert kept == {"total_minor": -150, "reason": "typed wrong"}
    assert await credits(shop, *lines, site=shop.site("NJ")) == first | {"existing": True, "changed": True}
    assert await state(shop) == before


async def test_what_is_the_same_in_a_corrected_credit_does_not_move(shop: Shop) -> None:
    order = await sold(shop, ("MUG", 5, "2.00"), ("CUP", 4, "1.00"))
    lines = (("MUG", -4, "2.00"), ("CUP", -2, "1.00"))
    correction = (await credits(shop, *lines, site=shop.site("NJ")))["correction"]
    timeline = await shop.timeline(order)
    await credits(shop, *lines, site=shop.site("NJ"), reason="broken in the post")
    assert await shop.timeline(order) == timeline
    assert [moves for *_, moves in await events(shop, "correction", correction)][1:] == [[]]


async def test_a_corrected_date_is_undone_on_the_old_day_and_done_on_the_new(shop: Shop) -> None:
    order = await sold(shop, ("MUG", 5, "2.00"))
    site = shop.site("NJ")
    correction = (await credits(shop, ("MUG", -2, "2.00"), site=site))["correction"]
    later = CREDITED + timedelta(days=2)
    await credits(shop, ("MUG", -2, "2.00"), site=site, happened_at=later)
    told = [(at, moves[0][3:5]) for verb, at, moves in await events(shop, "order", order) if "correction" in verb]
    assert told == [
        (CREDITED, ["delivered", "taken_back"]),
        (CREDITED, ["taken_back", "delivered"]),
        (later, ["delivered", "taken_back"]),
    ]
    stock = [(at, move[4], move[6]) for _, at, (move,) in await events(shop, "correction", correction)]
    assert stock == [(CREDITED, "world", "free"), (CREDITED, "free", "world"), (later, "world", "free")]
    assert await shop.places("MUG") == {"HISTORY": 2}


async def test_a_credit_that_becomes_another_buyers_leaves_the_first_ones_sale(shop: Shop) -> None:
    adas = await sold(shop, ("MUG", 2, "2.00"))
    bobs = await sold(shop, ("MUG", 2, "2.00"), buyer=BOB)
    await credits(shop, ("MUG", -2, "2.00"))
    await credits(shop, ("MUG", -2, "2.00"), buyer=BOB)
    assert await links(shop) == [(1, bobs, 1, "delivered", 2, 400, False)]
    assert ((await shop.now(adas))["owed"], (await shop.now(bobs))["owed"]) == (400, 0)
    await credits(shop, ("MUG", -2, "2.00"), buyer=BOB, currency="EUR")
    assert await links(shop) == []
    assert (await shop.now(bobs))["owed"] == 400


async def test_what_a_corrected_credit_lets_go_is_there_for_the_next_of_the_list(shop: Shop) -> None:
    order = await sold(shop, ("MUG", 3, "2.00"))
    await credits(shop, ("MUG", -3, "2.00"))
    answers = await shop.ask_all(
        "import_correction", [credit(("MUG", -1, "2.00")), credit(("MUG", -3, "2.00"), number="C2")]
    )
    assert [answer["linked"] for answer in answers] == [1, 2]
    assert await units(shop, order) == {"shipped": 0, "delivered": 0, "taken_back": 3}


async def test_credits_that_come_in_at_once_never_share_a_unit(shop: Shop) -> None:
    """Eight doors at the same time: new credits of one sale, and one number told in eight ways."""
    order = await sold(shop, ("MUG", 5, "2.00"))
    new = [credit(("MUG", -2, "2.00"), number=f"C{n}", site=shop.site("NJ")) for n in range(8)]
    same = [credit(("MUG", -1 - n, "2.00"), number="X", site=shop.site("NJ")) for n in range(8)]
    answers = await asyncio.gather(*(shop.do("import_correction", **told) for told in (*new, *same)))
    assert len({answer["correction"] for answer in answers}) == 9
    assert sum(not answer["existing"] for answer in answers) == 9
    assert (await units(shop, order))["taken_back"] == 5
    assert (await shop.now(order))["owed"] == 0


async def test_a_number_twice_in_a_list_is_what_the_last_says(shop: Shop) -> None:
    order = await sold(shop, ("MUG", 3, "2.00"))
    answers = await shop.ask_all("import_correction", [credit(("MUG", -3, "2.00")), credit(("MUG", -1, "2.00"))])
    assert [(answer["existing"], answer["changed"], answer["linked"]) for answer in answers] == [
        (False, False, 3), (True, True, 1),
    ]  # fmt: skip
    assert await units(shop, order) == {"shipped": 0, "delivered": 2, "taken_back": 1}


@pytest.mark.parametrize("seed", range(6))
async def test_corrected_and_corrected_back_is_the_first_state(shop: Shop, seed: int) -> None:
    """Whatever is told in between, of several credits of several buyers: the books come back to what they said."""
    chance = random.Random(seed)
    for day in range(6):
        await sold(shop, *some(chance, 1, 6), day=day, buyer=chance.choice((ADA, BOB)))
    first = [credit(*some(chance, -5, 1), number=f"C{n}", site=shop.site("NJ")) for n in range(3)]
    await shop.ask_all("import_correction", first)
    before = await state(shop)
    for number in range(3):
        for _ in range(3):
            told = credit(*some(chance, -9, -1), number=f"C{number}", site=chance.choice(("", shop.site("PL"))))
            day = CREDITED + timedelta(days=chance.randint(-18, 3))
            answer = await shop.do(
                "import_correction", **told | {"buyer": chance.choice((ADA, BOB)), "happened_at": day}
            )
            assert answer["changed"]
        await shop.do("import_correction", **first[number])
        assert await state(shop) == before


def some(chance: random.Random, lowest: int, highest: int) -> list[tuple[str, int, str]]:
    return [
        (
            chance.choice(("MUG", "CUP", "LAMP")),
            chance.randint(lowest, highest),
            chance.choice(("2.00", "2.55", "0.333")),
        )
        for _ in range(chance.randint(1, 3))
    ]


# A credit of what was on the road, let go when the parcel is there no more


async def lets_go(shop: Shop, **more: Any) -> None:
    """The credit is told again, and was another buyer's."""
    assert (await credits(shop, ("MUG", -2, "12.50"), buyer=BOB, **more))["linked"] == 0


async def test_what_was_credited_on_the_road_is_with_the_buyer_when_its_parcel_arrived_meanwhile(shop: Shop) -> None:
    order, (parcel,) = await sent(shop, 3)
    await credits(shop, ("MUG", -2, "12.50"))
    await shop.do("deliver", parcel=parcel)
    assert await where(shop, order) == {"delivered": 1, "taken_back": 2}
    await lets_go(shop)
    assert await where(shop, order) == {"delivered": 3}
    *_, (verb, at, moves) = await events(shop, "order", order)
    assert (verb, at) == ("import_correction", CREDITED)
    assert moves == [
        ["demand", 1, 2, "taken_back", "shipped", 0],
        ["demand", 1, 2, "shipped", "delivered", 0],
        ["cash", 2500, "world", "owed"],
    ]
    await shop.do("record_payment", order=order, amount_minor=3750)
    assert await shop.stage(order) == "completed"


async def test_as_many_are_on_the_road_again_as_parcels_on_it_hold(shop: Shop) -> None:
    order, (arrived, on_its_way) = await sent(shop, 3, 1)
    await credits(shop, ("MUG", -2, "12.50"))
    await shop.do("deliver", parcel=arrived)
    assert await where(shop, order) == {"delivered": 2, "taken_back": 2}
    await lets_go(shop)
    assert await where(shop, order) == {"shipped": 1, "delivered": 3}
    await shop.do("deliver", parcel=on_its_way)
    assert await where(shop, order) == {"delivered": 4}


async def test_what_was_credited_on_the_road_is_there_again_while_its_parcel_is(shop: Shop) -> None:
    order, (parcel,) = await sent(shop, 3)
    await credits(shop, ("MUG", -2, "12.50"))
    await lets_go(shop)
    assert await where(shop, order) == {"shipped": 3}
    await shop.do("deliver", parcel=parcel)
    assert await where(shop, order) == {"delivered": 3}


async def test_what_was_credited_on_the_road_is_lost_with_its_parcel_and_turns_up_with_it(shop: Shop) -> None:
    order, (parcel,) = await sent(shop, 3)
    await credits(shop, ("MUG", -2, "12.50"))
    await shop.do("lose", parcel=parcel)
    await lets_go(shop)
    assert await where(shop, order) == {"lost": 3}
    await shop.do("deliver", parcel=parcel)
    assert await where(shop, order) == {"delivered": 3}


async def test_of_two_parcels_each_takes_what_is_missing_of_it(shop: Shop) -> None:
    """What the lost one held when it was written off is lost; the other came without two."""
    order, (lost, arrived) = await sent(shop, 1, 3)
    await credits(shop, ("MUG", -2, "12.50"))
    await shop.do("lose", parcel=lost)
    await shop.do("deliver", parcel=arrived)
    assert await where(shop, order) == {"delivered": 1, "lost": 1, "taken_back": 2}
    await lets_go(shop)
    assert await where(shop, order) == {"delivered": 3, "lost": 1}


async def test_a_parcel_of_which_all_was_credited_arrives_all_the_same(shop: Shop) -> None:
    order, (parcel,) = await sent(shop, 2)
    await credits(shop, ("MUG", -2, "12.50"))
    await shop.do("track", parcel=parcel, events=[{"happened_at": NOON + timedelta(days=2), "code": "EMI"}])
    assert ("deliver", {"order": order, "parcel": parcel}) in await shop.work()
    await shop.refuses("deliver", AlreadyArrived, parcel=parcel)
    assert await where(shop, order) == {"taken_back": 2}
    assert (await shop.now(order))["delivery"] == "delivered"
    await lets_go(shop)
    assert await where(shop, order) == {"delivered": 2}


async def test_a_parcel_of_which_all_was_credited_is_lost_all_the_same_and_may_turn_up(shop: Shop) -> None:
    order, (parcel,) = await sent(shop, 2)
    await credits(shop, ("MUG", -2, "12.50"))
    await shop.do("lose", parcel=parcel)
    await shop.refuses("lose", AlreadyArrived, parcel=parcel)
    assert await where(shop, order) == {"taken_back": 2}
    await shop.do("deliver", parcel=parcel)
    await lets_go(shop)
    assert await where(shop, order) == {"delivered": 2}


async def test_what_came_back_of_a_parcel_did_not_arrive_with_the_rest(shop: Shop) -> None:
    order, (parcel,) = await sent(shop, 4)
    await credits(shop, ("MUG", -2, "12.50"))
    line = {"line": 1, "quantity": 1}
    await shop.do("take_back", order=order, parcel=parcel, lines=[line], site=shop.site("NJ"))
    await shop.do("deliver", parcel=parcel)
    await lets_go(shop)
    assert await where(shop, order) == {"delivered": 3, "taken_back": 1}


async def test_a_credit_of_fewer_lets_go_of_the_rest_alone(shop: Shop) -> None:
    order, (parcel,) = await sent(shop, 3)
    await credits(shop, ("MUG", -3, "12.50"))
    assert await where(shop, order) == {"taken_back": 3}
    await credits(shop, ("MUG", -2, "12.50"))
    await shop.do("deliver", parcel=parcel)
    await credits(shop, ("MUG", -1, "12.50"), happened_at=CREDITED + timedelta(days=1))
    assert await where(shop, order) == {"delivered": 2, "taken_back": 1}
    await shop.do("import_correction", **credit(("MUG", -1, "12.50"), buyer=BOB))
    assert await where(shop, order) == {"delivered": 3}


async def test_what_arrived_meanwhile_is_credited_by_the_next_of_the_list(shop: Shop) -> None:
    order, (parcel,) = await sent(shop, 3)
    await credits(shop, ("MUG", -2, "12.50"))
    await shop.do("deliver", parcel=parcel)
    told = [credit(("MUG", -1, "12.50"), buyer=BOB), credit(("MUG", -3, "12.50"), number="C2")]
    answers = await shop.ask_all("import_correction", told)
    assert [answer["linked"] for answer in answers] == [0, 3]
    assert await links(shop) == [(1, order, 1, "delivered", 3, 3750, False)]
    assert await where(shop, order) == {"taken_back": 3}


@pytest.mark.parametrize("is_in_a_parcel", [False, True])
async def test_of_history_too_what_arrived_meanwhile_is_with_the_buyer(shop: Shop, is_in_a_parcel: bool) -> None:
    parcel = {"reference": "P1", "site": shop.site("NJ"), "lines": [1], "handed_over_at": NOON}
    parcels = [parcel] if is_in_a_parcel else []
    order = await sold(shop, ("MUG", 3, "12.50"), external_id="S1", happened=HANDED_OVER | {"parcels": parcels})
    assert await where(shop, order) == {"shipped": 3}
    await credits(shop, ("MUG", -2, "12.50"))
    arrived = [parcel | {"delivered_at": NOON + timedelta(days=3)} for parcel in parcels]
    told = {"delivered_at": NOON + timedelta(days=3), "parcels": arrived}
    await sold(shop, ("MUG", 3, "12.50"), external_id="S1", happened=told)
    assert await where(shop, order) == {"delivered": 1, "taken_back": 2}
    await lets_go(shop)
    assert await where(shop, order) == {"delivered": 3}


async def test_history_that_nobody_told_to_have_arrived_is_on_its_way_again(shop: Shop) -> None:
    order = await sold(shop, ("MUG", 3, "12.50"), happened=HANDED_OVER)
    await credits(shop, ("MUG", -2, "12.50"))
    await lets_go(shop)
    assert await where(shop, order) == {"shipped": 3}


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_is_credited_on_the_road_and_let_go_all_is_where_its_parcel_came_to(
    shop: Shop, seed: int
) -> None:
    chance = random.Random(seed)
    quantities = [chance.randint(1, 4) for _ in range(3)]
    order, parcels = await sent(shop, *quantities)
    ends = {parcel: chance.choice(("deliver", "deliver", "lose", "take_back")) for parcel in parcels}
    at = {"take_back": {"order": order, "site": shop.site("NJ")}}
    back: Counter[str] = Counter()  # one by one, before or after the parcel's end
    for _ in range(12):
        credited = credit(("MUG", -chance.randint(1, 6), "12.50"), number=chance.choice(("C1", "C2")))
        await shop.do("import_correction", **credited | {"buyer": chance.choice((ADA, BOB))})
        if chance.random() < 0.3:
            parcel = chance.choice(parcels)
            await shop.ask(ends[parcel], parcel=parcel, **at.get(ends[parcel], {}))
        if chance.random() < 0.2:
            parcel, one = chance.choice(parcels), [{"line": 1, "quantity": 1}]
            answer = await shop.ask("take_back", parcel=parcel, lines=one, **at["take_back"])
            back[parcel] += isinstance(answer, dict)
    for number in ("C1", "C2"):
        await credits(shop, ("CUP", -1, "1.00"), number=number)
    for parcel in parcels:
        await shop.ask(ends[parcel], parcel=parcel, **at.get(ends[parcel], {}))
    came_to: Counter[str] = Counter()
    for parcel, units_in_it in zip(parcels, quantities, strict=True):
        alone = 0 if ends[parcel] == "take_back" else back[parcel]
        came_to["taken_back"] += alone
        came_to[STAGES[ends[parcel]]] += units_in_it - alone
    assert await where(shop, order) == +came_to
    assert await set_apart(shop) == came_to["taken_back"]


HANDED_OVER = {"fulfilled_at": NOON, "delivered_at": None}
STAGES = {"deliver": "delivered", "lose": "lost", "take_back": "taken_back"}


# A parcel comes back of which something was credited on the road


async def comes_back(shop: Shop, order: str, parcel: str, *lines: tuple[int, int], **more: Any) -> dict[str, Any]:
    """At the counter of NJ; all that is in it, where no (line, units) are named."""
    named = [{"line": line, "quantity": quantity} for line, quantity in lines]
    body = {"order": order, "parcel": parcel, "lines": named, "site": shop.site("NJ")}
    return await shop.do("take_back", **body | more)


async def set_apart(shop: Shop) -> int:
    return (await shop.availability("MUG"))["quarantine"]


async def test_a_parcel_of_which_a_part_was_credited_on_the_road_comes_back_whole(shop: Shop) -> None:
    """All of it stands at the counter; a line moves only for what was still on the road."""
    order, (parcel,) = await sent(shop, 3)
    await credits(shop, ("MUG", -2, "12.50"))
    answer = await comes_back(shop, order, parcel)
    assert (answer["units"], answer["worth_minor"]) == (3, 1250)
    assert await where(shop, order) == {"taken_back": 3}
    assert await set_apart(shop) == 3
    *_, (verb, _, moves) = await events(shop, "order", order)
    assert (verb, [move[:4] for move in moves if move[0] == "demand"]) == (
        "take_back", [["demand", 1, 1, "shipped"]],
    )  # fmt: skip
    now = await shop.now(order)
    assert (now["fulfillment"], now["delivery"], now["owed"]) == ("restocked", "returned_to_sender", 1250)
    await shop.audit()
    for verb, refusal in (("take_back", NotOut), ("deliver", AlreadyArrived), ("lose", AlreadyArrived)):
        more = {"order": order, "site": shop.site("NJ")} if verb == "take_back" else {}
        await shop.refuses(verb, refusal, parcel=parcel, **more)


async def test_a_parcel_of_which_all_was_credited_on_the_road_comes_back_and_no_line_moves(shop: Shop) -> None:
    order, (parcel,) = await sent(shop, 2)
    await credits(shop, ("MUG", -2, "12.50"))
    answer = await comes_back(shop, order, parcel)
    assert (answer["units"], answer["worth_minor"]) == (2, 0)
    assert (await where(shop, order), await set_apart(shop)) == ({"taken_back": 2}, 2)
    now = await shop.now(order)
    assert (now["delivery"], now["owed"]) == ("returned_to_sender", 0)
    await shop.refuses("take_back", NotOut, order=order, parcel=parcel, site=shop.site("NJ"))


async def test_what_is_named_of_a_parcel_is_first_what_was_not_credited(shop: Shop) -> None:
    order, (parcel,) = await sent(shop, 3)
    await credits(shop, ("MUG", -2, "12.50"))
    assert (await comes_back(shop, order, parcel, (1, 1)))["worth_minor"] == 1250
    assert (await where(shop, order), await set_apart(shop)) == ({"taken_back": 3}, 1)
    assert (await comes_back(shop, order, parcel, (1, 2)))["worth_minor"] == 0
    assert (await where(shop, order), await set_apart(shop)) == ({"taken_back": 3}, 3)


@pytest.mark.parametrize("comes", [1, 2, 3])
async def test_a_credit_that_is_corrected_after_the_parcel_came_back_leaves_the_goods_here(
    shop: Shop, comes: int
) -> None:
    """What did not come back with the rest is on the road again; money is owed as nothing was credited."""
    order, (parcel,) = await sent(shop, 3)
    await credits(shop, ("MUG", -2, "12.50"))
    await comes_back(shop, order, parcel, (1, comes))
    await lets_go(shop)
    on_the_road = {"shipped": 3 - comes} if comes < 3 else {}
    assert await where(shop, order) == {"taken_back": comes} | on_the_road
    assert (await shop.now(order))["owed"] == 3750
    await shop.audit()
    if on_the_road:
        await shop.do("deliver", parcel=parcel)
        assert await where(shop, order) == {"taken_back": comes, "delivered": 3 - comes}
    await shop.refuses("take_back", NotOut, order=order, parcel=parcel, site=shop.site("NJ"), lines=[
        {"line": 1, "quantity": 4 - comes}
    ])  # fmt: skip


async def test_of_a_credit_that_is_corrected_bit_by_bit_each_unit_is_here_once(shop: Shop) -> None:
    order, (parcel,) = await sent(shop, 3)
    await credits(shop, ("MUG", -2, "12.50"))
    await credits(shop, ("MUG", -1, "12.50"), number="C2")
    await comes_back(shop, order, parcel)
    await credits(shop, ("MUG", -1, "12.50"))
    assert (await where(shop, order), (await shop.now(order))["owed"]) == ({"taken_back": 3}, 1250)
    await lets_go(shop)
    told = [credit(("MUG", -1, "12.50"), number=number, buyer=BOB) for number in ("C1", "C2")]
    await shop.ask_all("import_correction", told)
    assert (await where(shop, order), (await shop.now(order))["owed"]) == ({"taken_back": 3}, 3750)
    assert await set_apart(shop) == 3


async def test_of_two_parcels_the_one_that_came_back_is_here_and_the_other_with_the_buyer(shop: Shop) -> None:
    order, (back, arrived) = await sent(shop, 3, 1)
    await credits(shop, ("MUG", -2, "12.50"))
    await comes_back(shop, order, back)
    assert (await where(shop, order), await set_apart(shop)) == ({"taken_back": 4}, 3)
    await shop.do("deliver", parcel=arrived)
    await lets_go(shop)
    assert await where(shop, order) == {"delivered": 1, "taken_back": 3}


@pytest.mark.parametrize("end", ["deliver", "lose"])
async def test_a_parcel_that_had_arrived_or_was_lost_comes_back_whole_too(shop: Shop, end: str) -> None:
    order, (parcel,) = await sent(shop, 3)
    await credits(shop, ("MUG", -2, "12.50"))
    await shop.do(end, parcel=parcel)
    answer = await comes_back(shop, order, parcel)
    assert (answer["units"], answer["worth_minor"]) == (3, 1250)
    assert (await where(shop, order), await set_apart(shop)) == ({"taken_back": 3}, 3)
    await lets_go(shop)
    assert await where(shop, order) == {"taken_back": 3}


async def test_what_was_credited_after_it_arrived_is_not_said_to_come_back_with_its_parcel(shop: Shop) -> None:
    """Nobody knows whether the buyer has it still: who takes it back says so line by line."""
    order, (parcel,) = await sent(shop, 3)
    await shop.do("deliver", parcel=parcel)
    await credits(shop, ("MUG", -2, "12.50"))
    refused = await shop.refuses("take_back", NotOut, order=order, parcel=parcel, site=shop.site("NJ"))
    assert (refused.why["asked"], refused.why["possible"]) == (3, 1)
    await comes_back(shop, order, parcel, (1, 1))
    assert (await where(shop, order), await set_apart(shop)) == ({"taken_back": 3}, 1)


async def test_what_came_back_credited_is_sold_again_or_thrown_away_like_the_rest(shop: Shop) -> None:
    order, (parcel,) = await sent(shop, 3)
    await credits(shop, ("MUG", -2, "12.50"))
    await comes_back(shop, order, parcel, bin="QUARANTINE-RETURNS")
    assert await shop.places("MUG") == {"QUARANTINE-RETURNS": 3}
    at = {"sku": "MUG", "site": shop.site("NJ"), "from_place": "QUARANTINE-RETURNS"}
    await shop.do("restock", **at, quantity=2, bin="A-1")
    await shop.do("scrap", **at, quantity=1, reason="broken")
    assert (await shop.free("MUG"), await shop.places("MUG")) == (2, {"A-1": 2})
    await lets_go(shop)
    assert await where(shop, order) == {"taken_back": 3}


async def test_of_history_too_a_parcel_comes_back_whole(shop: Shop) -> None:
    parcel = {"reference": "P1", "site": shop.site("NJ"), "lines": [1], "handed_over_at": NOON}
    order = await sold(shop, ("MUG", 3, "12.50"), happened=HANDED_OVER | {"parcels": [parcel]})
    await credits(shop, ("MUG", -2, "12.50"))
    (kept,) = await shop.rows("select parcel_id from parcel where merchant_id = $1", shop.merchant)
    await comes_back(shop, order, f"par_{kept['parcel_id']}")
    assert (await where(shop, order), await set_apart(shop)) == ({"taken_back": 3}, 3)
    await lets_go(shop)
    assert await where(shop, order) == {"taken_back": 3}


# Goods


async def test_credited_goods_come_back_to_the_site_and_a_positive_line_sends_them_out_again(shop: Shop) -> None:
    site = shop.site("NJ")
    answer = await credits(shop, ("MUG", -5, "2.00"), ("MUG", 2, "2.00"), ("CUP", -1, "1.00"), site=site)
    assert (await shop.places("MUG"), await shop.places("CUP")) == ({"HISTORY": 3}, {"HISTORY": 1})
    assert (await shop.free("MUG"), await shop.free("MUG", "PL")) == (3, 0)
    ((verb, at, moves),) = await events(shop, "correction", answer["correction"])
    assert (verb, at, [move[3] for move in moves]) == ("import_correction", CREDITED, [3, 1])


async def test_found_and_lost_goods_move_by_their_sign(shop: Shop) -> None:
    site = shop.site("NJ")
    found = credit(("MUG", 7, "0"), ("CUP", 2, "0"), number="490001", kind="stock", site=site)
    lost = credit(("MUG", -3, "0"), number="490002", kind="stock", site=site)
    for told in (found, lost):
        await shop.do("import_correction", **told)
    assert (await shop.places("MUG"), await shop.places("CUP")) == ({"HISTORY": 4}, {"HISTORY": 2})


async def test_without_a_site_no_goods_move_and_a_service_has_none(shop: Shop) -> None:
    await add_skus(shop.db, shop.merchant, [NewSku("POST", name="Postage", stocked=False)])
    await credits(shop, ("MUG", -5, "2.00"))
    await credits(shop, ("POST", -1, "18.00"), ("CUP", 0, "1.00"), number="C2", site=shop.site("NJ"))
    assert await shop.rows("select 1 from bin_stock where merchant_id = $1", shop.merchant) == []
    lines = await shop.rows(
        "select code, site_id from correction_line where merchant_id = $1 order by correction_id, line_no",
        shop.merchant,
    )
    assert [tuple(line.values()) for line in lines] == [("MUG", None), ("POST", None), ("CUP", None)]


async def test_goods_that_left_must_have_stood_there_just_enough(shop: Shop) -> None:
    site = shop.site("NJ")
    await shop.do("import_opening", goods={"sku": "MUG", "site": site, "quantity": 2}, at=NOON)
    asks = [credit(("MUG", -n, "0"), number=f"L{n}", kind="stock", site=site) for n in (1, 3)]
    answers = await shop.ask_all("import_correction", asks)
    assert await shop.free("MUG") == 0
    assert await shop.places("MUG") == {}
    assert [verb for verb, *_ in await events(shop, "correction", answers[0]["correction"])] == ["import_correction"]
    opened, left = await events(shop, "correction", answers[1]["correction"])
    assert (opened[0], opened[1], opened[2][0][3:]) == (
        "import_opening", CREDITED, [2, "world", "", "free", "HISTORY", ""],
    )  # fmt: skip
    assert (left[0], left[2][0][3:]) == ("import_correction", [3, "free", "HISTORY", "world", "", ""])


async def test_goods_that_are_promised_or_stand_in_a_bin_are_left_alone(shop: Shop) -> None:
    """Today's shelves know nothing of a past loss: what is missing for it is opened."""
    site = shop.site("NJ")
    await shop.stock("MUG", 4)
    await shop.do("import_opening", goods={"sku": "MUG", "site": site, "quantity": 2}, at=NOON)
    await shop.place(("MUG", 5), payment_term="on_account", reserve="now")
    await shop.do("import_correction", **credit(("MUG", -2, "0"), kind="stock", site=site))
    assert await shop.places("MUG") == {"A-1": 4, "HISTORY": 1}
    assert await shop.availability("MUG") == {"free": 0, "reserved": 5, "picked": 0, "packed": 0, "quarantine": 0}


async def test_a_corrected_loss_gives_back_what_it_took(shop: Shop) -> None:
    site = shop.site("NJ")
    for units_lost, standing in ((-3, {}), (2, {"HISTORY": 5}), (-1, {"HISTORY": 2}), (-5, {})):
        answer = await shop.do("import_correction", **credit(("MUG", units_lost, "0"), kind="stock", site=site))
        assert await shop.places("MUG") == standing
    moved = [(verb, moves[0][3:5]) for verb, _, moves in await events(shop, "correction", answer["correction"])]
    assert moved == [
        ("import_opening", [3, "world"]), ("import_correction", [3, "free"]),
        ("import_correction", [5, "world"]), ("import_correction", [3, "free"]),
        ("import_opening", [2, "world"]), ("import_correction", [4, "free"]),
    ]  # fmt: skip


async def test_goods_are_opened_before_history_began(shop: Shop) -> None:
    began = NOON - timedelta(days=400)
    told = [
        {"goods": {"sku": "MUG", "site": shop.site(site), "quantity": quantity}, "at": began}
        for site, quantity in (("NJ", 12), ("PL", 5), ("NJ", 3))
    ]
    answers = await shop.ask_all("import_opening", told)
    assert answers[1] == {"sku": "MUG", "site": shop.site("PL"), "quantity": 5}
    assert (await shop.places("MUG"), await shop.places("MUG", "PL")) == ({"HISTORY": 15}, {"HISTORY": 5})
    rows = await shop.rows("select verb, happened_at from event where merchant_id = $1 and kind = 'sku'", shop.merchant)
    assert [tuple(row.values()) for row in rows] == [("import_opening", began)] * 3
    assert await shop.jobs() == []


# Refused, foreseen, shown


async def test_corrections_that_cannot_be_are_refused(shop: Shop) -> None:
    good = credit(("MUG", -1, "2.00"), site=shop.site("NJ"))
    await shop.refuses("import_correction", UnknownChannel, **good | {"channel": "bazaar"})
    await shop.refuses("import_correction", NotFound, **good | {"site": "MOON"})
    await shop.refuses("import_correction", UnknownCurrency, **good | {"currency": "XXX"})
    huge = [{"sku": "MUG", "quantity": -1_000_000, "unit_price": "999999999"}]
    await shop.refuses("import_correction", NotMoney, **good | {"lines": huge * 2, "currency": "KWD"})
    for price in ("0.0000001", "-1000000001", "NaN"):
        lines = [*good["lines"], {"sku": "MUG", "quantity": -1, "unit_price": price}]
        refusal = await shop.refuses("import_correction", Invalid, **good | {"lines": lines})
        assert refusal.why["fields"][0]["pointer"] == "/lines/1/unit_price"


async def test_one_of_a_list_is_refused_alone(shop: Shop) -> None:
    await sold(shop, ("MUG", 2, "2.00"))
    asks = [credit(("MUG", -1, "2.00"), number=f"C{n}", site=site) for n, site in enumerate(("", "MOON", ""))]
    first, refused, last = await shop.ask_all("import_correction", asks)
    assert isinstance(refused, NotFound)
    assert (first["linked"], last["linked"]) == (1, 1)


@pytest.mark.parametrize("wrong", [{"sku": "nobody knows"}, {"site": "MOON"}])
async def test_goods_nobody_knows_are_not_opened(shop: Shop, wrong: dict[str, str]) -> None:
    goods = {"sku": "MUG", "site": shop.site("NJ"), "quantity": 1} | wrong
    await shop.refuses("import_opening", NotFound, goods=goods, at=NOON)


async def test_a_preview_tells_what_a_credit_would_do_and_does_nothing(shop: Shop) -> None:
    await sold(shop, ("MUG", 2, "2.00"))
    told = msgspec.convert(credit(("MUG", -1, "2.00")), VERBS["import_correction"].body, strict=False)
    before = await shop.books()
    effect = await preview(shop.db, "import_correction", Ask(shop.merchant, told, shop.at))
    assert effect["demand"] == [{"line": 1, "from": "delivered", "to": "taken_back", "quantity": 1}]
    assert effect["cash"] == [{"from": "owed", "to": "world", "amount_minor": 200}]
    assert await shop.books() == before


async def test_a_correction_is_nobodys_next_move_of_an_order(shop: Shop) -> None:
    order = await sold(shop, ("MUG", 2, "2.00"))
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        told = await why(tx, int(order[4:]))
    assert "import_correction" not in [move["verb"] for move in told["next"]]
