"""Customs: what is missing holds its line and names the field; mended, it goes on by itself; the papers say it all."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from doorstep.doors.reads import catalog
from doorstep.doors.reads import customs as reads
from doorstep.doors.reads.item_data import ItemData, ahead, item_data
from doorstep.journey.processing.keep_filing import NotAnItn
from doorstep.journey.processing.review_party import NothingToReview
from doorstep.journey.shipping.paper_data import NoSuchPaper, customs_of, paper_of
from doorstep.journey.shipping.sent_ahead import visible
from doorstep.journey.shipping.shipment import Packed, packed, shipment_of
from doorstep.journey.shipping.shopping import basket
from doorstep.kit import clock
from doorstep.kit.paper import spelled_date
from doorstep.kit.refusals import NotFound
from doorstep.setup.catalog import change_sku
from doorstep.setup.checks import NotAnEccn, UnknownCountry
from doorstep.setup.customs.lists import KINDS, Kind, NotARuleList
from doorstep.setup.customs.loading import load_list, sample
from doorstep.setup.customs.profile import NotACustomsProfile, NotATaxNumber
from doorstep.setup.many_skus import put_skus
from doorstep.setup.merchants import NewSku, add_skus, change_merchant
from doorstep.spine.tenant import Db, tenant_tx
from tests import hostile
from tests.rules.test_papers import text_of
from tests.shop import Shop
from tests.stories.test_processing import holds

LVIV = {
    "name": "Олена Шевчук", "line1": "вул. Городоцька 10", "city": "Львів", "postcode": "79007", "country": "UA",
    "phone": "+380322550143",
}  # fmt: skip
NEW_YORK = {
    "name": "Bo Lind", "line1": "350 5th Avenue", "city": "New York", "region": "NY", "postcode": "10118",
    "country": "US", "phone": "+12125550143",
}  # fmt: skip
DAY = date(2026, 11, 20)
LAMP = {"name": "A lamp", "weight_g": 900, "origin": "PL", "customs_text": "table lamp with a ceramic foot"}


@pytest.fixture
async def lists(db: Db) -> AsyncIterator[None]:
    """The samples in force while the story is told; lists are every merchant's, so they go again."""
    for kind in KINDS:
        await load(db, kind, sample(kind))
    yield
    await no_lists(db)


@pytest.fixture
async def clean(db: Db) -> AsyncIterator[None]:
    yield
    await no_lists(db)


async def no_lists(db: Db) -> None:
    async with tenant_tx(db, []) as tx:
        await tx.run("delete from rule_list")


async def load(db: Db, kind: Kind, file: Path, **more: Any) -> Any:
    return await load_list(db, kind, file, at=clock.now(), by="a story", **more)


async def work(shop: Shop) -> None:
    """What is due by now."""
    shop.at = clock.now()
    await shop.work()


async def abroad(shop: Shop, *lines: tuple[str, int], **more: Any) -> str:
    """A paid order to Lviv of goods that stand in New Jersey."""
    for sku, quantity in lines:
        await shop.stock(sku, quantity, "NJ")
    return await shop.place(*lines, **{"ship_to": LVIV, "payment_term": "on_account", **more})


async def lamp(shop: Shop, **more: Any) -> None:
    """The lamp's data as somebody mends it."""
    (row,) = await shop.rows("select sku_id from sku where merchant_id = $1 and code = 'LAMP'", shop.merchant)
    await change_sku(shop.db, shop.merchant, f"sku_{row['sku_id']}", NewSku("LAMP", **{**LAMP, **more}))


async def paper(shop: Shop, parcel: str, kind: str, on: date = DAY) -> str:
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        return text_of(await paper_of(tx, parcel, kind, on))


# Held, mended, released


async def test_a_missing_hs_code_holds_its_line_alone_and_mended_it_goes_on_by_itself(shop: Shop, lists: None) -> None:
    await lamp(shop)
    order = await abroad(shop, ("MUG", 1), ("LAMP", 1))
    await work(shop)
    (hold,) = await holds(shop, order)
    assert (hold["type"], hold["line_no"]) == ("customs_data", 2)
    assert [field["field"] for field in hold["why"]["fields"]] == ["hs_code"]
    assert hold["why"]["lifts"] == "complete LAMP: hs_code"
    now = await shop.now(order)
    assert (now["promised"], now["wanted"]) == (1, 1)  # the mug goes on
    await lamp(shop, hs_code="940529")
    await work(shop)
    assert await holds(shop, order) == []
    assert (await shop.now(order))["promised"] == 2


async def test_a_file_that_mends_the_goods_lifts_the_hold_too(shop: Shop, lists: None) -> None:
    order = await abroad(shop, ("LAMP", 1))
    await work(shop)
    assert [hold["type"] for hold in await holds(shop, order)] == ["customs_data"]
    await put_skus(shop.db, shop.merchant, [NewSku("LAMP", hs_code="940529", **LAMP)])
    await work(shop)
    assert await holds(shop, order) == []


async def test_a_code_that_is_not_in_the_list_of_hs_codes_holds_the_line(shop: Shop, lists: None) -> None:
    await lamp(shop, hs_code="691299")
    order = await abroad(shop, ("LAMP", 1))
    await work(shop)
    (hold,) = await holds(shop, order)
    assert hold["why"]["fields"][0]["detail"] == "hs_code 691299 is not in the list of 2022-01-01"


async def test_a_text_that_says_nothing_holds_the_line(shop: Shop) -> None:
    await lamp(shop, hs_code="940529", customs_text="Gift")
    order = await abroad(shop, ("LAMP", 1))
    await work(shop)
    (hold,) = await holds(shop, order)
    assert [field["field"] for field in hold["why"]["fields"]] == ["customs_text"]
    assert "too general" in hold["why"]["fields"][0]["detail"]


async def test_a_new_list_lifts_what_only_the_old_one_held(shop: Shop, lists: None, tmp_path: Path) -> None:
    await lamp(shop, hs_code="691299")
    order = await abroad(shop, ("LAMP", 1))
    await work(shop)
    file = tmp_path / "hs.csv"
    file.write_text("# as_of: 2026-01-01\n# source: a story\ncode,description\n691200,ware\n6912.99,other ware\n")
    loaded = await load(shop.db, "hs-codes", file)
    assert (loaded.added, loaded.removed, loaded.is_sample) == (1, 130, False)
    assert loaded.rechecked >= 1
    await work(shop)
    assert await holds(shop, order) == []


async def test_goods_that_no_mode_may_bring_there_hold_the_line_and_say_why(shop: Shop, lists: None) -> None:
    await add_skus(shop.db, shop.merchant, [
        NewSku("VAPE", name="A vape", weight_g=90, hs_code="854340", origin="CN", customs_text="electronic cigarette"),
    ])  # fmt: skip
    to = LVIV | {"city": "Singapore", "postcode": "018956", "country": "SG", "phone": "+6561234567"}
    order = await abroad(shop, ("VAPE", 1), ("MUG", 1), ship_to=to)
    await work(shop)
    (hold,) = await holds(shop, order)
    assert (hold["type"], hold["line_no"]) == ("restricted", 1)
    assert "electronic cigarettes may not be imported" in hold["reason"]
    await shop.do("lift", hold=hold["hold"])  # somebody has a permit
    await work(shop)
    assert (await shop.now(order))["promised"] == 2


async def test_a_country_that_wants_the_recipients_number_is_asked_for_it_and_the_number_is_checked(
    shop: Shop, lists: None
) -> None:
    rio = LVIV | {"line1": "Avenida Atlântica 1", "city": "Rio de Janeiro", "region": "RJ", "postcode": "22010-000",
                  "country": "BR", "phone": "+552125550143"}  # fmt: skip
    order = await abroad(shop, ("MUG", 1), ship_to=rio)
    await work(shop)
    (hold,) = await holds(shop, order)
    assert (hold["type"], hold["line_no"]) == ("customs_data", None)
    assert hold["why"]["fields"][0] | {"mend": ""} == {
        "field": "ship_to.tax_id", "detail": "the recipient's CPF or CNPJ is missing", "mend": "",
    }  # fmt: skip
    await shop.do("fix_address", order=order, ship_to=rio | {"tax_id": "390.533.447-06"})
    await work(shop)
    (hold,) = await holds(shop, order)
    assert hold["reason"] == "390.533.447-06 is no CPF or CNPJ"
    await shop.do("fix_address", order=order, ship_to=rio | {"tax_id": "390.533.447-05"})
    await work(shop)
    assert await holds(shop, order) == []


async def test_consumer_goods_for_the_union_name_who_answers_for_them(shop: Shop, lists: None) -> None:
    order = await abroad(shop, ("MUG", 1), ship_to={**LVIV, "line1": "Teststr. 1", "city": "Berlin",
                                                            "postcode": "10115", "country": "DE",
                                                            "phone": "+493025550143"})  # fmt: skip
    await work(shop)
    (hold,) = await holds(shop, order)
    assert [field["field"] for field in hold["why"]["fields"]] == ["responsible_person"]
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        person = "Mugs EU GmbH, Teststr. 2, 10115 Berlin, eu@example.com"
        await change_merchant(tx, shop.merchant, customs={"responsible_person": person, "ddp_to": ["EU"]})
    await work(shop)
    assert await holds(shop, order) == []
    parcel = await shop.to_packed(order)
    said = await paper(shop, parcel, "commercial_invoice")
    assert person in said and "DDP Berlin (Incoterms 2020)" in said
    assert "Duty and tax are paid by the seller Zoll und Steuern zahlt der Verkäufer" in said


# The export


async def test_an_export_above_the_limit_waits_for_its_filing_and_the_papers_say_its_number(
    shop: Shop, lists: None
) -> None:
    order = await abroad(shop, ("MUG", 201))
    await work(shop)
    (hold,) = await holds(shop, order)
    assert [field["field"] for field in hold["why"]["fields"]] == ["itn"]
    assert "691200 are worth 2512.50 USD, more than 2500 USD" in hold["reason"]
    await shop.refuses("keep_filing", NotAnItn, order=order, itn="12345")
    await shop.do("keep_filing", order=order, itn="AES X20261120123456")
    await work(shop)
    assert await holds(shop, order) == []
    parcel = await shop.to_packed(order)
    assert "AES X20261120123456" in await paper(shop, parcel, "commercial_invoice")
    assert "AES X20261120123456" in await paper(shop, parcel, "cn23")


async def test_below_the_limit_and_to_canada_the_papers_name_the_exemption(shop: Shop, lists: None) -> None:
    parcel = await shop.to_packed(await abroad(shop, ("MUG", 2)))
    assert "NOEEI § 30.37(a)" in await paper(shop, parcel, "commercial_invoice")
    toronto = LVIV | {"city": "Toronto", "region": "ON", "postcode": "M5V 2T6", "country": "CA",
                      "phone": "+14165550143"}  # fmt: skip
    parcel = await shop.to_packed(await abroad(shop, ("MUG", 300), ship_to=toronto))
    assert "NOEEI § 30.36" in await paper(shop, parcel, "commercial_invoice")


async def test_a_carrier_that_files_is_not_waited_for(shop: Shop, lists: None) -> None:
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await change_merchant(tx, shop.merchant, customs={"filing": "carrier"})
    order = await abroad(shop, ("MUG", 300))
    await work(shop)
    assert await holds(shop, order) == []


async def test_goods_under_control_need_a_license_and_a_license_needs_a_filing(shop: Shop, lists: None) -> None:
    await lamp(shop, hs_code="940529", eccn="5A992.c")
    order = await abroad(shop, ("LAMP", 1))
    await work(shop)
    (hold,) = await holds(shop, order)
    assert [field["field"] for field in hold["why"]["fields"]] == ["export_license"]
    await lamp(shop, hs_code="940529", eccn="5A992.c", export_license="D1234567")
    await work(shop)
    (hold,) = await holds(shop, order)
    assert "under the license D1234567" in hold["reason"]
    await lamp(shop, hs_code="940529", eccn="5A992.c", export_license="NLR")
    await work(shop)
    assert await holds(shop, order) == []
    with pytest.raises(NotAnEccn):
        await lamp(shop, eccn="secret")


# Denied parties


async def test_a_likely_denied_party_waits_for_a_persons_word_and_another_goes_on_for_good(
    shop: Shop, lists: None
) -> None:
    same = LVIV | {"name": "Холоденко-Зарубін Віктор"}
    order = await abroad(shop, ("MUG", 1), ship_to=same)
    await work(shop)
    (hold,) = await holds(shop, order)
    (match,) = hold["why"]["matches"]
    assert (hold["type"], match["party"]) == ("denied_party", "SAMPLE-1")
    assert match["score"] > 84 and "list of 2026-11-01" in hold["reason"]
    await shop.refuses("review_party", NothingToReview, order=order, verdict="match", party="SAMPLE-9")
    await shop.do("review_party", order=order, verdict="no_match", note="born in another year")
    await work(shop)
    assert await holds(shop, order) == []
    (said,) = await shop.rows(
        "select party, verdict, note, reviewed_by, reviewed_at from party_review where merchant_id = $1", shop.merchant
    )
    assert (said["party"], said["verdict"], said["note"]) == ("SAMPLE-1", "no_match", "born in another year")
    assert said["reviewed_by"] and said["reviewed_at"]
    again = await abroad(shop, ("MUG", 2), ship_to=same)
    await work(shop)
    assert await holds(shop, again) == []  # asked once for a name
    await shop.refuses("review_party", NothingToReview, order=again, verdict="match")


async def test_a_party_that_somebody_knows_stays_held_and_says_by_whom(shop: Shop, lists: None) -> None:
    order = await abroad(shop, ("MUG", 1), ship_to=LVIV | {"company": "North Basalt Trading LLC"})
    await work(shop)
    assert [hold["type"] for hold in await holds(shop, order)] == ["denied_party"]
    await shop.do("review_party", order=order, verdict="match")
    await work(shop)
    (hold,) = await holds(shop, order)
    assert "as system" in hold["reason"] and hold["why"]["lifts"] == "cancel the order"
    assert await shop.stage(order) == "processing"


async def test_a_new_list_finds_whoever_has_not_left_yet(shop: Shop, clean: None, tmp_path: Path) -> None:
    order = await abroad(shop, ("MUG", 1))
    await work(shop)
    assert await shop.stage(order) == "awaiting_fulfillment"
    file = tmp_path / "sdn.csv"
    file.write_text("_id,name,alt_names,source,entity_number,type,programs,addresses\n"
                    'a1,"SHEVCHUK, Olena",Elena Shevchuk,SDN,4711,Individual,TEST,"Lviv, UA"\n')  # fmt: skip
    await load(shop.db, "denied-parties", file, as_of=date(2026, 1, 1), source="a story")
    await work(shop)
    (hold,) = await holds(shop, order)
    assert hold["why"]["matches"][0] | {"score": 0} == {
        "name": "Олена Шевчук", "party": "4711", "listed": "SHEVCHUK, Olena", "score": 0, "list": "SDN",
        "program": "TEST", "country": "Lviv, UA",
    }  # fmt: skip


async def test_without_lists_nobody_is_compared_and_nothing_is_asked_for(shop: Shop) -> None:
    order = await abroad(shop, ("MUG", 300), ship_to=LVIV | {"name": "Viktor Kholodenko-Zarubin"})
    await work(shop)
    assert await holds(shop, order) == []


async def test_another_merchants_word_about_a_name_is_not_ours(shop: Shop, other_shop: Shop, lists: None) -> None:
    same = LVIV | {"name": "Viktor Kholodenko Zarubin"}
    for each in (shop, other_shop):
        order = await abroad(each, ("MUG", 1), ship_to=same)
        await work(each)
        assert [hold["type"] for hold in await holds(each, order)] == ["denied_party"]
        if each is shop:
            await each.do("review_party", order=order, verdict="no_match")
            await work(each)
            assert await holds(each, order) == []


# Papers


async def test_the_papers_to_ukraine_speak_english_and_ukrainian(shop: Shop, lists: None) -> None:
    parcel = await shop.to_packed(await abroad(shop, ("MUG", 1), ("CUP", 2)))
    invoice = await paper(shop, parcel, "commercial_invoice")
    for said in ("Комерційний рахунок-фактура", "DAP Львів (Incoterms 2020)", "Вантажоодержувач", "691200", "691110",
                 "Мито і податки сплачує одержувач", "37.50", "NOEEI § 30.37(a)"):  # fmt: skip
        assert said.upper() in invoice.upper(), said
    packed = await paper(shop, parcel, "packing_list")
    assert "Пакувальний лист" in packed and "37.50" not in packed and "ceramic mug" in packed
    assert "МИТНА ДЕКЛАРАЦІЯ" in await paper(shop, parcel, "cn22")


async def test_goods_that_come_back_have_an_invoice_that_asks_for_the_relief(shop: Shop, lists: None) -> None:
    order = await abroad(shop, ("MUG", 1))
    parcel = await shop.to_packed(order)
    with pytest.raises(NoSuchPaper):
        await paper(shop, parcel, "return_invoice")  # nothing has left yet
    await shop.do("keep_label", parcel=parcel, carrier="Meridian", tracking_number="RB123456785US")
    await shop.do("hand_over", parcel=parcel)
    said = await paper(shop, parcel, "return_invoice", shop.at.date() + timedelta(days=40))
    assert "Returned goods" in said and "HTSUS 9801.00.10" in said and "Meridian RB123456785US" in said
    again = await paper(shop, parcel, "commercial_invoice", shop.at.date() + timedelta(days=40))
    assert spelled_date(shop.at.date()) in again and spelled_date(shop.at.date() + timedelta(days=40)) not in again
    late = await paper(shop, parcel, "return_invoice", shop.at.date() + timedelta(days=1200))
    assert "The 36 months of relief are over" in late


async def test_the_ioss_number_stands_on_papers_into_the_union_up_to_its_limit_only(shop: Shop, lists: None) -> None:
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await change_merchant(tx, shop.merchant, tax_numbers={"ioss": "IM3720000224"},
                              customs={"responsible_person": "Mugs EU, Berlin"})  # fmt: skip
    dublin = shop.order(("MUG", 1))["ship_to"]
    for to, units, shown in ((dublin, 2, True), (dublin, 40, False), (LVIV, 3, False)):
        parcel = await shop.to_packed(await abroad(shop, ("MUG", units), ship_to=to))
        assert ("IM3720000224" in await paper(shop, parcel, "commercial_invoice")) == shown


async def test_customs_are_told_what_goods_cost_without_the_tax_that_was_taken_at_the_sale(
    shop: Shop, lists: None
) -> None:
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await change_merchant(tx, shop.merchant, tax_numbers={"ioss": "IM3720000224"},
                              customs={"responsible_person": "Mugs EU, Berlin"}, hold_duplicates=False)  # fmt: skip
    dublin = shop.order(("MUG", 1))["ship_to"]
    for included, price, shipping in ((False, "16.00", 800), (True, "19.68", 984)):
        await shop.stock("MUG", 2, "NJ")
        order = await shop.place(
            {"sku": "MUG", "quantity": 2, "unit_price": price}, ship_to=dublin, payment_term="on_account",
            shipping_minor=shipping, tax_minor=920, tax_included=included,
        )  # fmt: skip
        parcel = await shop.to_packed(order)
        invoice = await paper(shop, parcel, "commercial_invoice")
        async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
            told = await packed(tx, parcel, DAY)
        assert told and [(one.kind, one.number) for one in shipment_of(told).sender_numbers] == [
            ("ioss", "IM3720000224")
        ]
        for said in ("Value of goods 32.00", "Freight 8.00", "Total USD 40.00", "16.00",
                     "Tax was paid at the sale, duty is paid by the recipient", "IOSS IM3720000224"):  # fmt: skip
            assert said in invoice, (said, invoice)
        async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
            assert str((await item_data(tx, parcel, DAY)).declared_value) == "32.00"
            cost = (await reads.order_customs(tx, shop.merchant, order, DAY)).landed_cost
        assert (cost.goods_minor, cost.shipping_minor) == (3200, 800)


async def test_what_goes_behind_a_border_of_the_same_country_is_declared(shop: Shop) -> None:
    parcel = await shop.to_packed(await abroad(shop, ("MUG", 2)))
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        of = await packed(tx, parcel)
    assert of
    for postcode, is_declared in (("35001", True), ("08001", False)):
        to = {**of.row["ship_to"], "country": "ES", "postcode": postcode}
        spanish = {**of.row, "site_country": "ES", "site_address": {"postcode": "28001"}, "ship_to": to}
        assert bool(shipment_of(Packed(spanish, of.goods)).customs) == is_declared


async def test_by_which_modes_goods_may_not_go_is_known_where_their_label_is_chosen(shop: Shop, lists: None) -> None:
    await lamp(shop, hs_code="940529", flags=("battery",))
    parcel = await shop.to_packed(await abroad(shop, ("LAMP", 1)))
    home = await shop.to_packed(await abroad(shop, ("LAMP", 2), ship_to=NEW_YORK))
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        for which, modes in ((parcel, ["post"]), (home, [])):
            of = await packed(tx, which)
            assert of
            found = await basket(tx, shop.merchant, of, clock.now())
            assert [mode for mode, _why in found.facts.wanted.barred] == modes


async def test_what_is_sent_ahead_is_whole_and_says_what_is_missing(shop: Shop, lists: None) -> None:
    parcel = await shop.to_packed(await abroad(shop, ("MUG", 2)))
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        data = await item_data(tx, parcel, DAY)
        with pytest.raises(NotFound):
            await item_data(tx, "par_1", DAY)
    (piece,) = data.contents
    assert (piece.hs_code, piece.origin, piece.units, str(piece.declared_value)) == ("691200", "US", 2, "25.00")
    assert (data.addressee.country, data.incoterm, data.missing) == ("UA", "DAP", [])
    assert data.export_reference == ["NOEEI § 30.37(a)"]


HARD = [text for text in hostile.texts() if text.strip() and len(text) <= 120 and "\x00" not in text]


async def test_no_text_of_buyers_or_goods_breaks_what_is_sent_ahead(shop: Shop, lists: None) -> None:
    """Of every text on the list, as it would stand in the order and the catalog; a few of them through all of it."""
    parcel = await shop.to_packed(await abroad(shop, ("MUG", 2)))
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        of = await packed(tx, parcel)
        assert of
        customs = await customs_of(tx, of, DAY)
    for text in hostile.texts():
        to = {**of.row["ship_to"], **dict.fromkeys(("name", "company", "line1", "line2", "city", "tax_id"), text)}
        hard = Packed({**of.row, "ship_to": to}, tuple({**line, "customs_text": text} for line in of.goods))
        items = tuple(msgspec.structs.replace(item, description=text) for item in customs.items)
        data = ahead(hard, replace(customs, parcel=hard, shipment=shipment_of(hard), items=items))
        assert msgspec.json.decode(msgspec.json.encode(data), type=ItemData) == data
        (piece,) = data.contents
        fields = ((data.addressee.name, 70), (data.addressee.street, 70), (data.addressee.city, 35),
                  (piece.description, 512))  # fmt: skip
        for value, longest in fields:
            assert len(value) <= longest and re.sub("[\u200c\u200d]", "", value).isprintable(), ascii(value)
        assert bool(data.addressee.name) or "addressee: no name" in data.missing
        assert bool(piece.description) or "piece 1: the text is missing" in data.missing


@pytest.mark.parametrize("text", HARD[::60], ids=ascii)
async def test_a_hard_name_goes_all_the_way_to_what_is_sent_ahead(shop: Shop, lists: None, text: str) -> None:
    await lamp(shop, name=text, customs_text=f"table lamp {text}", hs_code="940529")
    order = await abroad(shop, ("LAMP", 1), ship_to={**LVIV, "name": text, "line2": text})
    (row,) = await shop.rows("select ship_to ->> 'name' as name from orders where merchant_id = $1", shop.merchant)
    parcel = await shop.to_packed(order)
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        data = await item_data(tx, parcel, DAY)
    whole = visible(row["name"])
    assert whole.startswith(data.addressee.name) and len(data.addressee.name) > min(35, len(whole) - 1)
    assert ("addressee: name" in data.shortened) == (data.addressee.name != whole)
    assert data.contents[0].description.startswith("table lamp")


# The grid and the cost at the door


async def test_the_grid_names_what_each_sku_lacks_and_mended_it_is_gone(shop: Shop, lists: None) -> None:
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        page = await reads.grid(tx, shop.merchant, reads.GridQuery(to="UA"), DAY)
        lacking = {row.sku: [lack.field for lack in row.lacking] for row in page.skus}
        assert lacking == {
            "CUP": ["value_minor"], "MUG": ["value_minor"],
            "LAMP": ["hs_code", "origin", "customs_text", "value_minor"],
        }  # fmt: skip
        whole = await reads.grid(tx, shop.merchant, reads.GridQuery(to="UA", all=True, limit=2), DAY)
        rest = await reads.grid(tx, shop.merchant, reads.GridQuery(to="UA", all=True, cursor=whole.next), DAY)
        assert [row.sku for row in whole.skus + rest.skus] == ["CUP", "LAMP", "MUG"]
        with pytest.raises(UnknownCountry):
            await reads.grid(tx, shop.merchant, reads.GridQuery(to="XX"), DAY)
        with pytest.raises(NotFound):
            await reads.sku_customs(tx, shop.merchant, "NOTHING", reads.CellQuery(to="UA"), DAY)


async def test_the_catalog_lists_the_same_as_lacking_however_much_stands_before_them(
    shop: Shop, lists: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put_skus(shop.db, shop.merchant, [
        NewSku("A-VAGUE", weight_g=300, hs_code="691200", origin="PT", customs_text="gift", value_minor=100),
        NewSku("B-UNLISTED", weight_g=300, hs_code="999999", origin="PT", customs_text="ceramic mug", value_minor=100),
        NewSku("C-WARRANTY", stocked=False),
    ])  # fmt: skip
    monkeypatch.setattr(catalog, "SKUS_LOOKED_AT", 2)
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        page = await reads.grid(tx, shop.merchant, reads.GridQuery(to="UA"), DAY)
        found, after = [], ""
        while not found or after:
            filters = catalog.SkuFilters([shop.merchant], lacks="customs", after=after)
            rows, after = await catalog.skus(tx, filters, DAY)
            found += rows
    told = {row.sku: [lack.field for lack in row.lacking if lack.field != "value_minor"] for row in page.skus}
    assert {row.sku["code"]: row.lacks for row in found} == {sku: lacks for sku, lacks in told.items() if lacks}
    assert {row.sku["code"] for row in found} == {"A-VAGUE", "B-UNLISTED", "LAMP"}


async def test_one_cell_tells_modes_limits_and_what_one_costs_there(shop: Shop, lists: None) -> None:
    battery = NewSku("BANK", weight_g=300, hs_code="850760", origin="CN", customs_text="power bank, lithium ion",
                     value_minor=20000, flags=("battery",))  # fmt: skip
    await add_skus(shop.db, shop.merchant, [battery])
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        cells = {
            mode: await reads.sku_customs(tx, shop.merchant, "BANK", reads.CellQuery(to="UA", mode=mode), DAY)
            for mode in ("post", "courier")
        }
    assert (cells["post"].ready, cells["courier"].ready) == (False, True)
    assert "batteries" in cells["post"].restricted[0].reason
    cost = cells["courier"].landed_cost
    # EUR 150 are USD 168: 10% and 20% of what exceeds it
    assert (cost.duty_minor, cost.tax_minor) == (320, 704)
    assert cost.total_minor == 20000 + 320 + 704
    assert cost.samples and cost.unknown == []


async def test_a_basket_below_the_limit_pays_three_euros_per_heading_into_the_union(shop: Shop, lists: None) -> None:
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        items = [{"sku": "MUG", "quantity": 2, "value_minor": 2500}, {"sku": "CUP", "quantity": 1, "value_minor": 1250}]
        basket = msgspec.convert({"to": "DE", "currency": "EUR", "items": items, "shipping_minor": 999}, reads.Basket)
        cost = await reads.basket_cost(tx, shop.merchant, basket, DAY)
        before = await reads.basket_cost(tx, shop.merchant, basket, date(2026, 11, 1))
        with pytest.raises(NotFound):
            wrong = msgspec.structs.replace(basket, items=[reads.Wanted(sku="NOTHING", value_minor=1)])
            await reads.basket_cost(tx, shop.merchant, wrong, DAY)
    assert before == cost
    assert [line.duty_minor for line in cost.lines] == [300, 300]
    # 19% of 25.00 + 6.66 + 3.00 and of 12.50 + 3.33 + 3.00; and what the post asks for clearing
    assert [line.tax_minor for line in cost.lines] == [659, 358]
    assert cost.fee_minor == 600
    parts = cost.goods_minor + cost.shipping_minor + cost.duty_minor + cost.tax_minor + cost.fee_minor
    assert cost.total_minor == parts == sum(line.total_minor for line in cost.lines) + cost.fee_minor


async def test_an_order_tells_all_that_customs_wants_of_it(shop: Shop, lists: None) -> None:
    order = await abroad(shop, ("MUG", 201), ("LAMP", 1))
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        told = await reads.order_customs(tx, shop.merchant, order, DAY)
        with pytest.raises(NotFound):
            await reads.order_customs(tx, shop.merchant, "ord_1", DAY)
    assert [bool(line.lacking) for line in told.lines] == [False, True]
    assert told.export_filing is not None and told.export_filing.needed
    assert told.landed_cost.duty_minor > 0 and told.to == "UA"


async def test_goods_that_cross_no_border_need_nothing_and_cost_what_they_cost(shop: Shop, lists: None) -> None:
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        home = await reads.sku_customs(tx, shop.merchant, "LAMP", reads.CellQuery(to="PL", start="DE"), DAY)
    assert (home.ready, home.lacking, home.export_filing) == (True, [], None)
    assert home.landed_cost.paid_by == "nothing is due at a border"


# What is set up


@pytest.mark.parametrize(
    ("numbers", "wrong"),
    [({"ioss": "IM1"}, "ioss"), ({"eori": "US123"}, "eori"), ({"vat": "DE123"}, "vat"), ([1], None)],
)
async def test_a_number_that_is_none_is_refused_and_nothing_is_changed(shop: Shop, numbers: Any, wrong: Any) -> None:
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        with pytest.raises(NotATaxNumber) as refused:
            await change_merchant(tx, shop.merchant, tax_numbers=numbers)
        assert refused.value.why.get("name") == wrong
        with pytest.raises(NotACustomsProfile):
            await change_merchant(tx, shop.merchant, customs={"ddp": "everywhere"})
        assert await tx.value("select tax_numbers::text from merchant where merchant_id = $1", shop.merchant) == "{}"


async def test_a_list_of_the_same_day_is_replaced_and_the_change_is_told(db: Db, clean: None, tmp_path: Path) -> None:
    file = tmp_path / "duties.csv"
    head = "# as_of: 2026-05-01\n# source: a story\ncountry,hs,origin,percent\n"
    file.write_text(head + "UA,*,*,10\nDE,6912,*,9\nDE,6911,*,12\n")
    first = await load(db, "duty-rates", file)
    assert (first.added, first.replaces, first.is_sample) == (3, None, False)
    file.write_text(head + "UA,*,*,10\nDE,6912,*,8\nFR,6911,*,12\n")
    second = await load(db, "duty-rates", file)
    told = (second.added, second.changed, second.removed, second.unchanged, second.replaces)
    assert told == (1, 1, 1, 1, date(2026, 5, 1))
    assert "DE 6912:*" in second.examples
    later = await load(db, "duty-rates", file, as_of=date(2026, 6, 1))
    assert (later.unchanged, later.replaces) == (3, date(2026, 5, 1))


async def test_a_list_with_one_wrong_row_is_not_loaded_at_all(shop: Shop, lists: None, tmp_path: Path) -> None:
    file = tmp_path / "duties.csv"
    file.write_text("# as_of: 2026-11-02\n# source: x\ncountry,hs,percent\nUA,*,10\nXX,*,10\nUA,69,NaN\nUA,*,11\n")
    with pytest.raises(NotARuleList) as refused:
        await load(shop.db, "duty-rates", file)
    assert [(one["row"], one["field"]) for one in refused.value.why["problems"]] == [
        (3, "country"), (4, "percent"), (5, ""),
    ]  # fmt: skip
    (tmp_path / "broken.csv.gz").write_bytes(b"\x1f\x8b no more")
    for name in ("nowhere.csv", "broken.csv.gz"):
        with pytest.raises(NotARuleList):
            await load(shop.db, "duty-rates", tmp_path / name)
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        kept = (await reads.rule_lists(tx, DAY)).lists
    assert {one.kind: one.as_of for one in kept}["duty-rates"] == date(2026, 11, 1)
