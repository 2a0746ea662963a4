"""goods: what a merchant sells, and what stands where."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from doorstep.doors.reads import cursor
from doorstep.doors.reads.cursor import Cursor
from doorstep.doors.reads.orders import Limit, Word
from doorstep.doors.reads.rows import told
from doorstep.kit.ids import number, public
from doorstep.kit.refusals import NotFound
from doorstep.spine.tenant import Tx

STOCK = """
select s.sku_id, s.code as sku, t.code as site, a.free, a.reserved, a.picked, a.packed, a.quarantine
  from availability a join sku s on s.merchant_id = a.merchant_id and s.sku_id = a.sku_id
    join site t on t.site_id = a.site_id
  where a.merchant_id = $1 and ($2::text is null or s.code = $2) and ($3::text is null or t.code = $3)
    and ($4::text is null or (s.code, t.code) > ($4, $5))
  order by s.code, t.code limit $6
"""
SKUS = """
select s.sku_id, s.code, s.barcode, s.name, s.weight_g, s.length_mm, s.width_mm, s.height_mm, s.hs_code, s.origin,
    s.customs_text, s.value_minor, s.flags, s.stocked, s.eccn, s.export_license, s.responsible_person
  from sku s where s.merchant_id = $1 and ($2::text is null or s.code = $2) and ($3::text is null or s.barcode = $3)
    and ($4::text is null or s.code > $4) and ($5::bigint is null or s.sku_id = $5)
  order by s.code limit $6
"""
ALIASES = """
select c.key as channel, a.alias, s.code as sku, a.sku_id from sku_alias a
    join channel c on c.merchant_id = a.merchant_id and c.channel_id = a.channel_id
    join sku s on s.merchant_id = a.merchant_id and s.sku_id = a.sku_id
  where a.merchant_id = $1 and ($2::text is null or c.key = $2)
    and ($3::text is null or (c.key, a.alias) > ($3, $4))
  order by c.key, a.alias limit $5
"""


class StockQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sku: Word | None = None
    site: Word | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class StockRow(Struct, frozen=True, kw_only=True):
    """Units of a SKU at a site: `free` can be promised, `quarantine` waits for a decision."""

    sku: str
    site: str
    free: int
    reserved: int
    picked: int
    packed: int
    quarantine: int


class StockPage(Struct, frozen=True, kw_only=True):
    stock: list[StockRow]
    next: str | None


class SkuQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: Word | None = None
    barcode: Word | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class Sku(Struct, frozen=True, kw_only=True):
    id: str
    code: str
    barcode: str
    name: str
    weight_g: int
    length_mm: int
    width_mm: int
    height_mm: int
    hs_code: str
    origin: str
    customs_text: str
    value_minor: int
    flags: list[str]
    stocked: bool
    eccn: str
    export_license: str
    responsible_person: str


class SkuPage(Struct, frozen=True, kw_only=True):
    skus: list[Sku]
    next: str | None


class AliasQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    channel: Word | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class Alias(Struct, frozen=True, kw_only=True):
    """What a channel calls a SKU."""

    channel: str
    alias: str
    sku: str


class AliasPage(Struct, frozen=True, kw_only=True):
    aliases: list[Alias]
    next: str | None


async def stock(tx: Tx, merchant: int, query: StockQuery) -> StockPage:
    after: tuple[str | None, str] = (None, "")
    if query.cursor:
        after = cursor.read(query.cursor, tuple[str, str])
    rows = await tx.rows(STOCK, merchant, query.sku, query.site, *after, query.limit + 1)
    page = [told(row, StockRow) for row in rows[: query.limit]]
    more = len(rows) > query.limit
    return StockPage(stock=page, next=cursor.write(page[-1].sku, page[-1].site) if more else None)


async def skus(tx: Tx, merchant: int, query: SkuQuery) -> SkuPage:
    (after,) = cursor.read(query.cursor, tuple[str]) if query.cursor else (None,)
    rows = await tx.rows(SKUS, merchant, query.code, query.barcode, after, None, query.limit + 1)
    page = [_sku(row) for row in rows[: query.limit]]
    return SkuPage(skus=page, next=cursor.write(page[-1].code) if len(rows) > query.limit else None)


async def sku(tx: Tx, merchant: int, word: str) -> Sku:
    rows = await tx.rows(SKUS, merchant, None, None, None, number("sku", word), 1)
    if not rows:
        raise NotFound(sku=word)
    return _sku(rows[0])


def _sku(row: Any) -> Sku:
    return told(row, Sku, id=public("sku", row["sku_id"]), flags=list(row["flags"]))


async def aliases(tx: Tx, merchant: int, query: AliasQuery) -> AliasPage:
    after: tuple[str | None, str] = (None, "")
    if query.cursor:
        after = cursor.read(query.cursor, tuple[str, str])
    rows = await tx.rows(ALIASES, merchant, query.channel, *after, query.limit + 1)
    page = [told(row, Alias) for row in rows[: query.limit]]
    more = len(rows) > query.limit
    return AliasPage(aliases=page, next=cursor.write(page[-1].channel, page[-1].alias) if more else None)
