"""words: what an order is found by, as SQL: one text for those who write it down and for those who look it up.

A token is a word in small letters: a number or an id without its #, a name, an e-mail address, a SKU's code, a
tracking number; and `to:ie` for where it goes, `via:shop` for the channel it came by. Looking up folds the same way.
"""

from __future__ import annotations

from doorstep.kit.text import LAST, folded

TO, VIA = "to:", "via:"


def tokens_of(orders: str) -> str:
    """(merchant_id, placed_at, order_id, token) of the orders that this SQL names by (merchant_id, order_id)."""
    return f"""
select distinct w.merchant_id, w.placed_at, w.order_id, w.token from (
  select o.merchant_id, o.placed_at, o.order_id, {folded("t.word")} as token
    from ({orders}) a
    join orders o on o.merchant_id = a.merchant_id and o.order_id = a.order_id
    join channel c on c.merchant_id = o.merchant_id and c.channel_id = o.channel_id
    cross join lateral (
      select v.word from (values ('{TO}' || nullif(o.country, '')), ('{VIA}' || c.key), (o.number), (o.external_id),
        (o.also_id), (o.email), (o.customer)) v(word)
      union all
      select string_to_table(translate(concat_ws(' ', o.buyer ->> 'name', nullif(o.ship_to ->> 'name',
        o.buyer ->> 'name'), o.ship_to ->> 'company'), ',;()"<>', '       '), ' ')
      union all
      select v.word
        from order_line l left join sku s on s.merchant_id = l.merchant_id and s.sku_id = l.sku_id
        cross join lateral (values (l.code), (s.code)) v(word)
        where l.merchant_id = o.merchant_id and l.order_id = o.order_id
      union all
      select p.tracking_number from parcel p where p.merchant_id = o.merchant_id and p.order_id = o.order_id
      union all
      select f.number
        from parcel p join parcel_number f on f.merchant_id = p.merchant_id and f.parcel_id = p.parcel_id
        where p.merchant_id = o.merchant_id and p.order_id = o.order_id) t
    where t.word <> '') w
  where w.token <> ''"""


# Those that begin with a word; one more than `most` says that there are too many to be looked up one by one.
BEGINNING = f"""
with w as materialized (select {folded("(select $2::text)")} as word)
select m.merchant_id, w.word, x.token, x.nth
  from unnest((select $1::bigint[])) m(merchant_id) cross join w cross join lateral (
  with recursive found as (
    (select t.token, 1 as nth from order_token t where t.merchant_id = m.merchant_id and t.token >= w.word
      and t.token < w.word || {LAST} order by t.token limit 1)
    union all
    select (select t.token from order_token t where t.merchant_id = m.merchant_id and t.token > f.token
        and t.token < w.word || {LAST} order by t.token limit 1), f.nth + 1
      from found f where f.token is not null and f.nth <= (select $3::integer))
  select f.token, f.nth from found f where f.token is not null
  union all
  select null, 0) x
"""

# How orders stand now, named as `standing` names it; `orders` as above.
HOLDS_OPEN = """
array(select distinct h.type from hold h
  where h.merchant_id = n.merchant_id and h.order_id = n.order_id and h.lifted_at is null order by h.type)"""


def standing_of(orders: str) -> str:
    """(merchant_id, order_id, placed_at, stage, payment, fulfillment, delivery, holds) of these orders."""
    return f"""
select n.merchant_id, n.order_id, o.placed_at, n.stage, n.payment, n.fulfillment, n.delivery,
    case when n.holds_open = 0 then '{{}}'::text[] else {HOLDS_OPEN} end as holds
  from ({orders}) a
  join order_now n on n.merchant_id = a.merchant_id and n.order_id = a.order_id
  join orders o on o.merchant_id = n.merchant_id and o.order_id = n.order_id"""
