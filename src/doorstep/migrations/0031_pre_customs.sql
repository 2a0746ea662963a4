-- Rules of customs as dated lists, what is known of goods for a border, and what people said about names on a list.

-- Reference tables: of each kind the newest list that is not of the future counts; older ones stay to be read.
create table rule_list (
  list_id   bigint primary key,
  kind      text not null,                              -- hs-codes, duty-rates, country-rules … (setup/customs/lists.py)
  as_of     date not null,
  source    text not null,
  is_sample boolean not null,
  loaded_by text not null default '',
  loaded_at timestamptz not null default now(),
  unique (kind, as_of)
);
create table rule_row (
  list_id bigint not null,
  country text not null default '',                     -- '' where the list is not of countries
  key     text not null,
  data    jsonb not null,
  words   text[] not null default '{}',                 -- what a denied party is found by
  primary key (list_id, country, key)
);
-- Asked as soon as a list is loaded: nothing may wait in the index's pending list.
create index rule_row_words on rule_row using gin (words) with (fastupdate = off) where words <> '{}';

alter table sku
  add column eccn text not null default '',             -- export control classification: EAR99, 5A992 …
  add column export_license text not null default '',   -- its number, or the exception that is used
  add column responsible_person text not null default ''; -- in the Union, for consumer goods; else the merchant's

alter table merchant add column customs jsonb not null default '{}'; -- see setup/customs/profile.py

-- Somebody said whether a buyer is whom a list names; the newest word about the two counts, none is taken away.
create table party_review (
  merchant_id bigint not null,
  review_id   bigint not null,
  order_id    bigint not null,
  name        text not null,                            -- as it is compared
  party       text not null,                            -- the list's own number of it
  verdict     text not null check (verdict in ('match', 'no_match')),
  note        text not null default '',
  reviewed_by text not null,
  reviewed_at timestamptz not null,
  primary key (merchant_id, review_id)
);
create index party_review_name on party_review (merchant_id, name);

-- The export of an order was filed: under this number, by whom, when.
create table export_filing (
  merchant_id bigint not null,
  filing_id   bigint not null,
  order_id    bigint not null,
  itn         text not null,
  filed_by    text not null,
  filed_at    timestamptz not null,
  primary key (merchant_id, filing_id)
);
create index export_filing_order on export_filing (merchant_id, order_id);

select distribute('rule_list'), distribute('rule_row');
select distribute(t) from unnest(array['party_review', 'export_filing']) t;
select wall(t::regclass) from unnest(array['party_review', 'export_filing']) t;

alter table rule_row add foreign key (list_id) references rule_list (list_id) on delete cascade;
