"""lanes: what a merchant's own past says of each: how long it is usually quiet between two pieces of news, by state,
and in how many days parcels came.

A lane is a carrier's service from one country to another. Where a lane was seldom quiet, wider ones stand in, and where
nothing is known, what is written here: each weighs as so many gaps of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from doorstep.plug.states import FINAL_STATES
from doorstep.spine.tenant import Tx

# So many gaps of a wider lane, or of none, weigh as much as the belief they replace.
BELIEF = 20
LEARNED_FROM = timedelta(days=180)
# From one news to the next, per state between them; the hand-over is the first. A parcel whose service, or carrier,
# nobody named is one of the wider lanes alone.
LEARN_QUIET = f"""
with heard as (
  select p.parcel_id, p.carrier, p.service, t.country as from_country, o.country as to_country, e.state, e.happened_at
    from parcel p
    join site t on t.site_id = p.site_id
    join orders o on o.merchant_id = p.merchant_id and o.order_id = p.order_id
    cross join lateral (
      select 'pre_transit' as state, p.handed_over_at as happened_at
      union all
      select v.state, v.happened_at from parcel_event v where v.merchant_id = p.merchant_id
        and v.parcel_id = p.parcel_id and v.happened_at > p.handed_over_at) e
    where p.merchant_id = $1 and p.handed_over_at > $2 and p.handed_over_at <= $3 and not o.history),
gaps as (
  select h.carrier, h.service, h.from_country, h.to_country, h.state,
      lead(h.happened_at) over (partition by h.parcel_id order by h.happened_at) - h.happened_at as gap
    from heard h)
insert into lane_pace (merchant_id, carrier, service, from_country, to_country, state, gaps, p50_s, p95_s, learned_at)
  select $1, coalesce(g.carrier, ''), coalesce(g.service, ''), coalesce(g.from_country, ''), coalesce(g.to_country, ''),
      g.state, count(*), extract(epoch from percentile_disc(0.5) within group (order by g.gap))::bigint,
      extract(epoch from percentile_disc(0.95) within group (order by g.gap))::bigint, $3
    from gaps g where g.gap > interval '0' and g.state <> all('{{{",".join(sorted(FINAL_STATES))},news,""}}')
    group by grouping sets ((g.carrier, g.service, g.from_country, g.to_country, g.state),
      (g.carrier, g.from_country, g.to_country, g.state), (g.from_country, g.to_country, g.state))
    having (grouping(g.service) = 1 or g.service <> '') and (grouping(g.carrier) = 1 or g.carrier <> '')
    order by 2, 3, 4, 5, 6
  on conflict (merchant_id, carrier, service, from_country, to_country, state) do update
    set gaps = excluded.gaps, p50_s = excluded.p50_s, p95_s = excluded.p95_s, learned_at = excluded.learned_at
"""
FORGET_DAYS = "delete from carried where merchant_id = $1"
# By the days of the site that it left from; one that never came counts as very late.
LEARN_DAYS = """
insert into carried (merchant_id, from_country, to_country, carrier, service, days, parcels)
  select $1, t.country, o.ship_to ->> 'country', p.carrier, p.service,
      least(coalesce((p.delivered_at at time zone t.timezone)::date - (p.handed_over_at at time zone t.timezone)::date,
        $4), $4) as days, count(*)
    from parcel p
    join site t on t.site_id = p.site_id
    join orders o on o.merchant_id = p.merchant_id and o.order_id = p.order_id
    where p.merchant_id = $1 and p.handed_over_at > $2 and p.handed_over_at <= $3 and p.carrier <> ''
      and o.ship_to ->> 'country' is not null and (p.delivered_at is null or p.delivered_at >= p.handed_over_at)
      and (p.delivered_at is not null or p.state in ('lost', 'destroyed', 'returned_to_sender', 'seized'))
    group by 2, 3, 4, 5, 6
"""
PACES = """
select l.carrier, l.service, l.from_country, l.to_country, l.state, l.gaps, l.p50_s, l.p95_s
  from unnest($2::text[], $3::text[]) d(from_country, to_country)
  join lane_pace l on l.merchant_id = any($1) and l.from_country = d.from_country and l.to_country = d.to_country
    and l.carrier = any($4)
"""
IN_TIME = """
select c.carrier, c.service, sum(c.parcels)::int as parcels,
    coalesce(sum(c.parcels) filter (where c.days <= $5), 0)::int as in_time
  from carried c
  where c.merchant_id = $1 and c.from_country = $2 and c.to_country = $3 and c.carrier = any($4)
  group by c.carrier, c.service
"""
NEVER = 1000  # days


class Lane(NamedTuple):
    carrier: str
    service: str
    from_country: str
    to_country: str

    @property
    def told(self) -> str:
        return f"{self.carrier} {self.service} {self.from_country}→{self.to_country}".replace("  ", " ")

    @property
    def wider(self) -> Iterator[Lane]:
        """From the widest to the lane itself."""
        yield self._replace(carrier="", service="")
        yield self._replace(service="")
        if self.service:
            yield self


@dataclass(frozen=True, slots=True)
class Pace:
    """`p95`: of twenty parcels nineteen are heard of within it. `gaps`: how many times this lane was seen so."""

    p50: timedelta
    p95: timedelta
    gaps: int = 0


# What is believed before anything is seen, in hours: usual and p95, within a country and across a border.
_HOURS: dict[str, tuple[float, float, float, float]] = {
    "pre_transit": (12, 48, 18, 72), "accepted": (12, 48, 18, 72), "in_transit": (18, 72, 30, 120),
    "export_customs": (18, 72, 24, 96), "departed": (24, 96, 72, 240), "arrived": (18, 72, 30, 120),
    "in_customs": (24, 96, 36, 168), "customs_hold": (24, 96, 48, 168), "customs_released": (18, 72, 24, 96),
    "delayed": (24, 72, 36, 120), "out_for_delivery": (6, 24, 8, 30), "attempted": (20, 48, 24, 72),
    "available_for_pickup": (36, 120, 48, 168), "exception": (24, 72, 36, 120), "redirected": (18, 72, 30, 120),
    "damaged": (24, 72, 36, 120), "refused": (24, 96, 48, 168), "returning": (48, 168, 96, 336),
}  # fmt: skip
_ALWAYS_QUIET = frozenset({"lost", "canceled", *FINAL_STATES})


def believed(lane: Lane, state: str) -> Pace | None:
    """Without any history; None where nothing more is to be heard."""
    if state in _ALWAYS_QUIET:
        return None
    here = _HOURS.get(state, _HOURS["in_transit"])
    usual, most = here[:2] if lane.from_country == lane.to_country else here[2:]
    return Pace(timedelta(hours=usual), timedelta(hours=most))


@dataclass(frozen=True, slots=True)
class Paces:
    """What was learned about some lanes."""

    learned: Mapping[tuple[Lane, str], Pace] = field(default_factory=dict)

    def of(self, lane: Lane, state: str) -> Pace | None:
        """The belief, moved toward what was seen, the widest lane first: much history leaves nothing of it."""
        pace = believed(lane, state)
        for wider in lane.wider if pace else ():
            seen = self.learned.get((wider, state))
            if seen and pace:
                pace = Pace(_toward(pace.p50, seen.p50, seen.gaps), _toward(pace.p95, seen.p95, seen.gaps), seen.gaps)
        return pace


def _toward(belief: timedelta, seen: timedelta, gaps: int) -> timedelta:
    return (belief * BELIEF + seen * gaps) / (BELIEF + gaps)


async def paces(tx: Tx, lanes: Iterable[Lane]) -> Paces:
    """What was learned about these lanes and the wider ones."""
    wanted = set(lanes)
    if not wanted:
        return Paces()
    ways = sorted({(lane.from_country, lane.to_country) for lane in wanted})
    rows = await tx.rows(
        PACES, list(tx.merchants), [way[0] for way in ways], [way[1] for way in ways],
        sorted({"", *(lane.carrier for lane in wanted)}),
    )  # fmt: skip
    return Paces({
        (Lane(row["carrier"], row["service"], row["from_country"], row["to_country"]), row["state"]):
        Pace(timedelta(seconds=row["p50_s"]), timedelta(seconds=row["p95_s"]), row["gaps"]) for row in rows
    })  # fmt: skip


async def came_in_time(
    tx: Tx, merchant: int, from_country: str, to_country: str, carriers: Sequence[str], days: int
) -> dict[tuple[str, str], tuple[int, int]]:
    """Of each service: how many parcels came on this lane, and how many of them within so many days."""
    rows = await tx.rows(IN_TIME, merchant, from_country, to_country, list(carriers), max(days, 0))
    return {(row["carrier"], row["service"]): (row["parcels"], row["in_time"]) for row in rows}


async def learn(tx: Tx, merchant: int, now: datetime) -> None:
    """Keep what this merchant's parcels did, of all lanes."""
    await tx.run(LEARN_QUIET, merchant, now - LEARNED_FROM, now)
    await tx.run(FORGET_DAYS, merchant)
    await tx.run(LEARN_DAYS, merchant, now - LEARNED_FROM, now, NEVER)
