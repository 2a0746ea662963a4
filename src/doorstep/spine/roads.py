"""roads: of goods that left, what is on its way by what parcels hold, beside what lines count there.

They differ by what was credited elsewhere on the way: it lies in its parcel, and is not counted as out any more. A
parcel that arrives brings what of it is on the road, one that is lost loses that, one that comes back brings that back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from doorstep.spine.facts import Line, OrderFacts
from doorstep.spine.parcels import Gone, OfLines, gone_of
from doorstep.spine.tenant import Tx

# What left, by line and parcel. Of history a state may say alone that a parcel arrived; and a line that is in no parcel
# arrives whole, so it did where nothing of it is on the road and something with the buyer.
WENT_OUT = """
select p.order_id, l.line_no, p.parcel_id, sum(l.quantity)::bigint as units,
    p.delivered_at is not null or (o.history and p.state = 'delivered') as has_arrived
  from parcel p
  join orders o on o.merchant_id = p.merchant_id and o.order_id = p.order_id
  join parcel_line l on l.merchant_id = p.merchant_id and l.parcel_id = p.parcel_id and l.quantity > 0
  where p.merchant_id = any($1) and p.order_id = any($2)
    and (p.handed_over_at is not null or p.packed_at is null and p.state <> 'planned')
  group by p.order_id, l.line_no, p.parcel_id, has_arrived
union all
select o.order_id, l.line_no, 0, 0, true from orders o
  join order_line l on l.merchant_id = o.merchant_id and l.order_id = o.order_id and l.shipped = 0 and l.delivered > 0
  where o.merchant_id = any($1) and o.order_id = any($2) and o.history
"""
# What came back credited is here, and its line did not move for it.
CAME_BACK_CREDITED = """
select order_id, line_no, sum(units)::bigint as units from (
    select e.id as order_id, (l.value ->> 'line')::integer as line_no, (l.value ->> 'quantity')::bigint as units
      from event e cross join lateral json_array_elements(e.data -> 'lines') l
      where e.merchant_id = any($1) and e.kind = 'order' and e.id = any($2) and e.verb = 'take_back'
    union all
    select m.id, m.line_no, -m.quantity from move m
      where m.merchant_id = any($1) and m.kind = 'order' and m.id = any($2) and m.verb = 'take_back'
        and m.what = 'demand') here
  group by order_id, line_no
"""

LineKey = tuple[int, int]  # order, line


@dataclass(slots=True)
class Road:
    """Of a line: units that parcels on their way hold, units that lost parcels held, and those that are here again and
    credited still."""

    on_its_way: int = 0
    lost: int = 0
    came_back: int = 0

    def credited_at(self, stage: str, line: Line, credited: int) -> int:
        """Of so many units that were credited on their way, those that lie in parcels at this stage."""
        there = max(0, credited - self.came_back)
        shipped = min(there, max(0, self.on_its_way - line.shipped))
        lost = min(there - shipped, max(0, self.lost - line.lost))
        return {"shipped": shipped, "lost": lost, "delivered": there - shipped - lost}[stage]


async def roads_of(tx: Tx, orders: Iterable[OrderFacts]) -> dict[LineKey, Road]:
    """By order and line."""
    by_id = {order.order_id: order for order in orders}
    roads: dict[LineKey, Road] = {}
    if not by_id:
        return roads
    gone = await gone_of(tx, by_id.values())
    came_back = await _came_back_credited(tx, list(by_id))
    for row in await tx.rows(WENT_OUT, list(tx.merchants), list(by_id)):
        key = (row["order_id"], row["line_no"])
        road = roads.setdefault(key, Road(came_back=came_back[key]))
        of_parcel = gone.get(row["parcel_id"], Gone())
        # What came back of a parcel is in it no more.
        units = row["units"] - of_parcel.back[row["line_no"]]
        if row["has_arrived"]:
            continue
        if of_parcel.is_lost:
            road.lost += units
        else:
            road.on_its_way += units
    return roads


async def _came_back_credited(tx: Tx, orders: list[int]) -> OfLines:
    rows = await tx.rows(CAME_BACK_CREDITED, list(tx.merchants), orders)
    return Counter({(row["order_id"], row["line_no"]): row["units"] for row in rows})
