"""orders: lines are what moves made of them, and an order's summary is what its parts come to."""

from __future__ import annotations

from doorstep.spine.journey import LINE, WORLD
from doorstep.spine.laws.law import (
    OF_ORDERS,
    Law,
    differing,
    kept_of_orders,
    net,
    of_orders,
    rows_of,
    sums,
    verbs_that_move,
)
from doorstep.spine.status import AXES, PARCEL_COUNTER, PLANNED, UNITS, as_sql

# `offset 0` keeps each move from being taken apart once per account.
DEMAND_MOVES = f"""
select merchant_id, id as order_id, line_no, fulfillment_order_id, quantity, source, target from move
  where merchant_id = any($1) and kind = 'order' and verb in ({verbs_that_move("demand")}) and what = 'demand'
    {of_orders(column="id")} offset 0"""

# Lines

LINES_REPLAYED = f"""
select merchant_id, order_id, line_no, {net(LINE, "quantity")},
    sum(quantity * ((source = '{WORLD}')::int - (target = '{WORLD}')::int))::bigint as ordered
  from ({DEMAND_MOVES}) m group by merchant_id, order_id, line_no"""
LINES_KEPT = f"""
select merchant_id, order_id, line_no, {", ".join(UNITS)} from order_line where merchant_id = any($1) {OF_ORDERS}"""
LINES_UNLIKE_MOVES = f"""
select merchant_id, 'ord_' || order_id || ' line ' || line_no || ' ' || account as what, expected, found,
    'order' as kind, order_id as id, line_no, account
  from ({differing(LINES_REPLAYED, LINES_KEPT, "merchant_id, order_id, line_no", UNITS)}) d"""
LINES_WITH_ANOTHER_SUM = f"""
select merchant_id, 'ord_' || order_id || ' line ' || line_no || ' sum of its stages' as what, ordered as expected,
    {" + ".join(LINE)} as found, 'order' as kind, order_id as id, line_no
  from order_line where merchant_id = any($1) {OF_ORDERS} and ordered <> {" + ".join(LINE)}"""


_PARCEL_COUNTERS = tuple(dict.fromkeys(PARCEL_COUNTER.values()))

# Summaries

UNITS_OF_LINES = f"""
select merchant_id, order_id, {sums(UNITS)} from order_line
  where merchant_id = any($1) {OF_ORDERS} group by merchant_id, order_id"""


UNITS_KEPT = kept_of_orders(*UNITS)
SUMMARIES_UNLIKE_LINES = f"""
select merchant_id, 'ord_' || order_id || ' ' || account as what, expected, found, 'order' as kind, order_id as id
  from ({differing(UNITS_OF_LINES, UNITS_KEPT, "merchant_id, order_id", UNITS)}) d"""
STATUSES_UNLIKE_FUNCTIONS = f"""
select n.merchant_id, 'ord_' || n.order_id || ' ' || v.axis as what, v.expected, v.found, 'order' as kind,
    n.order_id as id
  from order_now n
  cross join lateral (values {", ".join(f"('{axis}', {as_sql(AXES[axis])}, n.{axis})" for axis in AXES)})
    v(axis, expected, found)
  where n.merchant_id = any($1) {of_orders("n.")} and ({
    " or ".join(f"n.{axis} is distinct from {as_sql(AXES[axis])}" for axis in AXES)
}) and v.expected is distinct from v.found"""
OPEN_HOLDS = f"""
select merchant_id, order_id, count(*) as holds_open from hold
  where merchant_id = any($1) {OF_ORDERS} and lifted_at is null group by merchant_id, order_id"""
HOLDS_KEPT = kept_of_orders("holds_open")
HOLDS_UNLIKE_COUNT = f"""
select merchant_id, 'ord_' || order_id || ' ' || account as what, expected, found, 'order' as kind, order_id as id
  from ({differing(OPEN_HOLDS, HOLDS_KEPT, "merchant_id, order_id", ("holds_open",))}) d"""
AUTHORIZATIONS_ASKED = f"""
select merchant_id, order_id, count(*) as auths_pending from payment
  where merchant_id = any($1) {OF_ORDERS} and kind = 'authorization' and state = 'wanted'
  group by merchant_id, order_id"""
AUTHORIZATIONS_KEPT = kept_of_orders("auths_pending")
AUTHORIZATIONS_UNLIKE_COUNT = f"""
select merchant_id, 'ord_' || order_id || ' ' || account as what, expected, found, 'order' as kind, order_id as id
  from ({differing(AUTHORIZATIONS_ASKED, AUTHORIZATIONS_KEPT, "merchant_id, order_id", ("auths_pending",))}) d"""
SERVICES_DELIVERED = f"""
select merchant_id, order_id, sum(delivered)::bigint as services from order_line
  where merchant_id = any($1) {OF_ORDERS} and not ships group by merchant_id, order_id"""
SERVICES_KEPT = kept_of_orders("services")
SERVICES_UNLIKE_COUNT = f"""
select merchant_id, 'ord_' || order_id || ' ' || account as what, expected, found, 'order' as kind, order_id as id
  from ({differing(SERVICES_DELIVERED, SERVICES_KEPT, "merchant_id, order_id", ("services",))}) d"""


def _states_of(counter: str) -> str:
    return ", ".join(f"'{state}'" for state, counted in PARCEL_COUNTER.items() if counted == counter)


_PARCEL_STATES = ", ".join(f"'{state}'" for state in (PLANNED, *PARCEL_COUNTER))
# A parcel counts from its packing until it is emptied again; somebody else's when it left.
PARCELS_BY_STATE = f"""
select p.merchant_id, p.order_id,
    {", ".join(f"count(*) filter (where p.state in ({_states_of(c)})) as {c}" for c in _PARCEL_COUNTERS)}
  from parcel p
  where p.merchant_id = any($1) {of_orders("p.")} and exists (select from parcel_line l
    where l.merchant_id = p.merchant_id and l.parcel_id = p.parcel_id and l.quantity > 0)
  group by p.merchant_id, p.order_id"""
PARCELS_KEPT = kept_of_orders(*_PARCEL_COUNTERS)
PARCELS_UNLIKE_COUNT = f"""
select merchant_id, 'ord_' || order_id || ' ' || account as what, expected, found, 'order' as kind, order_id as id
  from ({differing(PARCELS_BY_STATE, PARCELS_KEPT, "merchant_id, order_id", _PARCEL_COUNTERS)}) d"""
PARCELS_IN_NO_STATE = f"""
select merchant_id, 'par_' || parcel_id || ' state' as what, 'a state that is counted' as expected, state as found,
    'order' as kind, order_id as id
  from parcel where merchant_id = any($1) {OF_ORDERS} and state not in ({_PARCEL_STATES})
union all
select merchant_id, 'par_' || parcel_id || ' state' as what, 'a state of what left' as expected, state as found,
    'order' as kind, order_id as id
  from parcel where merchant_id = any($1) {OF_ORDERS} and state = '{PLANNED}' and (packed_at is not null
    or handed_over_at is not null or delivered_at is not null)"""


# How many stand where

STAGES_UNLIKE_COUNT = """
select merchant_id, 'orders at stage ' || stage as what, coalesce(n.orders, 0) as expected,
    coalesce(k.orders, 0) as found
  from (select o.merchant_id, o.stage, count(*) as orders from order_now o
      where o.merchant_id = any($1) group by 1, 2) n
  full join (select merchant_id, stage, sum(orders)::bigint as orders from stage_count
      where merchant_id = any($1) group by merchant_id, stage) k using (merchant_id, stage)
  where coalesce(n.orders, 0) <> coalesce(k.orders, 0)"""

LAWS = (
    Law(
        "lines",
        "The units of a line, by stage, are what its moves add up to, and together they are what was ordered.",
        "compare the line with its order's timeline; only spine/record.py may write its stages: find what else did, "
        "then set the columns to what the moves say",
        rows_of("order_line"),
        (LINES_UNLIKE_MOVES, LINES_WITH_ANOTHER_SUM),
    ),
    Law(
        "summaries",
        "An order's summary is its lines, services, open holds, asked authorizations and parcels counted; its statuses "
        "are their functions.",
        "set the counter of order_now to what is expected; where a status differs, the database's "
        "function is older than spine/status.py: replace it in a migration; a drifting counter is an Outcome whose "
        "`counts` do not match its facts",
        rows_of("order_now"),
        (
            SUMMARIES_UNLIKE_LINES, STATUSES_UNLIKE_FUNCTIONS, HOLDS_UNLIKE_COUNT, AUTHORIZATIONS_UNLIKE_COUNT,
            SERVICES_UNLIKE_COUNT, PARCELS_UNLIKE_COUNT, PARCELS_IN_NO_STATE,
        ),
    ),
    Law(
        "stage_counts",
        "As many orders are counted at a stage as stand there.",
        "set the rows of stage_count to one slot of the right number per stage; whoever wrote order_now past "
        "spine/record.py is the bug",
        rows_of("stage_count"),
        (STAGES_UNLIKE_COUNT,),
    ),
)  # fmt: skip
