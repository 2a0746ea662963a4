"""capture: at hand-over what was held becomes the merchant's, for what is handed over; the rest stays held."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from doorstep.journey.cash.books import (
    CHANNEL,
    READS,
    Amount,
    Books,
    NothingHeld,
    Payment,
    Reference,
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
from doorstep.kit.refusals import NotFound
from doorstep.plug.payments import Payments
from doorstep.spine.outcome import Ask, Cash, Event, Job, Outcome, Result, Update
from doorstep.spine.rules import each
from doorstep.spine.status import ON_SHELF
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import errand, verb
from doorstep.spine.world import World
from doorstep.spine.worth import OF_WORTH, Worths, worth_of_parcel, worths_of_parcels


class WantCapture(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For a parcel: what is in it (shipping and fees go with the first). Else everything due, or `amount_minor`."""

    order: str
    parcel: str = ""
    amount_minor: Amount | None = None


class Capture(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The provider's answer to `payment`; or, with `order`, money that was held and taken in the channel itself."""

    payment: str = ""
    provider_ref: Reference = ""
    order: str = ""
    amount_minor: Amount | None = None


class CaptureOf(msgspec.Struct, frozen=True, kw_only=True):
    """So much is to be taken, or was."""

    order: str
    amount_minor: int


@verb(WantCapture, CaptureOf)
async def want_capture(tx: Tx, asks: list[Ask[WantCapture]]) -> list[Result]:
    """Take held money: for a parcel, or everything that is due."""
    books = await books_of(tx, [number("ord", ask.body.order) for ask in asks], (*READS, *ON_SHELF, *OF_WORTH))
    worths = await worths_of_parcels(tx, [ask.body.parcel for ask in asks])
    ids = await ids_of_payments(tx, books)
    return each(asks, lambda ask: decide(of_order(books, ask), worths, ids, ask))


def decide(books: Books, worths: Worths, ids: Iterator[int], ask: Ask[WantCapture]) -> Outcome:
    """Never more than is held or due; drawn from the oldest authorization first."""
    if ask.body.parcel and _is_asked_for(books):
        return outcome_of(books, amount_minor=0)
    held = books.held_by_providers()
    wanted = min(_amount(books, worths, ask.body), books.due - books.asked("capture"), sum(left for _, left in held))
    if wanted <= 0:
        raise NothingHeld(order=ask.body.order, due_minor=books.due)
    outcome = outcome_of(books, amount_minor=wanted)
    outcome.events = [Event("want_capture", data={"amount_minor": wanted, "parcel": ask.body.parcel})]
    for auth, left in held:
        amount = min(left, wanted)
        if amount <= 0:
            break
        payment = next(ids)
        asked = new_payment(
            payment, books.order, "capture", "wanted", amount, ask.at, provider=auth.provider, parent_id=auth.payment_id
        )
        outcome.facts.append(asked)
        outcome.then.append(Job("ask_capture", {"payment": public("pay", payment)}))
        wanted -= amount
    return outcome


def _amount(books: Books, worths: Worths, body: WantCapture) -> int:
    if body.amount_minor is not None:
        return body.amount_minor
    if not body.parcel:
        return books.due
    parcel = (books.order.order_id, number("par", body.parcel))
    if parcel not in worths:
        raise NotFound(parcel=body.parcel, order=body.order)
    if not any(books.account(stage) for stage in ON_SHELF):
        return books.due  # it was the last: whatever was paid before, all that is owed is for what left
    return worth_of_parcel(books.order, worths[parcel], is_followed=any(_captures(books)))


def _captures(books: Books) -> Iterator[Payment]:
    return (payment for payment in books.payments if payment.kind == "capture" and payment.open)


def _is_asked_for(books: Books) -> bool:
    """With the parcel before it everything was: that is no reason to complain."""
    return books.due <= books.asked("capture") and any(_captures(books))


@errand(AskProvider)
async def ask_capture(world: World, asks: list[Ask[AskProvider]]) -> None:
    """Have the provider take what it holds."""
    await ask_provider(world, asks, "capture", _take)


async def _take(provider: Payments, row: Mapping[str, Any], key: str) -> Capture:
    taken = await provider.capture(row["parent_ref"], row["amount_minor"], key=key)
    return Capture(payment=key, provider_ref=taken.ref)


@verb(Capture, CaptureOf)
async def capture(tx: Tx, asks: list[Ask[Capture]]) -> list[Result]:
    """Keep the provider's answer: held money is the merchant's."""
    books, order_of = await books_of_payments(tx, [ask.body.payment for ask in asks])
    books |= await books_of(tx, [number("ord", ask.body.order) for ask in asks if not ask.body.payment])
    ids = await tx.fresh_ids(len(asks))
    answered: set[int] = set()
    return each(asks, lambda ask: _captured(books, order_of, answered, ids, ask))


def _captured(
    books: Mapping[int, Books], order_of: Mapping[int, int], answered: set[int], ids: Iterator[int], ask: Ask[Capture]
) -> Outcome:
    """`answered`: captures, by the same batch."""
    if not ask.body.payment:
        return _captured_elsewhere(of_order(books, ask), ids, ask)
    found, payment_id = of_payment(books, order_of, ask)
    payment = found.unanswered(payment_id, "capture")
    answered.add(payment_id)
    asked = sum(p.amount_minor for p in found.payments if p.payment_id in answered)
    told = {"provider": payment.provider}
    outcome = _took(found, payment.amount_minor, told, so_far=asked, asked=asked)
    done = {"state": "done", "provider_ref": ask.body.provider_ref, "done_at": ask.at}
    outcome.facts = [Update("payment", {"payment_id": payment_id}, done)]
    outcome.facts += ended(found, payment.parent_id, answered)
    return outcome


def _captured_elsewhere(books: Books, ids: Iterator[int], ask: Ask[Capture]) -> Outcome:
    held = [(auth, left) for auth, left in books.authorizations() if auth.provider == CHANNEL]
    amount = min(ask.body.amount_minor or books.due, sum(left for _, left in held))
    if amount <= 0:
        raise NothingHeld(order=ask.body.order)
    outcome = _took(books, amount, {"provider": CHANNEL}, so_far=amount, asked=0)
    taken = {"provider": CHANNEL, "provider_ref": ask.body.provider_ref, "parent_id": held[0][0].payment_id}
    outcome.facts = [new_payment(next(ids), books.order, "capture", "done", amount, ask.at, **taken)]
    return outcome


def _took(books: Books, amount: int, told: dict[str, Any], *, so_far: int, asked: int) -> Outcome:
    """`so_far`: this amount, with what the batch took before it; so much of that was `asked` for."""
    outcome = outcome_of(books, amount_minor=amount)
    outcome.events = [Event("capture", [Cash(amount, "held", "earned")], told | {"amount_minor": amount})]
    order = public("ord", books.order.order_id)
    # Everything is paid: what is still held is let go.
    left = books.account("held") - so_far - (books.asked("capture") - asked) - books.asked("release")
    if left > 0 and books.due - so_far <= 0:
        outcome.then.append(Job("want_release_of_funds", {"order": order}))
    # What was canceled or credited while the provider was asked is not owed any more.
    too_much = min(amount, books.account("earned") + so_far - books.account("owed") - books.asked("refund"))
    if too_much > 0:
        body = {"order": order, "amount_minor": too_much, "reason": "no longer owed when it was taken"}
        outcome.then.append(Job("want_refund", body))
    return outcome
