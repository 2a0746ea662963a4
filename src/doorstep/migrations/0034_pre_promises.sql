-- Dates that buyers were told, each with its basis; whether they were kept; and what the next ones are learned from.

alter table merchant add column reliability numeric(4,3) not null default 0.9 check (reliability between 0.5 and 0.98);
alter table site add column capacity integer check (capacity > 0);   -- orders it sends a day; null: all that come

-- Append-only: a new date supersedes the one before it, and says why.
create table promise (
  merchant_id  bigint not null,
  order_id     bigint not null,
  promise_id   bigint not null,
  fulfillment_order_id bigint not null,
  ship_by      timestamptz not null,
  deliver_from date not null,
  deliver_by   date not null,
  reason       text not null default '',                -- why it supersedes the one before; '' = the first
  basis        jsonb not null,
  made_at      timestamptz not null,
  primary key (merchant_id, order_id, promise_id)
);

-- What became of the last date of a parcel, decided when it arrived.
create table promise_end (
  merchant_id bigint not null,
  order_id    bigint not null,
  promise_id  bigint not null,
  parcel_id   bigint not null,
  kept        boolean not null,
  days_late   integer not null,                         -- below nought: so many days early
  party       text not null,                            -- whose time it was when it was broken; '' = kept
  spent       jsonb not null,                           -- hours by party
  decided_at  timestamptz not null,
  primary key (merchant_id, order_id, promise_id, parcel_id)
);

-- What a merchant's own past says (setup/experience.py); the worker learns a day at a time. Life tables are arrays by
-- age in working days, of which older days are faded.
create table experience (
  merchant_id   bigint primary key,
  learned_until date not null,
  throughput    real not null default 0,
  usual         real not null default 0,
  open          integer not null default 0,             -- how much was open on the last day
  price         real not null default 60,
  more          real not null default 0
);
create table waiting_table (
  merchant_id bigint not null,
  stage       text not null,
  key         text[] not null,                          -- from coarse to fine
  waited      real[] not null,
  ended       real[] not null,
  primary key (merchant_id, stage, key)
);
create table waiting_pace (
  merchant_id bigint not null,
  stage       text not null,
  nth         smallint not null,
  key         text not null,
  ended       real not null,
  expected    real not null,
  primary key (merchant_id, stage, nth, key)
);

-- Reference table: how many orders, of all merchants, wait at a site that has a capacity.
create table site_queue (
  site_id bigint primary key,
  waiting integer not null,
  at      timestamptz not null
);

select distribute(t) from unnest(array['promise', 'promise_end', 'experience', 'waiting_table', 'waiting_pace',
  'site_queue']) t;
select wall(t::regclass) from unnest(array['promise', 'promise_end', 'experience', 'waiting_table', 'waiting_pace']) t;
revoke update, delete on promise from doorstep_app;
