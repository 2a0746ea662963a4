"""notify: write to the buyer what they would otherwise ask about; each letter once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from doorstep.journey.tracking.notices import PLAIN_ACCENT, Kind, NotAMailbox, Notice, NoticeLine, compose
from doorstep.kit.ids import number
from doorstep.kit.paper import Address
from doorstep.plug.notifier import Letter, RetryAt
from doorstep.spine.outcome import Ask
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import errand
from doorstep.spine.world import TryLater, World

ORDER = """
select o.order_id, o.number, o.buyer, o.ship_to, o.total_minor, o.currency, o.history, m.name as merchant, m.email,
    m.brand, (select min(f.deliver_by) from fulfillment_order f
      where f.merchant_id = o.merchant_id and f.order_id = o.order_id) as deliver_by
  from orders o join merchant m on m.merchant_id = o.merchant_id
  where o.merchant_id = $1 and o.order_id = $2
"""
LINES = """
select l.title, l.code, l.ordered - l.canceled as quantity from order_line l
  where l.merchant_id = $1 and l.order_id = $2 and l.ordered > l.canceled order by l.line_no
"""
PARCEL = """
select p.parcel_id, p.carrier, p.tracking_number, p.delivered_at, f.deliver_by,
    (select count(*) from parcel q where q.merchant_id = p.merchant_id and q.order_id = p.order_id
      and q.parcel_id <= p.parcel_id) as parcel_index,
    (select count(*) from parcel q where q.merchant_id = p.merchant_id and q.order_id = p.order_id) as parcel_count
  from parcel p
  join fulfillment_order f on f.merchant_id = p.merchant_id and f.fulfillment_order_id = p.fulfillment_order_id
  where p.merchant_id = $1 and p.parcel_id = $2
"""
PARCEL_LINES = """
select l.title, l.code, pl.quantity from parcel_line pl
  join parcel p on p.merchant_id = pl.merchant_id and p.parcel_id = pl.parcel_id
  join order_line l on l.merchant_id = p.merchant_id and l.order_id = p.order_id and l.line_no = pl.line_no
  where pl.merchant_id = $1 and pl.parcel_id = $2 and pl.quantity > 0 order by pl.line_no
"""


class Notify(msgspec.Struct, frozen=True, kw_only=True):
    order: str
    kind: Kind
    parcel: str = ""


@errand(Notify)
async def notify(world: World, asks: list[Ask[Notify]]) -> None:
    """A letter that the server does not take now is tried again; an address that is none ends it."""
    for ask in asks:
        letter = await _letter(world, ask)
        if letter is None:
            continue
        (outcome,) = await world.notifier.send([letter])
        if isinstance(outcome, RetryAt):
            raise TryLater(outcome.reason)


async def _letter(world: World, ask: Ask[Notify]) -> Letter | None:
    """None when there is nobody to write to, or nobody to write as."""
    async with world.reading([ask.merchant]) as tx:
        order = await tx.row(ORDER, ask.merchant, number("ord", ask.body.order))
        if order is None or order["history"]:
            return None
        parcel = await _parcel(tx, ask)
        lines = await _lines(tx, ask)
    plain = {name: msgspec.json.decode(order[name]) if order[name] else {} for name in ("buyer", "ship_to", "brand")}
    sender = plain["brand"].get("sender") or order["email"]
    if not plain["buyer"].get("email") or not sender:
        return None
    key = f"{ask.body.order}/{ask.body.parcel}" if ask.body.parcel else ask.body.order
    try:
        message = compose(ask.body.kind, _notice(dict(order) | plain, parcel, lines, sender, key, ask.at))
    except NotAMailbox:
        return None
    return Letter(f"{key}/{ask.body.kind}", message)


async def _parcel(tx: Tx, ask: Ask[Notify]) -> Mapping[str, Any]:
    if not ask.body.parcel:
        return {}
    row: Mapping[str, Any] | None = await tx.row(PARCEL, ask.merchant, number("par", ask.body.parcel))
    return row or {}


async def _lines(tx: Tx, ask: Ask[Notify]) -> tuple[NoticeLine, ...]:
    if ask.body.parcel:
        rows = await tx.rows(PARCEL_LINES, ask.merchant, number("par", ask.body.parcel))
    else:
        rows = await tx.rows(LINES, ask.merchant, number("ord", ask.body.order))
    return tuple(NoticeLine(title=row["title"] or row["code"], quantity=row["quantity"]) for row in rows)


def _notice(
    order: Mapping[str, Any],
    parcel: Mapping[str, Any],
    lines: tuple[NoticeLine, ...],
    sender: str,
    key: str,
    at: datetime,
) -> Notice:
    delivered = parcel.get("delivered_at")
    return Notice(
        key=key,
        merchant=order["merchant"],
        sender=sender,
        reply_to=order["email"],
        to=order["buyer"]["email"],
        at=at,
        order_number=order["number"],
        buyer_name=order["buyer"].get("name", ""),
        lines=lines,
        total_minor=None if parcel else order["total_minor"],
        currency=order["currency"],
        ship_to=Address(**order["ship_to"]) if order["ship_to"] else None,
        carrier=parcel.get("carrier", ""),
        tracking_number=parcel.get("tracking_number", ""),
        parcel_index=parcel.get("parcel_index", 1),
        parcel_count=parcel.get("parcel_count", 1),
        expected_on=parcel.get("deliver_by") or order["deliver_by"],
        delivered_on=delivered.date() if delivered else None,
        accent=order["brand"].get("accent", PLAIN_ACCENT),
    )
