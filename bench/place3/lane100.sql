-- One call of one lane ($1 = 0 or 1): 100 orders of three lines each, of merchants that the other lane never touches.
select count(*) from place3.place_batch(
 array(select 1+2*floor(random()*5)::int+$1::int from generate_series(1,100)), array(select gen_random_uuid()::text from generate_series(1,100)),
 array_fill('SHOP-1000001'::text,array[100]), array_fill('cust-00001234'::text,array[100]), array_fill('{"name":"Olena Kovalenko","line1":"1234 Maple Avenue Apt 5B","line2":"","city":"Port Reading","region":"NJ","postcode":"07064","country":"US","phone":"+17325550143","email":"olena.k@example.com"}'::text,array[100]),
 array(select (g-1)/3+1 from generate_series(1,3*100) g), array(select ((g-1)%3+1)::smallint from generate_series(1,3*100) g),
 array(select 1+floor(random()*1000)::int from generate_series(1,3*100) g), array(select (1+(g-1)/3%2)::smallint from generate_series(1,3*100) g),
 array(select 1 from generate_series(1,3*100) g), array(select 1999::bigint from generate_series(1,3*100) g))
