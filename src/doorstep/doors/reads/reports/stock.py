"""stock: how many units of each SKU stood at each site at any past instant: all that moved until then, added up; up to
now that is what the balances say. When a day was over on the merchant's clock is what the roll-ups say.
"""

from __future__ import annotations

from datetime import date, datetime

from msgspec import Struct

from doorstep.doors.reads.goods import StockRow
from doorstep.doors.reads.measures import EACH_MOVE, stock_moved
from doorstep.doors.reads.orders import Word
from doorstep.kit import clock
from doorstep.spine.journey import STOCK
from doorstep.spine.tenant import Tx

_STAGES = ", ".join(f"u.{stage}" for stage in STOCK)
# What moved is added up once, whatever the planner thinks of how many SKUs there are.
_STOOD = f"""
with {{clock}} moved as materialized {{moved}}
select s.code as sku, t.code as site, {_STAGES}, {" + ".join(f"u.{stage}" for stage in STOCK)} as total
  from moved u
  join sku s on s.merchant_id = $1 and s.sku_id = u.sku_id
  join site t on t.site_id = u.site_id
  where ($3::text is null or s.code = $3) and ($4::text is null or t.code = $4)
  order by s.code, t.code
"""
STOOD = _STOOD.format(clock="", moved=stock_moved(f"{EACH_MOVE} where e.merchant_id = $1 and e.happened_at <= $2"))

# The roll-ups up to a day: the years before it, the months of its year, the days of its month; and what is not rolled
# up yet. That ends at the latest transaction, which says nothing and lets the planner see that it is little.
_UNROLLED = stock_moved(
    f"""{EACH_MOVE} where e.merchant_id = $1
        and e.txid between (select p.after_txid from clock p) and (select p.latest from clock p)
        and (e.txid, e.pos) > ((select p.after_txid from clock p), (select p.after_pos from clock p))
        and (e.happened_at at time zone (select p.timezone from clock p))::date <= $2"""
)
_OF_D = "d.sku_id, d.site_id, " + ", ".join(f"d.{stage}" for stage in STOCK)
_BY_THEN = f"""(
    select x.sku_id, x.site_id, {", ".join(f"sum(x.{stage})::bigint as {stage}" for stage in STOCK)}
      from (
        select {_OF_D} from stock_moved d
          where d.merchant_id = $1 and d.span = 'year' and d.day < date_trunc('year', $2::date)::date
        union all
        select {_OF_D} from stock_moved d
          where d.merchant_id = $1 and d.span = 'month' and d.day >= date_trunc('year', $2::date)::date
            and d.day < date_trunc('month', $2::date)::date
        union all
        select {_OF_D} from stock_moved d
          where d.merchant_id = $1 and d.span = 'day' and d.day between date_trunc('month', $2::date)::date and $2
        union all
        select w.sku_id, w.site_id, {", ".join(f"w.{stage}" for stage in STOCK)} from {_UNROLLED} w) x
      group by x.sku_id, x.site_id)"""
_CLOCK = """clock as materialized (
  select pg_snapshot_xmax(pg_current_snapshot()) as latest, coalesce(r.stock_txid, '0'::xid8) as after_txid,
      coalesce(r.stock_pos, 0) as after_pos, coalesce(r.timezone, m.timezone) as timezone
    from merchant m left join rollup r on r.merchant_id = m.merchant_id where m.merchant_id = $1),"""
STOOD_AT_THE_END_OF = _STOOD.format(clock=_CLOCK, moved=_BY_THEN)

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


class PastStockRow(StockRow, frozen=True, kw_only=True):
    """Units of a SKU at a site; one that something moved of before, and that has none left, is told with zeros."""

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


async def stock_at_the_end_of(tx: Tx, merchant: int, day: date, sku: str | None = None) -> list[PastStockRow]:
    """When that day was over on the merchant's clock."""
    return [PastStockRow(**row) for row in await tx.rows(STOOD_AT_THE_END_OF, merchant, day, sku, None)]


async def stock_now(tx: Tx, merchant: int, sku: str | None = None) -> list[PastStockRow]:
    return [PastStockRow(**row) for row in await tx.rows(STANDS, merchant, sku, None)]
