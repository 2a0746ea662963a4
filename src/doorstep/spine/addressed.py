"""addressed: where an order goes, as one number, by which the check for duplicates finds the buyer's other orders.

The name is not in it: a spouse pays, the doorstep is the same.
"""

from __future__ import annotations

from hashlib import md5
from typing import Any

import msgspec

PARTS = ("line1", "line2", "postcode", "city", "country")


def address_key(address: Any) -> int | None:
    """Of an address with a street, as a struct or a mapping; None of any other. 64 bits, signed."""
    told = msgspec.to_builtins(address) or {}
    if not told.get("line1"):
        return None
    said = "|".join(told.get(part) or "" for part in PARTS).lower()
    return int.from_bytes(md5(said.encode(), usedforsecurity=False).digest()[:8], "big", signed=True)


def addressed(order: dict[str, Any]) -> dict[str, Any]:
    """What is written of an order, the number of its address with it: nobody can forget it."""
    return {**order, "ship_to_key": address_key(order["ship_to"])} if "ship_to" in order else order
