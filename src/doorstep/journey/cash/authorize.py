"""authorize: the buyer's money is held before the goods go; two verbs round one call to the provider."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from doorstep.journey.cash.books import (
    Books,
    Word,
    books_of,
    books_of_payments,
    new_payment,
    of_order,
    of_payment,
    outcome_of,
)
from doorstep.kit.ids import number, public
from doorstep.kit.refusals import Refusal
from doorstep.plug.payments import Declined
from doorstep.spine.outcome import Ask, Cash, Event, Insert, Job, Outcome, Result, Update
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import errand, verb
from doorstep.spine.world import World


class WantAuthorization(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    order: str


class AskAuthorization(msgspec.Struct, frozen=True, kw_only=True):
    payment: str


class Authorize(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    payment: str
    provider_ref: Word
    expires_at: datetime | None = None


class Decline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    payment: str
    reason: str


class NothingOwed(Refusal):
    """Nothing is left to be held or paid."""


class NoPaymentToken(Refusal):
    """The order came without a payment token, so there is nobody to ask for the money."""


class NoProvider(Refusal):
    """The merchant has no payment provider."""


PROVIDERS = "select merchant_id, code from connection where merchant_id = any($1) and kind = 'payments' order by code"
FOR_THE_CALL = """
select p.merchant_id, p.payment_id, p.state, p.amount_minor, p.currency, p.provider, p.provider_ref, p.parent_id,
    a.provider_ref as parent_ref, o.number, o.payment_token
  from payment p join orders o on o.merchant_id = p.merchant_id and o.order_id = p.order_id
  left join payment a on a.merchant_id = p.merchant_id and a.payment_id = p.parent_id
  where p.merchant_id = any($1) and p.payment_id = $2
"""


@verb(WantAuthorization)
async def want_authorization(tx: Tx, asks: list[Ask[WantAuthorization]]) -> list[Result]:
    """Have the provider hold what the buyer owes."""
    books = await books_of(tx, [number("ord", ask.body.order) for ask in asks])
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


@errand(AskAuthorization)
async def ask_authorization(world: World, asks: list[Ask[AskAuthorization]]) -> None:
    """The key is the payment's id: asked again, the provider answers with the first result."""
    for ask in asks:
        row = await for_the_call(world, ask)
        if row is None:
            continue
        provider = await world.payments(ask.merchant, row["provider"])
        try:
            held = await provider.authorize(
                row["amount_minor"], row["currency"], row["payment_token"], row["number"], key=ask.body.payment
            )
        except Declined as no:
            await keep(world, "decline", ask, Decline(payment=ask.body.payment, reason=reason_of(no)))
            continue
        answer = Authorize(payment=ask.body.payment, provider_ref=held.ref, expires_at=held.expires_at)
        await keep(world, "authorize", ask, answer)


async def for_the_call(world: World, ask: Ask[Any]) -> Any:
    """What the provider must be told; None when the payment was answered meanwhile."""
    async with world.reading([ask.merchant]) as tx:
        row = await tx.row(FOR_THE_CALL, [ask.merchant], number("pay", ask.body.payment))
    return row if row and row["state"] == "wanted" else None


async def keep(world: World, verb: str, ask: Ask[Any], body: msgspec.Struct) -> None:
    await world.ask(verb, [Ask(ask.merchant, body, world.now())])


def reason_of(no: Declined) -> str:
    return str(no.why.get("reason") or no.why.get("detail") or "declined")


@verb(Authorize)
async def authorize(tx: Tx, asks: list[Ask[Authorize]]) -> list[Result]:
    """Keep the provider's yes: the money is held."""
    books, order_of = await books_of_payments(tx, [ask.body.payment for ask in asks])
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
    outcome.then = [Job("check", {"order": public("ord", books.order.order_id)})]
    return outcome


@verb(Decline)
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
