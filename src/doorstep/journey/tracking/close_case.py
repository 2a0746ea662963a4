"""close_case: what a buyer said was wrong is settled."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from doorstep.journey.tracking.cases import Case, CaseAnswer, case_facts, of_case, outcome_of_case, settled
from doorstep.kit.refusals import Refusal
from doorstep.spine.outcome import Ask, Event, Outcome, Result
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb


class CloseCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`note` is for whoever looks at it later; the buyer does not see it."""

    case: str
    note: Annotated[str, Meta(max_length=2000)] = ""


class CaseClosed(Refusal):
    """This case was closed before."""


@verb(CloseCase, CaseAnswer)
async def close_case(tx: Tx, asks: list[Ask[CloseCase]]) -> list[Result]:
    """Close a case. The buyer may still write in it, which opens it again."""
    cases = await case_facts(tx, [ask.body.case for ask in asks])
    return each(asks, lambda ask: decide(of_case(cases, ask.merchant, ask.body.case), ask))


def decide(case: Case, ask: Ask[CloseCase]) -> Outcome:
    if not case.is_open:
        raise CaseClosed(case=case.name)
    outcome = outcome_of_case(case)
    outcome.facts = [settled(case.case_id, ask.at, ask.actor.name, ask.body.note)]
    outcome.events = [Event("close_case", [], {"case": case.name, "note": ask.body.note})]
    return outcome
