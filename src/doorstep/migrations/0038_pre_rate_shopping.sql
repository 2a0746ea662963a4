-- Labels are chosen by a merchant's rules, and chosen again when one cannot be bought; what is learned of carriers' days.

alter table merchant add column shipping jsonb not null default '{}'; -- see setup/shipping_rules.py

-- Of the label that is wanted: which carrier and service, by the how many-th choice, and what was refused before.
alter table parcel add column label_choice jsonb;

-- In how many days parcels of a carrier's service came, from one country to another; learned by the worker.
create table carried (
  merchant_id  bigint not null,
  from_country text not null,
  to_country   text not null,
  carrier      text not null,
  service      text not null,
  days         smallint not null,                       -- from the day it left to the day it came, days off included
  parcels      integer not null,
  primary key (merchant_id, from_country, to_country, carrier, service, days)
);

select distribute('carried');
select wall('carried');
