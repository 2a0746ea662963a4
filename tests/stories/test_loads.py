"""Loads: parcels of many merchants in bags, bags on pallets, pallets on a flight, the flight under a customs entry."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import msgspec
import pytest

from doorstep.doors.reads.loads import load as whole_load
from doorstep.doors.reads.way import ways
from doorstep.doors.reads.why import why
from doorstep.journey.fulfillment.unpack import InLoad
from doorstep.journey.shipping.close_load import EmptyLoad
from doorstep.journey.shipping.into import WhichParcel
from doorstep.journey.shipping.label import NoLabel
from doorstep.journey.shipping.number_parcel import NotSentYet
from doorstep.journey.shipping.open_load import NumberMissing, NumberTaken
from doorstep.journey.shipping.put_in import AlreadyInside, DoesNotFit, ParcelEnded, WrongCountry
from doorstep.journey.shipping.take_out import NotInside
from doorstep.journey.shipping.waybill import NotAWaybill
from doorstep.journey.tracking.track_load import UnknownWord
from doorstep.kit.refusals import Invalid, NotFound, OnHold
from doorstep.setup.merchants import NewMerchant, create_merchant
from doorstep.spine.audit import audit
from doorstep.spine.loads import HeldInside, LoadClosed, LoadOpen, StillInside
from doorstep.spine.outcome import Ask
from doorstep.spine.runner import run
from doorstep.spine.tenant import Db, Session, tenant_tx
from doorstep.spine.told_times import NotYet
from doorstep.spine.verbs import VERBS
from doorstep.spine.world import World
from tests.shop import HOME, NOON, Shop, open_shop

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
AWB = "020-12345675"
AWBS = (f"020-{serial}{serial % 7}" for serial in itertools.count(2000000))


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

    async def spread_only(self) -> None:
        """The jobs' bodies as they wait, run at once: what `track` queues stays."""
        world = World(self.operator.db, _nobody, _nobody, None, now=lambda: self.at)
        for shop in (self.one, self.other):
            await shop._work_at("spread", world)

    async def audit(self) -> None:
        report = await audit(self.operator.db, [s.merchant for s in (self.operator, self.one, self.other)])
        assert report.ok, report.told()


async def _nobody(_merchant: int, _code: str) -> Any:
    raise AssertionError("nobody is to be called")


@dataclass
class Counted:
    statements: int = 0


@contextmanager
def counting() -> Iterator[Counted]:
    """Every statement that is sent meanwhile, transactions' beginnings and ends aside."""
    counted, plain = Counted(), Session.fetch

    async def fetch(self: Session, query: str, *args: Any, **more: Any) -> Any:
        counted.statements += 1
        return await plain(self, query, *args, **more)

    with patch.object(Session, "fetch", fetch):
        yield counted


async def fill(shop: Shop, bag: int, operator: int, parcels: int) -> None:
    """So many orders at once, each in a parcel that lies in the bag: written past the verbs, as the verbs would."""
    placed = await shop.ask_all("place", [{"order": shop.order(("MUG", 1), placed_at=NOON)} for _ in range(parcels)])
    ids = [int(answer["order"][4:]) for answer in placed if isinstance(answer, dict)]
    assert len(ids) == parcels
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        site = await tx.value("select site_id from site where code = $1", shop.site("NJ"))
        await tx.run(
            "insert into fulfillment_order (merchant_id, fulfillment_order_id, order_id, site_id, created_at)"
            " select $1, o, o, $2, $4 from unnest($3::bigint[]) o",
            shop.merchant, site, ids, shop.at,
        )  # fmt: skip
        await tx.run(
            "insert into parcel (merchant_id, parcel_id, order_id, fulfillment_order_id, site_id, label_state, carrier,"
            " tracking_number, state, packed_at) select $1, o, o, o, $2, 'bought', 'meest', 'N' || o, 'pre_transit', $4"
            " from unnest($3::bigint[]) o",
            shop.merchant, site, ids, shop.at,
        )  # fmt: skip
        await tx.run(
            "insert into parcel_stay (merchant_id, parcel_id, stay_id, load_id, of_operator, weight_g, joined_at)"
            " select $1, o, o, $2, $3, 0, $5 from unnest($4::bigint[]) o",
            shop.merchant, bag, operator, ids, shop.at,
        )  # fmt: skip


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


async def test_an_event_dated_ahead_keeps_nothing_in_its_load(hub: Hub) -> None:
    parcel, late = await labeled(hub.one, "AH-1"), await labeled(hub.one, "AH-2")
    bag = await hub.open("bag")
    await hub.put(bag, parcel)
    hub.pass_(HOUR)
    await hub.tell(bag, "DEP", happened_at=hub.at + 50 * MINUTE)
    await hub.operator.refuses("take_out", NotYet, load=bag, items=[parcel], happened_at=hub.at - MINUTE)
    hub.pass_(10 * MINUTE)
    assert (await hub.operator.do("take_out", load=bag, items=[parcel]))["parcels"] == 0
    assert await told_of(hub.one, parcel) == ["DEP"]
    await hub.put(bag, late)
    await hub.spread()
    assert await told_of(hub.one, late) == [], "it had happened when it was told"


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


async def counts(hub: Hub, load: str) -> tuple[int, int, int]:
    """Parcels and weight of it, and of whom it has parcels."""
    (row,) = await hub.operator.rows(
        "select l.parcels, l.weight_g, (select sum(s.parcels) from load_share s where s.merchant_id = l.merchant_id"
        " and s.load_id = l.load_id)::int as shared from load l where l.merchant_id = $1 and l.load_id = $2",
        hub.operator.merchant, int(load[4:]),
    )  # fmt: skip
    return row["parcels"], row["weight_g"], row["shared"]


async def test_a_parcel_that_a_cancellation_emptied_is_taken_out_of_its_load(hub: Hub) -> None:
    gone, stays = await labeled(hub.one, "CA-1"), await labeled(hub.other, "CA-2")
    bag = await hub.open("bag")
    await hub.put(bag, gone, stays)
    order = await order_of(hub.one, gone)
    await hub.one.do("cancel", order=order)
    (told,) = await hub.one.rows(
        "select reason from attention where merchant_id = $1 and kind = 'put_back'", hub.one.merchant
    )
    assert told["reason"] == f"canceled goods are still in parcel:{gone[4:]} ({bag})"
    assert await counts(hub, bag) == (2, 700, 2)
    await hub.operator.work()
    assert await counts(hub, bag) == (1, 350, 1)
    assert "take_out" in await hub.one.timeline(order)
    await hub.audit()


async def test_of_a_sealed_load_it_is_somebodys_to_take_the_canceled_parcel_out(hub: Hub) -> None:
    gone = await labeled(hub.one, "CB-1")
    bag = await hub.open("bag")
    await hub.put(bag, gone)
    await hub.close(bag)
    await hub.one.do("cancel", order=await order_of(hub.one, gone))
    ((verb, answer),) = await hub.operator.work()
    assert verb == "take_out" and isinstance(answer, LoadClosed)
    assert await counts(hub, bag) == (1, 350, 1)
    await hub.operator.do("reopen_load", load=bag, reason="one is canceled")
    await hub.operator.do("take_out", load=bag, items=[gone])
    assert await counts(hub, bag) == (0, 0, 0)
    await hub.audit()


async def test_units_of_a_parcel_that_are_canceled_leave_the_rest_in_the_load(hub: Hub) -> None:
    await hub.one.stock("CUP", 2)
    order = await hub.one.place(("CUP", 2), payment_term="on_account")
    parcel = await hub.one.to_packed(order)
    await hub.one.do("keep_label", parcel=parcel, carrier="c", tracking_number="CC-1")
    bag = await hub.open("bag")
    await hub.put(bag, parcel)
    await hub.one.do("cancel", order=order, lines=[{"line": 1, "quantity": 1}])
    await hub.operator.work()
    assert (await counts(hub, bag))[0] == 1


async def test_nothing_is_unpacked_from_a_parcel_within_a_load(hub: Hub) -> None:
    parcel = await labeled(hub.one, "CD-1")
    bag = await hub.open("bag")
    await hub.put(bag, parcel)
    await hub.one.do("want_void", parcel=parcel)
    await hub.one.refuses("unpack", InLoad, parcel=parcel)
    await hub.operator.do("take_out", load=bag, items=[parcel])
    assert (await hub.one.do("unpack", parcel=parcel))["empty"] is True


async def test_what_must_not_travel_so_is_refused(hub: Hub) -> None:
    bag, pallet = await hub.open("bag", country="UA"), await hub.open("pallet")
    irish = await labeled(hub.one, "R-1")
    await hub.operator.refuses("put_in", WrongCountry, load=bag, items=[irish])
    await hub.operator.refuses("put_in", DoesNotFit, load=bag, items=[pallet])
    await hub.one.stock("CUP", 1)
    bare = await hub.one.to_packed(await hub.one.place(("CUP", 1), payment_term="on_account"))
    await hub.operator.refuses("put_in", NoLabel, load=pallet, items=[bare])
    await hub.one.refuses("number_parcel", NotSentYet, parcel=bare, number="LM-1")
    for nothing in (" ", "\u202e"):
        await hub.one.refuses("number_parcel", Invalid, parcel=irish, number=nothing)
    await hub.operator.refuses("put_in", NotFound, load=pallet, items=["nothing"])
    await hub.operator.refuses("track_load", UnknownWord, load=bag, events=[{"what": "teleported"}])
    late = [{"what": "DEP", "happened_at": hub.at + timedelta(days=365)}]
    await hub.operator.refuses("track_load", NotYet, load=bag, events=late)
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


async def test_a_hold_after_the_bag_is_closed_stops_whatever_the_bag_is_in(hub: Hub) -> None:
    parcel, free = await labeled(hub.one, "HB-1"), await labeled(hub.other, "HB-2")
    order = await order_of(hub.one, parcel)
    bag, second, pallet = await hub.open("bag"), await hub.open("bag"), await hub.open("pallet")
    flight = await hub.open("flight", number=next(AWBS))
    await hub.put(bag, parcel)
    await hub.put(second, free)
    await hub.close(bag, second)
    hold = await hub.one.do("hold", order=order, type="operator", reason="wait")
    no = await hub.operator.refuses("put_in", HeldInside, load=pallet, items=[second, bag])
    assert parcel in str(no) and free not in str(no)
    await hub.one.do("lift", hold=hold["hold"])
    await hub.put(pallet, bag, second)
    again = await hub.one.do("hold", order=order, type="operator", reason="wait again")
    await hub.operator.refuses("close_load", HeldInside, load=pallet)
    await hub.one.do("lift", hold=again["hold"])
    await hub.close(pallet)
    await hub.put(flight, pallet)
    last = await hub.one.do("hold", order=order, type="operator", reason="not on this flight")
    no = await hub.operator.refuses("close_load", HeldInside, load=flight)
    assert parcel in str(no)
    await hub.one.do("lift", hold=last["hold"])
    await hub.close(flight)


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


async def together(verb: str, *asked: tuple[Shop, dict[str, Any]]) -> list[Any]:
    """Requests of several owners in one batch, as workers gather them."""
    asks = [
        Ask(shop.merchant, msgspec.convert(body, VERBS[verb].body, strict=False), shop.at) for shop, body in asked
    ]  # fmt: skip
    return await run(asked[0][0].db, verb, asks)


async def test_in_one_batch_with_the_operator_s_a_merchant_reaches_its_own_only(hub: Hub) -> None:
    mine, theirs = await labeled(hub.one, "W-1"), await labeled(hub.other, "W-2")
    ours, bag = await hub.open("bag"), str((await hub.one.do("open_load", kind="bag"))["load"])
    for code in (theirs, "W-2"):
        gathered, refused = await together(
            "put_in",
            (hub.operator, {"load": ours, "items": [theirs]}), (hub.one, {"load": bag, "items": [code, mine]}),
        )  # fmt: skip
        assert gathered["parcels"] == 1 and isinstance(refused, NotFound), refused
    put = await together(
        "put_in", (hub.operator, {"load": ours, "items": [theirs]}), (hub.one, {"load": bag, "items": [mine]})
    )
    assert [answer["parcels"] for answer in put] == [1, 1]
    told = {"events": [{"what": "departed", "happened_at": hub.at}]}
    tracked = await together("track_load", (hub.operator, {"load": ours, **told}), (hub.one, {"load": bag, **told}))
    assert [answer["merchants"] for answer in tracked] == [1, 1]
    await hub.spread()
    assert await told_of(hub.one, mine) == await told_of(hub.other, theirs) == ["DEP"]
    hub.pass_(HOUR)
    out, refused = await together(
        "take_out", (hub.operator, {"load": ours, "items": [theirs]}), (hub.one, {"load": ours, "items": [theirs]})
    )
    assert out["parcels"] == 0 and isinstance(refused, NotFound)
    await hub.put(ours, theirs)
    refused, closed = await together("close_load", (hub.one, {"load": ours}), (hub.one, {"load": bag}))
    assert isinstance(refused, NotFound) and closed["closed"]
    closed, refused = await together("close_load", (hub.operator, {"load": ours}), (hub.one, {"load": bag}))
    assert closed["parcels"] == 1 and isinstance(refused, LoadClosed)


# Numbers, and whose hands it is in


async def test_every_number_of_a_parcel_finds_its_news(hub: Hub) -> None:
    parcel = await labeled(hub.one, "FM-1")
    order = await order_of(hub.one, parcel)
    told = await hub.one.do("number_parcel", parcel=parcel, number="59000000000001", carrier="np")
    assert told["leg"] == "last_mile"
    await hub.one.do("number_parcel", parcel=parcel, number="59000000000001", carrier="np")
    assert (await hub.one.timeline(order)).count("number_parcel") == 1
    bag = await hub.open("bag")
    assert (await hub.put(bag, "59000000000001"))["moved"] == 1, "a scanner may read any of them"


async def test_a_label_brings_the_numbers_of_its_legs_and_takes_them_along(hub: Hub) -> None:
    await hub.one.stock("MUG", 1)
    order = await hub.one.place(("MUG", 1), payment_term="on_account")
    parcel = await hub.one.to_packed(order)
    label = {"parcel": parcel, "carrier": "meest", "tracking_number": "CV1", "last_mile_number": "LM1"}
    await hub.one.do("keep_label", **label, first_mile_number="FM1")
    numbers = "select number, leg, until is null as good from parcel_number where merchant_id = $1 order by number"
    assert [tuple(row.values()) for row in await hub.one.rows(numbers, hub.one.merchant)] == [
        ("FM1", "first_mile", True), ("LM1", "last_mile", True),
    ]  # fmt: skip
    await hub.one.do("want_void", parcel=parcel)
    assert not any(row["good"] for row in await hub.one.rows(numbers, hub.one.merchant))
    await hub.one.do("keep_label", **label)
    assert [row["good"] for row in await hub.one.rows(numbers, hub.one.merchant)] == [False, True]


async def test_two_carriers_legs_make_one_timeline_with_the_gap_between_them(hub: Hub) -> None:
    parcel = await labeled(hub.one, "G-1")
    order = await order_of(hub.one, parcel)
    bag = await hub.open("bag", carrier="lh-cargo")
    await hub.put(bag, parcel)
    await hub.tell(bag, "departed", place="EWR")
    left = hub.at
    hub.pass_(40 * HOUR)
    scan = {"happened_at": hub.at, "code": "EMF", "place": "Lviv", "holder": "np", "leg": "last_mile"}
    await hub.one.do("track", parcel=parcel, events=[scan])
    (way,) = await ways(hub.one.db, hub.one.merchant, order, hub.at)
    assert [(load.kind, load.carrier, load.state) for load in way.loads] == [("bag", "lh-cargo", "DEP")]
    (gap,) = way.gaps
    async with tenant_tx(hub.one.db, [hub.one.merchant], readonly=True) as tx:
        assert (await why(tx, hub.one.merchant, order)).gaps == [gap]
    assert (gap.after, gap.before, gap.hours, gap.since) == ("lh-cargo", "np", 40.0, left)


async def test_a_merchant_sees_the_bag_and_nobody_else_s_parcel(hub: Hub) -> None:
    mine, theirs = await labeled(hub.one, "V-1"), await labeled(hub.other, "V-2")
    bag, pallet, flight = await hub.open("bag"), await hub.open("pallet"), await hub.open("flight", number=AWB)
    await hub.put(bag, mine, theirs)
    for load, inside in ((bag, pallet), (pallet, flight)):
        await hub.close(load)
        await hub.put(inside, load)
    (way,) = await ways(hub.one.db, hub.one.merchant, await order_of(hub.one, mine), hub.at)
    assert [load.kind for load in way.loads] == ["bag", "pallet", "flight"]
    assert theirs not in str(way) and "V-2" not in str(way)
    for table in ("load", "load_share", "load_stay", "load_event"):
        assert not await hub.one.rows(f"select 1 from {table} where merchant_id <> $1", hub.one.merchant)
    assert len(await hub.one.rows("select 1 from parcel_stay where merchant_id = any($1)", [hub.one.merchant])) == 1
    with pytest.raises(NotFound):
        await whole_load(hub.one.db, [hub.one.merchant], bag)
    seen = await whole_load(hub.operator.db, [hub.operator.merchant], flight)
    assert seen.all_parcels == 2 and seen.all_weight_g == 700
    assert {share.parcels for share in seen.merchants} == {1}
    assert [(one.depth, one.load.kind, one.all_parcels) for one in seen.below] == [(1, "pallet", 2), (2, "bag", 2)]
    assert {one.tracking_number for one in seen.parcels} == {"V-1", "V-2"}
    assert [one.kind for one in (await whole_load(hub.operator.db, [hub.operator.merchant], bag)).above] == [
        "pallet", "flight",
    ]  # fmt: skip


async def test_a_flight_is_told_in_a_few_statements_a_merchant_however_many_parcels(hub: Hub) -> None:
    """Of 600 parcels of two merchants no more statements than of two."""
    few = await statements_of(hub, 2)
    many = await statements_of(hub, 600)
    assert many <= few + 4, f"{few} statements for 2 parcels, {many} for 600"


async def statements_of(hub: Hub, parcels: int) -> int:
    """So many statements tell a flight's departure to so many parcels, half of each merchant."""
    flight = await hub.open("flight", number=next(AWBS), carrier="lh-cargo")
    bag = await hub.open("bag")
    for shop in (hub.one, hub.other):
        await fill(shop, int(bag[4:]), hub.operator.merchant, parcels // 2)
    await hub.operator.rows(
        "update load set parcels = $3, closed_at = opened_at where merchant_id = $1 and load_id = $2 returning 1",
        hub.operator.merchant, int(bag[4:]), parcels,
    )  # fmt: skip
    async with tenant_tx(hub.operator.db, [hub.operator.merchant]) as tx:
        for shop in (hub.one, hub.other):
            await tx.run(
                "insert into load_share values ($1, $2, $3, $4, 0)",
                hub.operator.merchant, int(bag[4:]), shop.merchant, parcels // 2,
            )  # fmt: skip
    await hub.put(flight, bag)
    hub.pass_(HOUR)
    events = [{"what": "DEP", "happened_at": hub.at, "place": "EWR"}]
    await hub.operator.do("track_load", load=flight, events=events)
    with counting() as counted:
        await hub.spread_only()
    told = 0
    for shop in (hub.one, hub.other):
        rows = "select count(*)::int as n from parcel_event where merchant_id = $1 and happened_at = $2"
        told += (await shop.rows(rows, shop.merchant, hub.at))[0]["n"]
    assert told == parcels
    await hub.audit()
    return counted.statements


async def test_two_scanners_at_once_put_a_parcel_into_one_bag(hub: Hub) -> None:
    parcels = [await labeled(hub.one, f"S-{nth}") for nth in range(4)]
    bags = [await hub.open("bag"), await hub.open("bag")]
    asked = [hub.operator.ask("put_in", load=bag, items=[parcel]) for parcel in parcels for bag in bags]
    answers = await asyncio.gather(*asked)
    for first, second in zip(answers[::2], answers[1::2], strict=True):
        assert sorted(isinstance(answer, AlreadyInside) for answer in (first, second)) == [False, True]


async def test_a_scan_that_is_sent_twice_is_one_scan(hub: Hub) -> None:
    parcel = await labeled(hub.one, "K-1")
    bag = await hub.open("bag")
    first = await hub.operator.ask("put_in", key=b"scan-1", load=bag, items=[parcel])
    assert first == await hub.operator.ask("put_in", key=b"scan-1", load=bag, items=[parcel])
    assert isinstance(first, dict) and first["moved"] == 1
    assert (await hub.one.timeline(await order_of(hub.one, parcel))).count("put_in") == 1
