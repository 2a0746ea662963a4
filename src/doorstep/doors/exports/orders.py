"""orders: a row per order, and a row per line of an order; by the day they were placed."""

from __future__ import annotations

from doorstep.doors.exports.columns import (
    Export,
    address,
    buyer,
    day,
    flag,
    listed,
    minor,
    moment,
    number,
    price,
    public_id,
    text,
    units,
)
from doorstep.doors.reads.measures import share, split_over
from doorstep.spine.status import AXES

STAGES = {
    "wanted": "waiting for stock", "promised": "promised from stock", "picked": "picked", "packed": "packed",
    "shipped": "on the road", "delivered": "delivered, or a service", "taken_back": "came back",
    "lost": "lost by the carrier", "canceled": "canceled",
}  # fmt: skip

# Looked up order by order (`offset 0`): with statistics that are older than an import, all that a merchant has was read
# anew for each.
_AS_IT_STANDS = f"""cross join lateral (
    select w.*, {", ".join(f"w.{axis}" for axis in AXES)} from order_now w
      where w.merchant_id = o.merchant_id and w.order_id = o.order_id offset 0) n"""

ORDERS = Export(
    name="orders",
    says="A row per order, drafts and canceled ones included, the oldest first.",
    columns=(
        public_id("order_id", "ord", "o.order_id", "the order"),
        text("number", "o.number", "what people call it"),
        text("external_id", "coalesce(o.external_id, '')", "the channel's own id of it"),
        text("also_id", "coalesce(o.also_id, '')", "a second id of the channel's"),
        text("channel", "c.key", "the channel it came from"),
        moment("placed_at", "o.placed_at", "when the buyer ordered"),
        flag("history", "o.history", "it happened elsewhere and was written down here"),
        text("stage", "n.stage", "where it stands: `processing`, `completed` …"),
        text("payment", "n.payment", "whether it is paid: `authorized`, `paid` …"),
        text("fulfillment", "n.fulfillment", "whether it is sent: `unfulfilled`, `fulfilled` …"),
        text("delivery", "n.delivery", "where its parcels are: `in_transit`, `delivered` …"),
        text("invoicing", "n.invoicing", "whether it is billed: `not_invoiced`, `invoiced` …"),
        number("holds_open", "n.holds_open", "open holds on it", "holds"),
        text("currency", "o.currency", "the currency of all its amounts", "ISO 4217"),
        minor("lines_minor", "o.lines_minor", "its lines, after their own discounts"),
        minor("discount_minor", "o.discount_minor", "the discount of the whole order"),
        minor("gross_minor", "o.lines_minor - least(o.discount_minor, o.lines_minor)",
              "the goods after every discount: what `report sales` counts"),
        minor("shipping_minor", "o.shipping_minor", "shipping, before the part of the discount beyond the lines"),
        minor("fees_minor", "o.fees_minor", "fees, all together"),
        minor("tax_minor", "o.tax_minor", "tax of the whole order"),
        flag("tax_included", "o.tax_included", "the prices include the tax"),
        minor("total_minor", "o.total_minor", "what it cost when it came in"),
        listed("fees", "coalesce(o.details -> 'fees', '[]')", "the fees: `name`, `amount_minor`"),
        text("payment_term", "o.payment_term", "`prepaid`, `on_shipment`, `cod` or `on_account`"),
        minor("owed_minor", "n.owed", "owed for it now"),
        minor("held_minor", "n.held", "held at a provider now"),
        minor("collected_minor", "n.collected", "collected by a carrier, not paid out yet"),
        minor("earned_minor", "n.earned", "the merchant's now"),
        minor("refunded_minor", "n.refunded", "given back"),
        minor("invoiced_minor", "n.invoiced", "billed"),
        minor("credited_minor", "n.credited", "credited by credit notes"),
        number("lines", "(select count(*) from order_line y where y.merchant_id = o.merchant_id"
               " and y.order_id = o.order_id)", "lines in it", "lines"),
        units("ordered", "n.ordered", "units ordered"),
        *(units(stage, f"n.{stage}", f"units now {says}") for stage, says in STAGES.items()),
        *buyer("o"),
        text("country", "o.country", "where it goes", "ISO 3166-1 alpha-2"),
        *address("ship_to", "o.ship_to", "where it goes"),
        *address("bill_to", "o.bill_to", "who is billed"),
        text("shipping_method", "o.shipping_method", "how it is sent, in the channel's words"),
        text("service_level", "o.service_level", "how it is sent: `standard`, `express` …"),
        minor("insured_minor", "o.insured_minor", "for how much its goods are insured on their way"),
        text("risk", "coalesce(o.details->>'risk', '')", "of fraud, as the channel sees it: `low`, `medium`, `high`"),
        text("ship", "o.ship", "`complete` or `split`: whether it may go in parts"),
        moment("ship_by", "o.ship_by", "until when the channel wants it to have left"),
        moment("expires_at", "o.expires_at", "when it runs out unless it is paid; empty of what does not run out"),
        day("deliver_from", "f.deliver_from", "promised not before"),
        day("deliver_by", "f.deliver_by", "promised at the latest"),
        text("note", "o.note", "the buyer's note"),
        listed("tags", "to_jsonb(o.tags)", "tags"),
    ),
    source=f"""
from orders o
  {_AS_IT_STANDS}
  join channel c on c.merchant_id = o.merchant_id and c.channel_id = o.channel_id
  cross join lateral (
    select min(f.deliver_from) as deliver_from, max(f.deliver_by) as deliver_by from fulfillment_order f
      where f.merchant_id = o.merchant_id and f.order_id = o.order_id) f
  where o.merchant_id = $1
""",
    order="o.placed_at, o.order_id",
    at="o.placed_at",
    channel="c.key",
)  # fmt: skip

LINES = Export(
    name="lines",
    says="A row per line of an order, in the order of `orders`; their `gross_minor` add up to it.",
    columns=(
        public_id("order_id", "ord", "o.order_id", "the order"),
        number("line_no", "l.line_no", "the line of it, from 1", "number"),
        text("number", "o.number", "what people call the order"),
        text("external_id", "coalesce(o.external_id, '')", "the channel's own id of the order"),
        text("channel", "c.key", "the channel it came from"),
        moment("placed_at", "o.placed_at", "when the buyer ordered"),
        flag("history", "o.history", "the order happened elsewhere and was written down here"),
        text("order_stage", "n.stage", "where the order stands"),
        text("customer", "o.customer", "the channel's own id of the buyer"),
        text("country", "o.country", "where it goes", "ISO 3166-1 alpha-2"),
        text("line_external_id", "l.external_id", "the channel's own id of the line"),
        text("sku", "coalesce(s.code, '')", "the merchant's SKU; empty while the item is not known"),
        text("code", "l.code", "what the channel calls the item"),
        text("title", "l.title", "what the buyer saw"),
        flag("ships", "l.ships", "it is sent; a service is not"),
        text("currency", "o.currency", "the currency of all its amounts", "ISO 4217"),
        price("unit_price", "l.unit_price", "the price of one unit"),
        units("ordered", "l.ordered", "units ordered"),
        minor("discount_minor", "l.discount_minor", "the line's own discount"),
        minor("total_minor", "l.total_minor", "unit price × units, rounded once, half-up, less its own discount"),
        minor("order_discount_minor", "l.share", "its share of the order's discount"),
        minor("gross_minor", "l.total_minor - l.share", "after every discount: what `report sales` counts"),
        minor("tax_minor", "l.tax_minor", "the line's own tax, where it was told by line"),
        minor("worth_minor", "l.worth_minor", "what the buyer owes for it: every discount and added tax counted"),
        *(units(stage, f"l.{stage}", f"units now {says}") for stage, says in STAGES.items()),
    ),
    source=f"""
from orders o
  {_AS_IT_STANDS}
  join channel c on c.merchant_id = o.merchant_id and c.channel_id = o.channel_id
  cross join lateral (
    select y.line_no, y.sku_id, y.external_id, y.code, y.title, y.ships, y.unit_price, y.ordered, y.discount_minor,
        y.total_minor, y.tax_minor, y.worth_minor, {", ".join(f"y.{stage}" for stage in STAGES)},
        {share("y")} as share
      from order_line y
      {split_over("y")}
      where y.merchant_id = o.merchant_id and y.order_id = o.order_id) l
  left join sku s on s.merchant_id = o.merchant_id and s.sku_id = l.sku_id
  where o.merchant_id = $1
""",
    order="o.placed_at, o.order_id, l.line_no",
    at="o.placed_at",
    channel="c.key",
)  # fmt: skip
