"""moves: everything that ever moved, a row per move: replayed, they are the balances of all other files."""

from __future__ import annotations

from doorstep.doors.exports.columns import Export, minor, moment, number, public_id, text, units
from doorstep.spine.feed import PREFIXES

_PREFIX = " ".join(f"when '{kind}' then '{prefix}'" for kind, prefix in PREFIXES.items())


MOVES = Export(
    name="moves",
    says="A row per move: so many of something left one account and arrived in another; as they were written down.",
    columns=(
        text("event_id", "'evt_' || e.kind || '_' || e.id || '_' || e.seq", "the event it is part of", "`evt_…`"),
        number("move_no", "m.nth", "which of the event's moves, from 1", "number"),
        text("stream", "e.kind", "what it happened to: `order`, `sku`, `asn`, `merchant`, `correction`"),
        text("subject_id", f"case e.kind {_PREFIX} else left(e.kind, 3) end || '_' || e.id", "which of them",
             "`ord_…`, `sku_…`, `cor_…` …"),
        number("seq", "e.seq", "the event's number in its stream, without a gap", "number"),
        text("number", "coalesce(o.number, k.number, '')", "what people call the order or the correction"),
        text("channel", "coalesce(c.key, '')", "the channel of the order or the correction"),
        text("verb", "e.verb", "what happened"),
        text("actor", "e.actor", "who did it"),
        moment("happened_at", "e.happened_at", "when it happened in the world"),
        moment("recorded_at", "e.recorded_at", "when it was written down here"),
        text("what", "m.what", "`demand`: units of a line; `stock`: units at a site; `cash`: money of an order"),
        number("line_no", "m.line_no", "of demand: the order's line", "number"),
        public_id("fulfillment_order_id", "ful", "nullif(m.fulfillment_order_id, 0)",
                  "of demand: the fulfillment order whose allocation moved with it"),
        text("sku", "coalesce(s.code, '')", "of demand and stock: the merchant's SKU"),
        text("site", "coalesce(t.code, '')", "of stock: the site"),
        text("lot", "coalesce(m.lot, '')", "of stock: the lot"),
        units("quantity", "m.quantity", "of demand and stock: so many"),
        minor("amount_minor", "m.amount_minor", "of cash: so much"),
        text("currency", "case m.what when 'cash' then coalesce(o.currency, '') else '' end", "of cash: its currency",
             "ISO 4217"),
        text("source", "m.source",
             "the account it left: `wanted`, `free`, `owed` …; `world` has no balance"),
        text("source_place", "coalesce(m.source_place, '')", "of stock: the bin, tote or parcel it left"),
        text("target", "m.target",
             "the account it arrived in"),
        text("target_place", "coalesce(m.target_place, '')", "of stock: the bin, tote or parcel it arrived in"),
        text("reason", "coalesce(e.data ->> 'reason', '')", "why, where somebody said it"),
    ),
    source="""
from event e
  join lateral (select * from move v where v.merchant_id = e.merchant_id and v.id = e.id and v.seq = e.seq) m on true
  left join orders o on o.merchant_id = e.merchant_id and e.kind = 'order' and o.order_id = e.id
  left join correction k on k.merchant_id = e.merchant_id and e.kind = 'correction' and k.correction_id = e.id
  left join channel c on c.merchant_id = e.merchant_id and c.channel_id = coalesce(o.channel_id, k.channel_id)
  left join order_line l on l.merchant_id = o.merchant_id and l.order_id = o.order_id and l.line_no = m.line_no
  left join sku s on s.merchant_id = e.merchant_id and s.sku_id = coalesce(m.sku_id, l.sku_id)
  left join site t on t.site_id = m.site_id
  where e.merchant_id = $1
""",
    order="e.txid, e.pos, m.nth",
    at="e.happened_at",
    channel="c.key",
)  # fmt: skip
