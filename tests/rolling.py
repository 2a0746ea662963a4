"""What follows the events, followed to their end: transactions of other tests may hold the feed up for a moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from doorstep.doors.worker import rolling
from doorstep.spine.tenant import tenant_tx
from tests.doors.web import settled
from tests.shop import Shop

ROLLUPS = ("order_measure", "day_cash", *rolling.ADDED)


async def roll(shop: Shop) -> None:
    await settled(shop)
    await rolling.once(shop.db, [shop.merchant])


async def roll_anew(shop: Shop) -> None:
    """From the first event on, in few batches."""
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        for statement in rolling.FORGET:
            await tx.run(statement, shop.merchant)
        await tx.run("update rollup set after_txid = '0', after_pos = 0 where merchant_id = $1", shop.merchant)
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


_KEYS = {"merchant_id", "channel_id", "step", "bucket"}
