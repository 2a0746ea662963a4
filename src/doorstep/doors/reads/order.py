"""order: one of them whole, in one query: the database builds what is told of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct, structs

from doorstep.doors.reads.rows import told
from doorstep.doors.reads.way import ParcelWay
from doorstep.kit.ids import number, public
from doorstep.kit.refusals import NotFound
from doorstep.spine.holds import TYPES
from doorstep.spine.journey import LINE
from doorstep.spine.moves import told as spelled
from doorstep.spine.status import AXES
from doorstep.spine.tenant import Tx


def _built(names: Sequence[str], of: str) -> str:
    pairs = ", ".join(f"'{name}', {of}.{name}" for name in names)
    return f"json_build_object({pairs})"


def rows_as_json(sql: str) -> str:
    """The rows of a subselect as one JSON list."""
    return f"(select coalesce(json_agg(x), '[]') from ({sql}) x)"


class Statuses(Struct, frozen=True, kw_only=True):
    """What the facts add up to; nobody sets them."""

    stage: str
    payment: str
    fulfillment: str
    delivery: str
    invoicing: str


class Cash(Struct, frozen=True, kw_only=True):
    """Where the order's money is now, in minor units of its currency."""

    owed: int
    held: int
    collected: int
    earned: int
    refunded: int
    invoiced: int
    credited: int


class Amounts(Struct, frozen=True, kw_only=True):
    """What the order cost when it came in, in minor units of its currency."""

    lines_minor: int
    discount_minor: int
    shipping_minor: int
    fees_minor: int
    tax_minor: int
    tax_included: bool
    total_minor: int


class Line(Struct, frozen=True, kw_only=True):
    """`sku` is the merchant's code, '' while the item is not known; `code` is what the channel wrote."""

    line: int
    sku: str
    code: str
    title: str
    ships: bool
    unit_price: Decimal
    discount_minor: int
    tax_minor: int
    total_minor: int
    ordered: int
    units: dict[str, int]


class Allocation(Struct, frozen=True, kw_only=True):
    line: int
    sku: str
    lot: str
    promised: int
    picked: int
    packed: int
    shipped: int


class FulfillmentOrder(Struct, frozen=True, kw_only=True):
    id: str
    site: str
    ship_by: datetime | None
    deliver_from: date | None
    deliver_by: date | None
    released_at: datetime | None
    allocations: list[Allocation]


class PromiseEnd(Struct, frozen=True, kw_only=True):
    """What became of a date, per parcel: `party` is whose time it was where it was broken, `spent` hours by party."""

    parcel: str
    kept: bool
    days_late: int
    party: str
    spent: dict[str, float]


class Promise(Struct, frozen=True, kw_only=True):
    """A date the buyer was told; a later one supersedes it, for a `reason`. `basis`: what it was made of."""

    fulfillment_order: str
    ship_by: datetime
    deliver_from: date
    deliver_by: date
    reason: str
    basis: dict[str, Any]
    made_at: datetime
    ends: list[PromiseEnd]


class ParcelRow(Struct, frozen=True, kw_only=True):
    """`packed_at` is null of a parcel that somebody else is to send and that is not known to have left: it is
    `planned`, or only its state is told."""

    id: str
    fulfillment_order: str
    site: str
    carton: str
    weight_g: int
    label_state: str
    carrier: str
    service: str
    tracking_number: str
    state: str
    packed_at: datetime | None
    handed_over_at: datetime | None
    delivered_at: datetime | None


class Hold(Struct, frozen=True, kw_only=True):
    """`lifts_when` says what would end it."""

    id: str
    line: int | None
    type: str
    reason: str
    lifts_when: str
    why: dict[str, Any]
    placed_by: str
    placed_at: datetime
    until: datetime | None
    lifted_by: str | None
    lifted_at: datetime | None


class Payment(Struct, frozen=True, kw_only=True):
    id: str
    kind: str
    state: str
    amount_minor: int
    currency: str
    provider: str
    provider_ref: str
    method: str
    reason: str
    asked_at: datetime
    done_at: datetime | None
    expires_at: datetime | None  # of money that is held, as long as some of it is


class InvoiceRow(Struct, frozen=True, kw_only=True):
    id: str
    series: str
    number: int
    kind: str
    currency: str
    total_minor: int
    issued_at: datetime


class Order(Struct, frozen=True, kw_only=True):
    """An order with everything that belongs to it."""

    id: str
    number: str
    external_id: str
    channel: str
    placed_at: datetime
    ship_by: datetime | None  # until when the channel wants it to have left
    expires_at: datetime | None  # when it runs out unless it is paid; null of what does not run out
    currency: str
    buyer: dict[str, Any]
    ship_to: dict[str, Any] | None
    bill_to: dict[str, Any] | None
    payment_term: str
    shipping_method: str
    service_level: str
    insured_minor: int
    risk: str  # of fraud, as the channel sees it: low, medium, high, or nothing
    ship: str
    history: bool
    note: str
    tags: list[str]
    statuses: Statuses
    amounts: Amounts
    cash: Cash
    deliver_from: date | None
    deliver_by: date | None
    lines: list[Line]
    fulfillment_orders: list[FulfillmentOrder]
    promises: list[Promise]
    parcels: list[ParcelRow]
    holds: list[Hold]
    payments: list[Payment]
    invoices: list[InvoiceRow]
    last_event: int
    tracking_url: str = ""  # the buyer's page
    ways: list[ParcelWay] = []  # how its parcels travel: numbers, loads, gaps in custody


M = TypeVar("M")


class _Event(Struct, Generic[M], frozen=True, kw_only=True):
    seq: int
    verb: str
    actor: str
    happened_at: datetime
    recorded_at: datetime
    moves: M
    data: dict[str, Any]


class TimelineEvent(_Event[list[list[Any]]], frozen=True, kw_only=True):
    """One verb that happened, with its moves as they were written."""


class KeptEvent(_Event[str], frozen=True, kw_only=True):
    """As its row keeps it."""

    def told(self) -> TimelineEvent:
        return TimelineEvent(**{**structs.asdict(self), "moves": spelled(self.moves)})


class Timeline(Struct, frozen=True, kw_only=True):
    """In the order they happened, without gaps; `next` is the last one's number while there may be more."""

    events: list[TimelineEvent]
    next: int | None


_CASH, _AMOUNTS = Cash.__struct_fields__, Amounts.__struct_fields__
_TYPES = " ".join("when '{}' then '{}'".format(name, says.replace("'", "''")) for name, says in TYPES.items())
_LIFTS_WHEN = f"case h.type {_TYPES} else '' end"
_LINES = f"""
(select l.line_no as line, coalesce(s.code, '') as sku, l.code, l.title, l.ships, l.unit_price, l.discount_minor,
    l.tax_minor, l.total_minor, l.ordered, {_built(LINE, "l")} as units
  from order_line l left join sku s on s.merchant_id = l.merchant_id and s.sku_id = l.sku_id
  where l.merchant_id = o.merchant_id and l.order_id = o.order_id order by l.line_no)"""
_ALLOCATIONS = """
(select a.line_no as line, s.code as sku, a.lot, a.promised, a.picked, a.packed, a.shipped
  from allocation a join sku s on s.merchant_id = a.merchant_id and s.sku_id = a.sku_id
  where a.merchant_id = o.merchant_id and a.order_id = o.order_id and a.fulfillment_order_id = f.fulfillment_order_id
  order by a.line_no, a.lot)"""
_ENDS = """
(select 'par_' || e.parcel_id as parcel, e.kept, e.days_late, e.party, e.spent
  from promise_end e where e.merchant_id = d.merchant_id and e.order_id = d.order_id and e.promise_id = d.promise_id
  order by e.parcel_id)"""
_FULFILLMENT_ORDERS = f"""
(select 'ful_' || f.fulfillment_order_id as id, t.code as site, f.ship_by, f.deliver_from, f.deliver_by, f.released_at,
    {rows_as_json(_ALLOCATIONS)} as allocations
  from fulfillment_order f join site t on t.site_id = f.site_id
  where f.merchant_id = o.merchant_id and f.order_id = o.order_id order by f.fulfillment_order_id)"""
_PROMISES = f"""
(select 'ful_' || d.fulfillment_order_id as fulfillment_order, d.ship_by, d.deliver_from, d.deliver_by, d.reason,
    d.basis, d.made_at, {rows_as_json(_ENDS)} as ends
  from promise d
  where d.merchant_id = o.merchant_id and d.order_id = o.order_id order by d.promise_id)"""
_PARCELS = """
(select 'par_' || p.parcel_id as id, 'ful_' || p.fulfillment_order_id as fulfillment_order, t.code as site, p.carton,
    p.weight_g, p.label_state, p.carrier, p.service, p.tracking_number, p.state, p.packed_at, p.handed_over_at,
    p.delivered_at
  from parcel p join site t on t.site_id = p.site_id
  where p.merchant_id = o.merchant_id and p.order_id = o.order_id order by p.parcel_id)"""
_HOLDS = f"""
(select 'hld_' || h.hold_id as id, h.line_no as line, h.type, h.reason, {_LIFTS_WHEN} as lifts_when, h.why, h.placed_by,
    h.placed_at, h.until, h.lifted_by, h.lifted_at
  from hold h where h.merchant_id = o.merchant_id and h.order_id = o.order_id order by h.hold_id)"""
_PAYMENTS = """
(select 'pay_' || p.payment_id as id, p.kind, p.state, p.amount_minor, p.currency, p.provider, p.provider_ref, p.method,
    p.reason, p.asked_at, p.done_at, p.expires_at
  from payment p where p.merchant_id = o.merchant_id and p.order_id = o.order_id order by p.payment_id)"""
_INVOICES = """
(select 'inv_' || i.invoice_id as id, i.series, i.number, i.kind, i.currency, i.total_minor, i.issued_at
  from invoice i where i.merchant_id = o.merchant_id and i.order_id = o.order_id order by i.invoice_id)"""
ORDER = f"""
select row_to_json(w) from (
  select 'ord_' || o.order_id as id, o.number, coalesce(o.external_id, '') as external_id, c.key as channel,
    o.placed_at, o.ship_by, o.expires_at, o.currency, o.buyer, o.ship_to, o.bill_to, o.payment_term, o.shipping_method,
    o.service_level, o.insured_minor, coalesce(o.details->>'risk', '') as risk, o.ship, o.history, o.note, o.tags,
    {_built(tuple(AXES), "n")} as statuses,
    {_built(_AMOUNTS, "o")} as amounts,
    {_built(_CASH, "n")} as cash, d.deliver_from, d.deliver_by, {rows_as_json(_LINES)} as lines,
    {rows_as_json(_FULFILLMENT_ORDERS)} as fulfillment_orders, {rows_as_json(_PROMISES)} as promises,
    {rows_as_json(_PARCELS)} as parcels,
    {rows_as_json(_HOLDS)} as holds, {rows_as_json(_PAYMENTS)} as payments, {rows_as_json(_INVOICES)} as invoices,
    n.seq as last_event
  from orders o
  join order_now n on n.merchant_id = o.merchant_id and n.order_id = o.order_id
  join channel c on c.merchant_id = o.merchant_id and c.channel_id = o.channel_id
  cross join lateral (
    select min(f.deliver_from) as deliver_from, max(f.deliver_by) as deliver_by from fulfillment_order f
      where f.merchant_id = o.merchant_id and f.order_id = o.order_id) d
  where o.merchant_id = any((select $1::bigint[])::bigint[]) and o.order_id = $2) w
"""
PROMISES = f"""
select coalesce({rows_as_json(_PROMISES)}::text, '[]') from orders o where o.merchant_id = $1 and o.order_id = $2
"""
# Moves as they are kept: `KeptEvent` spells them out.
EVENT = "e.seq, e.verb, e.actor, e.happened_at, e.recorded_at, e.moves::text as moves, e.data"
TIMELINE = f"""
select {EVENT} from event e
  where e.merchant_id = $1 and e.kind = 'order' and e.id = $2 and e.seq > $3 order by e.seq limit $4
"""
EXISTS = "select 1 from orders o where o.merchant_id = $1 and o.order_id = $2"

_DECODER = msgspec.json.Decoder(Order)
_PROMISES_DECODER = msgspec.json.Decoder(list[Promise])


async def order(tx: Tx, merchants: Sequence[int], word: str) -> Order:
    """The order of this public id, of one of these merchants; refuses NotFound, for another merchant's too."""
    built = await tx.value(ORDER, list(merchants), number("ord", word))
    if built is None:
        raise NotFound(order=word)
    return _DECODER.decode(built)


async def promises(tx: Tx, merchant: int, word: str) -> list[Promise]:
    """Every date that the buyer was told, oldest first."""
    return _PROMISES_DECODER.decode(await tx.value(PROMISES, merchant, number("ord", word)))


async def timeline(tx: Tx, merchant: int, word: str, after: int, limit: int) -> Timeline:
    order_id = number("ord", word)
    if await tx.value(EXISTS, merchant, order_id) is None:
        raise NotFound(order=word)
    rows = await tx.rows(TIMELINE, merchant, order_id, after, limit)
    events = [told(row, KeptEvent, data=msgspec.json.decode(row["data"])).told() for row in rows]
    return Timeline(events=events, next=events[-1].seq if len(events) == limit else None)


def parcel_row(row: Mapping[str, Any]) -> ParcelRow:
    fulfillment_order = public("ful", row["fulfillment_order_id"])
    return told(row, ParcelRow, id=public("par", row["parcel_id"]), fulfillment_order=fulfillment_order)
