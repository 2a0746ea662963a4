"""keep_notice: what became of a notice stands with the order: each once, whoever sends it and however often.

Before it is sent it is written down as being sent, by one hand alone: whoever comes second is told to leave it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from doorstep.journey.tracking.telling import OVER, State
from doorstep.kit.ids import number
from doorstep.setup.notices.kinds import Medium
from doorstep.spine.exceptions import next_action
from doorstep.spine.facts import OrderFacts, of_merchant, order_facts
from doorstep.spine.outcome import Ask, Event, Insert, Job, Outcome, Result, Update, answer_of_order
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb

KEPT = """
select n.order_id, n.key, n.state, n.tries from notice n where n.merchant_id = any($1) and n.order_id = any($2)
"""
# Of one address somebody looks once.
OPEN = """
select a.merchant_id, a.why ->> 'address' as address from attention a
  where a.merchant_id = any($1) and a.kind = 'notice_failed' and a.resolved_at is null
    and a.why ->> 'address' = any($2)
"""
FAILED = "notice_failed"


class KeepNotice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`letter` is its own key, for ever. `tries`: so often it was tried, as far as whoever asks knows. `again`: the job
    that is to look at it at `due_at`."""

    order: str
    letter: Annotated[str, Meta(min_length=1, max_length=200)]
    kind: Annotated[str, Meta(max_length=60)]
    subject: Annotated[str, Meta(max_length=300)] = ""
    medium: Medium = "email"
    state: State = "sent"
    address: Annotated[str, Meta(max_length=2000)] = ""
    why: Annotated[str, Meta(max_length=500)] = ""
    tries: int = 0
    due_at: datetime | None = None
    again: dict[str, Any] | None = None


class NoticeKept(msgspec.Struct, frozen=True, kw_only=True):
    """`kept`: false where it stood already that it was said, or somebody else is at it."""

    order: str
    kept: bool


Known = dict[tuple[int, str], tuple[State, int]]  # of a batch's earlier asks too


@verb(KeepNotice, NoticeKept)
async def keep_notice(tx: Tx, asks: list[Ask[KeepNotice]]) -> list[Result]:
    """Write down what became of a notice."""
    orders = await order_facts(tx, [number("ord", ask.body.order) for ask in asks], reads=())
    rows = await tx.rows(KEPT, list(tx.merchants), list(orders))
    known = {(row["order_id"], row["key"]): (row["state"], row["tries"]) for row in rows}
    failed = sorted({ask.body.address for ask in asks if ask.body.state == "failed"})
    seen = await tx.rows(OPEN, list(tx.merchants), failed) if failed else ()
    looked_at = {(row["merchant_id"], row["address"]) for row in seen}
    ids = await tx.fresh_ids(len(asks))
    return each(asks, lambda ask: decide(
        of_merchant(orders, ask.merchant, number("ord", ask.body.order)), known, looked_at, ids, ask
    ))  # fmt: skip


def decide(
    order: OrderFacts, known: Known, looked_at: set[tuple[int, str]], ids: Iterator[int], ask: Ask[KeepNotice]
) -> Outcome:
    said = ask.body
    outcome = Outcome(order.merchant, ("order", order.order_id), [], verb="keep_notice")
    there = known.get((order.order_id, said.letter))
    is_ours = there is None or (there[0] not in OVER and there[1] == said.tries)
    outcome.answer = answer_of_order(order.order_id, kept=is_ours)
    if not is_ours:
        return outcome
    outcome.facts = [_row(order, there is None, ask)]
    tries = said.tries + 1 if said.state == "sending" else there[1] if there else 0
    known[order.order_id, said.letter] = (said.state, tries)
    # Nobody to write to is nothing that happened to the order.
    if said.state in OVER and said.why != "no_address":
        outcome.events = [Event("keep_notice", [], _told(said))]
    if said.state == "failed" and (order.merchant, said.address) not in looked_at:
        looked_at.add((order.merchant, said.address))
        why = {"address": said.address, "medium": said.medium, "kind": said.kind, "why": said.why}
        outcome.facts.append(attention_of(next(ids), order.order_id, why, ask.at))
    if said.due_at and said.again:
        outcome.then = [Job("notify", said.again, said.due_at, key=f"notify:{said.letter}:{said.due_at:%Y%m%dT%H%M}")]
    return outcome


def _row(order: OrderFacts, is_new: bool, ask: Ask[KeepNotice]) -> Insert | Update:
    said = ask.body
    now: dict[str, Any] = {
        "state": said.state, "why": said.why, "address": said.address, "sent_at": ask.at, "due_at": said.due_at,
        "subject": said.subject,
    }  # fmt: skip
    if said.state == "sending":
        now |= {"tries": said.tries + 1, "tried_at": ask.at}
        if said.tries == 0:
            now["first_at"] = ask.at
    if not is_new:
        return Update("notice", {"order_id": order.order_id, "key": said.letter}, now)
    found = {"key": said.letter, "order_id": order.order_id, "kind": said.kind, "medium": said.medium}
    return Insert("notice", found | now)


def _told(said: KeepNotice) -> dict[str, Any]:
    told = {"kind": said.kind, "subject": said.subject}
    if (said.medium, said.state) != ("email", "sent"):
        told |= {"medium": said.medium, "state": said.state}
    return told | ({"why": said.why} if said.why else {})


def attention_of(attention: int, order: int, why: dict[str, str], at: datetime) -> Insert:
    return Insert("attention", {
        "attention_id": attention, "kind": FAILED, "order_id": order,
        "reason": f"{why['address'] or 'the address'} does not take it: {why['why']}"[:500],
        "next_action": next_action(FAILED), "why": why, "raised_at": at,
    })  # fmt: skip
