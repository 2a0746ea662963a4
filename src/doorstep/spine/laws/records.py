"""records: streams have no gap, a kept request has its answer, and every move is one that the journey allows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from doorstep.spine.journey import JOURNEY, ways
from doorstep.spine.laws.law import OF_ORDERS, OF_STREAMS, Law, differing, rows_of, stream_called, touched

# Streams

STREAMS_REPLAYED = f"""
select merchant_id, kind, id, count(*) as events, max(seq)::bigint as last_event from event
  where merchant_id = any($1) {OF_STREAMS} group by merchant_id, kind, id"""
STREAMS_KEPT = f"""
select merchant_id, 'order' as kind, order_id as id, seq::bigint as events, seq::bigint as last_event from order_now
  where merchant_id = any($1) {OF_ORDERS}
union all
select merchant_id, kind, id, seq, seq from stream where merchant_id = any($1) {OF_STREAMS}"""
STREAMS_WITH_GAPS = f"""
select merchant_id, {stream_called()} || ' ' || account as what, found as expected, expected as found, kind, id
  from ({differing(STREAMS_REPLAYED, STREAMS_KEPT, "merchant_id, kind, id", ("events", "last_event"))}) d"""


# Requests

# Keys have no place in the feed: those are looked at that were asked when the events were recorded.
_ASKED = touched("""join touched_request t on t.merchant_id = r.merchant_id
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
    touched(
        "and (merchant_id, channel_id, external_id) in (select o.merchant_id, o.channel_id, o.external_id"
        " from touched_order t join orders o on o.merchant_id = t.merchant_id and o.order_id = t.order_id)"
    )
}
  group by merchant_id, channel_id, external_id having count(*) > 1"""


# Legal moves


def _ways() -> Iterator[tuple[str, str, str, str]]:
    """The journey, row by row, with every way it allows."""
    for row in JOURNEY:
        for what in ("demand", "stock", "cash"):
            for source, target in product(*ways(getattr(row, what))):
                yield row.verb, what, source, target


ILLEGAL_MOVES = f"""
select m.merchant_id, {stream_called("m.")} || ' ' || m.verb as what, 'a move of its row in the journey' as expected,
    concat_ws(' ', m.what, coalesce(m.quantity, m.amount_minor), m.source, '>', m.target) as found, m.kind, m.id, m.seq
  from (select merchant_id, kind, id, seq, verb, what, quantity, amount_minor, source, target from move
    where merchant_id = any($1) {OF_STREAMS} offset 0) m
  left join (values {
    ", ".join(f"('{verb}', '{what}', '{source}', '{target}')" for verb, what, source, target in _ways())
}) allowed(verb, what, source, target) using (verb, what, source, target)
  where allowed.verb is null or coalesce(m.quantity, m.amount_minor) <= 0"""

LAWS = (
    Law(
        "streams",
        "The events of a stream are numbered 1 to n without a gap, and its counter says n.",
        "events are never deleted: find the missing one in a backup; where only the counter is off, set it to the "
        "last number",
        rows_of("order_now", "stream"),
        (STREAMS_WITH_GAPS,),
    ),
    Law(
        "requests",
        "Every request that was kept has its answer, the answer's order exists, and an external id is one order.",
        "a key without its order is an acknowledged order that was lost: look for it in a backup; of two orders with "
        "one external id cancel the later, and see that the unique index orders_external is there",
        rows_of("request", "orders"),
        (UNANSWERED, ANSWERS_TO_NOTHING, ORDERS_TWICE),
    ),
    Law(
        "legal_moves",
        "Every move is one that its verb's row of the journey allows, of at least one unit.",
        "a row of spine/journey.py was narrowed after it happened (widen it again), or an event was written past "
        "spine/record.py",
        rows_of("event"),
        (ILLEGAL_MOVES,),
    ),
)  # fmt: skip
