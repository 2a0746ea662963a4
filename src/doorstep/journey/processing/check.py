"""check: an order is sorted before anything is done for it; what is wrong holds it, or only its line.

It may run as often as anybody likes: the same problem is held once, a problem that is gone is lifted, and a hold
that somebody lifted by hand stays lifted while its reason is the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from doorstep.journey.processing.address import address_problem
from doorstep.journey.processing.customs_data import (
    Crossing,
    CustomsFacts,
    all_cross,
    crosses_border,
    customs_facts,
    customs_problem,
    customs_screened,
    denied_problem,
    may_cross,
    order_problem,
    restricted_problem,
)
from doorstep.journey.processing.duplicate import Likely, duplicate_problem, goods_of
from doorstep.journey.processing.payment import payment_problem
from doorstep.journey.processing.problems import Problem
from doorstep.journey.processing.risk import risk_problem
from doorstep.kit.ids import number, public
from doorstep.setup.canceling import lasting
from doorstep.setup.customs.reading import TRADERS
from doorstep.setup.customs.rules import lists_on
from doorstep.setup.sites import SITES, Site, sites_of
from doorstep.spine.after import after
from doorstep.spine.facts import Line, OrderFacts, Reads, Rows, locked_and, of_merchant
from doorstep.spine.holds import lift_hold, place_hold
from doorstep.spine.outcome import Ask, Event, Job, Outcome, Result, Update, answer_of_order
from doorstep.spine.rules import each
from doorstep.spine.status import COUNTERS
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb
from doorstep.spine.worth import is_all_services

BY = "check"
# What the rules look at of an order; the counters to know how it stands after.
READS: Reads = (
    "placed_at", "currency", "country", "payment_term", "payment_token", "ship", "expires_at", "history", "details",
    "buyer", "ship_to", "bill_to", "discount_minor", "shipping_minor", "tax_minor", "tax_included", "stage", *COUNTERS,
    "holds", "line.sku_id", "line.code", "line.ships", "line.unit_price", "line.tax_minor", "line.total_minor",
    "line.ordered", "line.wanted", "line.promised", "line.picked", "line.packed", "line.canceled",
    "allocation.fulfillment_order_id", "allocation.site_id", "allocation.promised", "allocation.picked",
    "allocation.packed",
)  # fmt: skip
# Of one buyer or doorstep, so many earlier orders are compared.
COMPARED = 20

KNOWN_BY_NOW = """
select l.order_id, l.line_no, coalesce(a.sku_id, s.sku_id) as sku_id
  from order_line l
  join orders o on o.merchant_id = l.merchant_id and o.order_id = l.order_id
  left join sku_alias a on a.merchant_id = l.merchant_id and a.channel_id = o.channel_id
    and a.alias = coalesce(nullif(l.code, ''), l.title)
  left join sku s on s.merchant_id = l.merchant_id and s.code = l.code and l.code <> ''
  join sku k on k.merchant_id = l.merchant_id and k.sku_id = coalesce(a.sku_id, s.sku_id)
  where l.merchant_id = any($1) and l.order_id = any($2) and l.sku_id is null and (k.stocked or not l.ships)
"""
STOCK = """
select a.sku_id, a.site_id, a.free > 0 as is_free from order_line l
  join availability a on a.merchant_id = l.merchant_id and a.sku_id = l.sku_id
  where l.merchant_id = any($1) and l.order_id = any($2)
"""
STOCK_OF_KNOWN = """
select sku_id, site_id, free > 0 as is_free from availability
  where merchant_id = any($1) and sku_id = any($2)
"""
OVERRULED = """
select order_id, type, line_no, why from hold
  where merchant_id = any($1) and order_id = any($2) and placed_by = 'check' and lifted_by <> 'check'
"""
NOT_RELEASED = """
select fulfillment_order_id from fulfillment_order
  where merchant_id = any($1) and order_id = any($2) and released_at is null
"""
# The buyer's other orders of the day before, and those to the same doorstep; where the merchant wants that held.
LIKELY = f"""
with mine as materialized (
  select o.merchant_id, o.order_id, o.placed_at, o.email, o.ship_to_key
    from orders o join merchant m on m.merchant_id = o.merchant_id and m.hold_duplicates
    where o.merchant_id = any($1) and o.order_id = any($2)),
likely as (
  select m.merchant_id, m.order_id as of_order, e.order_id from mine m cross join lateral (
    select o.order_id from orders o
      where o.merchant_id = m.merchant_id and o.email = m.email and o.email <> '' and not o.history
        and o.placed_at between m.placed_at - interval '24 hours' and m.placed_at and o.order_id <> m.order_id
      order by o.placed_at desc limit {COMPARED}) e
  union
  select m.merchant_id, m.order_id, e.order_id from mine m cross join lateral (
    select o.order_id from orders o
      where o.merchant_id = m.merchant_id and o.ship_to_key = m.ship_to_key and not o.history
        and o.placed_at between m.placed_at - interval '24 hours' and m.placed_at and o.order_id <> m.order_id
      order by o.placed_at desc limit {COMPARED}) e)
select k.of_order, o.order_id, o.number, o.placed_at, l.sku_id, l.code, l.ordered - l.canceled as units
  from likely k
  join orders o on o.merchant_id = k.merchant_id and o.order_id = k.order_id
  join order_now n on n.merchant_id = o.merchant_id and n.order_id = o.order_id
  join order_line l on l.merchant_id = o.merchant_id and l.order_id = o.order_id
  where n.stage not in ('canceled', 'expired', 'draft')
"""


class Check(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    order: str


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What holds the order, or the line, now or not any more."""

    type: str
    line: int | None = None
    reason: str = ""


class Checked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`next`: the verbs that are queued for it now."""

    order: str
    held: list[Found] = []
    lifted: list[Found] = []
    next: list[str] = []


@dataclass(frozen=True, slots=True)
class Overruled:
    """A hold of the check that somebody lifted: they know, and said go on."""

    type: str
    line_no: int | None
    why: Mapping[str, Any]

    def covers(self, problem: Problem) -> bool:
        if (self.type, self.line_no) != problem.key:
            return False
        if problem.type == "payment":
            return bool(problem.why["missing_minor"] <= self.why.get("missing_minor", 0))
        return dict(self.why) == problem.why


@dataclass(frozen=True, slots=True)
class Facts:
    orders: Mapping[int, OrderFacts]
    customs: CustomsFacts
    known: Mapping[tuple[int, int], int]  # (order, line): the SKU that an unknown item has by now
    stock: Mapping[int, Mapping[int, bool]]  # sku: {site: is any free}
    sites: Mapping[int, Site]
    overruled: Mapping[int, tuple[Overruled, ...]]
    likely: Mapping[int, tuple[Likely, ...]]
    not_released: Collection[int]


@verb(Check, Checked)
async def check(tx: Tx, asks: list[Ask[Check]]) -> list[Result]:
    """Look at an order: address, duplicate, payment, customs data; what is in order goes on to be promised."""
    facts = await facts_of(tx, [number("ord", ask.body.order) for ask in asks], asks[0].at.date())
    ids = await tx.fresh_ids(sum(5 + 2 * len(order.lines) for order in facts.orders.values()))
    return each(asks, lambda ask: decide(facts, ids, _order(facts, ask), ask))


def _order(facts: Facts, ask: Ask[Check]) -> OrderFacts:
    return of_merchant(facts.orders, ask.merchant, number("ord", ask.body.order))


async def facts_of(tx: Tx, wanted: list[int], on: date) -> Facts:
    orders, (places, at_sites, overruled, likely, not_released, lists, merchants) = await locked_and(
        tx, wanted, SITES, STOCK, OVERRULED, LIKELY, NOT_RELEASED, lists_on("$3"), TRADERS, more=(on,), reads=READS
    )
    known = await _known(tx, orders.values())
    at_sites += await tx.rows(STOCK_OF_KNOWN, list(tx.merchants), list(set(known.values()))) if known else []
    stock: dict[int, dict[int, bool]] = defaultdict(dict)
    for sku, site, is_free in at_sites:
        stock[sku][site] = is_free
    sites = sites_of(places)
    abroad = {
        sku
        for order in orders.values()
        if may_cross(order, sites.values())
        for line in order.lines
        if (sku := line.sku_id or known.get((order.order_id, line.line_no)))
    }
    customs = await customs_facts(tx, orders, abroad, sites.values(), lists, on, merchants)
    return Facts(
        orders=orders,
        customs=await customs_screened(tx, customs, orders),
        known=known,
        stock=stock,
        sites=sites,
        overruled=_overruled(overruled),
        likely=_likely(likely),
        not_released={fulfillment_order for (fulfillment_order,) in not_released},
    )


async def _known(tx: Tx, orders: Iterable[OrderFacts]) -> dict[tuple[int, int], int]:
    """By order and line; only asked of orders with an item that was not known."""
    wanted = [order.order_id for order in orders if any(line.sku_id is None for line in order.lines)]
    rows = await tx.rows(KNOWN_BY_NOW, list(tx.merchants), wanted) if wanted else ()
    return {(order, line_no): sku for order, line_no, sku in rows}


def _overruled(rows: Rows) -> dict[int, tuple[Overruled, ...]]:
    found: dict[int, tuple[Overruled, ...]] = defaultdict(tuple)
    for order, type, line_no, why in rows:
        found[order] += (Overruled(type, line_no, msgspec.json.decode(why)),)
    return found


def _likely(rows: Rows) -> dict[int, tuple[Likely, ...]]:
    lines: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for of_order, order, called, placed_at, *goods in rows:
        lines[of_order, order, called, placed_at].append(goods)
    found: dict[int, tuple[Likely, ...]] = defaultdict(tuple)
    for (of_order, order, called, placed_at), given in lines.items():
        found[of_order] += (Likely(order, called, placed_at, goods_of(given)),)
    return found


# The rule


def decide(facts: Facts, ids: Iterator[int], order: OrderFacts, ask: Ask[Any]) -> Outcome:
    """What is wrong now against what was held before; then what may go on."""
    outcome = Outcome(order.merchant, ("order", order.order_id), [])
    outcome.answer = answer_of_order(order.order_id, held=[], lifted=[], next=[])
    outcome.verb = "check"
    if order.row["stage"] in ("draft", "canceled", "expired") or order.row["history"]:
        if order.row["canceled"] and order.row["held"]:
            # The provider's yes came after the order had ended.
            outcome.then.append(Job("want_release_of_funds", {"order": public("ord", order.order_id)}))
        return outcome
    found = {problem.key: problem for problem in problems_of(facts, order)}
    problems = {
        key: problem
        for key, problem in found.items()
        if not any(overruled.covers(problem) for overruled in facts.overruled.get(order.order_id, ()))
    }
    told = _settle(outcome, ids, order, problems, facts.known, ask)
    if not order.row["checks"]:
        outcome.count("checks")
    if ("payment", None) not in problems and not (is_all_services(order) and _payment(order)):
        outcome.facts += lasting(order)
    elif ("payment", None) in told["new"] and _may_be_asked_for(order):
        outcome.then.append(Job("want_authorization", {"order": public("ord", order.order_id)}))
    if is_all_services(order):
        outcome.then += _of_services(order, after(order, outcome))
    outcome.then += _next(facts, order, after(order, outcome))
    if outcome.facts or outcome.counts:
        outcome.events.append(Event("check", [], {name: told[name] for name in ("held", "lifted")}))
    outcome.answer |= {"held": told["held"], "lifted": told["lifted"], "next": [job.verb for job in outcome.then]}
    return outcome


def problems_of(facts: Facts, order: OrderFacts) -> list[Problem]:
    """Everything that is wrong with what is still to be sent."""
    open_lines = [line for line in order.lines if line.open]
    if not open_lines:
        return []
    givers = {line.line_no: _could_give(facts, order, line) for line in open_lines}
    found = [
        _address(order, givers),
        _duplicate(facts, order),
        risk_problem((order.row["details"] or {}).get("risk", "")),
        _payment(order),
        denied_problem(facts.customs, order),
        *_customs(facts, order, open_lines, givers),
    ]
    return [problem for problem in found if problem]


def _payment(order: OrderFacts) -> Problem | None:
    row = order.row
    ran_out = row["auths_expired"] > 0 and not row["held"] and not row["auths_pending"]
    return payment_problem(row["payment_term"], row["owed"], row["held"], row["earned"], ran_out=ran_out)


def _address(order: OrderFacts, givers: Mapping[int, Collection[Site]]) -> Problem | None:
    ship_to = order.row["ship_to"]
    borders = [crosses_border(site, ship_to) for sites in givers.values() for site in sites] if ship_to else []
    return address_problem(ship_to, order.row["buyer"] or {}, crosses_border=bool(borders) and all(borders))


def _duplicate(facts: Facts, order: OrderFacts) -> Problem | None:
    """Once the goods are in somebody's hands the question comes too late."""
    if order.order_id not in facts.likely or order.row["picked"] + order.row["packed"]:
        return None
    goods = goods_of((line.sku_id, line.code, line.ordered - line.canceled) for line in order.lines)
    return duplicate_problem(order.order_id, order.row["placed_at"], goods, facts.likely[order.order_id])


def _customs(
    facts: Facts, order: OrderFacts, lines: list[Line], givers: Mapping[int, list[Site]]
) -> Iterator[Problem | None]:
    """Of each line what is missing for it or in its way; of those that cross a border what customs wants beside."""
    ship_to, rules = order.row["ship_to"], facts.customs.rules
    if not ship_to:
        return
    profile = facts.customs.trader(order.merchant).profile
    crossing = []
    for line in lines:
        goods = facts.customs.goods.get(_sku(facts, order, line) or 0)
        if goods and all_cross(sites := givers[line.line_no], ship_to):
            crossing.append(Crossing(line, goods, sites[0].country))
            yield customs_problem(line.line_no, goods, line.unit_price, ship_to, sites, rules, profile)
            yield restricted_problem(line.line_no, goods, ship_to, sites, rules)
    yield order_problem(facts.customs, order, crossing)


def _sku(facts: Facts, order: OrderFacts, line: Line) -> int | None:
    return line.sku_id or facts.known.get((order.order_id, line.line_no))


def _could_give(facts: Facts, order: OrderFacts, line: Line) -> list[Site]:
    """The sites that hold it for this line or have it free; with none, those that ever had it; with none, all."""
    stock = facts.stock.get(_sku(facts, order, line) or 0, {})
    giving = {a.site_id for a in order.allocations if a.line_no == line.line_no and a.promised + a.picked + a.packed}
    giving |= {site for site, is_free in stock.items() if is_free}
    return [facts.sites[site] for site in sorted(giving or stock or facts.sites) if site in facts.sites]


def _settle(
    outcome: Outcome,
    ids: Iterator[int],
    order: OrderFacts,
    problems: Mapping[tuple[str, int | None], Problem],
    known: Mapping[tuple[int, int], int],
    ask: Ask[Any],
) -> dict[str, Any]:
    """Lift what is gone, tell what changed, hold what is new."""
    told: dict[str, Any] = {"held": [], "lifted": [], "new": set()}
    before = {(hold.type, hold.line_no): hold for hold in order.holds if hold.placed_by == BY}
    for key, hold in before.items():
        problem = problems.get(key)
        if problem is None:
            lift_hold(outcome, hold, by=BY, at=ask.at)
            told["lifted"].append({"type": hold.type, "line": hold.line_no})
        elif problem.why != hold.why:
            change = {"reason": problem.reason, "why": problem.why}
            outcome.facts.append(Update("hold", {"hold_id": hold.hold_id}, change))
            told["new"].add(key)
    for hold in order.holds:
        sku = known.get((order.order_id, hold.line_no or 0))
        if hold.type == "unknown_item" and sku:
            where = {"order_id": order.order_id, "line_no": hold.line_no}
            outcome.facts.append(Update("order_line", where, {"sku_id": sku}))
            lift_hold(outcome, hold, by=BY, at=ask.at)
            told["lifted"].append({"type": hold.type, "line": hold.line_no})
    for key, problem in problems.items():
        if key not in before:
            place_hold(
                outcome, ids, type=problem.type, reason=problem.reason, by=BY, at=ask.at, line_no=problem.line_no,
                why=problem.why,
            )  # fmt: skip
            told["new"].add(key)
        told["held"].append({"type": problem.type, "line": problem.line_no, "reason": problem.reason})
    return told


def _may_be_asked_for(order: OrderFacts) -> bool:
    """Whoever left a token may be asked once; a no, or a question on its way, is not repeated."""
    return bool(order.row["payment_token"]) and not order.row["auths_pending"] and not order.row["auths_failed"]


def _of_services(order: OrderFacts, now: OrderFacts) -> list[Job]:
    """There is nothing to hold back, but it is to be paid all the same; and no parcel leaves that it is billed with."""
    name, row = public("ord", order.order_id), order.row
    if _payment(order):
        return [Job("want_authorization", {"order": name})] if _may_be_asked_for(order) else []
    if now.holds or row["invoiced"] or not row["owed"]:
        return []
    return [Job("issue_invoice", {"order": name}, key=f"issue_invoice:{name}")]


def _next(facts: Facts, order: OrderFacts, now: OrderFacts) -> list[Job]:
    """A hold on the order stops everything; a hold on a line only that line."""
    if now.stopped("promise"):
        return []
    jobs = []
    if any(line.wanted and _sku(facts, order, line) and not now.stopped("promise", line.line_no) for line in now.lines):
        jobs.append(Job("promise", {"order": public("ord", order.order_id)}))
    if order.row["ship"] == "complete" and (now.holds or any(line.wanted for line in now.lines)):
        return jobs
    ready = {a.fulfillment_order_id for a in now.allocations if a.promised} & set(facts.not_released)
    return jobs + [Job("release", {"fulfillment_order": public("ful", ready_one)}) for ready_one in sorted(ready)]
