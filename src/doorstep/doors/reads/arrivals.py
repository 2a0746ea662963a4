"""arrivals: what stands where, of several merchants, and what is announced to sites."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from doorstep.doors.reads import cursor
from doorstep.doors.reads.sku_finding import found_by, words_of
from doorstep.kit.ids import number
from doorstep.kit.refusals import NotFound
from doorstep.spine.tenant import Tx

_LISTED = """
s.merchant_id, s.sku_id, s.code, s.name, l.site_id, l.code as site, a.free, a.reserved, a.picked, a.packed,
        a.quarantine"""
_FITS = """
        and ($5 = '' or l.code = $5)
        and case $6 when 'none' then a.free = 0 when 'apart' then a.quarantine > 0 when 'promised' then a.reserved > 0
          when 'coming' then exists (
            select from asn_line i join asn n on n.merchant_id = i.merchant_id and n.asn_id = i.asn_id
              where i.merchant_id = a.merchant_id and i.sku_id = a.sku_id and n.site_id = a.site_id
                and n.closed_at is null and i.received < i.expected)
          else true end"""
# Of each merchant a page, then the first of all of them. What is coming in is added to the rows of the page alone.
STOCK = f"""
select x.* from unnest($1::bigint[]) m(merchant_id) cross join lateral (
    select {_LISTED}
      from availability a join sku s on s.merchant_id = a.merchant_id and s.sku_id = a.sku_id
        join site l on l.site_id = a.site_id
      where a.merchant_id = m.merchant_id
        and ($2::text is null or (s.code, l.code, s.merchant_id) > ($2, $3, $4)){_FITS}
      order by s.code, l.code limit $7) x
  order by x.code, x.site, x.merchant_id limit $7
"""
# The same, of SKUs that are called so.
_AT_SITES = """
        cross join lateral (
          select * from availability b where b.merchant_id = t.merchant_id and b.sku_id = t.sku_id offset 0) a
        join site l on l.site_id = a.site_id"""
CALLED = f"""
select x.* from unnest($1::bigint[]) m(merchant_id) cross join lateral (
    select t.token, {_LISTED}
{found_by("$8", "$9", after=("$2", "$4"), joined=_AT_SITES)}
        and ($2::text is null or (t.token, t.sku_id, l.code) > ($2, $4, $3)){_FITS}
      order by t.token, t.sku_id, l.code limit $7) x
  order by x.token, x.sku_id, x.site limit $7
"""
COMING = """
select l.merchant_id, l.sku_id, n.site_id, sum(l.expected - l.received)::bigint as units
  from asn n join asn_line l on l.merchant_id = n.merchant_id and l.asn_id = n.asn_id
  where n.merchant_id = any($1) and l.sku_id = any($2) and n.closed_at is null and l.received < l.expected
  group by l.merchant_id, l.sku_id, n.site_id
"""
ASNS = """
select n.merchant_id, n.asn_id, n.reference, n.expected_on, n.announced_at, n.closed_at, t.code as site,
    t.name as site_name, u.expected, u.received, u.damaged, u.skus
  from (
    select x.* from unnest($1::bigint[]) m(merchant_id) cross join lateral (
      select a.* from asn a where a.merchant_id = m.merchant_id and ($2::bigint is null or a.asn_id < $2)
        and ($3 = '' or (a.closed_at is null) = ($3 = 'open'))
      order by a.asn_id desc limit $4) x
    order by x.asn_id desc limit $4) n
  join site t on t.site_id = n.site_id
  join lateral (
    select coalesce(sum(l.expected), 0)::bigint as expected, coalesce(sum(l.received), 0)::bigint as received,
        coalesce(sum(l.damaged), 0)::bigint as damaged, count(*) as skus
      from asn_line l where l.merchant_id = n.merchant_id and l.asn_id = n.asn_id) u on true
  order by n.asn_id desc
"""
ASN = """
select n.merchant_id, n.asn_id, n.reference, n.expected_on, n.announced_at, n.closed_at, t.code as site,
    t.name as site_name, m.name as merchant
  from asn n join site t on t.site_id = n.site_id join merchant m on m.merchant_id = n.merchant_id
  where n.merchant_id = any($1) and n.asn_id = $2
"""
ASN_LINES = """
select s.sku_id, s.code, s.name, l.expected, l.received, l.damaged from asn_line l
    join sku s on s.merchant_id = l.merchant_id and s.sku_id = l.sku_id
  where l.merchant_id = $1 and l.asn_id = $2 order by s.code
"""


@dataclass(frozen=True, slots=True)
class StockFilters:
    """`state`: '', none (is free), promised, apart or coming."""

    merchants: Sequence[int]
    q: str = ""
    site: str = ""
    state: Literal["", "none", "promised", "apart", "coming"] = ""
    after: str = ""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Row:
    stock: Any
    coming: int


async def stock(tx: Tx, filters: StockFilters) -> tuple[list[Row], str]:
    """A page in the order of SKU and site, or of the words that were found, and where the next one begins."""
    after = cursor.read(filters.after, tuple[str, str, int]) if filters.after else (None, "", 0)
    first, others = await words_of(tx, filters.merchants, filters.q)
    query, called = (CALLED, (first, others)) if first else (STOCK, ())
    found = await tx.rows(
        query, list(filters.merchants), *after, filters.site, filters.state, filters.limit + 1, *called
    )
    rows = found[: filters.limit]
    coming = await _coming(tx, rows)
    page = [Row(row, coming.get((row["sku_id"], row["site_id"]), 0)) for row in rows]
    if len(found) <= filters.limit:
        return page, ""
    last = rows[-1]
    return page, cursor.write(
        *(last["token"], last["site"], last["sku_id"]) if first else (last["code"], last["site"], last["merchant_id"])
    )


async def _coming(tx: Tx, rows: Sequence[Any]) -> dict[tuple[int, int], int]:
    if not rows:
        return {}
    at = (sorted({row["merchant_id"] for row in rows}), sorted({row["sku_id"] for row in rows}))
    return {(row["sku_id"], row["site_id"]): row["units"] for row in await tx.rows(COMING, *at)}


async def asns(
    tx: Tx, merchants: Sequence[int], *, state: str = "", before: str = "", limit: int = 50
) -> tuple[list[Any], str]:
    """The newest first; `state` is '', open or closed."""
    (at,) = cursor.read(before, tuple[int]) if before else (None,)
    found = await tx.rows(ASNS, list(merchants), at, state, limit + 1)
    rows = found[:limit]
    return rows, cursor.write(rows[-1]["asn_id"]) if len(found) > limit else ""


@dataclass(frozen=True, slots=True)
class WholeAsn:
    asn: Any
    lines: list[Any]

    @property
    def is_open(self) -> bool:
        return self.asn["closed_at"] is None


async def whole_asn(tx: Tx, word: str) -> WholeAsn:
    """Refuses NotFound."""
    row = await tx.row(ASN, list(tx.merchants), number("asn", word))
    if row is None:
        raise NotFound(asn=word)
    return WholeAsn(row, await tx.rows(ASN_LINES, row["merchant_id"], row["asn_id"]))
