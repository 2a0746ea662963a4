"""An order for rules to look at, without a database."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from doorstep.spine import journey
from doorstep.spine.facts import Allocation, Hold, Line, OrderFacts
from doorstep.spine.outcome import Ask
from doorstep.spine.status import AXES, COUNTERS, status

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # a Monday
MERCHANT, ORDER = 7, 70
HOME = {
    "name": "Ada Byrne", "line1": "12 Grafton Street", "city": "Dublin", "postcode": "D02 XY45", "country": "IE",
    "phone": "+35315550143",
}  # fmt: skip


def a_line(
    line_no: int = 1, *, sku: int | None = 5, ships: bool = True, worth: int | None = None, **units: int
) -> Line:
    """Units by stage: a_line(wanted=2, packed=1)."""
    stages = {stage: units.get(stage, 0) for stage in journey.LINE}
    ordered = sum(stages.values())
    total = worth if worth is not None else 1250 * ordered
    return Line(
        line_no=line_no, sku_id=sku, code=f"SKU-{sku}", title="", ships=ships, unit_price=Decimal("12.50"),
        discount_minor=0, tax_minor=0, total_minor=total, worth_minor=total, ordered=ordered, **stages,
    )  # fmt: skip


def an_order(
    *lines: Line,
    allocations: tuple[Allocation, ...] = (),
    holds: tuple[Hold, ...] = (),
    order_id: int = ORDER,
    **row: Any,
) -> OrderFacts:
    """Its counters are its lines added up; what is owed are the lines' worths and whatever `row` adds."""
    counters: dict[str, int] = dict.fromkeys(COUNTERS, 0)
    for line in lines:
        for stage in ("ordered", *journey.LINE):
            counters[stage] += getattr(line, stage)
    counters |= {"owed": sum(line.worth_minor for line in lines), "checks": 1, "holds_open": len(holds)}
    facts = {
        "country": "IE", "ship_to": HOME, "buyer": {"name": "Ada Byrne", "email": "ada@example.com"}, "ship": "split",
        "payment_term": "on_account", "payment_token": "", "history": False, "shipping_method": "",
        "service_level": "standard", "channel_id": 3, "insured_minor": 0, "ship_by": None, "expires_at": None,
        "placed_at": NOON, "details": {"shipping_worth_minor": 0}, "currency": "USD", **counters, **row,
    }  # fmt: skip
    whole = facts | {name: status(axis, facts) for name, axis in AXES.items()}
    return OrderFacts(MERCHANT, order_id, whole, lines, allocations, holds)


def an_allocation(
    line_no: int = 1, *, site: int = 1, sku: int = 5, fulfillment_order: int = 9, **units: int
) -> Allocation:
    none = dict.fromkeys(("promised", "picked", "packed", "shipped"), 0)
    return Allocation(
        line_no=line_no, fulfillment_order_id=fulfillment_order, site_id=site, sku_id=sku, lot="",
        **(none | units),
    )  # fmt: skip


def a_hold(
    type: str = "operator", *, line_no: int | None = None, hold_id: int = 1, by: str = "ann", **why: Any
) -> Hold:
    return Hold(hold_id, line_no, type, "because", why, by, NOON, None)


def an_ask(body: Any = None) -> Ask[Any]:
    return Ask(MERCHANT, body, NOON)
