-- The buyers' side: what they say is wrong, what they were written to, a merchant's logo.

-- A buyer says that something is wrong with an order. Its id is that of its attention item: a case is open while that is.
create table contact_case (
  merchant_id bigint not null,
  case_id     bigint not null,
  order_id    bigint not null,
  kind        text not null,
  email       text not null default '',                 -- where answers go; '' is the order's own address
  opened_by   text not null,
  opened_at   timestamptz not null,
  primary key (merchant_id, case_id)
);
create index contact_case_order on contact_case (merchant_id, order_id);

create table case_message (
  merchant_id bigint not null,
  case_id     bigint not null,
  message_id  bigint not null,
  by_buyer    boolean not null,
  written_by  text not null,
  text        text not null,
  written_at  timestamptz not null,
  primary key (merchant_id, case_id, message_id)
);

-- What a buyer was written: each key once, for ever.
create table notice (
  merchant_id bigint not null,
  order_id    bigint not null,
  key         text not null,
  kind        text not null,
  subject     text not null,
  sent_at     timestamptz not null,
  primary key (merchant_id, order_id, key)
);

-- A merchant's picture on its buyers' pages and letters; made anew from what was uploaded, never served as it came.
create table brand_logo (
  merchant_id bigint not null,
  hash        text not null,
  media_type  text not null check (media_type in ('image/png', 'image/svg+xml')),
  content     bytea not null check (length(content) <= 65536),
  kept_at     timestamptz not null,
  primary key (merchant_id)
);

select distribute(t) from unnest(array['contact_case', 'case_message', 'notice', 'brand_logo']) t;
select wall(t::regclass) from unnest(array['contact_case', 'case_message', 'notice', 'brand_logo']) t;
