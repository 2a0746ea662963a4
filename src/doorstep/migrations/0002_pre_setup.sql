-- What a merchant sets up: itself, its channels, goods, ways to ship, keys and connections.

create table merchant (
  merchant_id    bigint primary key,
  key            text not null check (key ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
  name           text not null,
  is_operator    boolean not null default false,
  currency       text not null,
  country        text not null,
  address        jsonb not null default '{}',
  email          text not null default '',
  tax_numbers    jsonb not null default '{}',           -- {"vat": …, "ioss": …, "eori": …}
  when_short     text not null default 'backorder' check (when_short in ('backorder', 'refuse')),
  ship           text not null default 'split' check (ship in ('complete', 'split')),
  reserve_minutes integer not null default 60,           -- how long an unpaid reservation lasts
  hold_duplicates boolean not null default true,
  brand          jsonb not null default '{}',           -- {"accent": "#…", "sender": "…"}
  created_at     timestamptz not null default now()
);

create table channel (
  merchant_id bigint not null,
  channel_id  bigint not null,
  key         text not null,
  kind        text not null default 'api',              -- api, file, console, shopify …
  settings    jsonb not null default '{}',
  primary key (merchant_id, channel_id),
  unique (merchant_id, key)
);

create table sku (
  merchant_id   bigint not null,
  sku_id        bigint not null,
  code          text not null,
  barcode       text not null default '',
  name          text not null default '',
  weight_g      integer not null default 0 check (weight_g >= 0),
  length_mm     integer not null default 0 check (length_mm >= 0),
  width_mm      integer not null default 0 check (width_mm >= 0),
  height_mm     integer not null default 0 check (height_mm >= 0),
  hs_code       text not null default '',
  origin        text not null default '',
  customs_text  text not null default '',
  value_minor   bigint not null default 0,              -- for customs when a line has no price
  flags         text[] not null default '{}',           -- battery, liquid, fragile …
  stocked       boolean not null default true,          -- false: a service, has no stock
  created_at    timestamptz not null default now(),
  primary key (merchant_id, sku_id),
  unique (merchant_id, code)
);
create index sku_barcode on sku (merchant_id, barcode) where barcode <> '';

create table sku_alias (
  merchant_id bigint not null,
  channel_id  bigint not null,
  alias       text not null,
  sku_id      bigint not null,
  primary key (merchant_id, channel_id, alias)
);

create table shipping_method (
  merchant_id bigint not null,
  method_id   bigint not null,
  name        text not null,                            -- as the channel calls it
  level       text not null,                            -- standard, express, economy …
  carrier     text not null default '',                 -- '' = cheapest that serves the level
  days_min    smallint not null default 2,
  days_max    smallint not null default 7,
  primary key (merchant_id, method_id),
  unique (merchant_id, name)
);

-- Accounts with carriers and payment providers; the secret part is encrypted.
create table connection (
  merchant_id   bigint not null,
  connection_id bigint not null,
  kind          text not null check (kind in ('carrier', 'payments')),
  plugin        text not null,                          -- which code talks to it
  code          text not null,
  settings      jsonb not null default '{}',
  secret        text not null default '',               -- sealed, see kit.secrets
  primary key (merchant_id, connection_id),
  unique (merchant_id, kind, code)
);

create table api_key (
  merchant_id bigint not null,
  key_id      bigint not null,
  hash        bytea not null,                           -- sha256; the key itself is shown once
  prefix      text not null,
  name        text not null default '',
  scopes      text[] not null,
  created_at  timestamptz not null default now(),
  revoked_at  timestamptz,
  primary key (merchant_id, key_id),
  unique (merchant_id, hash)
);

create table webhook_endpoint (
  merchant_id bigint not null,
  endpoint_id bigint not null,
  url         text not null,
  secret      bytea not null,
  verbs       text[] not null default '{}',             -- empty: all
  after_txid  xid8 not null default '0',                -- delivered up to here, in the feed's order
  after_pos   bigint not null default 0,
  tries       integer not null default 0,
  due_at      timestamptz not null default now(),
  state       text not null default 'active' check (state in ('active', 'gone', 'paused')),
  last_error  text not null default '',
  created_at  timestamptz not null default now(),
  primary key (merchant_id, endpoint_id)
);

select distribute(t) from unnest(array['merchant', 'channel', 'sku', 'sku_alias', 'shipping_method', 'connection',
  'api_key', 'webhook_endpoint']) t;
select wall(t::regclass) from unnest(array['merchant', 'channel', 'sku', 'sku_alias', 'shipping_method', 'connection',
  'api_key', 'webhook_endpoint']) t;

alter table sku_alias add foreign key (merchant_id, sku_id) references sku (merchant_id, sku_id);
alter table sku_alias add foreign key (merchant_id, channel_id) references channel (merchant_id, channel_id);
