//! Types, names, operators, casts and shapes of queries.

use super::{answer, columns, optimized, queries, refused, values};

#[test]
fn casts_round_and_read_redshifts_formats() {
    values(&[
        ("3.7::int", "4"),
        ("3.5::int", "4"),
        ("-3.5::int", "-4"),
        ("3.49::float8::int", "3"),
        ("'12-31-2008'::date", "2008-12-31"),
        ("cast('20080405' as date)", "2008-04-05"),
        ("convert(datetime, '2008-02-18 02:36:48')", "2008-02-18 02:36:48"),
        ("'Jun 1,2008 09:59:59'::timestamp", "2008-06-01 09:59:59"),
        ("date '9999-12-31'", "9999-12-31"),
        ("timestamp '9999-12-31 00:00:00'", "9999-12-31 00:00:00"),
        ("cast('Fourscore' as varchar(5))", "Fours"),
        ("'abc  '::char(5)", "abc"),
        ("'héé'::varchar(4)", "hé"),
        ("12::varchar", "12"),
        ("2.0::float8::varchar", "2"),
        ("1.50::varchar", "1.50"),
        ("'2008-01-02 03:04:05.5'::timestamp::varchar", "2008-01-02 03:04:05.5"),
        ("'2008-01-02'::date::varchar", "2008-01-02"),
        ("' 12 '::int", "12"),
        ("'1.25'::dec(5,1)", "1.3"),
        ("'yes'::boolean", "true"),
        ("100.8976::dec(5,2)", "100.90"),
        ("1::boolean", "true"),
        ("null::int", "NULL"),
    ]);
    refused(&[
        ("select true::varchar", "sql/type"),
        ("select 1::date", "sql/type"),
        ("select 'x'::int", "sql/value"),
        ("select ''::int", "sql/value"),
        ("select 'day one'::date", "sql/value"),
        ("select cast(1 as tinyint)", "sql/type"),
    ]);
}

#[test]
fn arithmetic_has_redshifts_types() {
    values(&[
        ("7/2", "3"),
        ("-7/2", "-3"),
        ("-7 % 3", "-1"),
        ("2 ^ 3", "8.0"),
        ("7/2.0", "3.5000"),
        ("10::dec(8,2)/3::dec(8,2)", "3.333333333"),
        ("1.0/3", "0.333333333333"),
        ("'a' || 1", "a1"),
        ("'a' || null", "NULL"),
        ("'a' + 'b'", "ab"),
        ("date '9999-12-30' < timestamp '9999-12-31 00:00:00'", "true"),
        ("timestamp '2008-01-31 00:00:01' > date '2008-01-31'", "true"),
        ("timestamp '2008-01-31 00:00:00' = date '2008-01-31'", "true"),
        ("date '2008-01-31' + 1", "2008-02-01"),
        ("1 + date '2008-01-31'", "2008-02-01"),
        ("date '2008-03-01' - 1", "2008-02-29"),
        ("date '2008-03-01' - date '2008-02-01'", "29"),
        ("date '2008-02-29' + interval '1 day'", "2008-03-01 00:00:00"),
        ("timestamp '2008-02-29 10:00:00' - 1", "2008-02-28 10:00:00"),
        ("timestamp '2008-02-29 10:00:00' + interval '3 hours, 35 minutes'", "2008-02-29 13:35:00"),
        ("timestamp '2008-02-29 10:00:00' + interval '5'", "2008-02-29 10:00:05"),
        ("true = 't'", "true"),
    ]);
    columns(&[
        ("select price/price as v from sales", "v decimal(17,9)"),
        ("select price*price as v from sales", "v decimal(17,4)"),
        ("select price+price as v from sales", "v decimal(9,2)"),
        ("select price*id as v from sales", "v decimal(19,2)"),
        ("select price/2 as v from sales", "v decimal(19,13)"),
        ("select id/2 as v from sales", "v integer"),
        ("select day + 1 as v from sales", "v date"),
        ("select comm*price as v from sales", "v double precision"),
    ]);
    refused(&[
        ("select 1/0", "sql/value"),
        ("select 1.0/0", "sql/value"),
        ("select 1::float8/0", "sql/value"),
        ("select 9223372036854775807 + id from sales", "sql/value"),
        ("select id * 9223372036854775807 from sales where id = 3", "sql/value"),
    ]);
}

#[test]
fn aggregates_have_redshifts_types() {
    columns(&[
        (
            "select sum(qty), sum(id), sum(price), sum(comm) from sales",
            "sum bigint, sum bigint, sum decimal(38,2), sum double precision",
        ),
        (
            "select avg(id), avg(price), avg(comm), count(*), count(id) from sales",
            "avg bigint, avg decimal(38,2), avg double precision, count bigint, count bigint",
        ),
        (
            "select row_number() over (order by id), rank() over (order by id), ntile(2) over (order by id) from sales",
            "row_number bigint, rank bigint, ntile bigint",
        ),
        ("select approximate count(distinct id) from sales", "count bigint"),
    ]);
    queries(&[
        (
            "select avg(qty), avg(price), sum(price), avg(comm), count(qty) from sales",
            &["2|151.35|454.05|1.3333333333333333|3"],
        ),
        (
            "select avg(distinct id) from (select 1 as id union all select 1 union all select 4)",
            &["2"],
        ),
        ("select avg(id) from sales where false", &["NULL"]),
        (
            "select sum(id) over (order by id rows unbounded preceding) from sales",
            &["1", "3", "6", "10"],
        ),
        ("select avg(id) over (partition by flag) from sales order by 1", &["2", "2", "2", "3"]),
        ("select median(id) from sales", &["2.5"]),
        ("select median(price) from sales", &["76.000"]),
        (
            "select listagg(word, ', ') within group (order by word) from store.other",
            &["deux, one, seven, two"],
        ),
        (
            "select id, listagg(distinct word) within group (order by word desc) from store.other group by id order by id",
            &["1|one", "2|twodeux", "7|seven"],
        ),
        (
            "select listagg(nullif(word, 'one'), '-') within group (order by word) from store.other where id = 1",
            &["NULL"],
        ),
        ("select approximate count(distinct id) from store.other", &["3"]),
        (
            "select ratio_to_report(id) over () from store.other order by 1 limit 1",
            &["0.08333333333333333"],
        ),
        (
            "select stddev_pop(id), var_samp(id) from sales",
            &["1.118033988749895|1.6666666666666667"],
        ),
    ]);
}

#[test]
fn output_columns_are_named_as_redshift_names_them() {
    columns(&[
        ("select count(*), max(id) from sales", "count bigint, max integer"),
        (
            "select dateadd(day, 1, day), date_part(year, day), extract(year from day) from sales",
            "date_add timestamp, pgdate_part double precision, date_part integer",
        ),
        (
            "select id::varchar, upper(name), 1 + 1, case when flag then 1 end from sales",
            "id varchar, upper varchar, ?column? integer, case integer",
        ),
        ("select \"ID\", s.Name from sales S", "id integer, name varchar"),
        ("select id, id from sales", "id integer, id integer"),
        ("select nvl(id, 0), coalesce(qty, 0) from sales", "coalesce integer, coalesce integer"),
    ]);
}

#[test]
fn lateral_aliases_reach_forward_and_columns_win() {
    queries(&[
        ("select id + 1 as a, a * 2 as b, a + b as c from sales where id = 1", &["2|4|6"]),
        ("select id * 10 as qty, qty as x from sales where id = 1", &["10|2"]),
        ("select name as n from sales where n = 'bob'", &["bob"]),
        ("with c as (select id + 1 as a, a + 1 as b from sales) select max(b) from c", &["6"]),
    ]);
    refused(&[("select b + 1 as a, id as b from sales", "sql/unknown-column")]);
}

#[test]
fn shapes_that_datafusion_lacks() {
    queries(&[
        ("select top 2 id from sales order by id desc", &["4", "3"]),
        ("select id from sales minus select id from store.other order by 1", &["3", "4"]),
        ("select * exclude (qty, price, comm, day, at, flag) from sales where id = 1", &["1|Ann"]),
        ("select id, name, id + 1 as b exclude name from sales where id = 1", &["1|2"]),
        (
            "select id from sales s qualify row_number() over (partition by flag order by id desc) = 1 order by id",
            &["2", "3", "4"],
        ),
        (
            "select flag, count(*) from sales group by all order by flag",
            &["false|1", "true|2", "NULL|1"],
        ),
        (
            "select flag, count(*) from sales group by rollup(flag) order by 2, 1",
            &["false|1", "NULL|1", "true|2", "NULL|4"],
        ),
        (
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < 4) select sum(i) from n",
            &["10"],
        ),
        (
            "select decode(id, 1, 'one', 2, 'two', 'many') from sales order by id",
            &["one", "two", "many", "many"],
        ),
        ("select id from sales where name similar to '(A|b)%' order by id", &["1", "2"]),
        ("select id from sales where name ilike 'ANN'", &["1"]),
        ("select id from sales where flag = 't' order by id", &["1", "4"]),
    ]);
}

#[test]
fn comparisons_read_text_as_the_other_side() {
    queries(&[
        ("select id from sales where day = '1/5/2008'", &["1"]),
        ("select id from sales where at >= '2008-02-01' and at < '20081231' order by id", &["2"]),
        (
            "select id from sales where day between '2008-01-01' and '2008-03-01' order by id",
            &["1", "2"],
        ),
        ("select id from sales where day in ('2008-01-05', '12-31-2008') order by id", &["1", "3"]),
        ("select id from sales where at > day order by id", &["1", "2"]),
        ("select id from sales order by price", &["1", "2", "3", "4"]),
        ("select id from sales order by price desc", &["4", "3", "2", "1"]),
    ]);
}

#[test]
fn the_clock_is_pinned() {
    values(&[
        ("sysdate", "2008-06-04 14:23:59.123456"),
        ("getdate()", "2008-06-04 14:23:59"),
        ("current_date", "2008-06-04"),
        ("trunc(sysdate)", "2008-06-04"),
        ("sysdate - 1", "2008-06-03 14:23:59.123456"),
    ]);
}

#[test]
fn errors_have_code_place_and_the_nearest_name() {
    refused(&[
        ("select idd from sales", "sql/unknown-column"),
        ("select s.nme from sales s", "sql/unknown-column"),
        ("select * from sale", "sql/unknown-table"),
        ("select * from stor.other", "sql/unknown-table"),
        ("select datead(day, 1, day) from sales", "sql/unknown-function"),
        ("select sum_input(1)", "sql/unknown-function"),
        ("select now(1)", "sql/unknown-function"),
        ("select id from sales, store.other", "sql/ambiguous-column"),
        ("select sum(name) from sales", "sql/type"),
        ("select dateadd(fortnight, 1, day) from sales", "sql/date-part"),
        ("select id, count(*) from sales", "sql/group-by"),
        ("select * from (with c as (select 1) delete from sales) x", "sql/syntax"),
        ("select * from (update sales set id = 1) x", "sql/syntax"),
        ("select * from (select id into t from sales) x", "sql/syntax"),
    ]);
    let error = answer("select id,\n  nme from sales").expect_err("unknown");
    assert_eq!(error.place().map(|p| (p.line, p.column)), Some((2, 3)), "{error:?}");
    assert_eq!(error.advice(), Some("did you mean `name`?"));
    let error = answer("select upper(name),\n  lowr(name) from sales").expect_err("unknown");
    assert_eq!(error.place().map(|p| (p.line, p.column)), Some((2, 3)), "{error:?}");
    let error = answer("select 1 from\n sales join store.othr o on true").expect_err("unknown");
    assert_eq!(error.advice(), Some("did you mean `store.other`?"));
}

#[test]
fn names_resolve_with_and_without_their_schema() {
    queries(&[
        ("select other.word from store.other where other.id = 1", &["one"]),
        ("select store.other.word from store.other where store.other.id = 1", &["one"]),
        (
            "select upper(other.word) || '!' from sales join store.other on other.id = sales.id \
             and sales.id = 1",
            &["ONE!"],
        ),
        (
            "select upper(store.other.word) from sales inner join store.other \
             on store.other.id = public.sales.id where public.sales.id + 0 = 1",
            &["ONE"],
        ),
        ("select \"Word\" from STORE.Other O where o.ID = 7", &["seven"]),
    ]);
}

#[test]
fn groups_orders_and_windows_meet_rewritten_expressions() {
    queries(&[
        (
            "select flag, count(*) from sales group by flag having count(*) > 1 order by count(*) desc",
            &["true|2"],
        ),
        (
            "select date_trunc('month', day), sum(qty) from sales where day is not null \
             group by 1 order by 1",
            &["2008-01-01 00:00:00|2", "2008-02-01 00:00:00|1", "2008-12-01 00:00:00|4"],
        ),
        (
            "select date_part(year, day) as y, avg(qty) from sales group by date_part(year, day) \
             order by date_part(year, day), avg(qty)",
            &["2008.0|2", "NULL|NULL"],
        ),
        ("select max(id) as id from sales having max(id) > 0", &["4"]),
        ("select count(*) over (partition by flag) from sales order by 1 desc limit 1", &["2"]),
        ("select lag(id) over (order by id) from sales order by 1", &["1", "2", "3", "NULL"]),
        (
            "select last_value(qty ignore nulls) over (order by id rows between unbounded \
             preceding and unbounded following) from sales limit 1",
            &["4"],
        ),
        (
            "select id from sales s where nvl(s.qty, 0) = (select max(nvl(q.qty, 0)) from sales q \
             where q.id = s.id) order by id",
            &["1", "2", "3", "4"],
        ),
        ("select case when sum(qty) > avg(qty) then 'more' else 'less' end from sales", &["more"]),
        ("with c as (select count(*), max(id) from sales) select c.count + c.max from c", &["8"]),
        (
            "select x.id, x.n from (select id, count(*) as n from store.other group by id) x \
          order by x.n desc, x.id",
            &["2|2", "1|1", "7|1"],
        ),
        ("select id, id as id, name, name from sales where id = 1", &["1|1|Ann|Ann"]),
        ("select * from (select id, id from sales) a order by 1 limit 1", &["1|1"]),
        (
            "select id from sales union select id from store.other order by id",
            &["1", "2", "3", "4", "7"],
        ),
        (
            "select coalesce(price, 0), nvl(comm, 0) from sales where id >= 3 order by id",
            &["350.00|0.0", "0.00|2.0"],
        ),
        (
            "select case flag when true then 1 when false then 0 end from sales order by id",
            &["1", "0", "NULL", "1"],
        ),
        ("select name from sales where name <> 'bob' and id not in (3) order by name", &["Ann"]),
        (
            "select id from sales where at between dateadd(day, -1, '2008-02-29') and getdate()",
            &["2"],
        ),
        ("select distinct flag from sales order by flag", &["false", "true", "NULL"]),
        ("select sum(case when flag then price else 0 end) from sales", &["28.05"]),
    ]);
}

#[test]
fn depth_is_refused_before_the_stack_ends() {
    let brackets = |n: usize| format!("select {}1{}", "(".repeat(n), ")".repeat(n));
    assert!(answer(&brackets(40)).is_ok());
    assert_eq!(answer(&brackets(500)).expect_err("too deep").code(), "sql/too-deep");
    let chain = |n: usize| format!("select id from sales where {} id = 1", "id = 2 or ".repeat(n));
    assert!(answer(&chain(300)).is_ok());
    assert_eq!(answer(&chain(20_000)).expect_err("too deep").code(), "sql/too-deep");
}

#[test]
fn dates_beside_a_constant_moment_are_compared_as_dates() {
    // DATEADD of a date is a timestamp (r_DATEADD_function)
    let next_day =
        "select id from sales where day < dateadd(day, 1, '2008-01-04'::date) order by id";
    let in_a_day =
        "select id from sales where day < dateadd(hour, 1, '2008-01-05'::date) order by id";
    queries(&[
        (next_day, &[]),
        (in_a_day, &["1"]),
        ("select id from sales where dateadd(day, 54, '2008-01-06'::date) = day", &["2"]),
        ("select id from sales where day = dateadd(hour, 1, '2008-02-29'::date)", &[]),
        (
            "select id from sales where day between dateadd(second, 1, '2008-01-05'::date)
             and dateadd(day, 1, '2008-12-30'::date) order by id",
            &["2", "3"],
        ),
        (
            "select count(*) from sales where not (day > dateadd(day, 0, '2008-01-05'::date))",
            &["1"],
        ),
    ]);
    for sql in [next_day, in_a_day] {
        let plan = optimized(sql);
        assert!(!plan.contains("CAST(sales.day"), "{plan}");
    }
}
