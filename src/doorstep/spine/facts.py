"""facts: an order as the rules see it, read under its lock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from doorstep.kit.ids import public
from doorstep.kit.refusals import NotFound, OnHold
from doorstep.spine.journey import ROWS
from doorstep.spine.status import AXES, COUNTERS
from doorstep.spine.tenant import Tx

# The order's row is its lock: every verb that changes an order takes it first, in id order.
LOCK_ORDERS = """
select n.merchant_id, n.order_id from order_now n
  where n.merchant_id = any($1) and n.order_id = any($2) order by n.merchant_id, n.order_id for update
"""
ORDERS = f"""
select o.merchant_id, o.order_id, o.channel_id, o.external_id, o.number, o.placed_at, o.currency, o.buyer, o.ship_to,
    o.bill_to, o.country, o.email, o.lines_minor, o.discount_minor, o.shipping_minor, o.fees_minor, o.tax_minor,
    o.tax_included, o.total_minor, o.payment_term, o.payment_token, o.shipping_method, o.service_level, o.ship,
    o.insured_minor, o.history, o.content_hash, o.note, o.tags, o.details,
    {", ".join(f"n.{name}" for name in (*COUNTERS, *AXES))}
  from orders o join order_now n on n.merchant_id = o.merchant_id and n.order_id = o.order_id
  where o.merchant_id = any($1) and o.order_id = any($2)
"""
LINES = """
select l.merchant_id, l.order_id, l.line_no, l.sku_id, l.code, l.title, l.ships, l.unit_price, l.discount_minor,
    l.tax_minor, l.total_minor, l.worth_minor, l.ordered, l.wanted, l.promised, l.picked, l.packed, l.shipped,
    l.delivered, l.taken_back, l.lost, l.canceled, l.external_id
  from order_line l where l.merchant_id = any($1) and l.order_id = any($2) order by l.order_id, l.line_no
"""
ALLOCATIONS = """
select a.merchant_id, a.order_id, a.line_no, a.fulfillment_order_id, a.site_id, a.sku_id, a.lot, a.promised, a.picked,
    a.packed, a.shipped, f.expires_at
  from allocation a
  join fulfillment_order f on f.merchant_id = a.merchant_id and f.fulfillment_order_id = a.fulfillment_order_id
  where a.merchant_id = any($1) and a.order_id = any($2)
  order by a.order_id, a.fulfillment_order_id, a.line_no
"""
OPEN_HOLDS = """
select h.merchant_id, h.order_id, h.hold_id, h.line_no, h.type, h.reason, h.why, h.placed_by, h.placed_at, h.until
  from hold h where h.merchant_id = any($1) and h.order_id = any($2) and h.lifted_at is null order by h.hold_id
"""


T = TypeVar("T")


# Fields stand in the order of the columns above.


@dataclass(frozen=True, slots=True)
class Line:
    line_no: int
    sku_id: int | None
    code: str
    title: str
    ships: bool
    unit_price: Any
    discount_minor: int
    tax_minor: int
    total_minor: int
    worth_minor: int
    ordered: int
    wanted: int
    promised: int
    picked: int
    packed: int
    shipped: int
    delivered: int
    taken_back: int
    lost: int
    canceled: int
    external_id: str = ""

    @property
    def open(self) -> int:
        """Units still to leave the site."""
        return self.wanted + self.promised + self.picked + self.packed


@dataclass(frozen=True, slots=True)
class Allocation:
    line_no: int
    fulfillment_order_id: int
    site_id: int
    sku_id: int
    lot: str
    promised: int
    picked: int
    packed: int
    shipped: int
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Hold:
    hold_id: int
    line_no: int | None
    type: str
    reason: str
    why: dict[str, Any]
    placed_by: str
    placed_at: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """One order: its row (`row["currency"]` …, counters and statuses included), lines, allocations, open holds."""

    merchant: int
    order_id: int
    row: Mapping[str, Any]
    lines: tuple[Line, ...]
    allocations: tuple[Allocation, ...] = ()
    holds: tuple[Hold, ...] = field(default=())

    def line(self, line_no: int) -> Line:
        for line in self.lines:
            if line.line_no == line_no:
                return line
        raise NotFound(line=line_no, order=public("ord", self.order_id))

    def stopped(self, verb: str, line_no: int | None = None) -> OnHold | None:
        """The refusal when an open hold covers this: the order's holds cover every line."""
        if not ROWS[verb].held:
            return None
        for hold in self.holds:
            if hold.line_no is None or hold.line_no == line_no:
                return OnHold(
                    order=public("ord", self.order_id),
                    hold=public("hld", hold.hold_id),
                    type=hold.type,
                    reason=hold.reason,
                )
        return None


async def order_facts(
    tx: Tx, orders: Iterable[int], *, lock: bool = True, allocations: bool = True
) -> dict[int, OrderFacts]:
    """The orders by id, locked in id order unless told otherwise; what is not there (for these merchants) is absent."""
    wanted = sorted(set(orders))
    if not wanted:
        return {}
    at = (list(tx.merchants), wanted)
    if lock:
        await tx.rows(LOCK_ORDERS, *at)
    rows = await tx.rows(ORDERS, *at)
    lines = _by_order(await tx.rows(LINES, *at), Line)
    allocated = _by_order(await tx.rows(ALLOCATIONS, *at), Allocation) if allocations else {}
    holds = _by_order(await tx.rows(OPEN_HOLDS, *at), _hold)
    return {
        row["order_id"]: OrderFacts(
            merchant=row["merchant_id"],
            order_id=row["order_id"],
            row=_plain_row(row),
            lines=tuple(lines.get(row["order_id"], ())),
            allocations=tuple(allocated.get(row["order_id"], ())),
            holds=tuple(holds.get(row["order_id"], ())),
        )
        for row in rows
    }


def _plain_row(row: Any) -> dict[str, Any]:
    plain = dict(row)
    for name in ("buyer", "ship_to", "bill_to", "details"):
        plain[name] = msgspec.json.decode(plain[name]) if plain[name] else None
    return plain


def _hold(
    hold_id: int, line_no: int | None, type: str, reason: str, why: str, placed_by: str, placed_at: Any, until: Any
) -> Hold:
    return Hold(hold_id, line_no, type, reason, msgspec.json.decode(why), placed_by, placed_at, until)


def _by_order(rows: Iterable[Any], made: Callable[..., T]) -> dict[int, list[T]]:
    """Made of what stands behind merchant and order in each row."""
    grouped: dict[int, list[T]] = defaultdict(list)
    for row in rows:
        grouped[row[1]].append(made(*row[2:]))
    return grouped


def of_merchant(facts: Mapping[int, OrderFacts], merchant: int, order_id: int) -> OrderFacts:
    """The order, or NotFound: another merchant's order is not there either."""
    found = facts.get(order_id)
    if found is None or found.merchant != merchant:
        raise NotFound(order=public("ord", order_id))
    return found
