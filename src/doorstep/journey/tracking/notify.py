"""notify: write to the buyer what they would otherwise ask about; each letter once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from doorstep.journey.tracking.keep_notice import KeepNotice
from doorstep.journey.tracking.notices import Kind, NotAMailbox, Notice, NoticeLine, compose, is_mailbox
from doorstep.kit.ids import number
from doorstep.kit.paper import Address
from doorstep.kit.speech import language_of
from doorstep.plug.notifier import Gone, Letter, RetryAt
from doorstep.setup.branding import Brand, Logo, read_brand
from doorstep.setup.clocks import clock_of
from doorstep.spine.outcome import Ask
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import errand
from doorstep.spine.world import TryLater, World

ORDER = """
select o.order_id, o.number, o.buyer, o.ship_to, o.country, o.total_minor, o.currency, o.history, m.key, m.name,
    m.email, m.brand, d.deliver_from, d.deliver_by, l.hash as logo, l.content as picture
  from orders o join merchant m on m.merchant_id = o.merchant_id
  left join brand_logo l on l.merchant_id = o.merchant_id and l.media_type = 'image/png'
  cross join lateral (select min(f.deliver_from) as deliver_from, max(f.deliver_by) as deliver_by
    from fulfillment_order f where f.merchant_id = o.merchant_id and f.order_id = o.order_id) d
  where o.merchant_id = $1 and o.order_id = $2
"""
LINES = """
select l.title, l.code, l.ordered - l.canceled as quantity from order_line l
  where l.merchant_id = $1 and l.order_id = $2 and l.ordered > l.canceled order by l.line_no
"""
PARCEL = """
select p.parcel_id, p.carrier, p.tracking_number, p.delivered_at, f.deliver_from, f.deliver_by,
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
MESSAGE = """
select m.text, c.email from case_message m
  join contact_case c on c.merchant_id = m.merchant_id and c.case_id = m.case_id
  where m.merchant_id = $1 and m.message_id = $2 and c.order_id = $3
"""
SENT = "select 1 from notice n where n.merchant_id = $1 and n.order_id = $2 and n.key = $3"


class Notify(msgspec.Struct, frozen=True, kw_only=True):
    """`parcel` and `message`: which of the order's it is about."""

    order: str
    kind: Kind
    parcel: str = ""
    message: str = ""

    @property
    def key(self) -> str:
        return "/".join(filter(None, (self.order, self.parcel, self.message, self.kind)))


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
        if isinstance(outcome, Gone):
            continue
        kept = KeepNotice(
            order=ask.body.order, letter=letter.key, kind=ask.body.kind, subject=str(letter.message["Subject"])[:300]
        )
        await world.ask("keep_notice", [Ask(ask.merchant, kept, world.now())])


async def _letter(world: World, ask: Ask[Notify]) -> Letter | None:
    """None when there is nobody to write to or to write as, and when it was sent before."""
    async with world.reading([ask.merchant]) as tx:
        order = await tx.row(ORDER, ask.merchant, number("ord", ask.body.order))
        if order is None or (order["history"] and ask.body.kind != "answer"):
            return None
        if await tx.value(SENT, ask.merchant, order["order_id"], ask.body.key):
            return None
        parcel = await _parcel(tx, ask)
        message = await _message(tx, ask)
        lines = await _lines(tx, ask)
    plain = {name: msgspec.json.decode(order[name]) if order[name] else {} for name in ("buyer", "ship_to", "brand")}
    sender = plain["brand"].get("sender") or order["email"]
    to = message.get("email") or plain["buyer"].get("email")
    if not to or not sender:
        return None
    link = world.tracking_link(ask.merchant, order["order_id"])
    try:
        notice = _notice(dict(order) | plain, parcel, message, lines, {"sender": sender, "to": to, "link": link}, ask)
        return Letter(ask.body.key, compose(ask.body.kind, notice))
    except NotAMailbox:
        return None


async def _parcel(tx: Tx, ask: Ask[Notify]) -> Mapping[str, Any]:
    if not ask.body.parcel:
        return {}
    row: Mapping[str, Any] | None = await tx.row(PARCEL, ask.merchant, number("par", ask.body.parcel))
    return row or {}


async def _message(tx: Tx, ask: Ask[Notify]) -> Mapping[str, Any]:
    if not ask.body.message:
        return {}
    ids = (number("msg", ask.body.message), number("ord", ask.body.order))
    row: Mapping[str, Any] | None = await tx.row(MESSAGE, ask.merchant, *ids)
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
    message: Mapping[str, Any],
    lines: tuple[NoticeLine, ...],
    post: Mapping[str, str],
    ask: Ask[Notify],
) -> Notice:
    brand, to = _brand(order, ask.merchant), order["ship_to"]
    delivered = parcel.get("delivered_at")
    local = delivered.astimezone(clock_of(order["country"], to.get("region", ""))) if delivered else None
    return Notice(
        key=ask.body.key,
        merchant=brand.name,
        sender=post["sender"],
        reply_to=brand.support if is_mailbox(brand.support) else order["email"],
        to=post["to"],
        at=ask.at,
        order_number=order["number"],
        language=language_of(order["buyer"], order["country"]),
        buyer_name=order["buyer"].get("name", ""),
        lines=lines,
        total_minor=None if parcel else order["total_minor"],
        currency=order["currency"],
        ship_to=Address(**to) if to else None,
        carrier=parcel.get("carrier", ""),
        tracking_number=parcel.get("tracking_number", ""),
        tracking_url=post["link"],
        parcel_index=parcel.get("parcel_index", 1),
        parcel_count=parcel.get("parcel_count", 1),
        expected_from=parcel["deliver_from"] if parcel else order["deliver_from"],
        expected_on=parcel["deliver_by"] if parcel else order["deliver_by"],
        delivered_on=local.date() if local else None,
        text=message.get("text", ""),
        accent=brand.accent,
        logo=brand.logo.content if brand.logo else b"",
        contact=brand.support,
        imprint=brand.note,
    )


def _brand(order: Mapping[str, Any], merchant: int) -> Brand:
    logo = Logo(order["logo"], "image/png", order["picture"]) if order["logo"] else None
    return read_brand(merchant, order["key"], order["name"], order["email"], order["brand"], logo)
