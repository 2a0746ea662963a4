-- History in full: who bought, what was promised then, parcels that were never packed here, and what was corrected.

alter table orders add column customer text not null default '';   -- the channel's own id of the buyer
create index orders_customer on orders (merchant_id, customer, placed_at) where customer <> '';

-- A parcel that somebody else was to send and that never left was planned, not packed.
alter table parcel alter column packed_at drop not null;
alter table parcel add column reference text not null default '';   -- what tells it from the order's others, elsewhere
alter table parcel_line alter column sku_id drop not null;           -- null: an item nobody knew, in a parcel packed elsewhere

-- An order of which nobody knows the items is not canceled for that: it is when somebody says so.
alter table order_now
  drop column stage,
  drop column fulfillment,
  add column cancellations bigint not null default 0;
alter table order_now add column stage text not null generated always as (case when drafts > 0 then 'draft' when expiries > 0 and canceled = ordered then 'expired' when canceled = ordered and ordered + cancellations > 0 then 'canceled' when ordered = 0 then 'received' when wanted + promised + picked + packed + shipped = 0 and owed = earned then 'completed' when wanted + promised + picked + packed = 0 then 'fulfilled' when picked + packed + shipped + delivered - services + taken_back + lost > 0 then 'in_fulfillment' when checks > 0 and holds_open = 0 and wanted = 0 then 'awaiting_fulfillment' when checks > 0 then 'processing' when checks = 0 then 'received' end) stored;
alter table order_now add column fulfillment text not null generated always as (case when canceled = ordered and ordered + cancellations > 0 then 'canceled' when ordered = 0 then 'unfulfilled' when taken_back > 0 and taken_back + canceled = ordered then 'restocked' when wanted + promised + picked + packed = 0 then 'fulfilled' when shipped + delivered - services + taken_back + lost > 0 then 'partially_fulfilled' when picked + packed > 0 then 'in_fulfillment' when checks > 0 and holds_open = 0 and wanted = 0 and promised > 0 then 'awaiting_fulfillment' when ordered >= 0 then 'unfulfilled' end) stored;
create index order_now_open on order_now (merchant_id, stage, order_id)
  where stage not in ('completed', 'canceled', 'expired');

-- Marketplaces know their sellers by long keys.
alter table site drop constraint site_code_check;
alter table site add constraint site_code_check check (code ~ '^[A-Z0-9-]{2,40}$');

-- What was corrected elsewhere: a credit, a write-off of money, a change of stock, under its own number.
create table correction (
  merchant_id   bigint not null,
  correction_id bigint not null,
  channel_id    bigint not null,
  kind          text not null check (kind in ('credit', 'adjustment', 'stock')),
  external_id   text not null,
  number        text not null,
  happened_at   timestamptz not null,
  currency      text not null,
  customer      text not null default '',
  buyer         jsonb not null default '{}',
  country       text not null default '',
  total_minor   bigint not null,                        -- signed: a credit is below zero
  reason        text not null default '',
  content_hash  bytea not null,
  primary key (merchant_id, correction_id)
);
create unique index correction_external on correction (merchant_id, channel_id, kind, external_id);

create table correction_line (
  merchant_id   bigint not null,
  correction_id bigint not null,
  line_no       smallint not null,
  sku_id        bigint,
  site_id       bigint,                                 -- where the units moved, when they did
  code          text not null default '',
  title         text not null default '',
  quantity      integer not null,                       -- signed as it was told
  unit_price    numeric(18, 6) not null,
  total_minor   bigint not null,                        -- signed
  linked        integer not null default 0,             -- units of it that are linked to sales
  primary key (merchant_id, correction_id, line_no)
);

-- Which units of which sale a credited line is about.
create table credit_link (
  merchant_id   bigint not null,
  correction_id bigint not null,
  line_no       smallint not null,
  order_id      bigint not null,
  order_line_no smallint not null,
  quantity      integer not null check (quantity > 0),
  stage         text not null check (stage in ('shipped', 'delivered')),  -- where the units were before
  less_minor    bigint not null check (less_minor >= 0),  -- how much less is owed for the sale
  price_differs boolean not null,                       -- it was credited at another price than it was sold at
  primary key (merchant_id, correction_id, line_no, order_id, order_line_no, stage)
);
create index credit_link_order on credit_link (merchant_id, order_id);

select distribute(t) from unnest(array['correction', 'correction_line', 'credit_link']) t;
select wall(t::regclass) from unnest(array['correction', 'correction_line', 'credit_link']) t;

alter table correction_line add foreign key (merchant_id, sku_id) references sku (merchant_id, sku_id);

-- Exceptions: attention, open holds and jobs that stopped, counted by kind and listed newest first.
alter table attention add column resolution text not null default '';   -- what was said when it was resolved
create index hold_exceptions on hold (merchant_id, type, hold_id) where lifted_at is null;
create index job_stopped on job (merchant_id, verb, job_id) where state in ('refused', 'dead');
