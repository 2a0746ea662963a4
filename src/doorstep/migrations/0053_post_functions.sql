-- What the old code wrote beside the new columns.
alter table job no force row level security;
update job set account = account_of(verb, body) where account is null and account_of(verb, body) is not null;
alter table job force row level security;
alter table orders no force row level security;
update orders set ship_to_key = ('x' || left(md5(lower((ship_to ->> 'line1') || '|' || coalesce(ship_to ->> 'line2', '')
    || '|' || coalesce(ship_to ->> 'postcode', '') || '|' || coalesce(ship_to ->> 'city', '')
    || '|' || coalesce(ship_to ->> 'country', ''))), 16))::bit(64)::bigint
  where ship_to_key is null and ship_to ->> 'line1' <> '';
alter table orders force row level security;
