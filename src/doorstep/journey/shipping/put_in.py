"""put_in: parcels go into a load, loads into a later one; what is in a load is told of whatever happens to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from doorstep.journey.shipping.into import Items, Scene, Share, Stay, Thing, beyond, counted, of_order, scene_of
from doorstep.journey.shipping.label import EmptyParcel, NoLabel
from doorstep.kit.ids import number, public
from doorstep.kit.refusals import Refusal
from doorstep.plug.states import FINAL_STATES
from doorstep.spine.journey import ROWS
from doorstep.spine.loads import RANK, SHARES, LoadFacts, LoadOpen, held_inside, must_see, of_load, whose
from doorstep.spine.outcome import Ask, Event, Insert, Job, Outcome, Result, Update
from doorstep.spine.parcels import PackedElsewhere, ParcelFacts
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.told_times import NotYet, told_time
from doorstep.spine.verbs import verb


class PutIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of the items or none. What is in the load already stays as it is."""

    load: str
    items: Items
    happened_at: datetime | None = None


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """`moved` by this; `parcels`, `loads` and `weight_g` lie in it directly now."""

    load: str
    number: str
    moved: int
    parcels: int
    loads: int
    weight_g: int


class AlreadyInside(Refusal):
    """It is in another load; take it out there first."""


class DoesNotFit(Refusal):
    """Such a load does not go into that: a bag goes onto a pallet, both onto a flight, all under a customs entry."""

    status = 422


class WrongCountry(Refusal):
    """The load goes to one country, and this to another."""


class ParcelEnded(Refusal):
    """The parcel's way is at its end: it travels in nothing any more."""


@verb(PutIn, Contents, beyond=beyond)
async def put_in(tx: Tx, asks: list[Ask[PutIn]]) -> list[Result]:
    """Put parcels or closed loads into an open one, by their ids or by what a scanner reads."""
    scene = await scene_of(tx, asks)
    owners = sorted({ask.merchant for ask in asks})
    shares = {(row[1], row[2]): row for row in await tx.rows(SHARES, owners, sorted(scene.loads))}
    inner = await whose(tx, owners, scene.inner_loads)
    must_see(tx, inner)
    held = await held_inside(tx, owners, scene.inner_loads)
    ids = await tx.fresh_ids(sum(len(ask.body.items) for ask in asks))
    return each(asks, lambda ask: decide(scene, shares, inner, held, ids, ask))


def decide(
    scene: Scene, shares: Mapping[tuple[int, int], Any], inner: Mapping[int, list[int]],
    held: Mapping[int, list[str]], ids: Iterator[int], ask: Ask[PutIn],
) -> Outcome:  # fmt: skip
    load = of_load(scene.loads, ask, number("lod", ask.body.load))
    load.must_be_open()
    at = told_time(ask.body.happened_at, ask.at, load=load.name)
    things = list(dict.fromkeys(scene.thing(ask, code.strip()) for code in ask.body.items))
    new = [thing for thing in things if _may_go_in(scene, load, held, thing, at)]
    scene.busy.update(new)
    by: dict[int, Share] = defaultdict(Share)
    orders: dict[tuple[int, int], Outcome] = {}
    outcome = Outcome(ask.merchant, ("load", load.load_id), [], verb="put_in")
    for thing in new:
        if thing.kind == "load":
            _load_in(outcome, load, scene.loads[thing.id], next(ids), at)
            continue
        parcel = scene.parcels[thing.id]
        by[thing.merchant].parcels += 1
        by[thing.merchant].weight_g += parcel.weight_g
        told = of_order(orders, parcel, "put_in", load.told, at)
        told.facts.append(Insert("parcel_stay", {
            "parcel_id": thing.id, "stay_id": next(ids), "load_id": load.load_id, "of_operator": load.merchant,
            "weight_g": parcel.weight_g, "joined_at": at,
        }))  # fmt: skip
    outcome.beyond = list(orders.values())
    loads = sum(thing.kind == "load" for thing in new)
    facts, now = counted(load, shares, by, loads)
    outcome.answer = {"load": load.name, "number": load.number, "moved": len(new), **now}
    if new:
        told_of_it = load.told | {
            "items": [thing.name for thing in new],
            "parcels": sum(s.parcels for s in by.values()),
        }
        outcome.events = [Event("put_in", [], told_of_it, at)]
        outcome.facts += facts
        outcome.beyond += _told_late(load, new, by, inner, at, ask.at)
    return outcome


def _may_go_in(scene: Scene, load: LoadFacts, held: Mapping[int, list[str]], thing: Thing, at: datetime) -> bool:
    """Whether it is new in there; raises what stops it."""
    stays = scene.stays(thing)
    open_stay = next((stay for stay in stays if stay.left_at is None), None)
    if open_stay and open_stay.load_id == load.load_id:
        return False
    if open_stay or thing in scene.busy:
        raise AlreadyInside(item=thing.name, load=public("lod", open_stay.load_id if open_stay else load.load_id))
    if thing.kind == "load":
        _load_may(load, scene.loads[thing.id], held)
    else:
        _parcel_may(load, scene.parcels[thing.id])
    _not_before_it_left(thing, stays, at)
    return True


def _not_before_it_left(thing: Thing, stays: Any, at: datetime) -> None:
    left: list[Stay] = [stay for stay in stays if stay.left_at and stay.left_at > at]
    if left:
        raise NotYet(item=thing.name, happened_at=at, was_in=public("lod", left[-1].load_id), until=left[-1].left_at)


def _load_may(load: LoadFacts, inner: LoadFacts, held: Mapping[int, list[str]]) -> None:
    if RANK[inner.kind] >= RANK[load.kind]:
        raise DoesNotFit(load=load.name, kind=load.kind, item=inner.name, item_kind=inner.kind)
    if inner.closed_at is None:
        raise LoadOpen(load=inner.name, number=inner.number)
    if load.country and inner.country and load.country != inner.country:
        raise WrongCountry(load=load.name, country=load.country, item=inner.name, goes_to=inner.country)
    if ROWS["put_in"].held:
        inner.must_hold_nothing_held(held)


def _parcel_may(load: LoadFacts, parcel: ParcelFacts) -> None:
    name = public("par", parcel.parcel_id)
    if parcel.packed_at is None:
        raise PackedElsewhere(parcel=name, state=parcel.state)
    if not parcel.lines:
        raise EmptyParcel(parcel=name)
    if parcel.label_state != "bought":
        raise NoLabel(parcel=name, label=parcel.label_state)
    if parcel.state in FINAL_STATES:
        raise ParcelEnded(parcel=name, state=parcel.state)
    country = parcel.order.row["country"]
    if load.country and country != load.country:
        raise WrongCountry(load=load.name, country=load.country, item=name, goes_to=country)
    for line in parcel.lines:
        if stopped := parcel.order.stopped("put_in", line.line_no):
            raise stopped


def _load_in(outcome: Outcome, load: LoadFacts, inner: LoadFacts, stay: int, at: datetime) -> None:
    values = {"load_id": inner.load_id, "stay_id": stay, "parent_id": load.load_id, "joined_at": at}
    outcome.facts.append(Insert("load_stay", values))
    outcome.facts.append(Update("load", {"load_id": inner.load_id}, {"parent_id": load.load_id}))
    told = inner.told | {"into": load.name, "into_number": load.number}
    outcome.more.append(Outcome(outcome.merchant, ("load", inner.load_id), [Event("put_in", [], told, at)]))


def _told_late(
    load: LoadFacts,
    new: list[Thing],
    by: Mapping[int, Share],
    inner: Mapping[int, list[int]],
    at: datetime,
    now: datetime,
) -> Iterator[Outcome]:
    """What happened since it went in is told to its parcels too: where it was scanned late."""
    if at >= now and (load.last_event_at is None or load.last_event_at < at):
        return
    merchants = {*by, *(merchant for thing in new if thing.kind == "load" for merchant in inner.get(thing.id, ()))}
    for merchant in sorted(merchants):
        body = {"load": load.name, "of": load.merchant}
        yield Outcome(merchant, ("load", load.load_id), [], verb="put_in", then=[Job("spread", body)])
