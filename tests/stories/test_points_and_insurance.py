"""A pickup point and an insured amount of an order reach the carrier; who cannot is left out by name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from doorstep.journey.changes.fix_address import NothingToSend
from doorstep.journey.shipping.imagined import Imagined, foresee
from doorstep.kit.refusals import NotFound
from doorstep.plug.carrier import Shipment
from doorstep.spine.parcels import LabelThere
from doorstep.spine.world import TryLater
from tests.shop import HOME, Shop
from tests.stories.test_rate_shopping import Seller, dock, packed, raised, row_of, whys, world_of

__all__ = ["dock"]

POINT = {**HOME, "line1": "", "postcode": "", "pickup_point": "DUB-4"}


class Careful(Seller):
    """It goes to pickup points and insures, and keeps what it was asked to move."""

    def __init__(self, code: str, **prices: int) -> None:
        super().__init__(code, **prices)
        self.can |= {"pickup_point", "insurance"}
        self.told: list[Shipment] = []
        self.answer = self.told.append


async def test_a_pickup_point_reaches_the_carrier_and_who_goes_to_none_is_left_out_by_name(dock: Shop) -> None:
    cheap, careful = Seller("alpha", ground=100), Careful("beta", locker=700)
    order, parcel = await packed(dock, ship_to=POINT)
    assert await dock.stage(order) == "in_fulfillment"  # without a street
    await dock.work("buy_label", world=world_of(dock, cheap, careful))
    assert (await row_of(dock, parcel))["carrier"] == "beta"
    (shipment,) = careful.told
    assert (shipment.ship_to.pickup_point, shipment.ship_to.line1, shipment.insured_minor) == ("DUB-4", "", 0)
    (why,) = await whys(dock, order)
    assert why["left_out"] == {"alpha": "unsupported: pickup_point"} and not cheap.asked


async def test_where_nobody_goes_there_somebody_is_told_why(dock: Shop) -> None:
    _, parcel = await packed(dock, ship_to=POINT, insured_minor=5000)
    with pytest.raises(TryLater):  # the other one may go there, and did not answer
        await dock.work("buy_label", world=world_of(dock, Seller("alpha", ground=100)))
    dock.at += timedelta(minutes=5)
    unable = Careful("beta", post=100)
    unable.can -= {"insurance"}
    await dock.work("buy_label", world=world_of(dock, Seller("alpha", ground=100), unable))
    assert (await row_of(dock, parcel))["label_state"] == "refused"
    [(kind, reason, _)] = await raised(dock)
    assert kind == "label_refused"
    assert "alpha: unsupported: pickup_point" in reason and "beta: unsupported: insurance" in reason


async def test_each_parcel_is_insured_for_its_share_and_together_for_the_whole(dock: Shop) -> None:
    seller = Careful("alpha", ground=100)
    order = await dock.place(("MUG", 3), payment_term="on_account", insured_minor=10_000)
    await dock.to_picked(order)
    for units in (1, 2):
        (parcel,) = await dock.pack_all(order, lines=[{"line": 1, "quantity": units}], label="none")
        await dock.do("want_label", parcel=parcel)
    await dock.work("buy_label", world=world_of(dock, seller, Seller("beta", post=900)))
    assert sorted(one.insured_minor for one in seller.told) == [3333, 6667]
    assert {one.currency for one in seller.told} == {"USD"}


async def test_an_order_is_insured_on_its_page_until_it_has_a_label(dock: Shop, other_shop: Shop) -> None:
    seller = Careful("alpha", ground=100)
    order = await dock.place(("MUG", 1), payment_term="on_account")
    parcel = await dock.to_packed(order, label="none")
    assert await dock.do("insure", order=order, insured_minor=4000) == {"order": order, "changed": True}
    assert (await dock.do("insure", order=order, insured_minor=4000))["changed"] is False
    await dock.do("want_label", parcel=parcel)
    assert isinstance(await dock.ask("insure", order=order, insured_minor=1), LabelThere)  # one is being bought
    assert isinstance(await other_shop.ask("insure", order=order, insured_minor=1), NotFound)
    world = world_of(dock, seller, Seller("beta", post=900))
    await dock.work("buy_label", world=world)
    assert [one.insured_minor for one in seller.told] == [4000]
    await dock.do("hand_over", parcel=parcel)
    assert isinstance(await dock.ask("insure", order=order, insured_minor=1), NothingToSend)
    assert "insure" in await dock.timeline(order)


async def test_on_the_way_back_it_leaves_from_the_buyers_own_address_and_is_not_insured(dock: Shop) -> None:
    seller = Careful("alpha", ground=100)
    _, parcel = await packed(dock, ship_to={**HOME, "pickup_point": "DUB-4"}, insured_minor=4000)
    world = world_of(dock, seller, Seller("beta", post=900))
    await dock.work("buy_label", world=world)
    await dock.do("hand_over", parcel=parcel)
    await dock.do("want_return_label", parcel=parcel)
    await dock.work("buy_return_label", world=world)
    there, back = seller.told
    assert (there.ship_to.pickup_point, there.insured_minor) == ("DUB-4", 4000)
    assert (back.ship_from.line1, back.ship_from.pickup_point, back.insured_minor) == (HOME["line1"], "", 0)


async def test_a_channel_changes_point_and_insurance_and_says_nothing_of_them_again(dock: Shop) -> None:
    async def told(**more: Any) -> dict[str, Any]:
        content = dock.order(("MUG", 1), external_id="7", **more)
        return await dock.do("place", order=content, generous=True)

    order = (await told(insured_minor=4000))["order"]
    assert not (await told(insured_minor=4000)).get("changed")
    changed = await told(insured_minor=5000, ship_to={**HOME, "pickup_point": "DUB-4"})
    assert changed["order"] == order and sorted(changed["applied"]) == ["insured_minor", "ship_to"]
    assert (await told())["applied"] == ["ship_to", "insured_minor"]
    (row,) = await dock.rows("select insured_minor, ship_to from orders where merchant_id = $1", dock.merchant)
    assert row["insured_minor"] == 0 and "pickup_point" not in row["ship_to"]


@pytest.mark.parametrize(
    ("more", "left_out"), [({"pickup_point": "X"}, "pickup_point"), ({"insured_minor": 9}, "insurance")]
)
async def test_a_try_of_the_rules_knows_them_too(dock: Shop, more: dict[str, Any], left_out: str) -> None:
    world = world_of(dock, Seller("alpha", ground=100), Careful("beta", post=700))
    _, chosen = await foresee(world, dock.merchant, Imagined(country="IE", weight_g=350, **more))
    assert chosen.rate is not None and chosen.rate.carrier == "beta"
    assert chosen.why["left_out"] == {"alpha": f"unsupported: {left_out}"}
