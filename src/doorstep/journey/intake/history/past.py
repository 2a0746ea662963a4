"""past: what the books know of historic orders beside the orders: parcels, exceptions, goods that left or stand ready.

A handful of statements, however many orders come at once; what is locked is locked in the order of the house: the
orders are before these are asked for, then availability, then places.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from doorstep.journey.intake.history.papers_elsewhere import INVOICES
from doorstep.journey.intake.history.standing import Bill, KeptParcel, KeptPart, Left, Shipped
from doorstep.journey.intake.known import word_for
from doorstep.journey.intake.shelf import Shelf, shelf_of
from doorstep.kit.refusals import NotFound
from doorstep.setup.places import Goods
from doorstep.setup.sites import sites_by_code
from doorstep.spine.facts import OrderFacts
from doorstep.spine.outcome import Ask
from doorstep.spine.tenant import Tx

PARCELS = """
select p.order_id, p.parcel_id, p.reference, p.site_id, t.code as site, p.state, p.carrier, p.tracking_number,
    p.handed_over_at, p.delivered_at
  from parcel p join site t on t.site_id = p.site_id
  where p.merchant_id = any($1) and p.order_id = any($2) and p.reference <> '' order by p.parcel_id
"""
INSIDE = """
select l.parcel_id, l.line_no, l.quantity
  from parcel p join parcel_line l on l.merchant_id = p.merchant_id and l.parcel_id = p.parcel_id
  where p.merchant_id = any($1) and p.order_id = any($2) and p.reference <> '' order by l.parcel_id, l.line_no
"""
PARTS = """
select f.order_id, f.site_id, f.fulfillment_order_id, f.deliver_by, f.released_at from fulfillment_order f
  where f.merchant_id = any($1) and f.order_id = any($2)
"""
# Those that a telling raised: a telling may end them.
EXCEPTIONS = """
select a.order_id, a.attention_id, a.kind, a.reason, a.resolved_at is null as is_open, a.resolved_by
  from attention a
  where a.merchant_id = any($1) and a.order_id = any($2) and a.why ->> 'by' = 'import_history' order by a.attention_id
"""
# What left for an order, and came back, by when; what was opened for it before is no part of that.
LEFT = """
select m.id as order_id, m.sku_id, m.site_id, m.happened_at,
    sum(case when m.target = 'world' then m.quantity else -m.quantity end)::bigint as units
  from move m
  where m.merchant_id = any($1) and m.kind = 'order' and m.id = any($2) and m.verb = 'import_history'
    and m.what = 'stock'
  group by m.id, m.sku_id, m.site_id, m.happened_at order by m.id, m.sku_id, m.site_id, m.happened_at
"""


BILLS = """
select i.order_id, bool_or(i.series = $3) as elsewhere,
    sum(case i.kind when 'invoice' then i.tax_minor else -i.tax_minor end)::bigint as tax_minor
  from invoice i where i.merchant_id = any($1) and i.order_id = any($2) group by i.order_id
"""


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception that a telling raised before."""

    attention_id: int
    kind: str
    reason: str
    is_open: bool
    resolved_by: str | None


@dataclass(frozen=True, slots=True)
class Past:
    sites: Mapping[str, int] = field(default_factory=dict)
    shelf: Shelf = field(default_factory=Shelf)  # moved as the batch goes
    parcels: Mapping[int, list[KeptParcel]] = field(default_factory=dict)
    parts: Mapping[int, dict[int, KeptPart]] = field(default_factory=dict)
    raised: Mapping[int, list[Raised]] = field(default_factory=dict)
    left: Mapping[int, Left] = field(default_factory=dict)
    bills: Mapping[int, Bill] = field(default_factory=dict)

    def goods_of(self, merchant: int, order: int | None = None) -> Shipped:
        left = self.left.get(order, {}) if order is not None else {}
        return Shipped(merchant, self.sites, self.shelf, left)

    def must_know(self, sites: Iterable[str]) -> None:
        """Refuses NotFound."""
        for site in sites:
            if site and site not in self.sites:
                raise NotFound(site=site)


NOTHING_PAST = Past()


async def past_of(
    tx: Tx, asks: Sequence[Ask[Any]], orders: Mapping[int, OrderFacts], skus: Mapping[tuple[int, str], Iterable[int]]
) -> Past:
    """Of these tellings, and of the orders that are here already. `skus`: by merchant and word, which have stock."""
    if not asks:
        return NOTHING_PAST
    named = any(any(sites_of(ask.body)) for ask in asks)
    sites = {code: site.site_id for code, site in (await sites_by_code(tx)).items()} if named else {}
    at = (list(tx.merchants), list(orders))
    left = await _left(tx, at) if orders else {}
    return Past(
        sites=sites,
        shelf=await shelf_of(tx, _goods(asks, sites, skus) | _goods_left(orders, left)),
        parcels=await _parcels(tx, at) if orders else {},
        parts=await _parts(tx, at) if orders else {},
        raised=await _raised(tx, at) if orders else {},
        left=left,
        bills=await _bills(tx, [order for order, one in orders.items() if one.row["invoiced"]]),
    )


def sites_of(body: Any) -> Iterator[str]:
    """Where goods are said to have left from."""
    yield getattr(body, "site", "")
    for parcel in body.happened.parcels:
        yield parcel.site


def _goods(
    asks: Sequence[Ask[Any]], sites: Mapping[str, int], skus: Mapping[tuple[int, str], Iterable[int]]
) -> set[Goods]:
    """What may leave a site, or come back to it, by these tellings."""
    words: dict[tuple[int, int | None], set[str]] = defaultdict(set)
    for ask in asks if sites else ():
        own = sites.get(getattr(ask.body, "site", ""))
        at = {number: sites.get(parcel.site) for parcel in ask.body.happened.parcels for number in parcel.lines}
        for number, line in enumerate(ask.body.order.lines, start=1):
            words[ask.merchant, at.get(number, own)].add(word_for(line))
    return {
        Goods(merchant, sku, site)
        for (merchant, site), called in words.items()
        if site is not None
        for word in called
        for sku in skus.get((merchant, word), ())
    }


def _goods_left(orders: Mapping[int, OrderFacts], left: Mapping[int, Left]) -> set[Goods]:
    return {Goods(orders[order].merchant, sku, site) for order, goods in left.items() for sku, site, _ in goods}


Orders = tuple[list[int], list[int]]


async def _parcels(tx: Tx, at: Orders) -> dict[int, list[KeptParcel]]:
    inside: dict[int, dict[int, int]] = defaultdict(dict)
    found: dict[int, list[KeptParcel]] = defaultdict(list)
    rows = await tx.rows(PARCELS, *at)
    for row in await tx.rows(INSIDE, *at) if rows else ():
        inside[row["parcel_id"]][row["line_no"]] = row["quantity"]
    for row in rows:
        values = dict(row)
        found[values.pop("order_id")].append(KeptParcel(**values, inside=inside[row["parcel_id"]]))
    return found


async def _parts(tx: Tx, at: Orders) -> dict[int, dict[int, KeptPart]]:
    found: dict[int, dict[int, KeptPart]] = defaultdict(dict)
    for row in await tx.rows(PARTS, *at):
        part = KeptPart(row["fulfillment_order_id"], row["deliver_by"], row["released_at"])
        found[row["order_id"]][row["site_id"]] = part
    return found


async def _raised(tx: Tx, at: Orders) -> dict[int, list[Raised]]:
    found: dict[int, list[Raised]] = defaultdict(list)
    for row in await tx.rows(EXCEPTIONS, *at):
        values = dict(row)
        found[values.pop("order_id")].append(Raised(**values))
    return found


async def _bills(tx: Tx, billed: list[int]) -> dict[int, Bill]:
    rows = await tx.rows(BILLS, list(tx.merchants), billed, INVOICES) if billed else ()
    return {row["order_id"]: Bill(row["elsewhere"], row["tax_minor"]) for row in rows}


async def _left(tx: Tx, at: Orders) -> dict[int, Left]:
    """What came back is taken off what left last."""
    found: dict[int, Left] = defaultdict(dict)
    for row in await tx.rows(LEFT, *at):
        left, goods, units = found[row["order_id"]], (row["sku_id"], row["site_id"]), row["units"]
        if units > 0:
            left[*goods, row["happened_at"]] = units
        for last in sorted((one for one in left if one[:2] == goods), reverse=True) if units < 0 else ():
            back = min(-units, left[last])
            left[last] -= back
            units += back
    return found
