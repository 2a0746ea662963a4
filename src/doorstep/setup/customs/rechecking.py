"""rechecking: goods or rules changed: what customs stopped is looked at again, and goes on by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from doorstep.kit.ids import public
from doorstep.spine import jobs
from doorstep.spine.tenant import Tx

STOPPED = """
select distinct h.merchant_id, h.order_id from hold h
  left join order_line l on l.merchant_id = h.merchant_id and l.order_id = h.order_id
    and (h.line_no is null or l.line_no = h.line_no)
  where h.merchant_id = any($1) and h.lifted_at is null and h.placed_by = 'check'
    and h.type in ('customs_data', 'restricted', 'denied_party')
    and ($2::text[] is null or l.sku_id in (
      select s.sku_id from sku s where s.merchant_id = h.merchant_id and s.code = any($2)))
"""
# Everything that has not left yet is compared with a new list of denied parties: what had not when it was last
# followed, and what has moved since.
NOT_LEFT = """
with open as (select standing_id from standing
    where stage in ('received', 'processing', 'awaiting_fulfillment', 'in_fulfillment')),
found as (
  select s.merchant_id, s.order_id from open w
    join order_standing s on s.standing_id = w.standing_id and s.merchant_id = any($1)
  union
  select e.merchant_id, e.id from unnest($1::bigint[]) m(merchant_id)
    left join order_finding f on f.merchant_id = m.merchant_id
    join event e on e.merchant_id = m.merchant_id and e.kind = 'order' and e.txid >= coalesce(f.after_txid, '0')
      and (e.txid, e.pos) > (coalesce(f.after_txid, '0'), coalesce(f.after_pos, 0)))
select n.merchant_id, n.order_id from found
  join order_now n on n.merchant_id = found.merchant_id and n.order_id = found.order_id
  where n.merchant_id = any($1) and n.stage in ('received', 'processing', 'awaiting_fulfillment', 'in_fulfillment')
"""


async def recheck(tx: Tx, at: datetime, *, codes: Sequence[str] | None = None, screened: bool = False) -> int:
    """Queue a check of the orders that customs stopped, of these SKUs or of all; answers of how many."""
    given = list(codes) if codes is not None else None
    rows = [(row["merchant_id"], row["order_id"]) for row in await tx.rows(STOPPED, list(tx.merchants), given)]
    if screened:
        rows += [(row["merchant_id"], row["order_id"]) for row in await tx.rows(NOT_LEFT, list(tx.merchants))]
    wanted = sorted(set(rows))
    await jobs.queue(tx, "check", [(merchant, {"order": public("ord", order)}) for merchant, order in wanted], at)
    return len(wanted)
