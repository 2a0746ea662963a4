"""contradictions: what of all that is told of an order cannot be true together: each kind, with its figures.

A rule: nothing is mended by it, and nobody is believed. Somebody is to look.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from doorstep.journey.intake.content import Happened
from doorstep.journey.intake.new_order import NewOrder
from doorstep.kit.money import to_decimal

# Payments may miss the total by so much: a cent that was lost where a discount or a tax was split over the lines, and
# one where the payment was split over several.
TOLERANCE_MINOR = 2


class Contradicted(NamedTuple):
    """A kind of exception, the sentence, and the values it is about."""

    kind: str
    reason: str
    why: dict[str, Any]


def find(
    new: NewOrder, there: Happened, *, total_minor: int, placed_at: datetime, has_left: bool
) -> Iterator[Contradicted]:
    """`total_minor`: what the lines add up to; `has_left`: goods of it are known to have left."""
    yield from _amounts(new, there, total_minor)
    yield from _times(there, placed_at)
    yield from _canceled(there, has_left)
    for told in there.contradictions:
        yield Contradicted(told.kind, told.reason, {})


def _amounts(new: NewOrder, there: Happened, total_minor: int) -> Iterator[Contradicted]:
    def spelled(minor: int) -> str:
        return f"{to_decimal(minor, new.currency)} {new.currency}"

    if new.total_minor is not None and new.total_minor != total_minor:
        yield Contradicted(
            "total_mismatch",
            f"the total is said to be {spelled(new.total_minor)}, and its parts add up to {spelled(total_minor)}",
            {"told_minor": new.total_minor, "adds_up_to_minor": total_minor},
        )
    if not there.payments_told:
        return
    paid = sum(tender.amount_minor for tender in new.tenders if tender.kind == "paid")
    why = {"total_minor": total_minor, "paid_minor": paid, "payments": len(new.tenders)}
    if new.lines and abs(total_minor - paid) > TOLERANCE_MINOR:
        yield Contradicted(
            "payment_mismatch", f"it costs {spelled(total_minor)}, and {spelled(paid)} was paid for it", why
        )
    if not new.lines and paid > 0:
        yield Contradicted("paid_no_items", f"{spelled(paid)} was paid, and it has no items", why)


def _times(there: Happened, placed_at: datetime) -> Iterator[Contradicted]:
    approved, sent, arrived = there.approved_at, there.fulfilled_at, there.delivered_at
    if approved and sent and sent < approved:
        yield Contradicted(
            "handed_over_before_approval",
            f"it was handed over on {_spelled(sent)} and approved on {_spelled(approved)}",
            {"handed_over_at": sent.isoformat(), "approved_at": approved.isoformat()},
        )
    if sent and arrived and arrived < sent:
        yield Contradicted(
            "delivered_before_carrier",
            f"it was delivered on {_spelled(arrived)} and handed over on {_spelled(sent)}",
            {"delivered_at": arrived.isoformat(), "handed_over_at": sent.isoformat()},
        )
    if there.times_told and there.delivered and arrived is None:
        yield Contradicted("delivered_no_date", "it is said to be delivered, without a time", {})
    told = {"fulfilled": sent, "delivered": arrived, "canceled": there.canceled_at}
    before = {what: at for what, at in told.items() if at is not None and at < placed_at}
    if before:
        named = " and ".join(f"{what} on {_spelled(at)}" for what, at in before.items())
        yield Contradicted(
            "happened_before_placed",
            f"it was {named}, and placed on {_spelled(placed_at)}",
            {"placed_at": placed_at.isoformat(), **{f"{what}_at": at.isoformat() for what, at in before.items()}},
        )


def _canceled(there: Happened, has_left: bool) -> Iterator[Contradicted]:
    """A parcel under way may be canceled: it is to come back. One that arrived, or goods that nobody follows, not."""
    if not there.canceled and there.canceled_at is None:
        return
    why = {"canceled_at": there.canceled_at.isoformat()} if there.canceled_at else {}
    if there.delivered_at:
        reason = f"it is canceled, and was delivered on {_spelled(there.delivered_at)}"
        why["delivered_at"] = there.delivered_at.isoformat()
        yield Contradicted("canceled_but_delivered", reason, why)
    elif has_left and not there.parcels and not there.came_back:
        yield Contradicted("canceled_but_fulfilled", "it is canceled, though it was fulfilled", why)


def _spelled(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
