"""A lamp goes from New Jersey to Lviv by the API alone: in a bag, on a flight, through customs, to another carrier."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx
import pypdfium2

from doorstep.kit import clock
from tests.border import A_LAMP, AWB, LAMP, LVIV, OLENA, Buyer, hub, lists, town
from tests.doors.test_carrier_hooks import send
from tests.doors.web import Client, client_of
from tests.shop import Shop
from tests.stories.test_journey import Town

__all__ = ["hub", "lists", "town"]
LAMPS = [{"sku": "LAMP", "quantity": 5, "bin": "A-1"}]


def good(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code in (200, 201), answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_from_new_jersey_to_lviv_by_the_api(api: Client, hub: Shop, web: str, town: Town, lists: None) -> None:
    shop, operator = town.shop, await client_of(hub, web)

    # held for a customs code that is missing
    sku = await _the_lamp(api)
    good(await api.post("/v1/inventory/receive", {"site": shop.site("NJ"), "lines": LAMPS}))
    body = shop.order(A_LAMP, ship_to=LVIV, buyer=OLENA, payment_term="on_account")
    order = good(await api.post("/v1/orders", body, key="checkout-1"))["order"]
    assert good(await api.post("/v1/orders", body, key="checkout-1"))["order"] == order
    await town.settle()
    why = good(await api.get(f"/v1/orders/{order}/why"))
    assert "hs_code" in str(why) and good(await api.get(f"/v1/orders/{order}"))["statuses"]["stage"] == "processing"
    buyer = Buyer(town, web, order)
    assert await buyer.step() == "Placed"
    assert len(buyer.letters()) == 1

    # mended, it goes on by itself
    good(await api.put(f"/v1/skus/{sku['id']}", {**LAMP, "hs_code": "940529"}))
    await town.settle()
    assert good(await api.get(f"/v1/orders/{order}"))["statuses"]["stage"] == "awaiting_fulfillment"
    assert await buyer.step() == "Getting ready"

    # picked, packed, labeled, with its papers
    parcel = await _packed(api, town, order)
    told = good(await api.get(f"/v1/parcels/{parcel}"))["parcel"]
    assert (told["carrier"], told["label_state"]) == ("sim", "bought"), told
    await _papers(api, parcel, told["tracking_number"])

    # into a bag, onto a flight, and gone
    bag = good(await operator.post("/v1/shipping/open-load", {"kind": "bag", "country": "UA"}))["load"]
    good(await operator.post(f"/v1/loads/{bag}/put-in", {"items": [told["tracking_number"]]}))
    good(await operator.post(f"/v1/loads/{bag}/close-load", {"seal": "77120"}))
    flight = good(await operator.post("/v1/shipping/open-load", {
        "kind": "flight", "number": AWB, "carrier": "lh-cargo", "flight": "LH8401",
        "from_airport": "EWR", "to_airport": "RZE",
    }))["load"]  # fmt: skip
    good(await operator.post(f"/v1/loads/{flight}/put-in", {"items": [bag]}))
    good(await operator.post(f"/v1/loads/{flight}/close-load", {}))
    await _happened(operator, town, flight, "departed", "EWR")
    now = good(await api.get(f"/v1/orders/{order}"))["statuses"]
    assert (now["stage"], now["delivery"]) == ("fulfilled", "in_transit"), now
    assert await buyer.step() == "On its way"
    page = await buyer.page()
    assert "EWR" in page and AWB not in page and flight not in page

    # through customs
    await _happened(operator, town, flight, "arrived", "RZE")
    entry = good(await operator.post("/v1/shipping/open-load", {"kind": "entry", "number": "26UA209", "country": "UA"}))
    good(await operator.post(f"/v1/loads/{entry['load']}/put-in", {"items": [flight]}))
    await _happened(operator, town, entry["load"], "in_customs", "Lviv")
    assert "customs" in (await buyer.page()).lower()
    await _happened(operator, town, entry["load"], "cleared", "Lviv")
    await _happened(operator, town, entry["load"], "handed_to_last_mile", "Lviv")

    # the last mile, under another number, told by the carrier's own webhook
    hook = good(await api.put("/v1/carriers/sim/hook", {}))
    numbered = {"numbers": [{"item": parcel, "number": "59000123456789", "carrier": "sim", "leg": "last_mile"}]}
    assert good(await operator.post("/v1/parcels/numbers", numbered)) == {"kept": 1, "refused": []}
    await _hears(api, town, hook, "59000123456789", "606")
    await _hears(api, town, hook, "59000123456789", "1622")
    good(await api.post(f"/v1/orders/{order}/record-payment", {"amount_minor": 48000, "method": "transfer"}))
    now = good(await api.get(f"/v1/orders/{order}"))["statuses"]
    assert (now["stage"], now["delivery"]) == ("completed", "delivered"), now
    page = await buyer.page()
    assert "59000123456789" in page and "Delivered" in page
    letters = buyer.letters()
    assert len(letters) == len(set(letters)) >= 4, letters
    assert all(re.search("[а-яі]", subject) for subject in letters), letters

    # anybody who has one of its numbers finds it
    for number in (told["tracking_number"], "59000123456789"):
        found = good(await api.get("/v1/orders", q=number))
        assert [one["id"] for one in found["orders"]] == [order], number
    (way,) = good(await api.get(f"/v1/orders/{order}"))["ways"]
    assert [(load["kind"], load["number"]) for load in way["loads"]][1:] == [("flight", AWB), ("entry", "26UA209")]


async def _the_lamp(api: Client) -> dict[str, Any]:
    """It is in every test's shop; here its customs code is missing."""
    page = good(await api.get("/v1/skus", code="LAMP"))
    (found,) = page["skus"]
    return good(await api.put(f"/v1/skus/{found['id']}", LAMP))


async def _packed(api: Client, town: Town, order: str) -> str:
    (row,) = good(await api.get(f"/v1/orders/{order}"))["fulfillment_orders"]
    path = f"/v1/fulfillment-orders/{row['id']}"
    good(
        await api.post(
            f"{path}/pick", {"scans": [{"line": 1, "bin": "A-1", "quantity": 1, "barcode": LAMP["barcode"]}]}
        )
    )
    parcel = good(
        await api.post(f"{path}/pack", {"weight_g": 1100, "length_mm": 250, "width_mm": 200, "height_mm": 180})
    )
    await town.settle()
    return str(parcel["parcel"])


async def _papers(api: Client, parcel: str, number: str) -> None:
    for name, says in {
        "label": [number],
        "cn23": ["940529", "CN 23"],
        "commercial-invoice": ["940529", "480.00"],
    }.items():
        answer = await api.get(f"/v1/parcels/{parcel}/{name}.pdf")
        assert answer.status_code == 200, answer.text
        with pypdfium2.PdfDocument(answer.content) as pdf:
            text = "".join("".join(page.get_textpage().get_text_range().split()) for page in pdf)
        for word in says:
            assert "".join(word.split()) in text, (name, word, text)


async def _happened(operator: Client, town: Town, load: str, what: str, place: str) -> None:
    told = good(await operator.post(f"/v1/loads/{load}/track-load", {"events": [{"what": what, "place": place}]}))
    assert told["merchants"] == 1
    await town.settle()


async def _hears(api: Client, town: Town, hook: dict[str, Any], number: str, code: str) -> None:
    at = (clock.now() + timedelta(seconds=1)).replace(microsecond=0).isoformat()
    body = f'{{"parcels":{{"{number}":[{{"status":"{code}","time":"{at}","place":"Lviv","country":"UA"}}]}}}}'
    assert (await send(api, hook, body)).status_code == 202
    await town.settle()
