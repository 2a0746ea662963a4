"""leaving: the channel named another day to ship by: what waits at a site is to leave by then.

What the buyer was told of the arrival stays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from doorstep.setup.promising import Dates, promise_row
from doorstep.spine.facts import OrderFacts
from doorstep.spine.outcome import Outcome, Update
from doorstep.spine.tenant import Tx

# The dates that hold: the last that was told of each fulfillment order.
HOLDING = """
select distinct on (p.order_id, p.fulfillment_order_id) p.order_id, p.fulfillment_order_id, p.ship_by, p.deliver_from,
    p.deliver_by, p.basis
  from promise p where p.merchant_id = any($1) and p.order_id = any($2)
  order by p.order_id, p.fulfillment_order_id, p.promise_id desc
"""
REASON = "the channel named another day to ship by"

Holding = Mapping[int, Mapping[int, Dates]]  # order: its fulfillment orders' dates


async def dates_that_hold(tx: Tx, orders: Iterable[int]) -> Holding:
    wanted = sorted(set(orders))
    found: dict[int, dict[int, Dates]] = defaultdict(dict)
    if wanted:
        for row in await tx.rows(HOLDING, list(tx.merchants), wanted):
            basis = msgspec.json.decode(row["basis"])
            dates = Dates(row["ship_by"], row["deliver_from"], row["deliver_by"], basis)
            found[row["order_id"]][row["fulfillment_order_id"]] = dates
    return found


def names_another_day(order: OrderFacts | None, ship_by: datetime | None) -> bool:
    return order is not None and order.row["ship_by"] != ship_by


def leave_by(
    outcome: Outcome,
    order: OrderFacts,
    ship_by: datetime | None,
    holding: Mapping[int, Dates],
    ids: Iterator[int],
    at: datetime,
) -> None:
    """Every site that still has something of the order is told; where the site's own day is earlier, that stays."""
    for fulfillment_order in _still_here(order):
        before = holding.get(fulfillment_order)
        now = before.leaving_by(ship_by) if before else None
        if before and now and now.ship_by != before.ship_by:
            key = {"fulfillment_order_id": fulfillment_order}
            outcome.facts.append(Update("fulfillment_order", key, {"ship_by": now.ship_by}))
            outcome.facts.append(promise_row(now, next(ids), order.order_id, fulfillment_order, at, REASON))


def _still_here(order: OrderFacts) -> Sequence[int]:
    return sorted({a.fulfillment_order_id for a in order.allocations if a.promised + a.picked + a.packed})
