"""way: a parcel's numbers, the loads that it travels in, and where nobody said that they had it.

A load is the operator's, so what a merchant sees of it is read on its own: upwards from its parcels' own rows, and no
further than what they lie in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from doorstep.journey.tracking.load_words import TO_LAST_MILE
from doorstep.kit.ids import number, public
from doorstep.spine import custody
from doorstep.spine.loads import KINDS
from doorstep.spine.tenant import Db, Tx, tenant_tx

NUMBERS = """
select p.parcel_id, p.tracking_number as number, p.carrier, '' as leg, null::timestamptz as since,
    null::timestamptz as until
  from parcel p where p.merchant_id = $1 and p.order_id = $2 and p.tracking_number <> ''
union all
select n.parcel_id, n.number, n.carrier, n.leg, n.since, n.until
  from parcel p join parcel_number n on n.merchant_id = p.merchant_id and n.parcel_id = p.parcel_id
  where p.merchant_id = $1 and p.order_id = $2 order by 1, 5 nulls first, 2
"""
STAYS = """
select s.parcel_id, s.load_id, s.of_operator, s.joined_at, s.left_at
  from parcel p join parcel_stay s on s.merchant_id = p.merchant_id and s.parcel_id = p.parcel_id
  where p.merchant_id = $1 and p.order_id = $2 order by s.parcel_id, s.joined_at
"""
EVENTS = """
select e.parcel_id, e.happened_at, e.holder, e.leg, e.raw_code, p.carrier
  from parcel p join parcel_event e on e.merchant_id = p.merchant_id and e.parcel_id = p.parcel_id
  where p.merchant_id = $1 and p.order_id = $2
"""
ABOVE = """
with recursive above(parcel_id, load_id, since, until) as (
  select u.parcel, u.load, u.since, coalesce(u.until, 'infinity')
    from unnest($2::bigint[], $3::bigint[], $4::timestamptz[], $5::timestamptz[]) u(parcel, load, since, until)
  union all
  select a.parcel_id, s.parent_id, greatest(a.since, s.joined_at), least(a.until, coalesce(s.left_at, 'infinity'))
    from above a join load_stay s on s.merchant_id = any($1) and s.load_id = a.load_id
    where greatest(a.since, s.joined_at) < least(a.until, coalesce(s.left_at, 'infinity')))
select a.parcel_id, a.load_id, a.since, nullif(a.until, 'infinity') as until, l.kind, l.number, l.carrier, l.flight,
    l.from_airport, l.to_airport, l.closed_at is not null as closed, l.state
  from above a join load l on l.merchant_id = any($1) and l.load_id = a.load_id
  order by a.parcel_id, array_position($6::text[], l.kind), a.since, a.load_id
"""


class ParcelNumber(Struct, frozen=True, kw_only=True):
    """`leg` is empty for the label's own number; `until` when its label was void."""

    number: str
    carrier: str
    leg: str
    since: datetime | None
    until: datetime | None


class InLoad(Struct, frozen=True, kw_only=True):
    """What the parcel lay in, directly or not, from when until when; `state` is of the last that was told of it."""

    load: str
    kind: str
    number: str
    carrier: str
    flight: str
    from_airport: str
    to_airport: str
    closed: bool
    state: str
    since: datetime
    until: datetime | None


class CustodyGap(Struct, frozen=True, kw_only=True):
    """Nobody said that they had it: `after` was the last to, `before` the next, empty while there is none."""

    since: datetime
    until: datetime | None
    after: str
    before: str
    hours: float


class ParcelWay(Struct, frozen=True, kw_only=True):
    parcel: str
    numbers: list[ParcelNumber]
    loads: list[InLoad]
    gaps: list[CustodyGap]


async def ways(db: Db, merchant: int, order: str, now: datetime) -> list[ParcelWay]:
    """Of each parcel of the order that has a number or an event."""
    at = merchant, number("ord", order)
    async with tenant_tx(db, [merchant], readonly=True) as tx:
        numbers, stays = await tx.rows(NUMBERS, *at), await tx.rows(STAYS, *at)
        events = await tx.rows(EVENTS, *at)
    loads = await _loads(db, stays)
    parcels = dict.fromkeys(row["parcel_id"] for row in (*numbers, *stays, *events))
    return [
        ParcelWay(
            parcel=public("par", parcel),
            numbers=[ParcelNumber(**_without_parcel(row)) for row in numbers if row["parcel_id"] == parcel],
            loads=loads.get(parcel, []),
            gaps=gaps_of([row for row in events if row["parcel_id"] == parcel], now),
        )
        for parcel in parcels
    ]  # fmt: skip


async def gaps_in(tx: Tx, merchant: int, order: str, now: datetime) -> list[CustodyGap]:
    """Those of all the order's parcels."""
    by_parcel: dict[int, list[Any]] = defaultdict(list)
    for row in await tx.rows(EVENTS, merchant, number("ord", order)):
        by_parcel[row["parcel_id"]].append(row)
    return [gap for events in by_parcel.values() for gap in gaps_of(events, now)]


async def _loads(db: Db, stays: Sequence[Any]) -> dict[int, list[InLoad]]:
    if not stays:
        return {}
    operators = sorted({row["of_operator"] for row in stays})
    columns = [[row[name] for row in stays] for name in ("parcel_id", "load_id", "joined_at", "left_at")]
    async with tenant_tx(db, operators, readonly=True) as tx:
        return in_loads(await tx.rows(ABOVE, operators, *columns, list(KINDS)))


def in_loads(rows: Iterable[Any]) -> dict[int, list[InLoad]]:
    found: dict[int, list[InLoad]] = defaultdict(list)
    for row in rows:
        values = _without_parcel(row)
        found[row["parcel_id"]].append(InLoad(load=public("lod", values.pop("load_id")), **values))
    return found


def _without_parcel(row: Any) -> dict[str, Any]:
    return {name: value for name, value in dict(row).items() if name != "parcel_id"}


def gaps_of(events: Iterable[Any], now: datetime) -> list[CustodyGap]:
    """Rows with happened_at, holder, leg, raw_code and the label's carrier, whose is what no holder is told of."""
    told = [
        custody.Told(row["happened_at"], row["holder"] or row["carrier"], row["leg"], row["raw_code"] == TO_LAST_MILE)
        for row in events
    ]
    return [CustodyGap(**gap._asdict()) for gap in custody.gaps(told, now)]
