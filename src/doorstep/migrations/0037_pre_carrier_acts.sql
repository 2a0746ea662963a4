-- What else is asked of a carrier: a manifest at hand-over, a driver who comes, a label for the way back.

-- A carrier may not say at purchase what a label costs; that is not the same as nothing.
alter table parcel
  alter column label_cost_minor drop not null,
  alter column label_cost_minor drop default,
  add column manifest_id bigint;                        -- the list that it leaves on; of a voided label none again

create table manifest (
  merchant_id  bigint not null,
  manifest_id  bigint not null,
  site_id      bigint not null,
  carrier      text not null,
  state        text not null check (state in ('wanted', 'made', 'refused')),
  parcels      integer not null,
  manifest_ref text not null default '',                -- what the carrier calls it; '' = it wants none
  pdf          bytea,                                   -- the carrier's own list; null: printed here
  error        text not null default '',
  asked_at     timestamptz not null,
  made_at      timestamptz,
  collected_at timestamptz,
  primary key (merchant_id, manifest_id)
);

create table pickup (
  merchant_id bigint not null,
  pickup_id   bigint not null,
  site_id     bigint not null,
  carrier     text not null,
  state       text not null check (state in ('wanted', 'booked', 'refused', 'call_off_wanted', 'called_off')),
  parcels     integer not null,
  weight_g    integer not null default 0,
  note        text not null default '',
  ready_at    timestamptz not null,
  until       timestamptz not null,
  pickup_ref  text not null default '',
  cost_minor  bigint,
  currency    text not null default '',
  error       text not null default '',
  asked_at    timestamptz not null,
  primary key (merchant_id, pickup_id)
);

create table return_label (
  merchant_id     bigint not null,
  return_label_id bigint not null,
  order_id        bigint not null,
  parcel_id       bigint not null,                      -- whose goods come back
  site_id         bigint not null,
  state           text not null check (state in ('wanted', 'bought', 'refused')),
  carrier         text not null default '',
  service         text not null default '',
  label_ref       text not null default '',
  tracking_number text not null default '',
  cost_minor      bigint,
  currency        text not null default '',
  pdf             bytea,
  error           text not null default '',
  asked_at        timestamptz not null,
  primary key (merchant_id, return_label_id)
);
create index return_label_order on return_label (merchant_id, order_id);
create unique index return_label_once on return_label (merchant_id, parcel_id) where state in ('wanted', 'bought');

select distribute(t) from unnest(array['manifest', 'pickup', 'return_label']) t;
select wall(t::regclass) from unnest(array['manifest', 'pickup', 'return_label']) t;
