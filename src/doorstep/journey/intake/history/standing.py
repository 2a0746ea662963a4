"""standing: one historic order as the books have it; the rules move it as they go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from doorstep.journey.intake.history.contradictions import Contradicted
from doorstep.journey.intake.money import Money
from doorstep.journey.intake.shelf import Shelf
from doorstep.setup.places import HISTORY, Goods
from doorstep.spine.amounts import worth_of_last_units
from doorstep.spine.facts import OrderFacts
from doorstep.spine.outcome import Stock

VERB = "import_history"
# Where an order keeps how much of its refunds was taken from what is owed and billed.
REFUND_TAKEN = "refund_taken_minor"


class Unit(msgspec.Struct, gc=False):
    """A line as the books have it; `sku_id` None: the item is not known."""

    line_no: int
    sku_id: int | None
    code: str
    title: str
    external_id: str
    ships: bool
    unit_price: Decimal
    discount_minor: int
    tax_minor: int
    total_minor: int
    worth_minor: int
    ordered: int
    wanted: int = 0
    shipped: int = 0
    delivered: int = 0
    taken_back: int = 0
    lost: int = 0
    canceled: int = 0

    @property
    def gone(self) -> int:
        return self.shipped + self.delivered + self.taken_back + self.lost

    def move(self, units: int, source: str, target: str) -> None:
        setattr(self, source, getattr(self, source) - units)
        setattr(self, target, getattr(self, target) + units)


UNIT = Unit.__struct_fields__
# What of a line is said once, in the order of a unit's fields.
_SAID = itemgetter(*UNIT[: UNIT.index("ordered")])


def new_unit(row: Mapping[str, Any], ordered: int) -> Unit:
    """Of a line as a row of the books: what ships is wanted, what does not ship came with the order."""
    said = (*_SAID(row), ordered)
    unit = Unit(*said)
    if unit.ships:
        unit.wanted = ordered
    else:
        unit.delivered = ordered
    return unit


@dataclass(slots=True)
class KeptParcel:
    """Somebody else's parcel as it is written down; `inside`: units by line."""

    parcel_id: int
    reference: str
    site_id: int
    site: str
    state: str
    carrier: str
    tracking_number: str
    handed_over_at: datetime | None
    delivered_at: datetime | None
    inside: dict[int, int] = field(default_factory=dict)

    @property
    def filled(self) -> set[int]:
        """Its lines with something in it."""
        return {line_no for line_no, units in self.inside.items() if units}


@dataclass(frozen=True, slots=True)
class KeptPart:
    """What one site had to get ready: a fulfillment order that is history."""

    fulfillment_order_id: int
    deliver_by: date | None
    released_at: datetime | None


Left = dict[tuple[int, int, datetime], int]  # units by SKU and site, and when they left


@dataclass(slots=True)
class Shipped:
    """Where goods of history left from: sites by code, what stands there, and what left for this order, when."""

    merchant: int
    sites: Mapping[str, int]
    shelf: Shelf
    left: Left

    def leave(self, unit: Unit, units: int, site: str, when: datetime, opened: list[Stock]) -> Stock | None:
        """They stood there: what is not known to is opened. None when nobody knows which goods, or where."""
        site_id = self.sites.get(site)
        if site_id is None or unit.sku_id is None:
            return None
        missing = self.shelf.move(Goods(self.merchant, unit.sku_id, site_id), -units)
        if missing:
            opened.append(Stock(unit.sku_id, site_id, missing, "world", "", "free", HISTORY))
        left = (unit.sku_id, site_id, when)
        self.left[left] = self.left.get(left, 0) + units
        return Stock(unit.sku_id, site_id, units, "free", HISTORY, "world", "")

    def come_back(self, unit: Unit, units: int, site: str = "", when: datetime | None = None) -> dict[datetime, Stock]:
        """As many as had left in our books, by the time when they did: at that site and time first, else the latest."""
        moves: dict[datetime, Stock] = {}
        mine = [left for left in self.left if left[0] == unit.sku_id]
        own, sites = self.sites.get(site), list(dict.fromkeys(site_id for _, site_id, _ in mine))

        def rank(left: tuple[int, int, datetime]) -> tuple[bool, int, bool, datetime]:
            _, site_id, at = left
            return site_id == own, -sites.index(site_id), at == when, at

        for left in sorted(mine, key=rank, reverse=True):
            back = min(units, self.left[left])
            if back > 0:
                sku, site_id, left_at = left
                self.left[left] -= back
                self.shelf.move(Goods(self.merchant, sku, site_id), back)
                moves[left_at] = Stock(sku, site_id, back, "world", "", "free", HISTORY)
                units -= back
        return moves


class Bill(NamedTuple):
    """What the papers of an order say. `elsewhere`: it was billed there, all of it."""

    elsewhere: bool
    tax_minor: int


NO_BILL = Bill(elsewhere=False, tax_minor=0)


@dataclass(slots=True)
class Standing:
    """`told`: the lines in the order in which they are told; None is one that could not be taken over."""

    lines: list[Unit]
    told: list[Unit | None]
    money: Money
    goods: Shipped
    total_minor: int
    shipping_worth_minor: int
    tax_minor: int
    tax_included: bool
    shipping_minor: int = 0
    fees: Sequence[dict[str, Any]] = ()
    invoiced: int = 0
    credited: int = 0
    cancellations: int = 0
    bill: Bill = NO_BILL
    refund_taken: int = 0  # of what was told to be refunded, as much as was taken from what is owed and billed
    parcels: list[KeptParcel] = field(default_factory=list)
    parts: dict[int, KeptPart] = field(default_factory=dict)  # by site
    contradictions: list[Contradicted] = field(default_factory=list)

    def contradicts(self, kind: str, reason: str, **why: Any) -> None:
        self.contradictions.append(Contradicted(kind, reason, why))

    @property
    def has_left(self) -> bool:
        return any(unit.gone for unit in self.lines if unit.ships)

    @property
    def billed(self) -> int:
        """What is billed and not credited."""
        return self.invoiced - self.credited

    @property
    def credited_of_it(self) -> int:
        """Of what the order costs now; what was credited because it cost more before is no part of that."""
        return min(self.credited, max(0, self.total_minor - self.billed)) if self.invoiced else 0

    def not_owed(self) -> int:
        """What was canceled: with the last unit that was to be sent goes the shipping, with the whole order all."""
        if not any(unit.ordered - unit.canceled for unit in self.lines):
            return self.total_minor if self.cancellations or any(unit.canceled for unit in self.lines) else 0
        canceled = [unit for unit in self.lines if unit.canceled]
        less = sum(worth_of_last_units(unit.worth_minor, unit.ordered, 0, unit.canceled) for unit in canceled)
        if canceled and not any(unit.ordered - unit.canceled for unit in self.lines if unit.ships):
            less += self.shipping_worth_minor
        return less


def standing_of(order: OrderFacts, money: Money, goods: Shipped) -> Standing:
    row = order.row
    details = row["details"] or {}
    lines = [Unit(**{name: getattr(line, name) for name in UNIT}) for line in order.lines]
    return Standing(
        lines=lines,
        told=[*lines],
        money=money,
        goods=goods,
        total_minor=row["total_minor"],
        shipping_worth_minor=int(details.get("shipping_worth_minor", 0)),
        tax_minor=row["tax_minor"],
        tax_included=row["tax_included"],
        shipping_minor=row["shipping_minor"],
        fees=details.get("fees", ()),
        invoiced=row["invoiced"],
        credited=row["credited"],
        cancellations=row["cancellations"],
        refund_taken=int(details.get(REFUND_TAKEN, row["refunded"])),
    )
