"""promise: give free stock to order lines, fewest parcels first; what is missing waits, or is refused.

Goods that customs would stop go only from sites on the buyer's side of the border. An order that ships complete gets
everything or nothing yet.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

import msgspec

from doorstep.journey.processing.customs_data import CustomsFacts, crosses_border, customs_facts
from doorstep.kit.ids import number, public
from doorstep.kit.refusals import Refusal, Short
from doorstep.setup.customs.rules import lists_on
from doorstep.setup.free_stock import free_and_locked
from doorstep.setup.learning import outlook_of
from doorstep.setup.promising import NO_OUTLOOK, Dates, Outlook, promise_moves, promise_row, to_of
from doorstep.setup.sites import SITES, Site, sites_of
from doorstep.setup.sourcing import WEIGHED, Choice, Free, Want, source
from doorstep.spine.facts import ALLOCATIONS, LINES, Line, OrderFacts, Reads, locked_and, of_merchant
from doorstep.spine.outcome import Ask, Event, Insert, Job, Outcome, Result, Update
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb

POLICIES = "select merchant_id, when_short from merchant where merchant_id = any($1)"
METHODS = """
select merchant_id, name, days_min, days_max from shipping_method where merchant_id = any($1)
"""
LAST_DECISIONS = """
select o.order_id, d.why from unnest($2::bigint[]) o(order_id) cross join lateral (
  select d.why from decision d where d.merchant_id = any($1) and d.order_id = o.order_id and d.verb = 'promise'
    order by d.decision_id desc limit 1) d
"""
# Lines whose customs hold somebody lifted by hand: they know what is missing, and said go on.
SENT_ANYWAY = """
select order_id, line_no from hold
  where merchant_id = any($1) and order_id = any($2) and type in ('customs_data', 'restricted') and placed_by = 'check'
    and lifted_by <> 'check'
"""
# Of these SKUs more is waited for than is free. No more rows are read than could use up what is free.
SCARCE = """
select u.merchant_id, u.sku_id
  from unnest($1::bigint[], $2::bigint[], $3::bigint[]) u(merchant_id, sku_id, free)
  cross join lateral (
    select sum(w.wanted) as wanted from (
      select l.wanted from order_line l
        where l.merchant_id = u.merchant_id and l.sku_id = u.sku_id and l.wanted > 0
        limit least(u.free + 1, 2000)) w) waiting
  where waiting.wanted > u.free
"""
# Whose turn comes first: the oldest order, checked and not held, that waits for the same and is not in this batch.
OLDEST = """
select u.sku_id, w.placed_at, w.order_id from unnest($2::bigint[]) u(sku_id) cross join lateral (
  select o.placed_at, o.order_id
    from order_line l
    join orders o on o.merchant_id = l.merchant_id and o.order_id = l.order_id
    join order_now n on n.merchant_id = l.merchant_id and n.order_id = l.order_id
    where l.merchant_id = any($1) and l.sku_id = u.sku_id and l.wanted > 0
      and l.order_id <> all($3) and n.checks > 0 and n.drafts = 0 and not o.history
      and not exists (select from hold h
        where h.merchant_id = l.merchant_id and h.order_id = l.order_id and h.lifted_at is null
          and (h.line_no is null or h.line_no = l.line_no))
    order by o.placed_at, o.order_id limit 1) w
"""
DAYS = (2, 7)
# What the rule looks at of an order.
READS: Reads = (
    "placed_at", "country", "payment_term", "ship", "ship_to", "shipping_method", "service_level", "ship_by", "drafts",
    *LINES, *ALLOCATIONS, "holds",
)  # fmt: skip


class Promise(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    order: str


class Promised(msgspec.Struct, frozen=True, kw_only=True):
    """Units promised now, and units that wait for stock or for a hold to end."""

    order: str
    promised: int
    waiting: int
    fulfillment_orders: list[str]


class NotConfirmed(Refusal):
    """This order is a draft: nothing is promised to it before it is confirmed."""


@dataclass(frozen=True, slots=True)
class Facts:
    orders: Mapping[int, OrderFacts]
    sites: Mapping[int, Site]
    policies: Mapping[int, str]
    days: Mapping[tuple[int, str], tuple[int, int]]
    customs: CustomsFacts
    decided: Mapping[int, Mapping[str, Any]]  # order: why it was decided as it was, the last time
    sent_anyway: Collection[tuple[int, int]] = ()  # (order, line): over the border though customs data is missing
    oldest: Mapping[int, tuple[datetime, int]] = field(default_factory=dict)  # scarce sku: whose turn comes first
    outlook: Mapping[int, Outlook] = field(default_factory=dict)  # what tells how long a way takes

    def is_behind(self, order: OrderFacts, sku: int | None) -> bool:
        """Is it an older order's turn first?"""
        first = self.oldest.get(sku or 0)
        return first is not None and first < (order.row["placed_at"], order.order_id)


@dataclass(slots=True)
class Left:
    """What this batch has left: two orders in it never get the same last mug."""

    ids: Iterator[int]
    free: dict[tuple[int, int], dict[int, int]]


@verb(Promise, Promised)
async def promise(tx: Tx, asks: list[Ask[Promise]]) -> list[Result]:
    """Give free stock to the waiting lines of an order; where older orders wait for the same, they come first."""
    facts, left = await facts_of(tx, [number("ord", ask.body.order) for ask in asks], asks[0].at.date())
    facts = replace(facts, oldest=await _oldest(tx, facts, left))
    return each(asks, lambda ask: decide(facts, left, _order(facts, ask), ask))


def _order(facts: Facts, ask: Ask[Promise]) -> OrderFacts:
    return of_merchant(facts.orders, ask.merchant, number("ord", ask.body.order))


async def facts_of(tx: Tx, orders: list[int], on: date, times: int = 1, reads: Reads = READS) -> tuple[Facts, Left]:
    """Asks first: the stock rows are locked, so what is seen free stays free until the batch is written.

    `times`: how often each order may be decided upon in this batch.
    """
    found, (decisions, places, policies, methods, lists) = await locked_and(
        tx, orders, LAST_DECISIONS, SITES, POLICIES, METHODS, lists_on("$3"), more=(on,), reads=reads
    )
    sites = sites_of(places)
    skus = list({line.sku_id for order in found.values() for line in order.lines if line.sku_id and line.wanted})
    free = await free_and_locked(tx, skus)
    customs = await customs_facts(tx, found, skus, sites.values(), lists, on)
    facts = Facts(
        orders=found,
        sites=sites,
        policies=dict(policies),
        days={(merchant, name): (first, last) for merchant, name, first, last in methods},
        customs=customs,
        sent_anyway=await _sent_anyway(tx, found, customs),
        decided={order: msgspec.json.decode(why) for order, why in decisions},
        outlook=await outlook_of(tx),
    )
    needed = sum(1 + WEIGHED * len(order.lines) for order in found.values())
    return facts, Left(await tx.fresh_ids(times * needed), free)


async def _sent_anyway(tx: Tx, orders: Mapping[int, OrderFacts], customs: CustomsFacts) -> set[tuple[int, int]]:
    """Only asked of orders with goods that lack something."""
    lacking = {
        order_id
        for order_id, order in orders.items()
        for line in order.lines
        if line.wanted and customs.in_the_way(order, line)
    }
    if not lacking:
        return set()
    rows = await tx.rows(SENT_ANYWAY, list(tx.merchants), list(lacking))
    return {(row["order_id"], row["line_no"]) for row in rows}


async def _oldest(tx: Tx, facts: Facts, left: Left) -> dict[int, tuple[datetime, int]]:
    """Only asked where more is waited for than is free."""
    free = {key: sum(at.values()) for key, at in left.free.items() if any(at.values())}
    if not free:
        return {}
    keys = [list(column) for column in zip(*free, strict=True)]
    scarce = [row["sku_id"] for row in await tx.rows(SCARCE, *keys, list(free.values()))]
    if not scarce:
        return {}
    rows = await tx.rows(OLDEST, list(tx.merchants), scarce, list(facts.orders))
    return {row["sku_id"]: (row["placed_at"], row["order_id"]) for row in rows}


# The rule


def decide(facts: Facts, left: Left, order: OrderFacts, ask: Ask[Any], verb: str = "promise") -> Outcome:
    """An order on hold gets nothing; a held line waits while the others go on, unless all go together."""
    if order.row["drafts"]:
        raise NotConfirmed(order=public("ord", order.order_id))
    stopped = order.stopped("promise")
    if stopped:
        raise stopped
    waiting = [line for line in order.lines if line.wanted]
    free_to_go = [line for line in waiting if line.sku_id and not order.stopped("promise", line.line_no)]
    ready = [line for line in free_to_go if not facts.is_behind(order, line.sku_id)]
    choice, barred = _choice(facts, left, order, ready, waiting)
    if choice.missing and facts.policies[order.merchant] == "refuse" and not choice.takes and not barred:
        raise _short(order, choice)
    behind = dict.fromkeys(line.sku_id for line in free_to_go if line not in ready)
    # Whose turn has not come is decided upon by `fill`; two answers to one question would chase each other.
    outcome = _outcome(facts, left, order, choice, ask, verb, settles=not behind)
    for take in choice.takes:
        left.free[order.merchant, take.sku_id][take.site_id] -= take.quantity
    outcome.answer["waiting"] = sum(line.wanted for line in waiting) - outcome.answer["promised"]
    outcome.then += [Job("fill", {"sku": public("sku", sku)}) for sku in behind if sku]
    if barred and choice.missing and any(fact.table == "decision" for fact in outcome.facts):
        # A new decision that customs is in the way of: the check holds the line and says which fields to fill.
        outcome.then.append(Job("check", {"order": public("ord", order.order_id)}))
    return outcome


def _choice(
    facts: Facts, left: Left, order: OrderFacts, ready: list[Line], waiting: list[Line]
) -> tuple[Choice, dict[str, str]]:
    """And the sites that customs bars, with the reason."""
    wants = [Want(line.line_no, line.sku_id or 0, line.wanted) for line in ready]
    complete = order.row["ship"] == "complete"
    free, barred = _reachable(facts, left, order, ready)
    choice = source(wants, free, list(facts.sites.values()), order.row["country"], complete=complete)
    why = choice.why | {"refused": choice.why["refused"] | barred} if barred else choice.why
    stopped = [line.line_no for line in waiting if line not in ready]
    if stopped:
        why = why | {"stopped": stopped}
    if stopped and complete:
        return Choice((), tuple(wants), why | {"chosen": []}), barred
    return replace(choice, why=why), barred


def _reachable(facts: Facts, left: Left, order: OrderFacts, ready: list[Line]) -> tuple[Free, dict[str, str]]:
    """Free stock without the sites that customs would stop it from; and those, with the reason."""
    free: dict[int, Mapping[int, int]] = {}
    barred: dict[str, str] = {}
    for line in ready:
        sku = line.sku_id or 0
        at = left.free.get((order.merchant, sku), {})
        goods = facts.customs.goods.get(sku)
        is_known = (order.order_id, line.line_no) in facts.sent_anyway
        missing = [] if is_known else facts.customs.in_the_way(order, line)
        behind = {site for site in at if missing and crosses_border(facts.sites[site], order.row["ship_to"] or {})}
        free[sku] = {site: units for site, units in free.get(sku, at).items() if site not in behind}
        for site in behind:
            if goods and at[site] > 0:
                reason = f"behind a border, and {goods.code} lacks {', '.join(missing)}"
                barred[facts.sites[site].code] = reason
    return free, barred


def _outcome(
    facts: Facts, left: Left, order: OrderFacts, choice: Choice, ask: Ask[Any], verb: str, *, settles: bool
) -> Outcome:
    known = {allocation.site_id: allocation.fulfillment_order_id for allocation in order.allocations}
    dates = _dates(facts, order, ask)
    moves, rows, at_site = promise_moves(
        choice.takes, known, left.ids, order=order.order_id, sites=facts.sites, at=ask.at, dates=dates
    )
    outcome = Outcome(order.merchant, ("order", order.order_id), [], answer={"order": public("ord", order.order_id)})
    outcome.verb = verb
    if moves:
        outcome.events.append(Event(verb, moves, {"sites": choice.why["chosen"]}))
        released = dict.fromkeys([*at_site.values(), *_waited(order)])
        outcome.then += [Job("release", {"fulfillment_order": public("ful", fo)}) for fo in released]
    later = _new_dates(facts, left, order, known, at_site, dates, ask)
    outcome.facts = [*rows, *later]
    outcome.then += _delays(order, later)
    # The same answer as the last time is no new decision.
    if moves or (settles and choice.missing and facts.decided.get(order.order_id) != choice.why):
        outcome.facts.append(_decision(order, choice, next(left.ids), ask))
        if choice.missing:
            outcome.then.append(Job("notify", {"order": public("ord", order.order_id), "kind": "backordered"}))
    outcome.answer |= {
        "promised": sum(take.quantity for take in choice.takes),
        "fulfillment_orders": [public("ful", fo) for fo in at_site.values()],
    }
    return outcome


def _waited(order: OrderFacts) -> list[int]:
    """What was promised before waits with an order that ships complete; now it may be its turn."""
    if order.row["ship"] != "complete":
        return []
    return [allocation.fulfillment_order_id for allocation in order.allocations if allocation.promised]


def _dates(facts: Facts, order: OrderFacts, ask: Ask[Any]) -> Callable[[Site], Dates]:
    """What the buyer is told of goods from each site."""
    days = facts.days.get((order.merchant, order.row["shipping_method"]), DAYS)
    row = order.row
    to = to_of(row["ship_to"], row["service_level"], row["payment_term"], row["ship_by"])
    outlook = facts.outlook.get(order.merchant, NO_OUTLOOK)
    return lambda site: outlook.dates(site, ask.at, to, days)


def _new_dates(
    facts: Facts,
    left: Left,
    order: OrderFacts,
    known: Mapping[int, int],
    at_site: Mapping[int, int],
    dates: Callable[[Site], Dates],
    ask: Ask[Any],
) -> list[Update | Insert]:
    """A site that has nothing of the order any more, and gets something again, leaves later than it first said."""
    busy = {a.site_id for a in order.allocations if a.promised + a.picked + a.packed}
    rows: list[Update | Insert] = []
    for site, fulfillment_order in at_site.items():
        if site in known and site not in busy:
            new = dates(facts.sites[site])
            rows.append(Update("fulfillment_order", {"fulfillment_order_id": fulfillment_order}, new.columns()))
            reason = "its goods were given back, and promised anew"
            rows.append(promise_row(new, next(left.ids), order.order_id, fulfillment_order, ask.at, reason))
    return rows


def _delays(order: OrderFacts, later: list[Update | Insert]) -> list[Job]:
    """Of a date that supersedes another the buyer hears, where it is later than any before it: `notify` looks."""
    new = dict.fromkeys(row.values["deliver_by"].isoformat() for row in later if isinstance(row, Insert))
    named = public("ord", order.order_id)
    return [Job("notify", {"order": named, "kind": "delayed", "about": day}) for day in new]


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
