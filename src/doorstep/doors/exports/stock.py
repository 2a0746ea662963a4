"""stock: a row per SKU and site: what stands there now, in which stage and where."""

from __future__ import annotations

from doorstep.doors.exports.columns import Export, flag, listed, public_id, text, units

STOCK = Export(
    name="stock",
    says="A row per SKU and site: what stands there now. It knows no period and no channel.",
    columns=(
        public_id("sku_id", "sku", "a.sku_id", "the SKU"),
        text("sku", "s.code", "the merchant's SKU"),
        text("barcode", "s.barcode", "its barcode"),
        text("name", "s.name", "what it is"),
        flag("stocked", "s.stocked", "it is counted; a service is not"),
        text("site", "t.code", "the site"),
        units("on_hand", "a.free + a.reserved + a.picked + a.packed + a.quarantine", "units that stand there"),
        units("free", "a.free", "units that can be sold"),
        units("reserved", "a.reserved", "units promised to orders"),
        units("picked", "a.picked", "units picked"),
        units("packed", "a.packed", "units packed, not handed over yet"),
        units("quarantine", "a.quarantine", "units set apart"),
        listed("places", "b.places", "where they stand: `place`, `lot`, `quantity`"),
    ),
    source="""
from availability a
  join sku s on s.merchant_id = a.merchant_id and s.sku_id = a.sku_id
  join site t on t.site_id = a.site_id
  left join (
    select y.merchant_id, y.sku_id, y.site_id,
        jsonb_agg(jsonb_build_object('place', y.place, 'lot', y.lot, 'quantity', y.quantity)
          order by y.place, y.lot) as places
      from place_stock y where y.merchant_id = $1 and y.quantity > 0
      group by y.merchant_id, y.sku_id, y.site_id) b
    on b.merchant_id = a.merchant_id and b.sku_id = a.sku_id and b.site_id = a.site_id
  where a.merchant_id = $1
""",
    order="s.code, t.code",
)  # fmt: skip
