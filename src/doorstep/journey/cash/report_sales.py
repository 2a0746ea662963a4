"""report_sales: what a merchant sold, to the minor unit, by currency: goods after every discount, before anything else.

Gross is each line after its discounts, the order's own included; shipping, fees and added tax are not in it. Orders
that were canceled later were sold; drafts were not. Credits are the credit notes, below zero; all of ours name the
order they credit, so every line of one is linked to a sale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from doorstep.spine.tenant import Tx

CURRENCY = "select currency from merchant where merchant_id = $1"
# A discount beyond the lines is one on shipping.
SOLD = """
select o.currency, count(*) as orders, sum(l.lines)::bigint as lines,
    sum(o.lines_minor - least(o.discount_minor, o.lines_minor))::bigint as gross_minor
  from orders o
  join order_now n on n.merchant_id = o.merchant_id and n.order_id = o.order_id and n.stage <> 'draft'
  cross join lateral (
    select count(*) as lines from order_line l where l.merchant_id = o.merchant_id and l.order_id = o.order_id) l
  where o.merchant_id = $1 group by o.currency
"""
CREDITED = """
select i.currency, -sum(i.total_minor)::bigint as credits_minor,
    sum(greatest(jsonb_array_length(i.content -> 'lines'), 1))::bigint as credits_linked
  from invoice i where i.merchant_id = $1 and i.kind = 'credit_note' group by i.currency
"""


@dataclass(slots=True)
class Sales:
    """Of one currency."""

    currency: str
    orders: int = 0
    lines: int = 0
    gross_minor: int = 0
    credits_minor: int = 0
    credits_linked: int = 0
    adjustments_minor: int = 0

    @property
    def net_minor(self) -> int:
        return self.gross_minor + self.credits_minor + self.adjustments_minor

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"net_minor": self.net_minor}


@dataclass(slots=True)
class Report:
    """In the merchant's currency; what was sold in others stands beside it, nothing is converted."""

    own: Sales
    others: dict[str, Sales] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        told = self.own.as_json()
        if self.others:
            others = {currency: sales.as_json() for currency, sales in sorted(self.others.items())}
            for sales in others.values():
                del sales["currency"]
            told["by_currency"] = others
        return told


async def report_sales(tx: Tx, merchant: int) -> Report:
    currency = str(await tx.value(CURRENCY, merchant))
    found: dict[str, Sales] = {currency: Sales(currency)}
    for query in (SOLD, CREDITED):
        for row in await tx.rows(query, merchant):
            _add(found.setdefault(row["currency"], Sales(row["currency"])), dict(row))
    return Report(found.pop(currency), found)


def _add(sales: Sales, row: Mapping[str, Any]) -> None:
    for name, value in row.items():
        if name != "currency":
            setattr(sales, name, value)
