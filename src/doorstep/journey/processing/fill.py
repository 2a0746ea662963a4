"""fill: stock that came in goes to the lines that wait for it, oldest order first, as far as it reaches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from doorstep.journey.processing.promise import READS, Facts, Left, decide, facts_of
from doorstep.kit.ids import number, public
from doorstep.kit.refusals import Refusal
from doorstep.spine.after import after
from doorstep.spine.facts import OrderFacts
from doorstep.spine.outcome import Ask, Job, Outcome, Result
from doorstep.spine.status import COUNTERS
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb

# So many waiting orders are looked at in one go; when stock is left after them, the next go continues there.
PAGE = 100

# Nothing is locked yet: what is found is decided upon anew under the lock of its order.
WAITING = f"""
select u.n, w.merchant_id, w.order_id
  from unnest($2::bigint[], $3::bigint[]) with ordinality u(sku_id, after_order, n)
  left join orders a on a.merchant_id = any($1) and a.order_id = u.after_order
  cross join lateral (
    select distinct o.merchant_id, o.placed_at, o.order_id
      from order_line l
      join orders o on o.merchant_id = l.merchant_id and o.order_id = l.order_id
      join order_now s on s.merchant_id = l.merchant_id and s.order_id = l.order_id
      where l.merchant_id = any($1) and l.sku_id = u.sku_id and l.wanted > 0
        and s.checks > 0 and s.drafts = 0 and not o.history
        and (a.order_id is null or (o.placed_at, o.order_id) > (a.placed_at, a.order_id))
        and exists (select from availability f
          where f.merchant_id = l.merchant_id and f.sku_id = l.sku_id and f.free > 0)
        and not exists (select from hold h
          where h.merchant_id = l.merchant_id and h.order_id = l.order_id and h.lifted_at is null
            and (h.line_no is null or h.line_no = l.line_no))
      order by o.placed_at, o.order_id limit {PAGE}) w
  order by u.n, w.placed_at, w.order_id
"""


class Fill(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`after`: the waiting orders up to this one were looked at already."""

    sku: str
    after: str = ""


class Filled(msgspec.Struct, frozen=True, kw_only=True):
    """The orders that got something, oldest first."""

    sku: str
    orders: list[str]
    promised: int


@dataclass(slots=True)
class Waiting:
    """Orders as this batch leaves them: one that waits for two SKUs may be filled twice."""

    facts: Facts
    left: Left
    in_line: Mapping[int, list[int]]  # ask: its waiting orders, oldest first
    orders: dict[int, OrderFacts] = field(default_factory=dict)

    def order(self, order_id: int) -> OrderFacts | None:
        return self.orders.get(order_id) or self.facts.orders.get(order_id)


@verb(Fill, Filled)
async def fill(tx: Tx, asks: list[Ask[Fill]]) -> list[Result]:
    """Promise what came in to the orders that wait for it, oldest first."""
    skus = [number("sku", ask.body.sku) for ask in asks]
    afters = [number("ord", ask.body.after) if ask.body.after else None for ask in asks]
    in_line: dict[int, list[int]] = defaultdict(list)
    for row in await tx.rows(WAITING, list(tx.merchants), skus, afters):
        in_line[row["n"] - 1].append(row["order_id"])
    everyone = [order for orders in in_line.values() for order in orders]
    facts, left = await facts_of(tx, everyone, asks[0].at.date(), len(asks), (*READS, *COUNTERS))
    waiting = Waiting(facts, left, in_line)
    return [decide_fill(waiting, number_of_ask, ask) for number_of_ask, ask in enumerate(asks)]


def decide_fill(waiting: Waiting, n: int, ask: Ask[Fill]) -> Outcome:
    """One outcome for each order that gets something, all of them written together."""
    sku = number("sku", ask.body.sku)
    outcome = Outcome(ask.merchant, ("sku", sku), [], {"sku": ask.body.sku, "orders": [], "promised": 0})
    in_line = waiting.in_line.get(n, [])
    for order_id in in_line:
        order = waiting.order(order_id)
        if order is None or order.merchant != ask.merchant:
            continue
        if not _is_free(waiting, ask.merchant, sku):
            return outcome
        promised = _promised(waiting, order, ask)
        if promised is not None:
            outcome.more.append(promised)
            if promised.events:
                outcome.answer["orders"].append(promised.answer["order"])
            outcome.answer["promised"] += promised.answer["promised"]
            waiting.orders[order_id] = after(order, promised)
    if len(in_line) == PAGE and _is_free(waiting, ask.merchant, sku):
        last = public("ord", in_line[-1])
        outcome.verb = "fill"
        outcome.then.append(Job("fill", {"sku": ask.body.sku, "after": last}))
    return outcome


def _is_free(waiting: Waiting, merchant: int, sku: int) -> bool:
    return any(units > 0 for units in waiting.left.free.get((merchant, sku), {}).values())


def _promised(waiting: Waiting, order: OrderFacts, ask: Ask[Fill]) -> Outcome | None:
    """What the order gets; None when it gets nothing (held meanwhile, or it only takes everything at once).

    What customs is in the way of is something too: it has to be checked.
    """
    try:
        outcome = decide(waiting.facts, waiting.left, order, ask, verb="fill")
    except Refusal:
        return None
    return outcome if outcome.events or outcome.then else None
