-- Notices: which fact speaks to whom by which medium, in whose words, when it is quiet, who wants none; and of each
-- notice what became of it.

-- `key` is the fact's own, with the medium behind it where that is not a letter to the buyer. One row, for ever.
alter table notice
  add column medium   text not null default 'email' check (medium in ('email', 'sms', 'office', 'webhook')),
  add column state    text not null default 'sent'
    check (state in ('waiting', 'sending', 'unknown', 'sent', 'dropped', 'failed')),
  add column address  text not null default '',
  add column why      text not null default '',
  add column tries    integer not null default 0,
  add column first_at timestamptz,                      -- of the first try: the letter's date, whenever it is repeated
  add column tried_at timestamptz,                      -- of the last one
  add column due_at   timestamptz;                      -- of one that waits for the quiet hours to end

-- How long a parcel that waits to be picked up is kept, where the carrier says so.
alter table parcel_event add column until date;

alter table connection drop constraint connection_kind_check;
alter table connection add constraint connection_kind_check check (kind in ('carrier', 'payments', 'sms'));

-- What a merchant wants otherwise than it is by default.
create table notice_rule (
  merchant_id bigint not null,
  kind        text not null,
  medium      text not null,
  is_on       boolean not null,
  primary key (merchant_id, kind, medium)
);

-- A merchant's own words; '' = as it is by default.
create table notice_words (
  merchant_id bigint not null,
  kind        text not null,
  language    text not null,
  subject     text not null default '',
  headline    text not null default '',
  lead        text not null default '',
  sms         text not null default '',
  primary key (merchant_id, kind, language)
);

create table notice_setup (
  merchant_id bigint primary key,
  office      text not null default '',                 -- the merchant's own address
  url         text not null default '',                 -- where notices are posted to, signed
  secret      text not null default '',                 -- sealed
  quiet       jsonb not null default '{}'               -- {"sms": {"begins": "21:00", "ends": "08:00"}, "email": null}
);

-- Who wants no notices of steps by a medium: of one order, or of the shop's all (order_id 0).
create table notice_stop (
  merchant_id bigint not null,
  medium      text not null,
  address     text not null,
  order_id    bigint not null,
  stopped_at  timestamptz not null,
  primary key (merchant_id, medium, address, order_id)
);

select distribute(t) from unnest(array['notice_rule', 'notice_words', 'notice_setup', 'notice_stop']) t;
select wall(t::regclass) from unnest(array['notice_rule', 'notice_words', 'notice_setup', 'notice_stop']) t;
