"""stock: how many units of each SKU stood at each site at any past instant: all that moved until then, added up; up to
now that is what the balances say.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from doorstep.doors.reads.orders import Word
from doorstep.kit import clock
from doorstep.spine.journey import JOURNEY, STOCK
from doorstep.spine.tenant import Tx

_VERBS = ", ".join(f"'{row.verb}'" for row in JOURNEY if row.stock)
_NET = ", ".join(
    f"sum(quantity * ((target = '{stage}')::int - (source = '{stage}')::int))::bigint as {stage}" for stage in STOCK
)
# `offset 0` keeps each move from being taken apart once per stage.
STOOD = f"""
select s.code as sku, t.code as site, {", ".join(f"u.{stage}" for stage in STOCK)},
    {" + ".join(f"u.{stage}" for stage in STOCK)} as total
  from (
    select sku_id, site_id, {_NET} from (
        select m.sku_id, m.site_id, m.quantity, m.source, m.target from move m
          where m.merchant_id = $1 and m.verb in ({_VERBS}) and m.what = 'stock' and m.happened_at <= $2 offset 0) m
      group by sku_id, site_id) u
  join sku s on s.merchant_id = $1 and s.sku_id = u.sku_id
  join site t on t.site_id = u.site_id
  where ($3::text is null or s.code = $3) and ($4::text is null or t.code = $4)
  order by s.code, t.code
"""

STANDS = f"""
select s.code as sku, t.code as site, {", ".join(f"a.{stage}" for stage in STOCK)},
    {" + ".join(f"a.{stage}" for stage in STOCK)} as total
  from availability a
  join sku s on s.merchant_id = $1 and s.sku_id = a.sku_id
  join site t on t.site_id = a.site_id
  where a.merchant_id = $1 and ($2::text is null or s.code = $2) and ($3::text is null or t.code = $3)
  order by s.code, t.code
"""


class PastStockQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`at`: what had happened by then, that instant included."""

    at: datetime
    sku: Word | None = None
    site: Word | None = None


class PastStockRow(Struct, frozen=True, kw_only=True):
    """Units of a SKU at a site; one that something moved of before, and that has none left, is told with zeros."""

    sku: str
    site: str
    free: int
    reserved: int
    picked: int
    packed: int
    quarantine: int
    total: int


class PastStock(Struct, frozen=True, kw_only=True):
    at: datetime
    stock: list[PastStockRow]


async def report_stock(tx: Tx, merchant: int, query: PastStockQuery) -> PastStock:
    narrowed = (query.sku, query.site)
    if query.at >= clock.now():
        rows = await tx.rows(STANDS, merchant, *narrowed)
    else:
        rows = await tx.rows(STOOD, merchant, query.at, *narrowed)
    return PastStock(at=query.at, stock=[PastStockRow(**row) for row in rows])
