-- A label for the way back can be given back: while the carrier is asked, and after it, no other is bought for it.

alter table return_label drop constraint return_label_state_check;
alter table return_label add constraint return_label_state_check
  check (state in ('wanted', 'bought', 'refused', 'void_wanted', 'void'));
drop index return_label_once;
create unique index return_label_once on return_label (merchant_id, parcel_id)
  where state in ('wanted', 'bought', 'void_wanted');

-- For how much an order's goods are insured on their way, in its currency; each parcel has its share by its goods.
alter table orders add column insured_minor bigint not null default 0
  constraint orders_insured_check check (insured_minor >= 0);
