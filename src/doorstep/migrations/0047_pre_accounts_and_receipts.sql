-- Whom an errand's job is to call: who is slow there must not make it dear to find the jobs of the others. Of the errands
-- that are called account by account (`Errand.account`) and of no other job, which pays for neither column nor index.
alter table job add column account text generated always as (
  case when verb in ('buy_label', 'void_label', 'void_return_label') then coalesce(body ->> 'carrier', '') end) stored;
create index job_account on job (merchant_id, verb, account, due_at) where state = 'due' and account is not null;

-- When a text message was on the phone, as its gateway told later.
alter table notice add column came_at timestamptz;
