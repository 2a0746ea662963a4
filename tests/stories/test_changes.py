"""Changes: plans change before an order left, and goods come back after."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest

from doorstep.journey.changes.cancel import AlreadyShipped, NothingToCancel, WorkBegun
from doorstep.journey.changes.fix_address import NothingToSend
from doorstep.journey.changes.name_item import HasNoStock, ItemKnown
from doorstep.journey.changes.take_back import NotOut
from doorstep.kit.refusals import Invalid, NotFound, OnHold
from doorstep.setup.merchants import NewSku, add_skus
from doorstep.spine.parcels import LabelThere
from tests.shop import HOME, Shop, a_pick, open_shop

EACH = 1250
_buyers = itertools.count(100)


async def paid(shop: Shop, *lines: tuple[str, int], **more: Any) -> str:
    """A paid order of somebody new, worked off as far as the worker gets."""
    n = next(_buyers)
    buyer, ship_to = {"name": "Somebody", "email": f"c{n}@example.com"}, HOME | {"line1": f"{n} Grafton Street"}
    total = sum(quantity * EACH for _, quantity in lines)
    body = {"buyer": buyer, "ship_to": ship_to, "tenders": [{"kind": "paid", "amount_minor": total}], **more}
    order = await shop.place(*lines, **body)
    await shop.work()
    return order


async def line(shop: Shop, order: str, line_no: int = 1) -> dict[str, int]:
    (row,) = await shop.rows(
        "select sku_id, wanted, promised, picked, packed, shipped, delivered, taken_back, canceled from order_line"
        " where merchant_id = $1 and order_id = $2 and line_no = $3", shop.merchant, int(order[4:]), line_no,
    )  # fmt: skip
    return row


async def asked(shop: Shop, verb: str) -> list[dict[str, Any]]:
    return [body for name, body in await shop.jobs() if name == verb]


async def labeled(shop: Shop, parcel: str) -> None:
    await shop.do("keep_label", parcel=parcel, carrier="post", tracking_number=f"LX{parcel[4:]}IE")


async def handed_over(shop: Shop, order: str) -> str:
    parcel = await shop.to_packed(order)
    await labeled(shop, parcel)
    await shop.do("hand_over", parcel=parcel)
    return parcel


# cancel


async def test_a_whole_order_is_canceled_and_owes_nothing_shipping_and_fees_included(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    costs: dict[str, Any] = {"shipping_minor": 700, "fees": [{"name": "gift wrap", "amount_minor": 300}]}
    order = await paid(shop, ("MUG", 2), tenders=[{"kind": "paid", "amount_minor": 3500}], **costs)
    answer = await shop.do("cancel", order=order, reason="changed my mind")
    assert answer == {"order": order, "units": 2, "less_minor": 3500, "stage": "canceled"}
    now = await shop.now(order)
    assert (now["stage"], now["fulfillment"], now["owed"]) == ("canceled", "canceled", 0)
    assert await shop.availability("MUG") == {"free": 2, "reserved": 0, "picked": 0, "packed": 0, "quarantine": 0}
    refund = {"order": order, "amount_minor": 3500, "reason": "changed my mind"}
    assert await asked(shop, "want_refund") == [refund]


async def test_part_of_a_line_is_canceled_to_the_cent(shop: Shop) -> None:
    order = await paid(shop, ("MUG", 3), tenders=[{"kind": "paid", "amount_minor": 3650}], discount_minor=100)
    less = []
    for _ in range(3):
        less.append((await shop.do("cancel", order=order, lines=[{"line": 1, "quantity": 1}]))["less_minor"])
    assert sum(less) == 3650
    assert max(less) - min(less) <= 1
    assert sum(refund["amount_minor"] for refund in await asked(shop, "want_refund")) == 3650
    assert await shop.stage(order) == "canceled"


async def test_what_nobody_touched_is_canceled_first(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    order = await paid(shop, ("MUG", 3))
    assert (await line(shop, order))["promised"] == 2
    await shop.do("cancel", order=order, lines=[{"line": 1, "quantity": 2}])
    assert {name: (await line(shop, order))[name] for name in ("wanted", "promised", "canceled")} == {
        "wanted": 0, "promised": 1, "canceled": 2,
    }  # fmt: skip
    assert await shop.free("MUG") == 1


async def test_freed_stock_goes_to_whoever_waits(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    first, second = await paid(shop, ("MUG", 2)), await paid(shop, ("MUG", 1))
    await shop.do("cancel", order=first)
    await shop.work()
    assert await shop.stage(second) == "awaiting_fulfillment"


async def test_picked_goods_of_a_canceled_order_go_to_quarantine_and_the_floor_is_told(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    order = await paid(shop, ("MUG", 2))
    await shop.to_picked(order)
    await shop.do("cancel", order=order, reason="too late")
    assert await shop.availability("MUG") == {"free": 0, "reserved": 0, "picked": 0, "packed": 0, "quarantine": 2}
    (raised,) = await shop.rows("select kind, reason from attention where merchant_id = $1", shop.merchant)
    assert raised["kind"] == "put_back"
    await shop.do("restock", sku="MUG", site=shop.site("NJ"), quantity=2, bin="A-1")
    assert await shop.free("MUG") == 2


async def test_units_are_taken_out_of_a_parcel_and_an_emptied_parcel_counts_no_more(shop: Shop) -> None:
    await shop.stock("MUG", 3)
    order = await paid(shop, ("MUG", 3))
    parcel = await shop.to_packed(order)
    await shop.do("cancel", order=order, lines=[{"line": 1, "quantity": 2}])
    (inside,) = await shop.rows("select quantity from parcel_line where merchant_id = $1", shop.merchant)
    assert (inside["quantity"], (await shop.now(order))["delivery"]) == (1, "pre_transit")
    assert (await shop.places("MUG"))[f"parcel:{parcel[4:]}"] == 1
    await shop.do("cancel", order=order)
    assert ((await shop.now(order))["delivery"], await shop.stage(order)) == ("none", "canceled")


async def test_a_label_for_a_parcel_that_is_opened_is_voided(shop: Shop) -> None:
    await shop.stock("MUG", 1)
    order = await paid(shop, ("MUG", 1))
    parcel = await shop.to_packed(order)
    await labeled(shop, parcel)
    await shop.do("cancel", order=order)
    assert await asked(shop, "want_void") == [{"parcel": parcel}]
    await shop.work()
    (row,) = await shop.rows("select label_state from parcel where merchant_id = $1", shop.merchant)
    assert row["label_state"] == "void"


async def test_what_has_left_is_not_canceled_but_the_rest_is(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    order = await paid(shop, ("MUG", 3))
    await handed_over(shop, order)
    too_many = await shop.ask("cancel", order=order, lines=[{"line": 1, "quantity": 2}])
    assert isinstance(too_many, AlreadyShipped)
    assert (too_many.why["possible"], too_many.why["shipped"]) == (1, 2)
    assert (await shop.do("cancel", order=order))["units"] == 1
    now = await shop.now(order)
    assert (now["owed"], now["stage"]) == (2 * EACH, "fulfilled")
    assert isinstance(await shop.ask("cancel", order=order), AlreadyShipped)


async def test_there_is_nothing_to_cancel_twice(shop: Shop) -> None:
    order = await paid(shop, ("MUG", 1))
    await shop.do("cancel", order=order)
    assert isinstance(await shop.ask("cancel", order=order), NothingToCancel)
    assert isinstance(await shop.ask("cancel", order=order, lines=[{"line": 1, "quantity": 1}]), NothingToCancel)
    assert isinstance(await shop.ask("cancel", order=order, lines=[{"line": 9, "quantity": 1}]), NotFound)
    assert isinstance(await shop.ask("cancel", order="ord_1"), NotFound)


async def test_canceling_ends_the_holds_it_leaves_without_a_subject(shop: Shop) -> None:
    await shop.stock("LAMP", 1, "NJ")
    await shop.stock("MUG", 1, "NJ")
    order = await paid(shop, ("MUG", 1), ("LAMP", 1))
    assert (await shop.now(order))["holds_open"] == 1
    await shop.do("cancel", order=order, lines=[{"line": 2, "quantity": 1}])
    assert (await shop.now(order))["holds_open"] == 0
    assert await shop.stage(order) == "awaiting_fulfillment"


async def test_an_order_that_ships_complete_goes_when_its_missing_line_is_canceled(db: Any) -> None:
    shop = await open_shop(db, ship="complete")
    await shop.stock("MUG", 1)
    order = await paid(shop, ("MUG", 1), ("CUP", 1))
    assert (await line(shop, order))["promised"] == 0
    await shop.do("cancel", order=order, lines=[{"line": 2, "quantity": 1}])
    await shop.work()
    assert await shop.stage(order) == "awaiting_fulfillment"


async def test_a_canceled_draft_is_canceled(shop: Shop) -> None:
    order = await shop.place(("MUG", 1), draft=True)
    assert (await shop.do("cancel", order=order))["stage"] == "canceled"


async def test_who_cancels_only_what_is_untouched_is_refused_once_a_unit_is_picked(shop: Shop) -> None:
    await shop.stock("MUG", 9)
    first, second = await paid(shop, ("MUG", 1)), await paid(shop, ("MUG", 2))
    assert (await shop.do("cancel", order=first, untouched=True))["stage"] == "canceled"
    await shop.to_picked(second)
    assert isinstance(await shop.ask("cancel", order=second, untouched=True), WorkBegun)
    assert (await shop.do("cancel", order=second))["units"] == 2


async def test_two_orders_are_canceled_in_one_batch(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    orders = [await paid(shop, ("MUG", 1)) for _ in range(2)]
    answers = await shop.ask_all("cancel", [{"order": order} for order in [*orders, orders[0]]])
    assert [isinstance(answer, dict) for answer in answers] == [True, True, False]
    assert await shop.free("MUG") == 2


# fix_address


async def test_a_mended_address_lets_the_order_go_on(shop: Shop) -> None:
    await shop.stock("MUG", 1)
    order = await paid(shop, ("MUG", 1), ship_to=HOME | {"line1": ""})
    assert await shop.stage(order) == "processing"
    await shop.do("fix_address", order=order, ship_to=HOME)
    await shop.work()
    assert await shop.stage(order) == "awaiting_fulfillment"
    assert (await shop.do("fix_address", order=order, ship_to=HOME))["changed"] is False


async def test_an_address_that_is_still_wrong_stays_held(shop: Shop) -> None:
    order = await paid(shop, ("MUG", 1), ship_to=HOME | {"line1": ""})
    await shop.do("fix_address", order=order, ship_to=HOME | {"line1": "", "city": "Cork"})
    await shop.work()
    assert (await shop.now(order))["holds_open"] == 1


async def test_with_a_label_for_the_old_address_that_is_voided_first(shop: Shop) -> None:
    await shop.stock("MUG", 1)
    order = await paid(shop, ("MUG", 1))
    parcel = await shop.to_packed(order)
    await labeled(shop, parcel)
    refused = await shop.ask("fix_address", order=order, ship_to=HOME)
    assert isinstance(refused, LabelThere)
    assert refused.why["next_action"] == "want_void"
    await shop.do("want_void", parcel=parcel)
    assert (await shop.do("fix_address", order=order, ship_to=HOME))["changed"] is True


async def test_an_address_matters_no_more_when_everything_has_left(shop: Shop) -> None:
    await shop.stock("MUG", 1)
    order = await paid(shop, ("MUG", 1))
    await handed_over(shop, order)
    assert isinstance(await shop.ask("fix_address", order=order, ship_to=HOME), NothingToSend)


# note


async def test_a_note_stands_in_the_timeline(shop: Shop) -> None:
    order = await paid(shop, ("MUG", 1))
    await shop.do("note", order=order, text="the buyer called: ring twice")
    (event,) = await shop.rows("select data from event where merchant_id = $1 and verb = 'note'", shop.merchant)
    assert msgspec.json.decode(event["data"])["text"] == "the buyer called: ring twice"
    assert isinstance(await shop.ask("note", order="ord_1", text="x"), NotFound)


# name_item


async def unknown(shop: Shop, word: str = "BIG-MUG") -> str:
    n = next(_buyers)
    body = shop.order((word, 1), payment_term="on_account", ship_to=HOME | {"line1": f"{n} Dame Street"},
                      buyer={"name": "Somebody", "email": f"u{n}@example.com"})  # fmt: skip
    order = str((await shop.do("place", generous=True, order=body))["order"])
    await shop.work()
    return order


async def test_an_item_is_named_once_and_known_from_then_on(shop: Shop) -> None:
    await shop.stock("MUG", 5)
    first, second = await unknown(shop), await unknown(shop)
    assert (await shop.now(first))["holds_open"] == 1
    answer = await shop.do("name_item", order=first, line=1, sku="MUG")
    assert (answer["remembered"], answer["also_checked"]) == ("BIG-MUG", 1)
    await shop.work()
    third = await unknown(shop)
    assert [await shop.stage(order) for order in (first, second, third)] == ["awaiting_fulfillment"] * 3


async def test_an_item_is_named_for_one_line_only_when_asked(shop: Shop) -> None:
    first, second = await unknown(shop), await unknown(shop)
    assert (await shop.do("name_item", order=first, line=1, sku="MUG", remember=False))["remembered"] == ""
    await shop.work()
    assert (await line(shop, first))["sku_id"] is not None
    assert (await line(shop, second))["sku_id"] is None


async def test_two_orders_teach_the_same_word_in_one_batch(shop: Shop) -> None:
    first, second, third = await unknown(shop), await unknown(shop), await unknown(shop)
    bodies = [
        {"order": order, "line": 1, "sku": sku} for order, sku in ((first, "MUG"), (second, "MUG"), (third, "CUP"))
    ]
    answers = await shop.ask_all("name_item", bodies)
    assert [answer["remembered"] for answer in answers] == ["BIG-MUG", "BIG-MUG", ""]  # type: ignore[index]
    aliases = await shop.rows("select alias from sku_alias where merchant_id = $1", shop.merchant)
    assert aliases == [{"alias": "BIG-MUG"}]


async def test_what_cannot_be_named_is_refused(shop: Shop) -> None:
    order, known = await unknown(shop), await paid(shop, ("MUG", 1))
    assert isinstance(await shop.ask("name_item", order=order, line=1, sku="NOWHERE"), NotFound)
    await add_skus(shop.db, shop.merchant, [NewSku("ENGRAVING", stocked=False)])
    assert isinstance(await shop.ask("name_item", order=order, line=1, sku="ENGRAVING"), HasNoStock)
    assert isinstance(await shop.ask("name_item", order=known, line=1, sku="CUP"), ItemKnown)
    (hold,) = await shop.rows(
        "select hold_id from hold where merchant_id = $1 and order_id = $2", shop.merchant, int(order[4:])
    )
    refused = await shop.ask("lift", hold=f"hld_{hold['hold_id']}")
    assert getattr(refused, "code", "") == "SkuUnknown"


# take_back


async def test_a_parcel_returned_by_the_carrier_comes_back_whole(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    order = await paid(shop, ("MUG", 2))
    parcel = await handed_over(shop, order)
    answer = await shop.do("take_back", order=order, site=shop.site("NJ"), parcel=parcel, reason="unclaimed")
    assert (answer["units"], answer["worth_minor"]) == (2, 2 * EACH)
    now = await shop.now(order)
    assert (now["fulfillment"], now["delivery"]) == ("restocked", "returned_to_sender")
    assert (await shop.availability("MUG"))["quarantine"] == 2
    assert isinstance(await shop.ask("take_back", order=order, site=shop.site("NJ"), parcel=parcel), NotOut)


async def test_the_buyer_sends_part_of_it_back(shop: Shop) -> None:
    await shop.stock("MUG", 3)
    order = await paid(shop, ("MUG", 3))
    parcel = await handed_over(shop, order)
    await shop.do("deliver", parcel=parcel)
    await shop.do("take_back", order=order, site=shop.site("PL"), lines=[{"line": 1, "quantity": 1}])
    assert {name: (await line(shop, order))[name] for name in ("delivered", "taken_back")} == {
        "delivered": 2, "taken_back": 1,
    }  # fmt: skip
    assert (await shop.now(order))["delivery"] == "delivered"
    assert (await shop.availability("MUG", "PL"))["quarantine"] == 1
    more = await shop.ask("take_back", order=order, site=shop.site("PL"), lines=[{"line": 1, "quantity": 3}])
    assert isinstance(more, NotOut)
    await shop.do("scrap", sku="MUG", site=shop.site("PL"), quantity=1, reason="broken")


async def test_of_two_parcels_only_the_one_that_came_back_is_taken_back(shop: Shop) -> None:
    await shop.stock("MUG", 1, "NJ")
    await shop.stock("MUG", 1, "PL")
    order = await paid(shop, ("MUG", 2))
    await shop.to_picked(order)
    first, second = await shop.pack_all(order)
    for parcel in (first, second):
        await labeled(shop, parcel)
        await shop.do("hand_over", parcel=parcel)
    await shop.do("take_back", order=order, site=shop.site("NJ"), parcel=first)
    assert isinstance(await shop.ask("take_back", order=order, site=shop.site("NJ"), parcel=first), NotOut)
    await shop.do("deliver", parcel=second)
    assert (await line(shop, order))["delivered"] == 1


async def test_what_never_left_or_is_nowhere_is_not_taken_back(shop: Shop) -> None:
    await shop.stock("MUG", 1)
    order = await paid(shop, ("MUG", 1))
    parcel = await shop.to_packed(order)
    nj = shop.site("NJ")
    assert isinstance(await shop.ask("take_back", order=order, site=nj, parcel=parcel), NotOut)
    assert isinstance(await shop.ask("take_back", order=order, site=nj, lines=[{"line": 1, "quantity": 1}]), NotOut)
    assert isinstance(await shop.ask("take_back", order=order, site=nj), Invalid)
    assert isinstance(await shop.ask("take_back", order=order, site="MOON", parcel=parcel), NotFound)
    assert isinstance(await shop.ask("take_back", order=order, site=nj, parcel="par_1"), NotFound)


# changes reach the hand


@pytest.mark.parametrize("line_no", [None, 1])
async def test_a_hold_stops_the_pickers_next_scan(shop: Shop, line_no: int | None) -> None:
    await shop.stock("MUG", 2)
    order = await paid(shop, ("MUG", 2))
    ful = await shop.to_released(order)
    scan = a_pick(ful)
    await shop.do("pick", **scan)
    hold = (await shop.do("hold", order=order, type="merchant", reason="wait", line=line_no))["hold"]
    assert isinstance(await shop.ask("pick", **scan), OnHold)
    await shop.do("lift", hold=hold)
    await shop.do("pick", **scan)
