-- Loads: what parcels travel in (a bag, a pallet, a flight, a customs entry), who is in them from when until when, what
-- happened to them; and the further numbers of a parcel.

-- A load is the operator's, since it holds parcels of several merchants. What is counted of it is what is in it now.
create table load (
  merchant_id  bigint not null,
  load_id      bigint not null,
  kind         text not null check (kind in ('bag', 'pallet', 'flight', 'entry')),
  number       text not null check (number <> ''),      -- as printed on it: of a flight its air waybill's
  parent_id    bigint,                                  -- what it is in now
  carrier      text not null default '',                -- who moves it; of an entry: who declares it
  flight       text not null default '',
  from_airport text not null default '',
  to_airport   text not null default '',
  country      text not null default '',                -- where everything in it goes; '' = anywhere
  departs_at   timestamptz,
  arrives_at   timestamptz,
  parcels      integer not null default 0 check (parcels >= 0),
  loads        integer not null default 0 check (loads >= 0),
  weight_g     bigint not null default 0 check (weight_g >= 0),   -- of the parcels that lie in it directly
  gross_g      bigint not null default 0,               -- on the scale when it was closed
  seal         text not null default '',
  closed_at    timestamptz,                             -- null: open
  state        text not null default '',                -- of the last event
  last_event_at timestamptz,
  opened_at    timestamptz not null,
  primary key (merchant_id, load_id)
);
create unique index load_number on load (merchant_id, number);
create index load_parent on load (merchant_id, parent_id) where parent_id is not null;

-- A load in a load, from when until when.
create table load_stay (
  merchant_id bigint not null,
  load_id     bigint not null,
  stay_id     bigint not null,
  parent_id   bigint not null,
  joined_at   timestamptz not null,
  left_at     timestamptz check (left_at >= joined_at),
  primary key (merchant_id, load_id, stay_id)
);
create unique index load_stay_now on load_stay (merchant_id, load_id) where left_at is null;
create index load_stay_parent on load_stay (merchant_id, parent_id);

-- Whose parcels lie in a load now, as the operator counts them; a row stays when they are gone.
create table load_share (
  merchant_id bigint not null,
  load_id     bigint not null,
  of_merchant bigint not null,
  parcels     integer not null check (parcels >= 0),
  weight_g    bigint not null check (weight_g >= 0),
  primary key (merchant_id, load_id, of_merchant)
);

-- What happened to a load, once; from here it reaches the parcels inside (journey/tracking/spread.py).
create table load_event (
  merchant_id bigint not null,
  load_id     bigint not null,
  digest      bytea not null,
  happened_at timestamptz not null,
  recorded_at timestamptz not null,
  code        text not null,
  raw_code    text not null,
  state       text not null,
  place       text not null,
  message     text not null,
  primary key (merchant_id, load_id, digest)
);

-- A parcel in a load, from when until when: the parcel's merchant's.
create table parcel_stay (
  merchant_id bigint not null,
  parcel_id   bigint not null,
  stay_id     bigint not null,
  load_id     bigint not null,
  of_operator bigint not null,                          -- whose load it is
  weight_g    bigint not null,                          -- as it was counted in
  joined_at   timestamptz not null,
  left_at     timestamptz check (left_at >= joined_at),
  primary key (merchant_id, parcel_id, stay_id)
);
create unique index parcel_stay_now on parcel_stay (merchant_id, parcel_id) where left_at is null;
create index parcel_stay_load on parcel_stay (merchant_id, load_id);

-- Numbers of a parcel beside its label's: of the first mile, the line haul, the last mile.
create table parcel_number (
  merchant_id bigint not null,
  parcel_id   bigint not null,
  number      text not null check (number <> ''),
  carrier     text not null,                            -- '' where nobody knows whose it is
  leg         text not null check (leg in ('first_mile', 'line_haul', 'last_mile')),
  label_key   text not null default '',                 -- of the label that it came with
  since       timestamptz not null,
  until       timestamptz,                              -- its label was void
  primary key (merchant_id, parcel_id, number)
);
create index parcel_number_number on parcel_number (merchant_id, number);

-- Who had the parcel when it happened, and on which part of its way; '' = the label's carrier, the whole way.
alter table parcel_event
  add column holder text not null default '',
  add column leg    text not null default '';

select distribute(t) from unnest(array['load', 'load_stay', 'load_share', 'load_event', 'parcel_stay',
  'parcel_number']) t;
select wall(t::regclass) from unnest(array['load', 'load_stay', 'load_share', 'load_event', 'parcel_stay',
  'parcel_number']) t;
