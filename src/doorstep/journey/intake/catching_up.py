"""catching_up: a historic order came in again and says more: what happened since is written down, nothing is redone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from doorstep.journey.intake.amend import Said, compare
from doorstep.journey.intake.content import Problem, hash_of_parts, parts_of
from doorstep.journey.intake.money import Money
from doorstep.journey.intake.progress import VERB, Standing, standing_of, write_down
from doorstep.spine.facts import OrderFacts
from doorstep.spine.numbering import Numbers
from doorstep.spine.outcome import Ask, Event, Insert, Outcome, Update, answer_of_order

# How the channel names, sends and sells an order: of these the order in the books follows what is harmless.
FOLLOWED = {"goods", "buyer", "ship_to", "bill_to", "note", "tags", "named"}


def decide_more(
    order: OrderFacts, money: Money, said: Said, numbers: Numbers, ids: Iterator[int], ask: Ask[Any]
) -> Outcome:
    """The rule. What contradicts what is known becomes an attention item, never a silent repair."""
    outcome = Outcome(ask.merchant, ("order", order.order_id), [], answer_of_order(order.order_id))
    before = (order.row["details"] or {}).get("parts", {})
    parts = parts_of(said.content, said.happened)
    changes = compare(order, said, {name for name in FOLLOWED if before.get(name) != parts[name]})
    standing = standing_of(order, money)
    placed_at = order.row["placed_at"]
    write_down(outcome, standing, said.content, said.happened, numbers, ids, placed_at=placed_at, at=ask.at)
    if all(before.get(name) == parts[name] for name in ("happened", "paying")):
        standing.contradictions.clear()  # they were told when they came in
    for difference in changes.serious:
        standing.contradicts(f"{difference.field} is another now", here=difference.here, there=difference.there)
    if changes.applied:
        outcome.events.append(Event(VERB, [], {"what": "changed", "applied": changes.applied}))
    details = {**(order.row["details"] or {}), "parts": parts}
    values = {**changes.values, "content_hash": hash_of_parts(parts), "details": details}
    if said.also_id:
        values["also_id"] = said.also_id
    outcome.facts.append(Update("orders", {"order_id": order.order_id}, values))
    contradictions = tell_contradictions(outcome, standing, ids, ask)
    if contradictions and not outcome.events:
        outcome.events.append(Event(VERB, [], {"what": "contradicts", "reasons": contradictions}))
    outcome.answer |= {
        "number": order.row["number"], "existing": True, "changed": bool(outcome.events),
        "contradictions": contradictions,
    }  # fmt: skip
    return outcome


def tell_contradictions(outcome: Outcome, standing: Standing, ids: Iterator[int], ask: Ask[Any]) -> list[str]:
    """What cannot be true together, for somebody to look at."""
    reasons = [each["reason"] for each in standing.contradictions]
    if reasons:
        why = {"contradictions": [msgspec.to_builtins(each) for each in standing.contradictions]}
        action = "find out what is true, and record it"
        outcome.facts.append(attention(outcome, next(ids), "contradiction", "; ".join(reasons), action, why, ask))
    return reasons


def tell_problems(outcome: Outcome, problems: Sequence[Problem], ids: Iterator[int], ask: Ask[Any]) -> None:
    """What would have held an order of today: a historic one is not held."""
    found = [problem for problem in problems if problem.hold]
    if found:
        why = {"problems": [msgspec.to_builtins(problem) for problem in found]}
        reason = "; ".join(dict.fromkeys(problem.reason for problem in found))
        action = "look at the row of the file; nothing waits for it"
        outcome.facts.append(attention(outcome, next(ids), "import_problem", reason, action, why, ask))


def attention(
    outcome: Outcome, attention_id: int, kind: str, reason: str, action: str, why: dict[str, Any], ask: Ask[Any]
) -> Insert:
    values = {
        "attention_id": attention_id, "kind": kind, "order_id": outcome.order, "reason": reason[:500],
        "next_action": action, "why": why, "raised_at": ask.at,
    }  # fmt: skip
    return Insert("attention", values)
