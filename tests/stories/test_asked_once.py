"""A carrier that knows no keys: it is asked for a label once, and what nobody knows is somebody's to ask."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from doorstep.plug.carrier import Ability, AsksOnce, CarrierDown, CarrierRefused, Label, Rate, Shipment, TrackEvent
from doorstep.spine.world import TryLater, World
from tests.shop import Shop
from tests.stories.test_shipping import Post, code, packed, parcel_row


class Crash(BaseException):
    """The process is killed while it waits for the answer."""


class Forgetful:
    """Sells a label each time it is asked, whatever the key; what happens on the way is `comes`."""

    can: frozenset[Ability] = frozenset({"rates", "buy"})
    asks_once = True
    code = "forgetful"

    def __init__(self, *comes: BaseException | None) -> None:
        self.priced = 0
        self.down_at = 0  # the how many-th question for prices stays without an answer
        self.sold = 0
        self.asked = 0
        self._comes = list(comes)

    async def rates(self, shipment: Shipment) -> list[Rate]:
        self.priced += 1
        if self.priced == self.down_at:
            raise CarrierDown(carrier=self.code, detail="nobody there")
        return [Rate(carrier=self.code, service="ground", amount_minor=700, currency="USD", days=2)]

    async def buy(self, shipment: Shipment, key: str) -> Label:
        self.asked += 1
        comes = self._comes.pop(0) if self._comes else None
        if isinstance(comes, CarrierDown):
            raise comes
        self.sold += 1
        if comes is not None:
            raise comes
        number = f"F{self.sold}"
        return Label(carrier=self.code, service="ground", tracking_number=number, label_ref=number, cost_minor=700,
                     currency="USD")  # fmt: skip

    async def void(self, label_ref: str, key: str) -> None:
        raise CarrierRefused(carrier=self.code, reason="unsupported")

    async def track(self, tracking_number: str) -> list[TrackEvent]:
        raise CarrierRefused(carrier=self.code, reason="unsupported")


@pytest.fixture
async def dock(shop: Shop) -> Shop:
    await shop.stock("MUG", 50)
    await shop.connect("carrier", "ratecard", "forgetful", currency="USD", zones=[], services=[])
    return shop


def world_of(dock: Shop, carrier: Forgetful) -> World:
    async def open_carrier(merchant: int, name: str) -> Any:
        return carrier

    return World(dock.db, open_carrier, open_carrier, Post())


async def attention(dock: Shop) -> list[tuple[str, str]]:
    rows = await dock.rows(
        "select reason, next_action from attention where merchant_id = $1 and kind = 'label_refused'", dock.merchant
    )
    return [(row["reason"], row["next_action"]) for row in rows]


async def test_a_crash_while_it_is_asked_buys_no_second_label(dock: Shop) -> None:
    carrier = Forgetful(Crash())
    assert isinstance(carrier, AsksOnce)
    _, parcel = await packed(dock)
    with pytest.raises(Crash):
        await dock.work("buy_label", world=world_of(dock, carrier))
    dock.at += timedelta(minutes=5)  # its lease is over
    await dock.work("buy_label", world=world_of(dock, carrier))
    assert (carrier.asked, carrier.sold) == (1, 1)
    row = await parcel_row(dock, parcel)
    assert row["label_state"] == "refused" and row["label_error"].startswith("outcome_unknown")
    [(reason, next_action)] = await attention(dock)
    assert "ask the carrier" in reason and next_action == "ask the carrier"


async def test_what_was_surely_not_sold_is_asked_for_again_by_itself(dock: Shop) -> None:
    carrier = Forgetful(CarrierDown(carrier="forgetful", detail="nobody there"))
    _, parcel = await packed(dock)
    with pytest.raises(CarrierDown):
        await dock.work("buy_label", world=world_of(dock, carrier))
    assert (await parcel_row(dock, parcel))["label_error"] == ""
    dock.at += timedelta(minutes=5)
    await dock.work("buy_label", world=world_of(dock, carrier))
    assert (carrier.asked, carrier.sold) == (2, 1)
    row = await parcel_row(dock, parcel)
    assert (row["label_state"], row["tracking_number"], row["label_error"]) == ("bought", "F1", "")


async def test_a_lost_answer_stops_until_somebody_asked_the_carrier(dock: Shop) -> None:
    lost = CarrierRefused(carrier="forgetful", reason="outcome_unknown", detail="ask the carrier about 1001")
    carrier = Forgetful(lost)
    _, parcel = await packed(dock)
    await dock.work("buy_label", world=world_of(dock, carrier))
    assert [action for _, action in await attention(dock)] == ["ask the carrier"]
    await dock.do("want_label", parcel=parcel)
    await dock.work("buy_label", world=world_of(dock, carrier))
    assert (await parcel_row(dock, parcel))["label_state"] == "bought"
    assert carrier.asked == 2


async def test_after_a_clear_no_nobody_takes_it_for_an_unknown_outcome(dock: Shop) -> None:
    carrier = Forgetful(CarrierRefused(carrier="forgetful", reason="address_incomplete", detail="city"))
    carrier.down_at = 2  # when it is to be chosen anew
    _, parcel = await packed(dock)
    with pytest.raises(TryLater):
        await dock.work("buy_label", world=world_of(dock, carrier))
    assert (await parcel_row(dock, parcel))["label_error"] == ""
    dock.at += timedelta(minutes=5)
    await dock.work("buy_label", world=world_of(dock, carrier))
    assert carrier.asked == 2 and (await parcel_row(dock, parcel))["label_state"] == "bought"


async def test_a_note_about_an_older_question_is_refused(dock: Shop) -> None:
    _, parcel = await packed(dock)
    await dock.work()
    assert code(await dock.ask("ask_label", parcel=parcel, label_key=f"{parcel}.0")) == "LabelAnswered"
    await dock.do("ask_label", parcel=parcel, label_key=f"{parcel}.1")
    assert (await parcel_row(dock, parcel))["label_error"] == "the carrier is being asked"
    assert code(await dock.ask("ask_label", parcel=parcel, label_key=f"{parcel}.1")) == "LabelAnswered"
    await dock.do("ask_label", parcel=parcel, label_key=f"{parcel}.1", over=True)
    assert (await parcel_row(dock, parcel))["label_error"] == ""
