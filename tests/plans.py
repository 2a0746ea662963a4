"""plans: what a query reads, by its own account: rows, not time."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import msgspec

from doorstep.kit.embedded import Urls
from doorstep.spine.tenant import Tx
from tests.shop import Shop

_numbers = itertools.count(1)


@asynccontextmanager
async def forgotten(urls: Urls, shop: Shop, *tables: str) -> AsyncIterator[Tx]:
    """A transaction of which nothing is kept, planned for as for who only reads.

    It is of the owner of the tables, who may `analyze` what was just written to these: so the plans are those that many
    rows get when they have been here a while, whatever other tests left in the statistics.
    """
    owner = await asyncpg.connect(urls.owner)
    try:
        await owner.execute(f"begin; set local app.merchants = '{shop.merchant}'")
        yield Tx(owner, (shop.merchant,), shop.db.ids, shop.db.columns)
    finally:
        await owner.execute("rollback")
        await owner.execute(f"vacuum analyze {', '.join(tables)}")
        await owner.close()


async def analyzed(urls: Urls, *tables: str) -> None:
    """As the database does by itself after a while; what comes later its statistics know nothing of."""
    owner = await asyncpg.connect(urls.owner)
    await owner.execute(f"analyze {', '.join(tables)}")
    await owner.close()


async def rows_read(tx: Tx, query: str, *args: Any) -> int:
    """How many rows its scans of tables and indexes touched, all of them together.

    Planned as its transaction plans: who writes has one plan for whatever is given, and `explain` of a query would tell
    of one that is made for these.
    """
    name = f"counted_{next(_numbers)}"
    await tx.run(f"prepare {name} as {query}")
    told = await tx.value(f"explain (analyze, format json) execute {name}({await _as_words(tx, name, args)})")
    await tx.run(f"deallocate {name}")
    return _read(msgspec.json.decode(told)[0]["Plan"])


async def _as_words(tx: Tx, name: str, args: tuple[Any, ...]) -> str:
    """`execute` takes nothing else."""
    kinds = await tx.value("select parameter_types::text[] from pg_prepared_statements where name = $1", name)
    quoted = (f"quote_nullable(${number}::{kind})" for number, kind in enumerate(kinds, 1))
    return ", ".join(await tx.row(f"select {', '.join(quoted)}", *args))


def _read(plan: dict[str, Any]) -> int:
    below = sum(_read(one) for one in plan.get("Plans", ()))
    if "Relation Name" not in plan and plan["Node Type"] != "Bitmap Index Scan":
        return below
    removed = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
    return below + round((plan["Actual Rows"] + removed) * plan["Actual Loops"])
