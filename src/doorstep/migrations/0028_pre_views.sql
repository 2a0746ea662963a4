-- The order list as somebody keeps it: filters and columns under a name, for themselves or for all who see what they see.

-- Reference table: it names people and what they look for, no order.
create table order_view (
  view_id     bigint primary key,
  person_id   bigint not null references person,
  merchant_id bigint,          -- shared with the people of this merchant; null: with the operator's
  name        text not null,
  query       text not null,   -- of the list's address
  shared      boolean not null default false,
  created_at  timestamptz not null default now(),
  unique (person_id, name)
);

select distribute('order_view');
