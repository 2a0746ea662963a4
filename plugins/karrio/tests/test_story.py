"""A shop that ships with UPS over Karrio: a label is bought and kept; a lost answer stops it and buys no second one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from plugins.karrio.tests.fake_ups import FakeUps
from tests.plug.fake_http import FakeServer
from tests.shop import Shop
from tests.stories.test_asked_once import attention
from tests.stories.test_shipping import packed, parcel_row, world_of

pytest.importorskip("karrio.mappers.ups", reason="Karrio is not installed: pip install 'doorstep-karrio[ups,fedex]'")


@pytest.fixture
def ups() -> Iterator[tuple[FakeUps, FakeServer]]:
    world = FakeUps()
    with FakeServer(world.answer, world.act_of) as server:
        yield world, server


@pytest.fixture
async def dock(shop: Shop, ups: tuple[FakeUps, FakeServer]) -> Shop:
    await shop.stock("MUG", 50)
    await shop.connect("carrier", "karrio", "ups", **account(ups[1]))
    return shop


def account(server: FakeServer) -> dict[str, object]:
    told = {"connector": "ups", "credentials": FakeUps.credentials, "country": "US"}
    return {**told, "base_url": server.url, "deadline_s": 30.0}


HOME = {"ship_to": {"name": "A Buyer", "line1": "7 Milk Street", "city": "Boston", "region": "MA", "postcode": "02108",
                    "country": "US"}}  # fmt: skip


async def test_a_label_is_bought_and_kept(dock: Shop, ups: tuple[FakeUps, FakeServer]) -> None:
    world, server = ups
    _, parcel = await packed(dock, **HOME)
    await dock.work("buy_label", world=world_of(dock, ups=("karrio", account(server))))
    row = await parcel_row(dock, parcel)
    assert (row["label_state"], row["label_error"]) == ("bought", "")
    assert row["tracking_number"] in world.sold and bytes(row["label_pdf"]).startswith(b"%PDF-")


@pytest.mark.parametrize("fault", ["drop_after", "error_after", "garbage"])
async def test_a_lost_answer_stops_the_label_until_somebody_asked_ups(
    dock: Shop, ups: tuple[FakeUps, FakeServer], fault: str
) -> None:
    world, server = ups
    _, parcel = await packed(dock, **HOME)
    server.strike(fault, "buy", times=1)  # type: ignore[arg-type]
    for _ in range(2):
        await dock.work("buy_label", world=world_of(dock, ups=("karrio", account(server))))
        dock.at += timedelta(hours=2)
    assert (await parcel_row(dock, parcel))["label_state"] == "refused"
    [(reason, action)] = await attention(dock)
    assert reason.startswith("outcome_unknown") and action == "ask the carrier"
    assert len(world.sold) == 1


async def test_while_nobody_answers_at_all_it_is_asked_later_by_itself(
    dock: Shop, ups: tuple[FakeUps, FakeServer]
) -> None:
    world, server = ups
    _, parcel = await packed(dock, **HOME)
    server.strike("rate_limit", "buy", times=1)
    with pytest.raises(Exception, match="did not answer"):
        await dock.work("buy_label", world=world_of(dock, ups=("karrio", account(server))))
    dock.at += timedelta(minutes=5)
    await dock.work("buy_label", world=world_of(dock, ups=("karrio", account(server))))
    assert (await parcel_row(dock, parcel))["label_state"] == "bought" and len(world.sold) == 1
