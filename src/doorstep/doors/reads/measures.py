"""measures: what is counted of an order, as SQL: one text for the reports that go through the books, and for the daily
roll-ups (doors/worker/rolling.py) that add the same up beforehand.

Goods count after every discount: the order's own is split over its lines as spine.amounts splits it, the largest
remainders getting the odd cents; what it takes off beyond the lines is off the shipping.
"""

from __future__ import annotations

from doorstep.spine.journey import CASH, JOURNEY, STOCK
from doorstep.spine.moves import ACCOUNTS, WHAT, code
from doorstep.spine.status import PARCEL_COUNTER

# Amounts, of an order `o`

GROSS = "o.lines_minor - least(o.discount_minor, o.lines_minor)"
# An item is its SKU `s`, or what the channel called the line `l` where no SKU is known.
ITEM = "coalesce(s.code, l.code)"


def split_over(line: str) -> str:
    """A join that splits the order's discount over its lines; `share` is read off it."""
    return f"""cross join lateral (
        select w.whole, coalesce(div(w.whole * {line}.total_minor, nullif(o.lines_minor, 0)), 0) as share,
            coalesce(mod(w.whole * {line}.total_minor, nullif(o.lines_minor, 0)), 0) as remainder
          from (select least(o.discount_minor, o.lines_minor)::numeric as whole) w) d"""


def share(line: str) -> str:
    """The line's part of the discount, where all lines of the order are there."""
    of_order = f"partition by {line}.merchant_id, {line}.order_id"
    return f"""(d.share + (row_number() over ({of_order} order by d.remainder desc, {line}.line_no)
          <= d.whole - sum(d.share) over ({of_order}))::int)::bigint"""


# Parcels `p`, the site `t` and the fulfillment order `f` that they left from

# Those with something in them, planned ones too.
HAS_CONTENTS = """exists (select from parcel_line l
        where l.merchant_id = p.merchant_id and l.parcel_id = p.parcel_id and l.quantity > 0)"""
# On a later day than was promised, both local to the site.
CAME_LATE = "(p.delivered_at at time zone t.timezone)::date > f.deliver_by"


def _states(*counters: str) -> str:
    return ", ".join(f"'{state}'" for state, counted in PARCEL_COUNTER.items() if counted in counters)


_FAILED = f"p.state in ({_states('parcels_lost', 'parcels_returning', 'parcels_returned')})"

# Steps, of an order `o`, its summary `n`, and `r`, what of REACHED is true of its events `e`

STEPS = (
    ("placed", "released"), ("released", "picked"), ("picked", "packed"), ("packed", "handed_over"),
    ("placed", "handed_over"), ("handed_over", "delivered"), ("placed", "delivered"), ("placed", "paid"),
    ("delivered", "paid"),
)  # fmt: skip
_PAYING = tuple(row.verb for row in JOURNEY if "earned" in row.cash.partition(">")[2])
_EARNED = [code("cash", source, "earned") for source in ("world", *CASH) if source != "earned"]
_PAID = f"exists (select from json_array_elements(e.moves) m where (m.value ->> 0)::integer = any(array{_EARNED}))"
STEPPING = ", ".join(
    f"'{verb}'" for verb in ("release", "pick", "pack", "hand_over", "deliver", "lose", "take_back", *_PAYING)
)
REACHED = f"""
      min(e.happened_at) filter (where e.verb = 'release') as released,
      max(e.happened_at) filter (where e.verb = 'pick') as picked,
      max(e.happened_at) filter (where e.verb = 'pack') as packed,
      max(e.happened_at) filter (where e.verb = 'hand_over' or e.data ->> 'what' = 'fulfilled') as handed_over,
      max(e.happened_at) filter (where e.verb = 'deliver' or e.data ->> 'what' = 'delivered') as delivered,
      max(e.happened_at) filter (where e.verb in ('lose', 'take_back')) as gone,
      max(e.happened_at) filter (where e.verb in ({", ".join(f"'{verb}'" for verb in _PAYING)}) and {_PAID}) as paid"""
# An order has come to a step when all of it has.
CAME_TO = {
    "placed": "o.placed_at",
    "released": "r.released",
    "picked": "case when n.wanted + n.promised = 0 then r.picked end",
    "packed": "case when n.wanted + n.promised + n.picked = 0 then r.packed end",
    "handed_over": "case when n.wanted + n.promised + n.picked + n.packed = 0 then r.handed_over end",
    "delivered": "case when n.wanted + n.promised + n.picked + n.packed + n.shipped = 0 then r.delivered end",
    "paid": "case when n.payment in ('paid', 'overpaid', 'partially_refunded', 'refunded') then r.paid end",
}

# How long a step took, told by a number: bucket b is no longer than 2^(b/4) minutes, and longer than the one before.
PER_DOUBLING = 4
_BUCKET = f"greatest(0, ceil(ln(greatest(1, s.seconds / 60.0)) / ln(2.0) * {PER_DOUBLING}))::int"

# Where an order stands on the strip of the journey.
ON_ITS_WAY, DELIVERED = "on_its_way", "delivered"
STOP = f"""case when n.stage <> 'fulfilled' then n.stage
      when n.shipped = 0 then '{DELIVERED}' else '{ON_ITS_WAY}' end"""

_GOODS = f"""(
  select coalesce(sum(i.lines), 0)::integer as lines,
      coalesce(jsonb_agg(jsonb_build_array(i.item, i.lines, i.units, i.gross_minor) order by i.item), '[]') as goods
    from (
      select g.item, count(*) as lines, sum(g.ordered) as units, sum(g.gross_minor)::bigint as gross_minor from (
        select {ITEM} as item, l.ordered, l.total_minor - {share("l")} as gross_minor
          from order_line l left join sku s on s.merchant_id = l.merchant_id and s.sku_id = l.sku_id
          {split_over("l")}
          where l.merchant_id = o.merchant_id and l.order_id = o.order_id) g
        group by g.item) i)"""
_STEPS = f"""(
  select coalesce(jsonb_agg(jsonb_build_array(s.step, (s.ended at time zone m.timezone)::date, {_BUCKET}, s.seconds)
      order by s.step), '[]') as steps
    from (
      select v.step, v.ended, extract(epoch from v.ended - v.began)::bigint as seconds from (values
        {", ".join(f"({n}, {CAME_TO[began]}, {CAME_TO[ended]})" for n, (began, ended) in enumerate(STEPS))})
        v(step, began, ended)) s
    where s.seconds >= 0)"""
_PARCELS = f"""(
  select coalesce(bool_or(x.promised), false) as promised, coalesce(bool_or(x.late), false) as late,
      coalesce(jsonb_agg(jsonb_build_array(x.carrier, x.day, x.delivered::int, x.promised::int,
        (x.delivered and x.promised and not x.late)::int, x.failed::int, x.seconds) order by x.parcel_id)
        filter (where x.day is not null), '[]') as parcels
    from (
      select p.parcel_id, p.carrier, (p.handed_over_at at time zone m.timezone)::date as day,
          p.delivered_at is not null as delivered, f.deliver_by is not null as promised,
          coalesce({CAME_LATE}, false) as late, {_FAILED} as failed,
          coalesce(greatest(0, extract(epoch from p.delivered_at - p.handed_over_at))::bigint, 0) as seconds
        from parcel p
        join site t on t.site_id = p.site_id
        left join fulfillment_order f
          on f.merchant_id = p.merchant_id and f.fulfillment_order_id = p.fulfillment_order_id
        where p.merchant_id = o.merchant_id and p.order_id = o.order_id and {HAS_CONTENTS}) x)"""
# What is still to leave, and to arrive, of each fulfillment order; what waits for stock leaves by the channel's day.
_DUE = f"""(
  select least(min(x.ship_by) filter (where x.stays), case when n.wanted > 0 then o.ship_by end) as ship_by,
      min(x.deliver_by) filter (where x.stays or x.travels) as deliver_by
    from (
      select f.ship_by, f.deliver_by,
          exists (select from allocation a where a.merchant_id = f.merchant_id and a.order_id = f.order_id
            and a.fulfillment_order_id = f.fulfillment_order_id and a.promised + a.picked + a.packed > 0) as stays,
          exists (select from parcel p where p.merchant_id = f.merchant_id and p.order_id = f.order_id
            and p.fulfillment_order_id = f.fulfillment_order_id and p.handed_over_at is not null
            and p.delivered_at is null and not {_FAILED}) as travels
        from fulfillment_order f where f.merchant_id = o.merchant_id and f.order_id = o.order_id) x)"""
_RAISED = """
exists (select from attention a
      where a.merchant_id = o.merchant_id and a.order_id = o.order_id and a.kind = '{kind}')"""

COLUMNS = (
    "merchant_id", "order_id", "day", "channel_id", "country", "currency", "stop", "lines", "units", "gross_minor",
    "due_minor", "held_minor", "ship_by", "deliver_by", "arrived_on", "promised", "late", "complete", "undamaged",
    "papered", "goods", "steps", "parcels",
)  # fmt: skip


def measures_of(orders: str) -> str:
    """A row of `order_measure` for each order that this SQL names by (merchant_id, order_id), but for drafts."""
    return f"""
select o.merchant_id, o.order_id, (o.placed_at at time zone m.timezone)::date as day, o.channel_id, o.country,
    o.currency, {STOP} as stop, g.lines, n.ordered as units, {GROSS} as gross_minor,
    greatest(n.owed - n.earned, 0) as due_minor, n.held as held_minor, w.ship_by, w.deliver_by,
    case when n.wanted + n.promised + n.picked + n.packed + n.shipped = 0
      then (coalesce(r.delivered, r.gone) at time zone m.timezone)::date end as arrived_on,
    p.promised, p.late, n.canceled + n.lost = 0 as complete,
    n.taken_back = 0 and n.credited = 0 and not {_RAISED.format(kind="delivery_damaged")} as undamaged,
    (o.history or n.invoiced - n.credited >= n.owed) and not {_RAISED.format(kind="delivery_customs_hold")} as papered,
    g.goods, s.steps, p.parcels
  from ({orders}) a
  join orders o on o.merchant_id = a.merchant_id and o.order_id = a.order_id
  join order_now n on n.merchant_id = o.merchant_id and n.order_id = o.order_id and n.stage <> 'draft'
  join merchant m on m.merchant_id = o.merchant_id
  cross join lateral (select {REACHED} from event e
    where e.merchant_id = o.merchant_id and e.id = o.order_id and e.kind = 'order' and e.verb in ({STEPPING})) r
  cross join lateral {_GOODS} g
  cross join lateral {_STEPS} s
  cross join lateral {_PARCELS} p
  cross join lateral {_DUE} w"""


# Stock, as it moved: how many moves, and of each stage what came into it less what left it

STOCK_SUMS = ("moves", *STOCK)
_STOCK_VERBS = ", ".join(f"'{row.verb}'" for row in JOURNEY if row.stock)
_MOVED = ", ".join(
    f"sum(x.quantity * ((x.target = {nth})::int - (x.source = {nth})::int))::bigint as {stage}"
    for stage, nth in ((stage, ACCOUNTS.index(stage)) for stage in STOCK)
)


def stock_moved(events: str, day: str = "null::date") -> str:
    """What moved of stock by SKU, site and day, of the events `e` that this SQL joins and narrows."""
    # `offset 0` keeps each move from being taken apart once per stage.
    return f"""(
select x.merchant_id, x.day, x.sku_id, x.site_id, count(*) as moves, {_MOVED}
  from (
    select e.merchant_id, {day} as day, (v.move ->> 1)::bigint as sku_id, (v.move ->> 2)::bigint as site_id,
        (v.move ->> 3)::bigint as quantity, (v.move ->> 0)::integer / 100 % 100 as source,
        (v.move ->> 0)::integer % 100 as target
      from event e {events} and e.verb in ({_STOCK_VERBS})
        and (v.move ->> 0)::integer / 10000 = {WHAT.index("stock") + 1} offset 0) x
  group by x.merchant_id, x.day, x.sku_id, x.site_id)"""


# Joins the moves of each event.
EACH_MOVE = "cross join lateral json_array_elements(e.moves) v(move)"
