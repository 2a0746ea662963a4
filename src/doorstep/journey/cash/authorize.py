"""authorize: the buyer's money is held before the goods go; two verbs round one call to the provider."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from doorstep.journey.cash.books import (
    READS,
    Books,
    Word,
    books_of,
    books_of_payments,
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
from doorstep.spine.status import ON_SHELF
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import errand, verb
from doorstep.spine.world import World


class WantAuthorization(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    order: str


class Authorize(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    payment: str
    provider_ref: Word
    expires_at: datetime | None = None


class AuthorizationWanted(msgspec.Struct, frozen=True, kw_only=True):
    order: str
    payment: str
    amount_minor: int


class Authorized(msgspec.Struct, frozen=True, kw_only=True):
    order: str
    payment: str


class NothingOwed(Refusal):
    """Nothing is left to be held or paid."""


class NoPaymentToken(Refusal):
    """The order came without a payment token, so there is nobody to ask for the money."""


class NoProvider(Refusal):
    """The merchant has no payment provider."""


PROVIDERS = "select merchant_id, code from connection where merchant_id = any($1) and kind = 'payments' order by code"
# Of the order: whether any of its goods are still to leave.
LEFT = (*ON_SHELF, "shipped", "delivered")


@verb(WantAuthorization, AuthorizationWanted)
async def want_authorization(tx: Tx, asks: list[Ask[WantAuthorization]]) -> list[Result]:
    """Have the provider hold what the buyer owes."""
    books = await books_of(tx, [number("ord", ask.body.order) for ask in asks], (*READS, "payment_token"))
    providers = {row["merchant_id"]: row["code"] for row in await tx.rows(PROVIDERS, list(tx.merchants))}
    ids = await tx.fresh_ids(len(asks))
    return each(asks, lambda ask: decide(of_order(books, ask), providers.get(ask.merchant), ids, ask))


def decide(books: Books, provider: str | None, ids: Iterator[int], ask: Ask[WantAuthorization]) -> Outcome:
    """Hold what is due and neither held nor asked for."""
    missing = books.due - books.account("held") - books.asked("authorization")
    if missing <= 0:
        raise NothingOwed(order=ask.body.order)
    if not books.order.row["payment_token"]:
        raise NoPaymentToken(order=ask.body.order)
    if provider is None:
        raise NoProvider()
    payment = next(ids)
    outcome = outcome_of(books, payment=public("pay", payment), amount_minor=missing)
    outcome.events = [Event("want_authorization", data={"amount_minor": missing, "provider": provider})]
    outcome.facts = [new_payment(payment, books.order, "authorization", "wanted", missing, ask.at, provider=provider)]
    outcome.count("auths_pending")
    outcome.then = [Job("ask_authorization", {"payment": public("pay", payment)})]
    return outcome


@errand(AskProvider)
async def ask_authorization(world: World, asks: list[Ask[AskProvider]]) -> None:
    """Have the provider hold the money."""
    await ask_provider(world, asks, "authorize", _hold)


async def _hold(provider: Payments, row: Mapping[str, Any], key: str) -> Authorize:
    held = await provider.authorize(row["amount_minor"], row["currency"], row["payment_token"], row["number"], key=key)
    return Authorize(payment=key, provider_ref=held.ref, expires_at=held.expires_at)


@verb(Authorize, Authorized)
async def authorize(tx: Tx, asks: list[Ask[Authorize]]) -> list[Result]:
    """Keep the provider's yes: the money is held."""
    books, order_of = await books_of_payments(tx, [ask.body.payment for ask in asks], (*READS, *LEFT))
    return each(asks, lambda ask: _authorized(*of_payment(books, order_of, ask), ask))


def _authorized(books: Books, payment_id: int, ask: Ask[Authorize]) -> Outcome:
    payment = books.unanswered(payment_id, "authorization")
    outcome = outcome_of(books, payment=ask.body.payment)
    told = {"amount_minor": payment.amount_minor, "provider": payment.provider}
    outcome.events = [Event("authorize", [Cash(payment.amount_minor, "world", "held")], told)]
    done = {
        "state": "done",
        "provider_ref": ask.body.provider_ref,
        "expires_at": ask.body.expires_at,
        "done_at": ask.at,
    }
    outcome.facts = [Update("payment", {"payment_id": payment_id}, done)]
    outcome.count("auths_pending", -1)
    order = public("ord", books.order.order_id)
    outcome.then = [Job("check", {"order": order})]
    if _all_has_left(books) and books.due > 0:
        outcome.then.append(Job("want_capture", {"order": order}))  # no hand-over is still to come that would
    return outcome


def _all_has_left(books: Books) -> bool:
    return (
        not any(books.account(stage) for stage in ON_SHELF)
        and books.account("shipped") + books.account("delivered") > 0
    )
