-- History in full: who bought, what was promised then, parcels that were never packed here, and what was corrected.

alter table orders add column customer text not null default '';   -- the channel's own id of the buyer
create index orders_customer on orders (merchant_id, customer, placed_at) where customer <> '';

-- A parcel that somebody else was to send and that never left was planned, not packed.
alter table parcel alter column packed_at drop not null;
alter table parcel add column reference text not null default '';   -- what tells it from the order's others, elsewhere

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
  primary key (merchant_id, correction_id, line_no, order_id, order_line_no)
);
create index credit_link_order on credit_link (merchant_id, order_id);

select distribute(t) from unnest(array['correction', 'correction_line', 'credit_link']) t;
select wall(t::regclass) from unnest(array['correction', 'correction_line', 'credit_link']) t;

alter table correction_line add foreign key (merchant_id, sku_id) references sku (merchant_id, sku_id);
