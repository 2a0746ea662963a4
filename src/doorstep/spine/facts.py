"""facts: an order as the rules see it, read under its lock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

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
# What every verb may want of the order's row, and what is only read where it is looked at: as it was said, and the
# statuses, which are worked out when they are read.
_OF_THE_ORDER = (
    "merchant_id", "order_id", "channel_id", "placed_at", "currency", "country", "payment_term", "ship", "history",
    "details",
)  # fmt: skip
_AS_SAID = (
    "external_id", "number", "buyer", "ship_to", "bill_to", "email", "lines_minor", "discount_minor", "shipping_minor",
    "fees_minor", "tax_minor", "tax_included", "total_minor", "payment_token", "shipping_method", "service_level",
    "insured_minor", "ship_by", "content_hash", "note", "tags",
)  # fmt: skip
_JSON = frozenset({"buyer", "ship_to", "bill_to", "details"})


def _orders(said: tuple[str, ...], now: tuple[str, ...]) -> str:
    return f"""
select {", ".join((*(f"o.{name}" for name in said), *(f"n.{name}" for name in now)))}
  from orders o join order_now n on n.merchant_id = o.merchant_id and n.order_id = o.order_id
  where o.merchant_id = any($1) and o.order_id = any($2)
"""


WHOLE = _orders((*_OF_THE_ORDER, *_AS_SAID), (*COUNTERS, *AXES))
AT_WORK = _orders(_OF_THE_ORDER, COUNTERS)
_COLUMNS = {
    WHOLE: (*_OF_THE_ORDER, *_AS_SAID, *COUNTERS, *AXES),
    AT_WORK: (*_OF_THE_ORDER, *COUNTERS),
}
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


class Line(NamedTuple):
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


class Allocation(NamedTuple):
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


class Hold(NamedTuple):
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


Rows = list[tuple[Any, ...]]


async def order_facts(
    tx: Tx, orders: Iterable[int], *, lock: bool = True, allocations: bool = True
) -> dict[int, OrderFacts]:
    """The orders by id, locked in id order unless told otherwise; what is not there (for these merchants) is absent."""
    wanted = sorted(set(orders))
    if not wanted:
        return {}
    if lock:
        await tx.rows(LOCK_ORDERS, list(tx.merchants), wanted)
    found, _ = await facts_and(tx, wanted, allocations=allocations)
    return found


async def locked_and(
    tx: Tx, orders: Iterable[int], *beside: str, allocations: bool = True
) -> tuple[dict[int, OrderFacts], list[Rows]]:
    """The orders, locked, with what else is asked of the merchants ($1) and the orders ($2)."""
    wanted = sorted(set(orders))
    if wanted:
        await tx.rows(LOCK_ORDERS, list(tx.merchants), wanted)
    return await facts_and(tx, wanted, *beside, allocations=allocations)


async def facts_and(
    tx: Tx,
    orders: list[int],
    *beside: str,
    more: tuple[Any, ...] = (),
    whole: bool = True,
    lines: bool = True,
    allocations: bool = True,
) -> tuple[dict[int, OrderFacts], list[Rows]]:
    """Of orders whose lock is held, in one trip with what else is asked: with `more` beside merchants and orders.

    Not `whole`: without what was said of the order, and its statuses. What is not read is not there to be looked at.
    """
    row_of = WHOLE if whole else AT_WORK
    parts = [row_of, OPEN_HOLDS, *([LINES] if lines else ()), *([ALLOCATIONS] if allocations else ()), *beside]
    rows, holds, *rest = await tx.together(tuple(parts), list(tx.merchants), orders, *more)
    of_holds = _by_order(holds, _hold)
    of_lines = _by_order(rest.pop(0), Line._make) if lines else {}
    of_allocations = _by_order(rest.pop(0), Allocation._make) if allocations else {}
    found = {}
    for row in rows:
        plain, order = _plain_row(_COLUMNS[row_of], row), row[1]
        found[order] = OrderFacts(
            row[0], order, plain, tuple(of_lines.get(order, ())) if lines else _nothing_read,
            tuple(of_allocations.get(order, ())) if allocations else _nothing_read, tuple(of_holds.get(order, ())),
        )  # fmt: skip
    return found, rest


class _NotRead(tuple[Any, ...]):
    """Stands where facts were not asked for."""

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("these facts of the order were not read: ask for them")


_nothing_read = _NotRead()


def _plain_row(columns: tuple[str, ...], row: tuple[Any, ...]) -> dict[str, Any]:
    plain = dict(zip(columns, row, strict=True))
    for name in _JSON & plain.keys():
        plain[name] = msgspec.json.decode(plain[name]) if plain[name] else None
    return plain


def _hold(row: tuple[Any, ...]) -> Hold:
    hold = Hold._make(row)
    return hold._replace(why=msgspec.json.decode(row[4]))


def _by_order(rows: Rows, made: Callable[[tuple[Any, ...]], T]) -> dict[int, list[T]]:
    """Made of what stands behind merchant and order in each row."""
    grouped: dict[int, list[T]] = defaultdict(list)
    for row in rows:
        grouped[row[1]].append(made(row[2:]))
    return grouped


def of_merchant(facts: Mapping[int, OrderFacts], merchant: int, order_id: int) -> OrderFacts:
    """The order, or NotFound: another merchant's order is not there either."""
    found = facts.get(order_id)
    if found is None or found.merchant != merchant:
        raise NotFound(order=public("ord", order_id))
    return found
