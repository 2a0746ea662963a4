"""whole: one order with everything its page shows, read in two queries of one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import msgspec
from msgspec import Struct

from doorstep.doors.console import words
from doorstep.doors.console.ledger import Entry, ledger
from doorstep.doors.console.speaking import _, decimal
from doorstep.doors.console.timeline import Happening, timeline
from doorstep.doors.reads import order as reads
from doorstep.doors.reads.cases import CASES, NOTICES, Case, Notice
from doorstep.doors.reads.order import EVENT, rows_as_json
from doorstep.doors.reads.way import ParcelWay, ways
from doorstep.doors.reads.why import Decision
from doorstep.kit import clock
from doorstep.kit.ids import number
from doorstep.kit.paper import address_lines, address_of
from doorstep.plug.carrier import Proof
from doorstep.setup.sites import Site
from doorstep.spine.status import PLANNED
from doorstep.spine.tenant import Db, Tx

EVENTS_SHOWN = 200

# Of the sites, those that send something of it; of the events, the newest.
_NAMES = """
(select l.line_no as line, s.name, 'sku_' || s.sku_id as sku from order_line l
    join sku s on s.merchant_id = l.merchant_id and s.sku_id = l.sku_id
  where l.merchant_id = o.merchant_id and l.order_id = o.order_id)"""
_SITES = """
(select t.site_id, t.code, t.name, t.country, t.latitude, t.longitude, t.timezone,
    t.cut_off, t.weekdays
  from site t where t.site_id in (select f.site_id from fulfillment_order f
    where f.merchant_id = o.merchant_id and f.order_id = o.order_id))"""
_PARCELS = """
(select 'par_' || p.parcel_id as id, p.length_mm, p.width_mm, p.height_mm, p.label_cost_minor, p.label_currency,
    p.label_error, p.label_pdf is not null as has_label
  from parcel p where p.merchant_id = o.merchant_id and p.order_id = o.order_id)"""
_RETURN_LABELS = """
(select 'ret_' || l.return_label_id as id, 'par_' || l.parcel_id as parcel, l.state, l.carrier, l.tracking_number,
    l.cost_minor, l.currency, l.error
  from return_label l where l.merchant_id = o.merchant_id and l.order_id = o.order_id order by l.return_label_id)"""
_PARCEL_LINES = """
(select 'par_' || l.parcel_id as parcel, l.line_no as line, l.quantity from parcel p
    join parcel_line l on l.merchant_id = p.merchant_id and l.parcel_id = p.parcel_id and l.quantity > 0
  where p.merchant_id = o.merchant_id and p.order_id = o.order_id order by l.parcel_id, l.line_no)"""
_NEWS = """
(select 'par_' || e.parcel_id as parcel, e.happened_at, e.code, e.raw_code, e.state, e.place, e.message, e.proof,
    e.holder, e.leg
  from parcel p join parcel_event e on e.merchant_id = p.merchant_id and e.parcel_id = p.parcel_id
  where p.merchant_id = o.merchant_id and p.order_id = o.order_id
  order by e.parcel_id, e.happened_at desc, e.recorded_at desc)"""
_ATTENTION = """
(select a.attention_id, a.kind, a.reason, a.next_action, a.raised_at from attention a
  where a.merchant_id = o.merchant_id and a.order_id = o.order_id and a.resolved_at is null order by a.attention_id)"""
_DECISIONS = """
(select d.verb, d.chosen, d.why, d.decided_at from decision d
  where d.merchant_id = o.merchant_id and d.order_id = o.order_id order by d.decision_id)"""
_TIMELINE = f"""
(select {EVENT} from event e
  where e.merchant_id = o.merchant_id and e.kind = 'order' and e.id = o.order_id
  order by e.seq desc limit {EVENTS_SHOWN})"""
# Programs that acted, by what their keys begin with.
_KEYS = """
(select k.prefix, k.name from api_key k where k.merchant_id = o.merchant_id and k.name <> '' limit 500)"""
BESIDE = f"""
select row_to_json(w) from (
  select m.merchant_id as merchant, m.key, m.name, coalesce(nullif(c.name, ''), c.key) as channel,
    {rows_as_json(_KEYS)} as keys, {rows_as_json(_NAMES)} as names, {rows_as_json(_SITES)} as sites,
    {rows_as_json(_PARCELS)} as parcels, {rows_as_json(_PARCEL_LINES)} as parcel_lines, {rows_as_json(_NEWS)} as news,
    {rows_as_json(_ATTENTION)} as attention, {rows_as_json(_DECISIONS)} as decisions,
    {rows_as_json(_TIMELINE)} as timeline, {rows_as_json(CASES)} as cases, {rows_as_json(NOTICES)} as notices,
    {rows_as_json(_RETURN_LABELS)} as return_labels
  from orders o join merchant m on m.merchant_id = o.merchant_id
    join channel c on c.merchant_id = o.merchant_id and c.channel_id = o.channel_id
  where o.merchant_id = any((select $1::bigint[])::bigint[]) and o.order_id = $2) w
"""
# To choose from when an item is unknown.
SKUS = "select s.code, s.name from sku s where s.merchant_id = $1 order by s.code limit 500"


class LineName(Struct, frozen=True):
    line: int
    name: str
    sku: str


class KeyName(Struct, frozen=True):
    prefix: str
    name: str


class ParcelMore(Struct, frozen=True):
    id: str
    length_mm: int
    width_mm: int
    height_mm: int
    label_cost_minor: int | None
    label_currency: str
    label_error: str
    has_label: bool


class ReturnLabel(Struct, frozen=True):
    """A label for the way back of a parcel's goods."""

    id: str
    parcel: str
    state: str
    carrier: str
    tracking_number: str
    cost_minor: int | None
    currency: str
    error: str


class ParcelLine(Struct, frozen=True):
    parcel: str
    line: int
    quantity: int


class ParcelNews(Struct, frozen=True):
    """What a carrier told of a parcel."""

    parcel: str
    happened_at: datetime
    code: str
    raw_code: str
    state: str
    place: str
    message: str
    proof: Proof | None
    holder: str
    leg: str


class Attention(Struct, frozen=True):
    attention_id: int
    kind: str
    reason: str
    next_action: str
    raised_at: datetime


class Beside(Struct, frozen=True):
    """What the page shows beside the order itself; the timeline newest first."""

    merchant: int
    key: str
    name: str
    channel: str
    keys: list[KeyName]
    names: list[LineName]
    sites: list[Site]
    parcels: list[ParcelMore]
    parcel_lines: list[ParcelLine]
    news: list[ParcelNews]
    attention: list[Attention]
    decisions: list[Decision]
    timeline: list[reads.KeptEvent]
    cases: list[Case]
    notices: list[Notice]
    return_labels: list[ReturnLabel]


_BESIDE = msgspec.json.Decoder(Beside)


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
    beside = _BESIDE.decode(await tx.value(BESIDE, list(tx.merchants), number("ord", word)))
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
