"""Customs over the API: one cell, the grid, a basket, an order, what is sent ahead, and a person's word on a name."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from doorstep.kit import clock
from doorstep.setup.customs.lists import KINDS
from doorstep.setup.customs.loading import load_list, sample
from doorstep.spine.tenant import tenant_tx
from tests.doors.test_console import visiting
from tests.doors.test_papers import words
from tests.doors.test_problems import problem
from tests.doors.web import Client
from tests.shop import Shop
from tests.stories.test_customs import LVIV


@pytest.fixture
async def lists(shop: Shop) -> AsyncIterator[None]:
    for kind in KINDS:
        await load_list(shop.db, kind, sample(kind), at=clock.now(), by="a test")
    yield
    async with tenant_tx(shop.db, []) as tx:
        await tx.run("delete from rule_list")


async def test_one_cell_of_the_grid_is_told_by_id_and_by_code(shop: Shop, api: Client, lists: None) -> None:
    (mug,) = (await api.get("/v1/skus", code="MUG")).json()["skus"]
    cell = (await api.get(f"/v1/skus/{mug['id']}/customs", to="UA", mode="post")).json()
    assert cell == (await api.get("/v1/skus/MUG/customs", to="UA", mode="post")).json()
    assert (cell["ready"], [lack["field"] for lack in cell["lacking"]]) == (False, ["value_minor"])
    assert {one["kind"] for one in cell["lists"]} == set(KINDS)
    problem(await api.get("/v1/skus/MUG/customs"), 422, "Invalid")
    problem(await api.get("/v1/skus/MUG/customs", to="XX"), 422, "UnknownCountry")
    problem(await api.get("/v1/skus/NOTHING/customs", to="UA"), 404, "NotFound")
    grid = (await api.get("/v1/customs/grid", to="UA", limit=1)).json()
    assert [row["sku"] for row in grid["skus"]] == ["CUP"] and grid["next"]


async def test_a_basket_is_costed_before_it_is_bought(api: Client, lists: None) -> None:
    items = [{"sku": "MUG", "quantity": 2, "value_minor": 40000}]
    cost = (await api.post("/v1/landed-cost", {"to": "UA", "currency": "USD", "items": items})).json()
    parts = ("goods_minor", "shipping_minor", "duty_minor", "tax_minor", "fee_minor")
    assert cost["total_minor"] == sum(cost[part] for part in parts) > 40000
    assert set(cost["samples"]) == {"duty-rates", "country-rules", "exchange-rates"}
    problem(await api.post("/v1/landed-cost", {"to": "UA", "currency": "DOG", "items": items}), 422, "UnknownCurrency")


async def test_the_whole_way_over_the_api_held_reviewed_filed_papers(shop: Shop, api: Client, lists: None) -> None:
    await shop.stock("MUG", 300)
    body = shop.order(("MUG", 201), payment_term="on_account", ship_to=LVIV | {"name": "Viktor Kholodenko-Zarubin"})
    order = (await api.post("/v1/orders", body)).json()["order"]
    shop.at = clock.now()
    await shop.work()
    told = (await api.get(f"/v1/orders/{order}")).json()
    assert sorted(hold["type"] for hold in told["holds"]) == ["customs_data", "denied_party"]
    customs = (await api.get(f"/v1/orders/{order}/customs")).json()
    assert customs["export_filing"]["needed"] is True
    answer = await api.post(f"/v1/orders/{order}/review-party", {"verdict": "no_match", "note": "another"})
    assert answer.json()["parties"] == ["SAMPLE-1"]
    problem(await api.post(f"/v1/orders/{order}/keep-filing", {"itn": "1"}), 422, "NotAnItn")
    await api.post(f"/v1/orders/{order}/keep-filing", {"itn": "X20261120123456"})
    shop.at = clock.now()
    parcel = await shop.to_packed(order)
    invoice = words((await api.get(f"/v1/parcels/{parcel}/commercial-invoice.pdf")).content)
    assert "AES X20261120123456" in invoice and "691200" in invoice
    assert "691200" in words((await api.get(f"/v1/parcels/{parcel}/packing-list.pdf")).content)
    ahead = (await api.get(f"/v1/parcels/{parcel}/item-data")).json()
    assert (ahead["contents"][0]["hs_code"], ahead["export_reference"]) == ("691200", ["AES X20261120123456"])
    (said,) = await shop.rows("select reviewed_by, note from party_review where merchant_id = $1", shop.merchant)
    assert said["note"] == "another" and said["reviewed_by"].startswith("key:")


async def test_by_clicks_a_name_is_another_and_an_export_was_filed(shop: Shop, web: str, lists: None) -> None:
    await shop.stock("MUG", 300)
    to = LVIV | {"name": "Viktor Kholodenko-Zarubin"}
    order = await shop.place(("MUG", 201), payment_term="on_account", ship_to=to)
    shop.at = clock.now()
    await shop.work()
    async with visiting(shop, web) as visitor:
        page = await visitor.html(f"/orders/{order}")
        assert "Is it the same?" in page and "Export filed" in page
        for verb, form in (("review_party", {"verdict": "no_match"}), ("keep_filing", {"itn": "X20261120123456"})):
            answer = await visitor.post(f"/orders/{order}/{verb}", order=order, once=verb, **form)
            assert answer.status_code == 303, answer.text
        shop.at = clock.now()
        await shop.work()
        assert await shop.stage(order) == "awaiting_fulfillment"
        parcel = await shop.to_packed(order)
        papers = await visitor.html(f"/orders/{order}/parcels/{parcel}/customs")
        needed, _says, beside = papers.partition("Where somebody asks for them")
        assert "/cn23" in needed and "/commercial-invoice" in needed and "/packing-list" not in needed
        assert "/packing-list" in beside and "/commercial-invoice" not in beside
        ukrainian = {"accept-language": "uk"}
        told = await visitor.http.get(f"/orders/{order}/parcels/{parcel}/customs", headers=ukrainian)
        assert "листова пошта перевозить щонайбільше 2000 г, а тут " in told.text
