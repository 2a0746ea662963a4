"""What follows the events, followed to their end: transactions of other tests may hold the feed up for a moment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import msgspec

from doorstep.doors.reads.reports.stock import PastStockRow, stock_at_the_end_of
from doorstep.doors.worker import rolling
from doorstep.spine.journey import STOCK
from doorstep.spine.tenant import tenant_tx
from tests.doors.web import settled
from tests.shop import Shop

ROLLUPS = rolling.TABLES


async def roll(shop: Shop) -> None:
    await settled(shop)
    await rolling.once(shop.db, [shop.merchant])


async def roll_anew(shop: Shop) -> None:
    """From the first event on, in few batches."""
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        for statement in rolling.FORGET:
            await tx.run(statement, shop.merchant)
        places = "after_txid = '0', after_pos = 0, stock_txid = '0', stock_pos = 0"
        await tx.run(f"update rollup set {places} where merchant_id = $1", shop.merchant)
    await roll(shop)


async def kept(shop: Shop) -> dict[str, list[Mapping[str, Any]]]:
    """All roll-ups; days that came to nothing again are left out."""
    found = {}
    for table in ROLLUPS:
        rows = await shop.rows(f"select * from {table} t where t.merchant_id = $1 order by t::text", shop.merchant)
        found[table] = [row for row in rows if table == "order_measure" or any(_counts(row).values())]
    return found


def _counts(row: Mapping[str, Any]) -> dict[str, int]:
    return {name: value for name, value in row.items() if type(value) is int and name not in _KEYS}


_KEYS = {"merchant_id", "channel_id", "step", "bucket", "sku_id", "site_id"}


# Every move of stock, each by itself, on the merchant's day.
MOVES = """
select s.code as sku, t.code as site, (m.happened_at at time zone c.timezone)::date as day, m.quantity, m.source,
    m.target
  from move m join merchant c on c.merchant_id = m.merchant_id
    join sku s on s.merchant_id = m.merchant_id and s.sku_id = m.sku_id join site t on t.site_id = m.site_id
  where m.merchant_id = $1 and m.what = 'stock'
"""


async def past_stock_is_what_moved_by_then(shop: Shop) -> int:
    """On every day on which something moved, the day before, and the last of its month and year; answers how many."""
    moves = await shop.rows(MOVES, shop.merchant)
    moved_on = {move["day"] for move in moves}
    days = {day - timedelta(days=by) for day in moved_on for by in (0, 1)}
    days |= {date(day.year, day.month, 28) + timedelta(days=by) for day in moved_on for by in (0, 3, 4)}
    days |= {date(day.year, 12, 31) for day in moved_on}
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        for day in sorted(days):
            found = await stock_at_the_end_of(tx, shop.merchant, day)
            assert found == _added_up([move for move in moves if move["day"] <= day]), day
    return len(days)


def _added_up(moves: list[Mapping[str, Any]]) -> list[PastStockRow]:
    stood: dict[tuple[str, str], dict[str, int]] = {}
    for move in moves:
        stages = stood.setdefault((move["sku"], move["site"]), dict.fromkeys(STOCK, 0))
        for stage, by in ((move["source"], -move["quantity"]), (move["target"], move["quantity"])):
            if stage in stages:
                stages[stage] += by
    rows = [{"sku": sku, "site": site, **at, "total": sum(at.values())} for (sku, site), at in sorted(stood.items())]
    return msgspec.convert(rows, list[PastStockRow])
