"""promise: give free stock to order lines, fewest parcels first; what is missing waits, or is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from doorstep.kit.ids import number, public
from doorstep.kit.refusals import Refusal, Short
from doorstep.setup.promising import promise_moves
from doorstep.setup.sites import Site, every_site
from doorstep.setup.sourcing import WEIGHED, Choice, Want, source
from doorstep.spine.facts import OrderFacts, of_merchant, order_facts
from doorstep.spine.outcome import Ask, Event, Insert, Job, Outcome, Result
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb

FREE = """
select merchant_id, sku_id, site_id, free from availability
  where merchant_id = any($1) and sku_id = any($2)
  order by merchant_id, sku_id, site_id for no key update
"""
POLICIES = "select merchant_id, when_short from merchant where merchant_id = any($1)"
METHODS = """
select merchant_id, name, days_min, days_max from shipping_method where merchant_id = any($1) and name = any($2)
"""
DAYS = (2, 7)


class Promise(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    order: str


@dataclass(frozen=True, slots=True)
class Facts:
    orders: Mapping[int, OrderFacts]
    sites: Mapping[int, Site]
    policies: Mapping[int, str]
    days: Mapping[tuple[int, str], tuple[int, int]]


@dataclass(slots=True)
class Left:
    """What this batch has left: two orders in it never get the same last mug."""

    ids: Iterator[int]
    free: dict[tuple[int, int], dict[int, int]]


@verb(Promise)
async def promise(tx: Tx, asks: list[Ask[Promise]]) -> list[Result]:
    """Give free stock to the waiting lines of an order."""
    facts, left = await facts_of(tx, [number("ord", ask.body.order) for ask in asks])
    return [_answer(facts, left, ask) for ask in asks]


async def facts_of(tx: Tx, orders: list[int]) -> tuple[Facts, Left]:
    """Asks first: the stock rows are locked, so what is seen free stays free until the batch is written."""
    found = await order_facts(tx, orders)
    merchants = list(tx.merchants)
    skus = {line.sku_id for order in found.values() for line in order.lines if line.sku_id and line.wanted}
    free: dict[tuple[int, int], dict[int, int]] = {}
    for row in await tx.rows(FREE, merchants, list(skus)):
        free.setdefault((row["merchant_id"], row["sku_id"]), {})[row["site_id"]] = row["free"]
    methods = await tx.rows(METHODS, merchants, list({order.row["shipping_method"] for order in found.values()}))
    facts = Facts(
        orders=found,
        sites=await every_site(tx),
        policies={row["merchant_id"]: row["when_short"] for row in await tx.rows(POLICIES, merchants)},
        days={(row["merchant_id"], row["name"]): (row["days_min"], row["days_max"]) for row in methods},
    )
    needed = sum(1 + WEIGHED * len(order.lines) for order in found.values())
    return facts, Left(await tx.fresh_ids(needed), free)


def _answer(facts: Facts, left: Left, ask: Ask[Promise]) -> Result:
    try:
        return decide(facts, left, of_merchant(facts.orders, ask.merchant, number("ord", ask.body.order)), ask)
    except Refusal as refusal:
        return refusal


def decide(facts: Facts, left: Left, order: OrderFacts, ask: Ask[Any], verb: str = "promise") -> Result:
    """The rule. An order on hold gets nothing; a held line waits while the others go on."""
    stopped = order.stopped("promise")
    if stopped:
        return stopped
    wants = [
        Want(line.line_no, line.sku_id, line.wanted)
        for line in order.lines
        if line.wanted and line.sku_id and not order.stopped("promise", line.line_no)
    ]
    free = {want.sku_id: left.free.get((order.merchant, want.sku_id), {}) for want in wants}
    complete = order.row["ship"] == "complete"
    choice = source(wants, free, list(facts.sites.values()), order.row["country"], complete=complete)
    if choice.missing and facts.policies[order.merchant] == "refuse" and not choice.takes:
        return _short(order, choice)
    outcome = _outcome(facts, left, order, choice, ask, verb)
    for take in choice.takes:
        free[take.sku_id][take.site_id] -= take.quantity
    return outcome


def _outcome(facts: Facts, left: Left, order: OrderFacts, choice: Choice, ask: Ask[Any], verb: str) -> Outcome:
    known = {allocation.site_id: allocation.fulfillment_order_id for allocation in order.allocations}
    days = facts.days.get((order.merchant, order.row["shipping_method"]), DAYS)
    moves, rows, at_site = promise_moves(
        choice.takes, known, left.ids, order=order.order_id, sites=facts.sites, at=ask.at, days=days
    )
    outcome = Outcome(order.merchant, ("order", order.order_id), [], answer={"order": public("ord", order.order_id)})
    if moves:
        outcome.events.append(Event(verb, moves, {"sites": choice.why["chosen"]}))
        outcome.then += [Job("release", {"fulfillment_order": public("ful", fo)}) for fo in at_site.values()]
    outcome.facts = [*rows, _decision(order, choice, next(left.ids), ask)]
    outcome.answer |= {
        "promised": sum(take.quantity for take in choice.takes),
        "waiting": sum(want.quantity for want in choice.missing),
        "fulfillment_orders": [public("ful", fo) for fo in at_site.values()],
    }
    return outcome


def _decision(order: OrderFacts, choice: Choice, decision_id: int, ask: Ask[Any]) -> Insert:
    chosen = ", ".join(choice.why["chosen"]) or "nothing yet"
    values = {
        "decision_id": decision_id, "order_id": order.order_id, "verb": "promise", "chosen": chosen,
        "why": choice.why, "decided_at": ask.at,
    }  # fmt: skip
    return Insert("decision", values)


def _short(order: OrderFacts, choice: Choice) -> Short:
    want = choice.missing[0]
    line = order.line(want.line_no)
    return Short(order=public("ord", order.order_id), sku=line.code, wanted=line.wanted, missing=want.quantity)
