"""totes: what of an order stands picked in which tote: its own moves tell, for a tote may hold other orders too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from doorstep.setup.places import Goods, Places, tote
from doorstep.spine.journey import JOURNEY, ways
from doorstep.spine.moves import brought

# Read of the verbs alone that put something there or take it out.
_VERBS = ", ".join(f"'{row.verb}'" for row in JOURNEY if any("picked" in side for side in ways(row.stock)))
IN_TOTES = f"""
select e.merchant_id, e.id, e.moves from event e
  where e.merchant_id = any($1) and e.kind = 'order' and e.id = any($2) and e.verb in ({_VERBS})
"""


def in_totes(rows: Iterable[Any]) -> Iterator[tuple[int, int, int, int, str, str, int]]:
    """What IN_TOTES tells, read under the lock of the orders: merchant, order, SKU, site, place, lot, units.

    An order's totes, and the lots in them, come in the order of their names.
    """
    units: dict[tuple[int, int, str, str, int, int], int] = defaultdict(int)
    for merchant, order, moves in rows:
        for sku, site, place, lot, quantity in brought(moves, "picked"):
            units[merchant, order, place, lot, sku, site] += quantity
    for (merchant, order, place, lot, sku, site), quantity in sorted(units.items()):
        if quantity > 0:
            yield merchant, order, sku, site, place, lot, quantity


def totes_of(rows: Iterable[Any]) -> dict[int, Places]:
    """The same, per order."""
    found: dict[int, Places] = defaultdict(Places)
    for merchant, order, sku, site, place, lot, units in in_totes(rows):
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
