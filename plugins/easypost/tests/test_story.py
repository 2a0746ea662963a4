"""A shop that ships with EasyPost: its label is bought, kept with its price, given back; a lost answer buys one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from doorstep.plug import CarrierDown
from doorstep.spine.world import World
from plugins.easypost.tests.fake_easypost import API_KEY, EasyPostWorld
from tests.plug.fake_http import FakeServer
from tests.shop import Shop
from tests.stories.test_shipping import packed, parcel_row, world_of


@pytest.fixture
def easypost() -> Iterator[tuple[EasyPostWorld, FakeServer]]:
    world = EasyPostWorld()
    with FakeServer(world.answer, world.act_of) as server:
        world.url = server.url
        yield world, server


@pytest.fixture
async def dock(shop: Shop, easypost: tuple[EasyPostWorld, FakeServer]) -> Shop:
    await shop.stock("MUG", 50)
    await shop.connect("carrier", "easypost", "ep", **account(easypost[1]))
    return shop


def account(server: FakeServer) -> dict[str, object]:
    return {"api_key": API_KEY, "base_url": f"{server.url}/v2", "deadline_s": 30.0, "tries": 1}


def at_home(dock: Shop) -> dict[str, object]:
    return {"ship_to": {"name": "A Buyer", "line1": "7 Milk Street", "city": "Boston", "region": "MA",
                        "postcode": "02108", "country": "US"}}  # fmt: skip


def anew(dock: Shop, server: FakeServer) -> World:
    """As after a restart."""
    return world_of(dock, ep=("easypost", account(server)))


async def test_a_label_is_bought_kept_and_given_back(dock: Shop, easypost: tuple[EasyPostWorld, FakeServer]) -> None:
    world, server = easypost
    order, parcel = await packed(dock, **at_home(dock))
    await dock.work("buy_label", world=anew(dock, server))
    row = await parcel_row(dock, parcel)
    assert (row["label_state"], row["carrier"]) == ("bought", "ep"), row["label_error"]
    kept = world.shipments[row["label_ref"]]
    assert row["service"].startswith("USPS ") and row["tracking_number"] == kept["tracking_code"]
    assert f"{row['label_cost_minor'] / 100:.2f}" == kept["selected_rate"]["rate"] and row["label_currency"] == "USD"
    assert bytes(row["label_pdf"]).startswith(b"%PDF-")
    assert kept["reference"] == f"{parcel}.1" and order
    await dock.do("want_void", parcel=parcel)
    await dock.work("void_label", world=anew(dock, server))
    assert (await parcel_row(dock, parcel))["label_state"] == "void"
    assert kept["refund_status"] == "submitted"


@pytest.mark.parametrize("act", ["create", "buy", "file"])
@pytest.mark.parametrize("fault", ["drop_after", "error_after", "garbage"])
async def test_a_lost_answer_and_a_restart_buy_one_label(
    dock: Shop, easypost: tuple[EasyPostWorld, FakeServer], act: str, fault: str
) -> None:
    world, server = easypost
    _, parcel = await packed(dock, **at_home(dock))
    server.strike(fault, act, times=1)  # type: ignore[arg-type]
    with pytest.raises(CarrierDown):
        await dock.work("buy_label", world=anew(dock, server))
    dock.at += timedelta(minutes=5)
    await dock.work("buy_label", world=anew(dock, server))
    assert (await parcel_row(dock, parcel))["label_state"] == "bought"
    assert world.purchases == 1
