"""What leaves and what comes back, as people and programs see it: pages, API, files for the printer."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from doorstep.doors.cli import printing
from doorstep.kit import clock
from doorstep.spine.world import World
from tests import hostile
from tests.doors.test_console import Visitor, visiting
from tests.doors.test_goods_pages import text_of
from tests.doors.test_papers import page, words
from tests.doors.web import Client
from tests.rules.test_papers import printed_by, scanned
from tests.shop import BUYER, HOME, Shop
from tests.stories.test_shipping import CARD, world_of


@pytest.fixture
async def dock(shop: Shop) -> Shop:
    await shop.stock("MUG", 90)
    await shop.connect("carrier", "ratecard", "card", **CARD)
    shop.at = clock.now()
    return shop


@pytest.fixture
def world(dock: Shop) -> World:
    return world_of(dock, card=("ratecard", CARD))


async def labeled(dock: Shop, world: World, number: int = 0) -> str:
    buyer, to = {**BUYER, "email": f"buyer{number}@example.com"}, {**HOME, "line1": f"{number} Hill"}
    parcel = await dock.to_packed(await dock.place(("MUG", 1), payment_term="on_account", buyer=buyer, ship_to=to))
    await dock.work("buy_label", world=world)
    return parcel


async def work(dock: Shop, world: World, *errands: str) -> None:
    """What was asked over HTTP just now is due just now."""
    dock.at = clock.now()
    await dock.work(*errands, world=world)


@pytest.fixture
async def hand(dock: Shop, web: str) -> AsyncIterator[Visitor]:
    async with visiting(dock, web, "floor") as visitor:
        yield visitor


async def test_on_the_page_the_day_is_closed_printed_and_handed_over(dock: Shop, world: World, hand: Visitor) -> None:
    parcels = [await labeled(dock, world, number) for number in range(2)]
    site = dock.site("NJ")
    shown = text_of(await hand.html("/floor/leaving", site=site))
    assert "2 parcels" in shown and "2 on no manifest yet" in shown
    made = await hand.post("/floor/leaving/want-manifest", at=site, merchant=dock.key, carrier="card")
    assert made.headers["location"].startswith("/floor/leaving?"), made.text
    assert "The carrier is asked" in text_of(await hand.html("/floor/leaving", site=site))
    await work(dock, world, "ask_manifest")
    page_now = await hand.html("/floor/leaving", site=site)
    assert "2 on a manifest" in text_of(page_now)
    (manifest,) = set(re.findall(r"man_[0-9]+", page_now))
    paper = await hand.get(f"/floor/manifests/{manifest}")
    assert paper.headers["content-type"] == "application/pdf", text_of(paper.text)
    assert "Signature" in words(paper.content)
    done = await hand.post("/floor/leaving/collect", at=site, merchant=dock.key, manifest=manifest)
    assert done.status_code == 303
    await work(dock, world)
    left = await dock.rows("select 1 from parcel where merchant_id = $1 and handed_over_at is not null", dock.merchant)
    assert len(left) == len(parcels)
    again = await hand.post("/floor/leaving/collect", at=site, merchant=dock.key, manifest=manifest)
    assert again.status_code == 409 and "has taken what is on this manifest" in text_of(again.text)
    assert "The driver has it" in text_of(await hand.html("/floor/leaving", site=site))


async def test_on_the_page_a_driver_is_asked_for_by_the_sites_clock(
    dock: Shop, world: World, hand: Visitor, api: Client
) -> None:
    await labeled(dock, world)
    site = dock.site("NJ")
    day = (clock.now() + timedelta(days=2)).date().isoformat()
    given = {"at": site, "merchant": dock.key, "carrier": "card", "day": day, "from": "14:00", "to": "17:00"}
    assert (await hand.post("/floor/leaving/want-pickup", **given)).status_code == 303
    wrong = await hand.post("/floor/leaving/want-pickup", **{**given, "from": "half past"})
    assert wrong.status_code == 422
    backwards = await hand.post("/floor/leaving/want-pickup", **{**given, "to": "13:00"})
    assert backwards.status_code == 422 and "between two times" in text_of(backwards.text)
    told = (await api.get("/v1/leaving", site=site)).json()
    (pickup,) = told["pickups"]
    assert (pickup["state"], pickup["parcels"], told["waiting"][0]["waiting"]) == ("wanted", 1, 1)
    (zone,) = await dock.rows("select timezone from site where code = $1", site)
    (row,) = await dock.rows(
        "select to_char(ready_at at time zone $2, 'HH24:MI') as at from pickup where merchant_id = $1",
        dock.merchant, zone["timezone"],
    )  # fmt: skip
    assert row["at"] == "14:00"


async def test_over_the_api_a_manifest_is_made_and_fetched(dock: Shop, world: World, api: Client) -> None:
    await labeled(dock, world)
    site = dock.site("NJ")
    assert (await api.get("/v1/leaving", site="MOON")).status_code == 404
    made = (await api.post("/v1/shipping/want-manifest", {"site": site, "carrier": "card"}, key="close-1")).json()
    early = await api.get(f"/v1/manifests/{made['manifest']}/manifest.pdf")
    assert (early.status_code, early.json()["code"]) == (404, "NoSuchPaper")
    await work(dock, world, "ask_manifest")
    assert made["manifest"] in scanned(page((await api.get(f"/v1/manifests/{made['manifest']}/manifest.pdf")).content))
    assert (await api.post(f"/v1/manifests/{made['manifest']}/collect")).json()["parcels"] == 1
    (told,) = (await api.get("/v1/leaving", site=site)).json()["manifests"]
    assert told["id"] == made["manifest"] and told["collected_at"]


async def test_a_label_for_the_way_back_is_asked_for_and_printed_on_the_orders_page(
    dock: Shop, world: World, web: str, api: Client
) -> None:
    parcel = await labeled(dock, world)
    await dock.do("hand_over", parcel=parcel)
    (row,) = await dock.rows("select order_id from parcel where merchant_id = $1", dock.merchant)
    order = f"ord_{row['order_id']}"
    async with visiting(dock, web, "merchant") as merchant:
        assert "Return label" in text_of(await merchant.html(f"/orders/{order}"))
        asked = await merchant.post(f"/orders/{order}/want-return-label", parcel=parcel)
        assert asked.status_code == 303, asked.text
        await work(dock, world, "buy_return_label")
        shown = await merchant.html(f"/orders/{order}")
        assert "Label for the way back: bought" in text_of(shown)
        (label,) = (await api.get(f"/v1/orders/{order}/return-labels")).json()["return_labels"]
        assert (label["state"], label["parcel"]) == ("bought", parcel)
        paper = await merchant.get(f"/orders/{order}/returns/{label['id']}")
        assert label["tracking_number"] in scanned(page(paper.content))
        elsewhere = await merchant.get(f"/orders/ord_999999999/returns/{label['id']}")
        assert elsewhere.status_code == 404
    fetched = await api.get(f"/v1/return-labels/{label['id']}/label.pdf")
    assert label["tracking_number"] in scanned(page(fetched.content))


async def test_the_link_of_a_label_for_the_way_back_is_handed_out_while_the_label_is_good(
    dock: Shop, world: World, web: str, api: Client
) -> None:
    """A merchant's own program passes it on: the buyer has no key."""
    parcel = await labeled(dock, world)
    await dock.do("hand_over", parcel=parcel)
    (row,) = await dock.rows("select order_id from parcel where merchant_id = $1", dock.merchant)
    labels = f"/v1/orders/ord_{row['order_id']}/return-labels"
    await dock.do("want_return_label", parcel=parcel)
    (label,) = (await api.get(labels)).json()["return_labels"]
    assert (label["state"], label["label_url"]) == ("wanted", "")
    await work(dock, world, "buy_return_label")
    (label,) = (await api.get(labels)).json()["return_labels"]
    link = web + label["label_url"][label["label_url"].index("/t/") :]
    async with httpx.AsyncClient(timeout=120, trust_env=False) as buyer:
        paper = await buyer.get(link)
        assert paper.status_code == 200 and label["tracking_number"] in scanned(page(paper.content))
        await dock.do("want_return_void", return_label=label["id"])
        (label,) = (await api.get(labels)).json()["return_labels"]
        assert (label["state"], label["label_url"]) == ("void_wanted", "")
        assert (await buyer.get(link)).status_code == 410


# Labels of whatever was typed

TYPED = [text for text in hostile.OWN if text.strip() and len(text) <= 120 and text.isprintable()][:6]


@pytest.mark.parametrize("typed", ["^XA^FO0,0^FD~JA^FS^XZ", *TYPED])
async def test_no_name_of_a_buyer_harms_a_label(dock: Shop, world: World, api: Client, typed: str) -> None:
    to = {**HOME, "name": typed, "company": typed, "line2": typed}
    parcel = await dock.to_packed(await dock.place(("MUG", 1), payment_term="on_account", ship_to=to))
    await dock.work("buy_label", world=world)
    (row,) = await dock.rows("select tracking_number from parcel where merchant_id = $1", dock.merchant)
    pdf = (await api.get(f"/v1/parcels/{parcel}/label.pdf")).content
    zpl = (await api.get(f"/v1/parcels/{parcel}/label.zpl")).content
    assert row["tracking_number"] in scanned(page(pdf))
    assert (zpl.count(b"^XA"), zpl.count(b"^XZ"), zpl.count(b"~")) == (1, 1, 0)
    assert row["tracking_number"] in scanned(printed_by(zpl)[0])
    for paper in ("cn22", "packing-slip", "commercial-invoice", "packing-list"):
        answer = await api.get(f"/v1/parcels/{parcel}/{paper}.pdf")
        assert answer.status_code == 200 and answer.content.startswith(b"%PDF-"), paper


async def test_a_carriers_own_label_comes_as_zpl_too_and_a_broken_one_is_told(
    dock: Shop, world: World, api: Client
) -> None:
    parcel = await labeled(dock, world)
    own = (await api.get(f"/v1/parcels/{parcel}/label.pdf")).content
    number = next(iter(scanned(page(own))))
    keep = "update parcel set label_pdf = $2 where merchant_id = $1"
    async with dock.db.pool.acquire() as connection, connection.transaction():
        await connection.execute(f"set local app.merchants = '{dock.merchant}'")
        await connection.execute(keep, dock.merchant, own)
    assert number in scanned(printed_by((await api.get(f"/v1/parcels/{parcel}/label.zpl")).content)[0])
    async with dock.db.pool.acquire() as connection, connection.transaction():
        await connection.execute(f"set local app.merchants = '{dock.merchant}'")
        await connection.execute(keep, dock.merchant, b"%PDF-1.7 nothing more")
    told = await api.get(f"/v1/parcels/{parcel}/label.zpl")
    assert (told.status_code, told.json()["code"]) == (422, "NotDrawable")


async def test_the_command_writes_a_label_into_a_file(
    dock: Shop, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parcel = await labeled(dock, world)
    found: list[Any] = []

    def with_this_db(work: Any) -> bytes:
        found.append(work)
        return b"as drawn"

    monkeypatch.setattr(printing, "with_db", with_this_db)
    for name, begins in (("label.pdf", b"%PDF-"), ("label.zpl", b"^XA")):
        file = tmp_path / name
        printing.print_paper("label", parcel, file, merchant=dock.key)
        assert file.read_bytes() == b"as drawn"
        drawn: bytes = await found[-1](dock.db)
        assert drawn.startswith(begins)
        with pytest.raises(printing.FileThere):
            printing.print_paper("label", parcel, file, merchant=dock.key)
