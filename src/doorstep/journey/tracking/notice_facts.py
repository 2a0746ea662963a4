"""notice_facts: what is known of a fact that is to be told: order, parcel, money, addresses; what was told before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from doorstep.journey.tracking.letter import is_mailbox
from doorstep.journey.tracking.notices import Notice, NoticeLine
from doorstep.journey.tracking.telling import Facts, Kept, Standing, Word, words
from doorstep.kit.ids import number
from doorstep.kit.paper import address_of
from doorstep.kit.speech import language_of
from doorstep.setup.branding import Brand, Logo, read_brand
from doorstep.setup.clocks import clock_of
from doorstep.setup.notices.kinds import Kind, Medium
from doorstep.setup.notices.rules import Wanted, wanted
from doorstep.setup.notices.stops import buyer_addresses, stopped
from doorstep.setup.notices.wording import NONE, OwnWords, own_words
from doorstep.spine.outcome import Ask
from doorstep.spine.parcels import NTH_OF_ORDER
from doorstep.spine.tenant import Tx
from doorstep.spine.world import World

ORDER = """
select o.order_id, o.number, o.buyer, o.ship_to, o.country, o.total_minor, o.currency, o.history, m.key, m.name,
    m.email, m.brand, m.country as home, d.deliver_from, d.deliver_by, t.later, l.hash as logo, l.content as picture,
    n.stage, n.wanted, n.wanted + n.promised + n.picked + n.packed as not_gone,
    n.wanted + n.promised + n.picked + n.packed + n.shipped as not_arrived, n.holds_open > 0 as is_held,
    n.held + n.collected + n.earned + n.refunded > 0 as is_paid,
    exists (select from parcel p where p.merchant_id = o.merchant_id and p.order_id = o.order_id
      and p.handed_over_at is not null) as has_left,
    (select min(c.code) from connection c where c.merchant_id = o.merchant_id and c.kind = 'sms') as gateway
  from orders o join merchant m on m.merchant_id = o.merchant_id
  join order_now n on n.merchant_id = o.merchant_id and n.order_id = o.order_id
  left join brand_logo l on l.merchant_id = o.merchant_id and l.media_type = 'image/png'
  cross join lateral (select min(f.deliver_from) as deliver_from, max(f.deliver_by) as deliver_by
    from fulfillment_order f where f.merchant_id = o.merchant_id and f.order_id = o.order_id) d
  cross join lateral (select coalesce(array_agg(x.told[1]) filter (
        where x.told[1] > (select max(day) from unnest(x.told[2:]) day)), '{}') as later
    from (select array_agg(p.deliver_by order by p.made_at desc, p.promise_id desc) as told from promise p
      where p.merchant_id = o.merchant_id and p.order_id = o.order_id group by p.fulfillment_order_id) x) t
  where o.merchant_id = $1 and o.order_id = $2
"""
LINES = """
select l.title, l.code, l.ordered - l.canceled as quantity from order_line l
  where l.merchant_id = $1 and l.order_id = $2 and l.ordered > l.canceled order by l.line_no
"""
SET_ASIDE = """
select l.title, l.code, l.ordered - l.canceled - l.wanted as quantity from order_line l
  where l.merchant_id = $1 and l.order_id = $2 and l.ordered > l.canceled + l.wanted order by l.line_no
"""
WAITED_FOR = """
select l.title, l.code, l.wanted as quantity from order_line l
  where l.merchant_id = $1 and l.order_id = $2 and l.wanted > 0 order by l.line_no
"""
CANCELED = """
select l.title, l.code, l.canceled as quantity from order_line l
  where l.merchant_id = $1 and l.order_id = $2 and l.canceled > 0 order by l.line_no
"""
PARCEL = f"""
select p.parcel_id, p.carrier, p.tracking_number, p.delivered_at, p.state, p.state_at, f.deliver_from, f.deliver_by,
    {NTH_OF_ORDER},
    e.place, e.until
  from parcel p
  left join lateral (select v.place, v.until from parcel_event v where v.merchant_id = p.merchant_id
      and v.parcel_id = p.parcel_id and v.state = p.state order by v.happened_at desc, v.digest limit 1) e on true
  join fulfillment_order f on f.merchant_id = p.merchant_id and f.fulfillment_order_id = p.fulfillment_order_id
  where p.merchant_id = $1 and p.parcel_id = $2
"""
PARCEL_LINES = """
select l.title, l.code, pl.quantity from parcel_line pl
  join parcel p on p.merchant_id = pl.merchant_id and p.parcel_id = pl.parcel_id
  join order_line l on l.merchant_id = p.merchant_id and l.order_id = p.order_id and l.line_no = pl.line_no
  where pl.merchant_id = $1 and pl.parcel_id = $2 and pl.quantity > 0 order by pl.line_no
"""
RETURN_LABEL = """
select l.state as label, l.carrier, l.tracking_number from return_label l
  where l.merchant_id = $1 and l.return_label_id = $2 and l.order_id = $3
"""
MESSAGE = """
select m.text, c.email from case_message m
  join contact_case c on c.merchant_id = m.merchant_id and c.case_id = m.case_id
  where m.merchant_id = $1 and m.message_id = $2 and c.order_id = $3
"""
REFUND = """
select p.amount_minor from payment p where p.merchant_id = $1 and p.payment_id = $2 and p.order_id = $3
"""
KEPT = """
select n.key, n.state, n.tries, n.first_at, n.tried_at from notice n
  where n.merchant_id = $1 and n.order_id = $2 and n.key = any($3)
"""


class Notify(msgspec.Struct, frozen=True, kw_only=True):
    """`parcel` and `message`: which of the order's it is about; `about` tells it from others of its kind: a day, a
    date, a payment, a label for the way back."""

    order: str
    kind: Kind
    parcel: str = ""
    message: str = ""
    about: str = ""

    @property
    def key(self) -> str:
        return "/".join(filter(None, (self.order, self.parcel, self.message, self.kind, self.about)))

    def key_by(self, medium: Medium) -> str:
        return self.key if medium == "email" else f"{self.key}/{medium}"


@dataclass(frozen=True, slots=True)
class Found:
    """What is to be said about a fact, and what is known of saying it."""

    words: list[Word]
    notice: Notice
    own: OwnWords
    addresses: Mapping[Medium, str]
    first_at: Mapping[Medium, datetime]


async def found_of(world: World, ask: Ask[Notify]) -> Found | None:
    """None when there is nothing to say, nobody to say it as, or all was said before."""
    body = ask.body
    async with world.reading([ask.merchant]) as tx:
        row = await tx.row(ORDER, ask.merchant, number("ord", body.order))
        if row is None or (row["history"] and body.kind != "answer"):
            return None
        order = dict(row) | {
            name: msgspec.json.decode(row[name]) if row[name] else {} for name in ("buyer", "ship_to", "brand")
        }
        parcel, message = await _parcel(tx, ask), await _message(tx, ask)
        wants = await wanted(tx, ask.merchant)
        addresses = _addresses(order, message, wants)
        kept = await _kept(tx, ask, order["order_id"])
        facts = Facts(
            body.kind, body.about, _standing(order, parcel), wants, addresses,
            await stopped(tx, ask.merchant, order["order_id"], addresses),
            {medium: Kept(row["state"], row["tries"], row["tried_at"]) for medium, row in kept.items()}, ask.at,
            clock_of(order["country"] or order["home"], order["ship_to"].get("region", "")), clock_of(order["home"]),
            _media(order, wants),
        )  # fmt: skip
        told = words(facts)
        if not told:
            return None
        lines, amount = await _lines(tx, ask), await _amount(tx, ask)
        own = await own_words(tx, ask.merchant, body.kind, language_of(order["buyer"], order["country"]))
    link = world.tracking_link(ask.merchant, order["order_id"])
    notice = _notice(order | {"amount": amount}, parcel, message, lines, addresses | {"link": link}, ask)
    first = {medium: row["first_at"] for medium, row in kept.items() if row["first_at"]}
    return Found(told, notice, own if body.kind != "answer" else NONE, addresses, first)


def _sender(order: Mapping[str, Any]) -> str:
    return str(order["brand"].get("sender") or order["email"])


def _media(order: Mapping[str, Any], wants: Wanted) -> frozenset[Medium]:
    """For which the merchant has something to send with, and somewhere to send it to."""
    writes = is_mailbox(_sender(order))
    there: dict[Medium, bool] = {
        "email": writes, "sms": order["gateway"] is not None, "office": writes and bool(wants.office),
        "webhook": bool(wants.url),
    }  # fmt: skip
    return frozenset(medium for medium, is_there in there.items() if is_there)


def _addresses(order: Mapping[str, Any], message: Mapping[str, Any], wants: Wanted) -> dict[Medium, str]:
    found = buyer_addresses(order["buyer"], order["ship_to"], order["country"])
    if message.get("email"):
        found["email"] = str(message["email"])
    return found | {"office": wants.office, "webhook": wants.url}


def _standing(order: Mapping[str, Any], parcel: Mapping[str, Any]) -> Standing:
    return Standing(
        order["stage"] or "", order["wanted"], order["not_gone"], order["not_arrived"], order["has_left"],
        order["is_held"], order["later"], parcel.get("state", ""), parcel.get("state_at"), parcel.get("label", ""),
    )  # fmt: skip


async def _kept(tx: Tx, ask: Ask[Notify], order: int) -> dict[Medium, Any]:
    keys: dict[str, Medium] = {ask.body.key_by(medium): medium for medium in ("email", "sms", "office", "webhook")}
    return {keys[row["key"]]: row for row in await tx.rows(KEPT, ask.merchant, order, list(keys))}


async def _parcel(tx: Tx, ask: Ask[Notify]) -> Mapping[str, Any]:
    if not ask.body.parcel:
        return {}
    row: Mapping[str, Any] | None = await tx.row(PARCEL, ask.merchant, number("par", ask.body.parcel))
    if row is None or ask.body.kind != "return_label":
        return row or {}
    # It travels back with a carrier and a number of its own.
    ids = (number("ret", ask.body.about), number("ord", ask.body.order))
    return {**row, **(await tx.row(RETURN_LABEL, ask.merchant, *ids) or {})}


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
        of_kind = {"awaiting_fulfillment": SET_ASIDE, "backordered": WAITED_FOR, "canceled": CANCELED}
        rows = await tx.rows(of_kind.get(ask.body.kind, LINES), ask.merchant, number("ord", ask.body.order))
    return tuple(NoticeLine(title=row["title"] or row["code"], quantity=row["quantity"]) for row in rows)


async def _amount(tx: Tx, ask: Ask[Notify]) -> int | None:
    if ask.body.kind != "refunded":
        return None
    ids = (number("pay", ask.body.about), number("ord", ask.body.order))
    amount: int | None = await tx.value(REFUND, ask.merchant, *ids)
    return amount


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
    sums = ask.body.kind in ("canceled", "backordered", "refunded")
    waits = ask.body.kind == "awaiting_fulfillment" and order["wanted"] > 0
    return Notice(
        key=ask.body.key,
        merchant=brand.name,
        sender=_sender(order),
        reply_to=next(filter(is_mailbox, (brand.support, order["email"])), ""),
        to=post["email"],
        phone=post["sms"],
        at=ask.at,
        order_number=order["number"],
        language=language_of(order["buyer"], order["country"]),
        buyer_name=order["buyer"].get("name", ""),
        lines=lines,
        total_minor=None if parcel or sums or waits else order["total_minor"],
        currency=order["currency"],
        ship_to=address_of(to) if to else None,
        carrier=parcel.get("carrier", ""),
        tracking_number=parcel.get("tracking_number", ""),
        tracking_url=post["link"],
        label_url=f"{post['link']}/returns/{ask.body.about}" if ask.body.kind == "return_label" else "",
        parcel_index=parcel.get("parcel_index", 1),
        parcel_count=parcel.get("parcel_count", 1),
        expected_from=parcel["deliver_from"] if parcel else order["deliver_from"],
        expected_on=parcel["deliver_by"] if parcel else order["deliver_by"],
        delivered_on=local.date() if local else None,
        text=message.get("text", ""),
        place=parcel.get("place") or "",
        until=parcel.get("until"),
        amount_minor=order["amount"],
        is_paid=order["is_paid"],
        part_only=waits if ask.body.kind == "awaiting_fulfillment" else order["stage"] not in ("canceled", "expired"),
        stop_url=f"{post['link']}/stop" if post["link"] else "",
        accent=brand.accent,
        logo=brand.logo.content if brand.logo else b"",
        contact=brand.support,
        imprint=brand.note,
    )


def _brand(order: Mapping[str, Any], merchant: int) -> Brand:
    logo = Logo(order["logo"], "image/png", order["picture"]) if order["logo"] else None
    return read_brand(merchant, order["key"], order["name"], order["email"], order["brand"], logo)
