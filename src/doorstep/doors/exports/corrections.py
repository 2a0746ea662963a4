"""corrections: a row per line of a credit, a write-off or a change of stock told of elsewhere, with its links."""

from __future__ import annotations

from doorstep.doors.exports.columns import Export, buyer, listed, minor, moment, number, price, public_id, text, units

CORRECTIONS = Export(
    name="corrections",
    says="A row per line of a correction: a credit, a write-off of money or a change of stock that happened elsewhere.",
    columns=(
        public_id("correction_id", "cor", "k.correction_id", "the correction"),
        number("line_no", "l.line_no", "the line of it, from 1", "number"),
        text("kind", "k.kind", "`credit`, `adjustment` (a write-off of money) or `stock`"),
        text("number", "k.number", "what people call it"),
        text("external_id", "k.external_id", "the channel's own id of it"),
        text("channel", "c.key", "the channel it came from"),
        moment("happened_at", "k.happened_at", "when it happened"),
        text("reason", "k.reason", "why"),
        *buyer("k"),
        text("country", "k.country", "the buyer's country", "ISO 3166-1 alpha-2"),
        text("sku", "coalesce(s.code, '')", "the merchant's SKU; empty while the item is not known"),
        text("code", "l.code", "what the channel calls the item"),
        text("title", "l.title", "what it was called"),
        text("site", "coalesce(t.code, '')", "where its units moved, when they did"),
        units("quantity", "l.quantity", "units, signed as they were told: below zero when credited or lost"),
        text("currency", "k.currency", "the currency of all its amounts", "ISO 4217"),
        price("unit_price", "l.unit_price", "the price of one unit, signed as it was told"),
        minor("total_minor", "l.total_minor", "what the line comes to: below zero when given back"),
        units("linked", "l.linked", "units of it that are linked to sales"),
        listed("links", "y.links", "the sales: `order_id`, `line_no`, `quantity`, `stage` the units were in, "
               "`less_minor` owed, `price_differs`"),
    ),
    source="""
from correction k
  join channel c on c.merchant_id = k.merchant_id and c.channel_id = k.channel_id
  join correction_line l on l.merchant_id = k.merchant_id and l.correction_id = k.correction_id
  left join sku s on s.merchant_id = l.merchant_id and s.sku_id = l.sku_id
  left join site t on t.site_id = l.site_id
  cross join lateral (
    select jsonb_agg(jsonb_build_object('order_id', 'ord_' || z.order_id, 'line_no', z.order_line_no,
        'quantity', z.quantity, 'stage', z.stage, 'less_minor', z.less_minor, 'price_differs', z.price_differs)
        order by z.order_id, z.order_line_no, z.stage) as links
      from credit_link z
      where z.merchant_id = l.merchant_id and z.correction_id = l.correction_id and z.line_no = l.line_no) y
  where k.merchant_id = $1
""",
    order="k.happened_at, k.correction_id, l.line_no",
    at="k.happened_at",
    channel="c.key",
)  # fmt: skip
