"""books: an order's cash as the rules see it: its accounts, and every payment asked for, done or declined."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, NamedTuple

from msgspec import Meta

from doorstep.kit.ids import number, public
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.spine.facts import OrderFacts, Reads, Rows, locked_and
from doorstep.spine.outcome import Ask, Insert, Outcome, Update
from doorstep.spine.status import CASH
from doorstep.spine.tenant import Tx

Amount = Annotated[int, Meta(ge=1, le=10**15, description="minor units of the order's currency")]
Reference = Annotated[str, Meta(max_length=200)]
Word = Annotated[str, Meta(max_length=60)]

# Who holds the money when it is not a provider that doorstep can ask.
BY_HAND = ""
CHANNEL = "channel"

PAYMENTS = """
select payment_id, order_id, kind, state, amount_minor, provider, provider_ref, parent_id, method, expires_at
  from payment where merchant_id = any($1) and order_id = any($2) order by payment_id
"""
ORDERS_OF = "select payment_id, order_id from payment where merchant_id = any($1) and payment_id = any($2)"
# What every rule of the books looks at of an order.
READS: Reads = ("currency", *CASH)


class NothingHeld(Refusal):
    """No money of this order is held that could be taken."""


class HeldElsewhere(Refusal):
    """The money is held in the channel: take it there, then record it with capture."""


class PaymentSettled(Refusal):
    """This payment was answered before."""


class Payment(NamedTuple):
    """Fields stand in the order of the columns above."""

    payment_id: int
    order_id: int
    kind: str
    state: str
    amount_minor: int
    provider: str
    provider_ref: str
    parent_id: int | None
    method: str
    expires_at: datetime | None

    @property
    def open(self) -> bool:
        return self.state in ("wanted", "done")


@dataclass(frozen=True, slots=True)
class Books:
    order: OrderFacts
    payments: tuple[Payment, ...]

    def account(self, name: str) -> int:
        return int(self.order.row[name])

    @property
    def due(self) -> int:
        """What the buyer still owes, not counting what is only held."""
        return self.account("owed") - self.account("earned") - self.account("collected")

    def asked(self, kind: str) -> int:
        """Asked for and not answered yet."""
        return sum(
            payment.amount_minor for payment in self.payments if (payment.kind, payment.state) == (kind, "wanted")
        )

    def authorizations(self) -> Iterator[tuple[Payment, int]]:
        """Each one done, with what is left of it when everything asked of it comes true."""
        for payment in self.payments:
            if payment.kind == "authorization" and payment.state == "done":
                drawn = sum(p.amount_minor for p in self.payments if p.parent_id == payment.payment_id and p.open)
                if payment.amount_minor > drawn:
                    yield payment, payment.amount_minor - drawn

    def held_by_providers(self) -> list[tuple[Payment, int]]:
        """Of the authorizations, those that a provider can be asked about. Refuses HeldElsewhere, NothingHeld."""
        held = list(self.authorizations())
        asked = [(auth, left) for auth, left in held if auth.provider != CHANNEL]
        if not asked:
            told = {"order": public("ord", self.order.order_id)}
            raise HeldElsewhere(**told, held_minor=self.account("held")) if held else NothingHeld(**told)
        return asked

    def is_asked_of(self, authorization: Payment) -> bool:
        """The provider was asked for some of it and has not answered."""
        return any(p.state == "wanted" for p in self.payments if p.parent_id == authorization.payment_id)

    def received(self) -> Iterator[tuple[Payment, int]]:
        """Money that came in, with what of it was not given back: newest first, as refunds take it."""
        given_back = {
            parent: sum(
                p.amount_minor for p in self.payments if p.kind == "refund" and p.parent_id == parent and p.open
            )
            for parent in {payment.parent_id for payment in self.payments if payment.kind == "refund"}
        }
        for payment in reversed(self.payments):
            if payment.kind in ("capture", "payment", "collection") and payment.state == "done":
                left = payment.amount_minor - given_back.get(payment.payment_id, 0)
                if left > 0:
                    yield payment, left

    def payment(self, payment_id: int) -> Payment:
        for payment in self.payments:
            if payment.payment_id == payment_id:
                return payment
        raise NotFound(payment=public("pay", payment_id))

    def unanswered(self, payment_id: int, kind: str) -> Payment:
        """The payment that this answer is for; refuses PaymentSettled when it was answered before."""
        payment = self.payment(payment_id)
        if payment.kind != kind:
            raise NotFound(payment=public("pay", payment_id), kind=kind)
        if payment.state != "wanted":
            raise PaymentSettled(payment=public("pay", payment_id), state=payment.state)
        return payment


async def books_of(tx: Tx, orders: Iterable[int], reads: Reads = READS) -> dict[int, Books]:
    """The orders' cash, under their lock."""
    books, _ = await books_and(tx, orders, reads=reads)
    return books


async def books_and(
    tx: Tx, orders: Iterable[int], *beside: str, reads: Reads = READS
) -> tuple[dict[int, Books], list[Rows]]:
    """With what else is asked of the merchants ($1) and the orders ($2)."""
    found, (rows, *rest) = await locked_and(tx, orders, PAYMENTS, *beside, reads=reads)
    payments: dict[int, list[Payment]] = {}
    for row in rows:
        payments.setdefault(row[1], []).append(Payment._make(row))
    return {order: Books(facts, tuple(payments.get(order, ()))) for order, facts in found.items()}, rest


async def books_of_payments(
    tx: Tx, payments: Iterable[str], reads: Reads = READS
) -> tuple[dict[int, Books], dict[int, int]]:
    """The books of these payments' orders, and which payment is of which order."""
    wanted = [number("pay", payment) for payment in payments if payment]
    if not wanted:
        return {}, {}
    order_of = {row["payment_id"]: row["order_id"] for row in await tx.rows(ORDERS_OF, list(tx.merchants), wanted)}
    return await books_of(tx, order_of.values(), reads), order_of


async def ids_of_payments(tx: Tx, books: Mapping[int, Books]) -> Iterator[int]:
    """Enough to ask for something of every payment there is, and for one more of each order."""
    return await tx.fresh_ids(sum(1 + len(found.payments) for found in books.values()))


def of_order(books: Mapping[int, Books], ask: Ask[Any]) -> Books:
    """The books of the order that is asked about; refuses NotFound."""
    found = books.get(number("ord", ask.body.order))
    if found is None or found.order.merchant != ask.merchant:
        raise NotFound(order=ask.body.order)
    return found


def of_payment(books: Mapping[int, Books], order_of: Mapping[int, int], ask: Ask[Any]) -> tuple[Books, int]:
    """The books behind the payment that is asked about, and its number; refuses NotFound."""
    payment_id = number("pay", ask.body.payment)
    found = books.get(order_of.get(payment_id, 0))
    if found is None or found.order.merchant != ask.merchant:
        raise NotFound(payment=ask.body.payment)
    return found, payment_id


def new_payment(
    payment_id: int, order: OrderFacts, kind: str, state: str, amount_minor: int, at: datetime, **more: Any
) -> Insert:
    values = {
        "payment_id": payment_id, "order_id": order.order_id, "kind": kind, "state": state,
        "amount_minor": amount_minor, "currency": order.row["currency"], "provider": "", "provider_ref": "",
        "parent_id": None, "method": "", "asked_at": at, "done_at": at if state == "done" else None,
    }  # fmt: skip
    return Insert("payment", values | more)


def ended(books: Books, authorization_id: int | None, answered: Collection[int]) -> list[Update]:
    """Once nothing of it is held, with what this batch `answered`, an authorization has no time left that matters."""
    drawn = sum(
        p.amount_minor
        for p in books.payments
        if p.parent_id == authorization_id and (p.state == "done" or p.payment_id in answered)
    )
    return [
        Update("payment", {"payment_id": auth.payment_id}, {"expires_at": None})
        for auth in books.payments
        if auth.payment_id == authorization_id and auth.expires_at is not None and drawn >= auth.amount_minor
    ]


def outcome_of(books: Books, **more: Any) -> Outcome:
    order = books.order
    answer = {"order": public("ord", order.order_id)}
    return Outcome(order.merchant, ("order", order.order_id), [], answer=answer | more)
