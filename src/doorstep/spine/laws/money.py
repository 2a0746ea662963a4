"""money: the cash of an order, its invoices and its corrections are what moves, payments and papers say."""

from __future__ import annotations

from doorstep.spine.journey import CASH, WORLD
from doorstep.spine.laws.law import (
    OF_CORRECTIONS,
    OF_ORDERS,
    Law,
    differing,
    kept_of_orders,
    net,
    of_orders,
    rows_of,
    touched,
    verbs_that_move,
)

CASH_MOVES = f"""
select merchant_id, id as order_id, amount_minor, source, target from move
  where merchant_id = any($1) and kind = 'order' and verb in ({verbs_that_move("cash")}) and what = 'cash'
    {of_orders(column="id")} offset 0"""

# Cash

CASH_REPLAYED = f"""
select merchant_id, order_id, {net(CASH, "amount_minor")} from ({CASH_MOVES}) m group by merchant_id, order_id"""
CASH_KEPT = kept_of_orders(*CASH)
CASH_UNLIKE_MOVES = f"""
select merchant_id, 'ord_' || order_id || ' ' || account as what, expected, found, 'order' as kind, order_id as id,
    account
  from ({differing(CASH_REPLAYED, CASH_KEPT, "merchant_id, order_id", CASH)}) d"""
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
  where merchant_id = any($1) {OF_ORDERS} and state in ('done', 'expired') and done_at is not null
  group by merchant_id, order_id"""
PAYMENTS_UNLIKE_MOVES = f"""
select merchant_id, 'ord_' || order_id || ' payments of kind ' || account as what, expected, found, 'order' as kind,
    order_id as id
  from ({differing(CASH_BY_PAYMENT, PAYMENTS_DONE, "merchant_id, order_id", _KINDS)}) d"""


# Invoices

INVOICES_ISSUED = f"""
select merchant_id, order_id, sum(total_minor) filter (where kind = 'invoice') as invoiced,
    sum(total_minor) filter (where kind = 'credit_note') as credited
  from invoice where merchant_id = any($1) {OF_ORDERS} group by merchant_id, order_id"""
INVOICED_KEPT = kept_of_orders("invoiced", "credited")
INVOICES_UNLIKE_COUNT = f"""
select merchant_id, 'ord_' || order_id || ' ' || account as what, expected, found, 'order' as kind, order_id as id
  from ({differing(INVOICES_ISSUED, INVOICED_KEPT, "merchant_id, order_id", ("invoiced", "credited"))}) d"""
GAPS_IN_NUMBERS = f"""
select i.merchant_id, 'series ' || i.series || ' number ' || i.number as what,
    1 + (select coalesce(max(p.number), 0) from invoice p
      where p.merchant_id = i.merchant_id and p.series = i.series and p.number < i.number) as expected,
    i.number as found, 'order' as kind, i.order_id as id
  from invoice i
  where i.merchant_id = any($1) {of_orders("i.")} and i.number <> 1 and not exists (select from invoice p
    where p.merchant_id = i.merchant_id and p.series = i.series and p.number = i.number - 1)"""
SERIES_REPLAYED = f"""
select s.merchant_id, s.series, (select max(i.number) + 1 from invoice i
    where i.merchant_id = s.merchant_id and i.series = s.series) as next
  from (select distinct merchant_id, series from invoice where merchant_id = any($1) {OF_ORDERS}) s"""
SERIES_KEPT = f"""
select merchant_id, series, next from series where merchant_id = any($1) {
    touched(
        "and (merchant_id, series) in (select t.merchant_id, i.series from touched_order t"
        " join invoice i on i.merchant_id = t.merchant_id and i.order_id = t.order_id)"
    )
}"""
SERIES_UNLIKE_INVOICES = f"""
select coalesce(i.merchant_id, s.merchant_id) as merchant_id,
    'series ' || coalesce(i.series, s.series) || ' next' as what, coalesce(i.next, 1) as expected, s.next as found
  from ({SERIES_REPLAYED}) i full join ({SERIES_KEPT}) s on s.merchant_id = i.merchant_id and s.series = i.series
  where s.next is distinct from coalesce(i.next, 1)"""


# Corrections

_OF_CORRECTION = "'correction' as kind, correction_id as id"
TOTALS_OF_LINES = f"""
select merchant_id, correction_id, sum(total_minor)::bigint as total_minor from correction_line
  where merchant_id = any($1) {OF_CORRECTIONS} group by merchant_id, correction_id"""
TOTALS_KEPT = (
    f"select merchant_id, correction_id, total_minor from correction where merchant_id = any($1) {OF_CORRECTIONS}"
)
CORRECTIONS_UNLIKE_LINES = f"""
select merchant_id, 'cor_' || correction_id || ' ' || account as what, expected, found, {_OF_CORRECTION}
  from ({differing(TOTALS_OF_LINES, TOTALS_KEPT, "merchant_id, correction_id", ("total_minor",))}) d"""
UNITS_OF_LINKS = f"""
select merchant_id, correction_id, line_no, sum(quantity)::bigint as linked from credit_link
  where merchant_id = any($1) {OF_CORRECTIONS} group by merchant_id, correction_id, line_no"""
LINKED_KEPT = f"""
select merchant_id, correction_id, line_no, linked::bigint from correction_line
  where merchant_id = any($1) {OF_CORRECTIONS}"""
LINKED_UNLIKE_LINKS = f"""
select merchant_id, 'cor_' || correction_id || ' line ' || line_no || ' ' || account as what, expected, found,
    {_OF_CORRECTION}
  from ({differing(UNITS_OF_LINKS, LINKED_KEPT, "merchant_id, correction_id, line_no", ("linked",))}) d"""
MORE_LINKED_THAN_CREDITED = f"""
select merchant_id, 'cor_' || correction_id || ' line ' || line_no || ' linked units' as what,
    'at most ' || greatest(-quantity, 0) as expected, linked as found, {_OF_CORRECTION}
  from correction_line where merchant_id = any($1) {OF_CORRECTIONS} and linked > greatest(-quantity, 0)"""
MORE_LINKED_THAN_CAME_BACK = f"""
select k.merchant_id, 'ord_' || k.order_id || ' line ' || k.order_line_no || ' credited units' as what,
    'at most ' || l.taken_back as expected, k.units as found, 'order' as kind, k.order_id as id,
    k.order_line_no as line_no, 'taken_back' as account
  from (
    select merchant_id, order_id, order_line_no, sum(quantity) as units from credit_link
      where merchant_id = any($1) {OF_ORDERS} group by merchant_id, order_id, order_line_no) k
  join order_line l on l.merchant_id = k.merchant_id and l.order_id = k.order_id and l.line_no = k.order_line_no
  where k.units > l.taken_back"""
# Every move that a correction makes on an order has its link: the units that came back, the money owed less.
CREDITED_BY_MOVES = f"""
select merchant_id, id as order_id,
    sum(quantity * ((target = 'taken_back')::int - (source = 'taken_back')::int))::bigint as credited_units,
    sum(amount_minor * ((source = 'owed')::int - (target = 'owed')::int))::bigint as credited_minor
  from (select merchant_id, id, quantity, amount_minor, source, target from move
    where merchant_id = any($1) and kind = 'order' and verb = 'import_correction'
      {of_orders(column="id")} offset 0) m
  group by merchant_id, id"""
CREDITED_BY_LINKS = f"""
select merchant_id, order_id, sum(quantity)::bigint as credited_units, sum(less_minor)::bigint as credited_minor
  from credit_link where merchant_id = any($1) {OF_ORDERS} group by merchant_id, order_id"""
LINKS_UNLIKE_MOVES = f"""
select merchant_id, 'ord_' || order_id || ' ' || account as what, expected, found, 'order' as kind, order_id as id
  from ({
    differing(CREDITED_BY_MOVES, CREDITED_BY_LINKS, "merchant_id, order_id", ("credited_units", "credited_minor"))
}) d"""

LAWS = (
    Law(
        "cash",
        "An order's cash is what its moves add up to and what its payments say; no more is captured than was "
        "authorized, no more refunded than came in.",
        "compare the order's cash moves with its payments and with the provider's; set the balance of order_now to "
        "what the moves say, and record what is missing with the payment verbs",
        rows_of("order_now", "payment"),
        (CASH_UNLIKE_MOVES, MORE_OUT_THAN_IN, PAYMENTS_UNLIKE_MOVES),
    ),
    Law(
        "invoices",
        "What was invoiced and credited is the sum of the papers; their numbers have no gap per series.",
        "a number is taken from `series` in the transaction that writes its paper, and papers are never deleted: "
        "find the missing one in a backup, and set `invoiced`, `credited` or `next` to what the papers say",
        rows_of("invoice", "series"),
        (INVOICES_UNLIKE_COUNT, GAPS_IN_NUMBERS, SERIES_UNLIKE_INVOICES),
    ),
    Law(
        "corrections",
        "A correction is the sum of its lines; what is linked of a line is the sum of its links, never more than was "
        "credited; what links take from a sale has come back, and is owed no more.",
        "compare the correction with its events and those of the orders that it is linked to; set its total to the sum "
        "of its lines, `linked` to the sum of its links, and bring back a link that a move stands for",
        rows_of("correction", "correction_line", "credit_link"),
        (
            CORRECTIONS_UNLIKE_LINES, LINKED_UNLIKE_LINKS, MORE_LINKED_THAN_CREDITED, MORE_LINKED_THAN_CAME_BACK,
            LINKS_UNLIKE_MOVES,
        ),
    ),
)  # fmt: skip
