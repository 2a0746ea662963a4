-- What the old code packed and promised beside the new column; and the index that held all that ever was on the floor.

-- Nobody promises or picks meanwhile, or what they count would be counted over.
lock table allocation in share row exclusive mode;
alter table fulfillment_order no force row level security;
alter table allocation no force row level security;
update fulfillment_order f set to_pack = a.units
  from (select merchant_id, fulfillment_order_id, sum(promised + picked) as units from allocation
    group by merchant_id, fulfillment_order_id) a
  where a.merchant_id = f.merchant_id and a.fulfillment_order_id = f.fulfillment_order_id and f.to_pack <> a.units;
alter table fulfillment_order force row level security;
alter table allocation force row level security;
drop index fulfillment_order_floor;
