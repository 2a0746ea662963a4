-- What is worked out of a row is a function of it, and no generated column: PostgreSQL parses the expressions of those,
-- written out, for every statement that writes their table (those of virtual ones once more for each of its CHECKs).

-- The statuses of an order: `n.stage` of a row `n` of order_now.
alter table order_now drop column stage, drop column payment, drop column fulfillment, drop column delivery,
  drop column invoicing;
create function stage(o order_now) returns text language sql immutable parallel safe return case when o.drafts > 0 then 'draft' when o.expiries > 0 and o.canceled = o.ordered then 'expired' when o.canceled = o.ordered and o.ordered + o.cancellations > 0 then 'canceled' when o.ordered = 0 then 'received' when o.wanted + o.promised + o.picked + o.packed + o.shipped = 0 and o.owed = o.earned then 'completed' when o.wanted + o.promised + o.picked + o.packed = 0 then 'fulfilled' when o.picked + o.packed + o.shipped + o.delivered - o.services + o.taken_back + o.lost > 0 then 'in_fulfillment' when o.checks > 0 and o.holds_open = 0 and o.wanted = 0 then 'awaiting_fulfillment' when o.checks > 0 then 'processing' when o.checks = 0 then 'received' end;
create function payment(o order_now) returns text language sql immutable parallel safe return case when o.refunded > 0 and o.earned = 0 then 'refunded' when o.earned > o.owed then 'overpaid' when o.refunded > 0 and o.earned = o.owed then 'partially_refunded' when o.earned = o.owed and o.owed > 0 then 'paid' when o.owed = 0 and o.canceled = o.ordered then 'voided' when o.owed = 0 then 'paid' when o.earned > 0 then 'partially_paid' when o.held >= o.owed then 'authorized' when o.auths_pending > 0 or o.held > 0 or o.collected > 0 then 'pending' when o.auths_expired > 0 then 'auth_expired' when o.auths_failed > 0 then 'failed' when o.owed > 0 then 'unpaid' end;
create function fulfillment(o order_now) returns text language sql immutable parallel safe return case when o.canceled = o.ordered and o.ordered + o.cancellations > 0 then 'canceled' when o.ordered = 0 then 'unfulfilled' when o.taken_back > 0 and o.taken_back + o.canceled = o.ordered then 'restocked' when o.wanted + o.promised + o.picked + o.packed = 0 then 'fulfilled' when o.shipped + o.delivered - o.services + o.taken_back + o.lost > 0 then 'partially_fulfilled' when o.picked + o.packed > 0 then 'in_fulfillment' when o.checks > 0 and o.holds_open = 0 and o.wanted = 0 and o.promised > 0 then 'awaiting_fulfillment' when o.ordered >= 0 then 'unfulfilled' end;
create function delivery(o order_now) returns text language sql immutable parallel safe return case when (o.parcels_pre_transit + o.parcels_in_transit + o.parcels_in_customs + o.parcels_out_for_delivery + o.parcels_available_for_pickup + o.parcels_exception + o.parcels_delivered + o.parcels_returning + o.parcels_returned + o.parcels_lost) = 0 then 'none' when o.parcels_exception > 0 then 'exception' when o.parcels_lost > 0 then 'lost' when o.parcels_returning > 0 then 'returning' when o.parcels_returned > 0 then 'returned_to_sender' when o.parcels_delivered = (o.parcels_pre_transit + o.parcels_in_transit + o.parcels_in_customs + o.parcels_out_for_delivery + o.parcels_available_for_pickup + o.parcels_exception + o.parcels_delivered + o.parcels_returning + o.parcels_returned + o.parcels_lost) then 'delivered' when o.parcels_available_for_pickup > 0 then 'available_for_pickup' when o.parcels_out_for_delivery > 0 then 'out_for_delivery' when o.parcels_in_customs > 0 then 'in_customs' when o.parcels_in_transit > 0 then 'in_transit' when o.parcels_delivered > 0 then 'partially_delivered' when o.parcels_pre_transit > 0 then 'pre_transit' end;
create function invoicing(o order_now) returns text language sql immutable parallel safe return case when o.credited > 0 and o.credited = o.invoiced then 'credited' when o.invoiced > 0 and o.invoiced - o.credited >= o.owed then 'invoiced' when o.invoiced > 0 then 'partly_invoiced' when o.invoiced = 0 then 'not_invoiced' end;

-- Where an order goes, as a number: written with the address by spine/addressed.py, which says it like this.
alter table orders drop column ship_to_key;
alter table orders add column ship_to_key bigint;
alter table orders no force row level security;
update orders set ship_to_key = ('x' || left(md5(lower((ship_to ->> 'line1') || '|' || coalesce(ship_to ->> 'line2', '')
    || '|' || coalesce(ship_to ->> 'postcode', '') || '|' || coalesce(ship_to ->> 'city', '')
    || '|' || coalesce(ship_to ->> 'country', ''))), 16))::bit(64)::bigint
  where ship_to ->> 'line1' <> '';
alter table orders force row level security;
create index orders_ship_to on orders (merchant_id, ship_to_key, placed_at) where ship_to_key is not null;

-- Whom an errand's job is to call; null of all that is not called account by account (`Errand.account`). Who inserts a job
-- says it by this.
create function account_of(verb text, body jsonb) returns text language sql immutable parallel safe return
  case when verb in ('buy_label', 'void_label', 'void_return_label') then coalesce(body ->> 'carrier', '') end;
alter table job drop column account;
alter table job add column account text;
alter table job no force row level security;
update job set account = account_of(verb, body) where account_of(verb, body) is not null;
alter table job force row level security;
create index job_account on job (merchant_id, verb, account, due_at) where state = 'due' and account is not null;
