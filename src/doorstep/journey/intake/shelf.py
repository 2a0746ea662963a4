"""shelf: what is free of goods of the past and what stands of them where history has them, moved as a batch goes.

Nearly always all of it stands there, so it is read without a lock first; the CHECKs are the wall, and what breaks one
runs again with locks. What has to be opened is found under locks alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from doorstep.setup.places import HISTORY, Goods
from doorstep.spine.tenant import Tx

# One probe of the key per goods, in the order in which they are given: `limit` keeps the database from joining the
# other way round, by all goods that there are, as it does while it has not counted them yet.
FREE = """
select a.merchant_id, a.sku_id, a.site_id, a.free
  from unnest($1::bigint[], $2::bigint[], $3::bigint[]) u(merchant_id, sku_id, site_id)
  cross join lateral (
    select a.merchant_id, a.sku_id, a.site_id, a.free from availability a
      where a.merchant_id = u.merchant_id and a.sku_id = u.sku_id and a.site_id = u.site_id limit 1{locked}) a
"""
STANDING = """
select b.merchant_id, b.sku_id, b.site_id, b.quantity
  from unnest($1::bigint[], $2::bigint[], $3::bigint[]) u(merchant_id, sku_id, site_id)
  cross join lateral (
    select b.merchant_id, b.sku_id, b.site_id, b.quantity from bin_stock b
      where b.merchant_id = u.merchant_id and b.sku_id = u.sku_id and b.site_id = u.site_id and b.place = $4
        and b.lot = '' limit 1{locked}) b
"""
LOCKED = " for no key update"


@dataclass(slots=True)
class Shelf:
    """What of goods is free and stands at HISTORY. `is_short`: not all of what left stood there."""

    units: dict[Goods, int] = field(default_factory=dict)
    is_short: bool = False

    def move(self, goods: Goods, units: int) -> int:
        """Bring units there, or take them out; answers how many had to be opened for it."""
        left = self.units.get(goods, 0) + units
        # Of what is free and of what stands there, the one that is less stays less: both move alike.
        missing = max(0, -left)
        self.is_short |= missing > 0
        self.units[goods] = left + missing
        return missing


async def shelf_of(tx: Tx, goods: Iterable[Goods]) -> Shelf:
    """Locked where a try before found less, in the order of their keys, as everywhere."""
    shelf, wanted = Shelf(), sorted(set(goods))
    if not wanted:
        return shelf
    locked = LOCKED if tx.careful else ""
    keys = [list(column) for column in zip(*wanted, strict=True)]
    rows = await tx.rows(FREE.format(locked=locked), *keys)
    free = {(merchant, sku, site): units for merchant, sku, site, units in rows}
    for merchant, sku, site, standing in await tx.rows(STANDING.format(locked=locked), *keys, HISTORY):
        shelf.units[Goods(merchant, sku, site)] = min(free.get((merchant, sku, site), 0), standing)
    return shelf
