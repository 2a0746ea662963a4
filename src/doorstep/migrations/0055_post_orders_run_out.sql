-- What the old code wrote while both ran: an unpaid order that it took in. Who has paid since does not run out.
alter table orders no force row level security;
alter table fulfillment_order no force row level security;
alter table order_now no force row level security;
update orders o set expires_at = f.expires_at
  from (select merchant_id, order_id, min(expires_at) as expires_at from fulfillment_order
    where expires_at is not null group by merchant_id, order_id) f
  join order_now n on n.merchant_id = f.merchant_id and n.order_id = f.order_id and n.promised > 0
  where o.merchant_id = f.merchant_id and o.order_id = f.order_id and o.expires_at is null
    and n.owed > n.held + n.earned;
alter table order_now force row level security;
alter table fulfillment_order force row level security;
alter table orders force row level security;
drop index fulfillment_order_expiring;
alter table fulfillment_order drop column expires_at;
