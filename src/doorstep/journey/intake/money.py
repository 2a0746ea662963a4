"""money: what a channel says was paid, against what the books know: the difference is written down, once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from doorstep.journey.intake.new_order import Tender
from doorstep.spine.outcome import Cash, Insert, Move
from doorstep.spine.tenant import Tx

CHANNEL = "channel"

PAYMENTS = """
select order_id, payment_id, kind, amount_minor, provider, parent_id from payment
  where merchant_id = any($1) and order_id = any($2) and state = 'done' order by payment_id
"""


@dataclass(slots=True)
class Part:
    """A payment, with what of it is left to draw on."""

    payment_id: int
    left: int


@dataclass(slots=True)
class Money:
    """The cash of one order, moved as the rule goes; `authorizations` are those the channel told of."""

    order_id: int
    currency: str
    owed: int = 0
    held: int = 0
    collected: int = 0
    earned: int = 0
    refunded: int = 0
    authorizations: list[Part] = field(default_factory=list)
    received: list[Part] = field(default_factory=list)
    told_paid: int = 0  # what the channel said before was paid

    @property
    def came_in(self) -> int:
        """All that ever came, given back or not."""
        return self.earned + self.refunded + self.collected


Written = tuple[list[Move], list[Insert]]


async def payments_of(tx: Tx, orders: Iterable[int]) -> dict[int, list[Mapping[str, Any]]]:
    """What was done of each order's payments."""
    wanted = list(orders)
    found: dict[int, list[Mapping[str, Any]]] = {order: [] for order in wanted}
    for row in await tx.rows(PAYMENTS, list(tx.merchants), wanted) if wanted else ():
        found[row["order_id"]].append(dict(row))
    return found


def money_of(row: Mapping[str, Any], payments: Sequence[Mapping[str, Any]]) -> Money:
    money = Money(
        row["order_id"], row["currency"], row["owed"], row["held"], row["collected"], row["earned"], row["refunded"]
    )
    for payment in payments:
        if (payment["kind"], payment["provider"]) == ("payment", CHANNEL):
            money.told_paid += payment["amount_minor"]
        drawn = sum(other["amount_minor"] for other in payments if other["parent_id"] == payment["payment_id"])
        part = Part(payment["payment_id"], payment["amount_minor"] - drawn)
        if part.left <= 0:
            continue
        if payment["kind"] == "authorization" and payment["provider"] == CHANNEL:
            money.authorizations.append(part)
        elif payment["kind"] in ("payment", "capture"):
            money.received.append(part)
    return money


def said_to_be(kind: str, tenders: Iterable[Tender]) -> int:
    return sum(tender.amount_minor for tender in tenders if tender.kind == kind)


def take_in(money: Money, tenders: Sequence[Tender], ids: Iterator[int], at: datetime) -> Written:
    """The moves and payments that are missing until the books say what the channel says was paid or authorized."""
    moves: list[Move] = []
    rows: list[Insert] = []
    missing = said_to_be("paid", tenders) - money.came_in
    paid = [tender for tender in tenders if tender.kind == "paid"]
    for part in money.authorizations:
        captured = min(part.left, missing, money.held)
        if captured > 0:
            moves.append(Cash(captured, "held", "earned"))
            rows.append(_payment(money, next(ids), "capture", captured, at, paid[-1], parent_id=part.payment_id))
            part.left -= captured
            money.held -= captured
            money.earned += captured
            missing -= captured
    if missing > 0:
        moves.append(Cash(missing, "world", "earned"))
        rows.append(_payment(money, next(ids), "payment", missing, at, paid[-1]))
        money.earned += missing
    authorized = [tender for tender in tenders if tender.kind == "authorized"]
    more = said_to_be("authorized", tenders) - money.held - (0 if paid else money.came_in)
    if more > 0:
        moves.append(Cash(more, "world", "held"))
        rows.append(_payment(money, next(ids), "authorization", more, at, authorized[-1]))
        money.held += more
    return moves, rows


def give_back(money: Money, amount: int, ids: Iterator[int], at: datetime, done_at: datetime) -> Written:
    """The moves and payments of money that went back elsewhere; never more than came in."""
    moves: list[Move] = []
    rows: list[Insert] = []
    for part in reversed(money.received):
        units = min(part.left, amount)
        if units > 0:
            moves.append(Cash(units, "earned", "refunded"))
            values = {
                "payment_id": next(ids), "order_id": money.order_id, "kind": "refund", "state": "done",
                "amount_minor": units, "currency": money.currency, "provider": CHANNEL, "provider_ref": "",
                "parent_id": part.payment_id, "method": "", "asked_at": at, "done_at": done_at,
            }  # fmt: skip
            rows.append(Insert("payment", values))
            part.left -= units
            amount -= units
            money.earned -= units
            money.refunded += units
    return moves, rows


def _payment(
    money: Money, payment_id: int, kind: str, amount: int, at: datetime, tender: Tender, parent_id: int | None = None
) -> Insert:
    values = {
        "payment_id": payment_id, "order_id": money.order_id, "kind": kind, "state": "done", "amount_minor": amount,
        "currency": money.currency, "provider": CHANNEL, "provider_ref": tender.reference, "parent_id": parent_id,
        "method": tender.method, "asked_at": at, "done_at": tender.paid_at or at,
    }  # fmt: skip
    if kind in ("payment", "capture"):
        money.received.append(Part(payment_id, amount))
    return Insert("payment", values)
