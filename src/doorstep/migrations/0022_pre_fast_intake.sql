-- What the intake path does not need: a check per row that its statement makes, and the audit makes again; an index
-- entry for every key that is not there.
alter table order_line drop constraint order_line_merchant_id_sku_id_fkey;
alter table payment drop constraint payment_merchant_id_order_id_fkey;
alter table parcel drop constraint parcel_merchant_id_order_id_fkey;
alter table job drop constraint job_merchant_id_key_key;
create unique index job_key on job (merchant_id, key) where key is not null;
