"""catching_up: a historic order came in again: what happened since is written down, what was wrong is corrected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from doorstep.journey.intake.amend import Said, changed_parts
from doorstep.journey.intake.content import hash_of_parts, parts_of
from doorstep.journey.intake.history.looking import tell_contradictions
from doorstep.journey.intake.history.other_goods import Papers, correct, find_lines
from doorstep.journey.intake.history.parceling import keep_parcels
from doorstep.journey.intake.history.past import Past, sites_of
from doorstep.journey.intake.history.progress import VERB, write_down
from doorstep.journey.intake.history.standing import NO_BILL, REFUND_TAKEN, standing_of
from doorstep.journey.intake.history.ways import told_of
from doorstep.journey.intake.money import Money
from doorstep.kit.text import normalized
from doorstep.spine.amounts import Amounts
from doorstep.spine.facts import OrderFacts
from doorstep.spine.numbering import Numbers
from doorstep.spine.outcome import Ask, Event, Outcome, Update, answer_of_order

NOT_APPLIED = "correction_not_applied"


@dataclass(slots=True)
class Facts:
    """What is told of an order that is here, with its lines as rows of the books, and what it costs by them."""

    said: Said
    rows: Sequence[Mapping[str, Any]]
    costs: Amounts
    past: Past
    numbers: Numbers


@dataclass(slots=True)
class Followed:
    """How the channel names, sends and sells it: nothing is to be done for a historic order, so all of it is taken."""

    values: dict[str, Any] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    applied: list[str] = field(default_factory=list)

    def take(self, name: str, before: Any, now: Any, **values: Any) -> None:
        if now != before:
            self.values |= values or {name: now}
            self.applied.append(name)


def decide_more(order: OrderFacts, money: Money, facts: Facts, ids: Iterator[int], ask: Ask[Any]) -> Outcome:
    """The rule. What contradicts what is known becomes an exception, never a silent repair."""
    facts.past.must_know(sites_of(ask.body))
    new, there = facts.said.content, facts.said.happened
    outcome = Outcome(ask.merchant, ("order", order.order_id), [], answer_of_order(order.order_id))
    details = order.row["details"] or {}
    before, parts = details.get("parts", {}), parts_of(new, there)
    changed = changed_parts(before, parts)
    raised = facts.past.raised.get(order.order_id, ())
    followed = _followed(order, facts.said, changed, details)
    standing = standing_of(order, money, facts.past.goods_of(order.merchant, order.order_id))
    standing.parcels = facts.past.parcels.get(order.order_id, [])
    standing.bill = facts.past.bills.get(order.order_id, NO_BILL)
    standing.parts = facts.past.parts.get(order.order_id, {})
    placed_at = followed.values.get("placed_at", order.row["placed_at"])
    told = told_of(new, there, site=getattr(ask.body, "site", ""), placed_at=placed_at)
    is_corrected = "goods" in changed or any(one.kind == NOT_APPLIED and one.is_open for one in raised)
    find_lines(standing, told, facts.rows, is_corrected=is_corrected)
    if is_corrected:
        papers = Papers(facts.numbers, ids, ask.at)
        amounts = correct(outcome, standing, order.row, told, facts.rows, facts.costs, papers)
        followed.values |= amounts.values
        followed.details |= amounts.details
    write_down(outcome, standing, told, facts.numbers, ids, at=ask.at)
    keep_parcels(outcome, standing, told, ids)
    if followed.applied:
        outcome.events.append(Event(VERB, [], {"what": "changed", "applied": followed.applied}))
    if there.refunded_minor or REFUND_TAKEN in details:
        followed.details[REFUND_TAKEN] = standing.refund_taken
    values = {
        **followed.values,
        "content_hash": hash_of_parts(parts),
        "details": {**details, **followed.details, "parts": parts},
    }
    if facts.said.also_id:
        values["also_id"] = facts.said.also_id
    outcome.facts.append(Update("orders", {"order_id": order.order_id}, values))
    kinds = tell_contradictions(outcome, standing.contradictions, raised, ids, ask)
    outcome.answer |= {
        "number": order.row["number"], "existing": True, "changed": bool(outcome.events), "contradictions": kinds,
    }  # fmt: skip
    return outcome


def _followed(order: OrderFacts, said: Said, changed: set[str], details: Mapping[str, Any]) -> Followed:
    new, row, followed = said.content, order.row, Followed()
    if "buyer" in changed:
        buyer = msgspec.to_builtins(new.buyer)
        named = {"email": normalized(new.buyer.email), "customer": new.buyer.customer}
        followed.take("buyer", row["buyer"] or {}, buyer, buyer=buyer, **named)
    if "ship_to" in changed and new.ship_to is not None:
        ship_to = msgspec.to_builtins(new.ship_to)
        followed.take("ship_to", row["ship_to"], ship_to, ship_to=ship_to, country=new.ship_to.country)
    if "bill_to" in changed and new.bill_to is not None:
        followed.take("bill_to", row["bill_to"], msgspec.to_builtins(new.bill_to))
    if "shipping_method" in changed:
        method = new.shipping_method
        followed.take(
            "shipping_method", row["shipping_method"], method, shipping_method=method, service_level=said.level
        )
    if "insured" in changed:
        followed.take("insured_minor", row["insured_minor"], new.insured_minor)
    if "ship_by" in changed:
        followed.take("ship_by", row["ship_by"], new.ship_by)
    if "risk" in changed:
        followed.details["risk"] = new.risk
        followed.applied.append("risk")
    if "note" in changed:
        followed.take("note", row["note"], new.note)
    if "tags" in changed:
        followed.take("tags", list(row["tags"]), list(new.tags))
    if "term" in changed:
        followed.take("payment_term", row["payment_term"], new.payment_term)
    if "named" in changed:
        followed.take("number", row["number"], new.number or row["number"])
        followed.take("placed_at", row["placed_at"], new.placed_at or row["placed_at"])
    if "happened" in changed:
        for name, value in days_of(said.happened).items():
            if details.get(name) != value:
                followed.details[name] = value
                followed.applied.append(name)
    return followed


def days_of(there: Any) -> dict[str, str]:
    """What was said then of the days to come: kept with the order, whatever parcels it has."""
    days = {"approved_at": there.approved_at, "promised_on": there.promised_on}
    return {name: day.isoformat() for name, day in days.items() if day is not None}
