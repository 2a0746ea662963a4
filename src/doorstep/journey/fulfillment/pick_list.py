"""pick_list: what is to be picked at a site, the most urgent first, and the walk past the bins that hold it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from doorstep.kit.ids import public
from doorstep.setup.places import Goods, Places, shelves_holding, walking_order
from doorstep.spine.tenant import Tx

# The open orders have an index of their own; what is on hold is not for picking.
TO_PICK = """
with due as (
  select f.merchant_id, f.fulfillment_order_id, f.order_id, f.site_id, f.ship_by, o.number, o.service_level
    from order_now n
    join fulfillment_order f on f.merchant_id = n.merchant_id and f.order_id = n.order_id
    join orders o on o.merchant_id = n.merchant_id and o.order_id = n.order_id
    join site t on t.site_id = f.site_id
    where n.merchant_id = any($1) and n.stage not in ('completed', 'canceled', 'expired') and n.promised > 0
      and t.code = $2 and f.released_at is not null
      and exists (select from allocation a where a.merchant_id = f.merchant_id and a.promised > 0
        and a.fulfillment_order_id = f.fulfillment_order_id and not exists (select from hold h
          where h.merchant_id = a.merchant_id and h.order_id = a.order_id and h.lifted_at is null
            and (h.line_no is null or h.line_no = a.line_no)))
    order by f.ship_by, f.fulfillment_order_id limit $3)
select d.merchant_id, d.fulfillment_order_id, d.order_id, d.site_id, d.ship_by, d.number, d.service_level, a.line_no,
    a.sku_id, a.promised, s.code, s.barcode, coalesce(nullif(s.name, ''), l.title) as name
  from due d
  join allocation a on a.merchant_id = d.merchant_id and a.fulfillment_order_id = d.fulfillment_order_id
    and a.promised > 0
  join order_line l on l.merchant_id = a.merchant_id and l.order_id = a.order_id and l.line_no = a.line_no
  join sku s on s.merchant_id = a.merchant_id and s.sku_id = a.sku_id
  where not exists (select from hold h where h.merchant_id = a.merchant_id and h.order_id = a.order_id
    and h.lifted_at is null and (h.line_no is null or h.line_no = a.line_no))
  order by d.ship_by, d.fulfillment_order_id, a.line_no
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
    """The released fulfillment orders of a site (by its code) with units to pick, the earliest ship-by first."""
    rows = await tx.rows(TO_PICK, list(tx.merchants), site, limit)
    shelves = await shelves_holding(tx, {_goods(row) for row in rows})
    by_order: dict[int, list[Any]] = {}
    for row in rows:
        by_order.setdefault(row["fulfillment_order_id"], []).append(row)
    return [_order(lines, shelves) for lines in by_order.values()]


def _goods(row: Any) -> Goods:
    return Goods(row["merchant_id"], row["sku_id"], row["site_id"])


def _order(rows: Sequence[Any], shelves: Places) -> OrderToPick:
    first = rows[0]
    return OrderToPick(
        merchant=first["merchant_id"],
        fulfillment_order=public("ful", first["fulfillment_order_id"]),
        order=public("ord", first["order_id"]),
        number=first["number"],
        service_level=first["service_level"],
        ship_by=first["ship_by"],
        lines=tuple(_line(row, shelves) for row in rows),
    )


def _line(row: Any, shelves: Places) -> LineToPick:
    return LineToPick(
        line=row["line_no"],
        sku=row["code"],
        name=row["name"],
        barcode=row["barcode"],
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
