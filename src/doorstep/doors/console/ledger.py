"""ledger: the order's money as an account: what was charged, what was paid, and what was due after each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from doorstep.doors.console import words
from doorstep.doors.reads.order import TimelineEvent

# How moves change what is due; others (held, let go, paid out) change where the money is, not whose it is.
CHARGES = {("world", "owed"): 1, ("owed", "world"): -1}
PAYS = {
    ("world", "earned"): 1, ("held", "earned"): 1, ("world", "collected"): 1, ("earned", "refunded"): -1,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    happened_at: datetime
    title: str
    charged_minor: int
    paid_minor: int
    due_minor: int


def ledger(events: Iterable[TimelineEvent]) -> list[Entry]:
    """Of all events of an order, the oldest first."""
    entries, due = [], 0
    for event in events:
        charged = paid = 0
        for what, *rest in event.moves:
            if what == "cash":
                amount, source, target = rest
                charged += amount * CHARGES.get((source, target), 0)
                paid += amount * PAYS.get((source, target), 0)
        if charged or paid:
            due += charged - paid
            entries.append(Entry(event.happened_at, words.happened(event.verb, event.data), charged, paid, due))
    return entries
