"""Watched to the door: asked about, told of, missed when they are quiet; and what can be done when it goes wrong."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from doorstep.doors.reads import exceptions as reads
from doorstep.doors.reads.floor import parcel as read_parcel
from doorstep.kit.budget import Budget
from doorstep.kit.refusals import Refusal
from doorstep.plug.carrier import CarrierDown, Proof, TrackEvent
from doorstep.setup import lanes
from doorstep.spine.exceptions import MEANS
from doorstep.spine.journey import ROWS
from doorstep.spine.playbooks import _PLAYS, STEPS
from doorstep.spine.tenant import tenant_tx
from doorstep.spine.world import World
from tests.shop import Shop
from tests.stories.test_shipping import CARD


class Told:
    """A carrier that answers what the test says, and counts who asks."""

    code = "meest"
    can = frozenset({"track"})

    def __init__(self) -> None:
        self.news: dict[str, list[TrackEvent]] = {}
        self.asked: list[list[str]] = []
        self.is_down = False

    async def track_many(self, tracking_numbers: Sequence[str]) -> dict[str, list[TrackEvent]]:
        self.asked.append(list(tracking_numbers))
        if self.is_down:
            raise CarrierDown(carrier="meest", detail="503")
        return {number: self.news[number] for number in tracking_numbers if number in self.news}

    def tells(self, number: str, state: str, at: datetime, **more: Any) -> None:
        event = TrackEvent(happened_at=at, raw_code=state, state=state, **more)
        self.news.setdefault(number, []).append(event)


@pytest.fixture
async def road(shop: Shop) -> Shop:
    await shop.stock("MUG", 100)
    await shop.connect("carrier", "ratecard", "meest", **CARD)
    return shop


_units = itertools.cycle(range(2, 9))  # another order each time, not the same again


async def on_the_road(road: Shop, carrier: str = "meest", **more: Any) -> str:
    order = await road.place(("MUG", next(_units)), payment_term="on_account", **more)
    parcel = await road.to_packed(order)
    await road.do("keep_label", parcel=parcel, carrier=carrier, service="ECO", tracking_number=f"T{parcel[4:]}")
    await road.do("hand_over", parcel=parcel)
    return parcel


def world_of(road: Shop, carrier: Told, budget: Budget | None = None) -> World:
    async def opened(merchant: int, code: str) -> Any:
        return carrier

    return World(road.db, opened, opened, None, now=lambda: road.at, budget=budget or Budget())


async def pass_time(road: Shop, world: World, hours: float) -> None:
    """Hour by hour, the worker does what is due."""
    until = road.at + timedelta(hours=hours)
    while road.at < until:
        road.at = min(road.at + timedelta(hours=1), until)
        await road.work("follow", world=world)


async def open_exceptions(road: Shop) -> list[reads.ExceptionRow]:
    async with tenant_tx(road.db, [road.merchant], readonly=True) as tx:
        found = (await reads.exceptions(tx, road.merchant, reads.ExceptionQuery())).exceptions
    # The label that was to be asked for was bought by hand before.
    return [one for one in found if one.kind != "job:want_label"]


async def row_of(road: Shop, parcel: str) -> dict[str, Any]:
    query = "select * from parcel where merchant_id = $1 and parcel_id = $2"
    (row,) = await road.rows(query, road.merchant, int(parcel[4:]))
    return row


async def test_a_parcel_is_asked_about_to_its_door_and_no_longer(road: Shop) -> None:
    parcel, carrier = await on_the_road(road), Told()
    world, number = world_of(road, carrier), f"T{parcel[4:]}"
    carrier.tells(number, "accepted", road.at)
    await pass_time(road, world, 20)
    assert (await row_of(road, parcel))["state"] == "accepted"
    rounds = len(carrier.asked)
    carrier.tells(number, "out_for_delivery", road.at)
    await pass_time(road, world, 12)
    proof = Proof(signed_by="Ada", left_at="front door", photo="https://carrier.example/p/1")
    carrier.tells(number, "delivered", road.at, proof=proof)
    await pass_time(road, world, 12)
    assert (await row_of(road, parcel))["delivered_at"] is not None
    asked = len(carrier.asked)
    assert rounds < asked < 30
    await pass_time(road, world, 72)
    assert (len(carrier.asked), [job for job in await road.jobs() if job[0] == "follow"]) == (asked, [])


async def test_proof_of_delivery_is_kept_with_the_event_and_told(road: Shop) -> None:
    parcel = await on_the_road(road)
    proof = {"signed_by": "Ada", "left_at": "reception", "photo": "https://carrier.example/p/1"}
    scan = {"happened_at": road.at, "raw_code": "1622", "state": "delivered", "proof": proof}
    await road.do("track", parcel=parcel, events=[scan])
    async with tenant_tx(road.db, [road.merchant], readonly=True) as tx:
        (event,) = (await read_parcel(tx, road.merchant, parcel)).events
    assert event.proof == Proof(**proof)
    other = await on_the_road(road)
    await road.do("deliver", parcel=other, received_by="Bo", left_at="neighbor", signature="scan-17")
    async with tenant_tx(road.db, [road.merchant], readonly=True) as tx:
        (event,) = (await read_parcel(tx, road.merchant, other)).events
    assert event.proof == Proof(signed_by="Bo", left_at="neighbor", signature="scan-17")


async def test_another_number_of_the_same_carrier_is_asked_about_too(road: Shop) -> None:
    parcel, carrier = await on_the_road(road), Told()
    await road.do("number_parcel", parcel=parcel, number="LM-77", carrier="meest", leg="last_mile")
    carrier.tells(f"T{parcel[4:]}", "departed", road.at)
    carrier.tells("LM-77", "out_for_delivery", road.at + timedelta(hours=1))
    await pass_time(road, world_of(road, carrier), 6)
    assert {number for asked in carrier.asked for number in asked} == {f"T{parcel[4:]}", "LM-77"}
    async with tenant_tx(road.db, [road.merchant], readonly=True) as tx:
        events = (await read_parcel(tx, road.merchant, parcel)).events
    assert sorted((event.state, event.leg) for event in events) == [("departed", ""), ("out_for_delivery", "last_mile")]


async def test_a_quiet_parcel_is_somebodys_before_the_buyer_asks_and_is_let_go_when_it_is_heard_of(road: Shop) -> None:
    parcel, carrier = await on_the_road(road), Told()
    world, number = world_of(road, carrier), f"T{parcel[4:]}"
    carrier.tells(number, "departed", road.at)
    await pass_time(road, world, 24 * 10)
    assert await open_exceptions(road) == []
    await pass_time(road, world, 12)  # the last asking before it may have been hours ago
    (silence,) = await open_exceptions(road)
    assert (silence.kind, silence.parcel) == ("silence", parcel)
    assert [step.name for step in silence.playbook][:2] == ["ask_carrier", "tell_buyer"]
    carrier.tells(number, "arrived", road.at)
    await pass_time(road, world, 60)
    assert await open_exceptions(road) == []


async def test_a_parcel_that_nobody_here_can_ask_about_is_missed_as_well(road: Shop) -> None:
    parcel, carrier = await on_the_road(road, carrier="somebody"), Told()
    await pass_time(road, world_of(road, carrier), 24 * 4)
    (silence,) = await open_exceptions(road)
    assert (silence.kind, silence.parcel, carrier.asked) == ("silence", parcel, [])


async def test_a_carrier_that_is_down_for_days_costs_no_parcel_its_watch(road: Shop) -> None:
    parcel, carrier = await on_the_road(road), Told()
    world = world_of(road, carrier)
    carrier.is_down = True
    await pass_time(road, world, 24 * 4)
    (silence,) = await open_exceptions(road)
    assert silence.parcel == parcel
    assert 5 < len(carrier.asked) < 40
    carrier.is_down = False
    carrier.tells(f"T{parcel[4:]}", "in_transit", road.at)
    await pass_time(road, world, 24)
    assert ((await row_of(road, parcel))["state"], await open_exceptions(road)) == ("in_transit", [])


async def test_what_the_budget_does_not_allow_is_asked_later(road: Shop) -> None:
    parcels, carrier = [await on_the_road(road) for _ in range(3)], Told()
    world = world_of(road, carrier, Budget(per_hour=1))
    for _ in range(3):
        world.budget.take((road.merchant, "meest"), 1, road.at)
    await road.work("follow", world=world)
    assert carrier.asked == []
    await pass_time(road, world, 5)
    assert sorted(number for asked in carrier.asked for number in asked) == sorted(f"T{p[4:]}" for p in parcels)


async def test_the_pace_of_a_lane_is_learned_from_its_own_history(road: Shop) -> None:
    for _ in range(3):
        parcel = await on_the_road(road)
        scans = [{"happened_at": road.at + timedelta(hours=5 * step), "raw_code": state, "state": state}
                 for step, state in enumerate(("accepted", "departed", "arrived", "delivered"), start=1)]  # fmt: skip
        await road.do("track", parcel=parcel, events=scans)
    async with tenant_tx(road.db, [road.merchant]) as tx:
        await lanes.learn(tx, road.merchant, road.at + timedelta(days=1))
        await lanes.learn(tx, road.merchant, road.at + timedelta(days=2))
        lane = lanes.Lane("meest", "ECO", "US", "IE")
        learned = (await lanes.paces(tx, [lane])).learned
    for narrow in (lane, lane._replace(service=""), lane._replace(carrier="", service="")):
        for state in ("pre_transit", "accepted", "departed", "arrived"):
            pace = learned[narrow, state]
            assert (pace.gaps, pace.p95) == (3, timedelta(hours=5))


async def test_a_parcel_whose_service_or_carrier_nobody_named_is_one_of_the_wider_lanes(road: Shop) -> None:
    for unnamed in ("", "service", "carrier, service"):
        parcel = await on_the_road(road)
        for column in filter(None, unnamed.split(", ")):
            await road.rows(f"update parcel set {column} = '' where parcel_id = $1 returning 1", int(parcel[4:]))
        scan = {"happened_at": road.at + timedelta(hours=5), "raw_code": "accepted", "state": "accepted"}
        await road.do("track", parcel=parcel, events=[scan])
    async with tenant_tx(road.db, [road.merchant]) as tx:
        await lanes.learn(tx, road.merchant, road.at + timedelta(days=1))
        lane = lanes.Lane("meest", "ECO", "US", "IE")
        learned = (await lanes.paces(tx, [lane])).learned
    seen = [learned[wider, "pre_transit"].gaps for wider in lane.wider]
    assert seen == [3, 2, 1], "of the way, of the carrier on it, of its service"


async def test_what_the_carrier_is_to_do_is_somebodys_to_tell_it(road: Shop) -> None:
    parcel = await on_the_road(road)
    scan = {"happened_at": road.at, "raw_code": "1624", "state": "attempted", "reason": "unverifiable"}
    await road.do("track", parcel=parcel, events=[scan])
    (attempted,) = await open_exceptions(road)
    assert attempted.playbook[0].name == "readdress"
    assert "right address" in attempted.next_action
    home = {"name": "Ada", "line1": "3 Quay", "city": "Cork", "country": "IE"}
    await road.do("instruct", parcel=parcel, what="readdress", ship_to=home, note="call first")
    to_tell = next(one for one in await open_exceptions(road) if one.kind == "carrier_to_tell")
    assert "3 Quay, Cork" in to_tell.reason and "call first" in to_tell.reason
    await road.do("deliver", parcel=parcel)
    answer = await road.ask("instruct", parcel=parcel, what="return")
    assert isinstance(answer, Refusal) and answer.code == "AlreadyArrived"
    order = await road.place(("MUG", 1), payment_term="on_account")
    here = await road.to_packed(order)
    answer = await road.ask("instruct", parcel=here, what="reattempt")
    assert isinstance(answer, Refusal) and answer.code == "NotHandedOver"


def test_every_playbook_is_of_a_kind_that_there_is_and_every_step_of_a_verb() -> None:
    assert _PLAYS.keys() <= MEANS.keys()
    assert {name for plays in _PLAYS.values() for name in plays} <= STEPS.keys()
    assert {step.verb for step in STEPS.values() if step.verb} <= ROWS.keys()


async def test_an_unknown_word_is_counted_among_the_exceptions(road: Shop) -> None:
    parcel = await on_the_road(road)
    await road.do("track", parcel=parcel, events=[{"happened_at": road.at, "raw_code": "Z99", "message": "Qwerty"}])
    async with tenant_tx(road.db, [road.merchant], readonly=True) as tx:
        assert await reads.summary(tx, road.merchant) == {"unknown_status": 1}
    (kept,) = await road.rows("select why from attention where merchant_id = $1", road.merchant)
    assert msgspec.json.decode(kept["why"])["words"] == ["Z99"]
