-- Of a label for the way back that is wanted: whom it is bought of, kept before anybody is asked.

alter table return_label add column choice jsonb;
