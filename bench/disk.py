"""disk: what orders take on disk and in the write-ahead log, papers and request keys told apart."""

from __future__ import annotations

from typing import Any

import asyncpg

# Everything that orders add to; stock, merchants and SKUs do not grow with them. Papers are files, not tables.
OF_ORDERS = (
    "orders", "order_line", "order_now", "allocation", "fulfillment_order", "parcel", "parcel_line", "parcel_event",
    "hold", "decision", "payment", "invoice", "attention", "stream", "event", "request", "job", "promise",
    "promise_end", "notice",
)  # fmt: skip
SIZES = """
select r.name, pg_total_relation_size(to_regclass(r.name)) + coalesce((
    select sum(pg_total_relation_size(p.relid)) from pg_partition_tree(to_regclass(r.name)) p where p.isleaf
      and p.level > 0), 0)::bigint as bytes
  from unnest($1::text[]) r(name) where to_regclass(r.name) is not null
"""
WAL = "select (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint"


class Disk:
    """A connection of the tables' owner beside what is measured."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, owner_url: str) -> Disk:
        return cls(await asyncpg.connect(owner_url))

    async def close(self) -> None:
        await self._connection.close()

    async def wal(self) -> int:
        """How far the write-ahead log is, in bytes."""
        return int(await self._connection.fetchval(WAL))

    async def sizes(self) -> dict[str, int]:
        """Bytes per table of the orders, indexes and what is stored aside included."""
        return {row["name"]: row["bytes"] for row in await self._connection.fetch(SIZES, list(OF_ORDERS))}

    async def vacuum(self) -> None:
        """What autovacuum does in time: dead rows are room for new ones. It gives nothing back to the disk."""
        for name in OF_ORDERS:
            if await self._connection.fetchval("select to_regclass($1) is not null", name):
                await self._connection.execute(f"vacuum (analyze) {name}")


def grown(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {name: after[name] - before.get(name, 0) for name in after}


def each(bytes_of: dict[str, int], orders: int) -> dict[str, int]:
    """Per order and table, the largest first."""
    shares = {name: round(size / orders) for name, size in bytes_of.items()}
    return dict(sorted(((name, size) for name, size in shares.items() if size), key=lambda item: -item[1]))
