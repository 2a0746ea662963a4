"""sales: what a merchant sold, to the minor unit, by currency: goods after every discount, before anything else.

Gross is each line after its discounts, the order's own included; shipping, fees and added tax are not in it. Orders
that were canceled later were sold; drafts were not. Credits are the lines of credit notes, ours and told of elsewhere,
below zero; adjustments are write-offs of money, signed as they were told. Net is all three together. Each counts on
its own day: a sale when it was placed, a credit when it was given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from doorstep.doors.reads.measures import GROSS, ITEM, share, split_over
from doorstep.doors.reads.reports.asking import LINES, ORDERS, BySku, ReportQuery, asked, whole
from doorstep.doors.reads.reports.credit_lines import COLUMNS as CREDITS
from doorstep.doors.reads.reports.credit_lines import CREDIT_LINES
from doorstep.doors.reads.reports.currencies import Tally, in_currencies
from doorstep.spine.tenant import Tx

SOLD = f"""
select {{key}} as key, o.currency, count(*) as orders, sum(l.lines)::bigint as lines,
    sum({GROSS}) as gross_minor
  from orders o
  join order_now n on n.merchant_id = o.merchant_id and n.order_id = o.order_id and n.stage <> 'draft'
  join channel c on c.merchant_id = o.merchant_id and c.channel_id = o.channel_id
  cross join lateral (
    select count(*) as lines from order_line l where l.merchant_id = o.merchant_id and l.order_id = o.order_id) l
  where o.merchant_id = $1{{where}} group by 1, 2
"""
# Line by line, so that all SKUs together are what the orders are.
SOLD_LINES = f"""
select g.key, g.currency, count(distinct g.order_id) as orders, count(*) as lines,
    sum(g.gross_minor) as gross_minor
  from (
    select l.order_id, o.currency, l.total_minor - {share("l")} as gross_minor, {{key}} as key,
        {{is_meant}} as is_meant
      from orders o
      join order_now n on n.merchant_id = o.merchant_id and n.order_id = o.order_id and n.stage <> 'draft'
      join channel c on c.merchant_id = o.merchant_id and c.channel_id = o.channel_id
      join order_line l on l.merchant_id = o.merchant_id and l.order_id = o.order_id
      left join sku s on s.merchant_id = l.merchant_id and s.sku_id = l.sku_id
      {split_over("l")}
      where o.merchant_id = $1{{where}}) g
  where g.is_meant group by 1, 2
"""
CREDITED = f"""
select {{key}} as key, k.currency,
    sum(k.amount_minor) filter (where k.kind = 'credit') as credits_minor,
    sum(k.linked) filter (where k.kind = 'credit')::bigint as credits_linked,
    sum(k.amount_minor) filter (where k.kind = 'adjustment') as adjustments_minor
  from ({CREDIT_LINES}) k join channel c on c.merchant_id = $1 and c.channel_id = k.channel_id
  where true{{where}} group by 1, 2
"""
NAMES = ("orders", "lines", "gross_minor", "credits_minor", "credits_linked", "adjustments_minor")


class SalesQuery(ReportQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With a SKU everything is counted by line: orders that contain it, its lines, its share of what was credited."""

    by: BySku | None = None


class Sales(Struct, frozen=True, kw_only=True):
    """Of one currency, in minor units."""

    orders: int
    lines: int
    gross_minor: int
    credits_minor: int
    credits_linked: int
    adjustments_minor: int
    net_minor: int


class SalesRow(Sales, frozen=True, kw_only=True):
    key: str
    currency: str


class SalesReport(Sales, frozen=True, kw_only=True, omit_defaults=True):
    """In the merchant's currency; what was sold in others stands beside it, nothing is converted. `rows` are there when
    a `by` was asked for."""

    currency: str
    by_currency: dict[str, Sales] | None = None
    rows: list[SalesRow] | None = None


async def report_sales(tx: Tx, merchant: int, query: SalesQuery | None = None) -> SalesReport:
    query = query or SalesQuery()
    told = await in_currencies(tx, merchant, query.by, lambda by: _tally(tx, merchant, query, by))
    others = {other: Sales(**_with_net(numbers)) for other, numbers in told.others.items()}
    rows = [SalesRow(key=key, currency=currency, **_with_net(numbers)) for key, currency, numbers in told.rows]
    return SalesReport(
        currency=told.own, **_with_net(told.numbers), by_currency=others or None, rows=rows if query.by else None
    )


async def _tally(tx: Tx, merchant: int, query: SalesQuery, by: str | None) -> Tally:
    tally = Tally(NAMES)
    if query.sku or by == "sku":
        lines = asked(LINES, merchant, query, by)
        is_meant = lines.condition(f"{ITEM} = ?", query.sku)
        by_line = SOLD_LINES.format(key=lines.key, where=lines.where, is_meant=is_meant)
        tally.add(map(dict, await whole(tx, by_line, *lines.args)))
    else:
        orders = asked(ORDERS, merchant, query, by)
        tally.add(map(dict, await whole(tx, SOLD.format(key=orders.key, where=orders.where), *orders.args)))
    credits = asked(CREDITS, merchant, query, by)
    tally.add(map(dict, await whole(tx, CREDITED.format(key=credits.key, where=credits.where), *credits.args)))
    return tally


def _with_net(numbers: Mapping[str, int]) -> dict[str, Any]:
    return {
        **numbers,
        "net_minor": sum(numbers[name] for name in ("gross_minor", "credits_minor", "adjustments_minor")),
    }
