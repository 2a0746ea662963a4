-- What SKUs are found by: every beginning of their code, its parts, their barcode and the words of their name. Whoever
-- writes SKUs writes these, in the same transaction (setup/sku_words.py): under the wall no pattern reaches an index.
create table sku_token (
  merchant_id bigint not null,
  token       text collate "C" not null,
  sku_id      bigint not null,
  primary key (merchant_id, token, sku_id)
);
create index sku_token_of on sku_token (merchant_id, sku_id, token);

select distribute('sku_token');
select wall('sku_token');

do $$
declare merchants text := (select string_agg(merchant_id::text, ',') from route where kind = 'merchant');
begin
  execute format('set local app.merchants = %L', coalesce(merchants, ''));
  insert into sku_token (merchant_id, token, sku_id)
    select distinct s.merchant_id, left(lower(upper(normalize(btrim(p.part, ' #'), NFKC))), 120), s.sku_id
      from sku s
        cross join lateral string_to_table(concat_ws(' ', s.code, s.barcode, s.name), ' ') w(word)
        cross join lateral (select w.word union all select regexp_split_to_table(w.word, '[^[:alnum:]]+')) p(part)
      where btrim(p.part, ' #') <> '';
end $$;

-- What a channel is called on pages; its key stays, for ever, what programs and files call it. At the end: whoever places
-- an order reads its channel, and waits only for what comes after this.
alter table channel add column name text not null default '';
