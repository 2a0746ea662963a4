"""floor: what the rules of the floor see of a fulfillment order, read under the lock of its order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from doorstep.kit.ids import number, public
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.setup.places import Goods, Units
from doorstep.setup.skus import OF_ORDERS, Sku
from doorstep.spine.facts import Allocation, OrderFacts, Reads, Rows, facts_and, locked
from doorstep.spine.outcome import Event, Move, Outcome
from doorstep.spine.tenant import Tx

# Of which order a fulfillment order is never changes, so orders are locked by it.
LOCK = """
select {now} from fulfillment_order f
  join order_now n on n.merchant_id = f.merchant_id and n.order_id = f.order_id
  where f.merchant_id = any($1) and f.fulfillment_order_id = any($2) order by n.merchant_id, n.order_id for update of n
"""
FULFILLMENT_ORDERS = """
select f.order_id, f.fulfillment_order_id, f.site_id, t.code, f.released_at from fulfillment_order f
  join site t on t.site_id = f.site_id
  where f.merchant_id = any($1) and f.order_id = any($2)
"""
# What every rule of the floor looks at of an order.
READS: Reads = (
    "allocation.fulfillment_order_id", "allocation.sku_id", "allocation.promised", "allocation.picked", "holds",
)  # fmt: skip


class NotReleased(Refusal):
    """This fulfillment order has not been released to the floor."""


class NotHere(Refusal):
    """This fulfillment order has nothing of that line."""

    status = 404


class LineUnits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many of a line."""

    line: int
    quantity: Units


def added_up(lines: Iterable[LineUnits]) -> dict[int, int]:
    """Units per line; a line that is named twice counts together."""
    units: dict[int, int] = {}
    for line in lines:
        units[line.line] = units.get(line.line, 0) + line.quantity
    return units


@dataclass(frozen=True, slots=True)
class FulfillmentOrder:
    """One order at one site, with the order's facts. Fields stand in the order of the columns above."""

    order: OrderFacts
    id: int
    site_id: int
    site: str
    released_at: datetime | None

    @property
    def public(self) -> str:
        return public("ful", self.id)

    @property
    def allocations(self) -> list[Allocation]:
        return [one for one in self.order.allocations if one.fulfillment_order_id == self.id]

    def allocation(self, line_no: int) -> Allocation:
        """Refuses NotHere."""
        for allocation in self.allocations:
            if allocation.line_no == line_no:
                return allocation
        raise NotHere(line=line_no, fulfillment_order=self.public)

    def must_be_released(self) -> None:
        """Refuses NotReleased."""
        if self.released_at is None:
            raise NotReleased(fulfillment_order=self.public)

    def must_not_be_held(self, verb: str, line_no: int | None = None) -> None:
        """Refuses OnHold: a hold on the order covers every line of it."""
        stopped = self.order.stopped(verb, line_no)
        if stopped:
            raise stopped

    def goods(self, sku: int) -> Goods:
        return Goods(self.order.merchant, sku, self.site_id)

    def outcome(self, event: str, moves: list[Move], told: dict[str, Any], answer: dict[str, Any]) -> Outcome:
        """The verb happened to the order; the timeline tells at which site."""
        data = {"fulfillment_order": self.public, "site": self.site} | told
        return Outcome(
            self.order.merchant,
            ("order", self.order.order_id),
            [Event(event, moves, data)],
            answer={"fulfillment_order": self.public} | answer,
        )


@dataclass(frozen=True, slots=True)
class Floor:
    fulfillment_orders: Mapping[int, FulfillmentOrder]
    of_orders: Mapping[int, list[FulfillmentOrder]]
    skus: Mapping[int, Sku]

    def of(self, merchant: int, word: str) -> FulfillmentOrder:
        """Refuses NotFound, for another merchant's too."""
        found = self.fulfillment_orders.get(number("ful", word))
        if found is None or found.order.merchant != merchant:
            raise NotFound(fulfillment_order=word)
        return found

    def siblings(self, of: FulfillmentOrder) -> list[FulfillmentOrder]:
        """All fulfillment orders of the same order, itself included."""
        return self.of_orders[of.order.order_id]

    def sku(self, allocation: Allocation) -> Sku:
        return self.skus[allocation.sku_id]


async def floor_of(tx: Tx, words: Iterable[str], reads: Reads = READS, *, skus: bool = True) -> Floor:
    """The fulfillment orders of these public ids, their orders locked; refuses NotAnId."""
    floor, _ = await floor_and(tx, words, reads=reads, skus=skus)
    return floor


async def floor_and(
    tx: Tx, words: Iterable[str], *beside: str, reads: Reads = READS, skus: bool = True
) -> tuple[Floor, list[Rows]]:
    """With what else is asked of the merchants ($1) and the orders ($2)."""
    held = await locked(tx, LOCK, list({number("ful", word) for word in words}), reads)
    asked = (FULFILLMENT_ORDERS, OF_ORDERS) if skus else (FULFILLMENT_ORDERS,)
    orders, (rows, *rest) = await facts_and(tx, held, *asked, *beside, reads=reads)
    known = {row[0]: Sku._make(row) for row in rest.pop(0)} if skus else {}
    found = {of: FulfillmentOrder(orders[order], of, *at) for order, of, *at in rows}
    of_orders: dict[int, list[FulfillmentOrder]] = defaultdict(list)
    for one in found.values():
        of_orders[one.order.order_id].append(one)
    return Floor(found, of_orders, known), rest
