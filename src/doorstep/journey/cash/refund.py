"""refund: what was paid beyond what is owed goes back, the way it came, never twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from doorstep.journey.cash.books import (
    BY_HAND,
    CHANNEL,
    Amount,
    Books,
    Payment,
    Reference,
    books_of,
    books_of_payments,
    ids_of_payments,
    new_payment,
    of_order,
    of_payment,
    outcome_of,
)
from doorstep.journey.cash.provider import AskProvider, ask_provider
from doorstep.kit.ids import number, public
from doorstep.kit.refusals import Refusal
from doorstep.plug.payments import Payments
from doorstep.spine.outcome import Ask, Cash, Event, Job, Outcome, Result, Update
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import errand, verb
from doorstep.spine.world import World


class WantRefund(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Default: everything that was paid beyond what is owed."""

    order: str
    amount_minor: Amount | None = None
    # As long as the reason of a cancellation, which it may come from.
    reason: Annotated[str, Meta(max_length=500)] = ""


class Refund(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The provider's answer to `payment`, or a transfer made by hand for it."""

    payment: str
    provider_ref: Reference = ""


class RefundWanted(msgspec.Struct, frozen=True, kw_only=True):
    """`by_hand`: payments to send back by other means, then to be recorded with `refund`."""

    order: str
    amount_minor: int
    by_hand: list[str]


class Refunded(msgspec.Struct, frozen=True, kw_only=True):
    order: str
    amount_minor: int


class NothingToRefund(Refusal):
    """No more was paid than is owed; credit what came back first (issue_credit), or cancel it."""


@verb(WantRefund, RefundWanted)
async def want_refund(tx: Tx, asks: list[Ask[WantRefund]]) -> list[Result]:
    """Give back what was paid beyond what is owed: newest payment first, each to where it came from."""
    books = await books_of(tx, [number("ord", ask.body.order) for ask in asks])
    ids = await ids_of_payments(tx, books)
    return each(asks, lambda ask: decide(of_order(books, ask), ids, ask))


def decide(books: Books, ids: Iterator[int], ask: Ask[WantRefund]) -> Outcome:
    spare = books.account("earned") - books.account("owed") - books.asked("refund")
    amount = ask.body.amount_minor or spare
    if spare <= 0 or amount > spare:
        raise NothingToRefund(order=ask.body.order, refundable_minor=max(spare, 0), asked_minor=amount)
    outcome = outcome_of(books, amount_minor=amount)
    outcome.events = [Event("want_refund", data={"amount_minor": amount, "reason": ask.body.reason})]
    by_hand = []
    for source, left in books.received():
        part = min(left, amount)
        if part <= 0:
            break
        payment = next(ids)
        more = {"provider": source.provider, "parent_id": source.payment_id, "method": source.method}
        outcome.facts.append(new_payment(payment, books.order, "refund", "wanted", part, ask.at, **more))
        if source.provider in (BY_HAND, CHANNEL):
            by_hand.append(public("pay", payment))
        else:
            outcome.then.append(Job("ask_refund", {"payment": public("pay", payment)}))
        amount -= part
    # What came by hand goes back by hand: somebody transfers it, then records it with `refund`.
    outcome.answer["by_hand"] = by_hand
    return outcome


@errand(AskProvider)
async def ask_refund(world: World, asks: list[Ask[AskProvider]]) -> None:
    """Have the provider send money back."""
    await ask_provider(world, asks, "refund", _give_back)


async def _give_back(provider: Payments, row: Mapping[str, Any], key: str) -> Refund:
    given = await provider.refund(row["authorization_ref"], row["amount_minor"], key=key)
    return Refund(payment=key, provider_ref=given.ref)


@verb(Refund, Refunded)
async def refund(tx: Tx, asks: list[Ask[Refund]]) -> list[Result]:
    """Keep that the money went back."""
    books, order_of = await books_of_payments(tx, [ask.body.payment for ask in asks])
    return each(asks, lambda ask: _refunded(books, order_of, ask))


def _refunded(books: Mapping[int, Books], order_of: Mapping[int, int], ask: Ask[Refund]) -> Outcome:
    found, payment_id = of_payment(books, order_of, ask)
    payment: Payment = found.unanswered(payment_id, "refund")
    outcome = outcome_of(found, amount_minor=payment.amount_minor)
    told = {"amount_minor": payment.amount_minor, "provider": payment.provider, "method": payment.method}
    outcome.events = [Event("refund", [Cash(payment.amount_minor, "earned", "refunded")], told)]
    done = {"state": "done", "provider_ref": ask.body.provider_ref, "done_at": ask.at}
    outcome.facts = [Update("payment", {"payment_id": payment_id}, done)]
    told_to = {"order": public("ord", outcome.order), "kind": "refunded", "about": ask.body.payment}
    outcome.then = [Job("notify", told_to)]
    return outcome
