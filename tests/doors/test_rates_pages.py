"""A parcel's offers are compared and another is taken by hand; price lists come from files: in pages and the API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from doorstep.setup.merchants import change_merchant
from doorstep.spine.tenant import tenant_tx
from tests.doors.test_console import Visitor, visiting
from tests.doors.test_goods_pages import text_of
from tests.doors.web import client_of
from tests.rules.a_workbook import workbook
from tests.shop import Shop
from tests.stories.test_shipping import CARD

DEAR = {**CARD, "services": [
    {"code": "ground", "tariffs": [{"zone": "world", "breaks": [{"up_to_g": 30000, "amount_minor": 2500}], "days": 4}]},
]}  # fmt: skip


@pytest.fixture
async def parcel(shop: Shop) -> tuple[str, str]:
    """Of a shop with two price lists: an order and its packed parcel."""
    await shop.stock("MUG", 5)
    await shop.connect("carrier", "ratecard", "card", **CARD)
    await shop.connect("carrier", "ratecard", "other", **DEAR)
    await shop.connect("carrier", "simcarrier", "away", base_url="http://127.0.0.1:9", tries=1, deadline_s=1)
    order = await shop.place(("MUG", 1), payment_term="on_account")
    return order, await shop.to_packed(order, label="none")


async def label_of(shop: Shop, parcel: str) -> dict[str, Any]:
    (row,) = await shop.rows(
        "select label_state, label_key from parcel where merchant_id = $1 and parcel_id = $2", shop.merchant,
        int(parcel[4:]),
    )  # fmt: skip
    return row


async def test_the_api_tells_every_offer_with_why_not_and_buys_nothing(
    shop: Shop, web: str, parcel: tuple[str, str]
) -> None:
    api = await client_of(shop, web)
    answer = await api.post(f"/v1/parcels/{parcel[1]}/rates")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    named = [(one["carrier"], one["service"], one["amount_minor"], one["chosen"]) for one in told["offers"]]
    assert named == [
        ("other", "ground", 2500, True),
        ("card", "economy", 1500, False),
        ("card", "express", 4500, False),
    ]
    assert [one["reason"] for one in told["offers"]] == ["", "too slow for the promise", "not the cheapest"]
    assert told["offers"][0]["price"] == ["zone world", "350 g on the scales", "base 2500"]
    (away,) = told["left_out"]
    assert away["carrier"] == "away" and away["reason"] == "could not be reached"
    assert (await label_of(shop, parcel[1]))["label_state"] == "none"
    assert (await api.post("/v1/parcels/par_999999999/rates")).status_code == 404


async def test_a_person_compares_the_offers_and_takes_another(shop: Shop, web: str, parcel: tuple[str, str]) -> None:
    order, box = parcel
    address = f"/orders/{order}/parcels/{box}/rates"
    async with visiting(shop, web, "operator") as operator:
        assert f'href="{address}"' in await operator.html(f"/orders/{order}")
        page = text_of(await operator.html(address))
        for words in ("other ground", "$25.00", "It would be chosen", "Too slow for the promise.", "away"):
            assert words in page
        answer = await operator.post(address, carrier="card", service="economy", once="once-1")
        assert answer.headers["location"] == f"/orders/{order}?did=want_label"
        assert (await label_of(shop, box))["label_state"] == "wanted"
        ((_, body),) = [job for job in await shop.jobs() if job[0] == "buy_label"]
        assert (body["carrier"], body["service"]) == ("card", "economy")
        assert "void it first" in text_of(await operator.html(address))
        assert (await operator.get(f"/orders/ord_999999999/parcels/{box}/rates")).status_code == 404


async def test_the_merchants_own_people_and_the_floor_see_why(shop: Shop, web: str, parcel: tuple[str, str]) -> None:
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        rules = {"lanes": [{"say": "forbid", "which": ["other"], "to": ["EU"]}]}
        await change_merchant(tx, shop.merchant, shipping=rules)
    async with visiting(shop, web, "read_only") as reader:
        page = await reader.html(f"/orders/{parcel[0]}/parcels/{parcel[1]}/rates")
        assert "Forbidden on this lane." in text_of(page) and "Buy it" not in page


async def uploaded(visitor: Visitor, address: str, file: bytes, **form: str) -> Any:
    data = {"proof": await visitor.proof(), **form}
    return await visitor.http.post(address, data=data, files={"file": ("prices.xlsx", file)})


async def test_a_price_list_is_looked_at_mended_and_kept(shop: Shop, web: str, tmp_path: Path) -> None:
    await shop.connect("carrier", "ratecard", "card", **CARD)
    address = f"/settings/rate-cards/{shop.key}/card"
    book = workbook(tmp_path / "prices.xlsx", {"Prices": [
        ["kg", "us", "world", "Mars"], ["0.5", "4.80", "9.10", "1"], ["1", "cheap", "11.00", ""],
    ]})  # fmt: skip
    async with visiting(shop, web, "owner") as owner:
        assert 'href="' + address + '/import"' in await owner.html(address)
        assert "row per weight" in await owner.html(f"{address}/import")
        looked = await uploaded(owner, f"{address}/import", book.read_bytes(), service="ground", step="keep")
        assert looked.status_code == 422
        page = text_of(looked.text)
        assert "2 things are wrong; nothing is kept yet. 3 prices" in page
        assert "us: This is no price." in page and "Mars: The card has no such zone" in page
        mended = "kg\tus\tworld\n0.5\t4.80\t9.10\n1\t5.60\t11.00"
        clean = await owner.post(f"{address}/import", text=mended, service="ground", begins="2199-01-01")
        assert clean.status_code == 200 and "All of it could be read. 4 prices." in text_of(clean.text)
        kept = await owner.post(f"{address}/import", text=mended, service="ground", begins="2199-01-01", step="keep")
        assert kept.headers["location"] == f"{address}?did=card"
        shown = text_of(await owner.html(address))
        assert "ground" in shown and "from 1 Jan 2199" in shown and "$11.00" in shown
        # Prices of later stay in their own column of the form, and survive it.
        form = await owner.html(f"{address}/edit")
        assert "us @ 2199-01-01" in form
        for wrong in ({"text": mended, "begins": "soon"}, {"text": ""}):
            assert (await owner.post(f"{address}/import", service="ground", **wrong)).status_code == 422
        nothing = await uploaded(owner, f"{address}/import", b"PK\x03\x04nonsense", service="ground")
        assert nothing.status_code == 422 and "cannot be read" in nothing.text


async def test_fuel_steps_and_the_minimum_are_written_in_the_form(shop: Shop, web: str) -> None:
    await shop.connect("carrier", "ratecard", "card", **CARD)
    address = f"/settings/rate-cards/{shop.key}/card"
    said = {
        "currency": "USD", "prefix": "GP", "zones": "home: home\nislands: GB-IV IE\nworld: *",
        "services.0.code": "std", "services.0.grid": "up to g\thome\tworld\tworld @ 2199-01-01\n2000\t5\t9\t9.90",
        "services.0.round_up_to_g": "500", "services.0.minimum": "5,50", "services.0.fuel": "2026-01-01 10",
        "services.0.takes": "battery, liquid",
    }  # fmt: skip
    async with visiting(shop, web, "owner") as owner:
        for wrong in ({"services.0.fuel": "often 3"}, {"services.0.minimum": "little"},
                      {"services.0.grid": "up to g\tworld @ soon\n5\t1"}):  # fmt: skip
            assert (await owner.post(f"{address}/edit", **{**said, **wrong})).status_code == 422, wrong
        assert (await owner.post(f"{address}/edit", **said)).status_code == 303
        page = text_of(await owner.html(address, start="US", to="US", weight_g="700"))
        for words in ("in steps of 500 g", "at least $5.50", "fuel from 1 Jan 2026 10%", "takes battery, liquid",
                      "GB IV", "$6.05"):  # fmt: skip
            assert words in page, words
        form = await owner.html(f"{address}/edit")
        assert "islands: IE GB-IV" in form and "2026-01-01 10" in form
