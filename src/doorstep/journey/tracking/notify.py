"""notify: say what somebody would otherwise ask about: each fact once, by the media that the merchant wants.

Before anything is sent it is written down as being sent. Whoever finds it so later does not know whether it was: a
letter and a post go out again under the same name, a text message is looked up first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from doorstep.journey.tracking.keep_notice import KeepNotice
from doorstep.journey.tracking.letter import NotAMailbox, compose, is_mailbox
from doorstep.journey.tracking.notices import Notice, NoticeLine, in_words, text_of
from doorstep.journey.tracking.telling import Facts, Kept, Standing, State, Word, words
from doorstep.kit.ids import number
from doorstep.kit.paper import address_of
from doorstep.kit.speech import language_of
from doorstep.plug.notifier import (
    Delivered,
    Gone,
    Letter,
    Outcome,
    RetryAt,
    Text,
    WebhookMessage,
    known,
)
from doorstep.setup.branding import Brand, Logo, read_brand
from doorstep.setup.clocks import clock_of
from doorstep.setup.notices.kinds import Kind, Medium
from doorstep.setup.notices.rules import Wanted, wanted
from doorstep.setup.notices.stops import buyer_addresses, stopped
from doorstep.setup.notices.wording import NONE, OwnWords, own_words
from doorstep.spine.outcome import Ask
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import errand
from doorstep.spine.world import TryLater, World

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
WAITED_FOR = """
select l.title, l.code, l.wanted as quantity from order_line l
  where l.merchant_id = $1 and l.order_id = $2 and l.wanted > 0 order by l.line_no
"""
CANCELED = """
select l.title, l.code, l.canceled as quantity from order_line l
  where l.merchant_id = $1 and l.order_id = $2 and l.canceled > 0 order by l.line_no
"""
PARCEL = """
select p.parcel_id, p.carrier, p.tracking_number, p.delivered_at, p.state, p.state_at, f.deliver_from, f.deliver_by,
    (select count(*) from parcel q where q.merchant_id = p.merchant_id and q.order_id = p.order_id
      and q.parcel_id <= p.parcel_id) as parcel_index,
    (select count(*) from parcel q where q.merchant_id = p.merchant_id and q.order_id = p.order_id) as parcel_count,
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


@errand(Notify)
async def notify(world: World, asks: list[Ask[Notify]]) -> None:
    """What is not taken now is tried again; an address that is none ends it, for somebody to look at."""
    trouble: list[str] = []
    for ask in asks:
        found = await _found(world, ask)
        if found is not None:
            trouble += [why for word in found.words if (why := await _say(world, ask, found, word))]
    if trouble:
        raise TryLater("; ".join(trouble))


async def _say(world: World, ask: Ask[Notify], of: Found, word: Word) -> str:
    """Why it must be tried again; '' when it need not."""
    match word.says:
        case "busy":
            return f"{word.medium}: somebody is sending it"
        case "never":
            await _keep(world, ask, of, word, "dropped", why=word.why)
            return ""
        case "later":
            again = msgspec.to_builtins(ask.body)
            await _keep(world, ask, of, word, "waiting", why="quiet_hours", due_at=word.at, again=again)
            return ""
    try:
        message = _message_of(world, ask, of, word)
    except NotAMailbox:
        await _keep(world, ask, of, word, "failed", why="it is no address")
        return ""
    return await _send(world, ask, of, word, message)


async def _send(world: World, ask: Ask[Notify], of: Found, word: Word, message: Any) -> str:
    notifier = await world.notifier_of(ask.merchant, word.medium)
    tries, outcome = word.tries, await known(notifier, message, word.tried_at)
    if outcome is None:
        if not await _keep(world, ask, of, word, "sending"):
            return f"{word.medium}: somebody is sending it"
        tries += 1
        (outcome,) = await notifier.send([message])
    state, why = _end(outcome)
    await _keep(world, ask, of, word, state, why=why, tries=tries)
    return f"{word.medium}: {why}" if state == "unknown" else ""


def _end(outcome: Outcome) -> tuple[State, str]:
    match outcome:
        case Delivered():
            return "sent", ""
        case Gone(reason=reason, stopped=is_stopped):
            return ("dropped", "stopped") if is_stopped else ("failed", reason)
        case RetryAt(reason=reason):
            return "unknown", reason


async def _keep(
    world: World, ask: Ask[Notify], of: Found, word: Word, state: State, *, tries: int | None = None, **more: Any
) -> bool:
    """Whether it was ours to keep."""
    said = KeepNotice(
        order=ask.body.order, letter=ask.body.key_by(word.medium), kind=ask.body.kind, medium=word.medium, state=state,
        subject=in_words(ask.body.kind, of.notice, of.own).subject[:300], address=of.addresses.get(word.medium, ""),
        tries=word.tries if tries is None else tries, **more,
    )  # fmt: skip
    answer = await world.keep(ask.merchant, "keep_notice", said)
    return isinstance(answer, dict) and bool(answer["kept"])


def _message_of(world: World, ask: Ask[Notify], of: Found, word: Word) -> Letter | Text | WebhookMessage:
    """The same for every try: its date is that of the first one. Refuses NotAMailbox."""
    kind, key, to = ask.body.kind, ask.body.key_by(word.medium), of.addresses[word.medium]
    at = of.first_at.get(word.medium, ask.at)
    notice = msgspec.structs.replace(of.notice, key=key, at=at)
    if word.medium == "webhook":
        return WebhookMessage(key, msgspec.json.encode(_posted(ask, notice, of.own)))
    if word.medium == "sms":
        if not to.startswith("+"):
            raise NotAMailbox(address=to)
        return Text(key, to, text_of(kind, notice, of.own), at, receipt_to=world.receipt_link(ask.merchant, key))
    if word.medium == "office":
        buyer = notice.to if is_mailbox(notice.to) else ""
        notice = msgspec.structs.replace(notice, to=to, buyer_name="", reply_to=buyer, stop_url="")
    return Letter(key, compose(kind, notice, of.own))


def _posted(ask: Ask[Notify], of: Notice, own: OwnWords) -> dict[str, Any]:
    """For a program that speaks to the buyer itself: what happened, whom to tell, and how we would say it."""
    said = in_words(ask.body.kind, of, own)
    data = {
        "order": ask.body.order, "number": of.order_number, "kind": ask.body.kind, "parcel": ask.body.parcel or None,
        "language": of.language, "buyer": {"name": of.buyer_name, "email": of.to, "phone": of.phone},
        "subject": said.subject, "headline": said.headline, "text": said.lead, "sms": text_of(ask.body.kind, of, own),
        "tracking_url": of.tracking_url, "carrier": of.carrier, "tracking_number": of.tracking_number,
        "expected_from": of.expected_from, "expected_by": of.expected_on, "place": of.place, "until": of.until,
        "amount_minor": of.amount_minor, "currency": of.currency, "label_url": of.label_url,
    }  # fmt: skip
    return {"type": f"notice.{ask.body.kind}", "timestamp": of.at, "data": data}


# What is known


async def _found(world: World, ask: Ask[Notify]) -> Found | None:
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
        of_kind = {"backordered": WAITED_FOR, "canceled": CANCELED}
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
        total_minor=None if parcel or sums else order["total_minor"],
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
        part_only=order["stage"] not in ("canceled", "expired"),
        stop_url=f"{post['link']}/stop" if post["link"] else "",
        accent=brand.accent,
        logo=brand.logo.content if brand.logo else b"",
        contact=brand.support,
        imprint=brand.note,
    )


def _brand(order: Mapping[str, Any], merchant: int) -> Brand:
    logo = Logo(order["logo"], "image/png", order["picture"]) if order["logo"] else None
    return read_brand(merchant, order["key"], order["name"], order["email"], order["brand"], logo)
