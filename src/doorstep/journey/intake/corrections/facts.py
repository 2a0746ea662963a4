"""facts: what the rule sees: corrections that are here, sales that may be credited, goods that stand.

A handful of statements, however many corrections come at once. Locked are the corrections themselves, then orders,
availability and places, as everywhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from doorstep.journey.intake.content import correction_hash
from doorstep.journey.intake.corrections.correcting import Correction, Line
from doorstep.journey.intake.corrections.linking import Ends, Link, Owed, Sale, Sales
from doorstep.journey.intake.known import Items, channels_named, items_named, items_of
from doorstep.journey.intake.shelf import Shelf, shelf_of
from doorstep.journey.intake.told import CorrectedLine, ImportCorrection
from doorstep.setup.places import Goods
from doorstep.setup.sites import sites_by_code
from doorstep.spine.facts import locked_and
from doorstep.spine.outcome import Ask
from doorstep.spine.roads import LineKey, Road, roads_of
from doorstep.spine.tenant import Tx

EXISTING = """
select c.merchant_id, c.correction_id, c.channel_id, c.kind, c.external_id, c.number, c.content_hash,
    l.linked, l.lines_linked, l.is_open
  from unnest($2::bigint[], $3::text[], $4::text[]) a(channel_id, kind, external_id)
  join correction c on c.merchant_id = any($1) and c.channel_id = a.channel_id and c.kind = a.kind
    and c.external_id = a.external_id
  cross join lateral (
    select coalesce(sum(l.linked), 0)::bigint as linked, count(*) filter (where l.linked > 0) as lines_linked,
        coalesce(bool_or(l.linked < -l.quantity and l.sku_id is not null), false) as is_open
      from correction_line l where l.merchant_id = c.merchant_id and l.correction_id = c.correction_id) l
"""
# Locked before the orders are; two that come at once see each other's links.
KEPT = """
select c.merchant_id, c.correction_id, c.kind, c.happened_at, c.content_hash from correction c
  where c.merchant_id = any($1) and c.correction_id = any($2) order by c.merchant_id, c.correction_id for update
"""
KEPT_LINES = """
select l.correction_id, l.line_no, l.sku_id, coalesce(s.stocked, false) as stocked, l.site_id, l.code, l.title,
    l.quantity, l.unit_price, l.total_minor
  from correction_line l left join sku s on s.merchant_id = l.merchant_id and s.sku_id = l.sku_id
  where l.merchant_id = any($1) and l.correction_id = any($2) order by l.correction_id, l.line_no
"""
KEPT_LINKS = """
select k.correction_id, k.line_no, k.order_id, k.order_line_no, k.stage, k.quantity, k.less_minor, k.price_differs
  from credit_link k where k.merchant_id = any($1) and k.correction_id = any($2)
  order by k.correction_id, k.line_no, k.order_id, k.order_line_no, k.stage
"""
# Orders that hold something to be credited: found before they are locked, read after.
CANDIDATES = """
select distinct o.order_id
  from unnest($2::bigint[], $3::text[], $4::bigint[], $5::timestamptz[]) a(channel_id, customer, sku_id, latest)
  join orders o on o.merchant_id = any($1) and o.customer = a.customer and o.placed_at <= a.latest
    and o.channel_id = a.channel_id and o.customer <> ''
  join order_line l on l.merchant_id = o.merchant_id and l.order_id = o.order_id and l.sku_id = a.sku_id
    and l.ships and l.shipped + l.delivered > 0
"""
SALES = """
select o.order_id, o.channel_id, o.customer, o.currency, o.placed_at, n.owed, l.line_no, l.sku_id, l.unit_price,
    l.shipped, l.delivered, l.lost
  from orders o
  join order_now n on n.merchant_id = o.merchant_id and n.order_id = o.order_id
  join order_line l on l.merchant_id = o.merchant_id and l.order_id = o.order_id and l.sku_id = any($3) and l.ships
  where o.merchant_id = any($1) and o.order_id = any($2)
  order by o.placed_at desc, o.order_id desc, l.line_no
"""

Buyer = tuple[int, str, str]  # channel, customer, currency


@dataclass(frozen=True, slots=True)
class Existing:
    correction_id: int
    number: str
    content_hash: bytes
    linked: int
    lines_linked: int
    is_open: bool  # some credited units have no sale yet


@dataclass(frozen=True, slots=True)
class Kept:
    """A correction that may change, as it is under its lock."""

    merchant: int
    before: Correction
    content_hash: bytes


@dataclass(frozen=True, slots=True)
class Facts:
    channels: Mapping[tuple[int, str], int]
    items: Items
    sites: Mapping[str, int]
    existing: Mapping[tuple[int, str, str], Existing]  # channel, kind, external id
    kept: Mapping[int, Kept]


@dataclass(slots=True)
class Left:
    """What the corrections of this batch before have left: ids, units to be credited, money still owed, goods.

    `roads`: of lines that were credited on their way.
    """

    ids: Iterator[int]
    sales: dict[Buyer, Sales] = field(default_factory=lambda: defaultdict(Sales))
    by_line: dict[LineKey, Sale] = field(default_factory=dict)
    roads: Mapping[LineKey, Road] = field(default_factory=dict)
    owed: Owed = field(default_factory=dict)
    shelf: Shelf = field(default_factory=Shelf)


async def facts_of(tx: Tx, asks: Sequence[Ask[ImportCorrection]]) -> tuple[Facts, Left]:
    lines = [line for ask in asks for line in ask.body.lines]
    named = any(ask.body.site for ask in asks)
    channels = await channels_named(tx, {ask.body.channel for ask in asks})
    existing = await _existing(tx, channels, asks)
    facts = Facts(
        channels=channels,
        items=await items_named(tx, {line.sku or line.title for line in lines} | {line.sku for line in lines}),
        sites={code: site.site_id for code, site in (await sites_by_code(tx)).items()} if named else {},
        existing=existing,
        kept=await _kept(tx, _in_work(channels, existing, asks)),
    )
    left = Left(ids=await tx.fresh_ids(len(asks)))
    await _read_sales(tx, facts, left, asks)
    left.shelf = await shelf_of(tx, _moving(facts, asks))
    return facts, left


async def _existing(
    tx: Tx, channels: Mapping[tuple[int, str], int], asks: Sequence[Ask[ImportCorrection]]
) -> dict[tuple[int, str, str], Existing]:
    keys = {
        (channel, ask.body.kind, ask.body.external_id)
        for ask in asks
        if (channel := channels.get((ask.merchant, ask.body.channel))) is not None
    }
    if not keys:
        return {}
    rows = await tx.rows(EXISTING, list(tx.merchants), *map(list, zip(*sorted(keys), strict=True)))
    return {
        (row["channel_id"], row["kind"], row["external_id"]): Existing(
            row["correction_id"], row["number"], row["content_hash"], row["linked"], row["lines_linked"],
            row["is_open"],
        )
        for row in rows
    }  # fmt: skip


def _in_work(
    channels: Mapping[tuple[int, str], int],
    existing: Mapping[tuple[int, str, str], Existing],
    asks: Iterable[Ask[ImportCorrection]],
) -> Iterator[int]:
    """Corrections that are here and say something else now, or may be linked further."""
    for ask in asks:
        told = ask.body
        found = existing.get((channels.get((ask.merchant, told.channel), 0), told.kind, told.external_id))
        if found is not None:
            may_be_linked = told.link and told.kind == "credit" and told.buyer.customer and found.is_open
            if may_be_linked or found.content_hash != correction_hash(told):
                yield found.correction_id


async def _kept(tx: Tx, corrections: Iterable[int]) -> dict[int, Kept]:
    wanted = sorted(set(corrections))
    if not wanted:
        return {}
    at = (list(tx.merchants), wanted)
    heads = await tx.rows(KEPT, *at)
    lines: dict[int, list[Line]] = defaultdict(list)
    for row in await tx.rows(KEPT_LINES, *at):
        values = dict(row)
        lines[values.pop("correction_id")].append(Line(**values))
    links: dict[int, dict[Ends, Link]] = defaultdict(dict)
    for row in await tx.rows(KEPT_LINKS, *at):
        ends = Ends(row["line_no"], row["order_id"], row["order_line_no"], row["stage"])
        links[row["correction_id"]][ends] = Link(row["quantity"], row["less_minor"], row["price_differs"])
    found = {}
    for head in heads:
        one = head["correction_id"]
        before = Correction(head["kind"], head["happened_at"], tuple(lines[one]), links[one])
        found[one] = Kept(head["merchant_id"], before, head["content_hash"])
    return found


async def _read_sales(tx: Tx, facts: Facts, left: Left, asks: Sequence[Ask[ImportCorrection]]) -> None:
    """The sales that may be credited, and the orders that changed corrections were linked to, locked in id order."""
    wanted = _wanted(facts, asks)
    before = [kept.before for kept in facts.kept.values()]
    tied = {ends.order_id for correction in before for ends in correction.links}
    merchants = list(tx.merchants)
    if wanted:
        keys = [(*key, latest) for key, latest in sorted(wanted.items())]
        tied |= {row["order_id"] for row in await tx.rows(CANDIDATES, merchants, *map(list, zip(*keys, strict=True)))}
    if not tied:
        return
    orders = sorted(tied)
    credited = {line.sku_id for correction in before for line in correction.lines if line.sku_id}
    skus = sorted(credited | {sku for _, _, sku in wanted})
    held, _ = await locked_and(tx, orders, reads=("taken_back", "lost"))
    left.roads = await roads_of(tx, [held[order] for order in _credited_on_the_road(before) if order in held])
    for row in await tx.rows(SALES, merchants, orders, skus):
        units = {stage: row[stage] for stage in ("delivered", "shipped", "lost")}
        sale = Sale(row["order_id"], row["line_no"], row["placed_at"], row["unit_price"], units)
        left.sales[row["channel_id"], row["customer"], row["currency"]].add(row["sku_id"], sale)
        left.by_line[row["order_id"], row["line_no"]] = sale
        left.owed[row["order_id"]] = row["owed"]


def _credited_on_the_road(corrections: Iterable[Correction]) -> list[int]:
    return sorted({ends.order_id for one in corrections for ends in one.links if ends.stage == "shipped"})


def _wanted(facts: Facts, asks: Sequence[Ask[ImportCorrection]]) -> dict[tuple[int, str, int], datetime]:
    """(channel, customer, SKU) of the credited lines, with the latest time that one of them was credited."""
    wanted: dict[tuple[int, str, int], datetime] = {}
    for ask in asks:
        told, customer = ask.body, ask.body.buyer.customer
        channel = facts.channels.get((ask.merchant, told.channel), 0)
        existing = facts.existing.get((channel, told.kind, told.external_id))
        is_settled = existing is not None and existing.correction_id not in facts.kept
        if told.link and told.kind == "credit" and customer and not is_settled:
            for line, sku in _goods(facts, ask):
                if line.quantity < 0:
                    key = (channel, customer, sku)
                    wanted[key] = max(wanted.get(key, told.happened_at), told.happened_at)
    return wanted


def _moving(facts: Facts, asks: Sequence[Ask[ImportCorrection]]) -> Iterator[Goods]:
    """What may come to a site or leave it by these corrections, or did by what they said before."""
    for kept in facts.kept.values():
        for line in kept.before.lines:
            if line.sku_id and line.site_id:
                yield Goods(kept.merchant, line.sku_id, line.site_id)
    for ask in asks:
        site = facts.sites.get(ask.body.site)
        if site and ask.body.kind != "adjustment":
            for _, sku in _goods(facts, ask):
                yield Goods(ask.merchant, sku, site)


def _goods(facts: Facts, ask: Ask[ImportCorrection]) -> Iterator[tuple[CorrectedLine, int]]:
    """Its lines of goods that can stand somewhere, with their SKUs."""
    channel = facts.channels.get((ask.merchant, ask.body.channel), 0)
    for line, item in zip(ask.body.lines, items_of(facts.items, ask.merchant, channel, ask.body.lines), strict=True):
        if item and item.stocked:
            yield line, item.sku_id
