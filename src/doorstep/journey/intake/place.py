"""place: an order comes in, once; what a key or an external id brought before is answered with the first order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

import msgspec

from doorstep.journey.intake import amend
from doorstep.journey.intake.content import NOTHING, Happened, Problem, content_hash, hash_of_parts, parts_of
from doorstep.journey.intake.costs import order_amounts
from doorstep.journey.intake.history import catching_up, progress
from doorstep.journey.intake.history.past import Past, past_of
from doorstep.journey.intake.money import money_of, payments_of
from doorstep.journey.intake.new_order import NewLine, NewOrder, Struct
from doorstep.kit.ids import Drawn, public
from doorstep.kit.refusals import Refusal, Short
from doorstep.kit.text import normalized
from doorstep.setup.free_stock import free_and_locked
from doorstep.setup.learning import outlook_of
from doorstep.setup.promising import NO_OUTLOOK, Outlook, promise_moves, to_address
from doorstep.setup.sites import SITES, Site, site_told
from doorstep.setup.sourcing import WEIGHED, Take, Want, choose, nearest_first
from doorstep.spine.amounts import Amounts, waited_for
from doorstep.spine.facts import OrderFacts, order_facts
from doorstep.spine.holds import place_hold
from doorstep.spine.numbering import Numbers, numbers_of, only_last_counts
from doorstep.spine.outcome import (
    Ask,
    Cash,
    Demand,
    Event,
    Insert,
    Job,
    Move,
    NewOrderRows,
    Outcome,
    Result,
    Update,
)
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb


class Arrival(Struct, frozen=True, kw_only=True):
    """An order with what the channel or the file says beside it. `also_id`: a second id of the channel's for it."""

    order: NewOrder
    also_id: str = ""
    happened: Happened = NOTHING
    problems: list[Problem] = msgspec.field(default_factory=list)
    is_history: ClassVar[bool] = False

    @property
    def subject(self) -> object | None:
        """Of one external id a batch holds one: the second sees what the first did."""
        return ("arrival", self.order.channel, self.order.external_id) if self.order.external_id else None


class Place(Arrival, frozen=True, kw_only=True):
    """`generous`: from a channel or a file, where what is wrong holds the line instead of refusing the order."""

    generous: bool = False


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


# Rows of several kinds in one trip: channels, the merchants' policies, shipping methods, the sites, items by the words
# for them with what of each is free at which site, and the orders that are here already. Each is probed for by its
# merchant's own words alone: a batch has orders of many merchants. `offset 0` keeps the database from joining the other
# way round, by all rows that there are, as it does while it has not counted them yet.
FACTS = f"""
with asked as materialized (
  select c.* from unnest($2::bigint[], $3::text[]) u(m, key)
    cross join lateral (
      select c.merchant_id, c.key, c.channel_id from channel c where c.merchant_id = u.m and c.key = u.key offset 0) c),
item as materialized (
  select s.merchant_id, 0::bigint as channel_id, s.code as word, s.sku_id, s.stocked, s.name
    from unnest($7::bigint[], $8::text[]) u(m, word)
    cross join lateral (select * from sku s where s.merchant_id = u.m and s.code = u.word offset 0) s
  union all
  select a.merchant_id, a.channel_id, a.alias, a.sku_id, s.stocked, s.name
    from unnest($4::bigint[], $5::text[], $6::text[]) u(m, key, word)
    join asked c on c.merchant_id = u.m and c.key = u.key
    cross join lateral (
      select * from sku_alias a where a.merchant_id = c.merchant_id and a.channel_id = c.channel_id and a.alias = u.word
        offset 0) a
    cross join lateral (select * from sku s where s.merchant_id = a.merchant_id and s.sku_id = a.sku_id offset 0) s)
select 'channel' as what, merchant_id, key as word, channel_id as a, 0::bigint as b, 0::bigint as c, '' as more,
    null as also, null::bytea as hash
  from asked
union all
select 'policy', merchant_id, when_short, reserve_minutes, 0, 0, ship, null, null from merchant
  where merchant_id = any($1)
union all
select 'method', merchant_id, name, days_min, days_max, 0, level, null, null from shipping_method
  where merchant_id = any($1) and name = any($9)
union all
select 'site', 0, '', s.site_id, 0, 0, to_json(s)::text, null, null from ({SITES}) s where $10
union all
select 'item', i.merchant_id, i.word, i.channel_id, i.sku_id, i.stocked::int, i.name, case when $10 then (
    select json_object_agg(v.site_id, v.free)::text from availability v
      where v.merchant_id = i.merchant_id and v.sku_id = i.sku_id and v.free > 0) end, null
  from item i
union all
select 'order', o.merchant_id, o.external_id, o.channel_id, o.order_id, o.history::int, o.number, o.also_id,
    o.content_hash
  from unnest($11::bigint[], $12::text[], $13::text[]) u(m, key, word)
  join asked c on c.merchant_id = u.m and c.key = u.key
  cross join lateral (
    select * from orders o
      where o.merchant_id = c.merchant_id and o.channel_id = c.channel_id and o.external_id = u.word offset 0) o
union all
select 'order', o.merchant_id, o.external_id, o.channel_id, o.order_id, o.history::int, o.number, o.also_id,
    o.content_hash
  from unnest($14::bigint[], $15::text[]) u(m, word)
  cross join lateral (select * from orders o where o.merchant_id = u.m and o.also_id = u.word offset 0) o
"""
CHANNELS = "select merchant_id, key, channel_id from channel where merchant_id = any($1) and key = any($2)"
SKUS = """
select s.merchant_id, 0::bigint as channel_id, s.code as word, s.sku_id, s.stocked, s.name from sku s
  where s.merchant_id = any($1) and s.code = any($2)
union all
select a.merchant_id, a.channel_id, a.alias, a.sku_id, s.stocked, s.name
  from sku_alias a join sku s on s.merchant_id = a.merchant_id and s.sku_id = a.sku_id
  where a.merchant_id = any($1) and a.alias = any($2)
"""
_FREE = msgspec.json.Decoder(dict[int, int])
# The buyer of an older order that a file brings heard from the shop long ago.
TOLD_BEFORE = timedelta(days=2)
# Working days in transit when the shipping method is not one the merchant set up.
DAYS = (2, 7)


@dataclass(frozen=True, slots=True)
class Item:
    sku_id: int
    stocked: bool
    name: str = ""


@dataclass(frozen=True, slots=True)
class Existing:
    order_id: int
    number: str
    content_hash: bytes
    also_id: str | None
    history: bool


class Near:
    """The sites, nearest first to each country."""

    def __init__(self, sites: Mapping[int, Site]) -> None:
        self.sites = sites
        self._near: dict[str, list[Site]] = {}

    def to(self, country: str) -> list[Site]:
        if country not in self._near:
            self._near[country] = nearest_first(self.sites.values(), country)
        return self._near[country]


@dataclass(frozen=True, slots=True)
class Facts:
    policies: Mapping[int, Mapping[str, Any]]
    channels: Mapping[tuple[int, str], int]
    items: Mapping[tuple[int, int, str], Item]  # channel 0 = the merchant's own code
    levels: Mapping[tuple[int, str], str]
    days: Mapping[tuple[int, str], tuple[int, int]]
    near: Near
    by_external_id: Mapping[tuple[int, int, str], Existing]
    by_also_id: Mapping[tuple[int, int, str], Existing]
    orders: Mapping[int, OrderFacts]  # of those that are here, the ones that changed
    payments: Mapping[int, list[Mapping[str, Any]]]
    numbers: Numbers  # of papers that were issued elsewhere
    past: Past  # of historic orders
    outlook: Mapping[int, Outlook] = field(default_factory=dict)  # what tells how long a way takes


@dataclass(slots=True)
class Left:
    """What the orders of this batch before have left: ids and free stock."""

    ids: Drawn
    free: dict[tuple[int, int], dict[int, int]] = field(default_factory=dict)  # (merchant, sku): {site: units}


@verb(Place)
async def place(tx: Tx, asks: list[Ask[Place]]) -> list[Result]:
    """Place an order. The same external id with the same content answers with the first order."""
    facts, left = await facts_of(tx, asks, is_generous=[ask.body.generous for ask in asks])
    results = only_last_counts(each(asks, lambda ask: decide(facts, left, ask)))
    tx.ids.put_back(left.ids)
    return results


async def facts_of(tx: Tx, asks: Sequence[Ask[Any]], is_generous: Sequence[bool]) -> tuple[Facts, Left]:
    orders = [ask.body.order for ask in asks]
    named = await _named(tx, asks)
    found = [_found(named.channels, named.by_external_id, named.by_also_id, ask) for ask in asks]
    changed = [
        before.order_id
        for ask, before, generous in zip(asks, found, is_generous, strict=True)
        if before and generous and not _is_same(ask.body, before)
    ]
    # The orders are locked before any stock is.
    standing = await order_facts(tx, changed)
    papers = any(ask.body.happened.refunded_minor for ask in asks)
    historic = [ask for ask, before in zip(asks, found, strict=True) if _is_of_the_past(ask.body, before)]
    written = {order: one for order, one in standing.items() if one.row["history"]}
    past = await past_of(tx, historic, written, _with_stock(named.items) if historic else {})
    payments = await payments_of(tx, standing)
    reserving = any(order.reserve == "now" for order in orders)
    facts = Facts(
        policies=named.policies,
        channels=named.channels,
        items=named.items,
        levels=named.levels,
        days=named.days,
        near=Near(named.sites),
        by_external_id=named.by_external_id,
        by_also_id=named.by_also_id,
        orders=standing,
        payments=payments,
        numbers=await numbers_of(tx, progress.INVOICES, progress.CREDIT_NOTES) if papers else Numbers({}),
        past=past,
        outlook=await outlook_of(tx) if reserving else {},
    )
    kept = sum(map(len, payments.values()))
    left = Left(ids=await tx.fresh_ids(2 * kept + sum(_ids_needed(ask.body) for ask in asks)), free=named.free)
    if reserving and tx.careful:
        left.free = await free_and_locked(tx, [item.sku_id for item in named.items.values()])
    return facts, left


@dataclass(slots=True)
class Named:
    """What the words of these orders stand for, by merchant."""

    channels: dict[tuple[int, str], int] = field(default_factory=dict)
    policies: dict[int, dict[str, Any]] = field(default_factory=dict)
    levels: dict[tuple[int, str], str] = field(default_factory=dict)
    days: dict[tuple[int, str], tuple[int, int]] = field(default_factory=dict)
    items: dict[tuple[int, int, str], Item] = field(default_factory=dict)
    free: dict[tuple[int, int], dict[int, int]] = field(default_factory=dict)
    sites: dict[int, Site] = field(default_factory=dict)
    # The orders that are here already, by the channel's key and by its second id.
    by_external_id: dict[tuple[int, int, str], Existing] = field(default_factory=dict)
    by_also_id: dict[tuple[int, int, str], Existing] = field(default_factory=dict)


async def _named(tx: Tx, asks: Sequence[Ask[Any]]) -> Named:
    orders = [(ask.merchant, ask.body.order) for ask in asks]
    words = {(merchant, order.channel, _word(line)) for merchant, order in orders for line in order.lines}
    words = {asked for asked in words if asked[2]}
    found = Named()
    rows = await tx.rows(
        FACTS,
        list(tx.merchants),
        *_arrays({(merchant, order.channel) for merchant, order in orders}, 2),
        *_arrays(words, 3),
        *_arrays({(merchant, word) for merchant, _, word in words}, 2),
        list({order.shipping_method for _, order in orders} - {""}),
        any(order.reserve == "now" for _, order in orders),
        *_arrays({(merchant, order.channel, order.external_id) for merchant, order in orders if order.external_id}, 3),
        *_arrays({(ask.merchant, ask.body.also_id) for ask in asks if ask.body.also_id}, 2),
    )
    for what, merchant, word, a, b, c, more, also, hashed in rows:
        if what == "item":
            found.items[merchant, a, word] = Item(b, bool(c), more)
            if also:
                found.free[merchant, b] = _FREE.decode(also)
        elif what == "policy":
            found.policies[merchant] = {"when_short": word, "ship": more, "reserve_minutes": a}
        elif what == "method":
            found.levels[merchant, word] = more
            found.days[merchant, word] = (a, b)
        elif what == "channel":
            found.channels[merchant, word] = a
        elif what == "site":
            found.sites[a] = site_told(more)
        else:
            one = Existing(b, more, hashed, also, bool(c))
            found.by_external_id[merchant, a, word] = one
            if also:
                found.by_also_id[merchant, a, also] = one
    return found


def _arrays(asked: Iterable[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """A list per part of what is asked for, in the order of its index."""
    return [list(part) for part in zip(*sorted(asked), strict=True)] or [[] for _ in range(width)]


def _is_of_the_past(body: Arrival, before: Existing | None) -> bool:
    """Something of it may be written down as history: it is no repeat, and no order that is work here."""
    if before is None:
        return body.is_history
    return before.history and not _is_same(body, before)


def _with_stock(items: Mapping[tuple[int, int, str], Item]) -> dict[tuple[int, str], set[int]]:
    """By merchant and word, whatever channel calls it so."""
    found: dict[tuple[int, str], set[int]] = {}
    for (merchant, _, word), item in items.items():
        if item.stocked:
            found.setdefault((merchant, word), set()).add(item.sku_id)
    return found


async def channels_named(tx: Tx, keys: Iterable[str]) -> dict[tuple[int, str], int]:
    rows = await tx.rows(CHANNELS, list(tx.merchants), list(set(keys)))
    return {(row["merchant_id"], row["key"]): row["channel_id"] for row in rows}


async def items_named(tx: Tx, words: Iterable[str]) -> dict[tuple[int, int, str], Item]:
    """By merchant, channel and word, as a channel calls them; channel 0 = the merchant's own code."""
    rows = await tx.rows(SKUS, list(tx.merchants), list(set(words) - {""}))
    return {
        (row["merchant_id"], row["channel_id"], row["word"]): Item(row["sku_id"], row["stocked"], row["name"])
        for row in rows
    }


Known = Mapping[tuple[int, int, str], Existing]


def _found(channels: Mapping[tuple[int, str], int], by_name: Known, by_id: Known, ask: Ask[Any]) -> Existing | None:
    """The order that this is: the second id tells it for sure, a name may be another order's of that name."""
    channel = channels.get((ask.merchant, ask.body.order.channel))
    if channel is None or not ask.body.order.external_id:
        return None
    body = ask.body
    sure = by_id.get((ask.merchant, channel, body.also_id)) if body.also_id else None
    named = by_name.get((ask.merchant, channel, body.order.external_id))
    return sure or (named if named and not _is_namesake(named, body) else None)


def _is_namesake(named: Existing, body: Arrival) -> bool:
    return bool(body.also_id and named.also_id and body.also_id != named.also_id)


def existing_order(facts: Facts, ask: Ask[Any]) -> Existing | None:
    return _found(facts.channels, facts.by_external_id, facts.by_also_id, ask)


def external_id_of(facts: Facts, channel: int, ask: Ask[Any]) -> str:
    """The name; with the second id beside it where another order has that name."""
    external_id: str = ask.body.order.external_id
    named = facts.by_external_id.get((ask.merchant, channel, external_id))
    return f"{external_id} ({ask.body.also_id})"[:120] if named and _is_namesake(named, ask.body) else external_id


def _is_same(body: Arrival, before: Existing) -> bool:
    told = hash_of_parts(parts_of(body.order, body.happened))
    return before.content_hash == told or before.content_hash == content_hash(body.order)


def _word(line: NewLine) -> str:
    """What names the item: the channel's code, or what the buyer saw where there is none."""
    return line.sku or line.title


def _ids_needed(body: Arrival) -> int:
    """The order, its tenders, a hold per line and problem and two more, a fulfillment order per line and site."""
    order = body.order
    past = progress.ids_needed(order, body.happened)
    if body.is_history:
        return 2 + past
    fulfillment_orders = len(order.lines) * WEIGHED if order.reserve == "now" else 0
    own = 3 + len(order.tenders) + len(order.lines) + len(body.problems) + fulfillment_orders
    return own + amend.ids_needed(order) + past


def decide(facts: Facts, left: Left, ask: Ask[Place]) -> Outcome:
    """The rule. Strict towards the API; generous towards channels and files, whose mistakes become holds."""
    new, merchant = ask.body.order, ask.merchant
    channel = channel_of(facts, ask)
    before = existing_order(facts, ask)
    if before:
        return again(facts, left.ids, ask, before, generous=ask.body.generous)
    items = [item_of(facts, merchant, channel, line) for line in new.lines]
    costs = order_amounts(new)
    if not ask.body.generous:
        _refuse_what_is_not_exact(new, items, costs)
    order = next(left.ids)
    number = new.number or new.external_id or public("ord", order)
    outcome = Outcome(
        merchant,
        ("order", order),
        events=[Event("place", _opening_moves(ask.body, items, costs), told(new, number, costs), new.placed_at)],
        answer={"order": public("ord", order), "number": number, "existing": False},
        opens=NewOrderRows(
            order_row(facts, ask, channel, number, costs, generous=ask.body.generous), line_rows(new, items, costs)
        ),
    )
    count_services(outcome, new, items)
    _tender(outcome, left.ids, ask)
    _hold_what_is_wrong(outcome, left.ids, ask, items, costs)
    if new.draft:
        outcome.count("drafts")
        return outcome
    outcome.then.append(Job("check", {"order": public("ord", order)}))
    if not ask.body.generous or ask.at - (new.placed_at or ask.at) < TOLD_BEFORE:
        outcome.then.append(Job("notify", {"order": public("ord", order), "kind": "received"}))
    if new.reserve == "now":
        tendered = sum(tender.amount_minor for tender in new.tenders)
        _reserve(outcome, facts, left, ask, items, waited_for(new.payment_term, costs.total_minor, tendered, 0))
    return outcome


def channel_of(facts: Facts, ask: Ask[Any]) -> int:
    channel = facts.channels.get((ask.merchant, ask.body.order.channel))
    if channel is None:
        raise UnknownChannel(channel=ask.body.order.channel)
    return channel


def again(facts: Facts, ids: Iterator[int], ask: Ask[Any], before: Existing, *, generous: bool) -> Outcome:
    """The order is here: a repeat is answered with it, a change is one of a historic order or of today's."""
    new = ask.body.order
    if _is_same(ask.body, before):
        answer = {"order": public("ord", before.order_id), "number": before.number, "existing": True}
        outcome = Outcome(ask.merchant, ("order", before.order_id), [], answer)
        if ask.body.also_id and not before.also_id:
            outcome.facts.append(Update("orders", {"order_id": before.order_id}, {"also_id": ask.body.also_id}))
        return outcome
    if not generous:
        raise ExternalIdTaken(order=public("ord", before.order_id), external_id=new.external_id)
    order = facts.orders[before.order_id]
    level = facts.levels.get((ask.merchant, new.shipping_method), "standard")
    said = amend.Said(new, ask.body.happened, level, "" if before.also_id else ask.body.also_id)
    money = money_of({**order.row, "order_id": order.order_id}, facts.payments[order.order_id])
    if before.history:
        items = [item_of(facts, ask.merchant, order.row["channel_id"], line) for line in new.lines]
        costs = order_amounts(new)
        more = catching_up.Facts(said, line_rows(new, items, costs), costs, facts.past, facts.numbers)
        return catching_up.decide_more(order, money, more, ids, ask)
    return amend.decide(order, money, said, ids, ask)


def item_of(facts: Facts, merchant: int, channel: int, line: NewLine) -> Item | None:
    """A channel's alias says more about its own orders than the merchant's code."""
    return known_item(facts.items, merchant, channel, line.sku, line.title)


def known_item(
    items: Mapping[tuple[int, int, str], Item], merchant: int, channel: int, sku: str, title: str
) -> Item | None:
    own = items.get((merchant, channel, sku or title))
    return own or (items.get((merchant, 0, sku)) if sku else None)


def ships(line: NewLine, item: Item | None) -> bool:
    """What has no stock is never sent, whatever the channel says of it."""
    return line.ships and (item is None or item.stocked)


def count_services(outcome: Outcome, new: NewOrder, items: Sequence[Item | None]) -> None:
    """Delivered with the order: they say nothing of how far the goods are."""
    units = sum(line.quantity for line, item in zip(new.lines, items, strict=True) if not ships(line, item))
    if units:
        outcome.count("services", units)


def _refuse_what_is_not_exact(new: NewOrder, items: Sequence[Item | None], costs: Amounts) -> None:
    for index, (line, item) in enumerate(zip(new.lines, items, strict=True)):
        if item is None and line.ships:
            raise UnknownSku(sku=line.sku, pointer=f"/lines/{index}/sku")
    if new.total_minor is not None and new.total_minor != costs.total_minor:
        raise TotalDoesNotAddUp(total_minor=new.total_minor, adds_up_to=costs.total_minor)
    tendered = sum(tender.amount_minor for tender in new.tenders)
    if tendered > costs.total_minor:
        raise TendersExceedTotal(tendered_minor=tendered, total_minor=costs.total_minor)


def _opening_moves(body: Arrival, items: Sequence[Item | None], costs: Amounts) -> list[Move]:
    """What ships is wanted; what does not ship, or was sent by the channel before, is delivered with the order."""
    moves: list[Move] = []
    for number, (line, item) in enumerate(zip(body.order.lines, items, strict=True), start=1):
        delivered = body.happened.units(number, line) if ships(line, item) else line.quantity
        if delivered:
            moves.append(Demand(number, delivered, "world", "delivered"))
        if line.quantity > delivered:
            moves.append(Demand(number, line.quantity - delivered, "world", "wanted"))
    if costs.total_minor:
        moves.append(Cash(costs.total_minor, "world", "owed"))
    return moves


def told(new: NewOrder, number: str, costs: Amounts) -> dict[str, Any]:
    return {
        "number": number, "channel": new.channel, "external_id": new.external_id, "currency": new.currency,
        "total_minor": costs.total_minor, "lines": len(new.lines),
    }  # fmt: skip


def order_row(
    facts: Facts, ask: Ask[Any], channel: int, number: str, costs: Amounts, *, generous: bool, history: bool = False
) -> dict[str, Any]:
    new = ask.body.order
    details: dict[str, Any] = {}
    if new.fees:
        details["fees"] = [msgspec.to_builtins(fee) for fee in new.fees]
    if costs.shipping_worth_minor:
        details["shipping_worth_minor"] = costs.shipping_worth_minor
    if new.risk:
        details["risk"] = new.risk
    if history:
        details |= catching_up.days_of(ask.body.happened)
    if not generous:
        hashed = content_hash(new)
    else:
        # What a channel changes later is told from what it said before, not from what was mended here since.
        details["parts"] = parts_of(new, ask.body.happened)
        hashed = hash_of_parts(details["parts"])
    return {
        "channel_id": channel, "external_id": external_id_of(facts, channel, ask) or None, "number": number,
        "also_id": ask.body.also_id or None, "placed_at": new.placed_at or ask.at, "currency": new.currency,
        "buyer": new.buyer, "ship_to": new.ship_to, "bill_to": new.bill_to,
        "country": new.ship_to.country if new.ship_to else "", "email": normalized(new.buyer.email),
        "customer": new.buyer.customer,
        "lines_minor": costs.lines_minor, "discount_minor": costs.discount_minor,
        "shipping_minor": costs.shipping_minor, "fees_minor": costs.fees_minor, "tax_minor": costs.tax_minor,
        "tax_included": costs.tax_included, "total_minor": costs.total_minor, "payment_term": new.payment_term,
        "payment_token": new.payment_token, "shipping_method": new.shipping_method, "insured_minor": new.insured_minor,
        "service_level": facts.levels.get((ask.merchant, new.shipping_method), "standard"),
        "ship": facts.policies[ask.merchant]["ship"], "history": history, "content_hash": hashed,
        "note": new.note, "tags": new.tags, "details": details,
    }  # fmt: skip


def line_rows(new: NewOrder, items: Sequence[Item | None], costs: Amounts) -> list[dict[str, Any]]:
    rows = zip(new.lines, items, costs.totals, costs.worths, strict=True)
    return [
        {
            "line_no": number, "sku_id": item.sku_id if item else None, "code": line.sku,
            "title": line.title or (item.name if item else ""),
            "external_id": line.external_id, "ships": ships(line, item), "unit_price": line.unit_price,
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
                reason=f"no SKU is known as {_word(line)!r}", why={"sku": line.sku, "title": line.title},
            )  # fmt: skip
    if new.total_minor is not None and new.total_minor != costs.total_minor:
        place_hold(
            outcome, ids, type="amounts", by="system", at=ask.at,
            reason=f"the channel says {new.total_minor}, the lines add up to {costs.total_minor}",
            why={"total_minor": new.total_minor, "adds_up_to": costs.total_minor},
        )  # fmt: skip
    if ask.body.happened.refunded_minor:
        place_hold(
            outcome, ids, type="changed", by="system", at=ask.at, reason="the channel refunded a part of it before",
            why={"refunded_minor": ask.body.happened.refunded_minor, "lifts": "cancel what is no longer wanted"},
        )  # fmt: skip
    for problem in ask.body.problems:
        if problem.hold:
            why = {"field": problem.field, "value": problem.value}
            place_hold(
                outcome, ids, type=problem.hold, by="system", at=ask.at, reason=problem.reason, why=why,
                line_no=problem.line if 0 < problem.line <= len(new.lines) else None,
            )  # fmt: skip


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


def _reserve(
    outcome: Outcome, facts: Facts, left: Left, ask: Ask[Place], items: Sequence[Item | None], missing_minor: int
) -> None:
    """`reserve: now`: the promise is part of the placing, all or nothing or backordered as the merchant wants.

    What money is still waited for does not wait for ever.
    """
    policy, new = facts.policies[ask.merchant], ask.body.order
    wants = [
        Want(number, item.sku_id, line.quantity)
        for number, (line, item) in enumerate(zip(new.lines, items, strict=True), start=1)
        if item and ships(line, item)
    ]
    free = {want.sku_id: left.free.get((ask.merchant, want.sku_id), {}) for want in wants}
    country = new.ship_to.country if new.ship_to else ""
    chosen, takes, missing = choose(wants, free, facts.near.to(country))
    if missing and policy["ship"] == "complete":
        chosen, takes, missing = (), (), tuple(wants)
    if missing and policy["when_short"] == "refuse":
        line = new.lines[missing[0].line_no - 1]
        raise Short(sku=line.sku, wanted=line.quantity, missing=missing[0].quantity)
    days = facts.days.get((ask.merchant, new.shipping_method), DAYS)
    level = facts.levels.get((ask.merchant, new.shipping_method), "standard")
    to = to_address(new.ship_to, level, new.payment_term)
    outlook = facts.outlook.get(ask.merchant, NO_OUTLOOK)
    moves, rows, _ = promise_moves(
        takes,
        {},
        left.ids,
        order=outcome.order,
        sites=facts.near.sites,
        at=ask.at,
        dates=lambda site: outlook.dates(site, ask.at, to, days),
        source="world",
        expires_at=ask.at + timedelta(minutes=policy["reserve_minutes"]) if missing_minor else None,
    )
    for take in takes:
        free[take.sku_id][take.site_id] -= take.quantity
    if moves:
        placed = outcome.events[0]
        placed.moves = [*_still_wanted(placed.moves, takes), *moves]
        placed.data["sites"] = [site.code for site in chosen]
        outcome.facts += rows


def _still_wanted(moves: Sequence[Move], takes: Sequence[Take]) -> Iterator[Move]:
    """What is promised with the order was never wanted alone."""
    taken: dict[int, int] = {}
    for take in takes:
        taken[take.line_no] = taken.get(take.line_no, 0) + take.quantity
    for move in moves:
        if not isinstance(move, Demand) or move.target != "wanted":
            yield move
        elif move.quantity > taken.get(move.line_no, 0):
            yield move._replace(quantity=move.quantity - taken.get(move.line_no, 0))
