"""whole: one order with everything its page shows, read in two queries of one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from doorstep.doors.console import words
from doorstep.doors.console.beside import (
    EVENTS_SHOWN,
    Attention,
    Beside,
    ParcelMore,
    ParcelNews,
    ReturnLabel,
    beside_of,
)
from doorstep.doors.console.ledger import Entry, ledger
from doorstep.doors.console.speaking import _, decimal
from doorstep.doors.console.timeline import Happening, timeline
from doorstep.doors.reads import order as reads
from doorstep.doors.reads.cases import Case, Notice
from doorstep.doors.reads.way import ParcelWay, ways
from doorstep.doors.reads.why import Decision
from doorstep.kit import clock
from doorstep.kit.paper import address_lines, address_of
from doorstep.setup.sites import Site
from doorstep.spine.status import PLANNED
from doorstep.spine.tenant import Db, Tx

# To choose from when an item is unknown.
SKUS = "select s.code, s.name from sku s where s.merchant_id = $1 order by s.code limit 500"


@dataclass(frozen=True, slots=True)
class Parcel:
    row: reads.ParcelRow
    more: ParcelMore
    lines: list[tuple[int, str]]
    events: list[ParcelNews]
    backs: list[ReturnLabel]

    @property
    def back(self) -> ReturnLabel | None:
        """The label for the way back that was asked for last."""
        return self.backs[-1] if self.backs else None

    @property
    def is_here(self) -> bool:
        """Packed at a site of ours, and not handed over."""
        return self.row.packed_at is not None and self.row.handed_over_at is None

    @property
    def has_left(self) -> bool:
        return self.row.handed_over_at is not None or (self.row.packed_at is None and self.row.state != PLANNED)

    @property
    def size(self) -> str:
        sides = (self.more.length_mm, self.more.width_mm, self.more.height_mm)
        if not all(sides):
            return ""
        return _("%(sides)s cm", sides=" × ".join(decimal(side / 10, int(side % 10 > 0)) for side in sides))


@dataclass(frozen=True, slots=True)
class Part:
    """What one site sends: a fulfillment order with its parcels."""

    row: reads.FulfillmentOrder
    site: Site
    parcels: list[Parcel]
    to_do: list[tuple[int, str, str]]  # units not packed yet: so many, of what, at which stage

    @property
    def state(self) -> str:
        units = {
            n: sum(getattr(a, n) for a in self.row.allocations) for n in ("promised", "picked", "packed", "shipped")
        }
        if units["picked"]:
            return _("being picked")
        if units["promised"]:
            return _("on the floor") if self.row.released_at else _("promised")
        if self.parcels and not self.row.allocations:
            has_left = any(parcel.has_left for parcel in self.parcels)
            return _("left the site") if has_left else _("planned elsewhere")
        if units["packed"]:
            return _("packed")
        return _("left the site") if units["shipped"] else _("nothing here now")

    @property
    def is_open(self) -> bool:
        """Something of it has not left yet."""
        return any(each.promised + each.picked + each.packed for each in self.row.allocations)

    @property
    def is_late(self) -> bool:
        return bool(self.is_open and self.row.ship_by and self.row.ship_by < clock.now())


@dataclass(frozen=True, slots=True)
class Papers:
    """The documents of a parcel: their paths below it."""

    parcel: str
    tracking_number: str
    paths: list[str]


@dataclass(frozen=True, slots=True)
class Whole:
    merchant: int
    merchant_key: str
    merchant_name: str
    channel: str
    order: reads.Order
    titles: Mapping[int, str]
    skus_of: Mapping[int, str]
    parts: list[Part]
    stray_parcels: list[Parcel]
    decisions: list[Decision]
    attention: list[Attention]
    skus: list[tuple[str, str]]
    timeline: list[Happening]
    ledger: list[Entry]
    earlier: int
    cases: list[Case]
    notices: list[Notice]
    ways: Sequence[ParcelWay] = ()

    def way(self, parcel: str) -> ParcelWay | None:
        """How a parcel travels: its numbers, what it lies in, where nobody said that they had it."""
        return next((way for way in self.ways if way.parcel == parcel), None)

    def title(self, line: int) -> str:
        return self.titles.get(line) or _("line %(line)s", line=line)

    @property
    def open_holds(self) -> list[reads.Hold]:
        return [hold for hold in self.order.holds if hold.lifted_at is None]

    @property
    def is_stopped(self) -> bool:
        """The whole order is on hold, not only a line of it."""
        return any(hold.line is None for hold in self.open_holds)

    @property
    def address(self) -> list[str]:
        """Where it goes, in lines as that country writes them."""
        given = self.order.ship_to
        return address_lines(address_of(given), point_word=_("Pickup point")) if given else []

    @property
    def units(self) -> dict[str, int]:
        """Units of all lines, by stage."""
        return {stage: sum(line.units[stage] for line in self.order.lines) for stage in words.UNITS}

    @property
    def due_minor(self) -> int:
        cash = self.order.cash
        return cash.owed - cash.earned - cash.collected

    @property
    def ship_by(self) -> Part | None:
        """The part that must leave next."""
        waiting = [part for part in self.parts if part.row.ship_by and part.is_open]
        return min(waiting, key=lambda part: part.row.ship_by or datetime.max, default=None)

    @property
    def promised(self) -> tuple[date | None, date | None]:
        return self.order.deliver_from, self.order.deliver_by

    @property
    def papers(self) -> list[Papers]:
        """Of the parcels that are packed: label, packing slip, and what customs want."""
        abroad = self.order.ship_to["country"] if self.order.ship_to else ""
        return [
            Papers(parcel.row.id, parcel.row.tracking_number, [
                *(["label", "label.zpl"] if parcel.row.label_state == "bought" else []),
                "packing-slip",
                *(["customs"] if abroad not in ("", part.site.country) else []),
            ])
            for part in self.parts
            for parcel in part.parcels
            if parcel.lines and parcel.row.packed_at
        ]  # fmt: skip

    @property
    def notes(self) -> list[Happening]:
        return [event for event in self.timeline if event.verb == "note"]

    @property
    def parcels(self) -> list[Parcel]:
        return [parcel for part in self.parts for parcel in part.parcels] + self.stray_parcels


async def whole(tx: Tx, word: str) -> Whole:
    """The order of this public id, of whichever merchant this transaction sees; refuses NotFound."""
    order = await reads.order(tx, tx.merchants, word)
    beside = await beside_of(tx, word)
    names = {each.line: each.name for each in beside.names}
    titles = {line.line: line.title or names.get(line.line) or line.sku or line.code for line in order.lines}
    parcels = _parcels(beside, order, titles)
    parts = [_part(each, beside.sites, parcels, titles) for each in order.fulfillment_orders]
    in_parts = {each.id for each in order.fulfillment_orders}
    is_unknown = any(not line.sku for line in order.lines)
    events = [event.told() for event in reversed(beside.timeline)]
    earlier = max(0, order.last_event - EVENTS_SHOWN)
    return Whole(
        merchant=beside.merchant,
        merchant_key=beside.key,
        merchant_name=beside.name,
        channel=beside.channel,
        order=order,
        titles=titles,
        skus_of={each.line: each.sku for each in beside.names},
        parts=parts,
        stray_parcels=[parcel for parcel in parcels if parcel.row.fulfillment_order not in in_parts],
        decisions=beside.decisions,
        attention=beside.attention,
        skus=[(row["code"], row["name"]) for row in await tx.rows(SKUS, beside.merchant)] if is_unknown else [],
        timeline=timeline(events, order.currency, titles, {each.prefix: each.name for each in beside.keys}),
        ledger=[] if earlier else ledger(events),
        earlier=earlier,
        cases=beside.cases,
        notices=beside.notices,
    )


async def with_ways(db: Db, of: Whole) -> Whole:
    """After its own transaction: loads are read behind another wall."""
    return replace(of, ways=await ways(db, of.merchant, of.order.id, clock.now()))


def _parcels(beside: Beside, order: reads.Order, titles: Mapping[int, str]) -> list[Parcel]:
    more = {parcel.id: parcel for parcel in beside.parcels}
    lines: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for line in beside.parcel_lines:
        lines[line.parcel].append((line.quantity, titles.get(line.line, "")))
    news: dict[str, list[ParcelNews]] = defaultdict(list)
    for each in beside.news:
        news[each.parcel].append(each)
    backs: dict[str, list[ReturnLabel]] = defaultdict(list)
    for label in beside.return_labels:
        backs[label.parcel].append(label)
    return [Parcel(row, more[row.id], lines[row.id], news[row.id], backs[row.id]) for row in order.parcels]


def _part(
    row: reads.FulfillmentOrder, sites: Sequence[Site], parcels: Sequence[Parcel], titles: Mapping[int, str]
) -> Part:
    site = next(site for site in sites if site.code == row.site)
    to_do = [
        (units, titles.get(a.line, a.sku), stage)
        for a in row.allocations
        for stage in ("promised", "picked")
        if (units := getattr(a, stage))
    ]
    return Part(row, site, [parcel for parcel in parcels if parcel.row.fulfillment_order == row.id], to_do)
