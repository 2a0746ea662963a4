"""delivery: how many orders arrived, and how many later than promised.

Of the orders placed in the period, whatever became of them, drafts left out. An order is delivered when all its
parcels are, and it has one. It is late when a parcel came on a later day than was promised, both days local to the
site that it left from. Parcels are those with something in them, planned ones too.
"""

from __future__ import annotations

from msgspec import Struct

from doorstep.doors.reads.measures import CAME_LATE, HAS_CONTENTS
from doorstep.doors.reads.reports.asking import ORDERS, By, ReportQuery, asked, whole
from doorstep.spine.tenant import Tx

DELIVERED = f"""
select {{key}} as key, count(*) as orders, count(*) filter (where p.parcels = p.delivered) as delivered,
    count(*) filter (where p.is_late) as late, coalesce(sum(p.parcels), 0)::bigint as parcels
  from orders o
  join order_now n on n.merchant_id = o.merchant_id and n.order_id = o.order_id and n.stage <> 'draft'
  join channel c on c.merchant_id = o.merchant_id and c.channel_id = o.channel_id
  left join (
    select p.order_id, count(*) as parcels, count(*) filter (where p.state = 'delivered') as delivered,
        bool_or({CAME_LATE}) as is_late
      from parcel p
      join site t on t.site_id = p.site_id
      left join fulfillment_order f
        on f.merchant_id = p.merchant_id and f.fulfillment_order_id = p.fulfillment_order_id
      where p.merchant_id = $1 and {HAS_CONTENTS}
      group by p.order_id) p on p.order_id = o.order_id
  where o.merchant_id = $1{{where}} group by 1 order by 1
"""


class DeliveryQuery(ReportQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With a SKU only orders that contain it."""

    by: By | None = None


class Delivery(Struct, frozen=True, kw_only=True):
    orders: int
    delivered: int
    late: int
    parcels: int


class DeliveryRow(Delivery, frozen=True, kw_only=True):
    key: str


class DeliveryReport(Delivery, frozen=True, kw_only=True, omit_defaults=True):
    """`rows` are there when a `by` was asked for."""

    rows: list[DeliveryRow] | None = None


async def report_delivery(tx: Tx, merchant: int, query: DeliveryQuery) -> DeliveryReport:
    orders = asked(ORDERS, merchant, query, query.by)
    found = await whole(tx, DELIVERED.format(key=orders.key, where=orders.where), *orders.args)
    rows = [DeliveryRow(**row) for row in found]
    totals = {name: sum(getattr(row, name) for row in rows) for name in Delivery.__struct_fields__}
    return DeliveryReport(**totals, rows=rows if query.by else None)
