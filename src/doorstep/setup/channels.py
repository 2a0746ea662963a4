"""channels: where a merchant's orders come from: an API, a store, a file. Its name is part of an order's key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from doorstep.spine.tenant import Db, Tx, tenant_tx

OPEN = """
insert into channel (merchant_id, channel_id, key, kind)
  select $1, i, k, $4 from unnest($2::bigint[], $3::text[]) u(i, k)
  on conflict (merchant_id, key) do nothing returning key
"""
THERE = "select key from channel where merchant_id = $1 and key = any($2)"


async def open_channels(db: Db, merchant: int, keys: Sequence[str], kind: str = "file") -> list[str]:
    """Make those that are missing; answers which. What is there stays as it is."""
    async with tenant_tx(db, [merchant]) as tx:
        missing = sorted(await missing_channels(tx, merchant, keys))
        if not missing:
            return []
        ids = await tx.fresh_ids(len(missing))
        return [row["key"] for row in await tx.rows(OPEN, merchant, list(ids), missing, kind)]


async def missing_channels(tx: Tx, merchant: int, keys: Iterable[str]) -> set[str]:
    wanted = set(keys)
    return wanted - {row["key"] for row in await tx.rows(THERE, merchant, list(wanted))}
