"""arrival: an order with all that is told of it, and what the rules of its coming in need to know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import msgspec

from doorstep.journey.intake import amend
from doorstep.journey.intake.content import NOTHING, Happened, Problem, content_hash, hash_of_parts, parts_of
from doorstep.journey.intake.history import progress
from doorstep.journey.intake.history.past import Past, past_of
from doorstep.journey.intake.known import Existing, Items, named_by
from doorstep.journey.intake.leaving import Holding, dates_that_hold, names_another_day
from doorstep.journey.intake.money import payments_of
from doorstep.journey.intake.new_order import NewOrder, Struct
from doorstep.kit.ids import Drawn
from doorstep.setup.channels import UnknownChannel
from doorstep.setup.free_stock import free_and_locked
from doorstep.setup.learning import outlook_of
from doorstep.setup.promising import Outlook
from doorstep.setup.sites import Site
from doorstep.setup.sourcing import WEIGHED, nearest_first
from doorstep.spine.facts import OrderFacts, order_facts
from doorstep.spine.numbering import Numbers, numbers_of
from doorstep.spine.outcome import Ask
from doorstep.spine.tenant import Tx


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
    """What stands in the books where these orders come in; policies, ways to ship and items by merchant."""

    policies: Mapping[int, Mapping[str, Any]]
    channels: Mapping[tuple[int, str], int]
    items: Items
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
    holding: Holding = field(default_factory=dict)  # of orders that are to leave by another day


@dataclass(slots=True)
class Left:
    """What the orders of this batch before have left: ids and free stock."""

    ids: Drawn
    free: dict[tuple[int, int], dict[int, int]] = field(default_factory=dict)  # (merchant, sku): {site: units}


async def facts_of(tx: Tx, asks: Sequence[Ask[Any]], is_generous: Sequence[bool]) -> tuple[Facts, Left]:
    """Read for all of them at once; an order that is here and is told otherwise now is locked."""
    orders = [ask.body.order for ask in asks]
    named = await named_by(tx, asks)
    found = [_found(named.channels, named.by_external_id, named.by_also_id, ask) for ask in asks]
    changed = [
        before.order_id
        for ask, before, generous in zip(asks, found, is_generous, strict=True)
        if before and generous and not is_same(ask.body, before)
    ]
    # The orders are locked before any stock is.
    standing = await order_facts(tx, changed)
    historic = [ask for ask, before in zip(asks, found, strict=True) if _is_of_the_past(ask.body, before)]
    written = {order: one for order, one in standing.items() if one.row["history"]}
    papers = any(ask.body.happened.refunded_minor for ask in asks)
    papers = papers or any(one.row["invoiced"] for one in written.values())
    past = await past_of(tx, historic, written, _with_stock(named.items) if historic else {})
    payments = await payments_of(tx, standing)
    reserving = any(order.reserve == "now" for order in orders)
    holding = await dates_that_hold(tx, _moved(asks, found, standing))
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
        holding=holding,
    )
    kept = 2 * sum(map(len, payments.values())) + sum(map(len, holding.values()))
    left = Left(ids=await tx.fresh_ids(kept + sum(_ids_needed(ask.body) for ask in asks)), free=named.free)
    if reserving and tx.careful:
        skus = {item.sku_id for words in named.items.values() for item in words.values()}
        left.free = await free_and_locked(tx, list(skus))
    return facts, left


def _moved(
    asks: Sequence[Ask[Any]], found: Sequence[Existing | None], standing: Mapping[int, OrderFacts]
) -> Iterator[int]:
    """Orders that are to leave by another day than before."""
    for ask, before in zip(asks, found, strict=True):
        if before and names_another_day(standing.get(before.order_id), ask.body.order.ship_by):
            yield before.order_id


def _is_of_the_past(body: Arrival, before: Existing | None) -> bool:
    """Something of it may be written down as history: it is no repeat, and no order that is work here."""
    if before is None:
        return body.is_history
    return before.history and not is_same(body, before)


def _with_stock(items: Items) -> dict[tuple[int, str], set[int]]:
    """By merchant and word, whatever channel calls it so."""
    found: dict[tuple[int, str], set[int]] = {}
    for (merchant, _), words in items.items():
        for word, item in words.items():
            if item.stocked:
                found.setdefault((merchant, word), set()).add(item.sku_id)
    return found


def _ids_needed(body: Arrival) -> int:
    """The order, its tenders, a hold per line and problem and two more, a fulfillment order per line and site."""
    order = body.order
    past = progress.ids_needed(order, body.happened)
    if body.is_history:
        return 2 + past
    fulfillment_orders = len(order.lines) * WEIGHED if order.reserve == "now" else 0
    own = 3 + len(order.tenders) + len(order.lines) + len(body.problems) + fulfillment_orders
    return own + amend.ids_needed(order) + past


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


def is_same(body: Arrival, before: Existing) -> bool:
    told = hash_of_parts(parts_of(body.order, body.happened))
    return before.content_hash == told or before.content_hash == content_hash(body.order)


def channel_of(facts: Facts, ask: Ask[Any]) -> int:
    channel = facts.channels.get((ask.merchant, ask.body.order.channel))
    if channel is None:
        raise UnknownChannel(channel=ask.body.order.channel)
    return channel
