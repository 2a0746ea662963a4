"""status: where a fulfillment order stands: a function of what its site holds for it, holds and parcels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from doorstep.spine.facts import ALLOCATIONS, OrderFacts, order_facts
from doorstep.spine.tenant import Tx

Status = Literal[
    "allocated", "awaiting_fulfillment", "picking", "picked", "packing", "packed", "ready_to_ship", "shipped", "short",
    "canceled",
]  # fmt: skip

FULFILLMENT_ORDERS = """
select fulfillment_order_id, order_id, released_at is not null as released from fulfillment_order
  where merchant_id = any($1) and fulfillment_order_id = any($2)
"""
UNLABELED = """
select distinct p.fulfillment_order_id from parcel p
  where p.merchant_id = any($1) and p.order_id = any($2) and p.handed_over_at is null and p.label_state <> 'bought'
    and exists (select from parcel_line l where l.merchant_id = p.merchant_id and l.parcel_id = p.parcel_id
      and l.quantity > 0)
"""
SHORTED = """
select m.fulfillment_order_id, m.line_no, sum(m.quantity)::bigint as units from move m
  where m.merchant_id = any($1) and m.kind = 'order' and m.id = any($2) and m.verb = 'short' and m.what = 'demand'
  group by m.fulfillment_order_id, m.line_no
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


READS = ("wanted", "line.wanted", *ALLOCATIONS, "holds")


async def statuses(tx: Tx, fulfillment_orders: Iterable[int]) -> dict[int, Status]:
    """Where these stand, those not there left out."""
    merchants = list(tx.merchants)
    rows = await tx.rows(FULFILLMENT_ORDERS, merchants, list(fulfillment_orders))
    orders = await order_facts(tx, [row["order_id"] for row in rows], lock=False, reads=READS)
    unlabeled = {row["fulfillment_order_id"] for row in await tx.rows(UNLABELED, merchants, list(orders))}
    waiting = [order.order_id for order in orders.values() if order.row["wanted"]]
    shorted: dict[int, dict[int, int]] = defaultdict(dict)
    for row in await tx.rows(SHORTED, merchants, waiting) if waiting else ():
        shorted[row["fulfillment_order_id"]][row["line_no"]] = row["units"]
    return {
        row["fulfillment_order_id"]: fulfillment_status(
            work_of(
                orders[row["order_id"]],
                row["fulfillment_order_id"],
                shorted[row["fulfillment_order_id"]],
                released=row["released"],
                unlabeled=row["fulfillment_order_id"] in unlabeled,
            )
        )
        for row in rows
    }


def work_of(
    order: OrderFacts, fulfillment_order: int, shorted: Mapping[int, int], *, released: bool, unlabeled: bool
) -> Work:
    """Units that were shorted here count as long as their line still waits for others."""
    here = [one for one in order.allocations if one.fulfillment_order_id == fulfillment_order]
    to_do = {one.line_no for one in here if one.promised + one.picked + one.packed}
    return Work(
        promised=sum(one.promised for one in here),
        picked=sum(one.picked for one in here),
        packed=sum(one.packed for one in here),
        shipped=sum(one.shipped for one in here),
        missing=sum(min(units, order.line(line_no).wanted) for line_no, units in shorted.items()),
        released=released,
        on_hold=any(hold.line_no is None or hold.line_no in to_do for hold in order.holds),
        unlabeled=unlabeled,
    )
