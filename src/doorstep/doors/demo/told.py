"""told: what a demo has come to, read from the books when the play is over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from doorstep.doors.demo.eyes import Eyes
from doorstep.spine.status import AXES, CASH

STAGES = "select n.stage, count(*) as n from order_now n where n.merchant_id = any($1) group by 1"
PAYMENTS = "select n.payment, count(*) as n from order_now n where n.merchant_id = any($1) group by 1"
PARCELS = "select state, count(*) as n from parcel where merchant_id = any($1) group by state"
MONEY = f"""
select o.currency, {", ".join(f"sum(n.{name})::bigint as {name}" for name in (*CASH, "invoiced", "credited"))}
  from order_now n join orders o on o.merchant_id = n.merchant_id and o.order_id = n.order_id
  where n.merchant_id = any($1) group by o.currency order by o.currency
"""
# How long an order took from one step to the next; what has not come to the next is not counted.
TIMES = """
with steps as (
  select e.merchant_id, e.id, min(o.placed_at) as placed,
      min(e.happened_at) filter (where e.verb in ('promise', 'fill')) as promised,
      min(e.happened_at) filter (where e.verb = 'pick') as picked,
      min(e.happened_at) filter (where e.verb = 'pack') as packed,
      min(e.happened_at) filter (where e.verb = 'hand_over') as left_at,
      max(e.happened_at) filter (where e.verb = 'deliver') as arrived
    from event e join orders o on o.merchant_id = e.merchant_id and o.order_id = e.id
    where e.merchant_id = any($1) and e.kind = 'order' group by e.merchant_id, e.id),
took as (
  select s.number, s.step, s.took from steps cross join lateral (values
    (1, 'ordered to promised', promised - placed), (2, 'promised to picked', picked - promised),
    (3, 'picked to packed', packed - picked), (4, 'packed to handed over', left_at - packed),
    (5, 'on the way', arrived - left_at)) s(number, step, took)
    where s.took >= interval '0')
select step, count(*) as orders,
    round(extract(epoch from percentile_cont(0.5) within group (order by took)) / 3600, 1)::float as median_h,
    round(extract(epoch from percentile_cont(0.9) within group (order by took)) / 3600, 1)::float as nine_in_ten_h
  from took group by number, step order by number
"""
REFUSED_JOBS = """
select split_part(error, ':', 1) as code, count(*) as n from job
  where merchant_id = any($1) and state = 'refused' group by 1
"""
DEAD_JOBS = "select verb, count(*) as n from job where merchant_id = any($1) and state = 'dead' group by verb"
HOLDS = """
select type, count(*) filter (where lifted_at is null) as open, count(*) filter (where lifted_at is not null) as lifted
  from hold where merchant_id = any($1) group by type order by type
"""
EXCEPTIONS = """
select kind, count(*) as n from attention where merchant_id = any($1) group by kind order by kind
"""
# Orders that went an odd way.
ODD = """
select count(*) filter (where n.holds_open > 0) as held,
    count(*) filter (where exists (select from event e where e.merchant_id = n.merchant_id and e.kind = 'order'
      and e.id = n.order_id and e.verb = 'short')) as short,
    count(*) filter (where (select count(*) from parcel p where p.merchant_id = n.merchant_id
      and p.order_id = n.order_id) > 1) as split,
    count(*) filter (where n.checks > 0 and n.wanted > 0 and n.holds_open = 0) as backordered,
    count(*) filter (where exists (select from event e where e.merchant_id = n.merchant_id and e.kind = 'order'
      and e.id = n.order_id and e.verb = 'fill')) as filled_later,
    count(*) filter (where n.taken_back > 0) as returned, count(*) filter (where n.lost > 0) as lost,
    count(*) filter (where n.canceled > 0) as canceled, count(*) filter (where n.parcels_in_transit
      + n.parcels_in_customs + n.parcels_out_for_delivery + n.parcels_exception > 0) as on_the_way
  from order_now n where n.merchant_id = any($1)
"""
EVENTS = "select count(*) as n from event where merchant_id = any($1)"
REACHED = """
select array_agg(distinct verb) as verbs from event where merchant_id = any($1)
"""


async def figures(eyes: Eyes, home: Path, refused_at_desks: Mapping[str, int]) -> dict[str, Any]:
    """Everything that the table at the end tells."""
    refused: dict[str, int] = defaultdict(int, refused_at_desks)
    for row in await eyes.rows(REFUSED_JOBS):
        refused[row["code"]] += row["n"]
    stages = await _counts(eyes, STAGES, "stage", [name for name, _ in AXES["stage"]])
    (odd,) = await eyes.rows(ODD)
    return {
        "orders": {"total": sum(stages.values()), "by_stage": stages, **odd},
        "payments": await _counts(eyes, PAYMENTS, "payment", [name for name, _ in AXES["payment"]]),
        "parcels": await _counts(eyes, PARCELS, "state", []),
        "cash_minor": {row.pop("currency"): row for row in await eyes.rows(MONEY)},
        "hours": [
            {
                **row,
                "median_h": round(float(row["median_h"]), 1),
                "nine_in_ten_h": round(float(row["nine_in_ten_h"]), 1),
            }
            for row in await eyes.rows(TIMES)
        ],
        "refusals": dict(sorted(refused.items())),
        "holds": {row.pop("type"): row for row in await eyes.rows(HOLDS)},
        "exceptions": await _counts(eyes, EXCEPTIONS, "kind", []),
        "dead_jobs": await _counts(eyes, DEAD_JOBS, "verb", []),
        "emails": sum(1 for _ in (home / "mail" / "new").glob("*.eml")),
        "events": (await eyes.rows(EVENTS))[0]["n"],
        "verbs": sorted((await eyes.rows(REACHED))[0]["verbs"] or []),
    }


async def _counts(eyes: Eyes, query: str, name: str, order: list[str]) -> dict[str, int]:
    """Name and number, in the order of the names given, the others by size."""
    found = {row[name]: int(row["n"]) for row in await eyes.rows(query)}
    known = [word for word in order if word in found]
    return {word: found[word] for word in [*known, *sorted(found.keys() - set(known), key=lambda w: (-found[w], w))]}
