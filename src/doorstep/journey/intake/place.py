"""place: an order comes in, once; what a key or an external id brought before is answered with the first order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import blake2b
from typing import Any

import msgspec

from doorstep.journey.intake.new_order import NewLine, NewOrder, Struct
from doorstep.kit.ids import public
from doorstep.kit.money import UNIT_PRICE_PLACES, digits
from doorstep.kit.refusals import Invalid, Refusal, Short
from doorstep.kit.text import normalized
from doorstep.setup.promising import promise_moves
from doorstep.setup.sites import Site, every_site
from doorstep.setup.sourcing import WEIGHED, Want, source
from doorstep.spine.amounts import Amounts, Priced, amounts
from doorstep.spine.holds import place_hold
from doorstep.spine.outcome import Ask, Cash, Demand, Event, Insert, Job, Move, NewOrderRows, Outcome, Result
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb


class Problem(Struct, frozen=True):
    """What is wrong with an order that is taken all the same; `hold` stops it until somebody looked."""

    reason: str
    field: str = ""
    value: str = ""
    hold: str = ""


class Place(Struct, frozen=True, kw_only=True):
    """`generous`: from a channel or a file, where what is wrong holds the line instead of refusing the order."""

    order: NewOrder
    generous: bool = False
    also_id: str = ""
    problems: list[Problem] = []


class UnknownSku(Refusal):
    """This merchant has no such SKU, nor the channel such an alias."""

    status = 422


class UnknownChannel(Refusal):
    """This merchant has no such channel."""

    status = 422


class TotalDoesNotAddUp(Refusal):
    """The total given is not what the lines, discounts, shipping, fees and tax add up to."""

    status = 422


class ExternalIdTaken(Refusal):
    """This channel sent another order under the same external id before."""


class TendersExceedTotal(Refusal):
    """More was paid or authorized than the order costs."""

    status = 422


CHANNELS = "select merchant_id, key, channel_id from channel where merchant_id = any($1) and key = any($2)"
MERCHANTS = """
select merchant_id, when_short, ship, reserve_minutes from merchant where merchant_id = any($1)
"""
SKUS = """
select s.merchant_id, 0::bigint as channel_id, s.code as word, s.sku_id, s.stocked from sku s
  where s.merchant_id = any($1) and s.code = any($2)
union all
select a.merchant_id, a.channel_id, a.alias, a.sku_id, s.stocked
  from sku_alias a join sku s on s.merchant_id = a.merchant_id and s.sku_id = a.sku_id
  where a.merchant_id = any($1) and a.alias = any($2)
"""
METHODS = """
select merchant_id, name, level, days_min, days_max from shipping_method
  where merchant_id = any($1) and name = any($2)
"""
EXISTING = """
select o.merchant_id, o.channel_id, o.external_id, o.order_id, o.number, o.content_hash
  from orders o where o.merchant_id = any($1) and o.external_id = any($2)
"""
FREE = """
select merchant_id, sku_id, site_id, free from availability
  where merchant_id = any($1) and sku_id = any($2) and free > 0
  order by merchant_id, sku_id, site_id for no key update
"""
# Working days in transit when the shipping method is not one the merchant set up.
DAYS = (2, 7)


@dataclass(frozen=True, slots=True)
class Item:
    sku_id: int
    stocked: bool


@dataclass(frozen=True, slots=True)
class Existing:
    order_id: int
    number: str
    content_hash: bytes


@dataclass(frozen=True, slots=True)
class Facts:
    policies: Mapping[int, Mapping[str, Any]]
    channels: Mapping[tuple[int, str], int]
    items: Mapping[tuple[int, int, str], Item]  # channel 0 = the merchant's own code
    levels: Mapping[tuple[int, str], str]
    days: Mapping[tuple[int, str], tuple[int, int]]
    sites: Mapping[int, Site]
    existing: Mapping[tuple[int, int, str], Existing]


@dataclass(slots=True)
class Left:
    """What the orders of this batch before have left: ids, free stock, external ids."""

    ids: Iterator[int]
    free: dict[tuple[int, int], dict[int, int]] = field(default_factory=dict)  # (merchant, sku): {site: units}
    placed: dict[tuple[int, int, str], Existing] = field(default_factory=dict)


@verb(Place)
async def place(tx: Tx, asks: list[Ask[Place]]) -> list[Result]:
    """Place an order. The same external id with the same content answers with the first order."""
    facts, left = await _facts(tx, asks)
    return [_refusing(facts, left, ask) for ask in asks]


def _refusing(facts: Facts, left: Left, ask: Ask[Place]) -> Result:
    try:
        return decide(facts, left, ask)
    except Refusal as refusal:
        return refusal


async def _facts(tx: Tx, asks: list[Ask[Place]]) -> tuple[Facts, Left]:
    merchants = list(tx.merchants)
    orders = [ask.body.order for ask in asks]
    words = list({line.sku for order in orders for line in order.lines if line.sku})
    names = list({order.shipping_method for order in orders if order.shipping_method})
    external_ids = list({order.external_id for order in orders if order.external_id})
    skus = await tx.rows(SKUS, merchants, words)
    methods = await tx.rows(METHODS, merchants, names)
    channels = await tx.rows(CHANNELS, merchants, list({order.channel for order in orders}))
    reserving = any(order.reserve == "now" for order in orders)
    facts = Facts(
        policies={row["merchant_id"]: dict(row) for row in await tx.rows(MERCHANTS, merchants)},
        channels={(row["merchant_id"], row["key"]): row["channel_id"] for row in channels},
        items={(r["merchant_id"], r["channel_id"], r["word"]): Item(r["sku_id"], r["stocked"]) for r in skus},
        levels={(row["merchant_id"], row["name"]): row["level"] for row in methods},
        days={(row["merchant_id"], row["name"]): (row["days_min"], row["days_max"]) for row in methods},
        sites=await every_site(tx) if reserving else {},
        existing={
            (row["merchant_id"], row["channel_id"], row["external_id"]): Existing(
                row["order_id"], row["number"], row["content_hash"]
            )
            for row in await tx.rows(EXISTING, merchants, external_ids)
        },
    )
    left = Left(ids=await tx.fresh_ids(sum(_ids_needed(ask.body) for ask in asks)))
    if reserving:
        for row in await tx.rows(FREE, merchants, list({row["sku_id"] for row in skus})):
            left.free.setdefault((row["merchant_id"], row["sku_id"]), {})[row["site_id"]] = row["free"]
    return facts, left


def _ids_needed(body: Place) -> int:
    """The order, its tenders, a hold per line and problem and one on the amounts, a fulfillment order per line and site."""
    order = body.order
    fulfillment_orders = len(order.lines) * WEIGHED if order.reserve == "now" else 0
    return 2 + len(order.tenders) + len(order.lines) + len(body.problems) + fulfillment_orders


def decide(facts: Facts, left: Left, ask: Ask[Place]) -> Result:
    """The rule. Strict towards the API; generous towards channels and files, whose mistakes become holds."""
    new, merchant = ask.body.order, ask.merchant
    channel = facts.channels.get((merchant, new.channel))
    if channel is None:
        return UnknownChannel(channel=new.channel)
    external = (merchant, channel, new.external_id)
    before = (left.placed.get(external) or facts.existing.get(external)) if new.external_id else None
    if before:
        return _again(ask, before)
    items = [_item(facts, merchant, channel, line) for line in new.lines]
    costs = order_amounts(new)
    if not ask.body.generous:
        _refuse_what_is_not_exact(new, items, costs)
    order = next(left.ids)
    number = new.number or new.external_id or public("ord", order)
    outcome = Outcome(
        merchant,
        ("order", order),
        events=[Event("place", _opening_moves(new, costs), _told(new, number, costs), new.placed_at)],
        answer={"order": public("ord", order), "number": number, "existing": False},
        opens=NewOrderRows(_order_row(facts, ask, channel, number, costs), _line_rows(new, items, costs)),
    )
    _tender(outcome, left.ids, ask)
    if new.draft:
        outcome.count("drafts")
        return outcome
    _hold_what_is_wrong(outcome, left.ids, ask, items, costs)
    outcome.then.append(Job("check", {"order": public("ord", order)}))
    outcome.then.append(Job("notify", {"order": public("ord", order), "kind": "received"}))
    if new.reserve == "now":
        short = _reserve(outcome, facts, left, ask, items)
        if short:
            return short
    left.placed[external] = Existing(order, number, content_hash(new))
    return outcome


def order_amounts(new: NewOrder) -> Amounts:
    """The amounts block of a new order; refuses unit prices that are no prices."""
    digits(new.currency)
    for index, line in enumerate(new.lines):
        exponent = line.unit_price.as_tuple().exponent
        exact = line.unit_price.is_finite() and isinstance(exponent, int) and -exponent <= UNIT_PRICE_PLACES
        if not exact or not 0 <= line.unit_price <= 10**9:
            detail = f"must be a decimal from 0 to 1,000,000,000 with at most {UNIT_PRICE_PLACES} places"
            raise Invalid(fields=[{"pointer": f"/lines/{index}/unit_price", "detail": detail}])
    priced = [Priced(line.quantity, line.unit_price, line.discount_minor, line.tax_minor) for line in new.lines]
    return amounts(
        priced,
        new.currency,
        discount_minor=new.discount_minor,
        shipping_minor=new.shipping_minor,
        fees_minor=sum(fee.amount_minor for fee in new.fees),
        tax_minor=new.tax_minor,
        tax_included=new.tax_included,
    )


def content_hash(new: NewOrder) -> bytes:
    """What tells a repeat of an order from a change of it."""
    return blake2b(msgspec.json.encode(new), digest_size=16).digest()


def _again(ask: Ask[Place], before: Existing) -> Result:
    if before.content_hash == content_hash(ask.body.order):
        order = public("ord", before.order_id)
        return Outcome(
            ask.merchant,
            ("order", before.order_id),
            [],
            {"order": order, "number": before.number, "existing": True},
        )
    return ExternalIdTaken(order=public("ord", before.order_id), external_id=ask.body.order.external_id)


def _item(facts: Facts, merchant: int, channel: int, line: NewLine) -> Item | None:
    """A channel's alias says more about its own orders than the merchant's code."""
    return facts.items.get((merchant, channel, line.sku)) or facts.items.get((merchant, 0, line.sku))


def _refuse_what_is_not_exact(new: NewOrder, items: Sequence[Item | None], costs: Amounts) -> None:
    for index, (line, item) in enumerate(zip(new.lines, items, strict=True)):
        if item is None and line.ships:
            raise UnknownSku(sku=line.sku, pointer=f"/lines/{index}/sku")
    if new.total_minor is not None and new.total_minor != costs.total_minor:
        raise TotalDoesNotAddUp(total_minor=new.total_minor, adds_up_to=costs.total_minor)
    tendered = sum(tender.amount_minor for tender in new.tenders)
    if tendered > costs.total_minor:
        raise TendersExceedTotal(tendered_minor=tendered, total_minor=costs.total_minor)


def _opening_moves(new: NewOrder, costs: Amounts) -> list[Move]:
    """What ships is wanted; what does not ship (a service, a download) is delivered with the order."""
    moves: list[Move] = [
        Demand(number, line.quantity, "world", "wanted" if line.ships else "delivered")
        for number, line in enumerate(new.lines, start=1)
    ]
    if costs.total_minor:
        moves.append(Cash(costs.total_minor, "world", "owed"))
    return moves


def _told(new: NewOrder, number: str, costs: Amounts) -> dict[str, Any]:
    return {
        "number": number, "channel": new.channel, "external_id": new.external_id, "currency": new.currency,
        "total_minor": costs.total_minor, "lines": len(new.lines),
    }  # fmt: skip


def _order_row(facts: Facts, ask: Ask[Place], channel: int, number: str, costs: Amounts) -> dict[str, Any]:
    new = ask.body.order
    details = {
        "fees": [msgspec.to_builtins(fee) for fee in new.fees],
        "shipping_worth_minor": costs.shipping_worth_minor,
    }
    return {
        "channel_id": channel, "external_id": new.external_id or None, "number": number,
        "also_id": ask.body.also_id or None, "placed_at": new.placed_at or ask.at, "currency": new.currency,
        "buyer": msgspec.to_builtins(new.buyer),
        "ship_to": msgspec.to_builtins(new.ship_to) if new.ship_to else None,
        "bill_to": msgspec.to_builtins(new.bill_to) if new.bill_to else None,
        "country": new.ship_to.country if new.ship_to else "", "email": normalized(new.buyer.email),
        "lines_minor": costs.lines_minor, "discount_minor": costs.discount_minor,
        "shipping_minor": costs.shipping_minor, "fees_minor": costs.fees_minor, "tax_minor": costs.tax_minor,
        "tax_included": costs.tax_included, "total_minor": costs.total_minor, "payment_term": new.payment_term,
        "payment_token": new.payment_token, "shipping_method": new.shipping_method,
        "service_level": facts.levels.get((ask.merchant, new.shipping_method), "standard"),
        "ship": facts.policies[ask.merchant]["ship"], "history": False, "content_hash": content_hash(new),
        "note": new.note, "tags": new.tags, "details": details,
    }  # fmt: skip


def _line_rows(new: NewOrder, items: Sequence[Item | None], costs: Amounts) -> list[dict[str, Any]]:
    rows = zip(new.lines, items, costs.totals, costs.worths, strict=True)
    return [
        {
            "line_no": number, "sku_id": item.sku_id if item else None, "code": line.sku, "title": line.title,
            "external_id": line.external_id, "ships": line.ships, "unit_price": line.unit_price,
            "discount_minor": line.discount_minor, "tax_minor": line.tax_minor, "total_minor": total,
            "worth_minor": worth,
        }
        for number, (line, item, total, worth) in enumerate(rows, start=1)
    ]  # fmt: skip


def _hold_what_is_wrong(
    outcome: Outcome, ids: Iterator[int], ask: Ask[Place], items: Sequence[Item | None], costs: Amounts
) -> None:
    """A channel's order is always taken; what is wrong with it stops the line, or the order, with the reason."""
    new = ask.body.order
    for number, (line, item) in enumerate(zip(new.lines, items, strict=True), start=1):
        if item is None and line.ships:
            place_hold(
                outcome, ids, type="unknown_item", line_no=number, by="system", at=ask.at,
                reason=f"no SKU is known as {line.sku or line.title!r}", why={"sku": line.sku, "title": line.title},
            )  # fmt: skip
    if new.total_minor is not None and new.total_minor != costs.total_minor:
        place_hold(
            outcome, ids, type="amounts", by="system", at=ask.at,
            reason=f"the channel says {new.total_minor}, the lines add up to {costs.total_minor}",
            why={"total_minor": new.total_minor, "adds_up_to": costs.total_minor},
        )  # fmt: skip
    for problem in ask.body.problems:
        if problem.hold:
            why = {"field": problem.field, "value": problem.value}
            place_hold(outcome, ids, type=problem.hold, by="system", at=ask.at, reason=problem.reason, why=why)


def _tender(outcome: Outcome, ids: Iterator[int], ask: Ask[Place]) -> None:
    """Money that came with the order."""
    for tender in ask.body.order.tenders:
        if not tender.amount_minor:
            continue
        paid = tender.kind == "paid"
        outcome.events[0].moves.append(Cash(tender.amount_minor, "world", "earned" if paid else "held"))
        values = {
            "payment_id": next(ids), "order_id": outcome.order, "kind": "payment" if paid else "authorization",
            "state": "done", "amount_minor": tender.amount_minor, "currency": ask.body.order.currency,
            "provider": "channel", "provider_ref": tender.reference, "method": tender.method, "asked_at": ask.at,
            "done_at": tender.paid_at or ask.at,
        }  # fmt: skip
        outcome.facts.append(Insert("payment", values))


def _reserve(outcome: Outcome, facts: Facts, left: Left, ask: Ask[Place], items: Sequence[Item | None]) -> Short | None:
    """`reserve: now`: the promise is part of the placing, all or nothing or backordered as the merchant wants."""
    policy, new = facts.policies[ask.merchant], ask.body.order
    wants = [
        Want(number, item.sku_id, line.quantity)
        for number, (line, item) in enumerate(zip(new.lines, items, strict=True), start=1)
        if item and line.ships
    ]
    free = {want.sku_id: left.free.get((ask.merchant, want.sku_id), {}) for want in wants}
    country = new.ship_to.country if new.ship_to else ""
    choice = source(wants, free, list(facts.sites.values()), country, complete=policy["ship"] == "complete")
    if choice.missing and policy["when_short"] == "refuse":
        want = choice.missing[0]
        return Short(sku=new.lines[want.line_no - 1].sku, wanted=wants[0].quantity, missing=want.quantity)
    days = facts.days.get((ask.merchant, new.shipping_method), DAYS)
    moves, rows, _ = promise_moves(
        choice.takes, {}, left.ids, order=outcome.order, sites=facts.sites, at=ask.at, days=days
    )
    if moves:
        outcome.events.append(Event("promise", moves, {"sites": choice.why["chosen"]}))
        outcome.facts += rows
        outcome.expires_at = ask.at + timedelta(minutes=policy["reserve_minutes"])
    for take in choice.takes:
        free[take.sku_id][take.site_id] -= take.quantity
    return None
