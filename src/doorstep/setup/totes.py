"""totes: what of an order stands picked in which tote: its own moves tell, for a tote may hold other orders too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from doorstep.setup.places import Goods, Places, tote
from doorstep.spine.tenant import Tx

IN_TOTES = """
select merchant_id, order_id, sku_id, site_id, place, lot, sum(units)::bigint as units from (
    select m.merchant_id, m.id as order_id, m.sku_id, m.site_id, m.target_place as place, m.lot, m.quantity as units
      from move m where m.merchant_id = any($1) and m.kind = 'order' and m.id = any($2) and m.what = 'stock'
        and m.target = 'picked'
    union all
    select m.merchant_id, m.id, m.sku_id, m.site_id, m.source_place, m.lot, -m.quantity
      from move m where m.merchant_id = any($1) and m.kind = 'order' and m.id = any($2) and m.what = 'stock'
        and m.source = 'picked') legs
  group by merchant_id, order_id, sku_id, site_id, place, lot having sum(units) > 0
  order by merchant_id, order_id, place, lot
"""


async def in_totes(tx: Tx, orders: Iterable[int]) -> dict[int, Places]:
    """Per order, to be read under its lock."""
    found: dict[int, Places] = defaultdict(Places)
    ids = list(orders)
    for row in await tx.rows(IN_TOTES, list(tx.merchants), ids) if ids else ():
        goods = Goods(row["merchant_id"], row["sku_id"], row["site_id"])
        found[row["order_id"]].add(goods, row["place"], row["lot"], row["units"])
    return found


def out_of_totes(places: Places, goods: Goods, quantity: int, name: str = "") -> list[tuple[str, str, int]]:
    """Take so many out of the named tote, or of whichever hold them: place, lot, units. Refuses NotInThatPlace."""
    if name:
        return [(tote(name), lot, units) for lot, units in places.take(goods, tote(name), quantity)]
    taken = []
    for place in places.held.get(goods, {}):
        units = min(quantity, places.units(goods, place))
        taken += [(place, lot, some) for lot, some in places.take(goods, place, units)]
        quantity -= units
    if quantity:
        raise AssertionError(f"the order's totes lack {quantity} of the units that it has picked")
    return taken
