"""Loads at the doors: over HTTP, by command, in the console: a bag is scanned full, closed, flown, and told of."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pypdfium2
import pytest

from doorstep.doors.buyer import finding as buyers
from doorstep.doors.cli.loads import NotNumbers
from doorstep.doors.worker import finding
from doorstep.kit import clock
from doorstep.kit.refusals import Invalid
from doorstep.setup.tracking_links import tracking_links
from doorstep.spine.world import World
from tests.doors.test_console import visiting
from tests.doors.test_goods_pages import text_of
from tests.doors.web import Client, client_of, settled
from tests.shop import Shop


@pytest.fixture
async def parcel(shop: Shop) -> str:
    await shop.stock("MUG", 10)
    order = await shop.place(("MUG", 2), payment_term="on_account", number="#7001")
    found = await shop.to_packed(order)
    await shop.do("keep_label", parcel=found, carrier="meest", tracking_number="CV100")
    return found


@pytest.fixture
async def api(shop: Shop, web: str) -> AsyncIterator[Client]:
    yield await client_of(shop, web)


async def spread(shop: Shop) -> None:
    async def nobody(_merchant: int, _code: str) -> Any:
        raise AssertionError("nobody is asked")

    shop.at = clock.now()
    await shop.work("spread", world=World(shop.db, nobody, nobody, None))


def printed(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(io.BytesIO(pdf))
    return " ".join(page.get_textpage().get_text_range() for page in document)


async def test_a_bag_over_http(shop: Shop, api: Client, parcel: str) -> None:
    bag = (await api.post("/v1/shipping/open-load", {"kind": "bag", "country": "IE"})).json()
    flight = await api.post("/v1/shipping/open-load", {"kind": "flight", "number": "02012345674"})
    assert flight.status_code == 422 and flight.json()["code"] == "NotAWaybill"
    put = await api.post(f"/v1/loads/{bag['load']}/put-in", {"items": ["CV100"]})
    assert put.json()["parcels"] == 1, put.text
    assert (await api.post(f"/v1/loads/{bag['load']}/close-load", {"seal": "S1"})).json()["closed"] is True
    told = await api.post(f"/v1/loads/{bag['load']}/track-load", {"events": [{"what": "departed", "place": "EWR"}]})
    assert told.json()["new_events"] == 1, told.text
    await spread(shop)
    order = (await api.get(f"/v1/parcels/{parcel}")).json()
    assert [(event["raw_code"], event["leg"]) for event in order["events"]] == [("DEP", "line_haul")]
    whole = (await api.get(f"/v1/loads/{bag['number']}")).json()
    assert whole["all_parcels"] == 1 and whole["parcels"][0]["parcel"] == parcel
    assert [row["id"] for row in (await api.get("/v1/loads?kind=bag&open=false")).json()["loads"]] == [bag["load"]]
    (way,) = (await api.get(f"/v1/orders/{order['order']}")).json()["ways"]
    assert way["loads"][0]["number"] == bag["number"] and way["numbers"][0]["number"] == "CV100"
    for paper, words in (("tag", (bag["number"], "Ireland", "1 parcel ")), ("list", ("CV100", "#7001"))):
        answer = await api.get(f"/v1/loads/{bag['load']}/{paper}.pdf")
        assert answer.status_code == 200
        assert all(word in printed(answer.content) for word in words), printed(answer.content)


async def test_last_mile_numbers_of_many_at_once_find_their_orders(shop: Shop, api: Client, parcel: str) -> None:
    told = [{"item": "CV100", "number": "LM-77", "carrier": "np"}, {"item": "nobody", "number": "LM-78"}]
    answer = (await api.post("/v1/parcels/numbers", {"numbers": told})).json()
    assert answer["kept"] == 1
    assert [(no["item"], no["error"]) for no in answer["refused"]] == [("nobody", "NotFound")]
    await settled(shop)
    await finding.FOLLOWER.once(shop.db, [shop.merchant])
    found = (await api.get("/v1/orders?q=LM-77")).json()["orders"]
    assert [order["number"] for order in found] == ["#7001"]
    for number in ("LM-77", "cv100", "7001"):
        _, order = await buyers.found(shop.db, shop.key, number, "D02 XY45", "192.0.2.1", clock.now())
        assert f"ord_{order}" == found[0]["id"]


async def test_news_by_the_last_mile_s_number_is_heard(shop: Shop, api: Client, parcel: str) -> None:
    await shop.connect("carrier", "simcarrier", "sim", base_url="http://127.0.0.1:9")
    await shop.do("hand_over", parcel=parcel)
    await shop.do("number_parcel", parcel=parcel, number="LM-90", carrier="sim")
    message = {"parcels": {"LM-90": [{"status": "1622", "time": clock.now().isoformat()}]}}
    (kept,) = await shop.db.ids.draw(shop.db.pool, 1)
    await shop.rows(
        "insert into carrier_message (merchant_id, message_id, code, digest, body, received_at)"
        " values ($1, $2, 'sim', 'x', $3, now()) returning 1", shop.merchant, kept, json.dumps(message),
    )  # fmt: skip

    async def nobody(_merchant: int, _code: str) -> Any:
        raise AssertionError("nobody is asked")

    from doorstep.journey.tracking.hear import Hear, hear
    from doorstep.spine.outcome import Ask

    await hear(World(shop.db, nobody, nobody, None), [Ask(shop.merchant, Hear(message=kept), clock.now())])
    (row,) = await shop.rows("select state, holder, leg from parcel_event where merchant_id = $1", shop.merchant)
    assert (row["state"], row["holder"], row["leg"]) == ("delivered", "sim", "last_mile")


async def test_a_phone_scans_a_bag_full_and_closes_it(shop: Shop, web: str, parcel: str) -> None:
    async with visiting(shop, web, "operator") as visitor:
        opened = await visitor.post("/loads/new", kind="flight", number="020-12345674")
        assert opened.status_code == 422 and "This is not the number of an air waybill" in text_of(opened.text)
        opened = await visitor.post("/loads/new", kind="pallet", country="IE")
        assert "Pallet" in text_of(await visitor.html(opened.headers["location"]))
        # The operator's, where there is one; here every shop is its own.
        address = f"/loads/{(await shop.do('open_load', kind='bag', country='IE'))['load']}"
        assert "Nothing is in it yet." in text_of(await visitor.html(address))
        missing = await visitor.http.get("/loads/scan", params={"load": "nothing"})
        assert missing.status_code == 404 and "There is no load nothing." in text_of(missing.text)
        (bag,) = await shop.rows("select number from load where merchant_id = $1", shop.merchant)
        scanned = await visitor.http.get("/loads/scan", params={"load": bag["number"]})
        assert scanned.headers["location"] == f"{address}/scan"
        put = await visitor.post(f"{address}/put_in", items="CV100", at="scan")
        page = text_of(await visitor.html(put.headers["location"]))
        assert "Put into a load CV100" in page
        refused = await visitor.post(f"{address}/put_in", items="nobody", at="scan")
        assert refused.status_code == 404 and "There is no such thing here." in text_of(refused.text)
        again = await visitor.post(f"{address}/put_in", items="CV100", at="scan")
        assert "It was in there already" in text_of(await visitor.html(again.headers["location"]))
        await visitor.post(f"{address}/close_load", seal="S-9", at="scan")
        assert "It is closed." in text_of(await visitor.html(f"{address}/scan"))
        await visitor.post(f"{address}/track_load", what="departed", place="EWR")
        page = text_of(await visitor.html(address))
        assert "seal S-9" in page and "Departed · EWR" in page and "CV100" in page
        assert (await visitor.get(f"{address}/tag.pdf")).content.startswith(b"%PDF")
        assert bag["number"] in text_of(await visitor.html("/loads?state=closed"))
        await spread(shop)
        (row,) = await shop.rows("select order_id from parcel where merchant_id = $1", shop.merchant)
        page = text_of(await visitor.html(f"/orders/ord_{row['order_id']}"))
        assert f"Bag {bag['number']}" in page and "Line haul" in page


def test_a_file_of_numbers_names_its_columns(tmp_path: Any) -> None:
    from doorstep.doors.cli.loads import _read
    from doorstep.doors.numbering import told_by

    file = tmp_path / "numbers.csv"
    file.write_text("parcel,tracking\nCV1,LM1\n")
    with pytest.raises(NotNumbers):
        _read(file)
    file.write_text("item,number,carrier,leg\nCV1,LM1,np,last_mile\nCV2,LM2,,\n")
    assert [(one.item, one.number, one.carrier, one.leg) for one in told_by(_read(file))] == [
        ("CV1", "LM1", "np", "last_mile"), ("CV2", "LM2", "", "last_mile"),
    ]  # fmt: skip
    file.write_text("item,number,leg\nCV1,LM1,nowhere\n")
    with pytest.raises(Invalid):
        told_by(_read(file))


async def test_a_buyer_reads_of_every_leg_and_of_the_gap_between_them(shop: Shop, web: str, parcel: str) -> None:
    (row,) = await shop.rows("select order_id from parcel where merchant_id = $1", shop.merchant)
    bag = (await shop.do("open_load", kind="bag", carrier="lh-cargo"))["load"]
    start = shop.at - timedelta(hours=60)
    await shop.do("put_in", load=bag, items=["CV100"], happened_at=start)
    await shop.do("track_load", load=bag, events=[{"what": "departed", "place": "Newark, US", "happened_at": start}])
    await spread(shop)
    await shop.do("number_parcel", parcel=parcel, number="LM-5", carrier="np")
    scan = {"happened_at": start + timedelta(hours=50), "code": "EMG", "holder": "np", "leg": "last_mile"}
    await shop.do("track", parcel=parcel, events=[scan])
    async with httpx.AsyncClient(base_url=web, timeout=120, trust_env=False, verify=False) as buyer:
        path = f"/t/{tracking_links().token(shop.merchant, row['order_id'])}"
        english = text_of((await buyer.get(path, headers={"accept-language": "en"})).text)
        assert "Between carriers: for 50 hours nobody told where it was." in english
        assert "LM-5" in english and "Left for the next country" in english
        ukrainian = text_of((await buyer.get(path, params={"lang": "uk"})).text)
        assert "Між перевізниками: 50 год. ніхто не повідомляв, де вона." in ukrainian
