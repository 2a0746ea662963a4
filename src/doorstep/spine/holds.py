"""holds: a row that says who stopped what, and why; several may be open; ended by `lift`, never deleted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from doorstep.spine.facts import Hold
from doorstep.spine.outcome import Insert, Outcome, Update

TYPES: dict[str, str] = {
    "payment": "money is missing: record a payment, or let the buyer pay",
    "fraud": "somebody should look at it",
    "address": "mend the address",
    "duplicate": "is it the same order twice? cancel one, or lift",
    "customs_data": "complete the customs data; it goes on by itself",
    "restricted": "the goods may not go there: cancel the line, or lift where it is known to be allowed",
    "denied_party": "say whether it is the same: a match, or no match",
    "unknown_item": "say which SKU it is",
    "amounts": "the total that the channel gave does not add up",
    "changed": "the channel changed the order after work began",
    "stock": "wait for stock",
    "merchant": "the merchant stopped it",
    "operator": "the operator stopped it",
    "scheduled": "starts by itself at its time",
    "awaiting_return": "waits for goods that come back",
    "dispute": "the buyer disputes the payment",
}


def place_hold(
    outcome: Outcome, ids: Iterator[int], *, type: str, reason: str, by: str, at: datetime,
    line_no: int | None = None, until: datetime | None = None, why: dict[str, Any] | None = None,
) -> int:  # fmt: skip
    """Add an open hold to the outcome of its order; returns its id."""
    if type not in TYPES:
        raise ValueError(f"{type} is not a type of hold")
    hold_id = next(ids)
    values = {
        "hold_id": hold_id, "order_id": outcome.order, "line_no": line_no, "type": type, "reason": reason,
        "why": why or {}, "placed_by": by, "placed_at": at, "until": until,
    }  # fmt: skip
    outcome.facts.append(Insert("hold", values))
    outcome.count("holds_open")
    return hold_id


def lift_hold(outcome: Outcome, hold: Hold, *, by: str, at: datetime) -> None:
    """End the open hold in the outcome of its order."""
    outcome.facts.append(Update("hold", {"hold_id": hold.hold_id}, {"lifted_by": by, "lifted_at": at}))
    outcome.count("holds_open", -1)
