"""floor: what is to be picked where, and one parcel with its events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct

from doorstep.doors.reads import cursor
from doorstep.doors.reads.cursor import Cursor
from doorstep.doors.reads.order import ParcelRow, parcel_row
from doorstep.doors.reads.orders import Limit, Word
from doorstep.doors.reads.rows import told
from doorstep.kit.ids import number, public
from doorstep.kit.refusals import NotFound
from doorstep.plug.carrier import Proof
from doorstep.setup.places import ON_SHELVES
from doorstep.spine.tenant import Tx

_ROW = """
select f.fulfillment_order_id, f.order_id, o.number, t.code as site, o.country, o.service_level, n.holds_open,
    f.ship_by, f.deliver_from, f.deliver_by, f.released_at, sum(a.promised)::bigint as promised,
    sum(a.picked)::bigint as picked, sum(a.packed)::bigint as packed, sum(a.shipped)::bigint as shipped
  from {found} f
    join orders o on o.merchant_id = f.merchant_id and o.order_id = f.order_id
    join order_now n on n.merchant_id = f.merchant_id and n.order_id = f.order_id
    join site t on t.site_id = f.site_id
    join allocation a on a.merchant_id = f.merchant_id and a.order_id = f.order_id
      and a.fulfillment_order_id = f.fulfillment_order_id
  where f.merchant_id = $1 and ($2::text is null or t.code = $2)
    and ($3::timestamptz is null or (f.ship_by, f.fulfillment_order_id) > ($3, $4))
    and ($5::bigint is null or f.fulfillment_order_id = $5)
  group by f.merchant_id, f.fulfillment_order_id, f.order_id, o.number, t.code, o.country, o.service_level,
    n.holds_open, f.ship_by, f.deliver_from, f.deliver_by, f.released_at
"""
# Those to be picked and those being picked come off the index of what is on the floor, in its order, as many as wanted.
_ON_THE_FLOOR = """(
    select f.* from fulfillment_order f
      where f.merchant_id = $1 and f.released_at is not null and f.to_pack > 0
        and ($2::text is null or f.site_id = (select t.site_id from site t where t.code = $2))
        and ($3::timestamptz is null or (f.ship_by, f.fulfillment_order_id) > ($3, $4))
        and {is_so} (select from allocation a where a.merchant_id = f.merchant_id and a.order_id = f.order_id
          and a.fulfillment_order_id = f.fulfillment_order_id and {units} > 0)
      order by f.ship_by, f.fulfillment_order_id limit $6)"""
_FOUND = {
    "released": _ON_THE_FLOOR.format(is_so="not exists", units="a.picked + a.packed"),
    "picking": _ON_THE_FLOOR.format(is_so="exists", units="a.picked"),
}
_EVERY = "fulfillment_order"
# Which of the others, by the name of the status: in the order in which an allocation's units move on.
_STATUS = {
    "waiting": " having f.released_at is null and sum(a.promised) > 0",
    "packed": " having sum(a.packed) > 0 and sum(a.promised + a.picked) = 0",
    "shipped": " having sum(a.promised + a.picked + a.packed) = 0 and sum(a.shipped) > 0",
}
_BY_TIME = " order by f.ship_by, f.fulfillment_order_id limit $6"
TO_PICK = f"""
select a.fulfillment_order_id, a.line_no, s.code as sku, s.name, s.barcode, a.lot, a.promised, a.picked, a.packed,
    a.shipped,
    coalesce((select array_agg(b.place || ':' || b.quantity order by b.quantity desc, b.place) from bin_stock b
      where b.merchant_id = a.merchant_id and b.sku_id = a.sku_id and b.site_id = a.site_id and b.quantity > 0
        and b.{ON_SHELVES}), '{{}}') as bins
  from fulfillment_order f
  join allocation a on a.merchant_id = f.merchant_id and a.order_id = f.order_id
    and a.fulfillment_order_id = f.fulfillment_order_id
  join sku s on s.merchant_id = a.merchant_id and s.sku_id = a.sku_id
  where f.merchant_id = $1 and f.fulfillment_order_id = any($2)
  order by a.fulfillment_order_id, a.line_no, a.lot
"""
PARCEL = """
select p.parcel_id, p.fulfillment_order_id, t.code as site, p.carton, p.weight_g, p.label_state, p.carrier, p.service,
    p.tracking_number, p.state, p.packed_at, p.handed_over_at, p.delivered_at, p.order_id, p.length_mm, p.width_mm,
    p.height_mm, p.label_cost_minor, p.label_currency, p.label_error, p.label_pdf is not null as has_label
  from parcel p join site t on t.site_id = p.site_id where p.merchant_id = $1 and p.parcel_id = $2
"""
PARCEL_LINES = """
select l.line_no as line, coalesce(s.code, '') as sku, l.lot, l.quantity from parcel_line l
    left join sku s on s.merchant_id = l.merchant_id and s.sku_id = l.sku_id
  where l.merchant_id = $1 and l.parcel_id = $2 order by l.line_no, l.lot
"""
PARCEL_EVENTS = """
select e.happened_at, e.recorded_at, e.code, e.raw_code, e.state, e.place, e.message, e.reason, e.party, e.proof,
    e.holder, e.leg
  from parcel_event e
  where e.merchant_id = $1 and e.parcel_id = $2 order by e.happened_at, e.recorded_at, e.digest
"""

Status = Literal["any", "waiting", "released", "picking", "packed", "shipped"]


class FloorQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`released` are those to be picked next, the most urgent first."""

    site: Word | None = None
    status: Status = "any"
    limit: Limit = 50
    cursor: Cursor | None = None


class ToPick(Struct, frozen=True, kw_only=True):
    """`bins` are the places at the site that hold it, the fullest first."""

    line: int
    sku: str
    name: str
    barcode: str
    lot: str
    promised: int
    picked: int
    packed: int
    shipped: int
    bins: list[str]


class FloorOrder(Struct, frozen=True, kw_only=True):
    id: str
    order: str
    number: str
    site: str
    country: str
    service_level: str
    holds_open: int
    ship_by: datetime | None
    deliver_from: date | None
    deliver_by: date | None
    released_at: datetime | None
    promised: int
    picked: int
    packed: int
    shipped: int
    lines: list[ToPick]


class FloorPage(Struct, frozen=True, kw_only=True):
    fulfillment_orders: list[FloorOrder]
    next: str | None


class ParcelLine(Struct, frozen=True, kw_only=True):
    line: int
    sku: str
    lot: str
    quantity: int


class ParcelEvent(Struct, frozen=True, kw_only=True):
    """`code` is the UPU's, where there is one; `raw_code` the carrier's own. `state` is `news` for what does not change
    where the parcel is, and empty for a word that nobody knows. `proof` is with the delivery. `holder` had it, on this
    `leg` of its way; empty: the label's carrier, the whole way."""

    happened_at: datetime
    recorded_at: datetime
    code: str
    raw_code: str
    state: str
    place: str
    message: str
    reason: str
    party: str
    proof: Proof | None
    holder: str
    leg: str


class Parcel(Struct, frozen=True, kw_only=True):
    parcel: ParcelRow
    order: str
    length_mm: int
    width_mm: int
    height_mm: int
    label_cost_minor: int | None
    label_currency: str
    label_error: str
    has_label: bool
    lines: list[ParcelLine]
    events: list[ParcelEvent]


async def fulfillment_orders(tx: Tx, merchant: int, query: FloorQuery) -> FloorPage:
    after: tuple[datetime | None, int] = (None, 0)
    if query.cursor:
        after = cursor.read(query.cursor, tuple[datetime, int])
    every = _ROW.format(found=_FOUND.get(query.status, _EVERY))
    text = f"{every}{_STATUS.get(query.status, '')}{_BY_TIME}"
    rows = await tx.rows(text, merchant, query.site, *after, None, query.limit + 1)
    last = rows[query.limit - 1] if len(rows) > query.limit else None
    found = await _with_lines(tx, merchant, rows[: query.limit])
    following = cursor.write(last["ship_by"], last["fulfillment_order_id"]) if last else None
    return FloorPage(fulfillment_orders=found, next=following)


async def fulfillment_order(tx: Tx, merchant: int, word: str) -> FloorOrder:
    rows = await tx.rows(_ROW.format(found=_EVERY), merchant, None, None, 0, number("ful", word))
    if not rows:
        raise NotFound(fulfillment_order=word)
    return (await _with_lines(tx, merchant, rows))[0]


async def _with_lines(tx: Tx, merchant: int, rows: list[Any]) -> list[FloorOrder]:
    lines: dict[int, list[ToPick]] = defaultdict(list)
    for row in await tx.rows(TO_PICK, merchant, [row["fulfillment_order_id"] for row in rows]):
        to_pick = told(row, ToPick, line=row["line_no"], bins=list(row["bins"]))
        lines[row["fulfillment_order_id"]].append(to_pick)
    return [_floor_order(row, lines[row["fulfillment_order_id"]]) for row in rows]


def _floor_order(row: Mapping[str, Any], lines: list[ToPick]) -> FloorOrder:
    ids = {"id": public("ful", row["fulfillment_order_id"]), "order": public("ord", row["order_id"])}
    return told(row, FloorOrder, lines=lines, **ids)


async def parcel(tx: Tx, merchant: int, word: str) -> Parcel:
    at = (merchant, number("par", word))
    row = await tx.row(PARCEL, *at)
    if row is None:
        raise NotFound(parcel=word)
    lines, events = await tx.rows(PARCEL_LINES, *at), await tx.rows(PARCEL_EVENTS, *at)
    return told(
        row, Parcel, parcel=parcel_row(row), order=public("ord", row["order_id"]),
        lines=[told(line, ParcelLine) for line in lines], events=[_event(event) for event in events],
    )  # fmt: skip


def _event(row: Mapping[str, Any]) -> ParcelEvent:
    proof = msgspec.json.decode(row["proof"], type=Proof) if row["proof"] else None
    return told(row, ParcelEvent, proof=proof)
