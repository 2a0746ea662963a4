"""content: what a channel says of an order, whole and by part: tells a repeat of it from a change, and what changed."""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from doorstep.journey.intake.new_order import AmountMinor, NewLine, NewOrder, Struct
from doorstep.journey.intake.problems import Stops

Units = Annotated[int, Meta(ge=0, le=1_000_000)]


class Problem(Struct, frozen=True):
    """What is wrong with an order that is taken all the same; `hold` stops it, or its `line`, until somebody looked."""

    reason: str
    field: str = ""
    value: str = ""
    hold: Stops = ""
    line: Annotated[int, Meta(ge=0, le=2000)] = 0


class Happened(Struct, frozen=True, kw_only=True):
    """What the channel says happened to the order there, with the times of that world.

    `fulfilled`: units per line, in the order of the lines; without it `fulfilled_at` means all that ships.
    `came_back`: what was fulfilled is back on the channel's shelf.
    """

    fulfilled_at: datetime | None = None
    fulfilled: Annotated[list[Units], Meta(max_length=2000)] = msgspec.field(default_factory=list)
    delivered_at: datetime | None = None
    canceled_at: datetime | None = None
    came_back: bool = False
    refunded_minor: AmountMinor = 0
    refunded_at: datetime | None = None

    def units(self, line_no: int, line: NewLine) -> int:
        """How many of this line were fulfilled there."""
        if line_no <= len(self.fulfilled):
            return min(self.fulfilled[line_no - 1], line.quantity)
        return line.quantity if self.fulfilled_at and not self.fulfilled and line.ships else 0


NOTHING = Happened()


def content_hash(new: NewOrder) -> bytes:
    """Of an order from the API: what tells a repeat of it from another order."""
    return blake2b(msgspec.json.encode(new), digest_size=16).digest()


def parts_of(new: NewOrder, happened: Happened) -> dict[str, str]:
    """A short hash per part of what a channel or a file says. Its name for the order is not part of it."""
    said = {
        "goods": _goods(new),
        "term": new.payment_term,
        "paying": [new.tenders, new.payment_token],
        "buyer": new.buyer,
        "ship_to": new.ship_to,
        "bill_to": new.bill_to,
        "shipping_method": new.shipping_method,
        "note": new.note,
        "tags": new.tags,
        "named": [new.number, new.placed_at],
        "happened": happened,
    }
    return {name: blake2b(msgspec.json.encode(value), digest_size=6).hexdigest() for name, value in said.items()}


def hash_of_parts(parts: dict[str, str]) -> bytes:
    return blake2b(msgspec.json.encode(sorted(parts.items())), digest_size=16).digest()


def _goods(new: NewOrder) -> list[Any]:
    """12.5 and 12.50 are one price."""
    lines = [
        (line.sku, line.title, line.quantity, f"{line.unit_price.normalize():f}", line.discount_minor, line.tax_minor)
        for line in new.lines
    ]
    beside = (new.discount_minor, new.shipping_minor, new.tax_minor, new.tax_included, new.fees, new.total_minor)
    return [new.currency, lines, *beside]
