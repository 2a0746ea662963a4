"""money: what a channel says was paid, against what the books know: the difference is written down, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from doorstep.journey.intake.new_order import Tender
from doorstep.spine.outcome import Cash, Insert, Move
from doorstep.spine.tenant import Tx

CHANNEL = "channel"
# What a tender is once it is in the books.
KINDS = {"payment": "paid", "capture": "paid", "authorization": "authorized"}

PAYMENTS = """
select order_id, payment_id, kind, amount_minor, provider, parent_id, method, provider_ref from payment
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
    told: Counter[tuple[str, str, str, int]] = field(default_factory=Counter)  # its tenders before, one by one

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
        if payment["kind"] in KINDS and payment["provider"] == CHANNEL:
            tender = (KINDS[payment["kind"]], payment["method"], payment["provider_ref"], payment["amount_minor"])
            money.told[tender] += 1
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
    missing = said_to_be("paid", tenders) - money.came_in
    paid = [tender for tender in tenders if tender.kind == "paid"]
    moves, rows = _captured(money, missing, paid, ids, at, at)
    missing -= sum(move.amount_minor for move in moves if isinstance(move, Cash))
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


def take_in_each(
    money: Money, tenders: Sequence[Tender], ids: Iterator[int], *, at: datetime, placed_at: datetime
) -> tuple[dict[datetime, list[Move]], list[Insert]]:
    """As `take_in`, of an order that happened elsewhere: each tender is a payment of its own, at its own time.

    Those that were told before are not written again; a later sum that says more brings what is missing of it.
    """
    moves: dict[datetime, list[Move]] = {}
    new = _new_tenders(money, tenders)
    paid = [tender for tender in tenders if tender.kind == "paid"]
    missing = said_to_be("paid", tenders) - money.came_in
    authorized = said_to_be("authorized", tenders) - money.held - (0 if paid else money.came_in)
    captured_at = next((tender.paid_at for tender in reversed(paid) if tender.paid_at), placed_at)
    captures, rows = _captured(money, missing, paid, ids, at, captured_at)
    if captures:
        moves[captured_at] = captures
    left = {"paid": missing - sum(move.amount_minor for move in captures if isinstance(move, Cash)),
            "authorized": authorized}  # fmt: skip
    for tender in new:
        amount = min(tender.amount_minor, max(0, left[tender.kind]))
        if amount or not tender.amount_minor:
            left[tender.kind] -= amount
            when = tender.paid_at or placed_at
            kind, account = ("payment", "earned") if tender.kind == "paid" else ("authorization", "held")
            rows.append(_payment(money, next(ids), kind, amount, at, tender, done_at=when))
            if amount:
                moves.setdefault(when, []).append(Cash(amount, "world", account))
                setattr(money, account, getattr(money, account) + amount)
    return moves, rows


def _new_tenders(money: Money, tenders: Sequence[Tender]) -> list[Tender]:
    """Without those that the books have as they are told."""
    known, new = Counter(money.told), []
    for tender in tenders:
        words = (tender.kind, tender.method, tender.reference, tender.amount_minor)
        if known[words]:
            known[words] -= 1
        else:
            new.append(tender)
    return new


def _captured(
    money: Money, missing: int, paid: Sequence[Tender], ids: Iterator[int], at: datetime, done_at: datetime
) -> Written:
    """What the channel held before and has taken now."""
    moves: list[Move] = []
    rows: list[Insert] = []
    for part in money.authorizations:
        captured = min(part.left, missing, money.held)
        if captured > 0:
            moves.append(Cash(captured, "held", "earned"))
            row = _payment(
                money, next(ids), "capture", captured, at, paid[-1], parent_id=part.payment_id, done_at=done_at
            )
            rows.append(row)
            part.left -= captured
            money.held -= captured
            money.earned += captured
            missing -= captured
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
    money: Money, payment_id: int, kind: str, amount: int, at: datetime, tender: Tender, *,
    parent_id: int | None = None, done_at: datetime | None = None,
) -> Insert:  # fmt: skip
    values = {
        "payment_id": payment_id, "order_id": money.order_id, "kind": kind, "state": "done", "amount_minor": amount,
        "currency": money.currency, "provider": CHANNEL, "provider_ref": tender.reference, "parent_id": parent_id,
        "method": tender.method, "asked_at": at, "done_at": tender.paid_at or done_at or at,
    }  # fmt: skip
    if kind in ("payment", "capture"):
        money.received.append(Part(payment_id, amount))
    return Insert("payment", values)
