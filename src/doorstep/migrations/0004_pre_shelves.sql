-- The bins that hold a SKU at a site. Totes and parcels are places too, and most of them are long gone: they stay out
-- of it, so that a pick list reads shelves only. It names no column that a move changes.
create index bin_stock_shelf on bin_stock (merchant_id, site_id, sku_id, place)
  where place not like 'tote:%' and place not like 'parcel:%';
