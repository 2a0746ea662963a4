"""parcels: a row per parcel, with what is in it and what the carrier told of it."""

from __future__ import annotations

from doorstep.doors.exports.columns import Export, day, listed, minor, moment, number, public_id, text, units

PARCELS = Export(
    name="parcels",
    says="A row per parcel, packed here or told of elsewhere, by the day its order was placed.",
    columns=(
        public_id("parcel_id", "par", "p.parcel_id", "the parcel"),
        public_id("order_id", "ord", "p.order_id", "the order"),
        text("number", "o.number", "what people call the order"),
        text("external_id", "coalesce(o.external_id, '')", "the channel's own id of the order"),
        text("channel", "c.key", "the channel the order came from"),
        moment("placed_at", "o.placed_at", "when the buyer ordered"),
        public_id("fulfillment_order_id", "ful", "p.fulfillment_order_id", "the fulfillment order it is part of"),
        text("reference", "p.reference", "what tells it from the order's others, elsewhere"),
        text("site", "t.code", "the site it leaves from"),
        text("country", "o.country", "where it goes", "ISO 3166-1 alpha-2"),
        text("state", "p.state", "where it is: `pre_transit`, `in_transit`, `delivered` …"),
        moment("packed_at", "p.packed_at", "when it was packed; empty: it was planned elsewhere and never left"),
        text("packed_by", "p.packed_by", "who packed it"),
        moment("handed_over_at", "p.handed_over_at", "when the carrier had it"),
        moment("delivered_at", "p.delivered_at", "when it was in the buyer's hands"),
        moment("ship_by", "f.ship_by", "when it was to leave"),
        day("deliver_from", "f.deliver_from", "promised not before"),
        day("deliver_by", "f.deliver_by", "promised at the latest"),
        text("carrier", "p.carrier", "the carrier"),
        text("service", "p.service", "the carrier's service"),
        text("tracking_number", "p.tracking_number", "the tracking number"),
        text("label_state", "p.label_state", "`none`, `wanted`, `bought`, `refused`, `void_wanted` or `void`"),
        text("label_ref", "p.label_ref", "the carrier's own id of the label"),
        minor("label_cost_minor", "p.label_cost_minor", "what the label cost", of="label_currency"),
        text("label_currency", "p.label_currency", "the currency of that", "ISO 4217"),
        text("label_error", "p.label_error", "why the carrier refused"),
        text("carton", "p.carton", "the type of box"),
        number("weight_g", "p.weight_g", "weight", "grams"),
        number("length_mm", "p.length_mm", "length", "millimeters"),
        number("width_mm", "p.width_mm", "width", "millimeters"),
        number("height_mm", "p.height_mm", "height", "millimeters"),
        units("units", "coalesce(i.units, 0)", "units in it"),
        listed("contents", "i.contents", "what is in it: `line_no`, `sku`, `lot`, `quantity`"),
        listed("events", "w.events", "what the carrier told, oldest first: `happened_at`, `recorded_at`, `state`, "
               "`code`, `raw_code`, `place`, `message`, `reason`, `party`, `proof`"),
    ),
    source="""
from parcel p
  join orders o on o.merchant_id = p.merchant_id and o.order_id = p.order_id
  join channel c on c.merchant_id = o.merchant_id and c.channel_id = o.channel_id
  join site t on t.site_id = p.site_id
  left join fulfillment_order f on f.merchant_id = p.merchant_id and f.fulfillment_order_id = p.fulfillment_order_id
  cross join lateral (
    select sum(y.quantity)::bigint as units, jsonb_agg(jsonb_build_object('line_no', y.line_no, 'sku', s.code,
        'lot', y.lot, 'quantity', y.quantity) order by y.line_no, y.lot) as contents
      from parcel_line y left join sku s on s.merchant_id = y.merchant_id and s.sku_id = y.sku_id
      where y.merchant_id = p.merchant_id and y.parcel_id = p.parcel_id and y.quantity > 0) i
  cross join lateral (
    select jsonb_agg(jsonb_build_object('happened_at', v.happened_at, 'recorded_at', v.recorded_at, 'state', v.state,
        'code', v.code, 'raw_code', v.raw_code, 'place', v.place, 'message', v.message,
        'reason', v.reason, 'party', v.party, 'proof', v.proof)
        order by v.happened_at, v.recorded_at, v.digest) as events
      from parcel_event v where v.merchant_id = p.merchant_id and v.parcel_id = p.parcel_id) w
  where p.merchant_id = $1
""",
    order="o.placed_at, p.order_id, p.parcel_id",
    at="o.placed_at",
    channel="c.key",
    block=1_000,
)  # fmt: skip
