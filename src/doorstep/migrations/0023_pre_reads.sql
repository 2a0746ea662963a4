-- What finds orders, fed beside the way they come in: doors/worker/finding.py follows the events and writes it.

-- A word or a name that an order is found by: its number, who bought it, its SKUs, where it goes (to:ie), the channel
-- it came by (via:shop). The time stands in the key, so that each list comes off it newest first. Rows are added only:
-- an order is still found by what it was called before.
create table order_token (
  merchant_id bigint not null,
  placed_at   timestamptz not null,
  order_id    bigint not null,
  token       text collate "C" not null,
  primary key (merchant_id, token, placed_at, order_id)
);

-- Reference table: every way that an order can stand: its statuses, and the types of its open holds.
create table standing (
  standing_id bigint generated always as identity primary key,
  stage       text not null,
  payment     text not null,
  fulfillment text not null,
  delivery    text not null,
  holds       text[] not null,
  unique (stage, payment, fulfillment, delivery, holds)
);

-- How each order stood when it was last looked at. Readers look again: a row that is late shows nothing wrong.
create table order_standing (
  merchant_id bigint not null,
  order_id    bigint not null,
  placed_at   timestamptz not null,
  standing_id bigint not null,
  primary key (merchant_id, order_id)
) with (fillfactor = 90);
create index order_standing_list on order_standing (merchant_id, standing_id, placed_at, order_id);

-- How far a merchant's events are followed, in the feed's order.
create table order_finding (
  merchant_id bigint primary key,
  after_txid  xid8 not null default '0',
  after_pos   bigint not null default 0
);

-- Orders per stage, in slots: each writer adds in a row of its own and waits for nobody; what is read is their sum.
create table stage_count (
  merchant_id bigint not null,
  slot        smallint not null,
  stage       text not null,
  orders      bigint not null,
  primary key (merchant_id, slot, stage)
) with (fillfactor = 50);

-- The holds of an order, lifted ones too: its page tells them, and the checks ask what was overruled. Open ones alone are
-- found by hold_exceptions.
create index hold_order on hold (merchant_id, order_id);
drop index hold_open;

-- Numbers are found among the tokens.
drop index orders_number;

select distribute(t) from unnest(array['order_token', 'standing', 'order_standing', 'order_finding', 'stage_count']) t;
select wall(t::regclass) from unnest(array['order_token', 'order_standing', 'order_finding', 'stage_count']) t;

-- Orders that are here already are counted once; what finds them is fed from the first event on.
do $$
declare merchants text := (select string_agg(merchant_id::text, ',') from route where kind = 'merchant');
begin
  execute format('set local app.merchants = %L', coalesce(merchants, ''));
  insert into stage_count (merchant_id, slot, stage, orders)
    select merchant_id, 0, stage, count(*) from order_now group by merchant_id, stage;
end $$;
