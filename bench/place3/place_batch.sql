set search_path=place3;
-- Set-based batch from arrays. An order short of stock fails alone; a repeated key answers with its first order.
create or replace function place_batch(
  o_m int[], o_key text[], o_ext text[], o_cust text[], o_ship text[],
  l_o int[], l_no smallint[], l_sku int[], l_wh smallint[], l_qty int[], l_price bigint[])
returns table(idx int, r_status int, r_order bigint)
language plpgsql set search_path=place3 set plan_cache_mode=force_generic_plan set enable_hashjoin=off set enable_mergejoin=off as $$
#variable_conflict use_column
declare n int := cardinality(o_m); cnt int; short int; ids bigint[]; ok int[]; i int; r record; good boolean;
begin
  ids := array(select nextval('order_seq') from generate_series(1,n));
  insert into idem select m,k,o from unnest(o_m,o_key,ids) u(m,k,o) on conflict do nothing;
  get diagnostics cnt = row_count;
  if cnt = n then ok := null;             -- all new
  else
    ok := array(select case when i.order_id = u.o then 1 else 2 end
                from unnest(o_m,o_key,ids) with ordinality u(m,k,o,x)
                join idem i on i.merchant_id=u.m and i.key=u.k order by x);
  end if;
  begin   -- optimistic: one ordered update; short of stock or unknown sku -> undo and go order by order
    with d as materialized (select o_m[lo] m, sku, wh, sum(qty) q from unnest(l_o,l_sku,l_wh,l_qty) l(lo,sku,wh,qty)
             where ok is null or ok[lo]=1 group by 1,2,3 order by 1,2,3),
    u as (update stock s set reserved = reserved + d.q from d
      where s.merchant_id=d.m and s.sku_id=d.sku and s.wh_id=d.wh and s.on_hand - s.reserved >= d.q returning 1)
    select (select count(*) from d) - (select count(*) from u) into short;
    if short > 0 then raise exception 'short' using errcode='P0S01'; end if;
  exception when sqlstate 'P0S01' then
    perform 1 from (select distinct o_m[lo] m, sku, wh from unnest(l_o,l_sku,l_wh) l(lo,sku,wh) where ok is null or ok[lo]=1 order by 1,2,3) d
      join stock s on s.merchant_id=d.m and s.sku_id=d.sku and s.wh_id=d.wh for no key update of s;
    if ok is null then ok := array_fill(1, array[n]); end if;
    for i in 1..n loop
      continue when ok[i] <> 1;
      good := not exists(select 1 from unnest(l_o,l_sku,l_wh,l_qty) l(lo,sku,wh,qty)
         left join stock s on s.merchant_id=o_m[i] and s.sku_id=l.sku and s.wh_id=l.wh
         where l.lo=i and (s.on_hand is null or s.on_hand - s.reserved < l.qty));
      if good then
        update stock s set reserved = reserved + l.qty from (select sku,wh,sum(qty) qty from unnest(l_o,l_sku,l_wh,l_qty) x(lo,sku,wh,qty) where lo=i group by 1,2) l
          where s.merchant_id=o_m[i] and s.sku_id=l.sku and s.wh_id=l.wh;
      else ok[i] := 3; delete from idem where merchant_id=o_m[i] and key=o_key[i];
      end if;
    end loop;
  end;
  insert into orders(merchant_id,order_id,total_minor,ext_ref,customer,ship_to)
    select m,o,t.tot,e,c,s::jsonb from unnest(o_m,ids,o_ext,o_cust,o_ship) with ordinality u(m,o,e,c,s,x)
     join (select lo, sum(qty*price) tot from unnest(l_o,l_qty,l_price) l(lo,qty,price) group by 1) t on t.lo=x
     where ok is null or ok[x]=1;
  insert into order_line select o_m[lo], ids[lo], no, sku, qty, price from unnest(l_o,l_no,l_sku,l_qty,l_price) l(lo,no,sku,qty,price) where ok is null or ok[lo]=1;
  insert into stock_ledger(merchant_id,order_id,line_no,sku_id,wh_id,kind,qty)
    select o_m[lo], ids[lo], no, sku, wh, 1, qty from unnest(l_o,l_no,l_sku,l_wh,l_qty) l(lo,no,sku,wh,qty) where ok is null or ok[lo]=1;
  insert into outbox(merchant_id,order_id,kind,payload)
    select m,o,1,jsonb_build_object('ext',e) from unnest(o_m,ids,o_ext) with ordinality u(m,o,e,x) where ok is null or ok[x]=1;
  return query select x::int, coalesce(ok[x],1), case when ok[x]=2 then (select i.order_id from idem i where i.merchant_id=m and i.key=k) else ids[x] end
    from unnest(o_m,o_key) with ordinality u(m,k,x);
end $$;
