"""stock: what stands where now, page by page; and what stood where at an instant, by replay of every move."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from doorstep.spine.journey import STOCK
from doorstep.spine.tenant import Tx

STANDING = """
select s.code as sku, t.code as site, a.free, a.reserved, a.picked, a.packed, a.quarantine
  from availability a
  join sku s on s.merchant_id = a.merchant_id and s.sku_id = a.sku_id
  join site t on t.site_id = a.site_id
  where a.merchant_id = any($1) and ($2::text is null or s.code = $2) and ($3::text is null or t.code = $3)
    and ($4::text is null or (s.code, t.code) > ($4, $5))
  order by s.code, t.code limit $6
"""
# Only events that moved the SKU are taken apart.
MOVED = """
select t.code as site, m.source, m.target, sum(m.quantity)::bigint as units
  from sku s
  join move m on m.merchant_id = s.merchant_id and m.sku_id = s.sku_id
  join site t on t.site_id = m.site_id
  where s.merchant_id = any($1) and s.code = $2 and m.happened_at <= $3
  group by 1, 2, 3 order by 1
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """Units of a SKU at a site: `free` may be promised, the next three are for orders, quarantine is set apart."""

    sku: str
    site: str
    free: int = 0
    reserved: int = 0
    picked: int = 0
    packed: int = 0
    quarantine: int = 0

    @property
    def on_hand(self) -> int:
        return self.free + self.reserved + self.picked + self.packed


@dataclass(frozen=True, slots=True)
class Page:
    """`next` is where the following page begins; None on the last."""

    rows: list[Standing]
    next: tuple[str, str] | None


async def stock_of(
    tx: Tx,
    sku: str | None = None,
    site: str | None = None,
    *,
    after: tuple[str, str] | None = None,
    limit: int = 100,
) -> Page:
    """What stands where, in the order of SKU and site."""
    begin = after or (None, None)
    found = await tx.rows(STANDING, list(tx.merchants), sku, site, *begin, limit + 1)
    rows = [Standing(**dict(row)) for row in found[:limit]]
    return Page(rows, (rows[-1].sku, rows[-1].site) if len(found) > limit else None)


async def stock_as_of(tx: Tx, sku: str, at: datetime) -> list[Standing]:
    """What of one SKU stood at each site at that instant; a site where nothing ever stood is not there."""
    by_site: dict[str, dict[str, int]] = {}
    for row in await tx.rows(MOVED, list(tx.merchants), sku, at):
        stages = by_site.setdefault(row["site"], dict.fromkeys(STOCK, 0))
        for stage, by in ((row["source"], -row["units"]), (row["target"], row["units"])):
            if stage in stages:
                stages[stage] += by
    return [Standing(sku, site, **stages) for site, stages in by_site.items()]
