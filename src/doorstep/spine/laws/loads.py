"""loads: a parcel is in one load at a time, a load counts what is in it, and what befalls it is told to all inside.

A load is the operator's and its parcels are their merchants': what both say of each other is compared where an audit
sees both.
"""

from __future__ import annotations

from doorstep.spine.laws.law import Law, rows_of
from doorstep.spine.loads import HAD_HAPPENED, KINDS

_RANK = "array_position(array[{}], {{}})".format(", ".join(f"'{kind}'" for kind in KINDS))
_OPEN = "coalesce({}.left_at, 'infinity')"

UNLIKE_SHARES = """
select l.merchant_id, 'lod_' || l.load_id || ' ' || v.name as what, v.expected, v.found, 'load' as kind, l.load_id as id
  from load l
  left join lateral (
    select coalesce(sum(s.parcels), 0)::bigint as parcels, coalesce(sum(s.weight_g), 0)::bigint as weight_g
      from load_share s where s.merchant_id = l.merchant_id and s.load_id = l.load_id) s on true
  left join lateral (
    select count(*) as loads from load_stay t
      where t.merchant_id = l.merchant_id and t.parent_id = l.load_id and t.left_at is null) t on true
  cross join lateral (values ('parcels', s.parcels, l.parcels::bigint), ('weight_g', s.weight_g, l.weight_g),
    ('loads', t.loads, l.loads::bigint)) v(name, expected, found)
  where l.merchant_id = any($1) and v.expected <> v.found"""
UNLIKE_MEMBERS = """
select s.merchant_id, 'lod_' || s.load_id || ' ' || v.name || ' of merchant ' || s.of_merchant as what, v.expected,
    v.found, 'load' as kind, s.load_id as id
  from load_share s
  cross join lateral (
    select count(*) as parcels, coalesce(sum(p.weight_g), 0)::bigint as weight_g from parcel_stay p
      where p.merchant_id = s.of_merchant and p.load_id = s.load_id and p.left_at is null) p
  cross join lateral (values ('parcels', p.parcels, s.parcels::bigint), ('weight_g', p.weight_g, s.weight_g))
    v(name, expected, found)
  where s.merchant_id = any($1) and s.of_merchant = any($1) and v.expected <> v.found"""
UNSHARED_MEMBERS = """
select p.merchant_id, 'par_' || p.parcel_id || ' in lod_' || p.load_id as what, 'a share of its merchant' as expected,
    'none' as found, 'order' as kind, r.order_id as id
  from parcel_stay p join parcel r on r.merchant_id = p.merchant_id and r.parcel_id = p.parcel_id
  where p.merchant_id = any($1) and p.of_operator = any($1) and not exists (select from load_share s
    where s.merchant_id = p.of_operator and s.load_id = p.load_id and s.of_merchant = p.merchant_id)"""
PARENTS_UNLIKE_STAYS = """
select l.merchant_id, 'lod_' || l.load_id || ' lies in' as what, coalesce(s.parent_id, 0) as expected,
    coalesce(l.parent_id, 0) as found, 'load' as kind, l.load_id as id
  from load l
  left join load_stay s on s.merchant_id = l.merchant_id and s.load_id = l.load_id and s.left_at is null
  where l.merchant_id = any($1) and s.parent_id is distinct from l.parent_id"""
IN_TWO_AT_ONCE = f"""
select a.merchant_id, 'par_' || a.parcel_id as what, 'one load at a time' as expected,
    'lod_' || a.load_id || ' and lod_' || b.load_id as found, 'order' as kind, p.order_id as id
  from parcel_stay a
  join parcel_stay b on b.merchant_id = a.merchant_id and b.parcel_id = a.parcel_id and b.stay_id > a.stay_id
    and a.joined_at < {_OPEN.format("b")} and b.joined_at < {_OPEN.format("a")}
  join parcel p on p.merchant_id = a.merchant_id and p.parcel_id = a.parcel_id
  where a.merchant_id = any($1)
union all
select a.merchant_id, 'lod_' || a.load_id as what, 'one load at a time' as expected,
    'lod_' || a.parent_id || ' and lod_' || b.parent_id as found, 'load' as kind, a.load_id as id
  from load_stay a
  join load_stay b on b.merchant_id = a.merchant_id and b.load_id = a.load_id and b.stay_id > a.stay_id
    and a.joined_at < {_OPEN.format("b")} and b.joined_at < {_OPEN.format("a")}
  where a.merchant_id = any($1)"""
# A kind goes only into a later one: so none comes back to itself.
INSIDE_OUT = f"""
select s.merchant_id, 'lod_' || s.load_id as what, 'inside a later kind than a ' || l.kind as expected,
    'inside a ' || p.kind as found, 'load' as kind, s.load_id as id
  from load_stay s
  join load l on l.merchant_id = s.merchant_id and l.load_id = s.load_id
  join load p on p.merchant_id = s.merchant_id and p.load_id = s.parent_id
  where s.merchant_id = any($1) and {_RANK.format("l.kind")} >= {_RANK.format("p.kind")}"""
# Each load with itself and all that it was ever in, and the time that the way there has in common.
_WITHIN = f"""
within(merchant_id, load_id, top, since, until) as (
  select l.merchant_id, l.load_id, l.load_id, '-infinity'::timestamptz, 'infinity'::timestamptz from load l
    where l.merchant_id = any($1)
  union all
  select w.merchant_id, w.load_id, s.parent_id, greatest(w.since, s.joined_at), least(w.until, {_OPEN.format("s")})
    from within w join load_stay s on s.merchant_id = w.merchant_id and s.load_id = w.top
    where greatest(w.since, s.joined_at) < least(w.until, {_OPEN.format("s")}))"""


# What happened to it while the parcel was inside; stands behind the closure above.
def _reaches() -> str:
    return f"""
select p.merchant_id, p.parcel_id, e.digest, e.raw_code, e.load_id
  from parcel_stay p
  join within w on w.merchant_id = p.of_operator and w.load_id = p.load_id
  join load_event e on e.merchant_id = w.merchant_id and e.load_id = w.top
    and {HAD_HAPPENED} >= greatest(w.since, p.joined_at) and {HAD_HAPPENED} < least(w.until, {_OPEN.format("p")})
  where p.merchant_id = any($1)"""


# While a job of the merchant is to spread it, it is on its way.
NOT_TOLD = f"""
with recursive {_WITHIN}
select r.merchant_id, 'par_' || r.parcel_id || ' ' || r.raw_code || ' of lod_' || r.load_id as what,
    'told to the parcel' as expected, 'not told' as found, 'order' as kind, p.order_id as id
  from ({_reaches()}) r
  join parcel p on p.merchant_id = r.merchant_id and p.parcel_id = r.parcel_id
  where not exists (select from parcel_event t
      where t.merchant_id = r.merchant_id and t.parcel_id = r.parcel_id and t.digest = r.digest)
    and not exists (select from job j where j.merchant_id = r.merchant_id and j.verb = 'spread' and j.state = 'due')"""
TOLD_OF_NOTHING = f"""
with recursive {_WITHIN},
reaches as materialized ({_reaches()})
select distinct t.merchant_id, 'par_' || t.parcel_id || ' ' || t.raw_code || ' of lod_' || e.load_id as what,
    'happened while it was inside' as expected, 'before or after' as found, 'order' as kind, p.order_id as id
  from parcel_event t
  join parcel p on p.merchant_id = t.merchant_id and p.parcel_id = t.parcel_id
  join parcel_stay s on s.merchant_id = t.merchant_id and s.parcel_id = t.parcel_id
  join within w on w.merchant_id = s.of_operator and w.load_id = s.load_id
  join load_event e on e.merchant_id = w.merchant_id and e.load_id = w.top and e.digest = t.digest
  where t.merchant_id = any($1) and t.leg = 'line_haul' and not exists (select from reaches r
    where r.merchant_id = t.merchant_id and r.parcel_id = t.parcel_id and r.digest = t.digest)"""

LAWS = (
    Law(
        "loads",
        "A parcel is in one load at a time and no load in itself; a load counts what is in it; what happens to a load "
        "is told to the parcels that were inside, and to no other.",
        "compare the load with its stays: set its counts and shares to what is in it; what a parcel was not told is "
        "told by replaying its merchant's `spread` jobs",
        rows_of("load", "parcel_stay"),
        (
            UNLIKE_SHARES, UNLIKE_MEMBERS, UNSHARED_MEMBERS, PARENTS_UNLIKE_STAYS, IN_TWO_AT_ONCE, INSIDE_OUT, NOT_TOLD,
            TOLD_OF_NOTHING,
        ),
    ),
)  # fmt: skip
