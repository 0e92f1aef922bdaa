//! Each rule with a statement that breaks it and one that does not: those of its story.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::dialect::command::ObjectRef;
use crate::dialect::parse_script;
use crate::types::SqlType;

fn column(name: &str, ty: &str, not_null: bool) -> KnownColumn {
    KnownColumn { name: name.into(), ty: SqlType::parse(ty).expect("a type"), not_null }
}

/// The tables the stories speak of.
fn known() -> Known {
    let table = |name: &str, columns: &[KnownColumn], unique: &[&str]| {
        let unique = unique.iter().map(|c| vec![(*c).to_owned()]).collect();
        (ObjectRef::new(None, name), KnownTable { columns: columns.to_vec(), unique })
    };
    let code = column("code", "varchar(9)", false);
    let name = column("name", "varchar(20)", false);
    Known(
        [
            table("narrow", &[column("code", "varchar(3)", false)], &[]),
            table("t", &[column("a", "int", false), column("b", "int", false)], &[]),
            table("dim", &[code.clone(), name.clone()], &["code"]),
            table("stage", &[column("code", "varchar(9)", true), name], &["code"]),
        ]
        .into(),
    )
}

fn broken(text: &str) -> Vec<&'static str> {
    match parse_script(text, Path::new("r.sql")) {
        Ok(parsed) => parsed.iter().flat_map(|p| check(p, &known())).map(|f| f.rule.id).collect(),
        Err(error) => {
            let hint = error.advice().unwrap_or_default().to_owned();
            let by_words = rules().find(|r| hint.contains(r.id)).map(|r| r.id);
            vec![by_words.unwrap_or("no rule refuses it, the parser does")]
        }
    }
}

#[test]
fn every_rule_finds_its_wrong_statement_and_lets_the_right_one_pass() {
    let mut failures = Vec::new();
    for rule in rules() {
        let (wrong, right) = (broken(rule.story.wrong), broken(rule.story.right));
        if !wrong.contains(&rule.id) {
            failures.push(format!("{}: not found in: {} {wrong:?}", rule.id, rule.story.wrong));
        }
        if right.contains(&rule.id) {
            failures.push(format!("{}: found in: {}", rule.id, rule.story.right));
        }
        // nobody should be told to write what is refused
        if right.iter().any(|id| !rules().any(|r| r.id == *id && !r.severity.stops())) {
            failures.push(format!("{}: refused {right:?}: {}", rule.id, rule.story.right));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_number_is_given_once() {
    let all: BTreeSet<&str> = rules().map(|r| r.id).collect();
    assert_eq!(all.len(), rules().count());
}

#[test]
fn every_rule_says_what_where_why_and_what_to_do() {
    for rule in rules() {
        assert!(rule.code.starts_with("sql/"), "{}", rule.id);
        assert!(!rule.page.is_empty() && !rule.fix.is_empty(), "{}", rule.id);
        assert!(!rule.says.ends_with('.') && !rule.fix.ends_with('.'), "{}", rule.id);
        assert!(rule.story.why.ends_with('.'), "{}", rule.id);
        let (low, high) = match rule.severity {
            Severity::Warning | Severity::Advice => ("RS001", "RS099"),
            Severity::Refused => ("RS100", "RS499"),
            Severity::Unsupported => ("RS500", "RS599"),
        };
        assert!((low..=high).contains(&rule.id), "{} has a number of another kind", rule.id);
    }
}

/// Further statements that break a rule in another way.
const ALSO: &[(&str, &str)] = &[
    ("RS002", "insert into t values (1)"),
    ("RS004", "select a from t where a = null"),
    (
        "RS010",
        "update dim set end_date = dateadd(day, -1, getdate()) from c where dim.code = c.code",
    ),
    ("RS010", "update dim set valid_until = trunc(sysdate) - interval '1 day' where code = 'a'"),
    (
        "RS009",
        "create table x as select 1 as a from stage s join dim d on s.code = d.code where s.name <> d.name",
    ),
    ("RS011", "update narrow set code = dim.code from dim where narrow.code = dim.name"),
    ("RS011", "insert into narrow (code) values ('abc'), ('abcd')"),
    ("RS011", "insert into narrow (code) with c as (select code as k from dim) select k from c"),
    (
        "RS011",
        "merge into narrow using dim on narrow.code = dim.code when matched then update set \
         code = dim.code when not matched then insert (code) values (dim.code)",
    ),
    ("RS012", "update dim set name = s.name from stage s where dim.name = s.name"),
    ("RS018", "select sum(a) / sum(b) from t"),
    ("RS019", "select a from t where created_at <= date '2021-12-31'"),
    ("RS106", "select sum(a) over (order by b groups unbounded preceding) from t"),
    ("RS121", "select corr(a, b) from t"),
    ("RS123", "values (1), (2)"),
    ("RS130", "select a from (select 1 as a) as q tablesample (10)"),
    ("RS131", "select (array[1, 2])[1] from t"),
    ("RS145", "create temp table s.x as select 1 as a"),
    ("RS154", "rollback to before_update"),
    ("RS316", "create table x (a char(5) encode text255)"),
    ("RS316", "create table x (a int encode text32k)"),
    ("RS316", "create table x (a boolean encode lzo)"),
    ("RS316", "create table x (a float encode lzo)"),
    ("RS316", "create table x (a boolean encode bytedict)"),
    ("RS316", "create table x (a varchar(5) encode delta)"),
    ("RS316", "create table x (a smallint encode delta32k)"),
    ("RS163", "select listagg(x, ',') within group (order by x) from (select 'a' as x) as f"),
    ("RS164", "insert into t (a) select current_schema() from dim"),
    ("RS166", "select a = b is not true as same from t"),
    (
        "RS173",
        "update dim set name = s.name from stage s full join public.dim on s.code = dim.code",
    ),
    (
        "RS186",
        "select a from t x left join dim d on d.code = (select max(s.code) from stage s where s.name = d.name)",
    ),
    (
        "RS186",
        "select a from t where b not in (select sum(a) over () from dim d where d.code = t.a)",
    ),
    (
        "RS186",
        "select t.a, (select count(*) from dim d where d.code = t.a) as n from t group by n, t.a",
    ),
    (
        "RS186",
        "select a from t where a in (select sum(d.code) from dim d where t.b > 4 group by d.name)",
    ),
    (
        "RS186",
        "update t set a = 1 where exists (select 1 from dim d where exists (select 1 from stage s where s.code = t.a))",
    ),
    (
        "RS186",
        "delete from t where a not in (select sum(d.a) over () from dim d where d.code = t.b)",
    ),
    (
        "RS186",
        "declare c cursor for select a from t where exists (select 1 from dim d where exists (select 1 from stage s where s.code = t.a))",
    ),
    ("RS190", "insert into t (a) values (1) returning a"),
    ("RS191", "insert into t (a) values (1) on duplicate key update a = 2"),
    ("RS192", "create table x (a int, check (a > 0))"),
    ("RS193", "create table x (a int) engine = innodb"),
];

#[test]
fn a_rule_finds_its_other_forms() {
    for (id, text) in ALSO {
        assert!(broken(text).contains(id), "{id}: {text}: {:?}", broken(text));
    }
}

#[test]
fn good_statements_break_no_rule() {
    for text in [
        "select sum(a) over (partition by b order by c rows unbounded preceding) from t",
        "select row_number() over (partition by b order by c) from t",
        "with recursive c(n) as (select 1 union all select n + 1 from c where n < 9) select n from c",
        "merge into dim using stage as s on dim.code = s.code when matched then update \
         set name = s.name when not matched then insert (code) values (s.code)",
        "insert into t (a) values (1)",
        "update t set a = 1 where b is null",
        "create temp table x (a int) distkey(a)",
        "select listagg(a, ',') within group (order by a) from t",
        // both keys are declared, so at most one row matches
        "update dim set name = s.name from stage s where dim.code = s.code",
        "select code from dim where code not in (select code from stage)",
        "select code from dim where (nvl(code, ''), nvl(name, 'NA')) not in \
         (select nvl(s.code, ''), nvl(s.label, 'NA') from stage s)",
        "select code from stage where code not in (select code from dim where code is not null)",
        "update dim set name = s.name from stage s where dim.code = s.code \
         and (dim.name <> s.name or (dim.name is null and s.name is not null) \
         or (dim.name is not null and s.name is null))",
        "select a from dim d where exists (select 1 from t where t.a = d.code)",
        "select a from t where created_at < '2022-01-01' and day <= '2021-12-31'",
        "select count(*) / 2 from t",
        // each member of a union has its own t
        "select a from t where exists (select 1 from t union select 1 from t where exists \
         (select 1 from dim d where d.code = t.a))",
        "select code from sales s where code in (select max(code) from t group by a)",
    ] {
        assert_eq!(broken(text), Vec::<&str>::new(), "{text}");
    }
}

#[test]
fn without_its_tables_a_statement_is_judged_by_its_words() {
    let parsed = parse_script(
        "insert into narrow (code) select code from dim where code <> 'x'",
        Path::new("r.sql"),
    )
    .expect("parses");
    assert!(check(&parsed[0], &Known::default()).is_empty());
    assert_eq!(check(&parsed[0], &known()).len(), 1);
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

#[test]
fn a_word_the_parser_stopped_at_is_refused_at_its_place() {
    let text = "delete from sales\nwhere a = 1 returning a";
    let error = parse_script(text, Path::new("r.sql")).expect_err("refused");
    assert_eq!(error.code(), "sql/returning");
    assert_eq!(error.place().map(|p| (p.line, p.column)), Some((2, 13)));
}

/// Codes raised anywhere in the dialect and the local engine, read from their source.
fn raised() -> BTreeSet<String> {
    fn read(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                read(&path, found);
            } else if !path.ends_with("tests.rs") && !path.ends_with("codes.rs") {
                let text = std::fs::read_to_string(&path).expect("text");
                let text = text.split("#[cfg(test)]").next().unwrap_or_default();
                for part in text.split("\"sql/").skip(1) {
                    let code = part.split('"').next().unwrap_or_default();
                    let plain = |c: char| c.is_ascii_lowercase() || c == '-';
                    if !code.is_empty() && code.chars().all(plain) {
                        found.insert(format!("sql/{code}"));
                    }
                }
            }
        }
    }
    let mut found = BTreeSet::new();
    for room in ["src/dialect", "src/warehouse"] {
        read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(room), &mut found);
    }
    found
}

#[test]
fn every_code_of_the_dialect_and_the_engine_can_be_explained() {
    let untold: Vec<String> = raised().into_iter().filter(|c| explain(c).is_err()).collect();
    assert!(untold.is_empty(), "no story in rules/codes.rs: {untold:?}");
}

#[test]
fn no_code_is_explained_that_nothing_raises() {
    let raised = raised();
    let idle: Vec<&str> = about().iter().map(|e| e.code).filter(|c| !raised.contains(*c)).collect();
    assert!(idle.is_empty(), "{idle:?}");
    let codes: Vec<&str> = codes::CODES.iter().map(|c| c.code).collect();
    assert!(codes.is_sorted(), "codes.rs is in the order of the alphabet");
    for code in codes::CODES.iter().chain(codes_more::CODES).chain(codes_views::CODES) {
        assert!(code.story.why.ends_with('.') && !code.fix.ends_with('.'), "{}", code.code);
        assert!(rules().all(|r| r.code != code.code), "{} is a rule's", code.code);
    }
}

#[test]
fn words_are_found_in_every_spelling_and_slips_get_the_nearest() {
    for word in ["RS102", "rs102", "sql/string-agg", "string-agg", "error[sql/string-agg]"] {
        let found = explain(word).expect("found");
        assert_eq!((found.len(), found[0].id), (1, Some("RS102")), "{word}");
    }
    assert!(explain("sql/unsupported").expect("several").len() > 1);
    assert_eq!(explain("sql/strng-agg").expect_err("a slip"), Some("sql/string-agg"));
    assert_eq!(explain("RS10Z").expect_err("a slip").map(|id| &id[..4]), Some("RS10"));
    assert_eq!(explain("nothing like it").expect_err("a stranger"), None);
}
