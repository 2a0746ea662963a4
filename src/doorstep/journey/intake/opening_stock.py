"""opening_stock: how much of each SKU must have stood at its site before history began: just enough, to the unit.

History tells what left and what came back, seldom what was there. Read in the order of time, the deepest that the
running balance of a SKU would fall below zero is what it must have opened with. What earlier imports have left
standing counts, and orders that are in the books already do not: so an import that is done again opens nothing twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from doorstep.journey.intake.arrival import Arrival
from doorstep.journey.intake.files.entries import Entry
from doorstep.journey.intake.told import ImportCorrection, ImportOpening, OpeningGoods
from doorstep.setup.places import HISTORY
from doorstep.spine.outcome import Actor, Ask
from doorstep.spine.runner import run
from doorstep.spine.tenant import Db, Tx, tenant_tx

BATCH = 1000
# The units of these stages have left the site, or came back to it later.
GONE = ("shipped", "delivered", "lost")
IN_THE_BOOKS = """
select c.key, '' as kind, o.external_id
  from orders o join channel c on c.merchant_id = o.merchant_id and c.channel_id = o.channel_id
  where o.merchant_id = $1 and o.external_id = any($2)
union all
select c.key, r.kind, r.external_id
  from correction r join channel c on c.merchant_id = r.merchant_id and c.channel_id = r.channel_id
  where r.merchant_id = $1 and r.external_id = any($2)
"""
STANDING = """
select s.code as sku, t.code as site, coalesce(b.quantity, 0) as units
  from unnest($2::text[], $3::text[]) u(sku, site)
  join sku s on s.merchant_id = $1 and s.code = u.sku and s.stocked
  join site t on t.code = u.site
  left join lateral (
    select b.quantity from bin_stock b
      where b.merchant_id = s.merchant_id and b.sku_id = s.sku_id and b.site_id = t.site_id and b.place = $4
        and b.lot = '' limit 1) b on true
"""

Goods = tuple[str, str]  # SKU, site


@dataclass(slots=True)
class Tide:
    """Per SKU and site: the running balance from nothing, and the lowest it ever was."""

    now: dict[Goods, int] = field(default_factory=lambda: defaultdict(int))
    lowest: dict[Goods, int] = field(default_factory=lambda: defaultdict(int))
    began: datetime | None = None

    def move(self, goods: Goods, units: int) -> None:
        now = self.now[goods] = self.now[goods] + units
        if now < self.lowest[goods]:
            self.lowest[goods] = now


async def rise(tide: Tide, db: Db, merchant: int, entries: Sequence[Entry]) -> None:
    """The next entries, oldest first: those that are not in the books yet move the tide."""
    async with tenant_tx(db, [merchant], readonly=True) as tx:
        there = await _in_the_books(tx, merchant, entries)
    for entry in entries:
        if tide.began is None:
            tide.began = entry.at
        if _key(entry) not in there:
            for goods, units in flows(entry):
                tide.move(goods, units)


async def open_stock(tide: Tide, db: Db, merchant: int, *, at: datetime, actor: Actor) -> None:
    """Write down what must have stood there before it all began."""
    needed = {goods: -units for goods, units in tide.lowest.items() if units < 0}
    wanted = sorted(needed)
    for start in range(0, len(wanted), BATCH):
        async with tenant_tx(db, [merchant], readonly=True) as tx:
            missing = await _missing(tx, merchant, wanted[start : start + BATCH], needed)
        bodies = [
            ImportOpening(goods=OpeningGoods(sku=sku, site=site, quantity=units), at=tide.began or at)
            for (sku, site), units in missing.items()
        ]
        await run(db, "import_opening", [Ask(merchant, body, at, actor) for body in bodies])


def flows(entry: Entry) -> Iterator[tuple[Goods, int]]:
    """Units that came to a site, or left it (below zero)."""
    if isinstance(entry.body, ImportCorrection):
        yield from _corrected(entry.body)
    elif entry.verb == "import_history":
        yield from _sold(entry.body)


def _corrected(body: ImportCorrection) -> Iterator[tuple[Goods, int]]:
    if body.site and body.kind != "adjustment":
        sign = -1 if body.kind == "credit" else 1
        for line in body.lines:
            if line.sku and line.quantity:
                yield (line.sku, body.site), sign * line.quantity


def _sold(body: Arrival) -> Iterator[tuple[Goods, int]]:
    happened, own = body.happened, getattr(body, "site", "")
    parcels = {number: parcel for parcel in happened.parcels for number in parcel.lines}
    for number, line in enumerate(body.order.lines, start=1):
        parcel = parcels.get(number)
        site = parcel.site if parcel else own
        left_at = (parcel.handed_over_at or parcel.delivered_at) if parcel else happened.fulfilled_at
        told = happened.stages[number - 1] if happened.stages else ""
        if site and line.sku and line.ships and line.quantity and (told in GONE or (not told and left_at)):
            yield (line.sku, site), -line.quantity


def _key(entry: Entry) -> tuple[str, str, str]:
    kind = entry.body.kind if isinstance(entry.body, ImportCorrection) else ""
    return entry.channel, kind, entry.external_id


async def _in_the_books(tx: Tx, merchant: int, batch: Sequence[Entry]) -> set[tuple[str, str, str]]:
    rows = await tx.rows(IN_THE_BOOKS, merchant, [entry.external_id for entry in batch])
    return {(row["key"], row["kind"], row["external_id"]) for row in rows}


async def _missing(tx: Tx, merchant: int, wanted: Sequence[Goods], needed: dict[Goods, int]) -> dict[Goods, int]:
    rows = await tx.rows(STANDING, merchant, [sku for sku, _ in wanted], [site for _, site in wanted], HISTORY)
    short = {(row["sku"], row["site"]): needed[row["sku"], row["site"]] - row["units"] for row in rows}
    return {goods: units for goods, units in short.items() if units > 0}
