//! Each rule with a statement that breaks it, and statements that break none.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::dialect::parse_script;

fn broken(text: &str) -> Vec<&'static str> {
    let parsed = parse_script(text, Path::new("r.sql")).unwrap_or_else(|e| panic!("{text}: {e:?}"));
    check(&parsed[0]).into_iter().map(|f| f.rule.id).collect()
}

const CASES: &[(&str, &str)] = &[
    ("RS001", "truncate t"),
    ("RS002", "insert into t select 1"),
    ("RS003", "delete from t"),
    ("RS004", "select a from t where b <> null"),
    ("RS005", "update t set a = 1"),
    ("RS006", "select a::decimal from t"),
    ("RS101", "select sum(a) filter (where b) from t"),
    ("RS102", "select string_agg(a, ',') from t"),
    ("RS103", "select array_agg(a) from t"),
    ("RS104", "select a from t where a is distinct from b"),
    ("RS105", "select sum(a) over (order by b) from t"),
    ("RS106", "select sum(a) over (order by b range unbounded preceding) from t"),
    ("RS107", "select row_number() over (order by 1) from t"),
    ("RS110", "with c as (select 1) merge into t using s on t.a = s.a remove duplicates"),
    ("RS111", "merge into t x using s on x.a = s.a remove duplicates"),
    ("RS112", "merge into t using s on t.a = s.a when matched then delete"),
    (
        "RS113",
        "merge into t using s on t.a = s.a when matched and s.b then delete \
               when not matched then insert values (s.a)",
    ),
    ("RS114", "merge into t using s on t.a > s.a remove duplicates"),
    ("RS115", "merge into t using (select * from t) s on t.a = s.a remove duplicates"),
    (
        "RS116",
        "merge into t using s on t.a = s.a when matched then update set t.b = 1 \
               when not matched then insert values (s.a)",
    ),
    ("RS007", "select substr(a, 1) from t"),
    ("RS121", "select width_bucket(a, 1, 2, 3) from t"),
    ("RS122", "select distinct on (a) a from t"),
    ("RS123", "select * from (values (1)) v"),
    ("RS124", "select top 1 a from t limit 2"),
    ("RS125", "select sum(a) over w from t window w as (partition by b)"),
    ("RS126", "select * from t, lateral (select 1) x"),
    ("RS127", "with recursive c as (select 1 as n union all select n + 1 from c) select * from c"),
    ("RS128", "with recursive c(n) as (select 1 union select n + 1 from c) select * from c"),
    ("RS129", "select a from t for update"),
    ("RS130", "select * from t tablesample (10)"),
    ("RS131", "select array[1, 2]"),
    ("RS132", "select generate_series(1, 2)"),
    ("RS133", "select overlay(a placing 'x' from 1) from t"),
    ("RS135", "select a rlike 'x' from t"),
    ("RS137", "select a ->> 'x' from t"),
    ("RS138", "select rank() over (order by a rows unbounded preceding) from t"),
    (
        "RS139",
        "with recursive c(n) as (select 1 union all select n + 1 from c limit 5) select * from c",
    ),
    ("RS140", "select a from t order by 'a'"),
    ("RS141", "select concat(a, b, c) from t"),
    ("RS142", "select count(distinct a, b) from t"),
    ("RS143", "select listagg(a, ',' order by a) from t"),
    ("RS144", "create external table t (a int) stored as parquet location 's3://b'"),
    ("RS145", "create temp table s.t (a int)"),
    ("RS146", "create table t (a varchar(10) identity(1,1))"),
    ("RS147", "create table t (a bigint identity(1,1) default 1)"),
    ("RS148", "create table t (a int) distkey(b)"),
    ("RS149", "create table t (a int, \"A\" int)"),
    ("RS501", "select a from t start with b = 1 connect by a = prior b"),
    ("RS502", "select * from t pivot (sum(a) for b in ('x', 'y'))"),
    ("RS503", "select a.b[0].c from t"),
    ("RS504", "select try_cast(a as int) from t"),
    ("RS505", "select a from t where a > any (select b from u)"),
];

#[test]
fn every_rule_finds_its_statement() {
    for (id, text) in CASES {
        assert!(broken(text).contains(id), "{id}: {text}: {:?}", broken(text));
    }
    let shown: BTreeSet<&str> = CASES.iter().map(|(id, _)| *id).collect();
    let all: BTreeSet<&str> = rules().map(|r| r.id).collect();
    assert_eq!(all.difference(&shown).collect::<Vec<_>>(), Vec::<&&str>::new());
    assert_eq!(all.len(), rules().count(), "a number is given twice");
}

#[test]
fn every_rule_says_what_where_and_what_to_do() {
    for rule in rules() {
        assert!(rule.code.starts_with("sql/"), "{}", rule.id);
        assert!(!rule.page.is_empty() && !rule.fix.is_empty(), "{}", rule.id);
        assert!(!rule.says.ends_with('.') && !rule.fix.ends_with('.'), "{}", rule.id);
    }
}

#[test]
fn good_statements_break_no_rule() {
    for text in [
        "select sum(a) over (partition by b order by c rows unbounded preceding) from t",
        "select row_number() over (partition by b order by c) from t",
        "with recursive c(n) as (select 1 union all select n + 1 from c where n < 9) select * from c",
        "merge into t using s on t.a = s.a and t.b = s.b when matched then update set c = s.c \
         when not matched then insert (a) values (s.a)",
        "insert into t (a) values (1)",
        "update t set a = 1 where b is null",
        "create temp table t (a int) distkey(a)",
        "select listagg(a, ',') within group (order by a) from t",
    ] {
        assert_eq!(broken(text), Vec::<&str>::new(), "{text}");
    }
}

#[test]
fn a_finding_has_its_place_and_a_refusal_stops() {
    let text = "select a,\n  string_agg(b, ',') from t";
    let parsed = parse_script(text, Path::new("r.sql")).expect("parses");
    let error = refuse(&parsed[0]).expect_err("refused");
    assert_eq!(error.code(), "sql/string-agg");
    assert_eq!(error.place().map(|p| (p.line, p.column)), Some((2, 3)));
    assert!(error.advice().is_some_and(|h| h.contains("RS102") && h.contains("LISTAGG")));
    let parsed = parse_script("truncate t", Path::new("r.sql")).expect("parses");
    let warnings = refuse(&parsed[0]).expect("runs");
    assert!(warnings.len() == 1 && warnings[0].starts_with("RS001 TRUNCATE commits"));
}
