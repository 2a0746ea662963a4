"""release: held money that is not needed goes back to the buyer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from doorstep.journey.cash.books import (
    Amount,
    Books,
    books_of,
    books_of_payments,
    ended,
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
from doorstep.spine.outcome import Ask, Cash, Event, Insert, Job, Outcome, Result, Update
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import errand, verb
from doorstep.spine.world import World


class WantReleaseOfFunds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    order: str
    amount_minor: Amount | None = None


class ReleaseFunds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    payment: str


class ReleaseOf(msgspec.Struct, frozen=True, kw_only=True):
    """So much is to go back, or did."""

    order: str
    amount_minor: int


class NeededYet(Refusal):
    """What is held is still needed: a part goes back when the last of it is captured."""


@verb(WantReleaseOfFunds, ReleaseOf)
async def want_release_of_funds(tx: Tx, asks: list[Ask[WantReleaseOfFunds]]) -> list[Result]:
    """Let held money go that the order no longer needs; providers let go of a whole authorization only."""
    books = await books_of(tx, [number("ord", ask.body.order) for ask in asks])
    ids = await ids_of_payments(tx, books)
    return each(asks, lambda ask: decide(of_order(books, ask), ids, ask))


def decide(books: Books, ids: Iterator[int], ask: Ask[WantReleaseOfFunds]) -> Outcome:
    held = books.held_by_providers()
    spare = sum(left for _, left in held) - max(0, books.due - books.asked("capture"))
    outcome = outcome_of(books)
    for auth, left in reversed(held):
        if left > spare:
            continue
        payment = next(ids)
        asked = new_payment(
            payment, books.order, "release", "wanted", left, ask.at, provider=auth.provider, parent_id=auth.payment_id
        )
        outcome.facts.append(asked)
        outcome.then.append(Job("ask_release_of_funds", {"payment": public("pay", payment)}))
        spare -= left
    if not outcome.facts:
        raise NeededYet(order=ask.body.order, spare_minor=max(spare, 0))
    let_go = sum(fact.values["amount_minor"] for fact in outcome.facts if isinstance(fact, Insert))
    outcome.events = [Event("want_release_of_funds", data={"amount_minor": let_go})]
    outcome.answer["amount_minor"] = let_go
    return outcome


@errand(AskProvider)
async def ask_release_of_funds(world: World, asks: list[Ask[AskProvider]]) -> None:
    """Have the provider let go of what it holds."""
    await ask_provider(world, asks, "release_funds", _let_go)


async def _let_go(provider: Payments, row: Mapping[str, Any], key: str) -> ReleaseFunds:
    await provider.void(row["parent_ref"], key=key)
    return ReleaseFunds(payment=key)


@verb(ReleaseFunds, ReleaseOf)
async def release_funds(tx: Tx, asks: list[Ask[ReleaseFunds]]) -> list[Result]:
    """Keep the provider's answer: the held money is the buyer's again."""
    books, order_of = await books_of_payments(tx, [ask.body.payment for ask in asks])
    return each(asks, lambda ask: _released(*of_payment(books, order_of, ask), ask))


def _released(books: Books, payment_id: int, ask: Ask[ReleaseFunds]) -> Outcome:
    payment = books.unanswered(payment_id, "release")
    outcome = outcome_of(books, amount_minor=payment.amount_minor)
    move = Cash(payment.amount_minor, "held", "world")
    outcome.events = [Event("release_funds", [move], {"amount_minor": payment.amount_minor})]
    outcome.facts = [Update("payment", {"payment_id": payment_id}, {"state": "done", "done_at": ask.at})]
    outcome.facts += ended(books, payment.parent_id, [payment_id])
    return outcome
