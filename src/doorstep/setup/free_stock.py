"""free_stock: what is free of SKUs, and where, locked: what is seen free stays free until the batch is written."""

from __future__ import annotations

from collections.abc import Sequence

from doorstep.spine.tenant import Tx

FREE = """
select merchant_id, sku_id, site_id, free from availability
  where merchant_id = any($1) and sku_id = any($2)
  order by merchant_id, sku_id, site_id for no key update
"""
# By merchant and SKU: units at each site.
FreeUnits = dict[tuple[int, int], dict[int, int]]


async def free_and_locked(tx: Tx, skus: Sequence[int]) -> FreeUnits:
    free: FreeUnits = {}
    for row in await tx.rows(FREE, list(tx.merchants), list(skus)):
        free.setdefault((row["merchant_id"], row["sku_id"]), {})[row["site_id"]] = row["free"]
    return free
