"""answer_case: one side of a case writes to the other: the office by letter, the buyer on the tracking page."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from doorstep.journey.tracking.cases import (
    Case,
    CaseAnswer,
    Words,
    case_facts,
    message,
    of_case,
    outcome_of_case,
    reopened,
    settled,
)
from doorstep.kit.ids import public
from doorstep.kit.refusals import Refusal
from doorstep.spine.outcome import BUYER, Ask, Event, Job, Outcome, Result
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb

# What a buyer may write before somebody answers.
MOST_WAITING = 5


class AnswerCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With `close` the case is settled by what is written. What the buyer writes opens it again."""

    case: str
    text: Words
    close: bool = False


class EnoughSaid(Refusal):
    """We have your messages; write again when somebody has answered."""

    status = 429


@verb(AnswerCase, CaseAnswer)
async def answer_case(tx: Tx, asks: list[Ask[AnswerCase]]) -> list[Result]:
    """Write in a case. The buyer gets a letter of what the office writes; what the buyer writes is looked at."""
    cases = await case_facts(tx, [ask.body.case for ask in asks])
    ids = await tx.fresh_ids(len(asks))
    return each(asks, lambda ask: decide(of_case(cases, ask.merchant, ask.body.case), ids, ask))


def decide(case: Case, ids: Iterator[int], ask: Ask[AnswerCase]) -> Outcome:
    by_buyer = ask.actor == BUYER
    if by_buyer and case.waiting >= MOST_WAITING:
        raise EnoughSaid(case=case.name, waiting=case.waiting)
    outcome, message_id = outcome_of_case(case), next(ids)
    outcome.facts = [message(case.case_id, message_id, ask.body.text, ask, by_buyer=by_buyer)]
    outcome.events = [Event("answer_case", [], {"case": case.name, "text": ask.body.text})]
    if by_buyer:
        if not case.is_open:
            outcome.facts.append(reopened(case.case_id))
        return outcome
    if ask.body.close and case.is_open:
        outcome.facts.append(settled(case.case_id, ask.at, ask.actor.name))
        outcome.events.append(Event("close_case", [], {"case": case.name}))
    letter = {"order": outcome.answer["order"], "kind": "answer", "message": public("msg", message_id)}
    outcome.then = [Job("notify", letter)]
    return outcome
