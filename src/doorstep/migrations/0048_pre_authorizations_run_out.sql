-- Until when money is held: told only as long as some of it is, so that the few that can run out are found among all.
do $$ begin
  execute format('set local app.merchants = %L',
    coalesce((select string_agg(merchant_id::text, ',') from route where kind = 'merchant'), ''));
end $$;
update payment a set expires_at = null
  where a.kind = 'authorization' and a.expires_at is not null and a.amount_minor <= (
    select coalesce(sum(p.amount_minor), 0) from payment p
      where p.merchant_id = a.merchant_id and p.order_id = a.order_id and p.parent_id = a.payment_id and p.state = 'done');
set local app.merchants = '';
create index payment_expiring on payment (merchant_id, expires_at)
  where kind = 'authorization' and state = 'done' and expires_at is not null;
