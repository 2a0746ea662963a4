"""take_out: parcels or loads are taken out of a load; what happens to it from then on is not theirs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from doorstep.journey.shipping.into import Items, Scene, Share, Stay, Thing, beyond, counted, of_order, scene_of
from doorstep.journey.shipping.put_in import Contents
from doorstep.kit.ids import number
from doorstep.kit.refusals import Refusal
from doorstep.spine.loads import SETTLED, SHARES, LoadFacts, of_load
from doorstep.spine.outcome import Ask, Event, Outcome, Result, Update
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.told_times import NotYet, told_time
from doorstep.spine.verbs import verb


class TakeOut(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of the items or none."""

    load: str
    items: Items
    happened_at: datetime | None = None


class NotInside(Refusal):
    """It is not in this load."""


@verb(TakeOut, Contents, beyond=beyond)
async def take_out(tx: Tx, asks: list[Ask[TakeOut]]) -> list[Result]:
    """Take parcels or loads out of an open load."""
    scene = await scene_of(tx, asks)
    owners, loads = sorted({ask.merchant for ask in asks}), sorted(scene.loads)
    shares = {(row[1], row[2]): row for row in await tx.rows(SHARES, owners, loads)}
    settled = {row["load_id"]: row["settled_at"] for row in await tx.rows(SETTLED, owners, loads)}
    return each(asks, lambda ask: decide(scene, shares, settled, ask))


def decide(
    scene: Scene, shares: Mapping[tuple[int, int], Any], settled: Mapping[int, datetime | None], ask: Ask[TakeOut]
) -> Outcome:
    load = of_load(scene.loads, ask, number("lod", ask.body.load))
    load.must_be_open()
    at = told_time(ask.body.happened_at, ask.at, load=load.name)
    since = settled.get(load.load_id)
    if since and at <= since:
        raise NotYet(load=load.name, happened_at=at, since=since)
    by: dict[int, Share] = defaultdict(Share)
    orders: dict[tuple[int, int], Outcome] = {}
    outcome = Outcome(ask.merchant, ("load", load.load_id), [], verb="take_out")
    things = list(dict.fromkeys(scene.thing(ask, code.strip()) for code in ask.body.items))
    for thing in things:
        stay = _stay_that_ends(scene, load, thing, at)
        if thing.kind == "load":
            _load_out(outcome, load, scene.loads[thing.id], stay, at)
            continue
        by[thing.merchant].parcels -= 1
        by[thing.merchant].weight_g -= stay.weight_g
        of = of_order(orders, scene.parcels[thing.id], "take_out", load.told, at)
        of.facts.append(Update("parcel_stay", {"parcel_id": thing.id, "stay_id": stay.stay_id}, {"left_at": at}))
    outcome.beyond = list(orders.values())
    loads = sum(thing.kind == "load" for thing in things)
    facts, now = counted(load, shares, by, -loads)
    told_of_it = load.told | {"items": [thing.name for thing in things]}
    outcome.events = [Event("take_out", [], told_of_it, at)]
    outcome.facts += facts
    outcome.answer = {"load": load.name, "number": load.number, "moved": len(things), **now}
    return outcome


def _stay_that_ends(scene: Scene, load: LoadFacts, thing: Thing, at: datetime) -> Stay:
    """Refuses NotInside, and NotYet for what went in later."""
    stay = next((one for one in scene.stays(thing) if one.left_at is None and one.load_id == load.load_id), None)
    if stay is None:
        raise NotInside(load=load.name, item=thing.name)
    if at < stay.joined_at:
        raise NotYet(item=thing.name, happened_at=at, since=stay.joined_at)
    return stay


def _load_out(outcome: Outcome, load: LoadFacts, inner: LoadFacts, stay: Stay, at: datetime) -> None:
    ended = {"load_id": inner.load_id, "stay_id": stay.stay_id}
    outcome.facts.append(Update("load_stay", ended, {"left_at": at}))
    outcome.facts.append(Update("load", {"load_id": inner.load_id}, {"parent_id": None}))
    told = inner.told | {"out_of": load.name, "out_of_number": load.number}
    outcome.more.append(Outcome(outcome.merchant, ("load", inner.load_id), [Event("take_out", [], told, at)]))
