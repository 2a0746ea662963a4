"""totes: what of an order stands picked in which tote: its own moves tell, for a tote may hold other orders too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from doorstep.setup.places import Goods, Places, tote
from doorstep.spine.journey import JOURNEY, ways

# Read of the verbs alone that put something there or take it out.
_VERBS = ", ".join(f"'{row.verb}'" for row in JOURNEY if any("picked" in side for side in ways(row.stock)))
IN_TOTES = f"""
select merchant_id, order_id, sku_id, site_id, place, lot, sum(units)::bigint as units from (
    select m.merchant_id, m.id as order_id, m.sku_id, m.site_id, leg.place, m.lot, leg.units
      from move m
      cross join lateral (select m.target_place as place, m.quantity as units where m.target = 'picked'
        union all select m.source_place, -m.quantity where m.source = 'picked') leg
      where m.merchant_id = any($1) and m.kind = 'order' and m.id = any($2) and m.verb in ({_VERBS})
        and m.what = 'stock') legs
  group by merchant_id, order_id, sku_id, site_id, place, lot having sum(units) > 0
  order by merchant_id, order_id, place, lot
"""


def totes_of(rows: Iterable[Any]) -> dict[int, Places]:
    """Per order, of what IN_TOTES answers under its lock."""
    found: dict[int, Places] = defaultdict(Places)
    for merchant, order, sku, site, place, lot, units in rows:
        found[order].add(Goods(merchant, sku, site), place, lot, units)
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
