"""catalog: the SKUs of several merchants as a list, and all there is to know of one: what it is called, what customs
would ask, where it stands, who waits for it, what happened to it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from doorstep.doors.reads import cursor
from doorstep.doors.reads.finding import find
from doorstep.doors.reads.orders import OrderQuery
from doorstep.doors.reads.sku_finding import found_by, words_of
from doorstep.kit.ids import number
from doorstep.kit.refusals import NotFound
from doorstep.setup.customs.readiness import goods_of, lacking_everywhere
from doorstep.setup.customs.rules import listing_of
from doorstep.spine.tenant import Tx

WAITED_FOR = """
exists (select from order_line l where l.merchant_id = s.merchant_id and l.sku_id = s.sku_id and l.wanted > 0)
"""
NONE_FREE = """
s.stocked and not exists (
  select from availability a where a.merchant_id = s.merchant_id and a.sku_id = s.sku_id and a.free > 0)
"""
_LISTED = """
s.merchant_id, s.sku_id, s.code, s.barcode, s.name, s.stocked, s.weight_g, s.hs_code, s.origin, s.customs_text,
        s.value_minor, s.flags, s.eccn, s.export_license, s.responsible_person"""
_FITS = f"""
        and ($4 <> 'none' or ({NONE_FREE})) and ($4 <> 'waiting' or ({WAITED_FOR}))"""
# Of each merchant a page in the order of codes, then the first of all of them: no index spans merchants.
SKUS = f"""
select x.* from unnest($1::bigint[]) m(merchant_id) cross join lateral (
    select {_LISTED}
      from sku s where s.merchant_id = m.merchant_id
        and ($2::text is null or (s.code, s.merchant_id) > ($2, $3)){_FITS}
      order by s.code limit $5) x
  order by x.code, x.merchant_id limit $5
"""
# The same, those that are called so.
CALLED = f"""
select x.* from unnest($1::bigint[]) m(merchant_id) cross join lateral (
    select t.token, {_LISTED}
{found_by("$6", "$7", after=("$2", "$3"))}
        and ($2::text is null or (t.token, t.sku_id) > ($2, $3)){_FITS}
      order by t.token, t.sku_id limit $5) x
  order by x.token, x.sku_id limit $5
"""
FREE = """
select a.merchant_id, a.sku_id, sum(a.free)::bigint as free, sum(a.reserved + a.picked + a.packed)::bigint as promised,
    sum(a.quarantine)::bigint as apart
  from availability a where a.merchant_id = any($1) and a.sku_id = any($2) group by a.merchant_id, a.sku_id
"""
WAITING = """
select l.merchant_id, l.sku_id, sum(l.wanted)::bigint as units, count(distinct l.order_id) as orders
  from order_line l where l.merchant_id = any($1) and l.sku_id = any($2) and l.wanted > 0
  group by l.merchant_id, l.sku_id
"""
SKU = """
select s.merchant_id, s.sku_id, s.code, s.barcode, s.name, s.weight_g, s.length_mm, s.width_mm, s.height_mm, s.hs_code,
    s.origin, s.customs_text, s.value_minor, s.flags, s.stocked, s.eccn, s.export_license, s.responsible_person,
    m.name as merchant, m.key as merchant_key, m.currency
  from sku s join merchant m on m.merchant_id = s.merchant_id
  where s.merchant_id = any($1) and s.sku_id = $2
"""
ALIASES = """
select c.key as channel, a.alias from sku_alias a
    join channel c on c.merchant_id = a.merchant_id and c.channel_id = a.channel_id
  where a.merchant_id = $1 and a.sku_id = $2 order by c.key, a.alias limit 100
"""
AT_SITES = """
select t.site_id, t.code, t.name, t.country, a.free, a.reserved, a.picked, a.packed, a.quarantine
  from availability a join site t on t.site_id = a.site_id where a.merchant_id = $1 and a.sku_id = $2 order by t.code
"""
IN_PLACES = """
select b.site_id, b.place, b.lot, b.quantity from place_stock b
  where b.merchant_id = $1 and b.sku_id = $2 and b.quantity > 0 order by b.site_id, b.place, b.lot limit 500
"""
INCOMING = """
select n.site_id, n.asn_id, n.reference, n.expected_on, l.expected, l.received from asn_line l
    join asn n on n.merchant_id = l.merchant_id and n.asn_id = l.asn_id and n.closed_at is null
  where l.merchant_id = $1 and l.sku_id = $2 and l.received < l.expected order by n.expected_on, n.asn_id limit 100
"""
# Who waits for it, the oldest order first.
WAITERS = """
select o.order_id, o.number, o.placed_at, l.wanted from order_line l
    join orders o on o.merchant_id = l.merchant_id and o.order_id = l.order_id
  where l.merchant_id = $1 and l.sku_id = $2 and l.wanted > 0 order by o.placed_at, o.order_id limit $3
"""
ASNS_WITH = (
    "select l.asn_id from asn_line l where l.merchant_id = $1 and l.sku_id = $2 order by l.asn_id desc limit 200"
)
# No index leads from a SKU to its moves: the streams that may hold them are named, the SKU's own, those of what was
# announced, those of orders with it.
MOVES = """
select m.id, m.kind, m.seq, m.nth, m.verb, m.happened_at, t.code as site, m.quantity, m.source, m.target,
    m.source_place, m.target_place, m.lot, e.actor, coalesce(o.number, '') as number
  from move m
    join event e on e.merchant_id = m.merchant_id and e.id = m.id and e.seq = m.seq
    join site t on t.site_id = m.site_id
    left join orders o on m.kind = 'order' and o.merchant_id = m.merchant_id and o.order_id = m.id
  where m.merchant_id = $1 and m.id = any($2) and m.what = 'stock' and m.sku_id = $3
    and ($4::timestamptz is null or (m.happened_at, m.id, m.seq, m.nth) < ($4, $5, $6, $7))
  order by m.happened_at desc, m.id desc, m.seq desc, m.nth desc limit $8
"""
ORDERS_LOOKED_AT = 200
# Of SKUs that are to lack something for customs, which only the rule tells.
SKUS_LOOKED_AT = 1000


@dataclass(frozen=True, slots=True)
class SkuFilters:
    """`lacks`: '' or customs; `stock`: '', none (is free) or waiting (orders wait for it)."""

    merchants: Sequence[int]
    q: str = ""
    lacks: Literal["", "customs"] = ""
    stock: Literal["", "none", "waiting"] = ""
    after: str = ""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Row:
    sku: Any
    free: int
    promised: int
    apart: int
    waiting: int
    orders_waiting: int
    lacks: list[str]


async def lacking(tx: Tx, skus: Sequence[Any], on: date) -> list[list[str]]:
    """Of each the fields that customs asks for everywhere and that would hold a line; what one country asks besides,
    readiness tells. A service crosses no border."""
    rules = await listing_of(tx, on, [sku["hs_code"] for sku in skus])
    return [[lack.field for lack in lacking_everywhere(goods_of(sku), rules)] if sku["stocked"] else [] for sku in skus]


async def skus(tx: Tx, filters: SkuFilters, on: date) -> tuple[list[Row], str]:
    """A page in the order of codes, or of the words that were found, and where the next one begins.

    Of those that are to lack something a page may be shorter, and not the last: little fits of what was looked at.
    """
    after = cursor.read(filters.after, tuple[str, int]) if filters.after else (None, 0)
    first, others = await words_of(tx, filters.merchants, filters.q)
    query, called = (CALLED, (first, others)) if first else (SKUS, ())
    most = SKUS_LOOKED_AT if filters.lacks else filters.limit
    found = await tx.rows(query, list(filters.merchants), *after, filters.stock, most + 1, *called)
    looked_at = list(zip(found[:most], await lacking(tx, found[:most], on), strict=True))
    fitting = [(sku, lacks) for sku, lacks in looked_at if lacks or not filters.lacks]
    page = await _with_stock(tx, fitting[: filters.limit])
    if len(found) <= most and len(fitting) <= filters.limit:
        return page, ""
    last = fitting[filters.limit - 1][0] if len(fitting) > filters.limit else found[most - 1]
    return page, cursor.write(*(last["token"], last["sku_id"]) if first else (last["code"], last["merchant_id"]))


async def _with_stock(tx: Tx, skus: Sequence[tuple[Any, list[str]]]) -> list[Row]:
    rows = [sku for sku, _ in skus]
    at = (sorted({row["merchant_id"] for row in rows}), [row["sku_id"] for row in rows])
    free = {row["sku_id"]: row for row in await tx.rows(FREE, *at)} if rows else {}
    waiting = {row["sku_id"]: row for row in await tx.rows(WAITING, *at)} if rows else {}
    return [_row(sku, free.get(sku["sku_id"]), waiting.get(sku["sku_id"]), lacks) for sku, lacks in skus]


def _row(sku: Any, stock: Any, waiting: Any, lacks: list[str]) -> Row:
    free, promised, apart = (stock["free"], stock["promised"], stock["apart"]) if stock else (0, 0, 0)
    units, orders = (waiting["units"], waiting["orders"]) if waiting else (0, 0)
    return Row(sku, free, promised, apart, units, orders, lacks)


@dataclass(frozen=True, slots=True)
class AtSite:
    """What stands at a site, and in which places; `incoming` was announced and has not come."""

    site: Any
    places: list[Any]
    incoming: int

    def units(self, *stages: str) -> int:
        return sum(self.site[stage] for stage in stages)


@dataclass(frozen=True, slots=True)
class WholeSku:
    sku: Any
    aliases: list[Any]
    sites: list[AtSite]
    incoming: list[Any]
    waiters: list[Any]
    waiting: int
    orders_waiting: int

    def total(self, *stages: str) -> int:
        return sum(at.units(*stages) for at in self.sites)


async def sku_of(tx: Tx, word: str) -> Any:
    """The SKU, of whichever of the merchants; refuses NotFound."""
    row = await tx.row(SKU, list(tx.merchants), number("sku", word))
    if row is None:
        raise NotFound(sku=word)
    return row


async def whole_sku(tx: Tx, word: str, *, waiters: int = 10) -> WholeSku:
    sku = await sku_of(tx, word)
    of = (sku["merchant_id"], sku["sku_id"])
    incoming = await tx.rows(INCOMING, *of)
    waiting = await tx.row(WAITING, [of[0]], [of[1]])
    return WholeSku(
        sku, await tx.rows(ALIASES, *of), await _at_sites(tx, of, incoming), incoming,
        await tx.rows(WAITERS, *of, waiters), waiting["units"] if waiting else 0, waiting["orders"] if waiting else 0,
    )  # fmt: skip


async def _at_sites(tx: Tx, of: tuple[int, int], incoming: Sequence[Any]) -> list[AtSite]:
    places: dict[int, list[Any]] = defaultdict(list)
    coming: dict[int, int] = defaultdict(int)
    for row in await tx.rows(IN_PLACES, *of):
        places[row["site_id"]].append(row)
    for row in incoming:
        coming[row["site_id"]] += row["expected"] - row["received"]
    return [AtSite(row, places[row["site_id"]], coming[row["site_id"]]) for row in await tx.rows(AT_SITES, *of)]


async def movements(tx: Tx, sku: Any, *, at: str = "", limit: int = 50) -> tuple[list[Any], str]:
    """What moved of it, the newest first. Of orders, those are looked at that were placed last before then: one that
    came long ago and moves only now, while hundreds of others came since, is not among them."""
    before: tuple[Any, ...] = cursor.read(at, tuple[datetime, int, int, int]) if at else (None, None, None, None)
    merchant, sku_id = sku["merchant_id"], sku["sku_id"]
    with_it = await find(tx, [merchant], OrderQuery(sku=sku["code"], placed_to=before[0], limit=ORDERS_LOOKED_AT))
    asns = [row["asn_id"] for row in await tx.rows(ASNS_WITH, merchant, sku_id)]
    streams = [sku_id, *asns, *(row["order_id"] for row in with_it.rows)]
    found = await tx.rows(MOVES, merchant, streams, sku_id, *before, limit + 1)
    rows, last = found[:limit], found[limit - 1] if len(found) > limit else None
    return rows, cursor.write(last["happened_at"], last["id"], last["seq"], last["nth"]) if last else ""
