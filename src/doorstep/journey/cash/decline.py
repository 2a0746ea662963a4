"""decline: the provider said no, whatever was asked; somebody, or the buyer, has to act."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from doorstep.journey.cash.books import Books, books_of_payments, of_payment, outcome_of
from doorstep.kit.ids import public
from doorstep.spine.outcome import Ask, Event, Insert, Job, Outcome, Result, Update
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb


class Decline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    payment: str
    reason: str


class PaymentDeclined(msgspec.Struct, frozen=True, kw_only=True):
    order: str
    payment: str


@verb(Decline, PaymentDeclined)
async def decline(tx: Tx, asks: list[Ask[Decline]]) -> list[Result]:
    """Keep the provider's no, whatever was asked; somebody or the buyer has to act."""
    books, order_of = await books_of_payments(tx, [ask.body.payment for ask in asks])
    ids = await tx.fresh_ids(len(asks))
    return each(asks, lambda ask: _declined(*of_payment(books, order_of, ask), ids, ask))


def _declined(books: Books, payment_id: int, ids: Iterator[int], ask: Ask[Decline]) -> Outcome:
    payment = books.unanswered(payment_id, books.payment(payment_id).kind)
    outcome = outcome_of(books, payment=ask.body.payment)
    told = {"kind": payment.kind, "amount_minor": payment.amount_minor, "reason": ask.body.reason}
    outcome.events = [Event("decline", data=told)]
    no = {"state": "declined", "reason": ask.body.reason, "done_at": ask.at}
    outcome.facts = [Update("payment", {"payment_id": payment_id}, no)]
    if payment.kind == "authorization":
        outcome.count("auths_pending", -1)
        outcome.count("auths_failed")
        outcome.then = [Job("check", {"order": public("ord", books.order.order_id)})]
    else:
        outcome.facts.append(_attention(next(ids), books, told, ask))
    return outcome


def _attention(attention_id: int, books: Books, told: dict[str, Any], ask: Ask[Decline]) -> Insert:
    """A capture or refund that is refused is money gone astray: somebody must look."""
    values = {
        "attention_id": attention_id, "kind": f"{told['kind']}_declined", "order_id": books.order.order_id,
        "reason": f"the provider refused: {told['reason']}", "next_action": "ask the provider, or settle it by hand",
        "why": told, "raised_at": ask.at,
    }  # fmt: skip
    return Insert("attention", values)
