-- What the floor has to do, and what stood there once: each read by what is shown, not by all that ever was.

-- What moved of a SKU at a site, into each stage less out of it, by the day, the month and the year in which it
-- happened: up to any day few of them are added up.
create table stock_moved (
  merchant_id bigint not null,
  span        text not null check (span in ('day', 'month', 'year')),
  day         date not null,                            -- the first of it, by the merchant's clock
  sku_id      bigint not null,
  site_id     bigint not null,
  moves bigint not null,
  free bigint not null, reserved bigint not null, picked bigint not null, packed bigint not null,
  quarantine bigint not null,
  primary key (merchant_id, span, day, sku_id, site_id)
) with (fillfactor = 75);
select distribute('stock_moved');
select wall('stock_moved');

-- How far they are. What is rolled up already is added up here; what older code rolls up after this is caught up with.
alter table rollup
  add column stock_txid xid8 not null default '0',
  add column stock_pos bigint not null default 0;
do $$
declare merchants text := (select string_agg(merchant_id::text, ',') from route where kind = 'merchant');
begin
  execute format('set local app.merchants = %L', coalesce(merchants, ''));
  insert into stock_moved (merchant_id, span, day, sku_id, site_id, moves, free, reserved, picked, packed, quarantine)
    select d.merchant_id, s.span, date_trunc(s.span, d.day)::date, d.sku_id, d.site_id, sum(d.moves), sum(d.free),
        sum(d.reserved), sum(d.picked), sum(d.packed), sum(d.quarantine)
      from (
        select m.merchant_id, (m.happened_at at time zone m.timezone)::date as day, m.sku_id, m.site_id,
            count(*) as moves,
            sum(m.quantity * ((m.target = 10)::int - (m.source = 10)::int)) as free,
            sum(m.quantity * ((m.target = 11)::int - (m.source = 11)::int)) as reserved,
            sum(m.quantity * ((m.target = 3)::int - (m.source = 3)::int)) as picked,
            sum(m.quantity * ((m.target = 4)::int - (m.source = 4)::int)) as packed,
            sum(m.quantity * ((m.target = 12)::int - (m.source = 12)::int)) as quarantine
          from (
            select e.merchant_id, e.happened_at, r.timezone, (v.move ->> 1)::bigint as sku_id,
                (v.move ->> 2)::bigint as site_id, (v.move ->> 3)::bigint as quantity,
                (v.move ->> 0)::integer / 100 % 100 as source, (v.move ->> 0)::integer % 100 as target
              from rollup r
              join event e on e.merchant_id = r.merchant_id and (e.txid, e.pos) <= (r.after_txid, r.after_pos)
              cross join lateral json_array_elements(e.moves) v(move)
              where (v.move ->> 0)::integer / 10000 = 2 offset 0) m
          group by 1, 2, 3, 4) d
      cross join (values ('day'), ('month'), ('year')) s(span)
      group by 1, 2, 3, 4, 5;
  update rollup set stock_txid = after_txid, stock_pos = after_pos;
end $$;

-- Units that are promised or picked and not packed yet; spine/record.py keeps it. The index holds what is on the floor
-- and leaves nothing behind.
alter table fulfillment_order add column to_pack integer not null default 0;
alter table fulfillment_order no force row level security;
alter table allocation no force row level security;
update fulfillment_order f set to_pack = a.units
  from (select merchant_id, fulfillment_order_id, sum(promised + picked) as units from allocation
    where promised + picked > 0 group by merchant_id, fulfillment_order_id) a
  where a.merchant_id = f.merchant_id and a.fulfillment_order_id = f.fulfillment_order_id;
alter table fulfillment_order force row level security;
alter table allocation force row level security;
create index fulfillment_order_to_pack on fulfillment_order (merchant_id, site_id, ship_by, fulfillment_order_id)
  where released_at is not null and to_pack > 0;
