"""facts: an order as the rules see it, read under its lock."""

from __future__ import annotations

from collections import defaultdict, namedtuple
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import msgspec

from doorstep.kit.ids import public
from doorstep.kit.refusals import NotFound, OnHold
from doorstep.spine.journey import ROWS
from doorstep.spine.status import AXES, COUNTERS
from doorstep.spine.tenant import Tx

# An order is read in two rows and what stands beside them. A verb names what it reads: columns of either row, those of
# its lines and allocations (`line.shipped`), its open holds. What is not named is not read, nor there to be looked at.
Reads = tuple[str, ...]

# `orders`: as it was said.
SAID = (
    "channel_id", "placed_at", "currency", "country", "payment_term", "ship", "history", "details", "external_id",
    "number", "buyer", "ship_to", "bill_to", "email", "lines_minor", "discount_minor", "shipping_minor", "fees_minor",
    "tax_minor", "tax_included", "total_minor", "payment_token", "shipping_method", "service_level", "insured_minor",
    "ship_by", "expires_at", "content_hash", "note", "tags",
)  # fmt: skip
_JSON = frozenset({"buyer", "ship_to", "bill_to", "details"})
# `order_now`: what is counted of it, and the statuses, which are worked out when they are read.
NOW = (*COUNTERS, *AXES)

# What is counted of orders is read as it stands, and with the lock: the row is the lock of its order, and who locks it
# is shown the newest there is. Every verb that changes an order takes it first, in id order.
STANDING = """
select {now} from order_now n
  where n.merchant_id = any($1) and n.order_id = any($2) order by n.merchant_id, n.order_id
"""
LOCK_ORDERS = f"{STANDING} for update"
ORDERS = "select o.order_id, {said} from orders o where o.merchant_id = any($1) and o.order_id = any($2)"
LINES_OF = """
select l.order_id, {line} from order_line l
  where l.merchant_id = any($1) and l.order_id = any($2) order by l.order_id, l.line_no
"""
ALLOCATIONS_OF = """
select a.order_id, {allocation} from allocation a
  where a.merchant_id = any($1) and a.order_id = any($2) order by a.order_id, a.fulfillment_order_id, a.line_no
"""
OPEN_HOLDS = """
select h.order_id, h.hold_id, h.line_no, h.type, h.reason, h.why, h.placed_by, h.placed_at, h.until
  from hold h where h.merchant_id = any($1) and h.order_id = any($2) and h.lifted_at is null order by h.hold_id
"""
T = TypeVar("T")


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


class Hold(NamedTuple):
    """Fields stand in the order of the columns above."""

    hold_id: int
    line_no: int | None
    type: str
    reason: str
    why: dict[str, Any]
    placed_by: str
    placed_at: datetime
    until: datetime | None


LINES: Reads = tuple(f"line.{name}" for name in Line._fields)
ALLOCATIONS: Reads = tuple(f"allocation.{name}" for name in Allocation._fields)
EVERYTHING: Reads = (*SAID, *NOW, *LINES, *ALLOCATIONS, "holds")


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """One order: its rows as one (`row["currency"]`, `row["held"]` …), lines, allocations, open holds."""

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
# Orders by id, each with its merchant and what is counted of it.
Locked = Mapping[int, dict[str, Any]]


async def order_facts(
    tx: Tx, orders: Iterable[int], *, lock: bool = True, reads: Reads = EVERYTHING
) -> dict[int, OrderFacts]:
    """The orders by id, locked in id order unless told otherwise; what is not there (for these merchants) is absent."""
    wanted = sorted(set(orders))
    if not wanted:
        return {}
    found, _ = await facts_and(tx, await locked(tx, LOCK_ORDERS if lock else STANDING, wanted, reads), reads=reads)
    return found


async def locked_and(
    tx: Tx, orders: Iterable[int], *beside: str, more: tuple[Any, ...] = (), reads: Reads = EVERYTHING
) -> tuple[dict[int, OrderFacts], list[Rows]]:
    """The orders, locked, with what else is asked of the merchants ($1), the orders ($2), and `more`."""
    wanted = sorted(set(orders))
    held = await locked(tx, LOCK_ORDERS, wanted, reads) if wanted else {}
    return await facts_and(tx, held, *beside, more=more, reads=reads)


async def locked(tx: Tx, lock: str, ids: Collection[int], reads: Reads = ()) -> Locked:
    """The orders that this statement locks for these ids, with what of `reads` is counted of them."""
    names = ("merchant_id", "order_id", *_asked(reads).now)
    rows = await tx.rows(_of_now(lock, names), list(tx.merchants), ids)
    return {row[1]: dict(zip(names, row, strict=True)) for row in rows}


async def facts_and(
    tx: Tx, orders: Locked, *beside: str, more: tuple[Any, ...] = (), reads: Reads = EVERYTHING
) -> tuple[dict[int, OrderFacts], list[Rows]]:
    """Of locked orders what else is named, in one trip with what else is asked of the merchants, the orders, `more`."""
    asked = _asked(reads)
    parts = (*asked.parts, *beside)
    rest = await tx.together(parts, list(tx.merchants), list(orders), *more) if parts else []
    said = {row[0]: asked.plain(row) for row in rest.pop(0)} if asked.said else {}
    lines, allocations, holds = (_by_order(rest.pop(0), made) if made else None for made in asked.beside)
    found = {}
    for order, now in orders.items():
        found[order] = OrderFacts(
            now["merchant_id"], order, now | said[order] if said else now,
            not_read if lines is None else tuple(lines.get(order, ())),
            not_read if allocations is None else tuple(allocations.get(order, ())),
            not_read if holds is None else tuple(holds.get(order, ())),
        )  # fmt: skip
    return found, rest


class _NotRead(tuple[Any, ...]):
    """Stands where facts were not asked for."""

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("these facts of the order were not read: name them")

    def __len__(self) -> int:
        raise AssertionError("these facts of the order were not read: name them")


not_read = _NotRead()


Made = Callable[[tuple[Any, ...]], Any]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is named, by where it stands; of what is beside, what is made of a row."""

    now: tuple[str, ...]
    said: tuple[str, ...]
    parts: tuple[str, ...]
    beside: tuple[Made | None, Made | None, Made | None]

    def plain(self, row: tuple[Any, ...]) -> dict[str, Any]:
        """Of a row that begins with the order."""
        plain = dict(zip(self.said, row[1:], strict=True))
        for name in _JSON & plain.keys():
            plain[name] = msgspec.json.decode(plain[name]) if plain[name] else None
        return plain


@lru_cache
def _asked(reads: Reads) -> _Asked:
    unknown = set(reads) - set(EVERYTHING)
    if unknown:
        raise ValueError(f"an order has no {sorted(unknown)} to be read")
    now, said = (tuple(name for name in names if name in reads) for names in (NOW, SAID))
    line, allocation = (_fields(kind, of, reads) for kind, of in ((Line, "line."), (Allocation, "allocation.")))
    parts = {
        ORDERS.format(said=", ".join(f"o.{name}" for name in said)): said,
        LINES_OF.format(line=", ".join(f"l.{name}" for name in line)): line,
        ALLOCATIONS_OF.format(allocation=", ".join(f"a.{name}" for name in allocation)): allocation,
        OPEN_HOLDS: "holds" in reads,
    }
    made = (
        _some_of(Line, line)._make if line else None,
        _some_of(Allocation, allocation)._make if allocation else None,
        _hold if "holds" in reads else None,
    )
    return _Asked(now, said, tuple(part for part, is_asked in parts.items() if is_asked), made)


def _fields(kind: Any, of: str, reads: Reads) -> tuple[str, ...]:
    """Those that are named; which line it is tells each of them."""
    named = [name for name in kind._fields if of + name in reads]
    return tuple(dict.fromkeys(["line_no", *named])) if named else ()


def _some_of(kind: Any, names: tuple[str, ...]) -> Any:
    """With these fields alone; looking at another is an error."""
    worked_out = {name: value for name, value in vars(kind).items() if isinstance(value, property)}
    return kind if names == kind._fields else type(kind.__name__, (namedtuple(kind.__name__, names),), worked_out)


@lru_cache
def _of_now(lock: str, names: tuple[str, ...]) -> str:
    return lock.format(now=", ".join(f"n.{name}" for name in names))


def _hold(row: tuple[Any, ...]) -> Hold:
    hold = Hold._make(row)
    return hold._replace(why=msgspec.json.decode(row[4]))


def _by_order(rows: Rows, made: Callable[[tuple[Any, ...]], T]) -> dict[int, list[T]]:
    """Made of what stands behind the order in each row."""
    grouped: dict[int, list[T]] = defaultdict(list)
    for row in rows:
        grouped[row[0]].append(made(row[1:]))
    return grouped


def of_merchant(facts: Mapping[int, OrderFacts], merchant: int, order_id: int) -> OrderFacts:
    """The order, or NotFound: another merchant's order is not there either."""
    found = facts.get(order_id)
    if found is None or found.merchant != merchant:
        raise NotFound(order=public("ord", order_id))
    return found
