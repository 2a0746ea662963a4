"""road: what of a line is on the road lies in parcels on their way, and these hold no more than that.

A parcel is on its way from its handing over until it arrives, is lost, or all of it is back. Of history a state may say
alone that something left, with no parcel that tells of it: it is not looked at.
"""

from __future__ import annotations

from doorstep.spine.laws.law import OF_ORDERS, Law, of_orders, rows_of
from doorstep.spine.moves import code

# Only where something of an order came back or was lost its events are asked which parcel that was.
_ON_ITS_WAY = f"""
left_the_site as materialized (
  select p.merchant_id, p.order_id, p.parcel_id, n.taken_back + n.lost > 0 as may_be_gone from parcel p
    join orders o on o.merchant_id = p.merchant_id and o.order_id = p.order_id and not o.history
    join order_now n on n.merchant_id = p.merchant_id and n.order_id = p.order_id
    where p.merchant_id = any($1) {of_orders("p.")} and p.handed_over_at is not null and p.delivered_at is null),
gone as materialized (
  select p.merchant_id, p.order_id, p.parcel_id, e.verb, e.data from left_the_site p
    cross join lateral (select e.verb, e.data from event e
      where p.may_be_gone and e.merchant_id = p.merchant_id and e.id = p.order_id and e.verb in ('take_back', 'lose')
        and e.data ->> 'parcel' = 'par_' || p.parcel_id
      offset 0) e),
on_its_way as materialized (
  select merchant_id, order_id, parcel_id from left_the_site
  except select merchant_id, order_id, parcel_id from gone where verb = 'lose'),
in_parcels as (
  select merchant_id, order_id, line_no, sum(units)::bigint as units from (
    select p.merchant_id, p.order_id, l.line_no, l.quantity as units from on_its_way p
      join parcel_line l on l.merchant_id = p.merchant_id and l.parcel_id = p.parcel_id
    union all
    select p.merchant_id, p.order_id, (l.value ->> 'line')::integer, -(l.value ->> 'quantity')::integer
      from on_its_way p join gone g on g.merchant_id = p.merchant_id and g.parcel_id = p.parcel_id
      cross join lateral json_array_elements(g.data -> 'lines') l) inside
  group by merchant_id, order_id, line_no)"""
_ON_THE_ROAD = f"""
select l.merchant_id, l.order_id, l.line_no, l.shipped from order_line l
  join orders o on o.merchant_id = l.merchant_id and o.order_id = l.order_id and not o.history
  where l.merchant_id = any($1) {of_orders("l.")} and l.shipped > 0"""
_CREDITED = f"""
select merchant_id, order_id, order_line_no as line_no, sum(quantity)::bigint as units from credit_link
  where merchant_id = any($1) {OF_ORDERS} and stage = 'shipped' group by merchant_id, order_id, order_line_no"""
# What a parcel holds may be counted elsewhere than on the road: it was credited on its way, or came back and nobody
# said in which parcel.
UNLIKE_PARCELS = f"""
with {_ON_ITS_WAY}
select d.merchant_id, 'ord_' || d.order_id || ' line ' || d.line_no || ' on the road' as what,
    case when d.shipped > d.units then 'at most ' || d.units
      else 'at least ' || d.units - d.credited - unnamed.units end || ' in parcels' as expected,
    d.shipped as found, 'order' as kind, d.order_id as id, d.line_no, 'shipped' as account
  from (select merchant_id, order_id, line_no, coalesce(s.shipped, 0) as shipped, coalesce(p.units, 0) as units,
      coalesce(c.units, 0) as credited
    from in_parcels p
    full join ({_ON_THE_ROAD}) s using (merchant_id, order_id, line_no)
    left join ({_CREDITED}) c using (merchant_id, order_id, line_no)
    where coalesce(s.shipped, 0) <> coalesce(p.units, 0)) d
  cross join lateral (
    select coalesce(sum((m.value ->> 2)::bigint), 0) as units from event e
      cross join lateral json_array_elements(e.moves) m
      where e.merchant_id = d.merchant_id and e.id = d.order_id and e.verb = 'take_back'
        and e.data ->> 'parcel' is null and e.data ->> 'correction' is null
        and (m.value ->> 0)::integer = {code("demand", "shipped", "taken_back")}
        and (m.value ->> 1)::integer = d.line_no) unnamed
  where not d.shipped between d.units - d.credited - unnamed.units and d.units"""

LAWS = (
    Law(
        "road",
        "What of a line is on the road lies in parcels on their way, and they hold no more than that, but for what was "
        "credited on the way or came back without its parcel.",
        "compare the order's timeline with its parcels: one that arrived has its `delivered_at`, one that left its "
        "`handed_over_at`, and their lines say what went out in them; set what differs to what the events say",
        rows_of("parcel"),
        (UNLIKE_PARCELS,),
    ),
)  # fmt: skip
