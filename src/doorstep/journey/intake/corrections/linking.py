"""linking: which sales a credit is about: of the same buyer and SKU, not later; the same price first, then the newest.

A credited line may spread over several sales, and never takes more than what is left of them: units that are with the
buyer, or on their way there. What finds no sale stays unlinked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from doorstep.spine.amounts import worth_of_units

# Where units of a sale can be credited from: what has arrived comes back sooner than what is on its way.
STAGES = ("delivered", "shipped")


@dataclass(slots=True)
class Sale:
    """A line of an order; `left` are the units per stage that nobody credited yet."""

    order_id: int
    line_no: int
    placed_at: datetime
    unit_price: Decimal
    left: dict[str, int]


@dataclass(frozen=True, slots=True)
class Credited:
    """A line of a credit: so many units of a SKU for so much; `linked` of them have their sales already."""

    line_no: int
    sku_id: int
    quantity: int
    unit_price: Decimal
    amount_minor: int
    linked: int = 0


class Ends(NamedTuple):
    """What a link ties: a line of a credit, and a line of a sale with the stage that its units were in."""

    line_no: int
    order_id: int
    order_line_no: int
    stage: str


class Link(NamedTuple):
    """`less_minor`: so much less is owed for the sale."""

    quantity: int
    less_minor: int
    price_differs: bool


Links = Mapping[Ends, Link]


@dataclass(slots=True)
class Sales:
    """What can be credited to one buyer, and what a batch has left of it; a SKU's sales stand newest first."""

    by_sku: dict[int, list[Sale]] = field(default_factory=dict)

    def add(self, sku_id: int, sale: Sale) -> None:
        self.by_sku.setdefault(sku_id, []).append(sale)

    def of(self, sku_id: int, not_later_than: datetime) -> list[Sale]:
        return [sale for sale in self.by_sku.get(sku_id, ()) if sale.placed_at <= not_later_than]


Owed = dict[int, int]


def link(credited: Iterable[Credited], sales: Sales, owed: Owed, at: datetime) -> dict[Ends, Link]:
    """Link the lines of one credit, the sales of their very prices first; takes it off `sales` and `owed`.

    The lines come in an order of their own, so that the same correction told in another order is linked alike.
    """
    lines = sorted(credited, key=lambda one: (one.sku_id, one.unit_price, one.quantity, one.amount_minor, one.line_no))
    found: dict[Ends, Link] = {}
    linked = {line.line_no: line.linked for line in lines}
    for is_same_price in (True, False):
        for line in lines:
            for sale in sales.of(line.sku_id, at):
                if (sale.unit_price == line.unit_price) is is_same_price:
                    _take(line, sale, linked, owed, found)
    return found


def _take(line: Credited, sale: Sale, linked: dict[int, int], owed: Owed, found: dict[Ends, Link]) -> None:
    for stage in STAGES:
        before = linked[line.line_no]
        units = min(sale.left.get(stage, 0), line.quantity - before)
        if units > 0:
            worth = worth_of_units(line.amount_minor, line.quantity, before, units)
            less = min(worth, owed[sale.order_id])
            sale.left[stage] -= units
            owed[sale.order_id] -= less
            linked[line.line_no] += units
            ends = Ends(line.line_no, sale.order_id, sale.line_no, stage)
            found[ends] = Link(units, less, sale.unit_price != line.unit_price)


def release(links: Links, every_sale: Mapping[tuple[int, int], Sale], owed: Owed) -> None:
    """These links are no more: what they took is left again of the sales that are known."""
    for ends, gone in links.items():
        sale = every_sale.get((ends.order_id, ends.order_line_no))
        if sale is not None:
            sale.left[ends.stage] = sale.left.get(ends.stage, 0) + gone.quantity
        if ends.order_id in owed:
            owed[ends.order_id] += gone.less_minor


def together(links: Links, more: Links) -> dict[Ends, Link]:
    """Both, added up where they tie the same ends."""
    added = dict(links)
    for ends, new in more.items():
        old = added.get(ends, Link(0, 0, new.price_differs))
        added[ends] = Link(old.quantity + new.quantity, old.less_minor + new.less_minor, new.price_differs)
    return added


def units_linked(links: Links) -> dict[int, int]:
    """Per line of the credit."""
    units: dict[int, int] = {}
    for ends, tied in links.items():
        units[ends.line_no] = units.get(ends.line_no, 0) + tied.quantity
    return units


def lines_linked(links: Links) -> int:
    return len({ends.line_no for ends in links})
