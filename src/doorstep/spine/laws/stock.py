"""stock: the units of a SKU, by stage and by place, are what moves brought there."""

from __future__ import annotations

from doorstep.spine.journey import JOURNEY, STOCK, WORLD, ways
from doorstep.spine.laws.law import (
    OF_GOODS,
    OF_PLACES,
    OF_STREAMS,
    Law,
    differing,
    of_orders,
    rows_of,
    touched,
    verbs_that_move,
)

STOCK_VERBS = tuple(row.verb for row in JOURNEY if row.stock)

_SINCE_THE_SEAL = touched("""join touched_event t on t.merchant_id = m.merchant_id and t.kind = m.kind and t.id = m.id
    and t.seq = m.seq""")
# What a seal has replayed stands in sealed_stock: only the moves of the events after it are added.
STOCK_MOVES = f"""
select m.merchant_id, m.sku_id, m.site_id, m.quantity, m.source, m.target, m.source_place, m.target_place, m.lot
  from move m {_SINCE_THE_SEAL}
  where m.merchant_id = any($1) and m.verb in ({verbs_that_move("stock")}) and m.what = 'stock' offset 0"""
# Each end of a move: units of a stage at a place.
STOCK_LEGS = f"""
select m.merchant_id, m.sku_id, m.site_id, case leg.sign when 1 then m.target else m.source end as stage,
    case leg.sign when 1 then m.target_place else m.source_place end as place, m.lot, m.quantity * leg.sign as quantity
  from ({STOCK_MOVES}) m cross join (values (-1), (1)) leg(sign)
  where case leg.sign when 1 then m.target else m.source end <> '{WORLD}'"""
STOCK_SEALED = """
union all
select merchant_id, sku_id, site_id, stage, place, lot, quantity from sealed_stock where merchant_id = any($1)
    and (merchant_id, sku_id, site_id) in (select merchant_id, sku_id, site_id from touched_goods)"""

STOCK_REPLAYED = f"""
select merchant_id, sku_id, site_id, {
    ", ".join(f"(sum(quantity) filter (where stage = '{stage}'))::bigint as {stage}" for stage in STOCK)
}
  from ({STOCK_LEGS} {touched(STOCK_SEALED)}) legs
  group by merchant_id, sku_id, site_id"""
STOCK_KEPT = f"""
select merchant_id, sku_id, site_id, {", ".join(STOCK)} from availability where merchant_id = any($1) {OF_GOODS}"""
STOCK_UNLIKE_MOVES = f"""
select merchant_id, 'sku_' || sku_id || ' at site ' || site_id || ' ' || account as what, expected, found,
    sku_id, site_id, account
  from ({differing(STOCK_REPLAYED, STOCK_KEPT, "merchant_id, sku_id, site_id", STOCK)}) d"""
# What is packed lies in a parcel, whose lines tell of it: it is compared with these below.
PLACES_REPLAYED = f"""
select merchant_id, sku_id, site_id, place, lot, sum(quantity)::bigint as quantity
  from ({STOCK_LEGS} {touched(STOCK_SEALED)}) legs
  where merchant_id = any($1) and not (stage = 'packed' and place like 'parcel:%') {OF_PLACES}
  group by merchant_id, sku_id, site_id, place, lot"""
PLACES_KEPT = f"""
select merchant_id, sku_id, site_id, place, lot, quantity from bin_stock where merchant_id = any($1) {OF_PLACES}"""
PLACES_UNLIKE_MOVES = f"""
select merchant_id, 'sku_' || sku_id || ' at site ' || site_id || ' in ' || place
    || coalesce(' lot ' || nullif(lot, ''), '') as what, expected, found, sku_id, site_id, place, lot
  from ({differing(PLACES_REPLAYED, PLACES_KEPT, "merchant_id, sku_id, site_id, place, lot", ("quantity",))}) d"""
# Places that held a SKU once are many: of what was touched, stages and places follow from the two checks above.
UNITS_BY_PLACE = """
select merchant_id, sku_id, site_id, sum(quantity)::bigint as units from place_stock
  where merchant_id = any($1) group by merchant_id, sku_id, site_id"""
UNITS_BY_STAGE = f"""
select merchant_id, sku_id, site_id, {" + ".join(STOCK)} as units from availability where merchant_id = any($1)"""
PLACES_UNLIKE_STAGES = f"""
select merchant_id, 'sku_' || sku_id || ' at site ' || site_id || ' in all places' as what, expected, found,
    sku_id, site_id
  from ({differing(UNITS_BY_STAGE, UNITS_BY_PLACE, "merchant_id, sku_id, site_id", ("units",))}) d"""
UNITS_IN_PARCELS = f"""
select p.merchant_id, 'parcel:' || p.parcel_id as place, p.site_id, l.sku_id, l.lot,
    sum(l.quantity)::bigint as units
  from parcel p join parcel_line l on l.merchant_id = p.merchant_id and l.parcel_id = p.parcel_id
  where p.merchant_id = any($1) {of_orders("p.")} and p.packed_at is not null and p.handed_over_at is null
  group by p.merchant_id, p.parcel_id, p.site_id, l.sku_id, l.lot"""
# Nothing comes into a parcel or out of it but by its own order's events, which are replayed whole.
_PACKING = ", ".join(f"'{row.verb}'" for row in JOURNEY if any("packed" in side for side in ways(row.stock)))
UNITS_BROUGHT_TO_PARCELS = f"""
select merchant_id, place, site_id, sku_id, lot, sum(quantity)::bigint as units from (
    select m.merchant_id, leg.place, m.site_id, m.sku_id, m.lot, leg.quantity
      from (select merchant_id, site_id, sku_id, lot, quantity, source, source_place, target, target_place from move
        where merchant_id = any($1) and verb in ({_PACKING}) and what = 'stock' {OF_STREAMS} offset 0) m
      cross join lateral (select m.target_place as place, m.quantity where m.target = 'packed'
        union all select m.source_place, -m.quantity where m.source = 'packed') leg
      where leg.place like 'parcel:%') legs
  group by merchant_id, place, site_id, sku_id, lot"""
PARCELS_UNLIKE_MOVES = f"""
select merchant_id, 'par_' || substr(place, 8) || ' units of sku_' || sku_id
    || coalesce(' lot ' || nullif(lot, ''), '') as what, expected, found, sku_id, site_id, place, lot
  from ({
    differing(UNITS_BROUGHT_TO_PARCELS, UNITS_IN_PARCELS, "merchant_id, place, site_id, sku_id, lot", ("units",))
}) d"""

LAWS = (
    Law(
        "stock",
        "The units of a SKU at a site, by stage, are what its moves add up to.",
        "look at the SKU's moves at the site; only spine/record.py may write availability: find what else did, then "
        "set the stages to what the moves say, or count the shelf and adjust",
        rows_of("availability"),
        (STOCK_UNLIKE_MOVES,),
    ),
    Law(
        "places",
        "What a place holds is what moves brought to it, in a bin, a tote, or a parcel that has not left; all places "
        "of a SKU at a site hold what its stages hold.",
        "look for a move that names a stage and not its place; set bin_stock, or the parcel's lines, to what the moves "
        "say, or count the place and adjust",
        rows_of("place_stock"),
        (PLACES_UNLIKE_MOVES, PLACES_UNLIKE_STAGES, PARCELS_UNLIKE_MOVES),
    ),
)  # fmt: skip
