"""columns: what the order list can show of an order, and which of it is shown."""

from __future__ import annotations

from doorstep.doors.console.speaking import Told

# In the order they stand in; the order's number is always first.
COLUMNS = Told({
    "merchant": "Merchant",
    "buyer": "Buyer",
    "email": "E-mail",
    "items": "Items",
    "units": "Units",
    "where": "Where it is",
    "delivery": "Delivery",
    "payment": "Payment",
    "money": "Money",
    "country": "Country",
    "channel": "Channel",
    "method": "Shipping method",
    "external": "Channel's id",
    "ship_by": "Ship by",
    "placed": "Placed",
})  # fmt: skip
USUAL = ("buyer", "items", "where", "money", "placed")
# What does not say by itself what it is, where a phone shows a row as a card.
NAMED = frozenset({"units", "channel", "method", "external", "ship_by"})
NUMBERS = frozenset({"units", "money", "ship_by", "placed"})


def columns_of(word: str) -> tuple[str, ...]:
    """`buyer.items.money` as columns, those that there are; the usual ones for no word at all."""
    asked = word.split(".")
    return tuple(name for name in COLUMNS if name in asked) or USUAL
