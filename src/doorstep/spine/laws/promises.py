"""promises: what sites hold for orders is what was promised and picked; the dates that stand are those told last."""

from __future__ import annotations

from doorstep.spine.laws.law import OF_ORDERS, Law, differing, net, of_orders, rows_of, sums, verbs_that_move, whole
from doorstep.spine.laws.orders import DEMAND_MOVES, LINES_KEPT
from doorstep.spine.laws.stock import STOCK_KEPT

_ALLOCATED = ("promised", "picked", "packed", "shipped")
_STANDING = _ALLOCATED[:3]
_FOR_ORDERS = ("reserved", "picked", "packed")
ALLOCATIONS_REPLAYED = f"""
select merchant_id, order_id, line_no, fulfillment_order_id, {net(_ALLOCATED, "quantity")}
  from ({DEMAND_MOVES}) m where fulfillment_order_id <> 0
  group by merchant_id, order_id, line_no, fulfillment_order_id"""
ALLOCATIONS_KEPT = f"""
select merchant_id, order_id, line_no, fulfillment_order_id, {sums(_ALLOCATED)} from allocation
  where merchant_id = any($1) {OF_ORDERS} group by merchant_id, order_id, line_no, fulfillment_order_id"""
ALLOCATIONS_UNLIKE_MOVES = f"""
select merchant_id, 'ord_' || order_id || ' line ' || line_no || ' of ful_' || fulfillment_order_id || ' ' || account
    as what, expected, found, 'order' as kind, order_id as id, line_no, fulfillment_order_id, account
  from ({
    differing(
        ALLOCATIONS_REPLAYED, ALLOCATIONS_KEPT, "merchant_id, order_id, line_no, fulfillment_order_id", _ALLOCATED
    )
}) d"""
ALLOCATED_PER_LINE = f"""
select merchant_id, order_id, line_no, {sums(_STANDING)} from allocation
  where merchant_id = any($1) {OF_ORDERS} group by merchant_id, order_id, line_no"""
ALLOCATIONS_UNLIKE_LINES = f"""
select merchant_id, 'ord_' || order_id || ' line ' || line_no || ' ' || account || ' at sites' as what, expected, found,
    'order' as kind, order_id as id, line_no, account
  from ({differing(LINES_KEPT, ALLOCATED_PER_LINE, "merchant_id, order_id, line_no", _STANDING)}) d"""
TO_PACK_UNLIKE_ALLOCATIONS = f"""
select f.merchant_id, 'ful_' || f.fulfillment_order_id || ' to pack' as what, coalesce(a.units, 0) as expected,
    f.to_pack as found, 'order' as kind, f.order_id as id
  from fulfillment_order f
  left join (select merchant_id, fulfillment_order_id, sum(promised + picked)::integer as units from allocation
      where merchant_id = any($1) {OF_ORDERS} and promised + picked > 0 group by merchant_id, fulfillment_order_id) a
    on a.merchant_id = f.merchant_id and a.fulfillment_order_id = f.fulfillment_order_id
  where f.merchant_id = any($1) {of_orders("f.")} and f.to_pack <> coalesce(a.units, 0)"""
ALLOCATED_PER_SITE = """
select merchant_id, sku_id, site_id, sum(promised)::bigint as reserved, sum(picked)::bigint as picked,
    sum(packed)::bigint as packed
  from allocation where merchant_id = any($1) group by merchant_id, sku_id, site_id"""
RESERVED_UNLIKE_ALLOCATIONS = whole(f"""
select merchant_id, 'sku_' || sku_id || ' at site ' || site_id || ' ' || account || ' for orders' as what, expected,
    found, sku_id, site_id, account
  from ({differing(ALLOCATED_PER_SITE, STOCK_KEPT, "merchant_id, sku_id, site_id", _FOR_ORDERS)}) d""")
# The same, order by order: what its own moves set aside of the goods is what its allocations hold.
SET_ASIDE_BY_MOVES = f"""
select merchant_id, order_id, sku_id, site_id, {net(_FOR_ORDERS, "quantity")}
  from (select merchant_id, id as order_id, sku_id, site_id, quantity, source, target from move
    where merchant_id = any($1) and kind = 'order' and verb in ({verbs_that_move("stock")}) and what = 'stock'
      {of_orders(column="id")} offset 0) m
  group by merchant_id, order_id, sku_id, site_id"""
ALLOCATED_PER_ORDER = f"""
select merchant_id, order_id, sku_id, site_id, sum(promised)::bigint as reserved, sum(picked)::bigint as picked,
    sum(packed)::bigint as packed
  from allocation where merchant_id = any($1) {OF_ORDERS} group by merchant_id, order_id, sku_id, site_id"""
SET_ASIDE_UNLIKE_ALLOCATIONS = f"""
select merchant_id, 'ord_' || order_id || ' sku_' || sku_id || ' at site ' || site_id || ' ' || account || ' for it'
    as what, expected, found, 'order' as kind, order_id as id
  from ({
    differing(ALLOCATED_PER_ORDER, SET_ASIDE_BY_MOVES, "merchant_id, order_id, sku_id, site_id", _FOR_ORDERS)
}) d"""


# What buyers were told.

DATES_UNLIKE_PROMISES = f"""
select f.merchant_id, 'ful_' || f.fulfillment_order_id || ' dates' as what,
    concat_ws(' ', p.ship_by, p.deliver_from, p.deliver_by) as expected,
    concat_ws(' ', f.ship_by, f.deliver_from, f.deliver_by) as found, 'order' as kind, f.order_id as id
  from (select distinct on (merchant_id, order_id, fulfillment_order_id)
      merchant_id, order_id, fulfillment_order_id, ship_by, deliver_from, deliver_by
    from promise where merchant_id = any($1) {OF_ORDERS}
    order by merchant_id, order_id, fulfillment_order_id, promise_id desc) p
  join fulfillment_order f on f.merchant_id = p.merchant_id and f.fulfillment_order_id = p.fulfillment_order_id
  where (p.ship_by, p.deliver_from, p.deliver_by) is distinct from (f.ship_by, f.deliver_from, f.deliver_by)"""
SUPERSEDED_WITHOUT_REASON = f"""
select merchant_id, 'promise ' || promise_id || ' reason' as what,
    case when nth = 1 then 'none: it is the first' else 'why it supersedes the one before' end as expected,
    case when reason = '' then 'none' else reason end as found, 'order' as kind, order_id as id
  from (select merchant_id, order_id, promise_id, reason,
      row_number() over (partition by merchant_id, order_id, fulfillment_order_id order by promise_id) as nth
    from promise where merchant_id = any($1) {OF_ORDERS}) p
  where (nth = 1) <> (reason = '')"""
VERDICTS_UNLIKE_ARRIVALS = f"""
select e.merchant_id, 'end of promise ' || e.promise_id || ' for par_' || e.parcel_id as what,
    concat_ws(' ', late, 'days late') as expected,
    concat_ws(' ', e.days_late, 'days late,', case when e.kept then 'kept' else 'broken by ' || e.party end) as found,
    'order' as kind, e.order_id as id
  from promise_end e
  join promise p on p.merchant_id = e.merchant_id and p.order_id = e.order_id and p.promise_id = e.promise_id
  join parcel r on r.merchant_id = e.merchant_id and r.parcel_id = e.parcel_id
  join site t on t.site_id = r.site_id
  cross join lateral (select (r.delivered_at at time zone t.timezone)::date - p.deliver_by as late) d
  where e.merchant_id = any($1) {of_orders("e.")}
    and (e.days_late is distinct from d.late or e.kept <> (e.days_late <= 0) or e.kept <> (e.party = ''))"""

LAWS = (
    Law(
        "promises",
        "What sites hold for a line is what the line has; what they hold for orders is what is reserved, picked and "
        "packed there: nothing is sold twice, no reservation is left behind; what a fulfillment order has to pack is "
        "what is promised and picked for it.",
        "look for a move that names no fulfillment order, or a demand move without its stock move; set the "
        "allocation to what the moves say, and `to_pack` to what the allocations say",
        rows_of("allocation", "fulfillment_order"),
        (
            ALLOCATIONS_UNLIKE_MOVES, ALLOCATIONS_UNLIKE_LINES, TO_PACK_UNLIKE_ALLOCATIONS, RESERVED_UNLIKE_ALLOCATIONS,
            SET_ASIDE_UNLIKE_ALLOCATIONS,
        ),
    ),
    Law(
        "dates",
        "The dates that stand with a fulfillment order are the last that its buyer was told; each that supersedes "
        "another says why; whether one was kept follows from the day the parcel came.",
        "promises are only added, by the verbs that change a date: set the dates of the fulfillment order to those of "
        "its last promise; of a verdict, set days_late, kept and party to what setup/verdicts.py makes of the arrival",
        rows_of("promise", "promise_end"),
        (DATES_UNLIKE_PROMISES, SUPERSEDED_WITHOUT_REASON, VERDICTS_UNLIKE_ARRIVALS),
    ),
)  # fmt: skip
