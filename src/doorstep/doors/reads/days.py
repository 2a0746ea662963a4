"""days: what the daily roll-ups say (doors/worker/rolling.py): where orders stand now and how old they are, and what
any stretch of days came to, by day, merchant, channel, country, SKU or carrier.

A page reads days, never orders: it costs the same whatever lies behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from doorstep.doors.reads.measures import PER_DOUBLING, STEPS
from doorstep.spine.tenant import Tx

# Now

# The latest day that has begun for one of the merchants.
TODAY = "select max(($2::timestamptz at time zone m.timezone)::date) from merchant m where m.merchant_id = any($1)"
# Which day it is for each of them, and when that ends; `offset 0` so that it is reckoned once, not with every row.
_CLOCKS = """(
    select c.merchant_id, c.today, (c.today + 1)::timestamp at time zone c.timezone as ends
      from (select m.merchant_id, m.timezone, ($2::timestamptz at time zone m.timezone)::date as today
        from merchant m where m.merchant_id = any($1)) c offset 0) t"""
# Open orders by stop: how many, the oldest, and what is due.
BACKLOG = f"""
select b.stop, sum(b.orders)::bigint as orders, min(b.day) filter (where b.orders > 0) as oldest,
    coalesce(sum(b.orders) filter (where b.ship_by < $2), 0)::bigint as overdue,
    coalesce(sum(b.orders) filter (where b.ship_by >= $2 and b.ship_by < t.ends), 0)::bigint as due_today,
    coalesce(sum(b.orders) filter (where b.deliver_by < t.today), 0)::bigint as late
  from {_CLOCKS} join backlog b on b.merchant_id = t.merchant_id
  where b.merchant_id = any($1) group by b.stop
"""
MONEY_NOW = f"""
select x.currency, sum(x.due_minor)::bigint as due_minor, sum(x.held_minor)::bigint as held_minor,
    sum(x.taken_minor)::bigint as taken_minor, sum(x.refunded_minor)::bigint as refunded_minor
  from (
    select b.currency, sum(b.due_minor) as due_minor, sum(b.held_minor) as held_minor, 0 as taken_minor,
        0 as refunded_minor
      from backlog b where b.merchant_id = any($1) group by b.currency
    union all
    select d.currency, 0, 0, d.taken_minor, d.refunded_minor
      from {_CLOCKS} join day_cash d on d.merchant_id = t.merchant_id and d.day = t.today
      where d.merchant_id = any($1)) x
  group by x.currency order by sum(x.taken_minor) desc, sum(x.due_minor) desc, x.currency
"""
# How many days ago the open orders of each stop were placed, by band; $3: the most days of each band but the last.
AGES = f"""
select b.stop, width_bucket(t.today - b.day - 1, $3::integer[]) as band, sum(b.orders)::bigint as orders,
    max(t.today - b.day) as oldest
  from {_CLOCKS} join backlog b on b.merchant_id = t.merchant_id
  where b.merchant_id = any($1) and b.orders > 0 group by 1, 2
"""

# A stretch of days

# What is added up of each roll-up, apart for each value of these columns.
APART: dict[str, tuple[str, ...]] = {
    "day_sales": ("currency",), "day_goods": ("currency",), "day_cash": ("currency",), "day_steps": ("step",),
    "day_arrivals": (), "day_carriers": (),
}  # fmt: skip
SUMS: dict[str, tuple[str, ...]] = {
    "day_sales": ("orders", "canceled", "units", "gross_minor"),
    "day_goods": ("orders", "units", "gross_minor"),
    "day_cash": ("taken_minor", "refunded_minor"),
    "day_steps": ("orders", "seconds"),
    "day_arrivals": ("orders", "promised", "on_time", "late", "complete", "undamaged", "papered", "perfect"),
    "day_carriers": ("parcels", "delivered", "promised", "on_time", "failed", "seconds"),
}
# What it may be split by: how a row has it, and what it is called once few are left.
_BY: dict[str, tuple[str, str, str]] = {
    "": ("''::text", "x.k", ""),
    "day": ("d.day", "x.k::text", ""),
    "week": ("date_trunc('week', d.day)", "x.k::date::text", ""),
    "month": ("date_trunc('month', d.day)", "to_char(x.k, 'YYYY-MM')", ""),
    "country": ("d.country", "x.k", ""),
    "carrier": ("d.carrier", "x.k", ""),
    "sku": ("d.item", "x.k", ""),
    "merchant": ("d.merchant_id", "m.name", "join merchant m on m.merchant_id = x.merchant_id"),
    "channel": (
        "d.channel_id", "c.key", "join channel c on c.merchant_id = x.merchant_id and c.channel_id = x.k",
    ),
}  # fmt: skip
STEP_BUCKETS = """
select d.step, d.bucket, sum(d.orders)::bigint as orders, sum(d.seconds)::bigint as seconds
  from day_steps d where d.merchant_id = any($1) and d.day >= $2 and d.day <= $3
  group by 1, 2 having sum(d.orders) > 0 order by 1, 2
"""


@lru_cache(maxsize=100)
def _added_up(table: str, by: str) -> str:
    """Rows are grouped as they are, and named when few are left."""
    native, called, join = _BY[by]
    apart = "".join(f", d.{column}" for column in APART[table])
    sums = ", ".join(f"sum(d.{name}) as {name}" for name in SUMS[table])
    totals = ", ".join(f"sum(x.{name})::bigint as {name}" for name in SUMS[table])
    split = "".join(f", x.{column}" for column in APART[table])
    groups = ", ".join(str(n) for n in range(1, 2 + len(APART[table])))
    return f"""
select {called} as key{split}, {totals}
  from (select d.merchant_id, {native} as k{apart}, {sums} from {table} d
    where d.merchant_id = any($1) and d.day >= $2 and d.day <= $3 group by d.merchant_id, 2{apart}) x {join}
  group by {groups}"""


async def added_up(tx: Tx, table: str, merchants: Sequence[int], span: Span, by: str = "") -> list[Any]:
    """What a roll-up came to in these days, split by something that its rows have; '' is as a whole."""
    return await tx.rows(_added_up(table, by), list(merchants), span.first, span.last)


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
