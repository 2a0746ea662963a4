"""record_payment: money came in by a way that doorstep did not ask for: a transfer, cash, the shop's checkout."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from doorstep.journey.cash.books import (
    Amount,
    Books,
    Reference,
    Word,
    books_of,
    new_payment,
    of_order,
    outcome_of,
)
from doorstep.kit.ids import number, public
from doorstep.kit.refusals import Refusal
from doorstep.spine.outcome import Ask, Cash, Event, Job, Outcome, Result
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.told_times import told_time
from doorstep.spine.verbs import verb


class RecordPayment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    order: str
    amount_minor: Amount
    method: Word = "transfer"
    reference: Reference = ""
    received_at: datetime | None = None


class Remit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    order: str
    amount_minor: Amount | None = None
    reference: Reference = ""


class PaymentRecorded(msgspec.Struct, frozen=True, kw_only=True):
    """`due_minor` is below zero when more was paid than is owed."""

    order: str
    payment: str
    due_minor: int


class Remitted(msgspec.Struct, frozen=True, kw_only=True):
    order: str
    amount_minor: int
    left_minor: int


class NothingCollected(Refusal):
    """The carrier collected nothing on this order, or paid it out before."""


@verb(RecordPayment, PaymentRecorded)
async def record_payment(tx: Tx, asks: list[Ask[RecordPayment]]) -> list[Result]:
    """Record money that came in; more than is owed shows as overpaid until it is refunded."""
    books = await books_of(tx, [number("ord", ask.body.order) for ask in asks])
    ids = await tx.fresh_ids(len(asks))
    return each(asks, lambda ask: decide(of_order(books, ask), ids, ask))


def decide(books: Books, ids: Iterator[int], ask: Ask[RecordPayment]) -> Outcome:
    paid, payment = ask.body, next(ids)
    received_at = told_time(paid.received_at, ask.at, order=paid.order)
    outcome = outcome_of(books, payment=public("pay", payment), due_minor=books.due - paid.amount_minor)
    told = {"amount_minor": paid.amount_minor, "method": paid.method, "reference": paid.reference}
    outcome.events = [Event("record_payment", [Cash(paid.amount_minor, "world", "earned")], told, received_at)]
    more = {"method": paid.method, "provider_ref": paid.reference, "done_at": received_at}
    outcome.facts = [new_payment(payment, books.order, "payment", "done", paid.amount_minor, ask.at, **more)]
    outcome.then = [Job("check", {"order": paid.order})]
    return outcome


@verb(Remit, Remitted)
async def remit(tx: Tx, asks: list[Ask[Remit]]) -> list[Result]:
    """Record that the carrier paid out what it collected at the door."""
    books = await books_of(tx, [number("ord", ask.body.order) for ask in asks])
    return each(asks, lambda ask: _remitted(of_order(books, ask), ask))


def _remitted(books: Books, ask: Ask[Remit]) -> Outcome:
    collected = books.account("collected")
    amount = ask.body.amount_minor or collected
    if collected == 0 or amount > collected:
        raise NothingCollected(order=ask.body.order, collected_minor=collected, asked_minor=amount)
    outcome = outcome_of(books, amount_minor=amount, left_minor=collected - amount)
    told = {"amount_minor": amount, "reference": ask.body.reference}
    outcome.events = [Event("remit", [Cash(amount, "collected", "earned")], told)]
    # What came back meanwhile was credited: the buyer paid for it at the door.
    if books.account("earned") + amount - books.asked("refund") > books.account("owed"):
        outcome.then = [Job("want_refund", {"order": ask.body.order, "reason": "credited before it was paid out"})]
    return outcome
