-- People sign in with a password and, if they like, a second factor; what is done about people and keys is logged.

alter table person
  add column password    text not null default '',      -- argon2id; '' comes in by links or by somebody else's word
  add column timezone    text not null default '',      -- '' is the browser's own
  add column totp_secret text not null default '',      -- sealed, see kit/secrets.py
  add column totp_on_at  timestamptz,                   -- null: never asked for it, or not proven yet
  add column totp_step   bigint not null default 0;     -- the last one that was used: a code works once

-- A link made on the machine itself lets in at once; a letter's asks for the second factor first, as does a password,
-- and until it is given there is half a session.
alter table session
  add column created_at timestamptz not null default now(),
  add column came_by    text not null default 'link',
  add column address    text not null default '',
  add column browser    text not null default '',
  drop constraint session_kind_check,
  add constraint session_kind check (kind in ('link', 'letter', 'half', 'session'));
create index session_person on session (person_id);
create index session_expires on session (expires_at);

-- Reference table: what lets somebody in whose second factor is lost; each once.
create table recovery_code (
  person_id bigint not null references person,
  hash      bytea not null,
  primary key (person_id, hash)
);

-- Reference table: how often somebody tried to get in, by account and by address, until the count begins anew.
create table attempt (
  subject bytea primary key,    -- a hash
  tries   integer not null,
  ends_at timestamptz not null
);
create index attempt_ends on attempt (ends_at);

-- Reference table: who signed in or tried to, and who changed people, keys and settings. Written, never altered.
create table log_entry (
  entry_id  bigint primary key,
  at        timestamptz not null,
  area      text not null,
  what      text not null,
  who       text not null,      -- an e-mail address as it was then, or `doorstep` for commands on the machine
  person_id bigint,
  about     text not null default '',
  details   jsonb not null default '{}',
  address   text not null default '',
  browser   text not null default ''
);
create index log_entry_at on log_entry (at desc, entry_id desc);
create index log_entry_area on log_entry (area, at desc, entry_id desc);

alter table api_key
  add column used_at timestamptz,
  add column made_by text not null default '',
  add column roles   text[];                            -- of whoever made it: the key reaches no further; null: all

select distribute(t) from unnest(array['recovery_code', 'attempt', 'log_entry']) t;
revoke update, delete, truncate on log_entry from doorstep_app;
