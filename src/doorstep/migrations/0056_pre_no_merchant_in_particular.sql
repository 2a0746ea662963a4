-- What `distribute` says of new tables (decision 46). It holds from each table's next analyze on.
do $$
declare
    each regclass;
begin
    if exists (select from pg_extension where extname = 'citus') then
        return;
    end if;
    for each in
        select c.oid from pg_class c join pg_index i on i.indrelid = c.oid and i.indisprimary
            join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0] and a.attname = 'merchant_id'
            where c.relnamespace = current_schema()::regnamespace
    loop
        execute format('alter table %s alter merchant_id set statistics 1', each);
    end loop;
end $$;
