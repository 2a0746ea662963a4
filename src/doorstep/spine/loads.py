"""loads: what parcels travel in, as the rules see it: a bag, a pallet, a flight, a customs entry, each within a later.

A load is the operator's, for parcels of several merchants lie in it; which parcel is in it from when until when is the
parcel's merchant's. So a transaction that puts a parcel into a load spans both, and only an operator's may.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from doorstep.kit.ids import number, public
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.spine.outcome import Ask
from doorstep.spine.tenant import Db, Tx, tenant_tx

# Each goes only into one that comes later here: so no load is ever inside itself.
KINDS = ("bag", "pallet", "flight", "entry")
RANK = {kind: rank for rank, kind in enumerate(KINDS)}
DEEPEST = len(KINDS)

# A load's row is its lock: whoever changes what is in it takes it first, in id order; orders come after.
LOADS = """
select l.merchant_id, l.load_id, l.kind, l.number, l.parent_id, l.carrier, l.country, l.parcels, l.loads, l.weight_g,
    l.gross_g, l.seal, l.closed_at, l.state, l.last_event_at, l.opened_at
  from load l where l.merchant_id = any($1) and l.load_id = any($2) order by l.merchant_id, l.load_id for update
"""
# An event dated ahead, by a clock elsewhere, had happened when it was told.
HAD_HAPPENED = "least(e.happened_at, e.recorded_at)"
# Until when what is told of the past would change what has happened already: the last event, the last way out.
SETTLED = f"""
select l.load_id, greatest(
    (select max({HAD_HAPPENED}) from load_event e
      where e.merchant_id = l.merchant_id and e.load_id = l.load_id),
    (select max(s.left_at) from load_stay s where s.merchant_id = l.merchant_id and s.load_id = l.load_id)
  ) as settled_at
  from load l where l.merchant_id = any($1) and l.load_id = any($2)
"""
SHARES = """
select merchant_id, load_id, of_merchant, parcels, weight_g from load_share
  where merchant_id = any($1) and load_id = any($2) order by load_id, of_merchant
"""
# Whose parcels were ever in these loads, or in loads that were ever in them: by the load asked for.
WHOSE = """
with recursive inside(top, load_id) as (
  select l.load_id, l.load_id from load l where l.merchant_id = any($1) and l.load_id = any($2)
  union
  select i.top, s.load_id from inside i join load_stay s on s.merchant_id = any($1) and s.parent_id = i.load_id)
select distinct i.top as load_id, s.of_merchant
  from inside i join load_share s on s.merchant_id = any($1) and s.load_id = i.load_id order by 1, 2
"""
# Parcels on hold that lie in these loads now, at whatever depth.
HELD = """
with recursive inside(top, load_id) as (
  select l.load_id, l.load_id from load l where l.merchant_id = any($1) and l.load_id = any($2)
  union all
  select i.top, l.load_id from inside i join load l on l.merchant_id = any($1) and l.parent_id = i.load_id)
select distinct i.top as load_id, p.parcel_id
  from inside i
  join parcel_stay s on s.merchant_id = any($3) and s.load_id = i.load_id and s.left_at is null
  join parcel p on p.merchant_id = s.merchant_id and p.parcel_id = s.parcel_id
  join hold h on h.merchant_id = p.merchant_id and h.order_id = p.order_id and h.lifted_at is null
  where h.line_no is null or exists (select from parcel_line l where l.merchant_id = p.merchant_id
    and l.parcel_id = p.parcel_id and l.line_no = h.line_no and l.quantity > 0)
  order by 1, 2
"""
MERCHANTS = "select m.merchant_id, m.is_operator from merchant m where m.merchant_id = any($1)"


class LoadClosed(Refusal):
    """The load is closed; open it again to change what is in it."""


class LoadOpen(Refusal):
    """The load is open; close it first."""


class StillInside(Refusal):
    """The load is inside another one; take it out first."""


class HeldInside(Refusal):
    """Parcels in this load are on hold; take them out, or have the holds lifted."""


class Joined(asyncpg.SerializationError):  # type: ignore[misc]  # it has no types
    """Another merchant's parcels came in between the first look and the locks: the runner asks again."""


@dataclass(frozen=True, slots=True)
class LoadFacts:
    merchant: int
    load_id: int
    kind: str
    number: str
    parent_id: int | None
    carrier: str
    country: str
    parcels: int
    loads: int
    weight_g: int
    gross_g: int
    seal: str
    closed_at: datetime | None
    state: str
    last_event_at: datetime | None
    opened_at: datetime

    @property
    def name(self) -> str:
        return public("lod", self.load_id)

    @property
    def told(self) -> dict[str, Any]:
        """What an event says of it."""
        return {"load": self.name, "kind": self.kind, "number": self.number}

    def must_be_open(self) -> None:
        if self.closed_at is not None:
            raise LoadClosed(load=self.name, number=self.number, seal=self.seal)

    def must_hold_nothing_held(self, held: Mapping[int, Sequence[str]]) -> None:
        if parcels := held.get(self.load_id):
            raise HeldInside(load=self.name, parcels=", ".join(parcels[:20]))


async def load_facts(tx: Tx, merchants: Iterable[int], loads: Iterable[int]) -> dict[int, LoadFacts]:
    """The loads by id, locked in id order; of these merchants only, whomever else the transaction sees."""
    wanted = sorted(set(loads))
    rows = await tx.rows(LOADS, sorted(set(merchants)), wanted) if wanted else []
    return {row["load_id"]: LoadFacts(*row) for row in rows}


def of_load(loads: Mapping[int, LoadFacts], ask: Ask[Any], load_id: int) -> LoadFacts:
    """The load, or NotFound: another operator's is not there either."""
    found = loads.get(load_id)
    if found is None or found.merchant != ask.merchant:
        raise NotFound(load=public("lod", load_id))
    return found


async def whose(tx: Tx, merchants: Iterable[int], loads: Iterable[int]) -> dict[int, list[int]]:
    """By load: the merchants that have, or had, parcels in it at any depth."""
    found: dict[int, list[int]] = {}
    for row in await tx.rows(WHOSE, sorted(set(merchants)), sorted(set(loads))):
        found.setdefault(row["load_id"], []).append(row["of_merchant"])
    return found


async def whose_lie_inside(db: Db, asks: list[Ask[Any]]) -> set[int]:
    """Whose parcels are, or were, in the loads that are asked about: what is theirs to say, or to be told."""
    owners = sorted({ask.merchant for ask in asks})
    async with tenant_tx(db, owners, readonly=True) as tx:
        inside = await whose(tx, owners, [number("lod", ask.body.load) for ask in asks])
    return {merchant for merchants in inside.values() for merchant in merchants}


async def held_inside(tx: Tx, merchants: Iterable[int], loads: Iterable[int]) -> dict[int, list[str]]:
    """By load of these merchants: the parcels in it, at any depth, that are on hold. `must_see` comes before."""
    found: dict[int, list[str]] = {}
    for row in await tx.rows(HELD, sorted(merchants), sorted(loads), list(tx.merchants)):
        found.setdefault(row["load_id"], []).append(public("par", row["parcel_id"]))
    return found


def must_see(tx: Tx, inside: Mapping[int, Iterable[int]]) -> None:
    """Raises Joined."""
    if not {merchant for merchants in inside.values() for merchant in merchants} <= set(tx.merchants):
        raise Joined


async def operators(tx: Tx, merchants: Iterable[int]) -> frozenset[int]:
    """Those of these merchants whose loads may hold anybody's parcels."""
    rows = await tx.rows(MERCHANTS, sorted(merchants))
    return frozenset(row["merchant_id"] for row in rows if row["is_operator"])


async def reachable(db: Db, merchant: int) -> list[int]:
    """Whose parcels may be in this merchant's loads: everybody's in those of who runs the sites, else its own."""
    async with tenant_tx(db, [merchant], readonly=True) as tx:
        runs_sites = merchant in await operators(tx, [merchant])
    return await db.everyone() if runs_sites else [merchant]
