"""pick_list: what is to be picked at a site, the most urgent first, and the walk past the bins that hold it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from doorstep.kit.ids import public
from doorstep.setup.places import Goods, Places, shelves_holding, walking_order
from doorstep.setup.sites import site_of, sites_by_code
from doorstep.setup.skus import Sku, skus_by_id
from doorstep.spine.tenant import Tx

# Each statement is of one table or nearly: a plan from before the first statistics must not multiply tables.
# What is on the floor has an index of its own, the most urgent first, however many are over.
DUE = """
select w.* from unnest($1::bigint[]) u(merchant_id)
  cross join lateral (
    select f.merchant_id, f.fulfillment_order_id, f.order_id, f.ship_by from fulfillment_order f
      where f.merchant_id = u.merchant_id and f.site_id = $2 and f.released_at is not null and f.to_pack > 0
        and exists (select from allocation a where a.merchant_id = f.merchant_id and a.order_id = f.order_id
          and a.fulfillment_order_id = f.fulfillment_order_id and a.promised > 0 and not exists (select from hold h
            where h.merchant_id = a.merchant_id and h.order_id = a.order_id and h.lifted_at is null
              and (h.line_no is null or h.line_no = a.line_no)))
      order by f.ship_by, f.fulfillment_order_id limit $3) w
  order by w.ship_by, w.fulfillment_order_id limit $3
"""
PROMISED = """
select a.merchant_id, a.fulfillment_order_id, a.order_id, a.line_no, a.sku_id, a.site_id, a.promised
  from fulfillment_order f
  join allocation a on a.merchant_id = f.merchant_id and a.order_id = f.order_id
    and a.fulfillment_order_id = f.fulfillment_order_id
  where f.merchant_id = any($1) and f.fulfillment_order_id = any($2) and a.promised > 0
  order by a.fulfillment_order_id, a.line_no
"""
ORDERS = "select order_id, number, service_level from orders where merchant_id = any($1) and order_id = any($2)"
HELD = """
select order_id, line_no from hold where merchant_id = any($1) and order_id = any($2) and lifted_at is null
"""


@dataclass(frozen=True, slots=True)
class BinUnits:
    bin: str
    units: int


@dataclass(frozen=True, slots=True)
class LineToPick:
    """`bins` are all that hold the SKU at the site, in walking order: other orders may want some of it too."""

    line: int
    sku: str
    name: str
    barcode: str
    quantity: int
    bins: tuple[BinUnits, ...]
    goods: Goods


@dataclass(frozen=True, slots=True)
class OrderToPick:
    merchant: int
    fulfillment_order: str
    order: str
    number: str
    service_level: str
    ship_by: datetime | None
    lines: tuple[LineToPick, ...]


@dataclass(frozen=True, slots=True)
class Stop:
    """One stop of the walk: so many of a SKU out of one bin for one fulfillment order; bin "" = no bin has them."""

    bin: str
    quantity: int
    line: LineToPick
    order: OrderToPick


async def pick_list(tx: Tx, site: str, limit: int = 50) -> list[OrderToPick]:
    """The released fulfillment orders of a site (by its code) with units to pick, the earliest ship-by first.

    What is on hold is not for picking. Refuses NotFound.
    """
    here = site_of(await sites_by_code(tx), site)
    merchants = list(tx.merchants)
    due = await tx.rows(DUE, merchants, here.site_id, limit)
    order_ids = list({row["order_id"] for row in due})
    held = {(row["order_id"], row["line_no"]) for row in await tx.rows(HELD, merchants, order_ids)}
    rows = [
        row
        for row in await tx.rows(PROMISED, merchants, [row["fulfillment_order_id"] for row in due])
        if not held & {(row["order_id"], None), (row["order_id"], row["line_no"])}
    ]
    skus = await skus_by_id(tx, [row["sku_id"] for row in rows])
    shelves = await shelves_holding(tx, {_goods(row) for row in rows})
    lines: dict[int, list[LineToPick]] = defaultdict(list)
    for row in rows:
        lines[row["fulfillment_order_id"]].append(_line(row, skus[row["sku_id"]], shelves))
    orders = {row["order_id"]: row for row in await tx.rows(ORDERS, merchants, order_ids)}
    return [
        _order(row, orders[row["order_id"]], lines[row["fulfillment_order_id"]])
        for row in due
        if lines[row["fulfillment_order_id"]]
    ]


def _goods(row: Any) -> Goods:
    return Goods(row["merchant_id"], row["sku_id"], row["site_id"])


def _order(due: Any, order: Any, lines: Sequence[LineToPick]) -> OrderToPick:
    return OrderToPick(
        merchant=due["merchant_id"],
        fulfillment_order=public("ful", due["fulfillment_order_id"]),
        order=public("ord", due["order_id"]),
        number=order["number"],
        service_level=order["service_level"],
        ship_by=due["ship_by"],
        lines=tuple(lines),
    )


def _line(row: Any, sku: Sku, shelves: Places) -> LineToPick:
    return LineToPick(
        line=row["line_no"],
        sku=sku.code,
        name=sku.name or sku.code,
        barcode=sku.barcode,
        quantity=row["promised"],
        bins=tuple(BinUnits(*held) for held in shelves.bins(_goods(row))),
        goods=_goods(row),
    )


def walk(orders: Sequence[OrderToPick]) -> list[Stop]:
    """One walk through the site for all of them: each unit of a bin is given once, the most urgent order first."""
    left: dict[tuple[Goods, str], int] = {}
    stops: list[Stop] = []
    for order in orders:
        for line in order.lines:
            for held in line.bins:
                left.setdefault((line.goods, held.bin), held.units)
            stops += [Stop(bin, units, line, order) for bin, units in _from_bins(line, left)]
    return sorted(stops, key=lambda stop: (stop.bin == "", walking_order(stop.bin)))


def _from_bins(line: LineToPick, left: dict[tuple[Goods, str], int]) -> list[tuple[str, int]]:
    """The first bin that holds all of it spares a stop; else bin after bin."""
    bins = [held.bin for held in line.bins]
    whole = [bin for bin in bins if left[line.goods, bin] >= line.quantity]
    needed, taken = line.quantity, []
    for bin in whole[:1] or bins:
        units = min(needed, left[line.goods, bin])
        if units:
            left[line.goods, bin] -= units
            needed -= units
            taken.append((bin, units))
    return [*taken, ("", needed)] if needed else taken
