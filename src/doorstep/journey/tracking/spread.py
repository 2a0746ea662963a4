"""spread: what happened to a load is told to the parcels of one merchant that were inside when it did.

A parcel was inside while it was in a bag, the bag on a pallet, the pallet on a flight: the time that all of them have
in common, from the joining on, before the leaving. One query tells which of these parcels miss which events, however
deep they lie; `track` does the rest. So it may run again, late, or twice at once, and nothing is told that is known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from doorstep.journey.tracking.scans import Scan
from doorstep.journey.tracking.track import Track
from doorstep.kit.ids import number, public
from doorstep.spine.loads import HAD_HAPPENED
from doorstep.spine.outcome import Ask
from doorstep.spine.verbs import errand
from doorstep.spine.world import World

# `above`: the load and all that it was ever in, `below`: it and all that was ever in it, each with the time that the
# way there has in common. The load's own events and those of whatever it is in reach what lies below.
MISSED = f"""
with recursive above(load_id, since, until) as (
  select $3::bigint, '-infinity'::timestamptz, 'infinity'::timestamptz
  union all
  select s.parent_id, greatest(a.since, s.joined_at), least(a.until, coalesce(s.left_at, 'infinity'))
    from above a join load_stay s on s.merchant_id = $1 and s.load_id = a.load_id
    where greatest(a.since, s.joined_at) < least(a.until, coalesce(s.left_at, 'infinity'))),
below(load_id, since, until) as (
  select $3::bigint, '-infinity'::timestamptz, 'infinity'::timestamptz
  union all
  select s.load_id, greatest(b.since, s.joined_at), least(b.until, coalesce(s.left_at, 'infinity'))
    from below b join load_stay s on s.merchant_id = $1 and s.parent_id = b.load_id
    where greatest(b.since, s.joined_at) < least(b.until, coalesce(s.left_at, 'infinity'))),
told as materialized (
  select e.digest, {HAD_HAPPENED} as had_happened_at, e.happened_at, e.code, e.raw_code, e.state, e.place, e.message,
      l.carrier as holder
    from above a
    join load l on l.merchant_id = $1 and l.load_id = a.load_id
    join load_event e on e.merchant_id = $1 and e.load_id = a.load_id
    where {HAD_HAPPENED} >= a.since and {HAD_HAPPENED} < a.until),
inside as materialized (
  select p.parcel_id, greatest(b.since, p.joined_at) as since, least(b.until, coalesce(p.left_at, 'infinity')) as until
    from below b join parcel_stay p on p.merchant_id = $2 and p.load_id = b.load_id and p.parcel_id > $4)
select i.parcel_id, t.happened_at, t.code, t.raw_code, t.state, t.place, t.message, t.holder
  from inside i join told t on t.had_happened_at >= i.since and t.had_happened_at < i.until
  where not exists (select from parcel_event e
    where e.merchant_id = $2 and e.parcel_id = i.parcel_id and e.digest = t.digest)
  order by i.parcel_id, t.happened_at limit $5
"""
AT_ONCE = 2000  # events a page
PARCELS_AT_ONCE = 500  # of one `track`


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """`of`: whose load it is."""

    load: str
    of: int


@errand(Spread, at_once=20)
async def spread(world: World, asks: list[Ask[Spread]]) -> None:
    """Of a load each merchant's parcels once, however much happened to it."""
    for ask in dict.fromkeys((ask.merchant, ask.body.load, ask.body.of) for ask in asks):
        await _spread(world, *ask)


async def _spread(world: World, merchant: int, load: str, operator: int) -> None:
    after = 0
    while True:
        async with world.reading([merchant, operator]) as tx:
            rows = await tx.rows(MISSED, operator, merchant, number("lod", load), after, AT_ONCE)
        missed = _by_parcel(rows)
        for page in _pages(missed):
            await world.ask("track", [Ask(merchant, body, world.now()) for body in page])
        if len(rows) < AT_ONCE:
            return
        # The last one of a full page may miss more than stands there.
        after = max(missed) - 1 if len(missed) > 1 else max(missed)


def _by_parcel(rows: Sequence[Any]) -> dict[int, list[Scan]]:
    missed: dict[int, list[Scan]] = defaultdict(list)
    for row in rows:
        scan = {**dict(row), "leg": "line_haul"}
        missed[scan.pop("parcel_id")].append(Scan(**scan))
    return missed


def _pages(missed: dict[int, list[Scan]]) -> Iterator[list[Track]]:
    bodies = [Track(parcel=public("par", parcel), events=scans) for parcel, scans in missed.items()]
    for at in range(0, len(bodies), PARCELS_AT_ONCE):
        yield bodies[at : at + PARCELS_AT_ONCE]
