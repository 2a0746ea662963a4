"""A test that hangs at the database fails, and says which statement waited, and who stood in its way."""

from __future__ import annotations

import asyncpg
import pytest

from doorstep.kit.embedded import Urls
from doorstep.spine.tenant import Db, tenant_tx
from tests.database import (
    FROZEN_AFTER_S,
    LONGEST_STATEMENT_S,
    LONGEST_WAIT_FOR_A_LOCK_S,
    told_of,
    waited_in_vain,
)
from tests.shop import Shop

RENAMED = "update merchant set name = $2 where merchant_id = $1"


async def limits_of(connection: asyncpg.Connection[asyncpg.Record]) -> list[str]:
    names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
    return [await connection.fetchval("select current_setting($1)", name) for name in names]


async def test_every_session_of_the_tests_has_its_limits(db: Db, urls: Urls) -> None:
    lock, statement = f"{LONGEST_WAIT_FOR_A_LOCK_S // 60}min", f"{LONGEST_STATEMENT_S // 60}min"
    async with db.pool.acquire() as connection:
        assert await limits_of(connection) == [lock, statement, f"{FROZEN_AFTER_S // 60}min"]
    for url in (urls.owner, urls.router):
        connection = await asyncpg.connect(url)
        assert (await limits_of(connection))[:2] == [lock, statement]
        await connection.close()


async def test_who_waits_for_one_that_never_commits_names_its_statement_and_the_others(shop: Shop) -> None:
    async with tenant_tx(shop.db, [shop.merchant]) as never_commits:
        await never_commits.run(RENAMED, shop.merchant, "One")
        with pytest.raises(RuntimeError) as raised:
            try:
                async with tenant_tx(shop.db, [shop.merchant]) as waits:
                    await waits.run("set local lock_timeout = '100ms'")
                    await waits.run(RENAMED, shop.merchant, "Another")
            except asyncpg.LockNotAvailableError as error:
                raise RuntimeError("as a test that something else came of") from error
        waited = waited_in_vain(raised.value)
        assert waited is not None
        told = told_of(waited)
    said, standing = told.split("Transactions that are open:")
    assert "lock timeout" in said
    assert RENAMED in said
    assert RENAMED in standing
    assert "idle in transaction" in standing
    assert waited_in_vain(AssertionError("something else")) is None
