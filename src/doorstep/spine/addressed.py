"""addressed: where an order goes, as one number, by which the check for duplicates finds the buyer's other orders.

The name is not in it: a spouse pays, the doorstep is the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from hashlib import md5
from operator import attrgetter, itemgetter
from typing import Any

_PARTS = itemgetter("line1", "line2", "postcode", "city", "country")
_OF_A_STRUCT = attrgetter("line1", "line2", "postcode", "city", "country")


def address_key(address: Any) -> int | None:
    """Of an address with a street, as a struct or a mapping; None of any other. 64 bits, signed."""
    if address is None:
        return None
    said = _PARTS(defaultdict(str, address)) if isinstance(address, Mapping) else _OF_A_STRUCT(address)
    if not said[0]:
        return None
    told = "|".join([part or "" for part in said]).lower().encode()
    return int.from_bytes(md5(told, usedforsecurity=False).digest()[:8], "big", signed=True)


def addressed(order: dict[str, Any]) -> dict[str, Any]:
    """What is written of an order, the number of its address with it: nobody can forget it."""
    return {**order, "ship_to_key": address_key(order["ship_to"])} if "ship_to" in order else order
