"""laws: what must hold in the books, each as the SQL that finds what breaks it.

A check answers one row per broken thing: `merchant_id`, `what`, `expected`, `found`, and where its event is to be
looked for: a stream (`kind`, `id`, perhaps `line_no`, `fulfillment_order_id`, `account`, `seq`) or stock (`sku_id`,
`site_id`, perhaps `account`, or `place` and `lot`). Replays take all moves apart once and aggregate; nothing is looked
up row by row.

One text serves two audits. The whole audit reads everything of its merchants. The audit of what came in since the last
seal reads the comments too: what stands in `/*touched …*/` narrows a check to the streams, goods and places that were
touched (`narrowed`; spine/sealing.py says which). A check without one is of the whole audit alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from doorstep.spine import load_laws
from doorstep.spine.feed import PREFIXES
from doorstep.spine.journey import CASH, JOURNEY, LINE, STOCK, WORLD, ways
from doorstep.spine.status import AXES, PARCEL_COUNTER, PLANNED, UNITS, as_sql


@dataclass(frozen=True, slots=True)
class Law:
    """`checks` find what breaks it, `counted` says how many things were looked at."""

    name: str
    says: str
    mend: str
    counted: str
    checks: tuple[str, ...]


_NARROWING = re.compile(r"/\*touched (.*?)\*/", re.DOTALL)


def narrowed(check: str) -> str | None:
    """The check of what was touched alone; None where only the whole can be checked."""
    return _NARROWING.sub(r" \1 ", check) if _NARROWING.search(check) else None


def _touched(narrowing: str) -> str:
    return f"/*touched {narrowing}*/"


def _whole(check: str) -> str:
    return _NARROWING.sub("", check)


def _of_orders(row: str = "", column: str = "order_id") -> str:
    return _touched(f"and ({row}merchant_id, {row}{column}) in (select merchant_id, order_id from touched_order)")


_THEIRS = _of_orders()
_OF_STREAMS = _touched("and (merchant_id, kind, id) in (select merchant_id, kind, id from touched_stream)")
_OF_CORRECTIONS = _touched(
    "and (merchant_id, correction_id) in (select merchant_id, correction_id from touched_correction)"
)
_OF_GOODS = _touched("and (merchant_id, sku_id, site_id) in (select merchant_id, sku_id, site_id from touched_goods)")
_OF_PLACES = _touched(
    "and (merchant_id, sku_id, site_id, place, lot) in"
    " (select merchant_id, sku_id, site_id, place, lot from touched_place)"
)


_PARCEL_COUNTERS = tuple(dict.fromkeys(PARCEL_COUNTER.values()))


def _differing(expected: str, found: str, keys: str, names: Sequence[str]) -> str:
    """Rows (keys, account, expected, found) where two balances of one thing differ; no row counts as zeros."""
    values = ", ".join(f"('{name}', coalesce(e.{name}, 0), coalesce(f.{name}, 0))" for name in names)
    left, right = (", ".join(f"coalesce({side}.{name}, 0)" for name in names) for side in "ef")
    return f"""
select {keys}, v.account, v.expected, v.found
  from ({expected}) e full join ({found}) f using ({keys})
  cross join lateral (values {values}) v(account, expected, found)
  where ({left}) is distinct from ({right}) and v.expected <> v.found"""


def _net(accounts: Iterable[str], amount: str) -> str:
    """Per account: what came minus what went."""
    moved = "sum({amount} * ((target = '{a}')::int - (source = '{a}')::int))::bigint as {a}"
    return ", ".join(moved.format(amount=amount, a=account) for account in accounts)


def _sums(names: Iterable[str]) -> str:
    return ", ".join(f"sum({name})::bigint as {name}" for name in names)


def _stream(row: str = "") -> str:
    """What people call a stream: ord_12."""
    names = " ".join(f"when '{kind}' then '{prefix}'" for kind, prefix in PREFIXES.items())
    return f"case {row}kind {names} else {row}kind end || '_' || {row}id"


def _rows(*tables: str) -> str:
    counts = " + ".join(f"(select count(*) from {table} where merchant_id = any($1))" for table in tables)
    return f"select {counts}"


def _verbs(kind: str) -> str:
    """Those that may move it: only their events need to be taken apart. A move by another breaks `legal_moves`."""
    return ", ".join(f"'{row.verb}'" for row in JOURNEY if getattr(row, kind))


STOCK_VERBS = tuple(row.verb for row in JOURNEY if row.stock)


# `offset 0` keeps each move from being taken apart once per account.
DEMAND_MOVES = f"""
select merchant_id, id as order_id, line_no, fulfillment_order_id, quantity, source, target from move
  where merchant_id = any($1) and kind = 'order' and verb in ({_verbs("demand")}) and what = 'demand'
    {_of_orders(column="id")} offset 0"""
CASH_MOVES = f"""
select merchant_id, id as order_id, amount_minor, source, target from move
  where merchant_id = any($1) and kind = 'order' and verb in ({_verbs("cash")}) and what = 'cash'
    {_of_orders(column="id")} offset 0"""
_SINCE_THE_SEAL = _touched("""join touched_event t on t.merchant_id = m.merchant_id and t.kind = m.kind and t.id = m.id
    and t.seq = m.seq""")
# What a seal has replayed stands in sealed_stock: only the moves of the events after it are added.
STOCK_MOVES = f"""
select m.merchant_id, m.sku_id, m.site_id, m.quantity, m.source, m.target, m.source_place, m.target_place, m.lot
  from move m {_SINCE_THE_SEAL}
  where m.merchant_id = any($1) and m.verb in ({_verbs("stock")}) and m.what = 'stock' offset 0"""
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

# lines

LINES_REPLAYED = f"""
select merchant_id, order_id, line_no, {_net(LINE, "quantity")},
    sum(quantity * ((source = '{WORLD}')::int - (target = '{WORLD}')::int))::bigint as ordered
  from ({DEMAND_MOVES}) m group by merchant_id, order_id, line_no"""
LINES_KEPT = f"""
select merchant_id, order_id, line_no, {", ".join(UNITS)} from order_line where merchant_id = any($1) {_THEIRS}"""
LINES_UNLIKE_MOVES = f"""
select merchant_id, 'ord_' || order_id || ' line ' || line_no || ' ' || account as what, expected, found,
    'order' as kind, order_id as id, line_no, account
  from ({_differing(LINES_REPLAYED, LINES_KEPT, "merchant_id, order_id, line_no", UNITS)}) d"""
LINES_WITH_ANOTHER_SUM = f"""
select merchant_id, 'ord_' || order_id || ' line ' || line_no || ' sum of its stages' as what, ordered as expected,
    {" + ".join(LINE)} as found, 'order' as kind, order_id as id, line_no
  from order_line where merchant_id = any($1) {_THEIRS} and ordered <> {" + ".join(LINE)}"""

# summaries

UNITS_OF_LINES = f"""
select merchant_id, order_id, {_sums(UNITS)} from order_line
  where merchant_id = any($1) {_THEIRS} group by merchant_id, order_id"""


def _kept(*columns: str) -> str:
    """Columns of the orders' summaries."""
    return f"select merchant_id, order_id, {', '.join(columns)} from order_now where merchant_id = any($1) {_THEIRS}"


UNITS_KEPT = _kept(*UNITS)
SUMMARIES_UNLIKE_LINES = f"""
select merchant_id, 'ord_' || order_id || ' ' || account as what, expected, found, 'order' as kind, order_id as id
  from ({_differing(UNITS_OF_LINES, UNITS_KEPT, "merchant_id, order_id", UNITS)}) d"""
STATUSES_UNLIKE_FUNCTIONS = f"""
select n.merchant_id, 'ord_' || n.order_id || ' ' || v.axis as what, v.expected, v.found, 'order' as kind,
    n.order_id as id
  from order_now n
  cross join lateral (values {", ".join(f"('{axis}', {as_sql(AXES[axis])}, n.{axis})" for axis in AXES)})
    v(axis, expected, found)
  where n.merchant_id = any($1) {_of_orders("n.")} and ({
    " or ".join(f"n.{axis} is distinct from {as_sql(AXES[axis])}" for axis in AXES)
}) and v.expected is distinct from v.found"""
OPEN_HOLDS = f"""
select merchant_id, order_id, count(*) as holds_open from hold
  where merchant_id = any($1) {_THEIRS} and lifted_at is null group by merchant_id, order_id"""
HOLDS_KEPT = _kept("holds_open")
HOLDS_UNLIKE_COUNT = f"""
select merchant_id, 'ord_' || order_id || ' ' || account as what, expected, found, 'order' as kind, order_id as id
  from ({_differing(OPEN_HOLDS, HOLDS_KEPT, "merchant_id, order_id", ("holds_open",))}) d"""
AUTHORIZATIONS_ASKED = f"""
select merchant_id, order_id, count(*) as auths_pending from payment
  where merchant_id = any($1) {_THEIRS} and kind = 'authorization' and state = 'wanted'
  group by merchant_id, order_id"""
AUTHORIZATIONS_KEPT = _kept("auths_pending")
AUTHORIZATIONS_UNLIKE_COUNT = f"""
select merchant_id, 'ord_' || order_id || ' ' || account as what, expected, found, 'order' as kind, order_id as id
  from ({_differing(AUTHORIZATIONS_ASKED, AUTHORIZATIONS_KEPT, "merchant_id, order_id", ("auths_pending",))}) d"""
SERVICES_DELIVERED = f"""
select merchant_id, order_id, sum(delivered)::bigint as services from order_line
  where merchant_id = any($1) {_THEIRS} and not ships group by merchant_id, order_id"""
SERVICES_KEPT = _kept("services")
SERVICES_UNLIKE_COUNT = f"""
select merchant_id, 'ord_' || order_id || ' ' || account as what, expected, found, 'order' as kind, order_id as id
  from ({_differing(SERVICES_DELIVERED, SERVICES_KEPT, "merchant_id, order_id", ("services",))}) d"""


def _states_of(counter: str) -> str:
    return ", ".join(f"'{state}'" for state, counted in PARCEL_COUNTER.items() if counted == counter)


_PARCEL_STATES = ", ".join(f"'{state}'" for state in (PLANNED, *PARCEL_COUNTER))
# A parcel counts from its packing until it is emptied again; somebody else's when it left.
PARCELS_BY_STATE = f"""
select p.merchant_id, p.order_id,
    {", ".join(f"count(*) filter (where p.state in ({_states_of(c)})) as {c}" for c in _PARCEL_COUNTERS)}
  from parcel p
  where p.merchant_id = any($1) {_of_orders("p.")} and exists (select from parcel_line l
    where l.merchant_id = p.merchant_id and l.parcel_id = p.parcel_id and l.quantity > 0)
  group by p.merchant_id, p.order_id"""
PARCELS_KEPT = _kept(*_PARCEL_COUNTERS)
PARCELS_UNLIKE_COUNT = f"""
select merchant_id, 'ord_' || order_id || ' ' || account as what, expected, found, 'order' as kind, order_id as id
  from ({_differing(PARCELS_BY_STATE, PARCELS_KEPT, "merchant_id, order_id", _PARCEL_COUNTERS)}) d"""
PARCELS_IN_NO_STATE = f"""
select merchant_id, 'par_' || parcel_id || ' state' as what, 'a state that is counted' as expected, state as found,
    'order' as kind, order_id as id
  from parcel where merchant_id = any($1) {_THEIRS} and state not in ({_PARCEL_STATES})
union all
select merchant_id, 'par_' || parcel_id || ' state' as what, 'a state of what left' as expected, state as found,
    'order' as kind, order_id as id
  from parcel where merchant_id = any($1) {_THEIRS} and state = '{PLANNED}' and (packed_at is not null
    or handed_over_at is not null or delivered_at is not null)"""

STAGES_UNLIKE_COUNT = """
select merchant_id, 'orders at stage ' || stage as what, coalesce(n.orders, 0) as expected,
    coalesce(k.orders, 0) as found
  from (select merchant_id, stage, count(*) as orders from order_now
      where merchant_id = any($1) group by merchant_id, stage) n
  full join (select merchant_id, stage, sum(orders)::bigint as orders from stage_count
      where merchant_id = any($1) group by merchant_id, stage) k using (merchant_id, stage)
  where coalesce(n.orders, 0) <> coalesce(k.orders, 0)"""

# stock and places

STOCK_REPLAYED = f"""
select merchant_id, sku_id, site_id, {
    ", ".join(f"(sum(quantity) filter (where stage = '{stage}'))::bigint as {stage}" for stage in STOCK)
}
  from ({STOCK_LEGS} {_touched(STOCK_SEALED)}) legs
  group by merchant_id, sku_id, site_id"""
STOCK_KEPT = f"""
select merchant_id, sku_id, site_id, {", ".join(STOCK)} from availability where merchant_id = any($1) {_OF_GOODS}"""
STOCK_UNLIKE_MOVES = f"""
select merchant_id, 'sku_' || sku_id || ' at site ' || site_id || ' ' || account as what, expected, found,
    sku_id, site_id, account
  from ({_differing(STOCK_REPLAYED, STOCK_KEPT, "merchant_id, sku_id, site_id", STOCK)}) d"""
PLACES_REPLAYED = f"""
select merchant_id, sku_id, site_id, place, lot, sum(quantity)::bigint as quantity
  from ({STOCK_LEGS} {_touched(STOCK_SEALED)}) legs where merchant_id = any($1) {_OF_PLACES}
  group by merchant_id, sku_id, site_id, place, lot"""
PLACES_KEPT = f"""
select merchant_id, sku_id, site_id, place, lot, quantity from bin_stock where merchant_id = any($1) {_OF_PLACES}"""
PLACES_UNLIKE_MOVES = f"""
select merchant_id, 'sku_' || sku_id || ' at site ' || site_id || ' in ' || place
    || coalesce(' lot ' || nullif(lot, ''), '') as what, expected, found, sku_id, site_id, place, lot
  from ({_differing(PLACES_REPLAYED, PLACES_KEPT, "merchant_id, sku_id, site_id, place, lot", ("quantity",))}) d"""
# Places that held a SKU once are many: of what was touched, stages and places follow from the two checks above.
UNITS_BY_PLACE = """
select merchant_id, sku_id, site_id, sum(quantity)::bigint as units from bin_stock
  where merchant_id = any($1) group by merchant_id, sku_id, site_id"""
UNITS_BY_STAGE = f"""
select merchant_id, sku_id, site_id, {" + ".join(STOCK)} as units from availability where merchant_id = any($1)"""
PLACES_UNLIKE_STAGES = f"""
select merchant_id, 'sku_' || sku_id || ' at site ' || site_id || ' in all places' as what, expected, found,
    sku_id, site_id
  from ({_differing(UNITS_BY_STAGE, UNITS_BY_PLACE, "merchant_id, sku_id, site_id", ("units",))}) d"""
UNITS_IN_PARCELS = f"""
select p.merchant_id, p.parcel_id, p.site_id, l.sku_id, l.lot, sum(l.quantity)::bigint as units
  from parcel p join parcel_line l on l.merchant_id = p.merchant_id and l.parcel_id = p.parcel_id
  where p.merchant_id = any($1) {_of_orders("p.")} and p.packed_at is not null and p.handed_over_at is null
  group by p.merchant_id, p.parcel_id, p.site_id, l.sku_id, l.lot"""
_PLACES_OF_PARCELS = """
and (merchant_id, sku_id, site_id, place) in (select p.merchant_id, p.sku_id, p.site_id, p.place from (
    select p.merchant_id, l.sku_id, p.site_id, 'parcel:' || p.parcel_id as place
      from touched_order t join parcel p on p.merchant_id = t.merchant_id and p.order_id = t.order_id
      join parcel_line l on l.merchant_id = p.merchant_id and l.parcel_id = p.parcel_id offset 0) p)"""
PARCELS_AS_PLACES = f"""
select merchant_id, substr(place, 8)::bigint as parcel_id, site_id, sku_id, lot, quantity as units from bin_stock
  where merchant_id = any($1) {_touched(_PLACES_OF_PARCELS)} and place ~ '^parcel:[0-9]+$'"""
PARCELS_UNLIKE_PLACES = f"""
select merchant_id, 'par_' || parcel_id || ' units of sku_' || sku_id as what, expected, found, sku_id, site_id,
    'parcel:' || parcel_id as place, lot
  from ({
    _differing(UNITS_IN_PARCELS, PARCELS_AS_PLACES, "merchant_id, parcel_id, site_id, sku_id, lot", ("units",))
}) d"""

# promises

_ALLOCATED = ("promised", "picked", "packed", "shipped")
_STANDING = _ALLOCATED[:3]
_FOR_ORDERS = ("reserved", "picked", "packed")
ALLOCATIONS_REPLAYED = f"""
select merchant_id, order_id, line_no, fulfillment_order_id, {_net(_ALLOCATED, "quantity")}
  from ({DEMAND_MOVES}) m where fulfillment_order_id <> 0
  group by merchant_id, order_id, line_no, fulfillment_order_id"""
ALLOCATIONS_KEPT = f"""
select merchant_id, order_id, line_no, fulfillment_order_id, {_sums(_ALLOCATED)} from allocation
  where merchant_id = any($1) {_THEIRS} group by merchant_id, order_id, line_no, fulfillment_order_id"""
ALLOCATIONS_UNLIKE_MOVES = f"""
select merchant_id, 'ord_' || order_id || ' line ' || line_no || ' of ful_' || fulfillment_order_id || ' ' || account
    as what, expected, found, 'order' as kind, order_id as id, line_no, fulfillment_order_id, account
  from ({
    _differing(
        ALLOCATIONS_REPLAYED, ALLOCATIONS_KEPT, "merchant_id, order_id, line_no, fulfillment_order_id", _ALLOCATED
    )
}) d"""
ALLOCATED_PER_LINE = f"""
select merchant_id, order_id, line_no, {_sums(_STANDING)} from allocation
  where merchant_id = any($1) {_THEIRS} group by merchant_id, order_id, line_no"""
ALLOCATIONS_UNLIKE_LINES = f"""
select merchant_id, 'ord_' || order_id || ' line ' || line_no || ' ' || account || ' at sites' as what, expected, found,
    'order' as kind, order_id as id, line_no, account
  from ({_differing(LINES_KEPT, ALLOCATED_PER_LINE, "merchant_id, order_id, line_no", _STANDING)}) d"""
TO_PACK_UNLIKE_ALLOCATIONS = f"""
select f.merchant_id, 'ful_' || f.fulfillment_order_id || ' to pack' as what, coalesce(a.units, 0) as expected,
    f.to_pack as found, 'order' as kind, f.order_id as id
  from fulfillment_order f
  left join (select merchant_id, fulfillment_order_id, sum(promised + picked)::integer as units from allocation
      where merchant_id = any($1) {_THEIRS} and promised + picked > 0 group by merchant_id, fulfillment_order_id) a
    on a.merchant_id = f.merchant_id and a.fulfillment_order_id = f.fulfillment_order_id
  where f.merchant_id = any($1) {_of_orders("f.")} and f.to_pack <> coalesce(a.units, 0)"""
ALLOCATED_PER_SITE = """
select merchant_id, sku_id, site_id, sum(promised)::bigint as reserved, sum(picked)::bigint as picked,
    sum(packed)::bigint as packed
  from allocation where merchant_id = any($1) group by merchant_id, sku_id, site_id"""
RESERVED_UNLIKE_ALLOCATIONS = _whole(f"""
select merchant_id, 'sku_' || sku_id || ' at site ' || site_id || ' ' || account || ' for orders' as what, expected,
    found, sku_id, site_id, account
  from ({_differing(ALLOCATED_PER_SITE, STOCK_KEPT, "merchant_id, sku_id, site_id", _FOR_ORDERS)}) d""")
# The same, order by order: what its own moves set aside of the goods is what its allocations hold.
SET_ASIDE_BY_MOVES = f"""
select merchant_id, order_id, sku_id, site_id, {_net(_FOR_ORDERS, "quantity")}
  from (select merchant_id, id as order_id, sku_id, site_id, quantity, source, target from move
    where merchant_id = any($1) and kind = 'order' and verb in ({_verbs("stock")}) and what = 'stock'
      {_of_orders(column="id")} offset 0) m
  group by merchant_id, order_id, sku_id, site_id"""
ALLOCATED_PER_ORDER = f"""
select merchant_id, order_id, sku_id, site_id, sum(promised)::bigint as reserved, sum(picked)::bigint as picked,
    sum(packed)::bigint as packed
  from allocation where merchant_id = any($1) {_THEIRS} group by merchant_id, order_id, sku_id, site_id"""
SET_ASIDE_UNLIKE_ALLOCATIONS = f"""
select merchant_id, 'ord_' || order_id || ' sku_' || sku_id || ' at site ' || site_id || ' ' || account || ' for it'
    as what, expected, found, 'order' as kind, order_id as id
  from ({
    _differing(ALLOCATED_PER_ORDER, SET_ASIDE_BY_MOVES, "merchant_id, order_id, sku_id, site_id", _FOR_ORDERS)
}) d"""

# cash

CASH_REPLAYED = f"""
select merchant_id, order_id, {_net(CASH, "amount_minor")} from ({CASH_MOVES}) m group by merchant_id, order_id"""
CASH_KEPT = _kept(*CASH)
CASH_UNLIKE_MOVES = f"""
select merchant_id, 'ord_' || order_id || ' ' || account as what, expected, found, 'order' as kind, order_id as id,
    account
  from ({_differing(CASH_REPLAYED, CASH_KEPT, "merchant_id, order_id", CASH)}) d"""
MORE_OUT_THAN_IN = f"""
select merchant_id, 'ord_' || order_id || ' ' || v.account as what, 'at most ' || v.most as expected, v.found,
    'order' as kind, order_id as id
  from (
    select merchant_id, order_id,
        sum(amount_minor) filter (where target = 'held') as authorized,
        sum(amount_minor) filter (where source = 'held' and target = 'earned') as captured,
        sum(amount_minor) filter (where target = 'earned') as earned,
        sum(amount_minor) filter (where target = 'refunded') as refunded
      from ({CASH_MOVES}) m group by merchant_id, order_id) o
  cross join lateral (values ('captured', coalesce(captured, 0), coalesce(authorized, 0)),
    ('refunded', coalesce(refunded, 0), coalesce(earned, 0))) v(account, found, most)
  where v.found > v.most"""
# Which move a payment that is done stands for.
PAYMENT_MOVES = {
    "authorization": (WORLD, "held"),
    "capture": ("held", "earned"),
    "payment": (WORLD, "earned"),
    "refund": ("earned", "refunded"),
    "collection": (WORLD, "collected"),
    "release": ("held", WORLD),
}
_KINDS = tuple(PAYMENT_MOVES)
_MOVED = ", ".join(
    f"sum(amount_minor) filter (where source = '{source}' and target = '{target}') as {kind}"
    for kind, (source, target) in PAYMENT_MOVES.items()
)
_PAID = ", ".join(f"sum(amount_minor) filter (where kind = '{kind}') as {kind}" for kind in _KINDS)
CASH_BY_PAYMENT = f"select merchant_id, order_id, {_MOVED} from ({CASH_MOVES}) m group by merchant_id, order_id"
PAYMENTS_DONE = f"""
select merchant_id, order_id, {_PAID} from payment
  where merchant_id = any($1) {_THEIRS} and state in ('done', 'expired') and done_at is not null
  group by merchant_id, order_id"""
PAYMENTS_UNLIKE_MOVES = f"""
select merchant_id, 'ord_' || order_id || ' payments of kind ' || account as what, expected, found, 'order' as kind,
    order_id as id
  from ({_differing(CASH_BY_PAYMENT, PAYMENTS_DONE, "merchant_id, order_id", _KINDS)}) d"""

# invoices

INVOICES_ISSUED = f"""
select merchant_id, order_id, sum(total_minor) filter (where kind = 'invoice') as invoiced,
    sum(total_minor) filter (where kind = 'credit_note') as credited
  from invoice where merchant_id = any($1) {_THEIRS} group by merchant_id, order_id"""
INVOICED_KEPT = _kept("invoiced", "credited")
INVOICES_UNLIKE_COUNT = f"""
select merchant_id, 'ord_' || order_id || ' ' || account as what, expected, found, 'order' as kind, order_id as id
  from ({_differing(INVOICES_ISSUED, INVOICED_KEPT, "merchant_id, order_id", ("invoiced", "credited"))}) d"""
GAPS_IN_NUMBERS = f"""
select i.merchant_id, 'series ' || i.series || ' number ' || i.number as what,
    1 + (select coalesce(max(p.number), 0) from invoice p
      where p.merchant_id = i.merchant_id and p.series = i.series and p.number < i.number) as expected,
    i.number as found, 'order' as kind, i.order_id as id
  from invoice i
  where i.merchant_id = any($1) {_of_orders("i.")} and i.number <> 1 and not exists (select from invoice p
    where p.merchant_id = i.merchant_id and p.series = i.series and p.number = i.number - 1)"""
SERIES_REPLAYED = f"""
select s.merchant_id, s.series, (select max(i.number) + 1 from invoice i
    where i.merchant_id = s.merchant_id and i.series = s.series) as next
  from (select distinct merchant_id, series from invoice where merchant_id = any($1) {_THEIRS}) s"""
SERIES_KEPT = f"""
select merchant_id, series, next from series where merchant_id = any($1) {
    _touched(
        "and (merchant_id, series) in (select t.merchant_id, i.series from touched_order t"
        " join invoice i on i.merchant_id = t.merchant_id and i.order_id = t.order_id)"
    )
}"""
SERIES_UNLIKE_INVOICES = f"""
select coalesce(i.merchant_id, s.merchant_id) as merchant_id,
    'series ' || coalesce(i.series, s.series) || ' next' as what, coalesce(i.next, 1) as expected, s.next as found
  from ({SERIES_REPLAYED}) i full join ({SERIES_KEPT}) s on s.merchant_id = i.merchant_id and s.series = i.series
  where s.next is distinct from coalesce(i.next, 1)"""

# corrections

_OF_CORRECTION = "'correction' as kind, correction_id as id"
TOTALS_OF_LINES = f"""
select merchant_id, correction_id, sum(total_minor)::bigint as total_minor from correction_line
  where merchant_id = any($1) {_OF_CORRECTIONS} group by merchant_id, correction_id"""
TOTALS_KEPT = (
    f"select merchant_id, correction_id, total_minor from correction where merchant_id = any($1) {_OF_CORRECTIONS}"
)
CORRECTIONS_UNLIKE_LINES = f"""
select merchant_id, 'cor_' || correction_id || ' ' || account as what, expected, found, {_OF_CORRECTION}
  from ({_differing(TOTALS_OF_LINES, TOTALS_KEPT, "merchant_id, correction_id", ("total_minor",))}) d"""
UNITS_OF_LINKS = f"""
select merchant_id, correction_id, line_no, sum(quantity)::bigint as linked from credit_link
  where merchant_id = any($1) {_OF_CORRECTIONS} group by merchant_id, correction_id, line_no"""
LINKED_KEPT = f"""
select merchant_id, correction_id, line_no, linked::bigint from correction_line
  where merchant_id = any($1) {_OF_CORRECTIONS}"""
LINKED_UNLIKE_LINKS = f"""
select merchant_id, 'cor_' || correction_id || ' line ' || line_no || ' ' || account as what, expected, found,
    {_OF_CORRECTION}
  from ({_differing(UNITS_OF_LINKS, LINKED_KEPT, "merchant_id, correction_id, line_no", ("linked",))}) d"""
MORE_LINKED_THAN_CREDITED = f"""
select merchant_id, 'cor_' || correction_id || ' line ' || line_no || ' linked units' as what,
    'at most ' || greatest(-quantity, 0) as expected, linked as found, {_OF_CORRECTION}
  from correction_line where merchant_id = any($1) {_OF_CORRECTIONS} and linked > greatest(-quantity, 0)"""
MORE_LINKED_THAN_CAME_BACK = f"""
select k.merchant_id, 'ord_' || k.order_id || ' line ' || k.order_line_no || ' credited units' as what,
    'at most ' || l.taken_back as expected, k.units as found, 'order' as kind, k.order_id as id,
    k.order_line_no as line_no, 'taken_back' as account
  from (
    select merchant_id, order_id, order_line_no, sum(quantity) as units from credit_link
      where merchant_id = any($1) {_THEIRS} group by merchant_id, order_id, order_line_no) k
  join order_line l on l.merchant_id = k.merchant_id and l.order_id = k.order_id and l.line_no = k.order_line_no
  where k.units > l.taken_back"""
# Every move that a correction makes on an order has its link: the units that came back, the money owed less.
CREDITED_BY_MOVES = f"""
select merchant_id, id as order_id,
    sum(quantity * ((target = 'taken_back')::int - (source = 'taken_back')::int))::bigint as credited_units,
    sum(amount_minor * ((source = 'owed')::int - (target = 'owed')::int))::bigint as credited_minor
  from (select merchant_id, id, quantity, amount_minor, source, target from move
    where merchant_id = any($1) and kind = 'order' and verb = 'import_correction'
      {_of_orders(column="id")} offset 0) m
  group by merchant_id, id"""
CREDITED_BY_LINKS = f"""
select merchant_id, order_id, sum(quantity)::bigint as credited_units, sum(less_minor)::bigint as credited_minor
  from credit_link where merchant_id = any($1) {_THEIRS} group by merchant_id, order_id"""
LINKS_UNLIKE_MOVES = f"""
select merchant_id, 'ord_' || order_id || ' ' || account as what, expected, found, 'order' as kind, order_id as id
  from ({
    _differing(CREDITED_BY_MOVES, CREDITED_BY_LINKS, "merchant_id, order_id", ("credited_units", "credited_minor"))
}) d"""

# streams

STREAMS_REPLAYED = f"""
select merchant_id, kind, id, count(*) as events, max(seq)::bigint as last_event from event
  where merchant_id = any($1) {_OF_STREAMS} group by merchant_id, kind, id"""
STREAMS_KEPT = f"""
select merchant_id, 'order' as kind, order_id as id, seq::bigint as events, seq::bigint as last_event from order_now
  where merchant_id = any($1) {_THEIRS}
union all
select merchant_id, kind, id, seq, seq from stream where merchant_id = any($1) {_OF_STREAMS}"""
STREAMS_WITH_GAPS = f"""
select merchant_id, {_stream()} || ' ' || account as what, found as expected, expected as found, kind, id
  from ({_differing(STREAMS_REPLAYED, STREAMS_KEPT, "merchant_id, kind, id", ("events", "last_event"))}) d"""

# requests

# Keys have no place in the feed: those are looked at that were asked when the events were recorded.
_ASKED = _touched("""join touched_request t on t.merchant_id = r.merchant_id
    and r.asked_at between t.asked_from and t.asked_to""")
UNANSWERED = f"""
select r.merchant_id, 'request ' || encode(r.key, 'hex') as what, 'an answer' as expected, 'none' as found
  from request r {_ASKED} where r.merchant_id = any($1) and r.answer is null"""
# The number is read first: behind the tenant wall no index is looked up by what a cast may refuse.
ANSWERS_TO_NOTHING = f"""
select r.merchant_id, 'request ' || encode(r.key, 'hex') as what, r.named as expected, 'no such order' as found
  from (
    select r.merchant_id, r.key, r.answer ->> 'order' as named, substr(r.answer ->> 'order', 5)::bigint as order_id
      from request r {_ASKED}
      where r.merchant_id = any($1) and r.answer ->> 'order' ~ '^ord_[0-9]+$' offset 0) r
  where not exists (select from orders o where o.merchant_id = r.merchant_id and o.order_id = r.order_id)"""
ORDERS_TWICE = f"""
select merchant_id, 'external id ' || external_id || ' of channel ' || channel_id as what, 'one order' as expected,
    string_agg('ord_' || order_id, ', ' order by order_id) as found, 'order' as kind, max(order_id) as id
  from orders where merchant_id = any($1) and external_id is not null {
    _touched(
        "and (merchant_id, channel_id, external_id) in (select o.merchant_id, o.channel_id, o.external_id"
        " from touched_order t join orders o on o.merchant_id = t.merchant_id and o.order_id = t.order_id)"
    )
}
  group by merchant_id, channel_id, external_id having count(*) > 1"""

# dates: what buyers were told

DATES_UNLIKE_PROMISES = f"""
select f.merchant_id, 'ful_' || f.fulfillment_order_id || ' dates' as what,
    concat_ws(' ', p.ship_by, p.deliver_from, p.deliver_by) as expected,
    concat_ws(' ', f.ship_by, f.deliver_from, f.deliver_by) as found, 'order' as kind, f.order_id as id
  from (select distinct on (merchant_id, order_id, fulfillment_order_id)
      merchant_id, order_id, fulfillment_order_id, ship_by, deliver_from, deliver_by
    from promise where merchant_id = any($1) {_THEIRS}
    order by merchant_id, order_id, fulfillment_order_id, promise_id desc) p
  join fulfillment_order f on f.merchant_id = p.merchant_id and f.fulfillment_order_id = p.fulfillment_order_id
  where (p.ship_by, p.deliver_from, p.deliver_by) is distinct from (f.ship_by, f.deliver_from, f.deliver_by)"""
SUPERSEDED_WITHOUT_REASON = f"""
select merchant_id, 'promise ' || promise_id || ' reason' as what,
    case when nth = 1 then 'none: it is the first' else 'why it supersedes the one before' end as expected,
    case when reason = '' then 'none' else reason end as found, 'order' as kind, order_id as id
  from (select merchant_id, order_id, promise_id, reason,
      row_number() over (partition by merchant_id, order_id, fulfillment_order_id order by promise_id) as nth
    from promise where merchant_id = any($1) {_THEIRS}) p
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
  where e.merchant_id = any($1) {_of_orders("e.")}
    and (e.days_late is distinct from d.late or e.kept <> (e.days_late <= 0) or e.kept <> (e.party = ''))"""

# references: (what points, how it is called, its order, to which table, by which columns; here:there where they differ)

_REFERENCES = (
    ("orders", "'ord_' || c.order_id", "c.order_id", "order_now", ("order_id",)),
    ("orders", "'ord_' || c.order_id", "c.order_id", "channel", ("channel_id",)),
    ("order_now", "'ord_' || c.order_id || ' summary'", "c.order_id", "orders", ("order_id",)),
    ("order_line", "'ord_' || c.order_id || ' line ' || c.line_no", "c.order_id", "orders", ("order_id",)),
    ("order_line", "'ord_' || c.order_id || ' line ' || c.line_no", "c.order_id", "sku", ("sku_id",)),
    ("hold", "'hld_' || c.hold_id", "c.order_id", "orders", ("order_id",)),
    ("hold", "'hld_' || c.hold_id", "c.order_id", "order_line", ("order_id", "line_no")),
    ("decision", "'decision ' || c.decision_id", "c.order_id", "orders", ("order_id",)),
    ("attention", "'attention ' || c.attention_id", "c.order_id", "orders", ("order_id",)),
    ("fulfillment_order", "'ful_' || c.fulfillment_order_id", "c.order_id", "orders", ("order_id",)),
    ("allocation", "'allocation of line ' || c.line_no", "c.order_id", "order_line", ("order_id", "line_no", "sku_id")),
    (
        "allocation", "'allocation of line ' || c.line_no", "c.order_id", "fulfillment_order",
        ("order_id", "fulfillment_order_id", "site_id"),
    ),
    ("allocation", "'allocation of line ' || c.line_no", "c.order_id", "sku", ("sku_id",)),
    ("parcel", "'par_' || c.parcel_id", "c.order_id", "orders", ("order_id",)),
    ("parcel", "'par_' || c.parcel_id", "c.order_id", "fulfillment_order", ("order_id", "fulfillment_order_id")),
    ("promise", "'promise ' || c.promise_id", "c.order_id", "orders", ("order_id",)),
    ("promise", "'promise ' || c.promise_id", "c.order_id", "fulfillment_order", ("order_id", "fulfillment_order_id")),
    ("promise_end", "'end of promise ' || c.promise_id", "c.order_id", "promise", ("order_id", "promise_id")),
    ("promise_end", "'end of promise ' || c.promise_id", "c.order_id", "parcel", ("order_id", "parcel_id")),
    ("parcel_line", "'par_' || c.parcel_id || ' line ' || c.line_no", "null::bigint", "parcel", ("parcel_id",)),
    ("parcel_event", "'event of par_' || c.parcel_id", "null::bigint", "parcel", ("parcel_id",)),
    ("parcel", "'par_' || c.parcel_id", "c.order_id", "manifest", ("manifest_id",)),
    ("return_label", "'ret_' || c.return_label_id", "c.order_id", "parcel", ("order_id", "parcel_id")),
    ("payment", "'pay_' || c.payment_id", "c.order_id", "orders", ("order_id",)),
    ("payment", "'pay_' || c.payment_id", "c.order_id", "payment", ("order_id", "parent_id:payment_id")),
    ("invoice", "'invoice ' || c.series || ' ' || c.number", "c.order_id", "parcel", ("order_id", "parcel_id")),
    ("attention", "'attention ' || c.attention_id", "c.order_id", "parcel", ("parcel_id",)),
    ("invoice", "'invoice ' || c.series || ' ' || c.number", "c.order_id", "orders", ("order_id",)),
    ("correction", "'cor_' || c.correction_id", "null::bigint", "channel", ("channel_id",)),
    (
        "correction_line", "'cor_' || c.correction_id || ' line ' || c.line_no", "null::bigint", "correction",
        ("correction_id",),
    ),
    ("correction_line", "'cor_' || c.correction_id || ' line ' || c.line_no", "null::bigint", "sku", ("sku_id",)),
    (
        "credit_link", "'link of cor_' || c.correction_id || ' line ' || c.line_no", "c.order_id", "correction_line",
        ("correction_id", "line_no"),
    ),
    (
        "credit_link", "'link of cor_' || c.correction_id || ' line ' || c.line_no", "c.order_id", "order_line",
        ("order_id", "order_line_no:line_no"),
    ),
    ("parcel_number", "'number of par_' || c.parcel_id", "null::bigint", "parcel", ("parcel_id",)),
    ("parcel_stay", "'stay of par_' || c.parcel_id", "null::bigint", "parcel", ("parcel_id",)),
    ("load", "'lod_' || c.load_id", "null::bigint", "load", ("parent_id:load_id",)),
    ("load_stay", "'stay of lod_' || c.load_id", "null::bigint", "load", ("load_id",)),
    ("load_stay", "'stay of lod_' || c.load_id", "null::bigint", "load", ("parent_id:load_id",)),
    ("load_share", "'share of lod_' || c.load_id", "null::bigint", "load", ("load_id",)),
    ("load_event", "'event of lod_' || c.load_id", "null::bigint", "load", ("load_id",)),
    ("asn_line", "'asn_' || c.asn_id || ' sku_' || c.sku_id", "null::bigint", "asn", ("asn_id",)),
    ("asn_line", "'asn_' || c.asn_id || ' sku_' || c.sku_id", "null::bigint", "sku", ("sku_id",)),
    ("availability", "'stock of sku_' || c.sku_id", "null::bigint", "sku", ("sku_id",)),
    ("bin_stock", "'sku_' || c.sku_id || ' in ' || c.place", "null::bigint", "sku", ("sku_id",)),
)  # fmt: skip


_BY_PARCEL = _touched("""and (c.merchant_id, c.parcel_id) in (select t.merchant_id, p.parcel_id from touched_order t
      join parcel p on p.merchant_id = t.merchant_id and p.order_id = t.order_id)""")
_BY_CORRECTION = _OF_CORRECTIONS.replace("(merchant_id", "(c.merchant_id", 1).replace(
    ", correction", ", c.correction", 1
)
_BY_ASN = _touched("and (c.merchant_id, c.asn_id) in (select merchant_id, id from touched_stream where kind = 'asn')")
_BY_LOAD = _touched(
    "and (c.merchant_id, c.load_id) in (select merchant_id, id from touched_stream where kind = 'load')"
)
# How the rows that were touched are found; those of an order where nothing else is said.
_NARROWED = {
    "parcel_line": _BY_PARCEL, "parcel_event": _BY_PARCEL,
    "correction": _BY_CORRECTION, "correction_line": _BY_CORRECTION, "credit_link": _BY_CORRECTION,
    "parcel_number": _BY_PARCEL, "parcel_stay": _BY_PARCEL,
    "load": _BY_LOAD, "load_stay": _BY_LOAD, "load_share": _BY_LOAD, "load_event": _BY_LOAD,
    "asn": _BY_ASN, "asn_line": _BY_ASN,
    "availability": _OF_GOODS, "bin_stock": _OF_PLACES,
}  # fmt: skip


def _dangling(child: str, name: str, order: str, parent: str, columns: tuple[str, ...]) -> str:
    pairs = [tuple(column.split(":")) if ":" in column else (column, column) for column in columns]
    same = " and ".join(f"p.{there} = c.{here}" for here, there in pairs)
    known = " and ".join(f"c.{here} is not null" for here, _ in pairs)
    key = " || ', ' || ".join(f"'{there} ' || c.{here}" for here, there in pairs)
    return f"""
select c.merchant_id, {name} || ' -> {parent}' as what, {key} as expected, 'no such row of this merchant' as found,
    'order' as kind, {order} as id
  from {child} c where c.merchant_id = any($1) {_NARROWED.get(child, _of_orders("c."))} and {known}
    and not exists (select from {parent} p where p.merchant_id = c.merchant_id and {same})"""


def _at_no_site(child: str, name: str) -> str:
    return f"""
select c.merchant_id, {name} || ' -> site' as what, 'site_id ' || c.site_id as expected, 'no such site' as found
  from {child} c where c.merchant_id = any($1) {_NARROWED.get(child, _of_orders("c."))} and c.site_id is not null
    and not exists (select from site s where s.site_id = c.site_id)"""


_AT_SITES = (
    ("availability", "'stock of sku_' || c.sku_id"),
    ("fulfillment_order", "'ful_' || c.fulfillment_order_id"),
    ("parcel", "'par_' || c.parcel_id"),
    ("asn", "'asn_' || c.asn_id"),
    ("correction_line", "'cor_' || c.correction_id || ' line ' || c.line_no"),
)
EVENTS_OF_NO_ORDER = f"""
select e.merchant_id, 'ord_' || e.id || ' events' as what, 'order_id ' || e.id as expected,
    'no such row of this merchant' as found, 'order' as kind, e.id
  from event e where e.merchant_id = any($1) and e.kind = 'order' and e.seq = 1 {_of_orders("e.", "id")}
    and not exists (select from orders o where o.merchant_id = e.merchant_id and o.order_id = e.id)"""

# legal moves: the journey, row by row, with every way it allows


def _ways() -> Iterator[tuple[str, str, str, str]]:
    for row in JOURNEY:
        for what in ("demand", "stock", "cash"):
            for source, target in product(*ways(getattr(row, what))):
                yield row.verb, what, source, target


ILLEGAL_MOVES = f"""
select m.merchant_id, {_stream("m.")} || ' ' || m.verb as what, 'a move of its row in the journey' as expected,
    concat_ws(' ', m.what, coalesce(m.quantity, m.amount_minor), m.source, '>', m.target) as found, m.kind, m.id, m.seq
  from (select merchant_id, kind, id, seq, verb, what, quantity, amount_minor, source, target from move
    where merchant_id = any($1) {_OF_STREAMS} offset 0) m
  left join (values {
    ", ".join(f"('{verb}', '{what}', '{source}', '{target}')" for verb, what, source, target in _ways())
}) allowed(verb, what, source, target) using (verb, what, source, target)
  where allowed.verb is null or coalesce(m.quantity, m.amount_minor) <= 0"""


LAWS: tuple[Law, ...] = (
    Law(
        "lines",
        "The units of a line, by stage, are what its moves add up to, and together they are what was ordered.",
        "compare the line with its order's timeline; only spine/record.py may write its stages: find what else did, "
        "then set the columns to what the moves say",
        _rows("order_line"),
        (LINES_UNLIKE_MOVES, LINES_WITH_ANOTHER_SUM),
    ),
    Law(
        "summaries",
        "An order's summary is its lines, services, open holds, asked authorizations and parcels counted; its statuses "
        "are their functions.",
        "set the counter of order_now to what is expected; where a status differs from its function, the generated "
        "column is older than spine/status.py: make it anew in a migration; a drifting counter is an Outcome whose "
        "`counts` do not match its facts",
        _rows("order_now"),
        (
            SUMMARIES_UNLIKE_LINES, STATUSES_UNLIKE_FUNCTIONS, HOLDS_UNLIKE_COUNT, AUTHORIZATIONS_UNLIKE_COUNT,
            SERVICES_UNLIKE_COUNT, PARCELS_UNLIKE_COUNT, PARCELS_IN_NO_STATE,
        ),
    ),
    Law(
        "stock",
        "The units of a SKU at a site, by stage, are what its moves add up to.",
        "look at the SKU's moves at the site; only spine/record.py may write availability: find what else did, then "
        "set the stages to what the moves say, or count the shelf and adjust",
        _rows("availability"),
        (STOCK_UNLIKE_MOVES,),
    ),
    Law(
        "places",
        "What a place holds is what moves brought to it; all places of a SKU at a site hold what its stages hold; "
        "a parcel's place holds what is in the parcel.",
        "look for a move that names a stage and not its place; set bin_stock to what the moves say, or count the "
        "place and adjust",
        _rows("bin_stock"),
        (PLACES_UNLIKE_MOVES, PLACES_UNLIKE_STAGES, PARCELS_UNLIKE_PLACES),
    ),
    Law(
        "promises",
        "What sites hold for a line is what the line has; what they hold for orders is what is reserved, picked and "
        "packed there: nothing is sold twice, no reservation is left behind; what a fulfillment order has to pack is "
        "what is promised and picked for it.",
        "look for a move that names no fulfillment order, or a demand move without its stock move; set the "
        "allocation to what the moves say, and `to_pack` to what the allocations say",
        _rows("allocation", "fulfillment_order"),
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
        _rows("promise", "promise_end"),
        (DATES_UNLIKE_PROMISES, SUPERSEDED_WITHOUT_REASON, VERDICTS_UNLIKE_ARRIVALS),
    ),
    Law(
        "cash",
        "An order's cash is what its moves add up to and what its payments say; no more is captured than was "
        "authorized, no more refunded than came in.",
        "compare the order's cash moves with its payments and with the provider's; set the balance of order_now to "
        "what the moves say, and record what is missing with the payment verbs",
        _rows("order_now", "payment"),
        (CASH_UNLIKE_MOVES, MORE_OUT_THAN_IN, PAYMENTS_UNLIKE_MOVES),
    ),
    Law(
        "invoices",
        "What was invoiced and credited is the sum of the papers; their numbers have no gap per series.",
        "a number is taken from `series` in the transaction that writes its paper, and papers are never deleted: "
        "find the missing one in a backup, and set `invoiced`, `credited` or `next` to what the papers say",
        _rows("invoice", "series"),
        (INVOICES_UNLIKE_COUNT, GAPS_IN_NUMBERS, SERIES_UNLIKE_INVOICES),
    ),
    Law(
        "corrections",
        "A correction is the sum of its lines; what is linked of a line is the sum of its links, never more than was "
        "credited; what links take from a sale has come back, and is owed no more.",
        "compare the correction with its events and those of the orders that it is linked to; set its total to the sum "
        "of its lines, `linked` to the sum of its links, and bring back a link that a move stands for",
        _rows("correction", "correction_line", "credit_link"),
        (
            CORRECTIONS_UNLIKE_LINES, LINKED_UNLIKE_LINKS, MORE_LINKED_THAN_CREDITED, MORE_LINKED_THAN_CAME_BACK,
            LINKS_UNLIKE_MOVES,
        ),
    ),
    Law(
        "streams",
        "The events of a stream are numbered 1 to n without a gap, and its counter says n.",
        "events are never deleted: find the missing one in a backup; where only the counter is off, set it to the "
        "last number",
        _rows("order_now", "stream"),
        (STREAMS_WITH_GAPS,),
    ),
    Law(
        "requests",
        "Every request that was kept has its answer, the answer's order exists, and an external id is one order.",
        "a key without its order is an acknowledged order that was lost: look for it in a backup; of two orders with "
        "one external id cancel the later, and see that the unique index orders_external is there",
        _rows("request", "orders"),
        (UNANSWERED, ANSWERS_TO_NOTHING, ORDERS_TWICE),
    ),
    Law(
        "references",
        "Whatever is pointed to exists, and belongs to the same merchant.",
        "find the verb that wrote the row: it took an id from a request without reading it through the tenant wall; "
        "then point the row to the right one, or bring back what was deleted",
        _rows(*dict.fromkeys(reference[0] for reference in _REFERENCES), "event"),
        (
            *(_dangling(*reference) for reference in _REFERENCES),
            *(_at_no_site(*at) for at in _AT_SITES),
            EVENTS_OF_NO_ORDER,
        ),
    ),
    Law(
        "legal_moves",
        "Every move is one that its verb's row of the journey allows, of at least one unit.",
        "a row of spine/journey.py was narrowed after it happened (widen it again), or an event was written past "
        "spine/record.py",
        _rows("event"),
        (ILLEGAL_MOVES,),
    ),
    Law(
        "loads",
        "A parcel is in one load at a time and no load in itself; a load counts what is in it; what happens to a load "
        "is told to the parcels that were inside, and to no other.",
        "compare the load with its stays: set its counts and shares to what is in it; what a parcel was not told is "
        "told by replaying its merchant's `spread` jobs",
        _rows("load", "parcel_stay"),
        load_laws.CHECKS,
    ),
    Law(
        "stage_counts",
        "As many orders are counted at a stage as stand there.",
        "set the rows of stage_count to one slot of the right number per stage; whoever wrote order_now past "
        "spine/record.py is the bug",
        _rows("stage_count"),
        (STAGES_UNLIKE_COUNT,),
    ),
)  # fmt: skip
