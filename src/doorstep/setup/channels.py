"""channels: where a merchant's orders come from: an API, a store, a file. Its key is part of an order's key, for ever;
its name is what people call it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from doorstep.kit.refusals import NotFound, Refusal
from doorstep.setup import checks, log
from doorstep.setup.log import MACHINE, By
from doorstep.spine.tenant import Db, Tx, tenant_tx

OPEN = """
insert into channel (merchant_id, channel_id, key, kind, name)
  select $1, i, k, $4, $5 from unnest($2::bigint[], $3::text[]) u(i, k)
  on conflict (merchant_id, key) do nothing returning key
"""
THERE = "select key from channel where merchant_id = $1 and key = any($2)"
NAME = "update channel set name = $3 where merchant_id = $1 and key = $2 returning key"


class ChannelExists(Refusal):
    """There is a channel of this key already."""


class UnknownChannel(Refusal):
    """This merchant has no such channel."""

    status = 422


async def open_channels(db: Db, merchant: int, keys: Sequence[str], kind: str = "file", by: By = MACHINE) -> list[str]:
    """Make those that are missing; answers which. What is there stays as it is."""
    async with tenant_tx(db, [merchant]) as tx:
        missing = sorted(await missing_channels(tx, merchant, keys))
        return await _open(tx, merchant, missing, kind, "", by) if missing else []


async def create_channel(db: Db, merchant: int, key: str, kind: str, name: str = "", by: By = MACHINE) -> None:
    """Refuses ChannelExists, and what no channel can be called."""
    checks.word("channel", key, 60)
    async with tenant_tx(db, [merchant]) as tx:
        if not await _open(tx, merchant, [key], kind, name, by):
            raise ChannelExists(key=key)


async def name_channel(tx: Tx, merchant: int, key: str, name: str, by: By = MACHINE) -> None:
    """What people call it from now on; without a name, its key. Refuses NotFound."""
    if await tx.value(NAME, merchant, key, name) is None:
        raise NotFound(channel=key)
    await log.changed(tx, by, "channel", key, merchant)


async def _open(tx: Tx, merchant: int, keys: Sequence[str], kind: str, name: str, by: By) -> list[str]:
    ids = list(await tx.fresh_ids(len(keys)))
    opened = [row["key"] for row in await tx.rows(OPEN, merchant, ids, list(keys), kind, name)]
    if opened:
        await log.changed(tx, by, "new channel", ", ".join(opened), merchant)
    return opened


async def missing_channels(tx: Tx, merchant: int, keys: Iterable[str]) -> set[str]:
    wanted = set(keys)
    return wanted - {row["key"] for row in await tx.rows(THERE, merchant, list(wanted))}
