"""roads: where units are that were credited on their way and are credited no more: with what their parcel came to.

A parcel that arrives brings what of it is on the road, one that is lost loses that, and one that comes back brings that
back; what was credited by then it does not count. So what a credit lets go of is on the road again only as far as
parcels on it hold it. The rest came with its parcel, was lost with it, or is here again with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from doorstep.journey.intake.corrections.linking import Links, Sale
from doorstep.spine.facts import OrderFacts
from doorstep.spine.parcels import Gone, came_back_credited, gone_of
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

LineKey = tuple[int, int]  # order, line
Ended = dict[tuple[int, int, str], int]  # units that are on the road no more: order, line, the stage they came to


@dataclass(slots=True)
class Road:
    """Of a line: units that parcels on their way hold, units that lost parcels held, and those that are here again and
    credited still."""

    on_its_way: int = 0
    lost: int = 0
    came_back: int = 0


async def roads_of(tx: Tx, orders: Iterable[OrderFacts]) -> dict[LineKey, Road]:
    """By order and line."""
    by_id = {order.order_id: order for order in orders}
    roads: dict[LineKey, Road] = {}
    if not by_id:
        return roads
    gone = await gone_of(tx, by_id.values())
    came_back = await came_back_credited(tx, by_id.values())
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


def end(links: Links, every_sale: Mapping[LineKey, Sale], roads: Mapping[LineKey, Road]) -> Ended:
    """What these links let go of and no parcel holds on the road; taken off there, and added where it came to."""
    ended: Ended = {}
    for key in sorted({(ends.order_id, ends.order_line_no) for ends in links if ends.stage == "shipped"}):
        if key in roads and key in every_sale:
            left, road = every_sale[key].left, roads[key]
            beyond = max(0, left["shipped"] - road.on_its_way)
            lost = min(beyond, max(0, road.lost - left["lost"]))
            back = min(beyond - lost, road.came_back)
            road.came_back -= back
            left["shipped"] -= beyond
            for stage, units in (("delivered", beyond - lost - back), ("lost", lost), ("taken_back", back)):
                left[stage] = left.get(stage, 0) + units
                ended[*key, stage] = units
    return {reached: units for reached, units in ended.items() if units}
