-- What lies in a parcel is told by its lines alone: bins and totes are what has stock of its own.

do $$ begin
  execute format('set local app.merchants = %L',
    coalesce((select string_agg(merchant_id::text, ',') from route where kind = 'merchant'), ''));
end $$;
delete from bin_stock where place like 'parcel:%';
set local app.merchants = '';

-- The shelves, without the totes on their way through; now that no parcels are there to be left out.
drop index bin_stock_shelf;
create index bin_stock_shelf on bin_stock (merchant_id, site_id, sku_id, place) where place not like 'tote:%';
-- The parcels that have not left, labeled or not, found among all that left long ago.
drop index parcel_to_leave;
create index parcel_here on parcel (merchant_id, site_id, carrier)
  where packed_at is not null and handed_over_at is null;
-- Nobody takes more out of a parcel than is in it.
alter table parcel_line drop constraint parcel_line_quantity_check;
alter table parcel_line add constraint parcel_short check (quantity >= 0);

-- What stands where: in bins and totes, and in parcels that have not left.
create view place_stock with (security_invoker = true) as
  select merchant_id, sku_id, site_id, place, lot, quantity from bin_stock
  union all
  select p.merchant_id, l.sku_id, p.site_id, 'parcel:' || p.parcel_id, l.lot, sum(l.quantity)::bigint
    from parcel p join parcel_line l on l.merchant_id = p.merchant_id and l.parcel_id = p.parcel_id and l.quantity > 0
    where p.packed_at is not null and p.handed_over_at is null
    group by p.merchant_id, l.sku_id, p.site_id, p.parcel_id, l.lot;
