-- Statements that Redshift refuses, one for each construct. `landfall check` refuses every one but
-- the tables at the head; tests/it/check.rs keeps what it says.
create table sales (code varchar(9), amount int, price decimal(8,2), day date, sold_at timestamp, flag boolean);
create table dim (code varchar(9), name varchar(20), day date);
create table stage (code varchar(9), name varchar(20), day date);

-- queries
select count(*) filter (where amount > 0) from sales;
select string_agg(code, ',') from sales;
select array_agg(code) from sales;
select code from sales where code is distinct from 'a';
select code from sales where code is not distinct from 'a';
select sum(amount) over (order by day) from sales;
select sum(amount) over (order by day range unbounded preceding) from sales;
select sum(amount) over (order by day groups unbounded preceding) from sales;
select row_number() over (order by 1) from sales;
select rank() over (order by day rows unbounded preceding) from sales;
select lag(amount) over (partition by code) from sales;
select ratio_to_report(amount) over (order by day) from sales;
select sum(amount) over w from sales window w as (partition by code);
select distinct on (code) code, amount from sales;
select n from (values (1), (2)) as v (n);
values (1), (2);
select top 1 code from sales limit 2;
select top 10 percent code from sales;
select d.code from dim d, lateral (select amount from sales s where s.code = d.code) as l;
with recursive c as (select 1 as n union all select n + 1 from c where n < 3) select n from c;
with recursive c (n) as (select 1 union select n + 1 from c where n < 3) select n from c;
with recursive c (n) as (select 1 union all select n + 1 from c where n < 3 limit 2) select n from c;
select n from (with recursive c (n) as (select 1 union all select n + 1 from c where n < 3) select n from c) as q;
select code from sales for update;
select code from sales tablesample bernoulli (10);
select code from sales order by 'code';
select code from sales qualify row_number() over (partition by code order by day) = 1;
select a.code from dim a full join sales b on a.day < b.day;
select flag is true as yes from sales;
select code from sales limit 10, 5;
select code from sales fetch first 5 rows only;
select a.code from dim a left semi join sales b on a.code = b.code;
select code from sales except all select code from dim;
select code from sales intersect all select code from dim;
select d.code from dim d where not exists (select 1 from sales s where not exists (select 1 from stage g where g.code = d.code));
select a.code from sales a left join dim d on a.code = d.code and d.day = (select max(g.day) from stage g where g.code = d.code);
select code from sales s where amount not in (select count(*) over () from dim d where d.code = s.code);
select s.code, (select count(*) from dim d where d.code = s.code) as n from sales s group by n, s.code;
select s.code from sales s where amount in (select count(d.name) from dim d where d.code = s.code group by d.day);
select code, count(*) from sales group by code with rollup;

-- views, prepared statements, hierarchies
create materialized view m as select code from sales order by code;
create materialized view m as select code from sales limit 5;
create or replace materialized view m as select code from sales;
create materialized view m auto refresh yes as select code, getdate() as seen_at from sales;
refresh materialized view sales;
drop materialized view sales;
prepare untyped as select code from sales where code = $1;
execute nobody (1);
select s.code from sales s, dim d where s.code = d.code start with s.code = 'a' connect by prior s.code = s.code;

-- functions and expressions
select generate_series(1, 3);
select width_bucket(amount, 0, 10, 5) from sales;
select corr(amount, price) from sales;
select concat(code, code, code) from sales;
select count(distinct code, day) from sales;
select listagg(code, ',' order by code) from sales;
select median(x) from (select 1 as x union all select 2) as fixed;
select listagg(x, ',') within group (order by x) from (select 'a' as x) as fixed;
select code, now() from sales;
select current_schema(), code from sales;
select age(sold_at, sold_at) from sales;
select round(v => 1.25) from sales;
select array[1, 2];
select overlay(code placing 'x' from 1 for 1) from sales;
select code from sales where code rlike '^a';
select code ->> 'x' from sales;
select code from sales where code like any ('a%', 'b%');
select code from sales where code <=> 'a';
select ifnull(amount, 0) from sales;
select flag::varchar from sales;
select code::uuid from sales;
select to_json(code) from sales;
select datediff(fortnight, day, day) from sales;

-- MERGE, UPDATE, DELETE, INSERT
with c as (select code from stage) merge into dim using c on dim.code = c.code remove duplicates;
merge into dim as d using stage on d.code = stage.code remove duplicates;
merge into dim using stage on dim.code = stage.code when matched then delete;
merge into dim using stage on dim.code = stage.code when matched then delete when matched then delete when not matched then insert (code) values (stage.code);
merge into dim using stage on dim.code = stage.code when matched and stage.name is null then delete when not matched then insert (code) values (stage.code);
merge into dim using stage on dim.code = stage.code when not matched by source then delete;
merge into dim using stage on dim.code > stage.code remove duplicates;
merge into dim using (select s.* from stage s join dim on dim.code = s.code) as c on dim.code = c.code remove duplicates;
merge into dim using stage on dim.code = stage.code when matched then update set dim.name = stage.name when not matched then insert (code) values (stage.code);
update dim set dim.name = 'x';
update dim set name = s.name from dim left join stage s on s.code = dim.code;
update dim set name = 'x' where code = 'a' returning code;
update dim set (name, code) = ('x', 'y');
delete dim using stage where dim.code = stage.code;
delete from pg_catalog.pg_class where relname = 'x';
insert into dim (code) values ('a') on conflict do nothing;
insert into dim (code) values ('a') returning code;
with c as (select code from stage) insert into dim (code) select code from c;
replace into dim (code) values ('a');

-- definitions
create index on sales (code);
create unique index i on sales (code);
create sequence numbers;
create trigger t before insert on sales for each row execute procedure f();
create type color as enum ('red');
create table x (a int check (a > 0));
create table x (a int, d date) partition by range (d);
create table x (a int) inherits (sales);
create table x (a int) engine = innodb;
create table x (a tinyint);
create table x (a serial);
create table x (a uuid);
create table x (a int[]);
create table x (a bytea);
create table x (a decimal(39,2));
create table x (a varchar(70000));
create table x (a smallint identity(1, 1));
create table x (a bigint identity(1, 1) default 1);
create table x (a int) distkey (b);
create table x (a int) diststyle key;
create table x (a int, "A" int);
create temp table pres.x (a int);
create external table x (a int) stored as parquet location 's3://bucket/x/';
create view v as select code from sales with no schema binding;

-- transactions and the rest
savepoint s;
rollback to s;
explain analyze select code from sales;
listen changes;
do 'begin null; end';

-- statements that Redshift runs and Landfall does not
create procedure refresh_all() as $$ begin delete from stage; end; $$ language plpgsql;
call refresh_all();
create function f_net (float) returns float stable as $$ select $1 / 1.2 $$ language sql;
create or replace external function f_geo (varchar) returns varchar stable lambda 'geo' iam_role default;
create model churn from sales target flag function f_churn iam_role default settings (s3_bucket 'models');
attach rls policy own_region on sales to role clerk;
detach masking policy short_code on sales (code) from public;
alter table sales row level security on;
show grants on table sales;
select [code] from [sales];
show column grants on table sales;
show constraints primary keys from table dev.public.sales;
show functions from schema dev.public;
show procedures from schema dev.public;
desc datashare partners;
copy job run nightly;
copy sales from 's3://bucket/sales/' iam_role default csv job create nightly auto on;
copy sales from 'dynamodb://sales' iam_role default readratio 50;
create external view lake.v as select code from sales;
create external table lake.t stored as parquet location 's3://bucket/t/' as select code from sales;
create schema part authorization etl create table t (a int);
drop schema lake drop external database cascade;
use partners;
cancel 18764;
drop template of_csv;
select s.code.part from sales s;
select v from sales s, s.code as v;
select v, n from sales s, s.code as v at n;
select k, v from sales s, unpivot s.code as v at k;
select code from dim connect by name = prior code order siblings by code;
select code from sales where code = $1;
select code from sales where code = :code;

-- names, signs and words
select code from {{ ref('sales') }};
select code from sales where code = E'a';
select code from sales where amount notnull;
alter view v rename to w;
alter table sales alter column code set not null;
alter table sales alter column code set default 'x';
update only sales set amount = 1 where code = 'a';
select code from only sales;
grant select on sales;
revoke select on sales;
vacuum quickly sales;
analyze sales, dim;
lock;
comment on table sales;
table sales;
