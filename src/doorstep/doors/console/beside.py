"""beside: what the page of an order shows beside the order itself, read in one query."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Struct

from doorstep.doors.reads import order as reads
from doorstep.doors.reads.cases import CASES, NOTICES, Case, Notice
from doorstep.doors.reads.order import EVENT, rows_as_json
from doorstep.doors.reads.why import Decision
from doorstep.kit.ids import number
from doorstep.plug.carrier import Proof
from doorstep.setup.sites import Site
from doorstep.spine.tenant import Tx

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


async def beside_of(tx: Tx, word: str) -> Beside:
    """Of an order that this transaction sees."""
    return _BESIDE.decode(await tx.value(BESIDE, list(tx.merchants), number("ord", word)))
