"""rolling: follows the events and adds up by the day what reports count, beside the way orders come in.

Of each order that something happened to, what it adds now (doors/reads/measures.py) is compared with what it added
before, and the difference is added: a return weeks later, or another address, mends the days that it is about. Money
and stock are added as they moved. Where a merchant goes by another clock, its days begin anew from its first event.
"""

from __future__ import annotations

from collections.abc import Sequence

from doorstep.doors.reads.measures import COLUMNS, EACH_MOVE, STOCK_SUMS, measures_of, stock_moved
from doorstep.doors.worker.following import Follower, News
from doorstep.spine.journey import CASH, JOURNEY
from doorstep.spine.moves import code
from doorstep.spine.tenant import Db, Tx, tenant_tx

EVENTS = 2_000  # of one merchant in one batch

# What each roll-up is added up from: rows of `changed`, or the parts of their lists, each to be counted `by` times.
_GOODS = """(
select c.by, c.merchant_id, c.day, c.currency, v.part ->> 0 as item, (v.part ->> 1)::bigint as lines,
    (v.part ->> 2)::bigint as units, (v.part ->> 3)::bigint as gross_minor
  from changed c cross join lateral jsonb_array_elements(c.goods) v(part))"""
_STEPS = """(
select c.by, c.merchant_id, (v.part ->> 1)::date as day, (v.part ->> 0)::smallint as step,
    (v.part ->> 2)::smallint as bucket, (v.part ->> 3)::bigint as seconds
  from changed c cross join lateral jsonb_array_elements(c.steps) v(part))"""
_ARRIVED = """(
select c.by, c.merchant_id, c.arrived_on as day, c.channel_id, c.country, c.promised::int as promised,
    (c.promised and not c.late)::int as on_time, c.late::int as late, c.complete::int as complete,
    c.undamaged::int as undamaged, c.papered::int as papered,
    (not c.late and c.complete and c.undamaged and c.papered)::int as perfect
  from changed c where c.arrived_on is not null)"""
_PARCELS = """(
select c.by, c.merchant_id, (v.part ->> 1)::date as day, v.part ->> 0 as carrier, c.country,
    (v.part ->> 2)::int as delivered, (v.part ->> 2)::int * (v.part ->> 3)::int as promised,
    (v.part ->> 4)::int as on_time, (v.part ->> 5)::int as failed, (v.part ->> 6)::bigint as seconds
  from changed c cross join lateral jsonb_array_elements(c.parcels) v(part))"""
_OPEN = """(
select c.by, c.merchant_id, c.stop, c.day, coalesce(c.ship_by, 'infinity') as ship_by,
    coalesce(c.deliver_by, 'infinity') as deliver_by, c.currency, c.due_minor, c.held_minor
  from changed c where c.stop not in ('completed', 'canceled', 'expired') or c.due_minor + c.held_minor <> 0)"""


def _added(table: str, keys: str, source: str, *sums: str, **more: str) -> str:
    """The part of a statement that adds to a roll-up, by its keys, what the rows of a source come to."""
    counted = {**{name: name for name in sums}, **more}
    added = ", ".join(f"sum(s.by * ({sql}))::bigint as {name}" for name, sql in counted.items())
    changes = ", ".join(f"{name} = t.{name} + excluded.{name}" for name in counted)
    return f"""(
  insert into {table} as t (merchant_id, {keys}, {", ".join(counted)})
    select x.* from (select merchant_id, {keys}, {added} from {source} s group by merchant_id, {keys}) x
      where ({", ".join(f"x.{name}" for name in counted)}) <> ({", ".join("0" for _ in counted)})
      order by {keys}
    on conflict (merchant_id, {keys}) do update set {changes} returning 1)"""


ADDED = {
    "day_sales": _added(
        "day_sales", "day, channel_id, country, currency", "changed", "lines", "units", "gross_minor",
        orders="1", canceled="(stop in ('canceled', 'expired'))::int",
    ),
    "day_goods": _added("day_goods", "day, item, currency", _GOODS, "lines", "units", "gross_minor", orders="1"),
    "day_steps": _added("day_steps", "day, step, bucket", _STEPS, "seconds", orders="1"),
    "day_arrivals": _added(
        "day_arrivals", "day, channel_id, country", _ARRIVED,
        "promised", "on_time", "late", "complete", "undamaged", "papered", "perfect", orders="1",
    ),
    "day_carriers": _added(
        "day_carriers", "day, carrier, country", _PARCELS,
        "delivered", "promised", "on_time", "failed", "seconds", parcels="1",
    ),
    "backlog": _added(
        "backlog", "stop, day, ship_by, deliver_by, currency", _OPEN, "due_minor", "held_minor", orders="1"
    ),
}  # fmt: skip


def rolled(orders: str) -> str:
    """The statement that adds what changed of the orders that this SQL names by (merchant_id, order_id)."""
    names = ", ".join(COLUMNS)
    before, after = (", ".join(f"{row}.{name}" for name in COLUMNS) for row in "kw")
    values, new = (", ".join(f"{row}{name}" for name in COLUMNS[2:]) for row in ("", "excluded."))
    parts = ",\n".join(f"to_{table} as {part}" for table, part in ADDED.items())
    return f"""
with named as materialized ({orders}),
now as materialized (select {names} from ({measures_of("select * from named")}) x),
differs as materialized (
  select w.order_id from now w left join order_measure k on k.merchant_id = w.merchant_id and k.order_id = w.order_id
    where ({before}) is distinct from ({after})),
changed as materialized (
  select 1 as by, w.* from now w where w.order_id in (select d.order_id from differs d)
  union all
  select -1, {before} from order_measure k
    join named a on a.merchant_id = k.merchant_id and a.order_id = k.order_id
    where k.order_id in (select d.order_id from differs d)),
kept as (
  insert into order_measure ({names}) select {names} from changed c where c.by = 1 order by c.order_id
    on conflict (merchant_id, order_id) do update set ({values}) = ({new})
    returning 1),
{parts}
select count(*) from differs
"""


ROLL = rolled("select $1::bigint as merchant_id, u.order_id from unnest($2::bigint[]) u(order_id)")
# Nobody waits at a stop that has emptied.
EMPTIED = "delete from backlog where merchant_id = $1 and orders = 0"


# Money becomes the merchant's, or ceases to be, where it moves between `earned` and these; what is refunded was taken.
_OTHERS = [account for account in ("world", *CASH) if account not in ("earned", "refunded")]
_IN, _OUT = [code("cash", other, "earned") for other in _OTHERS], [code("cash", "earned", other) for other in _OTHERS]
_BACK, _FORTH = code("cash", "earned", "refunded"), code("cash", "refunded", "earned")
_CASH_VERBS = ", ".join(f"'{row.verb}'" for row in JOURNEY if row.cash)
_MOVED = f"""(
select 1 as by, o.merchant_id, (e.happened_at at time zone m.timezone)::date as day, o.channel_id, o.currency,
    v.amount_minor * ((v.way = any(array{_IN}))::int - (v.way = any(array{_OUT}))::int) as taken_minor,
    v.amount_minor * ((v.way = {_BACK})::int - (v.way = {_FORTH})::int) as refunded_minor
  from event e
  join merchant m on m.merchant_id = e.merchant_id
  join orders o on o.merchant_id = e.merchant_id and o.order_id = e.id
  cross join lateral (
    select (w.move ->> 0)::integer as way, (w.move ->> 1)::bigint as amount_minor
      from json_array_elements(e.moves) w(move)) v
  where e.merchant_id = $1 and (e.txid, e.pos) > ($2::text::xid8, $3::bigint)
    and (e.txid, e.pos) <= ($4::text::xid8, $5::bigint) and e.kind = 'order' and e.verb in ({_CASH_VERBS}))"""
ROLL_CASH = f"""
with added as {_added("day_cash", "day, channel_id, currency", _MOVED, "taken_minor", "refunded_minor")}
select count(*) from added
"""

# Stock keeps a place of its own: whatever else moves on without it, nothing of it is left out or counted twice. It is
# kept by the day, and by the month and the year that the day is in, so that few rows say what stood there.
_STOCK_MOVED = stock_moved(
    f"""join merchant m on m.merchant_id = e.merchant_id {EACH_MOVE}
      where e.merchant_id = $1 and e.txid between (select a.stock_txid from after a) and $2::text::xid8
        and (e.txid, e.pos) > ((select a.stock_txid from after a), (select a.stock_pos from after a))
        and (e.txid, e.pos) <= ($2::text::xid8, $3::bigint)""",
    "(e.happened_at at time zone m.timezone)::date",
)
_STOCK = f"""(
select 1 as by, w.merchant_id, p.span, date_trunc(p.span, w.day)::date as day, w.sku_id, w.site_id,
    {", ".join(f"w.{name}" for name in STOCK_SUMS)}
  from {_STOCK_MOVED} w cross join (values ('day'), ('month'), ('year')) p(span))"""
ROLL_STOCK = f"""
with after as materialized (select r.stock_txid, r.stock_pos from rollup r where r.merchant_id = $1),
added as {_added("stock_moved", "span, day, sku_id, site_id", _STOCK, *STOCK_SUMS)}
update rollup set stock_txid = $2::text::xid8, stock_pos = $3 where merchant_id = $1
"""

# By another clock

OTHER_CLOCK = """
select m.merchant_id from merchant m left join rollup r on r.merchant_id = m.merchant_id
  where m.merchant_id = any($1) and r.timezone is distinct from m.timezone
"""
BY_THAT_CLOCK = """
insert into rollup as r (merchant_id, timezone)
  select m.merchant_id, m.timezone from merchant m where m.merchant_id = $1
  on conflict (merchant_id) do update set
    after_txid = '0', after_pos = 0, stock_txid = '0', stock_pos = 0, timezone = excluded.timezone
    where r.timezone <> excluded.timezone
  returning 1
"""
TABLES = ("order_measure", "day_cash", "stock_moved", *ADDED)
FORGET = [f"delete from {table} where merchant_id = $1" for table in TABLES]


async def write(tx: Tx, news: News) -> None:
    """What a batch adds to its days: its stock as it moved, its orders as they are now."""
    await tx.run(ROLL_STOCK, news.merchant, *news.to)
    if news.verbs:
        await tx.run(ROLL, news.merchant, list(news.verbs))
        await tx.run(EMPTIED, news.merchant)
        await tx.run(ROLL_CASH, news.merchant, *news.after, *news.to)


FOLLOWER = Follower("rollup", EVENTS, write)


async def once(db: Db, merchants: Sequence[int]) -> int:
    """Roll up these merchants' events to where they are now; answers how many there were."""
    for merchant in await _by_another_clock(db, merchants):
        async with tenant_tx(db, [merchant]) as tx:
            if await tx.value(BY_THAT_CLOCK, merchant):
                for statement in FORGET:
                    await tx.run(statement, merchant)
    return await FOLLOWER.once(db, merchants)


async def _by_another_clock(db: Db, merchants: Sequence[int]) -> list[int]:
    async with tenant_tx(db, merchants, readonly=True) as tx:
        return [row["merchant_id"] for row in await tx.rows(OTHER_CLOCK, list(merchants))]
