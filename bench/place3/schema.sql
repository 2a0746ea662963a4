-- PLACE-3: its tables, and two sites of 1,000 SKUs for 10 merchants, never short.
drop schema if exists place3 cascade; create schema place3; set search_path=place3;
create sequence order_seq cache 1;
create table stock(
  merchant_id int not null, sku_id int not null, wh_id smallint not null,
  on_hand int not null, reserved int not null default 0,
  primary key(merchant_id, sku_id, wh_id)
) with (fillfactor=50, autovacuum_vacuum_scale_factor=0.2);
create table orders(
  merchant_id int not null, order_id bigint not null,
  placed_at timestamptz not null default now(),
  status smallint not null default 1, currency char(3) not null default 'USD',
  total_minor bigint not null, ext_ref text not null, customer text not null,
  ship_to jsonb not null,
  primary key(merchant_id, order_id));
create table order_line(
  merchant_id int not null, order_id bigint not null, line_no smallint not null,
  sku_id int not null, qty int not null, unit_minor bigint not null,
  primary key(merchant_id, order_id, line_no));
create table stock_ledger(          -- append-only: the reservation IS the entry
  merchant_id int not null, order_id bigint not null, line_no smallint not null,
  sku_id int not null, wh_id smallint not null, kind smallint not null,
  qty int not null, at timestamptz not null default now(),
  primary key(merchant_id, order_id, line_no, kind));
create table outbox(
  event_id bigint generated always as identity (cache 32) primary key,
  merchant_id int not null, order_id bigint not null, kind smallint not null,
  at timestamptz not null default now(), payload jsonb not null);
create table idem(
  merchant_id int not null, key text not null, order_id bigint not null,
  primary key(merchant_id, key));
insert into stock select m, s, w, 1000000000, 0
 from generate_series(1,10) m, generate_series(1,1000) s, generate_series(1,2) w;
analyze stock;
