-- The tenant wall, and what must be found before a tenant is known.

create sequence doorstep_id as bigint start 1 increment by 256;

-- Row-level security, forced, one policy for every merchant-owned table: fails closed when nothing is set.
create function wall(name regclass) returns void language plpgsql as $$
begin
  execute format('alter table %s enable row level security', name);
  execute format('alter table %s force row level security', name);
  execute format(
    'create policy tenant on %s using (merchant_id = any('
    'string_to_array(nullif(current_setting(''app.merchants'', true), ''''), '','')::bigint[]))', name);
end $$;

-- Reference table: which merchant a key, a domain, a tracking number belongs to. Read by its own role only.
create table route (
  kind        text not null,   -- merchant, api_key, tracking, channel, link
  hash        bytea not null,  -- sha256 of what is looked up, so that the table gives nothing away
  merchant_id bigint not null,
  primary key (kind, hash)
);
create index route_merchant on route (merchant_id) where kind = 'merchant';

-- Reference table: the operator's places. The operator is itself a merchant row.
create table site (
  site_id      bigint primary key,
  code         text not null unique check (code ~ '^[A-Z0-9-]{2,12}$'),
  name         text not null,
  country      text not null,
  address      jsonb not null,
  latitude     double precision,
  longitude    double precision,
  timezone     text not null default 'UTC',
  cut_off      time not null default '14:00',
  weekdays     smallint[] not null default '{1,2,3,4,5}',
  created_at   timestamptz not null default now()
);

-- Reference table: people who sign in to the console.
create table person (
  person_id   bigint primary key,
  email       text not null unique,
  name        text not null default '',
  role        text not null check (role in ('owner', 'operator', 'floor', 'merchant', 'read_only')),
  merchant_id bigint,          -- set for the role merchant: the only one it sees
  created_at  timestamptz not null default now(),
  ended_at    timestamptz
);

-- Reference table: one-time links and sessions of the console, by hash.
create table session (
  hash       bytea primary key,
  person_id  bigint not null references person,
  kind       text not null check (kind in ('link', 'session')),
  expires_at timestamptz not null,
  used_at    timestamptz
);

select distribute('route'), distribute('site'), distribute('person'), distribute('session');

-- The application finds no tenant by itself: it may add and remove routes, only the router's role reads them.
revoke select, update on route from doorstep_app;
grant select on route to doorstep_router;
revoke all on function wall(regclass) from public;
