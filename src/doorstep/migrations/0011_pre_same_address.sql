-- Where an order goes, as one word: the check for duplicates finds the buyer's other orders by it. Generated, so that
-- nobody can forget it; the name is not in it (a spouse pays, the doorstep is the same).
alter table orders add column ship_to_key text generated always as (
  case when coalesce(ship_to ->> 'line1', '') <> '' then
    md5(lower((ship_to ->> 'line1') || '|' || coalesce(ship_to ->> 'line2', '') || '|'
      || coalesce(ship_to ->> 'postcode', '') || '|' || coalesce(ship_to ->> 'city', '') || '|'
      || coalesce(ship_to ->> 'country', '')))
  end) stored;
create index orders_ship_to on orders (merchant_id, ship_to_key, placed_at) where ship_to_key is not null;
