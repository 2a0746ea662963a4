"""into: what is put into a load or taken out of it: found by an id, or by what a scanner reads of it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

from doorstep.kit.ids import number, public
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.plug.numbers import candidates
from doorstep.spine.loads import LoadFacts, load_facts, operators, reachable, whose
from doorstep.spine.outcome import Ask, Event, Fact, Insert, Outcome, Update
from doorstep.spine.parcels import ParcelFacts, parcel_facts
from doorstep.spine.tenant import Db, Tx, tenant_tx

_OURS = re.compile(r"(par|lod)_[1-9][0-9]{0,17}", re.ASCII)

Item = Annotated[str, Meta(min_length=1, max_length=80, description="par_…, lod_…, a tracking number, a load's number")]
Items = Annotated[list[Item], Meta(min_length=1, max_length=500)]

# What a code may mean. Each way of finding has its index; a void label's number finds nothing.
FOUND = """
select 'parcel' as kind, p.merchant_id, p.parcel_id as id, '' as code from parcel p
  where p.merchant_id = any($1) and p.parcel_id = any($2)
union
select 'parcel', p.merchant_id, p.parcel_id, p.tracking_number from parcel p
  where p.merchant_id = any($1) and p.tracking_number = any($4) and p.tracking_number <> ''
union
select 'parcel', n.merchant_id, n.parcel_id, n.number from parcel_number n
  where n.merchant_id = any($1) and n.number = any($4) and n.until is null
union
select 'load', l.merchant_id, l.load_id, '' from load l where l.merchant_id = any($5) and l.load_id = any($3)
union
select 'load', l.merchant_id, l.load_id, l.number from load l where l.merchant_id = any($5) and l.number = any($4)
"""
STAYS = """
select s.parcel_id, s.stay_id, s.load_id, s.weight_g, s.joined_at, s.left_at from parcel_stay s
  where s.merchant_id = any($1) and s.parcel_id = any($2) order by s.parcel_id, s.joined_at, s.stay_id
"""
LOAD_STAYS = """
select s.load_id, s.stay_id, s.parent_id, 0::bigint as weight_g, s.joined_at, s.left_at from load_stay s
  where s.merchant_id = any($1) and s.load_id = any($2) order by s.load_id, s.joined_at, s.stay_id
"""


class WhichParcel(Refusal):
    """Several parcels or loads go by that number; say its id."""

    status = 422


@dataclass(frozen=True, slots=True)
class Thing:
    """What a code means: a parcel of one merchant, or a load."""

    kind: str
    merchant: int
    id: int

    @property
    def name(self) -> str:
        return public("par" if self.kind == "parcel" else "lod", self.id)


@dataclass(frozen=True, slots=True)
class Stay:
    """That it was in a load; `left_at` is None while it is."""

    stay_id: int
    load_id: int
    weight_g: int
    joined_at: datetime
    left_at: datetime | None


@dataclass(slots=True)
class Scene:
    """All that the rules of a batch see; `busy` is what the batch has moved already."""

    found: Mapping[str, list[Thing]]
    loads: Mapping[int, LoadFacts]
    parcels: Mapping[int, ParcelFacts]
    parcel_stays: Mapping[int, list[Stay]]
    load_stays: Mapping[int, list[Stay]]
    operators: Set[int]
    busy: set[Thing] = field(default_factory=set)

    def thing(self, ask: Ask[Any], code: str) -> Thing:
        """Refuses NotFound, WhichParcel. A batch sees what any of its askers may see; this, what this one may."""
        meant = [
            one for one in self.found.get(code, ())
            if one.merchant == ask.merchant or (one.kind == "parcel" and ask.merchant in self.operators)
        ]  # fmt: skip
        if not meant:
            raise NotFound(item=code)
        if len(meant) > 1:
            raise WhichParcel(item=code, found=", ".join(one.name for one in meant))
        return meant[0]

    @property
    def inner_loads(self) -> list[int]:
        return sorted({thing.id for things in self.found.values() for thing in things if thing.kind == "load"})

    def stays(self, thing: Thing) -> Sequence[Stay]:
        return (self.parcel_stays if thing.kind == "parcel" else self.load_stays).get(thing.id, ())


def codes_of(asks: Iterable[Ask[Any]]) -> list[str]:
    return list(dict.fromkeys(code.strip() for ask in asks for code in ask.body.items))


async def found(
    tx: Tx, merchants: Sequence[int], owners: Sequence[int], codes: Iterable[str]
) -> dict[str, list[Thing]]:
    """What each code means: parcels of these merchants, loads of these owners."""
    ids: dict[str, list[int]] = {"par": [], "lod": []}
    as_written: dict[str, set[str]] = {}
    for code in codes:
        if ours := _OURS.fullmatch(code):
            ids[ours[1]].append(number(ours[1], code))
        as_written[code] = {code, *(one.number for one in candidates(code))}
    numbers = sorted({number for written in as_written.values() for number in written})
    rows = await tx.rows(FOUND, list(merchants), ids["par"], ids["lod"], numbers, list(owners))
    by_number: dict[str, set[Thing]] = defaultdict(set)
    for row in rows:
        thing = Thing(row["kind"], row["merchant_id"], row["id"])
        by_number[row["code"] or thing.name].add(thing)
    return {
        code: sorted({thing for number in written for thing in by_number[number]}, key=lambda one: one.name)
        for code, written in as_written.items()
    }


async def beyond(db: Db, asks: list[Ask[Any]]) -> set[int]:
    """The merchants whose parcels are meant: where the loads are an operator's, they may be anybody's."""
    merchants: set[int] = set()
    for owner in sorted({ask.merchant for ask in asks}):
        may_be = await reachable(db, owner)
        async with tenant_tx(db, [owner, *may_be], readonly=True) as tx:
            meant = await found(tx, may_be, [owner], codes_of(ask for ask in asks if ask.merchant == owner))
            things = {thing for each in meant.values() for thing in each}
            inner = await whose(tx, [owner], [thing.id for thing in things if thing.kind == "load"])
        merchants |= {thing.merchant for thing in things} | {one for each in inner.values() for one in each}
    return merchants


async def scene_of(tx: Tx, asks: Sequence[Ask[Any]]) -> Scene:
    """Loads locked first, then the parcels' orders."""
    owners = sorted({ask.merchant for ask in asks})
    meant = await found(tx, tx.merchants, owners, codes_of(asks))
    things = {thing for each in meant.values() for thing in each}
    into = [number("lod", ask.body.load) for ask in asks]
    inner = sorted(thing.id for thing in things if thing.kind == "load")
    loads = await load_facts(tx, owners, [*into, *inner])
    names = sorted(thing.name for thing in things if thing.kind == "parcel")
    parcels = await parcel_facts(tx, names, ("country", "holds"), contents=True)
    parcel_stays = _stays(await tx.rows(STAYS, list(tx.merchants), sorted(parcels)))
    load_stays = _stays(await tx.rows(LOAD_STAYS, owners, inner))
    return Scene(meant, loads, parcels, parcel_stays, load_stays, await operators(tx, owners))


def _stays(rows: Iterable[Any]) -> dict[int, list[Stay]]:
    stays: dict[int, list[Stay]] = defaultdict(list)
    for row in rows:
        stays[row[0]].append(Stay(*row[1:]))
    return stays


@dataclass(slots=True)
class Share:
    parcels: int = 0
    weight_g: int = 0


def counted(
    load: LoadFacts, shares: Mapping[tuple[int, int], Any], by: Mapping[int, Share], loads: int
) -> tuple[list[Fact], dict[str, int]]:
    """The load's counts after this, its own and those by merchant; and what an answer says of them."""
    now = {
        "parcels": load.parcels + sum(share.parcels for share in by.values()), "loads": load.loads + loads,
        "weight_g": load.weight_g + sum(share.weight_g for share in by.values()),
    }  # fmt: skip
    facts: list[Fact] = [Update("load", {"load_id": load.load_id}, now)]
    for merchant, share in sorted(by.items()):
        key = {"load_id": load.load_id, "of_merchant": merchant}
        before = shares.get((load.load_id, merchant))
        if before is None:
            facts.append(Insert("load_share", key | {"parcels": share.parcels, "weight_g": share.weight_g}))
        else:
            values = {"parcels": before["parcels"] + share.parcels, "weight_g": before["weight_g"] + share.weight_g}
            facts.append(Update("load_share", key, values))
    return facts, now


def of_order(
    outcomes: dict[tuple[int, int], Outcome], parcel: ParcelFacts, verb: str, told: dict[str, Any], at: datetime | None
) -> Outcome:
    """What is told to the parcel's order: one outcome an order, however many of its parcels are meant."""
    key = parcel.order.merchant, parcel.order.order_id
    outcome = outcomes.setdefault(key, Outcome(key[0], ("order", key[1]), []))
    outcome.events.append(Event(verb, [], {"parcel": public("par", parcel.parcel_id)} | told, at))
    return outcome
