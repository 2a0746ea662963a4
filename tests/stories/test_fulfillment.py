"""Fulfillment: the right product off the shelf, into the parcel, and back again when it must."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from doorstep.doors.console.floor import to_do
from doorstep.doors.reads.floor import FloorQuery, Status, fulfillment_orders
from doorstep.journey.fulfillment.floor import NotHere, NotReleased
from doorstep.journey.fulfillment.pack import NothingPicked
from doorstep.journey.fulfillment.paper_data import packing_slip_data, pick_list_data
from doorstep.journey.fulfillment.papers import packing_slip
from doorstep.journey.fulfillment.papers import pick_list as pick_list_paper
from doorstep.journey.fulfillment.pick import TooMany, WrongItem
from doorstep.journey.fulfillment.pick_list import OrderToPick, pick_list, walk
from doorstep.journey.fulfillment.release import NotChecked, NothingPromised, RestIsMissing
from doorstep.journey.fulfillment.status import statuses
from doorstep.journey.fulfillment.unpack import NotThatManyPacked
from doorstep.journey.fulfillment.unpick import NotThatManyPicked
from doorstep.kit.ids import NotAnId
from doorstep.kit.refusals import NotFound, OnHold, Refusal
from doorstep.setup.places import NotABin
from doorstep.setup.sites import site_of, sites_by_code
from doorstep.spine.outcome import Ask
from doorstep.spine.parcels import HandedOver, LabelThere
from doorstep.spine.preview import preview
from doorstep.spine.tenant import Db, tenant_tx
from doorstep.spine.verbs import VERBS
from doorstep.spine.walls import NotInThatPlace
from tests.shop import Shop, a_pick, open_shop

MUG_BARCODE, CUP_BARCODE = "5901234123457", "4006381333931"
KENYA = {"name": "Wanjiru", "line1": "Moi Avenue 4", "city": "Nairobi", "country": "KE", "phone": "+254712345678"}


async def ordered(shop: Shop, *lines: tuple[str, int], **more: Any) -> str:
    """An order that need not be paid first."""
    return await shop.place(*lines, payment_term="on_account", **more)


async def status(shop: Shop, ful: str) -> str:
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        return (await statuses(tx, [int(ful[4:])]))[int(ful[4:])]


async def to_pick(shop: Shop, site: str = "NJ") -> list[OrderToPick]:
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        return await pick_list(tx, shop.site(site))


def pick(
    ful: str, line: int = 1, quantity: int = 1, bin: str = "A-1", barcode: str = "MUG", **more: Any
) -> dict[str, Any]:
    return a_pick(ful, line, quantity, bin, barcode) | more


async def attention(shop: Shop, kind: str) -> list[dict[str, Any]]:
    return await shop.rows(
        "select reason, next_action from attention where merchant_id = $1 and kind = $2 order by attention_id",
        shop.merchant, kind,
    )  # fmt: skip


# release


async def test_an_order_goes_from_the_shelf_into_a_parcel(shop: Shop) -> None:
    await shop.stock("MUG", 5)
    await shop.work()
    order = await ordered(shop, ("MUG", 2))
    parcel = await shop.to_packed(order)
    assert await shop.places("MUG") == {"A-1": 3, f"parcel:{parcel[4:]}": 2}
    assert await shop.timeline(order) == ["place", "check", "promise", "release", "pick", "pack"]
    assert (await shop.now(order))["parcels_pre_transit"] == 1


async def test_the_buyer_hears_once_that_the_order_awaits_fulfillment_though_two_sites_fulfill_it(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    await shop.stock("MUG", 2, "PL")
    order = await ordered(shop, ("MUG", 4))
    await shop.work()
    assert len(await shop.on_floor(order)) == 2
    told = [body for verb, body in await shop.jobs() if verb == "notify" and body["kind"] == "awaiting_fulfillment"]
    assert told == [{"order": order, "kind": "awaiting_fulfillment"}]


async def test_two_sites_released_in_one_batch_tell_the_buyer_once(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    await shop.stock("MUG", 2, "PL")
    order = await ordered(shop, ("MUG", 4))
    await shop.do("check", order=order)
    found = (await shop.do("promise", order=order))["fulfillment_orders"]
    answers = await shop.ask_all("release", [{"fulfillment_order": ful} for ful in found])
    assert [answer["released"] for answer in answers if isinstance(answer, dict)] == [True, True]
    told = [body for verb, body in await shop.jobs() if verb == "notify" and body["kind"] == "awaiting_fulfillment"]
    assert len(told) == 1


async def test_releasing_again_changes_nothing(shop: Shop) -> None:
    await shop.stock("MUG", 1)
    order = await ordered(shop, ("MUG", 1))
    ful = await shop.to_released(order)
    before = await shop.timeline(order)
    assert (await shop.do("release", fulfillment_order=ful))["released"] is False
    assert await shop.timeline(order) == before


async def test_what_is_not_ready_is_not_released(shop: Shop) -> None:
    await shop.stock("MUG", 5)
    order = await shop.place(("MUG", 1), payment_term="on_account", reserve="now")
    (row,) = await shop.rows(
        "select 'ful_' || fulfillment_order_id as ful from fulfillment_order where merchant_id = $1", shop.merchant
    )
    ful = row["ful"]
    assert isinstance(await shop.ask("release", fulfillment_order=ful), NotChecked)
    await shop.do("check", order=order)
    hold = (await shop.do("hold", order=order, type="merchant", reason="wait"))["hold"]
    assert isinstance(await shop.ask("release", fulfillment_order=ful), OnHold)
    await shop.do("lift", hold=hold)
    assert isinstance(await shop.ask("release", fulfillment_order="ful_1"), NotFound)
    assert isinstance(await shop.ask("release", fulfillment_order="ord_1"), NotAnId)
    assert (await shop.do("release", fulfillment_order=ful))["released"] is True


async def test_a_line_on_hold_stays_behind_while_the_others_go(shop: Shop) -> None:
    await shop.stock("MUG", 5)
    await shop.stock("CUP", 5)
    order = await ordered(shop, ("MUG", 1), ("CUP", 1))
    await shop.do("check", order=order)
    (ful,) = (await shop.do("promise", order=order))["fulfillment_orders"]
    await shop.do("hold", order=order, line=1, type="merchant", reason="the glaze")
    hold = (await shop.do("hold", order=order, line=2, type="merchant", reason="the handle"))["hold"]
    both = await shop.ask("release", fulfillment_order=ful)
    assert isinstance(both, OnHold) and both.why["reason"] == "the glaze"
    await shop.do("lift", hold=hold)
    await shop.do("release", fulfillment_order=ful)
    assert [line.sku for one in await to_pick(shop) for line in one.lines] == ["CUP"]
    assert isinstance(await shop.ask("pick", **pick(ful)), OnHold)
    await shop.do("pick", **pick(ful, 2, barcode="CUP"))


async def test_another_merchants_fulfillment_order_is_not_there(shop: Shop, db: Db) -> None:
    other = await open_shop(db)
    await other.stock("MUG", 1)
    ful = await other.to_released(await ordered(other, ("MUG", 1)))
    for verb, body in (
        ("release", {"fulfillment_order": ful}),
        ("pick", pick(ful)),
        ("short", {"fulfillment_order": ful, "line": 1, "quantity": 1, "bin": "A-1"}),
        ("unpick", {"fulfillment_order": ful, "line": 1, "quantity": 1, "bin": "A-1"}),
        ("pack", {"fulfillment_order": ful}),
    ):
        assert isinstance(await shop.ask(verb, **body), NotFound), verb


# pick


async def test_a_wrong_item_is_refused_with_what_was_scanned_and_what_is_wanted(shop: Shop) -> None:
    await shop.stock("MUG", 1)
    ful = await shop.to_released(await ordered(shop, ("MUG", 1)))
    wrong = await shop.ask("pick", **pick(ful, barcode=CUP_BARCODE))
    assert isinstance(wrong, WrongItem)
    assert wrong.why == {
        "scanned": CUP_BARCODE, "scanned_sku": "CUP", "scanned_name": "A cup", "expected_sku": "MUG",
        "expected_name": "A mug", "expected_barcode": MUG_BARCODE, "bin": "A-1",
    }  # fmt: skip
    strange = await shop.ask("pick", **pick(ful, barcode="9999"))
    assert isinstance(strange, WrongItem) and strange.why["scanned_sku"] == ""
    for barcode in (MUG_BARCODE, f" {MUG_BARCODE}\n"):
        answer = await shop.do("pick", **pick(ful, barcode=barcode))
        (line,) = answer["lines"]
        assert (line["picked"], line["left"]) == (1, 0)
        await shop.do("unpick", fulfillment_order=ful, line=1, quantity=1, bin="A-1")


def scans(*of: tuple[int, int, str, str]) -> list[dict[str, Any]]:
    """Line, units, bin, barcode of each."""
    return [{"line": line, "quantity": n, "bin": bin, "barcode": code} for line, n, bin, code in of]


async def test_a_whole_order_is_picked_at_once_from_several_bins(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    await shop.stock("MUG", 1, bin="A-2")
    await shop.stock("CUP", 1)
    order = await ordered(shop, ("MUG", 3), ("CUP", 1))
    ful = await shop.to_released(order)
    walk = scans((1, 2, "A-1", "MUG"), (1, 1, "A-2", "MUG"), (2, 1, "A-1", "CUP"))
    answer = await shop.do("pick", fulfillment_order=ful, scans=walk, tote="T1")
    assert [(line["line"], line["picked"]) for line in answer["lines"]] == [(1, 2), (1, 1), (2, 1)]
    assert not any(line["left"] for line in answer["lines"])
    assert await shop.places("MUG") == {"tote:T1": 3}
    assert (await shop.timeline(order)).count("pick") == 1


async def test_of_several_scans_all_are_picked_or_none(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    await shop.stock("CUP", 1)
    one = await shop.to_released(await ordered(shop, ("MUG", 1), ("CUP", 1)))
    two = await shop.to_released(await ordered(shop, ("MUG", 1), ship_to=KENYA, buyer={"email": "w@example.com"}))
    walk = scans((1, 1, "A-1", "MUG"), (2, 1, "Z-9", "CUP"))
    # What the first one could have taken is there for the second, in one batch.
    no, yes = await shop.ask_all("pick", [{"fulfillment_order": one, "scans": walk}, pick(two)])
    assert isinstance(no, NotInThatPlace) and no.why["sku"] == "CUP" and isinstance(yes, dict)
    twice = scans((1, 1, "A-1", "MUG"), (1, 1, "A-1", "MUG"))
    more = await shop.ask("pick", fulfillment_order=one, scans=twice)
    assert isinstance(more, TooMany) and more.why["left"] == 0
    assert (await shop.places("MUG"))["A-1"] == 1 and (await shop.places("CUP")) == {"A-1": 1}


async def test_what_is_not_released_is_not_picked(shop: Shop) -> None:
    await shop.stock("MUG", 1)
    order = await ordered(shop, ("MUG", 1))
    await shop.do("check", order=order)
    (ful,) = (await shop.do("promise", order=order))["fulfillment_orders"]
    assert isinstance(await shop.ask("pick", **pick(ful)), NotReleased)
    body = {"fulfillment_order": ful, "line": 1, "quantity": 1, "bin": "A-1"}
    assert isinstance(await shop.ask("short", **body), NotReleased)


async def test_a_bin_that_lacks_it_says_which_bins_have_it(shop: Shop) -> None:
    await shop.stock("MUG", 1, bin="A-10")
    await shop.stock("MUG", 2, bin="A-2")
    ful = await shop.to_released(await ordered(shop, ("MUG", 3)))
    refused = await shop.ask("pick", **pick(ful, quantity=2, bin="A-10"))
    assert isinstance(refused, NotInThatPlace)
    assert (refused.why["place"], refused.why["holds"], refused.why["wanted"]) == ("A-10", 1, 2)
    assert refused.why["elsewhere"] == [{"place": "A-2", "units": 2}]
    assert isinstance(await shop.ask("pick", **pick(ful, bin="Z-9")), NotInThatPlace)


async def test_no_more_is_picked_than_was_promised(shop: Shop) -> None:
    await shop.stock("MUG", 5)
    ful = await shop.to_released(await ordered(shop, ("MUG", 2)))
    refused = await shop.ask("pick", **pick(ful, quantity=3))
    assert isinstance(refused, TooMany) and refused.why["left"] == 2
    await shop.do("pick", **pick(ful, quantity=2))
    again = await shop.ask("pick", **pick(ful))
    assert isinstance(again, TooMany) and again.why["left"] == 0
    assert isinstance(await shop.ask("pick", **pick(ful, line=2)), NotHere)


@pytest.mark.parametrize("place", ["tote:1", "parcel:1", "QUARANTINE", ""])
async def test_totes_parcels_and_quarantine_are_no_bins(shop: Shop, place: str) -> None:
    await shop.stock("MUG", 1)
    ful = await shop.to_released(await ordered(shop, ("MUG", 1)))
    assert isinstance(await shop.ask("pick", **pick(ful, bin=place)), NotABin)


async def test_two_picks_in_one_batch_never_get_the_same_last_unit_of_a_bin(shop: Shop) -> None:
    await shop.stock("MUG", 1, bin="A-1")
    await shop.stock("MUG", 1, bin="A-2")
    one = await shop.to_released(await ordered(shop, ("MUG", 1)))
    two = await shop.to_released(await ordered(shop, ("MUG", 1), ship_to=KENYA, buyer={"email": "w@example.com"}))
    first, second = await shop.ask_all("pick", [pick(one), pick(two)])
    assert isinstance(first, dict) and isinstance(second, NotInThatPlace)
    assert second.why["elsewhere"] == [{"place": "A-2", "units": 1}]
    await shop.do("pick", **pick(two, bin="A-2"))


async def test_a_hold_placed_while_the_picker_walks_stops_the_next_scan(shop: Shop) -> None:
    await shop.stock("MUG", 3)
    order = await ordered(shop, ("MUG", 2))
    ful = await shop.to_released(order)
    await shop.do("pick", **pick(ful))
    hold = (await shop.do("hold", order=order, type="fraud", reason="look at it"))["hold"]
    stopped = await shop.ask("pick", **pick(ful))
    assert isinstance(stopped, OnHold)
    assert (stopped.why["hold"], stopped.why["reason"]) == (hold, "look at it")
    assert isinstance(await shop.ask("pack", fulfillment_order=ful), OnHold)
    assert await to_pick(shop) == []
    # What is in the tote may go back meanwhile.
    assert (await shop.do("unpick", fulfillment_order=ful, line=1, quantity=1, bin="A-1"))["picked"] == 0
    await shop.do("lift", hold=hold)
    await shop.do("pick", **pick(ful, quantity=2))
    await shop.do("pack", fulfillment_order=ful)


async def test_one_tote_may_hold_several_orders(shop: Shop) -> None:
    await shop.stock("MUG", 3)
    orders = [
        await ordered(shop, ("MUG", n), ship_to=KENYA | {"line1": f"{n} Moi Avenue"}, buyer={"email": f"{n}@x.org"})
        for n in (1, 2)
    ]
    fuls = [await shop.to_released(order) for order in orders]
    for n, ful in zip((1, 2), fuls, strict=True):
        await shop.do("pick", **pick(ful, quantity=n, tote="T1"))
    assert await shop.places("MUG") == {"tote:T1": 3}
    first = await shop.do("pack", fulfillment_order=fuls[0], tote="T1")
    assert [line["quantity"] for line in first["lines"]] == [1]
    assert await shop.places("MUG") == {"tote:T1": 2, f"parcel:{first['parcel'][4:]}": 1}
    wrong = await shop.ask("pack", fulfillment_order=fuls[1], tote="T2")
    assert isinstance(wrong, NotInThatPlace) and wrong.why["elsewhere"] == [{"place": "tote:T1", "units": 2}]
    # Without a tote those are taken that hold its units.
    await shop.do("pack", fulfillment_order=fuls[1])


async def test_an_order_takes_only_its_own_units_out_of_a_tote(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    one = await shop.to_released(await ordered(shop, ("MUG", 1)))
    two = await shop.to_released(await ordered(shop, ("MUG", 1), ship_to=KENYA, buyer={"email": "w@example.com"}))
    await shop.do("pick", **pick(one, tote="T1"))
    await shop.do("pick", **pick(two, tote="T2"))
    body = {"fulfillment_order": one, "line": 1, "quantity": 1, "bin": "A-1", "tote": "T2"}
    assert isinstance(await shop.ask("unpick", **body), NotInThatPlace)
    assert isinstance(await shop.ask("pack", fulfillment_order=one, tote="T2"), NotInThatPlace)
    await shop.do("pack", fulfillment_order=one)
    assert (await shop.places("MUG"))["tote:T2"] == 1


# short


async def test_a_short_pick_finds_the_units_at_the_other_site(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    await shop.stock("MUG", 1, "PL")
    order = await ordered(shop, ("MUG", 2))
    ful = await shop.to_released(order)
    await shop.do("pick", **pick(ful))
    answer = await shop.do("short", fulfillment_order=ful, line=1, quantity=1, bin="A-1")
    assert (answer["short"], answer["left"]) == (1, 0)
    assert await status(shop, ful) == "picked"
    # The unit that is not in the bin is not in the books either.
    assert await shop.availability("MUG") == {"free": 0, "reserved": 0, "picked": 1, "packed": 0, "quarantine": 0}
    assert await attention(shop, "short_pick") == [
        {"reason": f"1 MUG missing from bin A-1 at {shop.site('NJ')}", "next_action": "count bin A-1"}
    ]
    await shop.work()
    rows = await shop.on_floor(order)
    assert [(row["site"], row["promised"], row["picked"]) for row in rows] == [("NJ", 0, 1), ("PL", 1, 0)]
    await shop.pick_all(order)
    assert len(await shop.pack_all(order)) == 2


async def test_a_short_pick_finds_free_units_in_another_bin_of_the_same_site(shop: Shop) -> None:
    await shop.stock("MUG", 1)
    await shop.stock("MUG", 1, bin="B-7")
    order = await ordered(shop, ("MUG", 1))
    ful = await shop.to_released(order)
    await shop.do("short", fulfillment_order=ful, line=1, quantity=1, bin="A-1")
    await shop.work()
    assert await status(shop, ful) == "awaiting_fulfillment"
    await shop.do("pick", **pick(ful, bin="B-7"))


async def test_what_is_short_everywhere_waits_for_the_next_delivery(shop: Shop) -> None:
    await shop.stock("MUG", 1)
    order = await ordered(shop, ("MUG", 1))
    ful = await shop.to_released(order)
    await shop.do("short", fulfillment_order=ful, line=1, quantity=1, bin="A-1")
    await shop.work()
    assert await status(shop, ful) == "short"
    assert await shop.stage(order) == "processing"
    await shop.receive("MUG", 4)
    await shop.work()
    assert await status(shop, ful) == "awaiting_fulfillment"
    await shop.pick_all(order)
    assert await status(shop, ful) == "picked"


async def test_no_more_is_short_than_was_to_be_picked_or_stood_in_the_bin(shop: Shop) -> None:
    await shop.stock("MUG", 3)
    ful = await shop.to_released(await ordered(shop, ("MUG", 2)))
    body = {"fulfillment_order": ful, "line": 1, "quantity": 3, "bin": "A-1"}
    assert isinstance(await shop.ask("short", **body), TooMany)
    assert isinstance(await shop.ask("short", **{**body, "quantity": 1, "bin": "A-2"}), NotInThatPlace)
    assert isinstance(await shop.ask("short", **{**body, "quantity": 1, "bin": "tote:1"}), NotABin)


# unpick


async def test_a_picked_unit_goes_back_to_any_bin_and_stays_promised(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    order = await ordered(shop, ("MUG", 2))
    ful = await shop.to_picked(order)
    too_many = await shop.ask("unpick", fulfillment_order=ful, line=1, quantity=3, bin="A-1")
    assert isinstance(too_many, NotThatManyPicked) and too_many.why["picked"] == 2
    assert isinstance(
        await shop.ask("unpick", fulfillment_order=ful, line=1, quantity=1, bin="A-1", tote="T9"), NotInThatPlace
    )
    assert isinstance(await shop.ask("unpick", fulfillment_order=ful, line=1, quantity=1, bin="tote:T9"), NotABin)
    await shop.do("unpick", fulfillment_order=ful, line=1, quantity=2, bin="B-1")
    assert await shop.places("MUG") == {"B-1": 2}
    assert (await shop.availability("MUG"))["reserved"] == 2
    assert await status(shop, ful) == "awaiting_fulfillment"


# pack


async def test_a_parcel_weighs_what_its_goods_weigh_unless_a_scale_says_otherwise(shop: Shop) -> None:
    await shop.stock("MUG", 3)
    await shop.stock("CUP", 2)
    order = await ordered(shop, ("MUG", 3), ("CUP", 2))
    ful = await shop.to_picked(order)
    first = await shop.do("pack", fulfillment_order=ful, lines=[{"line": 1, "quantity": 1}, {"line": 2, "quantity": 2}])
    assert first["weight_g"] == 350 + 2 * 250
    assert await status(shop, ful) == "packing"
    second = await shop.do("pack", fulfillment_order=ful, weight_g=999, length_mm=300, carton="S")
    assert (second["weight_g"], [line["quantity"] for line in second["lines"]]) == (999, [2])
    assert await status(shop, ful) == "packed"
    assert (await shop.now(order))["parcels_pre_transit"] == 2


async def test_what_is_not_picked_is_not_packed(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    ful = await shop.to_released(await ordered(shop, ("MUG", 2)))
    assert isinstance(await shop.ask("pack", fulfillment_order=ful), NothingPicked)
    await shop.do("pick", **pick(ful))
    many = await shop.ask("pack", fulfillment_order=ful, lines=[{"line": 1, "quantity": 1}, {"line": 1, "quantity": 1}])
    assert isinstance(many, NotThatManyPicked)
    assert isinstance(await shop.ask("pack", fulfillment_order=ful, lines=[{"line": 7, "quantity": 1}]), NotHere)
    await shop.do("pack", fulfillment_order=ful)


async def test_a_label_is_asked_for_where_there_is_a_carrier(shop: Shop) -> None:
    await shop.stock("MUG", 3)
    order = await ordered(shop, ("MUG", 3))
    ful = await shop.to_picked(order)

    async def wanted() -> list[str]:
        return [body["parcel"] for verb, body in await shop.jobs() if verb == "want_label"]

    one = [{"line": 1, "quantity": 1}]
    await shop.do("pack", fulfillment_order=ful, lines=one)
    assert await wanted() == []
    await shop.connect("carrier", "simcarrier", "sim")
    await shop.do("pack", fulfillment_order=ful, lines=one, label="none")
    assert await wanted() == []
    parcel = (await shop.do("pack", fulfillment_order=ful, lines=one))["parcel"]
    assert await wanted() == [parcel]


async def test_a_line_on_hold_is_not_packed_with_the_others(shop: Shop) -> None:
    await shop.stock("MUG", 1)
    await shop.stock("CUP", 1)
    order = await ordered(shop, ("MUG", 1), ("CUP", 1))
    ful = await shop.to_picked(order)
    await shop.do("hold", order=order, line=2, type="operator", reason="chipped?")
    assert isinstance(await shop.ask("pack", fulfillment_order=ful), OnHold)
    await shop.do("pack", fulfillment_order=ful, lines=[{"line": 1, "quantity": 1}])


# unpack


async def test_units_leave_a_parcel_one_by_one_and_an_empty_parcel_counts_no_more(shop: Shop) -> None:
    await shop.stock("MUG", 3)
    order = await ordered(shop, ("MUG", 3))
    parcel = await shop.to_packed(order)
    answer = await shop.do("unpack", parcel=parcel, lines=[{"line": 1, "quantity": 1}])
    assert answer["empty"] is False
    (row,) = await shop.rows("select weight_g from parcel where merchant_id = $1", shop.merchant)
    assert row["weight_g"] == 2 * 350
    many = await shop.ask("unpack", parcel=parcel, lines=[{"line": 1, "quantity": 3}])
    assert isinstance(many, NotThatManyPacked) and many.why["packed"] == 2
    assert (await shop.do("unpack", parcel=parcel, tote="T4"))["empty"] is True
    assert (await shop.now(order))["parcels_pre_transit"] == 0
    assert isinstance(await shop.ask("unpack", parcel=parcel), NotThatManyPacked)
    assert isinstance(await shop.ask("unpack", parcel="par_1"), NotFound)
    places = await shop.places("MUG")
    assert places["tote:T4"] == 2 and sum(places.values()) == 3


async def test_a_parcel_with_a_label_is_unpacked_after_the_label_is_void(shop: Shop) -> None:
    await shop.stock("MUG", 1)
    parcel = await shop.to_packed(await ordered(shop, ("MUG", 1)))
    await shop.do("keep_label", parcel=parcel, carrier="by hand", tracking_number="ABC123")
    refused = await shop.ask("unpack", parcel=parcel)
    assert isinstance(refused, LabelThere)
    assert (refused.why["label"], refused.why["next_action"]) == ("bought", "want_void")


async def test_of_two_people_who_take_out_of_one_parcel_at_once_the_second_finds_what_is_left(shop: Shop) -> None:
    await shop.stock("MUG", 3)
    order = await ordered(shop, ("MUG", 3))
    parcel = await shop.to_packed(order)
    two = {"parcel": parcel, "lines": [{"line": 1, "quantity": 2}]}
    answers = await asyncio.gather(*(shop.ask("unpack", **two, tote=tote) for tote in ("T1", "T2")))
    (refused,) = [answer for answer in answers if isinstance(answer, Refusal)]
    assert isinstance(refused, NotThatManyPacked) and refused.why["packed"] == 1
    places = await shop.places("MUG")
    assert places[f"parcel:{parcel[4:]}"] == 1 and sorted(places.values()) == [1, 2]


async def test_what_has_left_is_not_unpacked(shop: Shop) -> None:
    await shop.stock("MUG", 1)
    order = await ordered(shop, ("MUG", 1))
    parcel = await shop.to_packed(order)
    await shop.do("keep_label", parcel=parcel, carrier="by hand", tracking_number="ABC124")
    (row,) = await shop.on_floor(order)
    assert await status(shop, row["ful"]) == "ready_to_ship"
    await shop.do("hand_over", parcel=parcel)
    assert isinstance(await shop.ask("unpack", parcel=parcel), HandedOver)
    assert await status(shop, row["ful"]) == "shipped"


# lots


async def test_a_lot_stays_with_its_units_into_the_parcel_and_back(shop: Shop) -> None:
    for lot, units in (("L1", 2), ("L2", 2)):
        await shop.receive("MUG", units, bin="A-1", lot=lot)
    order = await ordered(shop, ("MUG", 3))
    parcel = await shop.to_packed(order)

    async def inside() -> list[tuple[str, int]]:
        rows = await shop.rows(
            "select lot, quantity from parcel_line"
            " where merchant_id = $1 and parcel_id = $2 and quantity > 0 order by lot",
            shop.merchant, int(parcel[4:]),
        )  # fmt: skip
        return [(row["lot"], row["quantity"]) for row in rows]

    async def standing() -> dict[str, int]:
        rows = await shop.rows(
            "select place, lot, quantity from place_stock where merchant_id = $1 and quantity > 0", shop.merchant
        )
        return {f"{row['place'].split(':')[0]} {row['lot']}": row["quantity"] for row in rows}

    assert await inside() == [("L1", 2), ("L2", 1)]
    assert await standing() == {"A-1 L2": 1, "parcel L1": 2, "parcel L2": 1}
    await shop.do("unpack", parcel=parcel, lines=[{"line": 1, "quantity": 1}])
    assert await inside() == [("L1", 1), ("L2", 1)]
    assert await standing() == {"A-1 L2": 1, "tote L1": 1, "parcel L1": 1, "parcel L2": 1}


# pick lists and papers


async def test_the_pick_list_begins_with_what_must_leave_first_and_knows_the_way(shop: Shop) -> None:
    await shop.stock("MUG", 2, bin="A-10")
    await shop.stock("MUG", 4, bin="A-2")
    await shop.stock("CUP", 1, bin="A-3")
    late = replace(shop, at=shop.at + timedelta(days=9))
    buyer = {"buyer": {"email": "w@example.com"}, "ship_to": KENYA}
    last = await ordered(late, ("MUG", 2), **buyer)
    await late.work()
    first = await ordered(shop, ("MUG", 3), ("CUP", 1))
    await shop.to_released(first)
    assert last != first
    found = await to_pick(shop)
    assert [one.order for one in found] == [first, last]
    assert [(line.sku, line.quantity, line.barcode) for line in found[0].lines] == [
        ("MUG", 3, MUG_BARCODE),
        ("CUP", 1, CUP_BARCODE),
    ]
    assert [(held.bin, held.units) for held in found[0].lines[0].bins] == [("A-2", 4), ("A-10", 2)]
    stops = [(stop.bin, stop.line.sku, stop.quantity, stop.order.order) for stop in walk(found)]
    assert stops == [("A-2", "MUG", 3, first), ("A-3", "CUP", 1, first), ("A-10", "MUG", 2, last)]


async def test_what_is_picked_or_on_hold_is_on_no_pick_list(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    order = await ordered(shop, ("MUG", 2))
    ful = await shop.to_released(order)
    await shop.do("pick", **pick(ful))
    assert [line.quantity for one in await to_pick(shop) for line in one.lines] == [1]
    hold = (await shop.do("hold", order=order, line=1, type="merchant", reason="wait"))["hold"]
    assert await to_pick(shop) == []
    await shop.do("lift", hold=hold)
    await shop.do("pick", **pick(ful))
    assert await to_pick(shop) == []
    assert await to_pick(shop, "PL") == []


async def listed(shop: Shop, status: Status, limit: int = 2) -> list[str]:
    """Their orders, read to the end page by page; at the site and anywhere."""
    found: dict[str | None, list[str]] = {}
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        for site in (shop.site("NJ"), None):
            page = await fulfillment_orders(tx, shop.merchant, FloorQuery(site=site, status=status, limit=limit))
            found[site] = [row.order for row in page.fulfillment_orders]
            while page.next:
                query = FloorQuery(site=site, status=status, limit=limit, cursor=page.next)
                page = await fulfillment_orders(tx, shop.merchant, query)
                found[site] += [row.order for row in page.fulfillment_orders]
    assert found[None] == found[shop.site("NJ")]
    return found[None]


async def to_pack(shop: Shop, order: str) -> int:
    (row,) = await shop.rows(
        "select sum(to_pack)::int as units from fulfillment_order where merchant_id = $1 and order_id = $2",
        shop.merchant, int(order[4:]),
    )  # fmt: skip
    return int(row["units"])


async def on_the_floor(shop: Shop) -> list[str]:
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        return [each.order for each in await to_do(tx, site_of(await sites_by_code(tx), shop.site("NJ")))]


async def test_the_floor_is_read_by_what_it_has_to_do_the_most_urgent_first(shop: Shop) -> None:
    await shop.stock("MUG", 20)
    orders = []
    for days in (4, 2, 6, 0):
        later = replace(shop, at=shop.at + timedelta(days=days))
        mail = {"buyer": {"email": f"{days}@example.com"}}
        orders.append(await ordered(later, ("MUG", 2), **mail))
        await later.work()
    third, second, fourth, first = orders
    waiting = await ordered(shop, ("MUG", 1), reserve="now", buyer={"email": "w@example.com"})
    assert await listed(shop, "released") == await on_the_floor(shop) == [first, second, third, fourth]
    assert await listed(shop, "waiting") == [waiting]
    (row,) = await shop.on_floor(second)
    await shop.do("pick", **pick(row["ful"]))
    assert (await listed(shop, "released"), await listed(shop, "picking")) == ([first, third, fourth], [second])
    assert (await to_pack(shop, second), await on_the_floor(shop)) == (2, [first, second, third, fourth])
    await shop.do("pack", fulfillment_order=row["ful"])
    assert (await to_pack(shop, second), await listed(shop, "picking")) == (1, [])
    await shop.do("pick", **pick(row["ful"]))
    (parcel,) = await shop.pack_all(second)
    assert (await to_pack(shop, second), await on_the_floor(shop)) == (0, [first, third, fourth])
    assert await listed(shop, "packed") == [second]
    await shop.do("unpack", parcel=parcel)
    assert (await to_pack(shop, second), await on_the_floor(shop)) == (1, [first, second, third, fourth])
    await shop.do("cancel", order=first)
    assert (await to_pack(shop, first), await on_the_floor(shop)) == (0, [second, third, fourth])


async def test_the_papers_of_the_floor_say_what_is_to_be_picked_and_what_is_in_the_parcel(shop: Shop) -> None:
    await shop.stock("MUG", 3)
    await shop.stock("CUP", 1)
    order = await ordered(shop, ("MUG", 3), ("CUP", 1))
    ful = await shop.to_released(order)
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        pick_from = await pick_list_data(tx, shop.site("NJ"), shop.at, picker="Ola")
    assert (pick_from.number, pick_from.orders, pick_from.page_size) == (ful, 1, "us-letter")
    assert [(line.bin, line.sku, line.quantity) for line in pick_from.lines] == [("A-1", "MUG", 3), ("A-1", "CUP", 1)]
    assert pick_list_paper(pick_from).pdf().startswith(b"%PDF")
    await shop.pick_all(order)
    parcel = (await shop.do("pack", fulfillment_order=ful, lines=[{"line": 1, "quantity": 2}]))["parcel"]
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        slip = await packing_slip_data(tx, parcel)
        with pytest.raises(NotFound):
            await packing_slip_data(tx, "par_1")
    assert [(line.sku, line.quantity, line.ordered) for line in slip.lines] == [("MUG", 2, 3)]
    assert (slip.ship_from.name, slip.ship_from.city, slip.ship_to.city) == ("Mugs & Co", "Port Reading", "Dublin")
    assert (slip.parcel, slip.parcel_index, slip.parcel_count) == (parcel, 1, 0)
    last = (await shop.do("pack", fulfillment_order=ful))["parcel"]
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        slip = await packing_slip_data(tx, last)
    assert (slip.parcel_index, slip.parcel_count) == (2, 2)
    assert packing_slip(slip).pdf().startswith(b"%PDF")


# what users complain about


async def test_fulfillment_takes_from_the_site_where_it_was_reserved_and_leaves_the_other_alone(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    await shop.stock("MUG", 5, "PL")
    order = await ordered(shop, ("MUG", 5))
    await shop.to_packed(order)
    assert sum((await shop.places("MUG", "PL")).values()) == 5
    assert await shop.places("MUG") == {"A-1": 2}
    assert (await shop.availability("MUG", "PL"))["packed"] == 5


async def test_two_lines_of_one_sku_are_one_stock_of_their_parcel(shop: Shop) -> None:
    await shop.stock("MUG", 5)
    order = await ordered(shop, ("MUG", 2), ("MUG", 1))
    parcel = await shop.to_packed(order)
    rows = await shop.rows(
        "select place, quantity from place_stock where merchant_id = $1 and place like 'parcel:%'", shop.merchant
    )
    assert rows == [{"place": f"parcel:{parcel[4:]}", "quantity": 3}]


async def test_no_stock_is_kept_of_what_lies_in_a_parcel(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    order = await ordered(shop, ("MUG", 2))
    parcel = await shop.to_packed(order)

    async def kept() -> dict[str, int]:
        rows = await shop.rows("select place, quantity from bin_stock where merchant_id = $1", shop.merchant)
        return {row["place"]: row["quantity"] for row in rows}

    assert await kept() == {"A-1": 0}
    await shop.do("unpack", parcel=parcel, lines=[{"line": 1, "quantity": 1}], tote="T1")
    assert await kept() == {"A-1": 0, "tote:T1": 1}
    await shop.do("cancel", order=order)
    assert await shop.places("MUG") == {"QUARANTINE": 2}


async def test_what_was_reserved_ships_though_the_last_free_unit_is_sold(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    order = await ordered(shop, ("MUG", 2))
    await shop.work()
    assert await shop.free("MUG") == 0
    parcel = await shop.to_packed(order)
    await shop.do("keep_label", parcel=parcel, carrier="by hand", tracking_number="ABC125")
    await shop.do("hand_over", parcel=parcel)
    assert await shop.places("MUG") == {}


async def test_two_sites_ship_their_parts_at_different_times(shop: Shop) -> None:
    await shop.stock("MUG", 1)
    await shop.stock("MUG", 1, "PL")
    order = await ordered(shop, ("MUG", 2))
    await shop.work()
    first, second = [row["ful"] for row in await shop.on_floor(order)]
    await shop.do("pick", **pick(first))
    parcel = (await shop.do("pack", fulfillment_order=first))["parcel"]
    await shop.do("keep_label", parcel=parcel, carrier="by hand", tracking_number="ABC126")
    await shop.do("hand_over", parcel=parcel)
    assert (await shop.now(order))["fulfillment"] == "partially_fulfilled"
    assert await status(shop, second) == "awaiting_fulfillment"
    assert (await shop.now(order))["payment"] == "unpaid"
    await shop.do("pick", **pick(second))
    await shop.do("pack", fulfillment_order=second)
    assert (await shop.now(order))["packed"] == 1


async def test_a_backorder_that_comes_later_ships_in_a_parcel_of_its_own(shop: Shop) -> None:
    await shop.stock("MUG", 1)
    order = await ordered(shop, ("MUG", 3))
    first = await shop.to_packed(order)
    await shop.receive("MUG", 2)
    await shop.work()
    second = await shop.to_packed(order)
    assert first != second
    assert await shop.places("MUG") == {f"parcel:{first[4:]}": 1, f"parcel:{second[4:]}": 2}


async def test_part_of_a_pick_list_may_be_done_and_the_rest_be_short_or_left(shop: Shop) -> None:
    await shop.stock("MUG", 5)
    order = await ordered(shop, ("MUG", 5))
    ful = await shop.to_released(order)
    await shop.do("pick", **pick(ful, quantity=2))
    await shop.do("pick", **pick(ful, quantity=1))
    await shop.do("short", fulfillment_order=ful, line=1, quantity=2, bin="A-1")
    parcel = await shop.do("pack", fulfillment_order=ful)
    assert [line["quantity"] for line in parcel["lines"]] == [3]
    assert (await shop.now(order))["wanted"] == 2


async def test_a_refused_scan_leaves_everything_as_it_was(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    order = await ordered(shop, ("MUG", 2))
    ful = await shop.to_released(order)
    before = (await shop.now(order), await shop.places("MUG"), await shop.jobs())
    for answer in (
        await shop.ask("pick", **pick(ful, barcode="CUP")),
        await shop.ask("pick", **pick(ful, quantity=9)),
        await shop.ask("pick", **pick(ful, bin="Z")),
        await shop.ask("pack", fulfillment_order=ful),
        await shop.ask("unpick", fulfillment_order=ful, line=1, quantity=1, bin="A-1"),
    ):
        assert isinstance(answer, Refusal)
    assert (await shop.now(order), await shop.places("MUG"), await shop.jobs()) == before


async def test_an_order_that_ships_complete_is_not_released_in_part(db: Db) -> None:
    shop = await open_shop(db, ship="complete")
    await shop.stock("MUG", 2)
    await shop.stock("MUG", 1, "PL")
    order = await ordered(shop, ("MUG", 3))
    await shop.do("check", order=order)
    first, second = (await shop.do("promise", order=order))["fulfillment_orders"]
    await shop.do("release", fulfillment_order=first)
    (row,) = await shop.on_floor(order)
    await shop.do("short", fulfillment_order=first, line=1, quantity=row["promised"], bin="A-1")
    assert isinstance(await shop.ask("release", fulfillment_order=second), RestIsMissing)
    await shop.audit()


async def test_a_fulfillment_order_without_work_is_not_released(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    order = await ordered(shop, ("MUG", 2))
    await shop.do("check", order=order)
    (ful,) = (await shop.do("promise", order=order))["fulfillment_orders"]
    await shop.do("unpromise", order=order)
    assert isinstance(await shop.ask("release", fulfillment_order=ful), NothingPromised)


async def test_each_parcel_has_its_own_carrier_and_tracking_number(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    order = await ordered(shop, ("MUG", 2))
    ful = await shop.to_picked(order)
    for carrier in ("Meest", "InPost"):
        parcel = (await shop.do("pack", fulfillment_order=ful, lines=[{"line": 1, "quantity": 1}]))["parcel"]
        await shop.do("keep_label", parcel=parcel, carrier=carrier, tracking_number=f"{carrier}-{shop.merchant}")
        await shop.do("hand_over", parcel=parcel)
    rows = await shop.rows(
        "select carrier, tracking_number from parcel where merchant_id = $1 order by parcel_id", shop.merchant
    )
    assert [row["carrier"] for row in rows] == ["Meest", "InPost"]
    assert (await shop.now(order))["fulfillment"] == "fulfilled"


async def test_pickers_at_the_same_bin_at_the_same_time_never_take_more_than_it_holds(shop: Shop) -> None:
    await shop.stock("MUG", 3, bin="A-1")
    await shop.stock("MUG", 5, bin="A-2")
    fuls = []
    for n in range(8):
        buyer = {"ship_to": KENYA | {"line1": f"{n} Moi Avenue"}, "buyer": {"email": f"{n}@x.org"}}
        fuls.append(await shop.to_released(await ordered(shop, ("MUG", 1), **buyer)))
    answers = await asyncio.gather(*(shop.ask("pick", **pick(ful)) for ful in fuls))
    assert sum(isinstance(answer, dict) for answer in answers) == 3
    assert sum(isinstance(answer, NotInThatPlace) for answer in answers) == 5


async def test_a_preview_of_packing_says_what_would_happen_and_leaves_the_tote_full(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    order = await ordered(shop, ("MUG", 2))
    ful = await shop.to_picked(order)
    body = msgspec.convert({"fulfillment_order": ful}, VERBS["pack"].body)
    effect = await preview(shop.db, "pack", Ask(shop.merchant, body, shop.at))
    assert effect["demand"] == [{"line": 1, "from": "picked", "to": "packed", "quantity": 2}]
    assert [(move["from"], move["to"], move["quantity"]) for move in effect["stock"]] == [("picked", "packed", 2)]
    assert (await shop.now(order))["picked"] == 2
