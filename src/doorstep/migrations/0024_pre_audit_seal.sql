-- Up to where a merchant's events are checked (see spine/sealing.py), and the stock that they add up to.

create table seal (
  merchant_id bigint primary key,
  txid        xid8 not null default '0',                -- checked up to here, in the feed's order
  pos         bigint not null default 0,
  due_at      timestamptz not null default now(),       -- whoever checks has it until then
  sealed_at   timestamptz not null default now()
);

-- All moves up to the seal, added up by stage and place; what is nought is not kept, so old parcels leave nothing.
create table sealed_stock (
  merchant_id bigint not null,
  sku_id      bigint not null,
  site_id     bigint not null,
  stage       text not null,
  place       text not null,
  lot         text not null,
  quantity    bigint not null,
  compared    boolean not null default true,            -- with what the books say; false while a seal is behind
  primary key (merchant_id, sku_id, site_id, stage, place, lot)
) with (fillfactor = 70);
create index sealed_stock_uncompared on sealed_stock (merchant_id) where not compared;
create index sealed_stock_nought on sealed_stock (merchant_id) where quantity = 0;

select distribute(t) from unnest(array['seal', 'sealed_stock']) t;
select wall(t::regclass) from unnest(array['seal', 'sealed_stock']) t;
