"""expire_authorization: the provider holds the money no longer; what has not left waits for money again."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from doorstep.journey.cash.books import (
    READS,
    Books,
    Payment,
    books_of,
    ids_of_payments,
    new_payment,
    of_order,
    outcome_of,
)
from doorstep.kit.ids import number, public
from doorstep.spine.outcome import Ask, Cash, Event, Job, Outcome, Result, Update
from doorstep.spine.rules import each
from doorstep.spine.status import ON_SHELF
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb


class ExpireAuthorization(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    order: str


class AuthorizationExpired(msgspec.Struct, frozen=True, kw_only=True):
    """So much is held no longer: nothing when no time has passed, or the provider was asked and has not answered."""

    order: str
    amount_minor: int


@verb(ExpireAuthorization, AuthorizationExpired)
async def expire_authorization(tx: Tx, asks: list[Ask[ExpireAuthorization]]) -> list[Result]:
    """Let the order's authorizations run out whose time has passed, while any of its goods have not left."""
    books = await books_of(tx, [number("ord", ask.body.order) for ask in asks], (*READS, *ON_SHELF))
    ids = await ids_of_payments(tx, books)
    return each(asks, lambda ask: decide(of_order(books, ask), ids, ask))


def decide(books: Books, ids: Iterator[int], ask: Ask[ExpireAuthorization]) -> Outcome:
    """What is left of each goes back where it came from; `check` holds the order for it, or asks for it anew."""
    run_out = list(_run_out(books, ask))
    let_go = sum(left for _, left in run_out)
    outcome = outcome_of(books, amount_minor=let_go)
    if not run_out:
        return outcome
    outcome.events = [Event("expire_authorization", [Cash(let_go, "held", "world")], {"amount_minor": let_go})]
    for auth, left in run_out:
        of_it = {"provider": auth.provider, "parent_id": auth.payment_id}
        outcome.facts += [
            Update("payment", {"payment_id": auth.payment_id}, {"state": "expired"}),
            new_payment(next(ids), books.order, "release", "done", left, ask.at, **of_it),
        ]
    outcome.count("auths_expired", len(run_out))
    outcome.then = [Job("check", {"order": public("ord", books.order.order_id)})]
    return outcome


def _run_out(books: Books, ask: Ask[ExpireAuthorization]) -> Iterator[tuple[Payment, int]]:
    """What the provider was asked for it alone knows, so its answer is waited for; of goods that left capture asks."""
    if not any(books.account(stage) for stage in ON_SHELF):
        return
    for auth, left in books.authorizations():
        if auth.expires_at is not None and auth.expires_at <= ask.at and not books.is_asked_of(auth):
            yield auth, left
