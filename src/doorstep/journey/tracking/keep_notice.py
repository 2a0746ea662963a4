"""keep_notice: what the buyer was written stands with the order; the same letter stands there once."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from doorstep.kit.ids import number
from doorstep.spine.facts import OrderFacts, of_merchant, order_facts
from doorstep.spine.outcome import Ask, Event, Insert, Outcome, Result, answer_of_order
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb

KEPT = "select order_id, key from notice where merchant_id = any($1) and order_id = any($2)"


class KeepNotice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`letter` is its own key, for ever."""

    order: str
    letter: Annotated[str, Meta(min_length=1, max_length=200)]
    kind: Annotated[str, Meta(max_length=60)]
    subject: Annotated[str, Meta(max_length=300)]


class NoticeKept(msgspec.Struct, frozen=True, kw_only=True):
    order: str


@verb(KeepNotice, NoticeKept)
async def keep_notice(tx: Tx, asks: list[Ask[KeepNotice]]) -> list[Result]:
    """Write down that the buyer was written to."""
    orders = await order_facts(tx, [number("ord", ask.body.order) for ask in asks], allocations=False)
    kept = {(row["order_id"], row["key"]) for row in await tx.rows(KEPT, list(tx.merchants), list(orders))}
    return each(asks, lambda ask: decide(of_merchant(orders, ask.merchant, number("ord", ask.body.order)), kept, ask))


def decide(order: OrderFacts, kept: set[tuple[int, str]], ask: Ask[KeepNotice]) -> Outcome:
    sent = ask.body
    outcome = Outcome(order.merchant, ("order", order.order_id), [], answer=answer_of_order(order.order_id))
    if (order.order_id, sent.letter) not in kept:
        outcome.events = [Event("keep_notice", [], {"kind": sent.kind, "subject": sent.subject})]
        outcome.facts = [Insert("notice", {
            "key": sent.letter, "order_id": order.order_id, "kind": sent.kind, "subject": sent.subject,
            "sent_at": ask.at,
        })]  # fmt: skip
    return outcome
