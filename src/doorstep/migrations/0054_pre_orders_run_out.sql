-- An unpaid order runs out as a whole, also where it has no goods that a site keeps for it: when, stands with the order.
-- Few have it, and the index has those alone. `fulfillment_order.expires_at` is the old code's.
alter table orders add column expires_at timestamptz;
alter table orders no force row level security;
alter table fulfillment_order no force row level security;
alter table order_now no force row level security;
update orders o set expires_at = f.expires_at
  from (select merchant_id, order_id, min(expires_at) as expires_at from fulfillment_order
    where expires_at is not null group by merchant_id, order_id) f
  join order_now n on n.merchant_id = f.merchant_id and n.order_id = f.order_id and n.promised > 0
  where o.merchant_id = f.merchant_id and o.order_id = f.order_id;
alter table order_now force row level security;
alter table fulfillment_order force row level security;
alter table orders force row level security;
create index orders_expiring on orders (merchant_id, expires_at) where expires_at is not null;
