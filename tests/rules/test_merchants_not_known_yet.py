"""A merchant who came after the database last counted (`analyze`) is read by the same indexes as any other."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from doorstep.doors.reads import catalog, floor
from doorstep.kit.embedded import Urls
from doorstep.spine.tenant import Db, tenant_tx
from tests.plans import rows_read
from tests.shop import Shop, open_shop

WITH_IT = """
select array_agg(distinct order_id), array_agg(distinct fulfillment_order_id) from allocation
  where merchant_id = $1 and sku_id = $2
"""
LEADS_WITH_A_MERCHANT = """
select c.relname, a.attstattarget from pg_class c
    join pg_index i on i.indrelid = c.oid and i.indisprimary
    join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0] and a.attname = 'merchant_id'
    where c.relnamespace = current_schema()::regnamespace
"""
MANY, FEW = 400, 4


@pytest.fixture
async def db(own_urls: Urls) -> AsyncIterator[Db]:
    opened = await Db.open(own_urls.app, own_urls.router, size=2)
    yield opened
    await opened.close()


async def a_busy_shop(db: Db) -> Shop:
    """Many orders of a mug, a few of a cup, some of which wait."""
    shop = await open_shop(db, hold_duplicates=False)
    await shop.stock("MUG", MANY)
    await shop.stock("CUP", FEW)
    mugs = [{"order": shop.order(("MUG", 1), payment_term="on_account")} for _ in range(MANY)]
    cups = [{"order": shop.order(("CUP", 1), payment_term="on_account")} for _ in range(2 * FEW)]
    await shop.ask_all("place", mugs)
    await shop.ask_all("place", cups)
    await shop.work()
    return shop


async def read_of_the_cup(shop: Shop) -> dict[str, int]:
    """Rows that the questions about it read: who waits, what moved, what is picked for its orders."""
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        # Tables that are known to be a few pages are read whole, whatever is asked; those of many orders never.
        await tx.run("set local enable_seqscan = off")
        sku = await tx.value("select sku_id from sku where merchant_id = $1 and code = 'CUP'", shop.merchant)
        orders, on_floor = await tx.row(WITH_IT, shop.merchant, sku)
        of = (shop.merchant, sku)
        moved = (shop.merchant, [sku, *orders], sku, None, None, None, None, 50)
        return {
            "who waits": await rows_read(tx, catalog.WAITERS, *of, 10),
            "what moved": await rows_read(tx, catalog.MOVES, *moved),
            "where it stands": await rows_read(tx, catalog.IN_PLACES, *of),
            "to pick": await rows_read(tx, floor.TO_PICK, shop.merchant, on_floor),
        }


async def test_every_table_of_merchants_keeps_no_statistics_of_one_of_them(own_urls: Urls) -> None:
    owner = await asyncpg.connect(own_urls.owner)
    try:
        tables = dict(await owner.fetch(LEADS_WITH_A_MERCHANT))
    finally:
        await owner.close()
    assert "orders" in tables
    assert set(tables.values()) == {1}, tables


async def test_who_came_after_the_last_count_is_read_as_who_was_there(own_urls: Urls, db: Db) -> None:
    known = [await a_busy_shop(db) for _ in range(2)]
    owner = await asyncpg.connect(own_urls.owner)
    try:
        await owner.execute("vacuum analyze")
    finally:
        await owner.close()
    new = await a_busy_shop(db)
    here, new_here = await read_of_the_cup(known[1]), await read_of_the_cup(new)
    assert {what: rows for what, rows in new_here.items() if rows > 2 * here[what]} == {}, here
