"""orders: a page of them, newest first; and one of them whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from doorstep.doors.reads import cursor
from doorstep.doors.reads.finding import find
from doorstep.kit.ids import number, public
from doorstep.kit.refusals import NotFound
from doorstep.spine.holds import TYPES
from doorstep.spine.journey import LINE
from doorstep.spine.moves import told
from doorstep.spine.status import AXES
from doorstep.spine.tenant import Tx

Limit = Annotated[int, Meta(ge=1, le=200)]
Word = Annotated[str, Meta(min_length=1, max_length=120)]
if TYPE_CHECKING:
    from typing import TypeAlias

    Stage: TypeAlias = str
    PaymentStatus: TypeAlias = str
    FulfillmentStatus: TypeAlias = str
    DeliveryStatus: TypeAlias = str
    HoldType: TypeAlias = str
else:
    Stage, PaymentStatus, FulfillmentStatus, DeliveryStatus = (
        Literal[tuple(dict.fromkeys(value for value, _ in AXES[axis]))]
        for axis in ("stage", "payment", "fulfillment", "delivery")
    )
    HoldType = Literal[(*TYPES, "any")]

ORDER = """
select o.order_id, o.number, coalesce(o.external_id, '') as external_id, c.key as channel, o.placed_at, o.currency,
    o.buyer, o.email, o.ship_to, o.bill_to, o.country, o.lines_minor, o.discount_minor, o.shipping_minor, o.fees_minor,
    o.tax_minor, o.tax_included, o.total_minor, o.payment_term, o.shipping_method, o.service_level, o.ship, o.history,
    o.note, o.tags, n.stage, n.payment, n.fulfillment, n.delivery, n.invoicing, n.holds_open, n.ordered, n.owed, n.held,
    n.collected, n.earned, n.refunded, n.invoiced, n.credited, n.seq
  from orders o join order_now n on n.merchant_id = o.merchant_id and n.order_id = o.order_id
    join channel c on c.merchant_id = o.merchant_id and c.channel_id = o.channel_id
  where o.merchant_id = $1 and o.order_id = $2
"""
LINES = """
select l.line_no, coalesce(s.code, '') as sku, l.code, l.title, l.ships, l.unit_price, l.discount_minor, l.tax_minor,
    l.total_minor, l.ordered, l.wanted, l.promised, l.picked, l.packed, l.shipped, l.delivered, l.taken_back, l.lost,
    l.canceled
  from order_line l left join sku s on s.merchant_id = l.merchant_id and s.sku_id = l.sku_id
  where l.merchant_id = $1 and l.order_id = $2 order by l.line_no
"""
FULFILLMENT_ORDERS = """
select f.fulfillment_order_id, t.code as site, f.ship_by, f.deliver_from, f.deliver_by, f.released_at
  from fulfillment_order f join site t on t.site_id = f.site_id
  where f.merchant_id = $1 and f.order_id = $2 order by f.fulfillment_order_id
"""
ALLOCATIONS = """
select a.fulfillment_order_id, a.line_no, s.code as sku, a.lot, a.promised, a.picked, a.packed, a.shipped, f.expires_at
  from allocation a join sku s on s.merchant_id = a.merchant_id and s.sku_id = a.sku_id
  join fulfillment_order f on f.merchant_id = a.merchant_id and f.fulfillment_order_id = a.fulfillment_order_id
  where a.merchant_id = $1 and a.order_id = $2 order by a.fulfillment_order_id, a.line_no, a.lot
"""
PARCELS = """
select p.parcel_id, p.fulfillment_order_id, t.code as site, p.carton, p.weight_g, p.label_state, p.carrier, p.service,
    p.tracking_number, p.state, p.packed_at, p.handed_over_at, p.delivered_at
  from parcel p join site t on t.site_id = p.site_id where p.merchant_id = $1 and p.order_id = $2 order by p.parcel_id
"""
HOLDS = """
select h.hold_id, h.line_no, h.type, h.reason, h.why, h.placed_by, h.placed_at, h.until, h.lifted_by, h.lifted_at
  from hold h where h.merchant_id = $1 and h.order_id = $2 order by h.hold_id
"""
PAYMENTS = """
select p.payment_id, p.kind, p.state, p.amount_minor, p.currency, p.provider, p.provider_ref, p.method, p.reason,
    p.asked_at, p.done_at
  from payment p where p.merchant_id = $1 and p.order_id = $2 order by p.payment_id
"""
INVOICES = """
select i.invoice_id, i.series, i.number, i.kind, i.currency, i.total_minor, i.issued_at
  from invoice i where i.merchant_id = $1 and i.order_id = $2 order by i.invoice_id
"""
TIMELINE = """
select e.seq, e.verb, e.actor, e.happened_at, e.recorded_at, e.moves, e.data
  from event e where e.merchant_id = $1 and e.kind = 'order' and e.id = $2 and e.seq > $3 order by e.seq limit $4
"""
EXISTS = "select 1 from orders o where o.merchant_id = $1 and o.order_id = $2"


class OrderQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Filters add up: an order must fit all of them. `q`: each word of it begins a number, a name, an e-mail address, a
    SKU or a tracking number of the order."""

    stage: Stage | None = None
    payment: PaymentStatus | None = None
    fulfillment: FulfillmentStatus | None = None
    delivery: DeliveryStatus | None = None
    hold: HoldType | None = None
    channel: Word | None = None
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")] | None = None
    placed_from: datetime | None = None
    placed_to: datetime | None = None
    sku: Word | None = None
    external_id: Word | None = None
    number: Word | None = None
    email: Annotated[str, Meta(min_length=1, max_length=254)] | None = None
    q: Word | None = None
    limit: Limit = 50
    cursor: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


class Statuses(Struct, frozen=True, kw_only=True):
    """What the facts add up to; nobody sets them."""

    stage: str
    payment: str
    fulfillment: str
    delivery: str
    invoicing: str


class OrderRow(Struct, frozen=True, kw_only=True):
    id: str
    number: str
    external_id: str
    channel: str
    placed_at: datetime
    currency: str
    total_minor: int
    buyer: str
    email: str
    country: str
    shipping_method: str
    payment_term: str
    units: int
    holds_open: int
    statuses: Statuses


class OrderPage(Struct, frozen=True, kw_only=True):
    """`next` is the cursor of the page after this one; null on the last. A page may be shorter than asked for, and not
    the last: little fits of what was looked at."""

    orders: list[OrderRow]
    next: str | None


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
    expires_at: datetime | None


class FulfillmentOrder(Struct, frozen=True, kw_only=True):
    id: str
    site: str
    ship_by: datetime | None
    deliver_from: date | None
    deliver_by: date | None
    released_at: datetime | None
    allocations: list[Allocation]


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
    currency: str
    buyer: dict[str, Any]
    ship_to: dict[str, Any] | None
    bill_to: dict[str, Any] | None
    payment_term: str
    shipping_method: str
    service_level: str
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
    parcels: list[ParcelRow]
    holds: list[Hold]
    payments: list[Payment]
    invoices: list[InvoiceRow]
    last_event: int


class TimelineEvent(Struct, frozen=True, kw_only=True):
    """One verb that happened, with its moves as they were written."""

    seq: int
    verb: str
    actor: str
    happened_at: datetime
    recorded_at: datetime
    moves: list[list[Any]]
    data: dict[str, Any]


class Timeline(Struct, frozen=True, kw_only=True):
    """In the order they happened, without gaps; `next` is the last one's number while there may be more."""

    events: list[TimelineEvent]
    next: int | None


async def orders(tx: Tx, merchant: int, query: OrderQuery) -> OrderPage:
    at = cursor.read(query.cursor, tuple[datetime, int]) if query.cursor else None
    found = await find(tx, [merchant], query, at=at)
    return OrderPage(orders=[_order_row(row) for row in found.rows], next=cursor.write(*found.at) if found.at else None)


async def orders_called(tx: Tx, merchant: int, word: str) -> list[str]:
    """The ids of the orders that have this number or this id of a channel's: a few of them, if there are several."""
    found = await find(tx, [merchant], OrderQuery(limit=3), called=word)
    return [public("ord", row["order_id"]) for row in found.rows]


def _order_row(row: Mapping[str, Any]) -> OrderRow:
    return OrderRow(
        id=public("ord", row["order_id"]), number=row["number"], external_id=row["external_id"],
        channel=row["channel"], placed_at=row["placed_at"], currency=row["currency"], total_minor=row["total_minor"],
        buyer=row["buyer"], email=row["email"], country=row["country"],
        shipping_method=row["shipping_method"], payment_term=row["payment_term"], units=row["ordered"],
        holds_open=row["holds_open"], statuses=_statuses(row),
    )  # fmt: skip


def _statuses(row: Mapping[str, Any]) -> Statuses:
    return Statuses(**{axis: row[axis] for axis in AXES})


async def order(tx: Tx, merchant: int, word: str) -> Order:
    """The order of this public id; refuses NotFound, for another merchant's too."""
    order_id = number("ord", word)
    at = (merchant, order_id)
    row = await tx.row(ORDER, *at)
    if row is None:
        raise NotFound(order=word)
    fulfillment_orders = await _fulfillment_orders(tx, at)
    cash = {name: row[name] for name in Cash.__struct_fields__}
    amounts = {name: row[name] for name in Amounts.__struct_fields__}
    same = ("number", "external_id", "channel", "placed_at", "currency", "payment_term", "shipping_method",
            "service_level", "ship", "history", "note")  # fmt: skip
    return Order(
        **{name: row[name] for name in same},
        id=word, tags=list(row["tags"]), buyer=_json(row["buyer"]) or {}, ship_to=_json(row["ship_to"]),
        bill_to=_json(row["bill_to"]), statuses=_statuses(row), amounts=Amounts(**amounts), cash=Cash(**cash),
        deliver_from=min((f.deliver_from for f in fulfillment_orders if f.deliver_from), default=None),
        deliver_by=max((f.deliver_by for f in fulfillment_orders if f.deliver_by), default=None),
        lines=[_line(line) for line in await tx.rows(LINES, *at)],
        fulfillment_orders=fulfillment_orders,
        parcels=[parcel_row(parcel) for parcel in await tx.rows(PARCELS, *at)],
        holds=[_hold(hold) for hold in await tx.rows(HOLDS, *at)],
        payments=[_payment(payment) for payment in await tx.rows(PAYMENTS, *at)],
        invoices=[_invoice(invoice) for invoice in await tx.rows(INVOICES, *at)],
        last_event=row["seq"],
    )  # fmt: skip


async def timeline(tx: Tx, merchant: int, word: str, after: int, limit: int) -> Timeline:
    order_id = number("ord", word)
    if await tx.value(EXISTS, merchant, order_id) is None:
        raise NotFound(order=word)
    rows = await tx.rows(TIMELINE, merchant, order_id, after, limit)
    events = [TimelineEvent(**{**dict(row), "moves": told(row["moves"]), "data": _json(row["data"])}) for row in rows]
    return Timeline(events=events, next=events[-1].seq if len(events) == limit else None)


async def _fulfillment_orders(tx: Tx, at: tuple[int, int]) -> list[FulfillmentOrder]:
    allocated: dict[int, list[Allocation]] = defaultdict(list)
    for row in await tx.rows(ALLOCATIONS, *at):
        values = dict(row)
        allocated[values.pop("fulfillment_order_id")].append(Allocation(line=values.pop("line_no"), **values))
    found = []
    for row in await tx.rows(FULFILLMENT_ORDERS, *at):
        values = dict(row)
        one = values.pop("fulfillment_order_id")
        found.append(FulfillmentOrder(id=public("ful", one), allocations=allocated[one], **values))
    return found


def _line(row: Mapping[str, Any]) -> Line:
    values = dict(row)
    units = {stage: values.pop(stage) for stage in LINE}
    return Line(line=values.pop("line_no"), units=units, **values)


def parcel_row(row: Mapping[str, Any]) -> ParcelRow:
    values = dict(row)
    parcel, fulfillment_order = values.pop("parcel_id"), values.pop("fulfillment_order_id")
    return ParcelRow(id=public("par", parcel), fulfillment_order=public("ful", fulfillment_order), **values)


def _hold(row: Mapping[str, Any]) -> Hold:
    values = dict(row)
    values["why"] = _json(values["why"])
    hold, line = values.pop("hold_id"), values.pop("line_no")
    return Hold(id=public("hld", hold), line=line, lifts_when=TYPES.get(row["type"], ""), **values)


def _payment(row: Mapping[str, Any]) -> Payment:
    values = dict(row)
    return Payment(id=public("pay", values.pop("payment_id")), **values)


def _invoice(row: Mapping[str, Any]) -> InvoiceRow:
    values = dict(row)
    return InvoiceRow(id=public("inv", values.pop("invoice_id")), **values)


def _json(text: str | None) -> Any:
    return msgspec.json.decode(text) if text else None
