"""credit_lines: every line that was credited or written off: of our own credit notes, and of corrections told of
elsewhere.

All credit notes of ours name the order they credit, so each of their lines is linked to a sale; one without lines
counts as one. What a note gives beyond its lines has no SKU.
"""

from __future__ import annotations

from doorstep.doors.reads.reports.asking import Columns

COLUMNS = Columns(at="k.at", country="k.country", item="k.sku = ?", sku="k.sku", reason="k.reason")
# For `from (…) k`, beside `channel c`; amounts are below zero for what is given.
CREDIT_LINES = """
select k.kind, k.happened_at as at, k.currency, k.channel_id, k.country, coalesce(s.code, l.code) as sku, k.reason,
    1 as lines, (l.linked > 0)::int as linked, coalesce(t.differs, 0) as at_another_price, -l.quantity as units,
    l.linked as units_linked, l.total_minor as amount_minor
  from correction k
    join correction_line l on l.merchant_id = k.merchant_id and l.correction_id = k.correction_id
    left join sku s on s.merchant_id = l.merchant_id and s.sku_id = l.sku_id
    left join (select y.correction_id, y.line_no, bool_or(y.price_differs)::int as differs from credit_link y
      where y.merchant_id = $1 group by y.correction_id, y.line_no) t
      on t.correction_id = l.correction_id and t.line_no = l.line_no
  where k.merchant_id = $1 and k.kind in ('credit', 'adjustment')
union all
select 'credit', i.issued_at, i.currency, o.channel_id, o.country, coalesce(s.code, l.code, ''),
    coalesce(i.content ->> 'reason', ''), x.lines, x.lines, 0, x.units, x.units, -x.worth_minor
  from invoice i
    join orders o on o.merchant_id = i.merchant_id and o.order_id = i.order_id
    cross join lateral (
      select (v.value ->> 'line')::int as line_no, 1 as lines, (v.value ->> 'quantity')::int as units,
          (v.value ->> 'worth_minor')::bigint as worth_minor
        from jsonb_array_elements(i.content -> 'lines') v
      union all
      select null, (count(v.value) = 0)::int, 0,
          i.total_minor - coalesce(sum((v.value ->> 'worth_minor')::bigint), 0)::bigint
        from jsonb_array_elements(i.content -> 'lines') v) x
    left join order_line l on l.merchant_id = i.merchant_id and l.order_id = i.order_id and l.line_no = x.line_no
    left join sku s on s.merchant_id = l.merchant_id and s.sku_id = l.sku_id
  where i.merchant_id = $1 and i.kind = 'credit_note' and (x.lines > 0 or x.worth_minor <> 0)
"""
