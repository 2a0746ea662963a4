-- Tracking: why and at whose side, proof of delivery, what a parcel's state rests on, how lanes usually go, and what
-- carriers send by themselves.

alter table parcel_event
  add column reason text not null default '',           -- why it went wrong: absent, wrong_address, papers, …
  add column party  text not null default '',           -- at whose side: carrier, buyer, merchant, customs
  add column proof  jsonb;                              -- of the delivery: signed_by, left_at, signature, photo

-- The state is that of the weightiest event (plug/states.py); when it happened stands beside it, so that news is
-- weighed without reading the whole past. `news_at`: the last that was heard. `silence_id`: the open alarm.
alter table parcel
  add column state_at   timestamptz,
  add column news_at    timestamptz,
  add column silence_id bigint;
-- Each piece of news changes it, and no column that an index holds: with room on its page it stays there.
alter table parcel set (fillfactor = 75);
alter table parcel no force row level security;
alter table parcel_event no force row level security;
update parcel p set state_at = e.state_at, news_at = e.news_at
  from (select v.merchant_id, v.parcel_id, max(v.happened_at) as news_at,
      max(v.happened_at) filter (where v.state = q.state) as state_at
    from parcel_event v join parcel q on q.merchant_id = v.merchant_id and q.parcel_id = v.parcel_id
    group by v.merchant_id, v.parcel_id) e
  where e.merchant_id = p.merchant_id and e.parcel_id = p.parcel_id;
alter table parcel force row level security;
alter table parcel_event force row level security;

-- How long it is usually quiet on a lane: quantiles of the time from one news to the next, by the state between them.
-- Kept by the worker from the merchant's own history; '' stands for every carrier, service or country.
create table lane_pace (
  merchant_id  bigint not null,
  carrier      text not null,
  service      text not null,
  from_country text not null,
  to_country   text not null,
  state        text not null,
  gaps         integer not null,                        -- how many the quantiles are of
  p50_s        bigint not null,
  p95_s        bigint not null,
  learned_at   timestamptz not null,
  primary key (merchant_id, carrier, service, from_country, to_country, state)
);

-- Where a carrier sends its webhooks to, by the account they are about; the secret is sealed.
create table carrier_hook (
  merchant_id  bigint not null,
  code         text not null,                           -- of the account
  hash         bytea not null,                          -- of the address; its route finds the merchant
  scheme       text not null,                           -- how it signs (plug/signatures.py)
  secret       text not null,
  last_at      timestamptz,
  created_at   timestamptz not null default now(),
  primary key (merchant_id, code)
);
create unique index carrier_hook_hash on carrier_hook (merchant_id, hash);

-- What a carrier sent, as it was sent: kept before anything is made of it. The same again is the same row.
create table carrier_message (
  merchant_id bigint not null,
  message_id  bigint not null,
  code        text not null,
  digest      bytea not null,
  body        text not null,
  received_at timestamptz not null,
  primary key (merchant_id, message_id)
);
create unique index carrier_message_once on carrier_message (merchant_id, code, digest);
create index carrier_message_age on carrier_message (merchant_id, received_at);

select distribute(t) from unnest(array['lane_pace', 'carrier_hook', 'carrier_message']) t;
select wall(t::regclass) from unnest(array['lane_pace', 'carrier_hook', 'carrier_message']) t;
