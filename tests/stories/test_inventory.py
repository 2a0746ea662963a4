"""Inventory: what comes in, where it stands, and what the books say of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from doorstep.doors.reads.goods import StockQuery, stock
from doorstep.doors.reads.reports.stock import PastStockQuery, report_stock
from doorstep.journey.intake.files.stock import read_stock
from doorstep.journey.inventory.adjust import NothingToAdjust
from doorstep.journey.inventory.goods import NotThatManyFree
from doorstep.journey.inventory.import_stock import import_stock
from doorstep.journey.inventory.put_away import SameBin
from doorstep.journey.inventory.quarantine import NotThatManyInQuarantine
from doorstep.journey.inventory.receive import AsnClosed, MoreDamagedThanCame, OtherSite
from doorstep.kit.ids import NotAnId
from doorstep.kit.refusals import Invalid, NotFound
from doorstep.setup.places import NotABin, NotQuarantine
from doorstep.spine.tenant import Db, tenant_tx
from doorstep.spine.walls import NotInThatPlace
from tests.rules.a_workbook import workbook
from tests.shop import Shop, open_shop


async def announced(shop: Shop, *lines: tuple[str, int], site: str = "NJ") -> str:
    body = [{"sku": sku, "quantity": quantity} for sku, quantity in lines]
    return str((await shop.do("announce", site=shop.site(site), reference="PO-7", lines=body))["asn"])


def arrival(shop: Shop, *lines: tuple[str, int] | dict[str, Any], site: str = "NJ", **more: Any) -> dict[str, Any]:
    full = [line if isinstance(line, dict) else {"sku": line[0], "quantity": line[1]} for line in lines]
    return {"site": shop.site(site), "lines": full, **more}


async def attention(shop: Shop) -> list[str]:
    rows = await shop.rows(
        "select reason from attention where merchant_id = $1 and kind = 'asn_discrepancy'", shop.merchant
    )
    return [row["reason"] for row in rows]


async def imported(shop: Shop, path: Path, text: str, **more: Any) -> dict[str, Any]:
    path.write_text(text)
    return await import_stock(shop.db, shop.merchant, read_stock([path]), at=shop.at, **more)


# announce and receive


async def test_goods_that_were_announced_arrive_and_are_free_at_once(shop: Shop) -> None:
    asn = await announced(shop, ("MUG", 3), ("CUP", 2), ("MUG", 2))
    answer = await shop.do("receive", **arrival(shop, ("MUG", 5), ("CUP", 2), asn=asn, close=True))
    assert answer["lines"] == [
        {"sku": "CUP", "expected": 2, "received": 2, "damaged": 0, "over": 0, "short": 0},
        {"sku": "MUG", "expected": 5, "received": 5, "damaged": 0, "over": 0, "short": 0},
    ]
    assert (answer["asn"], answer["closed"]) == (asn, True)
    assert await shop.free("MUG") == 5
    assert await shop.places("MUG") == {"RECEIVING": 5}
    assert await attention(shop) == []


async def test_over_short_and_damaged_are_told_each_by_name_when_the_asn_is_closed(shop: Shop) -> None:
    asn = await announced(shop, ("MUG", 10), ("CUP", 4))
    first = await shop.do("receive", **arrival(shop, ("MUG", 6), asn=asn))
    assert [(line["sku"], line["received"], line["short"]) for line in first["lines"]] == [("CUP", 0, 4), ("MUG", 6, 4)]
    assert await attention(shop) == []
    damaged = {"sku": "MUG", "quantity": 5, "damaged": 2, "bin": "A-1"}
    last = await shop.do("receive", **arrival(shop, damaged, ("LAMP", 1), ("CUP", 3), asn=asn, close=True))
    assert [(line["sku"], line["over"], line["short"], line["damaged"]) for line in last["lines"]] == [
        ("CUP", 0, 1, 0),
        ("MUG", 1, 0, 2),
        ("LAMP", 1, 0, 0),
    ]
    assert await attention(shop) == [
        f"{asn} at {shop.site('NJ')}: CUP: 4 expected, 3 came (1 short); "
        "MUG: 10 expected, 11 came (1 over, 2 damaged); LAMP: 0 expected, 1 came (1 over)"
    ]
    assert await shop.places("MUG") == {"A-1": 3, "QUARANTINE": 2, "RECEIVING": 6}
    assert await shop.availability("MUG") == {"free": 9, "reserved": 0, "picked": 0, "packed": 0, "quarantine": 2}


async def test_two_deliveries_of_one_asn_in_one_batch_add_up(shop: Shop) -> None:
    asn = await announced(shop, ("MUG", 10))
    bodies = [arrival(shop, ("MUG", 4), asn=asn), arrival(shop, ("MUG", 5), asn=asn)]
    answers = await shop.ask_all("receive", bodies)
    assert [answer["lines"][0]["received"] for answer in answers if isinstance(answer, dict)] == [4, 9]


async def test_goods_that_nobody_announced_are_taken_in_too(shop: Shop) -> None:
    answer = await shop.do("receive", **arrival(shop, ("MUG", 2), ("CUP", 1), reference="note 12"))
    assert answer["closed"] is True
    assert [(line["sku"], line["expected"], line["received"]) for line in answer["lines"]] == [
        ("MUG", 0, 2),
        ("CUP", 0, 1),
    ]
    assert await attention(shop) == []
    assert isinstance(await shop.ask("receive", **arrival(shop, ("MUG", 1), asn=answer["asn"])), AsnClosed)


async def test_goods_that_come_in_go_to_the_order_that_waits_longest(shop: Shop) -> None:
    order = await shop.place(("MUG", 2), payment_term="on_account")
    await shop.work()
    assert (await shop.now(order))["wanted"] == 2
    await shop.receive("MUG", 3)
    await shop.work()
    assert (await shop.now(order))["promised"] == 2
    assert await shop.free("MUG") == 1


async def test_what_cannot_be_received_is_refused_by_name(shop: Shop, db: Db) -> None:
    asn = await announced(shop, ("MUG", 3))
    assert isinstance(await shop.ask("receive", **arrival(shop, ("NONE", 1))), NotFound)
    assert isinstance(await shop.ask("receive", **arrival(shop, ("MUG", 1)) | {"site": "NOWHERE"}), NotFound)
    assert isinstance(await shop.ask("receive", **arrival(shop, ("MUG", 1), asn="asn_1")), NotFound)
    assert isinstance(await shop.ask("receive", **arrival(shop, ("MUG", 1), asn="PO-7")), NotAnId)
    assert isinstance(await shop.ask("receive", **arrival(shop, ("MUG", 1), site="PL", asn=asn)), OtherSite)
    damaged = {"sku": "MUG", "quantity": 1, "damaged": 2}
    assert isinstance(await shop.ask("receive", **arrival(shop, damaged)), MoreDamagedThanCame)
    tote = {"sku": "MUG", "quantity": 1, "bin": "tote:1"}
    assert isinstance(await shop.ask("receive", **arrival(shop, tote)), NotABin)
    assert isinstance(await shop.ask("receive", **arrival(shop)), Invalid)
    assert isinstance(await shop.ask("announce", **arrival(shop, ("NONE", 1))), NotFound)
    other = await open_shop(db)
    assert isinstance(await other.ask("receive", **arrival(other, ("MUG", 1), asn=asn)), NotFound)
    closed = await shop.do("receive", **arrival(shop, asn=asn, close=True))
    assert closed["lines"][0]["short"] == 3
    assert await shop.availability("MUG") == {}


# put away


async def test_goods_go_from_receiving_to_their_bin_though_they_are_promised(shop: Shop) -> None:
    await shop.receive("MUG", 3)
    order = await shop.place(("MUG", 3), payment_term="on_account")
    await shop.work()
    answer = await shop.do("put_away", sku="MUG", site=shop.site("NJ"), quantity=2, to_bin="A-1")
    assert (answer["from_bin"], answer["to_bin"]) == ("RECEIVING", "A-1")
    assert await shop.places("MUG") == {"A-1": 2, "RECEIVING": 1}
    await shop.to_packed(order)


async def test_what_cannot_be_put_away_is_refused_by_name(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    body = {"sku": "MUG", "site": shop.site("NJ"), "quantity": 1, "from_bin": "A-1", "to_bin": "B-1"}
    assert isinstance(await shop.ask("put_away", **body | {"to_bin": "A-1"}), SameBin)
    assert isinstance(await shop.ask("put_away", **body | {"to_bin": "QUARANTINE"}), NotABin)
    assert isinstance(await shop.ask("put_away", **body | {"from_bin": "parcel:1"}), NotABin)
    assert isinstance(await shop.ask("put_away", **body | {"sku": "NONE"}), NotFound)
    assert isinstance(await shop.ask("put_away", **body | {"site": "NOWHERE"}), NotFound)
    refused = await shop.ask("put_away", **body | {"quantity": 3})
    assert isinstance(refused, NotInThatPlace) and refused.why["holds"] == 2
    elsewhere = await shop.ask("put_away", **body | {"from_bin": "B-1", "to_bin": "C-1"})
    assert isinstance(elsewhere, NotInThatPlace) and elsewhere.why["elsewhere"] == [{"place": "A-1", "units": 2}]


async def test_a_lot_that_is_named_is_the_one_that_moves(shop: Shop) -> None:
    for lot in ("L1", "L2"):
        await shop.receive("MUG", 2, bin="A-1", lot=lot)
    body = {"sku": "MUG", "site": shop.site("NJ"), "from_bin": "A-1", "to_bin": "B-1", "lot": "L2"}
    assert isinstance(await shop.ask("put_away", **body, quantity=3), NotInThatPlace)
    await shop.do("put_away", **body, quantity=2)
    rows = await shop.rows(
        "select place, lot from bin_stock where merchant_id = $1 and quantity > 0 order by place", shop.merchant
    )
    assert [(row["place"], row["lot"]) for row in rows] == [("A-1", "L1"), ("B-1", "L2")]


# adjust


async def test_only_what_is_free_can_be_adjusted_away(shop: Shop) -> None:
    await shop.stock("MUG", 5)
    await shop.place(("MUG", 3), payment_term="on_account")
    await shop.work()
    body = {"sku": "MUG", "site": shop.site("NJ"), "reason": "missing", "bin": "A-1"}
    refused = await shop.ask("adjust", **body, quantity=-3)
    assert isinstance(refused, NotThatManyFree)
    assert (refused.why["free"], refused.why["promised"], refused.why["wanted"]) == (2, 3, 3)
    assert (await shop.do("adjust", **body, quantity=-2))["free"] == 0
    assert await shop.places("MUG") == {"A-1": 3}


async def test_what_cannot_be_adjusted_is_refused_by_name(shop: Shop) -> None:
    await shop.stock("MUG", 2)
    body = {"sku": "MUG", "site": shop.site("NJ"), "reason": "count", "bin": "A-1"}
    assert isinstance(await shop.ask("adjust", **body, quantity=0), NothingToAdjust)
    assert isinstance(await shop.ask("adjust", **body), Invalid)
    assert isinstance(await shop.ask("adjust", **body, quantity=1, counted=4), Invalid)
    assert isinstance(await shop.ask("adjust", **body | {"bin": "tote:1"}, quantity=1), NotABin)
    assert isinstance(await shop.ask("adjust", **body | {"bin": "B-1"}, quantity=-1), NotInThatPlace)
    assert isinstance(await shop.ask("adjust", **body | {"sku": "NONE"}, quantity=1), NotFound)
    assert isinstance(await shop.ask("adjust", **body | {"site": "NOWHERE"}, quantity=1), NotFound)


async def test_adjustments_of_one_batch_see_what_the_others_left(shop: Shop) -> None:
    await shop.stock("MUG", 3)
    body = {"sku": "MUG", "site": shop.site("NJ"), "reason": "missing", "bin": "A-1", "quantity": -2}
    first, second = await shop.ask_all("adjust", [body, body])
    assert isinstance(first, dict) and first["free"] == 1
    assert isinstance(second, NotThatManyFree) and second.why["free"] == 1


async def test_what_was_counted_becomes_the_stock(shop: Shop) -> None:
    await shop.stock("MUG", 4)
    await shop.stock("MUG", 3, bin="RECEIVING")
    body = {"sku": "MUG", "site": shop.site("NJ"), "reason": "count"}
    assert (await shop.do("adjust", **body, counted=6))["quantity"] == -1
    assert await shop.places("MUG") == {"A-1": 4, "RECEIVING": 2}
    assert (await shop.do("adjust", **body, counted=5, bin="A-1"))["quantity"] == 1
    assert (await shop.do("adjust", **body, counted=3))["quantity"] == -4
    assert await shop.places("MUG") == {"A-1": 3}
    events = "select count(*) as n from event where merchant_id = $1 and kind = 'sku'"
    before = await shop.rows(events, shop.merchant)
    assert (await shop.do("adjust", **body, counted=3))["quantity"] == 0
    assert await shop.rows(events, shop.merchant) == before


async def test_a_count_of_the_site_includes_what_is_in_totes_and_parcels(shop: Shop) -> None:
    await shop.stock("MUG", 5)
    order = await shop.place(("MUG", 2), payment_term="on_account")
    await shop.to_picked(order)
    body = {"sku": "MUG", "site": shop.site("NJ"), "reason": "count"}
    assert (await shop.do("adjust", **body, counted=5))["quantity"] == 0
    assert (await shop.do("adjust", **body, available=4))["quantity"] == 1
    refused = await shop.ask("adjust", **body, counted=1)
    assert isinstance(refused, NotThatManyFree) and refused.why["picked"] == 2


async def test_damaged_goods_go_to_quarantine_and_from_there_back_or_away(shop: Shop) -> None:
    await shop.stock("MUG", 5)
    body = {"sku": "MUG", "site": shop.site("NJ")}
    await shop.do("adjust", **body, quantity=-3, reason="damaged", bin="A-1")
    assert await shop.places("MUG") == {"A-1": 2, "QUARANTINE": 3}
    assert (await shop.do("restock", **body, quantity=1, bin="A-2"))["quarantine"] == 2
    assert (await shop.do("scrap", **body, quantity=2, reason="broken"))["quarantine"] == 0
    assert await shop.places("MUG") == {"A-1": 2, "A-2": 1}
    await shop.do("adjust", **body, quantity=1, reason="damaged")
    assert await shop.places("MUG") == {"A-1": 2, "A-2": 1, "QUARANTINE": 1}


async def test_what_is_restocked_goes_to_who_waits(shop: Shop) -> None:
    await shop.stock("MUG", 1)
    await shop.do("adjust", sku="MUG", site=shop.site("NJ"), quantity=-1, reason="damaged", bin="A-1")
    order = await shop.place(("MUG", 1), payment_term="on_account")
    await shop.work()
    await shop.do("restock", sku="MUG", site=shop.site("NJ"), quantity=1)
    await shop.work()
    assert (await shop.now(order))["promised"] == 1


@pytest.mark.parametrize(("verb", "more"), [("restock", {}), ("scrap", {"reason": "broken"})])
async def test_only_what_is_in_quarantine_leaves_it(shop: Shop, verb: str, more: dict[str, Any]) -> None:
    await shop.receive("MUG", 3, damaged=2)
    body = {"sku": "MUG", "site": shop.site("NJ"), "quantity": 1, **more}
    refused = await shop.ask(verb, **body | {"quantity": 3})
    assert isinstance(refused, NotThatManyInQuarantine) and refused.why["quarantine"] == 2
    assert isinstance(await shop.ask(verb, **body, from_place="QUARANTINE-2"), NotInThatPlace)
    assert isinstance(await shop.ask(verb, **body | {"sku": "NONE"}), NotFound)
    assert isinstance(await shop.ask(verb, **body | {"site": "NOWHERE"}), NotFound)
    first, second = await shop.ask_all(verb, [body | {"quantity": 2}, body])
    assert isinstance(first, dict) and first["quarantine"] == 0
    assert isinstance(second, NotThatManyInQuarantine)


async def test_shelves_are_no_quarantine_to_take_from(shop: Shop) -> None:
    await shop.receive("MUG", 3, damaged=2, bin="A-1")
    body = {"sku": "MUG", "site": shop.site("NJ"), "quantity": 1}
    assert isinstance(await shop.ask("restock", **body, bin="QUARANTINE"), NotABin)
    assert isinstance(await shop.ask("scrap", **body, from_place="A-1", reason="x"), NotQuarantine)
    assert await shop.places("MUG") == {"A-1": 1, "QUARANTINE": 2}


# looking


async def test_stock_is_read_page_by_page(shop: Shop) -> None:
    for sku in ("MUG", "CUP", "LAMP"):
        await shop.receive(sku, 1)
        await shop.receive(sku, 2, site="PL")
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        first = await stock(tx, shop.merchant, StockQuery(limit=4))
        last = await stock(tx, shop.merchant, StockQuery(limit=4, cursor=first.next))
        mugs = await stock(tx, shop.merchant, StockQuery(sku="MUG"))
        polish = await stock(tx, shop.merchant, StockQuery(site=shop.site("PL")))
    assert [(row.sku, row.site[:2], row.free) for row in (*first.stock, *last.stock)] == [
        ("CUP", "NJ", 1), ("CUP", "PL", 2), ("LAMP", "NJ", 1), ("LAMP", "PL", 2), ("MUG", "NJ", 1), ("MUG", "PL", 2),
    ]  # fmt: skip
    assert last.next is None
    assert [row.free for row in mugs.stock] == [1, 2]
    assert {row.sku for row in polish.stock} == {"MUG", "CUP", "LAMP"}


async def test_the_stock_of_a_day_is_what_the_moves_until_then_add_up_to(shop: Shop) -> None:
    begins = shop.at - timedelta(days=4)
    first, second, third = (replace(shop, at=begins + timedelta(days=n)) for n in range(3))
    await first.receive("MUG", 5)
    order = await second.place(("MUG", 2), payment_term="on_account")
    await second.work()
    await second.do("adjust", sku="MUG", site=shop.site("NJ"), quantity=-1, reason="missing")
    await third.pick_all(order)
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        instants = [begins + timedelta(days=n, hours=1) for n in range(-1, 3)]
        days = [await report_stock(tx, shop.merchant, PastStockQuery(at=at, sku="MUG")) for at in instants]
    assert [[(row.site, row.free, row.reserved, row.picked) for row in day.stock] for day in days] == [
        [], [(shop.site("NJ"), 5, 0, 0)], [(shop.site("NJ"), 2, 2, 0)], [(shop.site("NJ"), 2, 0, 2)],
    ]  # fmt: skip


# importing counts


async def test_a_file_of_counts_becomes_the_stock_and_the_same_file_again_changes_nothing(
    shop: Shop, tmp_path: Path
) -> None:
    await shop.stock("CUP", 4)
    await shop.stock("LAMP", 2)
    nj, pl = shop.site("NJ"), shop.site("PL")
    text = f"SKU,Site,Quantity\nMUG,{nj},7\nCUP,{nj},1\nLAMP,{nj},2\nMUG,{pl.lower()},3\nNONE,{nj},1\nMUG,Mars,1\n"
    told = await imported(shop, tmp_path / "stock.csv", text)
    report = told.pop("report")
    assert told == {"read": 6, "taken": 2, "changed": 1, "unchanged": 1, "refused": 2}
    assert [(row["line"], row["reason"], row["value"]) for row in report] == [
        (7, "site_unknown", "Mars"),
        (6, "NotFound", "NONE"),
    ]
    assert (await shop.free("MUG"), await shop.free("CUP"), await shop.free("LAMP")) == (7, 1, 2)
    assert await shop.free("MUG", "PL") == 3
    # Sold meanwhile: the file is no new count.
    await shop.do("adjust", sku="LAMP", site=nj, quantity=-1, reason="missing", bin="A-1")
    again = await imported(shop, tmp_path / "renamed.csv", text)
    assert {name: again[name] for name in told} == told | {"taken": 0, "changed": 0, "unchanged": 4}
    assert await shop.free("LAMP") == 1


async def test_counts_by_bin_and_lot_and_counts_of_what_is_available(shop: Shop, tmp_path: Path) -> None:
    nj = shop.site("NJ")
    await shop.stock("MUG", 5)
    await shop.to_picked(await shop.place(("MUG", 2), payment_term="on_account"))
    told = await imported(
        shop, tmp_path / "bins.csv", f"sku;location;on hand;bin;lot\nMUG;{nj};4;A-1;\nMUG;{nj};2;B-1;L1\n"
    )
    assert (told["taken"], told["changed"], told["refused"]) == (1, 1, 0)
    assert {place: n for place, n in (await shop.places("MUG")).items() if ":" not in place} == {"A-1": 4, "B-1": 2}
    told = await imported(shop, tmp_path / "free.csv", f"Variant SKU\tLocation\tAvailable\nMUG\t{nj}\t9\n")
    assert (told["changed"], await shop.free("MUG")) == (1, 9)


async def test_each_sheet_of_a_workbook_is_a_count_of_its_own(shop: Shop, tmp_path: Path) -> None:
    nj, head = shop.site("NJ"), ["SKU", "Site", "Quantity"]
    path = workbook(tmp_path / "stock.csv", {"May": [head, ["MUG", nj, 7]], "June": [head, ["CUP", nj, 2]]})

    async def take(file: str) -> dict[str, Any]:
        return await import_stock(shop.db, shop.merchant, read_stock([file]), at=shop.at)

    told = await take(str(path))
    assert [(row["reason"], row["value"], row["line"]) for row in told.pop("report")] == [
        ("name_differs", "Excel workbook", 0),
        ("sheet_not_read", "June", 0),
    ]
    assert told == {"read": 1, "taken": 1, "changed": 0, "unchanged": 0, "refused": 0}
    told = await take(f"{path}#June")
    assert (told["read"], told["taken"]) == (1, 1)
    told = await take(f"{path}#June")
    assert (told["taken"], told["unchanged"]) == (0, 1)
    assert (await shop.free("MUG"), await shop.free("CUP")) == (7, 2)


async def test_a_file_that_counts_twice_or_below_what_is_promised_is_told_so(shop: Shop, tmp_path: Path) -> None:
    nj = shop.site("NJ")
    await shop.stock("MUG", 5)
    await shop.place(("MUG", 4), payment_term="on_account")
    await shop.work()
    text = f"SKU,Site,Quantity,Bin\nMUG,{nj},3,\nCUP,{nj},1,\nCUP,{nj},1,A-1\nLAMP,{nj},1,A-1\nLAMP,{nj},1,A-1\n"
    told = await imported(shop, tmp_path / "stock.csv", text)
    assert [(row["line"], row["reason"]) for row in told["report"]] == [
        (4, "counted_twice"),
        (6, "counted_twice"),
        (2, "NotThatManyFree"),
    ]
    assert (told["taken"], told["refused"]) == (2, 3)
    assert await shop.free("MUG") == 1


async def test_rows_without_a_site_are_for_the_one_that_is_named(shop: Shop, tmp_path: Path) -> None:
    told = await imported(shop, tmp_path / "a.csv", "SKU,Quantity\nMUG,3\nCUP,x\n", site=shop.site("PL"))
    assert (told["taken"], told["refused"]) == (1, 1)
    assert told["report"][0]["reason"] == "quantity_unreadable"
    assert await shop.free("MUG", "PL") == 3
    told = await imported(shop, tmp_path / "b.csv", "SKU,Quantity\nCUP,3\n")
    assert [row["reason"] for row in told["report"]] == ["site_missing"]
