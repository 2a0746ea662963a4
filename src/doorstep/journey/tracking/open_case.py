"""open_case: the buyer says that something is wrong; from then on it is somebody's to look at."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import Meta

from doorstep.journey.tracking.cases import REASON_LENGTH, CaseAnswer, Kind, Words, message
from doorstep.kit.ids import number, public
from doorstep.kit.refusals import Invalid, Refusal
from doorstep.spine.exceptions import NEXT_ACTION
from doorstep.spine.facts import OrderFacts, of_merchant, order_facts
from doorstep.spine.outcome import Ask, Event, Insert, Outcome, Result, answer_of_order
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb

# Somebody who has more to say says it in one of these.
MOST_OPEN = 3
OPEN_CASES = """
select c.order_id, count(*) as open from contact_case c
  join attention a on a.merchant_id = c.merchant_id and a.attention_id = c.case_id and a.resolved_at is null
  where c.merchant_id = any($1) and c.order_id = any($2) group by c.order_id
"""
_MAILBOX = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+\.[^\s@<>,;:\"()\[\]\\]+")


class OpenCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answers go to `email`, or where it is empty to the order's own address."""

    order: str
    kind: Kind
    text: Words
    email: Annotated[str, Meta(max_length=254)] = ""


class TooManyCases(Refusal):
    """This order has enough open cases; write in one of them."""


@verb(OpenCase, CaseAnswer)
async def open_case(tx: Tx, asks: list[Ask[OpenCase]]) -> list[Result]:
    """Take down what the buyer says is wrong, for somebody to look at and to answer."""
    orders = await order_facts(tx, [number("ord", ask.body.order) for ask in asks], reads=())
    rows = await tx.rows(OPEN_CASES, list(tx.merchants), list(orders))
    open_now = Counter({row["order_id"]: row["open"] for row in rows})
    ids = await tx.fresh_ids(2 * len(asks))

    def rule(ask: Ask[OpenCase]) -> Outcome:
        order = of_merchant(orders, ask.merchant, number("ord", ask.body.order))
        return decide(order, open_now[order.order_id], ids, ask)

    return each(asks, rule)


def decide(order: OrderFacts, open_now: int, ids: Iterator[int], ask: Ask[OpenCase]) -> Outcome:
    said = ask.body
    if said.email and not _MAILBOX.fullmatch(said.email):
        raise Invalid(fields=[{"pointer": "/email", "detail": "must be an e-mail address"}])
    if open_now >= MOST_OPEN:
        raise TooManyCases(order=said.order, open=open_now)
    case = next(ids)
    name, kind = public("cas", case), f"case_{said.kind}"
    told = {"case": name, "kind": said.kind, "text": said.text}
    outcome = Outcome(order.merchant, ("order", order.order_id), [Event("open_case", [], told)])
    outcome.facts = [
        Insert("contact_case", {
            "case_id": case, "order_id": order.order_id, "kind": said.kind, "email": said.email,
            "opened_by": ask.actor.name, "opened_at": ask.at,
        }),
        # Whoever writes it down, it is what the buyer says.
        message(case, next(ids), said.text, ask, by_buyer=True),
        Insert("attention", {
            "attention_id": case, "kind": kind, "order_id": order.order_id, "reason": said.text[:REASON_LENGTH],
            "next_action": NEXT_ACTION[kind], "why": {"case": name}, "raised_at": ask.at,
        }),
    ]  # fmt: skip
    outcome.answer = answer_of_order(order.order_id, case=name)
    return outcome
