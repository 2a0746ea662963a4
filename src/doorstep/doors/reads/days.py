"""days: what the daily roll-ups say (doors/worker/rolling.py): where orders stand now and how old they are, and what
any stretch of days came to, by day, merchant, channel, country, SKU or carrier.

A page reads days, never orders: it costs the same whatever lies behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from doorstep.doors.reads.measures import PER_DOUBLING, STEPS
from doorstep.spine.tenant import Tx

# Now

# The latest day that has begun for one of the merchants.
TODAY = "select max(($2::timestamptz at time zone m.timezone)::date) from merchant m where m.merchant_id = any($1)"
# Open orders by stop: how many, the oldest, and what is due.
BACKLOG = """
select b.stop, sum(b.orders)::bigint as orders, min(b.day) filter (where b.orders > 0) as oldest,
    coalesce(sum(b.orders) filter (where b.ship_by < $2), 0)::bigint as overdue,
    coalesce(sum(b.orders) filter (where b.ship_by >= $2 and (b.ship_by at time zone m.timezone)::date = t.today), 0)
      ::bigint as due_today,
    coalesce(sum(b.orders) filter (where b.deliver_by < t.today), 0)::bigint as late
  from backlog b join merchant m on m.merchant_id = b.merchant_id
  cross join lateral (select ($2::timestamptz at time zone m.timezone)::date as today) t
  where b.merchant_id = any($1) group by b.stop
"""
MONEY_NOW = """
select x.currency, sum(x.due_minor)::bigint as due_minor, sum(x.held_minor)::bigint as held_minor,
    sum(x.taken_minor)::bigint as taken_minor, sum(x.refunded_minor)::bigint as refunded_minor
  from (
    select b.currency, b.due_minor, b.held_minor, 0 as taken_minor, 0 as refunded_minor
      from backlog b where b.merchant_id = any($1)
    union all
    select d.currency, 0, 0, d.taken_minor, d.refunded_minor
      from day_cash d join merchant m on m.merchant_id = d.merchant_id
      where d.merchant_id = any($1) and d.day = ($2::timestamptz at time zone m.timezone)::date) x
  group by x.currency order by sum(x.taken_minor) desc, sum(x.due_minor) desc, x.currency
"""
# How many days ago the open orders of each stop were placed.
AGES = """
select b.stop, ($2::timestamptz at time zone m.timezone)::date - b.day as days, sum(b.orders)::bigint as orders
  from backlog b join merchant m on m.merchant_id = b.merchant_id
  where b.merchant_id = any($1) and b.orders > 0 group by 1, 2 order by 1, 2
"""

# A stretch of days: $2 is the first of them, $3 the last, $4 what they are split by

_TIMES = """when 'day' then d.day::text when 'week' then date_trunc('week', d.day)::date::text
    when 'month' then to_char(d.day, 'YYYY-MM')"""
_OF_DAYS = "d.merchant_id = any($1) and d.day >= $2 and d.day <= $3"
SALES = f"""
select case $4::text {_TIMES} when 'merchant' then m.name when 'channel' then c.key when 'country' then d.country
    else '' end as key, d.currency, sum(d.orders)::bigint as orders, sum(d.canceled)::bigint as canceled,
    sum(d.units)::bigint as units, sum(d.gross_minor)::bigint as gross_minor
  from day_sales d
  join channel c on c.merchant_id = d.merchant_id and c.channel_id = d.channel_id
  join merchant m on m.merchant_id = d.merchant_id
  where {_OF_DAYS} group by 1, 2
"""
GOODS = f"""
select d.item as key, d.currency, sum(d.orders)::bigint as orders, sum(d.units)::bigint as units,
    sum(d.gross_minor)::bigint as gross_minor
  from day_goods d where {_OF_DAYS} group by 1, 2
"""
CASH = f"""
select case $4::text {_TIMES} when 'merchant' then m.name when 'channel' then c.key else '' end as key, d.currency,
    sum(d.taken_minor)::bigint as taken_minor, sum(d.refunded_minor)::bigint as refunded_minor
  from day_cash d
  join channel c on c.merchant_id = d.merchant_id and c.channel_id = d.channel_id
  join merchant m on m.merchant_id = d.merchant_id
  where {_OF_DAYS} group by 1, 2
"""
ARRIVALS = f"""
select case $4::text {_TIMES} when 'merchant' then m.name when 'channel' then c.key when 'country' then d.country
    else '' end as key, sum(d.orders)::bigint as orders, sum(d.promised)::bigint as promised,
    sum(d.on_time)::bigint as on_time, sum(d.late)::bigint as late, sum(d.orders - d.late)::bigint as not_late,
    sum(d.complete)::bigint as complete, sum(d.undamaged)::bigint as undamaged, sum(d.papered)::bigint as papered,
    sum(d.perfect)::bigint as perfect
  from day_arrivals d
  join channel c on c.merchant_id = d.merchant_id and c.channel_id = d.channel_id
  join merchant m on m.merchant_id = d.merchant_id
  where {_OF_DAYS} group by 1
"""
CARRIERS = f"""
select case $4::text {_TIMES} when 'carrier' then d.carrier when 'merchant' then m.name when 'country' then d.country
    else '' end as key, sum(d.parcels)::bigint as parcels, sum(d.delivered)::bigint as delivered,
    sum(d.promised)::bigint as promised, sum(d.on_time)::bigint as on_time, sum(d.failed)::bigint as failed,
    sum(d.seconds)::bigint as seconds
  from day_carriers d join merchant m on m.merchant_id = d.merchant_id
  where {_OF_DAYS} group by 1
"""
STEP_DAYS = f"""
select case $4::text {_TIMES} when 'merchant' then m.name else '' end as key, d.step,
    sum(d.orders)::bigint as orders, sum(d.seconds)::bigint as seconds
  from day_steps d join merchant m on m.merchant_id = d.merchant_id
  where {_OF_DAYS} and d.step = any($5::smallint[]) group by 1, 2
"""
STEP_BUCKETS = f"""
select d.step, d.bucket, sum(d.orders)::bigint as orders, sum(d.seconds)::bigint as seconds
  from day_steps d where {_OF_DAYS} group by 1, 2 having sum(d.orders) > 0 order by 1, 2
"""

PLACED_TO_SENT = STEPS.index(("placed", "handed_over"))
SENT_TO_DELIVERED = STEPS.index(("handed_over", "delivered"))
PLACED_TO_DELIVERED = STEPS.index(("placed", "delivered"))


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of days, both ends in it."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Took:
    """How long a step took, in hours: the mean is exact, the median and nine in ten are within a tenth."""

    orders: int
    mean: float
    median: float
    p90: float


async def today(tx: Tx, merchants: Sequence[int], now: datetime) -> date:
    found: date | None = await tx.value(TODAY, list(merchants), now)
    return found or now.date()


async def steps_took(tx: Tx, merchants: Sequence[int], span: Span) -> dict[int, Took]:
    """By the number of the step; of those that ended in these days."""
    buckets: dict[int, list[Any]] = {}
    for row in await tx.rows(STEP_BUCKETS, list(merchants), span.first, span.last):
        buckets.setdefault(row["step"], []).append(row)
    return {step: _took(rows) for step, rows in buckets.items()}


def _took(rows: Sequence[Mapping[str, int]]) -> Took:
    orders = sum(row["orders"] for row in rows)
    mean = sum(row["seconds"] for row in rows) / orders / 3600
    pairs = [(row["bucket"], row["orders"]) for row in rows]
    return Took(orders, round(mean, 2), hours_within(pairs, 0.5), hours_within(pairs, 0.9))


def hours_within(buckets: Iterable[tuple[int, int]], share: float) -> float:
    """The hours that this share of the orders did not exceed: buckets sorted, spread evenly within one."""
    pairs = list(buckets)
    wanted, passed = share * sum(orders for _, orders in pairs), 0.0
    for bucket, orders in pairs:
        if passed + orders >= wanted:
            minutes = 2 ** ((bucket - 1 + (wanted - passed) / orders) / PER_DOUBLING)
            return round(minutes / 60, 2)
        passed += orders
    return 0.0
