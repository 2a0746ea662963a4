-- What the intake path does not need: a check per row that its statement makes, and the audit makes again; an index
-- entry for every key that is not there.
alter table order_line drop constraint order_line_merchant_id_sku_id_fkey;
alter table payment drop constraint payment_merchant_id_order_id_fkey;
alter table parcel drop constraint parcel_merchant_id_order_id_fkey;
alter table job drop constraint job_merchant_id_key_key;
create unique index job_key on job (merchant_id, key) where key is not null;

-- The wall's list is read once per statement, and the planner takes it for a filter of half the rows, whoever asks: rows
-- are found by the merchant that every statement names. Looking into the list, it would take all rows of a merchant that
-- statistics do not know yet for none, and read them all for each one that is asked for.
create or replace function wall(name regclass) returns void language plpgsql as $$
begin
  execute format('alter table %s enable row level security', name);
  execute format('alter table %s force row level security', name);
  execute format('drop policy if exists tenant on %s', name);
  execute format(
    'create policy tenant on %s using (coalesce(merchant_id = any((select '
    'string_to_array(nullif(current_setting(''app.merchants'', true), ''''), '','')::bigint[])::bigint[]), false))', name);
end $$;
select wall(format('%I.%I', schemaname, tablename)::regclass) from pg_policies
  where schemaname = 'public' and policyname = 'tenant';

-- An unpaid promise runs out per fulfillment order, not per line; allocations are found by their order.
alter table fulfillment_order add column expires_at timestamptz;
alter table fulfillment_order no force row level security;
alter table allocation no force row level security;
update fulfillment_order f set expires_at = a.expires_at
  from (select merchant_id, fulfillment_order_id, min(expires_at) as expires_at from allocation
    where expires_at is not null group by merchant_id, fulfillment_order_id) a
  where a.merchant_id = f.merchant_id and a.fulfillment_order_id = f.fulfillment_order_id;
alter table fulfillment_order force row level security;
alter table allocation force row level security;
create index fulfillment_order_expiring on fulfillment_order (merchant_id, expires_at) where expires_at is not null;
drop index allocation_fulfillment_order;
alter table allocation drop column expires_at;
alter table allocation
  alter column promised type integer, alter column picked type integer, alter column packed type integer,
  alter column shipped type integer;
alter table allocation set (fillfactor = 75);

-- Moves stand in their event by number: what moved, from where and to where, two digits each (spine/moves.py).
drop view move;
create function moves_by_number(moves jsonb) returns json language sql immutable as $$
  select coalesce(json_agg(case m.value ->> 0
      when 'demand' then case when m.value ->> 5 = '0'
        then json_build_array(w.way, (m.value ->> 1)::int, (m.value ->> 2)::bigint)
        else json_build_array(w.way, (m.value ->> 1)::int, (m.value ->> 2)::bigint, (m.value ->> 5)::bigint) end
      when 'cash' then json_build_array(w.way, (m.value ->> 1)::bigint)
      else json_build_array(w.way, (m.value ->> 1)::bigint, (m.value ->> 2)::bigint, (m.value ->> 3)::bigint,
        m.value ->> 5, m.value ->> 7, m.value ->> 8) end order by m.nth), '[]')
  from jsonb_array_elements(moves) with ordinality m(value, nth)
  cross join lateral (select
    array_position(array['demand', 'stock', 'cash'], m.value ->> 0) * 10000
      + (array_position(a.names, case m.value ->> 0 when 'demand' then m.value ->> 3 when 'stock' then m.value ->> 4
        else m.value ->> 2 end) - 1) * 100
      + array_position(a.names, case m.value ->> 0 when 'demand' then m.value ->> 4 when 'stock' then m.value ->> 6
        else m.value ->> 3 end) - 1 as way
    from (values ('{world,wanted,promised,picked,packed,shipped,delivered,taken_back,lost,canceled,free,reserved,quarantine,owed,held,collected,earned,refunded}'::text[])) a(names)) w
$$;
alter table event alter column moves drop default, alter column data drop default;
alter table event alter column moves type json using moves_by_number(moves), alter column data type json using data::json;
alter table event alter column moves set default '[]', alter column data set default '{}';
drop function moves_by_number(jsonb);

-- One row per move, spelled out.
create view move with (security_invoker = true) as
  select e.merchant_id, e.kind, e.id, e.seq, e.verb, e.happened_at, e.recorded_at, m.nth::integer as nth,
    w.what,
    case w.what when 'demand' then (m.value ->> 1)::smallint end as line_no,
    case w.what when 'demand' then coalesce((m.value ->> 3)::bigint, 0) end as fulfillment_order_id,
    case w.what when 'stock' then (m.value ->> 1)::bigint end as sku_id,
    case w.what when 'stock' then (m.value ->> 2)::bigint end as site_id,
    case w.what when 'demand' then (m.value ->> 2)::bigint when 'stock' then (m.value ->> 3)::bigint end as quantity,
    case w.what when 'cash' then (m.value ->> 1)::bigint end as amount_minor,
    (a.names)[w.way / 100 % 100 + 1] as source,
    (a.names)[w.way % 100 + 1] as target,
    case w.what when 'stock' then coalesce(m.value ->> 4, '') end as source_place,
    case w.what when 'stock' then coalesce(m.value ->> 5, '') end as target_place,
    case w.what when 'stock' then coalesce(m.value ->> 6, '') end as lot
  from event e
  cross join lateral jsonb_array_elements(e.moves::jsonb) with ordinality m(value, nth)
  cross join lateral (select (m.value ->> 0)::integer as way) n
  cross join lateral (select n.way, (array['demand', 'stock', 'cash'])[n.way / 10000] as what) w
  cross join (values ('{world,wanted,promised,picked,packed,shipped,delivered,taken_back,lost,canceled,free,reserved,quarantine,owed,held,collected,earned,refunded}'::text[])) a(names);

-- Ids are unique among all kinds of streams. The feed's index names a transaction once for all of its events.
alter table event drop constraint event_pkey;
alter table event add primary key (merchant_id, id, seq);
drop index event_feed;
create index event_feed on event (merchant_id, txid);

-- The summary row is written ten times in an order's life: its counters are no wider than what they count.
alter table order_now drop column stage, drop column payment, drop column fulfillment, drop column delivery,
  drop column invoicing;
alter table order_now
  alter column ordered type integer,
  alter column wanted type integer,
  alter column promised type integer,
  alter column picked type integer,
  alter column packed type integer,
  alter column shipped type integer,
  alter column delivered type integer,
  alter column taken_back type integer,
  alter column lost type integer,
  alter column canceled type integer,
  alter column services type integer,
  alter column drafts type smallint,
  alter column checks type smallint,
  alter column expiries type smallint,
  alter column cancellations type smallint,
  alter column holds_open type smallint,
  alter column auths_pending type smallint,
  alter column auths_failed type smallint,
  alter column auths_expired type smallint,
  alter column parcels_pre_transit type smallint,
  alter column parcels_in_transit type smallint,
  alter column parcels_in_customs type smallint,
  alter column parcels_out_for_delivery type smallint,
  alter column parcels_available_for_pickup type smallint,
  alter column parcels_exception type smallint,
  alter column parcels_delivered type smallint,
  alter column parcels_returning type smallint,
  alter column parcels_returned type smallint,
  alter column parcels_lost type smallint;
alter table order_now
  add column stage text not null generated always as (case when drafts > 0 then 'draft' when expiries > 0 and canceled = ordered then 'expired' when canceled = ordered and ordered + cancellations > 0 then 'canceled' when ordered = 0 then 'received' when wanted + promised + picked + packed + shipped = 0 and owed = earned then 'completed' when wanted + promised + picked + packed = 0 then 'fulfilled' when picked + packed + shipped + delivered - services + taken_back + lost > 0 then 'in_fulfillment' when checks > 0 and holds_open = 0 and wanted = 0 then 'awaiting_fulfillment' when checks > 0 then 'processing' when checks = 0 then 'received' end) stored,
  add column payment text not null generated always as (case when refunded > 0 and earned = 0 then 'refunded' when earned > owed then 'overpaid' when refunded > 0 and earned = owed then 'partially_refunded' when earned = owed and owed > 0 then 'paid' when owed = 0 and canceled = ordered then 'voided' when owed = 0 then 'paid' when earned > 0 then 'partially_paid' when held >= owed then 'authorized' when auths_pending > 0 or held > 0 or collected > 0 then 'pending' when auths_expired > 0 then 'auth_expired' when auths_failed > 0 then 'failed' when owed > 0 then 'unpaid' end) stored,
  add column fulfillment text not null generated always as (case when canceled = ordered and ordered + cancellations > 0 then 'canceled' when ordered = 0 then 'unfulfilled' when taken_back > 0 and taken_back + canceled = ordered then 'restocked' when wanted + promised + picked + packed = 0 then 'fulfilled' when shipped + delivered - services + taken_back + lost > 0 then 'partially_fulfilled' when picked + packed > 0 then 'in_fulfillment' when checks > 0 and holds_open = 0 and wanted = 0 and promised > 0 then 'awaiting_fulfillment' when ordered >= 0 then 'unfulfilled' end) stored,
  add column delivery text not null generated always as (case when (parcels_pre_transit + parcels_in_transit + parcels_in_customs + parcels_out_for_delivery + parcels_available_for_pickup + parcels_exception + parcels_delivered + parcels_returning + parcels_returned + parcels_lost) = 0 then 'none' when parcels_exception > 0 then 'exception' when parcels_lost > 0 then 'lost' when parcels_returning > 0 then 'returning' when parcels_returned > 0 then 'returned_to_sender' when parcels_delivered = (parcels_pre_transit + parcels_in_transit + parcels_in_customs + parcels_out_for_delivery + parcels_available_for_pickup + parcels_exception + parcels_delivered + parcels_returning + parcels_returned + parcels_lost) then 'delivered' when parcels_available_for_pickup > 0 then 'available_for_pickup' when parcels_out_for_delivery > 0 then 'out_for_delivery' when parcels_in_customs > 0 then 'in_customs' when parcels_in_transit > 0 then 'in_transit' when parcels_delivered > 0 then 'partially_delivered' when parcels_pre_transit > 0 then 'pre_transit' end) stored,
  add column invoicing text not null generated always as (case when credited > 0 and credited = invoiced then 'credited' when invoiced > 0 and invoiced - credited >= owed then 'invoiced' when invoiced > 0 then 'partly_invoiced' when invoiced = 0 then 'not_invoiced' end) stored;
create index order_now_open on order_now (merchant_id, stage, order_id)
  where stage not in ('completed', 'canceled', 'expired');
alter table order_now set (fillfactor = 75);
alter table order_line set (fillfactor = 75);
