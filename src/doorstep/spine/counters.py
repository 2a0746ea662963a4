"""counters: how many orders stand at each stage, without counting them.

A writer adds what changed to rows of its own slot, so that no two wait for each other's commit; what is read is the sum
over the slots. The slot is the database's process: a pool that writes side by side writes in several.
"""

from __future__ import annotations

from collections.abc import Sequence

from doorstep.spine.tenant import Tx

SLOTS = 16
# Of each order that came to a stage +1, of each that left it -1. Orders that change places with each other cost
# nothing; rows are taken in the order of their keys. A single order has nothing to be added up.
ADD = """
insert into stage_count as s (merchant_id, slot, stage, orders)
  select d.merchant_id, (pg_backend_pid() % {slots})::smallint, d.stage, {by} from ({came_and_left}) d
    {added_up}order by d.merchant_id, d.stage
  on conflict (merchant_id, slot, stage) do update set orders = s.orders + excluded.orders
"""
ADDED_UP = "group by d.merchant_id, d.stage having sum(d.by) <> 0 "
NEW = "select merchant_id, stage, 1 as by from {new}"
MOVED = """
select m.merchant_id, v.stage, v.by
  from {moved} m cross join lateral (values (m.stage, 1), (m.was, -1)) v(stage, by) where m.stage <> m.was"""
PER_STAGE = """
select stage, sum(orders)::bigint as orders from stage_count where merchant_id = any($1) group by stage
"""


def counted(new: str, moved: str, *, one: bool) -> str:
    """The part of a statement that counts what other parts answer: merchant_id, stage, and `was` where it was moved.

    `one`: they answer of a single order.
    """
    ways = [NEW.format(new=new)] if new else []
    ways += [MOVED.format(moved=moved)] if moved else []
    by, added_up = ("d.by", "") if one else ("sum(d.by)::bigint", ADDED_UP)
    return ADD.format(slots=SLOTS, by=by, added_up=added_up, came_and_left=" union all ".join(ways))


async def orders_per_stage(tx: Tx, merchants: Sequence[int]) -> dict[str, int]:
    """Of these merchants together; a stage where no order is may be missing."""
    return {row["stage"]: row["orders"] for row in await tx.rows(PER_STAGE, list(merchants))}
