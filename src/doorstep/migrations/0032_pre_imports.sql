-- Files that people hand over in the console: what they are, how they are read, how far they are. The files themselves
-- stand in the home.
create table import_run (
  merchant_id bigint not null,
  import_id   bigint not null,
  kind        text not null check (kind in ('orders', 'products', 'stock')),
  name        text not null,                            -- what people called the files
  files       text[] not null,                          -- below the home
  settings    jsonb not null default '{}',              -- what the columns say, channel, currency …
  state       text not null default 'draft' check (state in ('draft', 'waiting', 'running', 'done', 'failed')),
  rehearsal   boolean not null default false,           -- it only looks
  read        bigint not null default 0,                -- rows so far,
  total       bigint,                                   -- of so many, when that is known,
  doing       text not null default '',                 -- and what with them
  came        jsonb,                                    -- what became of the rows
  refusal     jsonb,                                    -- why it could not be taken at all
  asked_by    text not null,
  created_at  timestamptz not null,
  changed_at  timestamptz not null,
  lease       text not null default '',                 -- whoever works on it,
  lease_until timestamptz,                              -- and until when nobody else does
  primary key (merchant_id, import_id)
);
create index import_run_due on import_run (merchant_id, state, import_id) where state in ('waiting', 'running');

-- What columns say, under a name: for the next file of the same kind.
create table import_mapping (
  merchant_id bigint not null,
  kind        text not null,
  name        text not null,
  settings    jsonb not null,
  created_at  timestamptz not null,
  primary key (merchant_id, kind, name)
);

select distribute(t) from unnest(array['import_run', 'import_mapping']) t;
select wall(t::regclass) from unnest(array['import_run', 'import_mapping']) t;
