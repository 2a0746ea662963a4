"""keep_receipt: the gateway tells later whether a text message came; the first word on it counts.

One that did not come is somebody's to look at where the buyer was told the same by no other medium.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from doorstep.journey.tracking.keep_notice import OPEN, attention_of
from doorstep.kit.ids import number
from doorstep.setup.notices.kinds import TO_BUYER
from doorstep.spine.facts import OrderFacts, of_merchant, order_facts
from doorstep.spine.outcome import Ask, Event, Outcome, Result, Update, answer_of_order
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb

# Of a text message: what it was, and whether its buyer got the same by another medium. Its key is the fact's own with
# the medium behind it.
NOTICES = """
select n.order_id, n.key, n.kind, n.subject, n.address, n.state, n.came_at, exists (
    select from notice o where o.merchant_id = n.merchant_id and o.order_id = n.order_id and o.state = 'sent'
      and o.medium = any($4) and o.medium <> 'sms' and o.key = left(n.key, -length('/sms'))) as is_told
  from notice n where n.merchant_id = any($1) and n.order_id = any($2) and n.key = any($3) and n.medium = 'sms'
"""


class KeepReceipt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`why`: of one that did not come, as the gateway says it."""

    order: str
    letter: Annotated[str, Meta(min_length=1, max_length=200)]
    came: bool
    why: Annotated[str, Meta(max_length=500)] = ""


class ReceiptKept(msgspec.Struct, frozen=True, kw_only=True):
    """`kept`: false where there is no such text message, or it was told before how it ended."""

    order: str
    kept: bool


@verb(KeepReceipt, ReceiptKept)
async def keep_receipt(tx: Tx, asks: list[Ask[KeepReceipt]]) -> list[Result]:
    """Write down whether a text message came."""
    orders = await order_facts(tx, [number("ord", ask.body.order) for ask in asks], reads=())
    keys = [ask.body.letter for ask in asks]
    rows = await tx.rows(NOTICES, list(tx.merchants), list(orders), keys, list(TO_BUYER))
    notices = {(row["order_id"], row["key"]): row for row in rows}
    seen = await tx.rows(OPEN, list(tx.merchants), sorted({row["address"] for row in rows})) if rows else ()
    looked_at = {(row["merchant_id"], row["address"]) for row in seen}
    ids = await tx.fresh_ids(len(asks))

    def rule(ask: Ask[KeepReceipt]) -> Outcome:
        order = of_merchant(orders, ask.merchant, number("ord", ask.body.order))
        return decide(order, notices.get((order.order_id, ask.body.letter)), looked_at, ids, ask)

    return each(asks, rule)


def decide(
    order: OrderFacts, notice: Mapping[str, Any] | None, looked_at: set[tuple[int, str]], ids: Iterator[int],
    ask: Ask[KeepReceipt],
) -> Outcome:  # fmt: skip
    said = ask.body
    outcome = Outcome(order.merchant, ("order", order.order_id), [], verb="keep_receipt")
    is_open = notice is not None and notice["state"] not in ("failed", "dropped") and notice["came_at"] is None
    outcome.answer = answer_of_order(order.order_id, kept=is_open)
    if notice is None or not is_open:
        return outcome
    told = {"kind": notice["kind"], "subject": notice["subject"], "medium": "sms"}
    which = {"order_id": order.order_id, "key": said.letter}
    if said.came:
        outcome.facts = [Update("notice", which, {"state": "sent", "came_at": ask.at})]
        outcome.events = [Event("keep_receipt", [], {**told, "state": "came"})]
        return outcome
    outcome.facts = [Update("notice", which, {"state": "failed", "why": said.why, "sent_at": ask.at})]
    outcome.events = [Event("keep_receipt", [], {**told, "state": "failed", "why": said.why})]
    if not notice["is_told"] and (order.merchant, notice["address"]) not in looked_at:
        looked_at.add((order.merchant, notice["address"]))
        why = {"address": notice["address"], "medium": "sms", "kind": notice["kind"], "why": said.why}
        outcome.facts.append(attention_of(next(ids), order.order_id, why, ask.at))
    return outcome
