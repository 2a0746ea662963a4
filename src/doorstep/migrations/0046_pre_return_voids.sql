-- A label for the way back can be given back: while the carrier is asked, and after it, no other is bought for it.

alter table return_label drop constraint return_label_state_check;
alter table return_label add constraint return_label_state_check
  check (state in ('wanted', 'bought', 'refused', 'void_wanted', 'void'));
drop index return_label_once;
create unique index return_label_once on return_label (merchant_id, parcel_id)
  where state in ('wanted', 'bought', 'void_wanted');
