"""status: where a fulfillment order stands: a function of what its site holds for it, holds and parcels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from doorstep.spine.tenant import Tx

Status = Literal[
    "allocated", "awaiting_fulfillment", "picking", "picked", "packing", "packed", "ready_to_ship", "shipped", "short",
    "canceled",
]  # fmt: skip

# Units that were shorted here count as long as their line still waits for others.
WORK = """
select f.fulfillment_order_id, sum(a.promised)::bigint as promised, sum(a.picked)::bigint as picked,
    sum(a.packed)::bigint as packed, sum(a.shipped)::bigint as shipped,
    coalesce(sum(least(s.shorted, l.wanted)), 0)::bigint as missing, f.released_at is not null as released,
    exists (select from hold h where h.merchant_id = f.merchant_id and h.order_id = f.order_id and h.lifted_at is null
      and (h.line_no is null or exists (select from allocation x where x.merchant_id = h.merchant_id
        and x.order_id = h.order_id and x.fulfillment_order_id = f.fulfillment_order_id and x.line_no = h.line_no
        and x.promised + x.picked + x.packed > 0))) as on_hold,
    exists (select from parcel p where p.merchant_id = f.merchant_id and p.order_id = f.order_id
      and p.fulfillment_order_id = f.fulfillment_order_id and p.handed_over_at is null and p.label_state <> 'bought'
      and exists (select from parcel_line i where i.merchant_id = p.merchant_id and i.parcel_id = p.parcel_id
        and i.quantity > 0)) as unlabeled
  from fulfillment_order f
  join allocation a on a.merchant_id = f.merchant_id and a.fulfillment_order_id = f.fulfillment_order_id
  join order_line l on l.merchant_id = a.merchant_id and l.order_id = a.order_id and l.line_no = a.line_no
  left join lateral (
    select sum(m.quantity) as shorted from move m
      where m.merchant_id = f.merchant_id and m.kind = 'order' and m.id = f.order_id and m.verb = 'short'
        and m.what = 'demand' and m.fulfillment_order_id = f.fulfillment_order_id and m.line_no = a.line_no
        and l.wanted > 0) s on true
  where f.merchant_id = any($1) and f.fulfillment_order_id = any($2)
  group by f.merchant_id, f.fulfillment_order_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What the site holds of the order now; `shipped` left it; `missing` was not in its bin and still waits."""

    promised: int = 0
    picked: int = 0
    packed: int = 0
    shipped: int = 0
    missing: int = 0
    released: bool = False
    on_hold: bool = False
    unlabeled: bool = False  # a parcel here has no label yet

    @property
    def to_do(self) -> int:
        return self.promised + self.picked + self.packed


def fulfillment_status(work: Work) -> Status:
    """Read from the top, the first that holds; from the far end of the road to its beginning."""
    if not work.to_do:
        return "short" if work.missing else "shipped" if work.shipped else "canceled"
    if work.packed:
        if work.promised + work.picked:
            return "packing"
        return "packed" if work.unlabeled or work.on_hold else "ready_to_ship"
    if work.picked:
        return "picking" if work.promised else "picked"
    return "awaiting_fulfillment" if work.released and not work.on_hold else "allocated"


async def statuses(tx: Tx, fulfillment_orders: Iterable[int]) -> dict[int, Status]:
    """Where these stand, those not there left out."""
    rows = await tx.rows(WORK, list(tx.merchants), list(fulfillment_orders))
    return {
        row["fulfillment_order_id"]: fulfillment_status(Work(**{name: row[name] for name in Work.__dataclass_fields__}))
        for row in rows
    }
