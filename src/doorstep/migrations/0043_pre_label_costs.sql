-- What takes long of the new columns of parcels, apart from them: nobody reads or writes a table that is being altered.

create index parcel_on_manifest on parcel (merchant_id, manifest_id) where manifest_id is not null;
create index parcel_to_leave on parcel (merchant_id, site_id, carrier)
  where label_state = 'bought' and handed_over_at is null;

do $$
declare merchants text := (select string_agg(merchant_id::text, ',') from route where kind = 'merchant');
begin
  execute format('set local app.merchants = %L', coalesce(merchants, ''));
  update parcel set label_cost_minor = null where label_currency = '' and label_cost_minor is not null;
end $$;
