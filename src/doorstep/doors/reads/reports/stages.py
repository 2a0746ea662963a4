"""stages: how long orders took from one step to the next: the median, and what nine in ten did not exceed, in hours.

Times are those of the world. An order has come to a step when all of it has: picked when nothing is left to pick,
delivered when nothing is on its way, paid when nothing is due. A pair of steps counts the orders placed in the period
that came to both, in that order; what happened elsewhere was neither released, picked nor packed here.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from doorstep.doors.reads.measures import CAME_TO, REACHED, STEPPING, STEPS
from doorstep.doors.reads.reports.asking import ORDERS, By, ReportQuery, asked, whole
from doorstep.spine.tenant import Tx

TOOK = f"""
with reached as (
  select e.id as order_id, {REACHED}
    from event e
    where e.merchant_id = $1 and e.kind = 'order' and e.verb in ({STEPPING})
    group by e.id),
steps as (
  select {{key}} as key, {", ".join(f"{at} as {step}" for step, at in CAME_TO.items())}
    from orders o
    join order_now n on n.merchant_id = o.merchant_id and n.order_id = o.order_id and n.stage <> 'draft'
    join channel c on c.merchant_id = o.merchant_id and c.channel_id = o.channel_id
    join reached r on r.order_id = o.order_id
    where o.merchant_id = $1{{where}}),
took as (
  select s.key, p.nth, p.took from steps s cross join lateral (values
    {", ".join(f"({nth}, {after} - {before})" for nth, (before, after) in enumerate(STEPS))}) p(nth, took)
    where p.took >= interval '0')
select key, nth, count(*) as orders,
    round(extract(epoch from percentile_cont(0.5) within group (order by took)) / 3600, 2)::float as median_hours,
    round(extract(epoch from percentile_cont(0.9) within group (order by took)) / 3600, 2)::float as p90_hours
  from took group by key, nth order by key, nth
"""


class StagesQuery(ReportQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With a SKU only orders that contain it."""

    by: By | None = None


class Step(Struct, frozen=True, kw_only=True, rename={"before": "from", "after": "to"}):
    """From one step to another: so many orders came to both; null where none did."""

    before: str
    after: str
    orders: int
    median_hours: float | None
    p90_hours: float | None


class StepRow(Step, frozen=True, kw_only=True):
    key: str


class StagesReport(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`rows` are there when a `by` was asked for."""

    steps: list[Step]
    rows: list[StepRow] | None = None


async def report_stages(tx: Tx, merchant: int, query: StagesQuery) -> StagesReport:
    found = {row["nth"]: _numbers(row) for row in await _took(tx, merchant, query, None)}
    none = {"orders": 0, "median_hours": None, "p90_hours": None}
    steps = [Step(**_ends(nth), **found.get(nth, none)) for nth in range(len(STEPS))]
    split = await _took(tx, merchant, query, query.by) if query.by else None
    rows = None if split is None else [StepRow(key=row["key"], **_ends(row["nth"]), **_numbers(row)) for row in split]
    return StagesReport(steps=steps, rows=rows)


async def _took(tx: Tx, merchant: int, query: StagesQuery, by: str | None) -> list[Any]:
    orders = asked(ORDERS, merchant, query, by)
    return await whole(tx, TOOK.format(key=orders.key, where=orders.where), *orders.args)


def _ends(nth: int) -> dict[str, Any]:
    before, after = STEPS[nth]
    return {"before": before, "after": after}


def _numbers(row: Any) -> dict[str, Any]:
    return {name: row[name] for name in ("orders", "median_hours", "p90_hours")}
