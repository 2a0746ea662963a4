"""looking: what somebody is to look at of a historic order: an exception per kind, as long as the tellings say so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from doorstep.journey.intake.content import Problem
from doorstep.journey.intake.history.contradictions import Contradicted
from doorstep.journey.intake.history.past import Raised
from doorstep.journey.intake.history.standing import VERB
from doorstep.spine.exceptions import next_action
from doorstep.spine.outcome import Ask, Event, Insert, Outcome, Update

LONGEST_REASON = 500
NOT_SAID_ANY_MORE = "what was told later does not say so any more"


def tell_contradictions(
    outcome: Outcome, found: Iterable[Contradicted], raised: Sequence[Raised], ids: Iterator[int], ask: Ask[Any]
) -> list[str]:
    """One open exception per kind, with what is told now; those that are told no more end. Answers the kinds.

    What somebody has settled is not raised again for being told again; only when it says something else.
    """
    by_kind = _by_kind(found)
    last = {before.kind: before for before in raised}
    new: list[str] = []
    for kind, one in by_kind.items():
        before = last.get(kind)
        if before is None or (not before.is_open and (before.resolved_by == "system" or before.reason != one.reason)):
            outcome.facts.append(_attention(outcome, next(ids), one, ask))
            new.append(one.reason)
        elif before.is_open and before.reason != one.reason:
            outcome.facts.append(_change(before, reason=one.reason, why=one.why))
            new.append(one.reason)
    ended = [before for before in last.values() if before.is_open and before.kind not in by_kind]
    for before in ended:
        outcome.facts.append(_change(before, resolved_at=ask.at, resolved_by="system", resolution=NOT_SAID_ANY_MORE))
    if ended:
        outcome.events.append(Event(VERB, [], {"what": "resolved", "kinds": [before.kind for before in ended]}))
    if new and not outcome.events:
        outcome.events.append(Event(VERB, [], {"what": "contradicts", "reasons": new}))
    return list(by_kind)


def _change(before: Raised, **values: Any) -> Update:
    return Update("attention", {"attention_id": before.attention_id}, values)


def _by_kind(found: Iterable[Contradicted]) -> dict[str, Contradicted]:
    """Several of a kind are one, which names them all."""
    by_kind: dict[str, Contradicted] = {}
    for one in found:
        before = by_kind.get(one.kind)
        reason, why = one.reason, {**one.why, "by": VERB}
        if before is not None:
            reason = before.reason if one.reason in before.reason else f"{before.reason}; {one.reason}"
            why = {**before.why, "also": [*before.why.get("also", ()), one.why]}
        by_kind[one.kind] = Contradicted(one.kind, reason[:LONGEST_REASON], why)
    return by_kind


def tell_problems(outcome: Outcome, problems: Sequence[Problem], ids: Iterator[int], ask: Ask[Any]) -> None:
    """What would have held an order of today: a historic one is not held."""
    found = [problem for problem in problems if problem.hold]
    if found:
        reason = "; ".join(dict.fromkeys(problem.reason for problem in found))
        why = {"problems": [msgspec.to_builtins(problem) for problem in found]}
        one = Contradicted("import_problem", reason[:LONGEST_REASON], why)
        outcome.facts.append(_attention(outcome, next(ids), one, ask))


def _attention(outcome: Outcome, attention_id: int, one: Contradicted, ask: Ask[Any]) -> Insert:
    values = {
        "attention_id": attention_id, "kind": one.kind, "order_id": outcome.order, "reason": one.reason,
        "next_action": next_action(one.kind), "why": one.why, "raised_at": ask.at,
    }  # fmt: skip
    return Insert("attention", values)
