"""Loads: parcels of many merchants in bags, bags on pallets, pallets on a flight, the flight under a customs entry."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from doorstep.journey.shipping.close_load import EmptyLoad, HeldInside
from doorstep.journey.shipping.into import WhichParcel
from doorstep.journey.shipping.label import NoLabel
from doorstep.journey.shipping.number_parcel import NotSentYet
from doorstep.journey.shipping.open_load import NumberMissing, NumberTaken
from doorstep.journey.shipping.put_in import AlreadyInside, DoesNotFit, NotYet, ParcelEnded, WrongCountry
from doorstep.journey.shipping.take_out import NotInside
from doorstep.journey.shipping.waybill import NotAWaybill
from doorstep.journey.tracking.track_load import UnknownWord
from doorstep.kit.refusals import NotFound, OnHold
from doorstep.setup.merchants import NewMerchant, create_merchant
from doorstep.spine.audit import audit
from doorstep.spine.loads import LoadClosed, LoadOpen, StillInside
from doorstep.spine.tenant import Db
from doorstep.spine.world import World
from tests.shop import HOME, Shop, open_shop

HOUR = timedelta(hours=1)
AWB = "020-12345675"


@dataclass
class Hub:
    """Who gathers parcels of two shops: the operator's own books, and theirs."""

    operator: Shop
    one: Shop
    other: Shop

    @property
    def at(self) -> datetime:
        return self.operator.at

    def pass_(self, time: timedelta) -> datetime:
        for shop in (self.operator, self.one, self.other):
            shop.at += time
        return self.at

    async def open(self, kind: str, **more: Any) -> str:
        return str((await self.operator.do("open_load", kind=kind, **more))["load"])

    async def put(self, load: str, *items: str, **more: Any) -> dict[str, Any]:
        return await self.operator.do("put_in", load=load, items=list(items), **more)

    async def close(self, *loads: str) -> None:
        for load in loads:
            await self.operator.do("close_load", load=load)

    async def tell(self, load: str, *what: str, **more: Any) -> dict[str, Any]:
        events = [{"what": word, "happened_at": self.at, **more} for word in what]
        told = await self.operator.do("track_load", load=load, events=events)
        await self.spread()
        return told

    async def spread(self) -> None:
        world = World(self.operator.db, _nobody, _nobody, None, now=lambda: self.at)
        for shop in (self.one, self.other):
            await shop.work("spread", world=world)

    async def audit(self) -> None:
        report = await audit(self.operator.db, [s.merchant for s in (self.operator, self.one, self.other)])
        assert report.ok, report.told()


async def _nobody(_merchant: int, _code: str) -> Any:
    raise AssertionError("nobody is to be called")


@pytest.fixture
async def hub(db: Db) -> AsyncIterator[Hub]:
    one, other = await open_shop(db, hold_duplicates=False), await open_shop(db, hold_duplicates=False)
    key = f"hub-{one.merchant}"
    new = NewMerchant(key=key, name="The Hub", currency="USD", country="US", is_operator=True)
    found = Hub(Shop(db, await create_merchant(db, new), key), one, other)
    found.operator.at = one.at = other.at
    yield found
    await found.audit()


async def labeled(shop: Shop, number: str, **more: Any) -> str:
    """A packed parcel with a label: the number on it."""
    await shop.stock("MUG", 5)
    order = await shop.place(("MUG", 1), ship_to=HOME | more, external_id=f"{shop.key}-{number}")
    await shop.do("record_payment", order=order, amount_minor=1250)
    parcel = await shop.to_packed(order)
    await shop.do("keep_label", parcel=parcel, carrier="meest", tracking_number=number)
    return parcel


async def told_of(shop: Shop, parcel: str) -> list[str]:
    rows = await shop.rows(
        "select raw_code from parcel_event where merchant_id = $1 and parcel_id = $2 order by happened_at, raw_code",
        shop.merchant, int(parcel[4:]),
    )  # fmt: skip
    return [row["raw_code"] for row in rows]


async def state_of(shop: Shop, parcel: str) -> str:
    (row,) = await shop.rows(
        "select state from parcel where merchant_id = $1 and parcel_id = $2", shop.merchant, int(parcel[4:])
    )
    return str(row["state"])


async def test_what_happens_to_the_flight_reaches_every_parcel_in_its_bags(hub: Hub) -> None:
    mine, theirs = await labeled(hub.one, "M-1"), await labeled(hub.other, "M-2")
    bag, pallet = await hub.open("bag", country="IE"), await hub.open("pallet")
    flight = await hub.open("flight", number="02012345675", carrier="lh-cargo", flight="LH401", from_airport="EWR")
    entry = await hub.open("entry", number="26IE0001", carrier="broker")
    assert (await hub.put(bag, "M-1", "M-2"))["parcels"] == 2
    await hub.close(bag)
    await hub.put(pallet, bag)
    await hub.close(pallet)
    await hub.put(flight, pallet)
    await hub.close(flight)
    hub.pass_(HOUR)
    assert (await hub.tell(flight, "departed", place="EWR"))["merchants"] == 2
    assert await told_of(hub.one, mine) == ["DEP"]
    assert await state_of(hub.other, theirs) == "departed"
    assert "hand_over" in await hub.one.timeline(await order_of(hub.one, mine)), "the flight left: so did the parcel"
    hub.pass_(HOUR)
    await hub.tell(flight, "RCF", place="DUB")
    await hub.put(entry, flight)
    hub.pass_(HOUR)
    await hub.tell(entry, "in_customs")
    hub.pass_(HOUR)
    await hub.tell(entry, "cleared", "handed_to_last_mile")
    assert await told_of(hub.other, theirs) == ["DEP", "RCF", "in_customs", "CCD", "handed_to_last_mile"]


async def order_of(shop: Shop, parcel: str) -> str:
    (row,) = await shop.rows(
        "select order_id from parcel where merchant_id = $1 and parcel_id = $2", shop.merchant, int(parcel[4:])
    )
    return f"ord_{row['order_id']}"


async def test_only_what_happened_while_it_was_inside_reaches_a_parcel(hub: Hub) -> None:
    before, within, late = [await labeled(hub.one, f"W-{n}") for n in range(3)]
    bag = await hub.open("bag")
    await hub.put(bag, before, within)
    hub.pass_(HOUR)
    await hub.tell(bag, "MAN")
    hub.pass_(HOUR)
    await hub.operator.do("take_out", load=bag, items=[before])
    hub.pass_(HOUR)
    await hub.tell(bag, "DEP")
    hub.pass_(HOUR)
    await hub.put(bag, late)
    assert await told_of(hub.one, before) == ["MAN"]
    assert await told_of(hub.one, within) == ["MAN", "DEP"]
    assert await told_of(hub.one, late) == []


async def test_a_scan_told_late_gets_what_happened_meanwhile(hub: Hub) -> None:
    early, late = await labeled(hub.one, "L-1"), await labeled(hub.other, "L-2")
    bag = await hub.open("bag")
    await hub.put(bag, early)
    scanned = hub.pass_(HOUR)
    hub.pass_(HOUR)
    await hub.tell(bag, "DEP")
    hub.pass_(HOUR)
    await hub.put(bag, late, happened_at=scanned)
    await hub.spread()
    assert await told_of(hub.other, late) == ["DEP"]
    told = await hub.tell(bag, "MAN", happened_at=scanned - timedelta(minutes=5))
    assert told["new_events"] == 1
    assert await told_of(hub.one, early) == ["MAN", "DEP"], "an event told late reaches who was inside then"
    assert await told_of(hub.other, late) == ["DEP"], "and nobody who joined later"


async def test_told_twice_nothing_happens_twice(hub: Hub) -> None:
    parcel = await labeled(hub.one, "T-1")
    bag = await hub.open("bag")
    await hub.put(bag, parcel)
    assert (await hub.put(bag, parcel))["moved"] == 0, "scanned twice, it lies there once"
    hub.pass_(HOUR)
    await hub.tell(bag, "departed", place="EWR")
    again = await hub.tell(bag, "DEP", place="EWR")
    assert again["new_events"] == 0
    events = await hub.one.timeline(await order_of(hub.one, parcel))
    assert events.count("track") == 1 and events.count("put_in") == 1


# What is refused


async def test_a_flight_goes_by_its_air_waybill(hub: Hub) -> None:
    await hub.operator.refuses("open_load", NotAWaybill, kind="flight", number="020-12345674")
    await hub.operator.refuses("open_load", NotAWaybill, kind="flight", number="LH 401")
    await hub.operator.refuses("open_load", NumberMissing, kind="flight")
    opened = await hub.operator.do("open_load", kind="flight", number="020 1234 5675")
    assert opened["number"] == AWB
    await hub.operator.refuses("open_load", NumberTaken, kind="flight", number=AWB)


async def test_a_closed_load_is_closed_until_it_is_opened_again(hub: Hub) -> None:
    parcel, other = await labeled(hub.one, "C-1"), await labeled(hub.one, "C-2")
    bag, pallet = await hub.open("bag"), await hub.open("pallet")
    await hub.operator.refuses("close_load", EmptyLoad, load=bag)
    await hub.operator.refuses("reopen_load", LoadOpen, load=bag)
    await hub.put(bag, parcel)
    await hub.operator.refuses("put_in", LoadOpen, load=pallet, items=[bag])
    stands = await hub.operator.do("close_load", load=bag, seal="S-77", gross_g=900)
    assert (stands["parcels"], stands["seal"], stands["weight_g"]) == (1, "S-77", 350)
    await hub.operator.refuses("put_in", LoadClosed, load=bag, items=[other])
    await hub.operator.refuses("take_out", LoadClosed, load=bag, items=[parcel])
    await hub.put(pallet, bag)
    await hub.operator.refuses("reopen_load", StillInside, load=bag)
    hub.pass_(HOUR)
    await hub.operator.do("take_out", load=pallet, items=[bag])
    await hub.operator.do("reopen_load", load=bag, reason="one more")
    assert (await hub.put(bag, other))["parcels"] == 2


async def test_a_parcel_is_in_one_load_at_a_time(hub: Hub) -> None:
    parcel = await labeled(hub.one, "O-1")
    bag, second = await hub.open("bag"), await hub.open("bag")
    await hub.put(bag, parcel)
    await hub.operator.refuses("put_in", AlreadyInside, load=second, items=[parcel])
    await hub.operator.refuses("take_out", NotInside, load=second, items=[parcel])
    started = hub.at
    hub.pass_(HOUR)
    await hub.operator.refuses("take_out", NotYet, load=bag, items=[parcel], happened_at=started - HOUR)
    await hub.operator.do("take_out", load=bag, items=[parcel])
    await hub.operator.refuses("put_in", NotYet, load=second, items=[parcel], happened_at=started)
    await hub.put(second, parcel)
    both = [{"load": bag, "items": ["O-1"]}, {"load": second, "items": ["O-1"]}]
    hub.pass_(HOUR)
    await hub.operator.do("take_out", load=second, items=[parcel])
    answers = await hub.operator.ask_all("put_in", both)
    assert [isinstance(answer, AlreadyInside) for answer in answers] == [False, True]


async def test_what_must_not_travel_so_is_refused(hub: Hub) -> None:
    bag, pallet = await hub.open("bag", country="UA"), await hub.open("pallet")
    irish = await labeled(hub.one, "R-1")
    await hub.operator.refuses("put_in", WrongCountry, load=bag, items=[irish])
    await hub.operator.refuses("put_in", DoesNotFit, load=bag, items=[pallet])
    await hub.one.stock("CUP", 1)
    bare = await hub.one.to_packed(await hub.one.place(("CUP", 1), payment_term="on_account"))
    await hub.operator.refuses("put_in", NoLabel, load=pallet, items=[bare])
    await hub.one.refuses("number_parcel", NotSentYet, parcel=bare, number="LM-1")
    await hub.operator.refuses("put_in", NotFound, load=pallet, items=["nothing"])
    await hub.operator.refuses("track_load", UnknownWord, load=bag, events=[{"what": "teleported"}])
    await hub.operator.refuses("track_load", NotFound, load="lod_999999999", events=[{"what": "DEP"}])


async def test_a_parcel_on_hold_goes_nowhere(hub: Hub) -> None:
    parcel = await labeled(hub.one, "H-1")
    order = await order_of(hub.one, parcel)
    bag = await hub.open("bag")
    hold = await hub.one.do("hold", order=order, type="operator", reason="wait")
    await hub.operator.refuses("put_in", OnHold, load=bag, items=[parcel])
    await hub.one.do("lift", hold=hold["hold"])
    await hub.put(bag, parcel)
    await hub.one.do("hold", order=order, type="operator", reason="wait again")
    no = await hub.operator.refuses("close_load", HeldInside, load=bag)
    assert parcel in str(no)


async def test_a_number_that_several_parcels_have_is_asked_about(hub: Hub) -> None:
    mine, theirs = await labeled(hub.one, "SAME-1"), await labeled(hub.other, "SAME-1")
    bag = await hub.open("bag")
    no = await hub.operator.refuses("put_in", WhichParcel, load=bag, items=["SAME-1"])
    assert mine in str(no) and theirs in str(no)
    assert (await hub.put(bag, mine))["moved"] == 1


async def test_what_has_arrived_travels_no_more(hub: Hub) -> None:
    parcel = await labeled(hub.one, "E-1")
    await hub.one.do("hand_over", parcel=parcel)
    await hub.one.do("track", parcel=parcel, events=[{"happened_at": hub.at, "code": "EMI"}])
    await hub.operator.refuses("put_in", ParcelEnded, load=await hub.open("bag"), items=[parcel])


async def test_a_merchant_s_own_loads_hold_its_own_parcels_only(hub: Hub) -> None:
    mine, theirs = await labeled(hub.one, "P-1"), await labeled(hub.other, "P-2")
    bag = (await hub.one.do("open_load", kind="bag"))["load"]
    await hub.one.refuses("put_in", NotFound, load=bag, items=[theirs])
    assert (await hub.one.do("put_in", load=bag, items=[mine]))["parcels"] == 1
    await hub.other.refuses("put_in", NotFound, load=bag, items=[theirs])
