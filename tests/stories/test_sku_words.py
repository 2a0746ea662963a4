"""SKUs are found by the beginnings of what they are called, off an index, however many there are."""

from __future__ import annotations

from typing import Any

from doorstep.doors.reads import arrivals, catalog
from doorstep.doors.reads.arrivals import StockFilters
from doorstep.doors.reads.catalog import SkuFilters
from doorstep.doors.reads.sku_finding import words_of
from doorstep.kit.embedded import Urls
from doorstep.kit.text import folded
from doorstep.setup.catalog import change_sku, create_sku
from doorstep.setup.many_skus import put_skus
from doorstep.setup.merchants import NewSku, add_skus
from doorstep.spine.tenant import tenant_tx
from tests.plans import forgotten, rows_read
from tests.shop import Shop

MANY, PAGE = 100_000, 51
MANY_SKUS = """
insert into sku (merchant_id, sku_id, code, name, barcode)
  select $1, $2 + n, 'GLASS-' || n, 'Glass number ' || n, (9000000000000 + n)::text from generate_series(1, $3) n
"""
THEIR_WORDS = f"""
insert into sku_token (merchant_id, token, sku_id)
  select s.merchant_id, {folded("w.word")}, s.sku_id from sku s
    cross join lateral (values (s.code), ('glass'), ('number'), (s.barcode)) w(word)
    where s.merchant_id = $1 and s.code like 'GLASS-%'
"""


async def called(shop: Shop, text: str, **more: Any) -> list[str]:
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        rows, _further = await catalog.skus(tx, SkuFilters([shop.merchant], text, **more), shop.at.date())
    return [row.sku["code"] for row in rows]


async def test_a_sku_is_found_by_its_code_its_barcode_and_the_words_of_its_name(shop: Shop) -> None:
    await add_skus(shop.db, shop.merchant, [NewSku("CUP-BLUE-01", "Espresso cup (blue), Ærø", "5701234567890")])
    for text in ("cup-blue", "CUP-BLUE-01", "blue", "01", "espr", "ærø", "57012345", "blue esp", "  cup   ÆRØ "):
        assert await called(shop, text) == ["CUP-BLUE-01"], text
    for text in ("lue", "cup red", "presso"):
        assert await called(shop, text) == [], text


async def test_what_is_called_exactly_so_comes_first_and_each_comes_once(shop: Shop) -> None:
    await add_skus(shop.db, shop.merchant, [
        NewSku("OLD", "Kettles of old"), NewSku("A-1", "Kettledrum"), NewSku("B-1", "Kettle, kettles and a kettledrum"),
    ])  # fmt: skip
    assert await called(shop, "kettle") == ["B-1", "A-1", "OLD"]


async def test_whoever_writes_a_sku_writes_its_words(shop: Shop) -> None:
    made = await create_sku(shop.db, shop.merchant, NewSku("VASE", "Tall vase"))
    await change_sku(shop.db, shop.merchant, made, NewSku("URN", "Tall urn"))
    assert (await called(shop, "vase"), await called(shop, "urn")) == ([], ["URN"])
    await put_skus(shop.db, shop.merchant, [NewSku("URN", "Wide urn"), NewSku("BOWL", "Bowl")])
    assert (await called(shop, "tall"), await called(shop, "wide"), await called(shop, "bowl")) == (
        [], ["URN"], ["BOWL"],
    )  # fmt: skip


async def test_nobody_finds_what_another_sells(shop: Shop, other_shop: Shop) -> None:
    await add_skus(other_shop.db, other_shop.merchant, [NewSku("THEIRS")])
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        rows, _further = await catalog.skus(
            tx, SkuFilters([shop.merchant, other_shop.merchant], "theirs"), shop.at.date()
        )
    assert rows == []


async def test_pages_of_what_was_found_leave_nothing_out(shop: Shop) -> None:
    await add_skus(shop.db, shop.merchant, [NewSku(f"TRAY-{nth}", f"Tray {nth}") for nth in range(9)])
    found, after = [], ""
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        while True:
            rows, after = await catalog.skus(
                tx, SkuFilters([shop.merchant], "tray", after=after, limit=4), shop.at.date()
            )
            found += [row.sku["code"] for row in rows]
            if not after:
                break
    assert sorted(found) == [f"TRAY-{nth}" for nth in range(9)]


async def test_stock_is_found_by_the_same_words(shop: Shop) -> None:
    await add_skus(shop.db, shop.merchant, [NewSku("PAN-S", "Small pan"), NewSku("PAN-L", "Large pan")])
    for code, site in (("PAN-S", "NJ"), ("PAN-L", "NJ"), ("PAN-L", "PL")):
        await shop.stock(code, 3, site)
    found, after = [], ""
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        while True:
            rows, after = await arrivals.stock(tx, StockFilters([shop.merchant], "pan", after=after, limit=1))
            found += [(row.stock["code"], row.stock["site"][:2]) for row in rows]
            if not after:
                break
        none, _further = await arrivals.stock(tx, StockFilters([shop.merchant], "small large"))
    assert sorted(found) == [("PAN-L", "NJ"), ("PAN-L", "PL"), ("PAN-S", "NJ")]
    assert none == []


async def test_among_a_hundred_thousand_a_search_reads_little_more_than_it_shows(shop: Shop, urls: Urls) -> None:
    """With the statistics that the database keeps by itself."""
    read = {}
    async with forgotten(urls, shop, "sku", "sku_token") as tx:
        await tx.run(MANY_SKUS, shop.merchant, next(await tx.fresh_ids(MANY + 1)), MANY)
        await tx.run(THEIR_WORDS, shop.merchant)
        await tx.run("analyze sku; analyze sku_token")
        for text in ("glass-99", "glass", "number 99", "9000000000007", "glass number", "nothing"):
            first, others = await words_of(tx, [shop.merchant], text)
            read[text] = await rows_read(tx, catalog.CALLED, [shop.merchant], None, 0, "", PAGE, first, others)
    assert max(read.values()) < 20 * PAGE, read
