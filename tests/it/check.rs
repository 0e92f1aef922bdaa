//! `landfall check` and `landfall explain` as people and scripts meet them.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::project::{Project, text};

const REFUSALS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/check/refusals.sql");

/// Exit code and both streams of the program in a folder.
fn landfall(folder: &std::path::Path, words: &[&str], input: &str) -> (i32, String, String) {
    use std::io::Write;
    let mut child = Command::new(env!("CARGO_BIN_EXE_landfall"))
        .args(words)
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    let _ = pipe.write_all(input.as_bytes());
    drop(pipe);
    let output = child.wait_with_output().expect("it ends");
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// The findings of `check --json`.
fn findings(out: &str) -> Vec<Value> {
    let lines = out.lines().map(|l| serde_json::from_str::<Value>(l).expect("JSON"));
    lines.filter(|v| v["event"] == "finding").collect()
}

#[test]
fn every_construct_that_redshift_refuses_is_refused_with_code_page_and_fix() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = fs::read_to_string(REFUSALS).expect("the file");
    fs::write(folder.path().join("refusals.sql"), &script).expect("writes");
    let (code, out, err) = landfall(folder.path(), &["check", "refusals.sql", "--json"], "");
    assert_eq!(code, 1, "{err}");
    let found = findings(&out);
    let errors: Vec<&Value> = found.iter().filter(|f| f["severity"] == "error").collect();
    let mut missed = Vec::new();
    let mut refused = 0;
    for (number, line) in (1..).zip(script.lines()) {
        let is_statement = !line.is_empty() && !line.starts_with("--") && number > 5;
        let here = errors.iter().any(|f| f["line"] == number);
        refused += usize::from(is_statement && here);
        if is_statement != here {
            missed.push(format!("{number}: {line}"));
        }
    }
    assert!(missed.is_empty(), "not refused, or refused for nothing:\n{}", missed.join("\n"));
    assert!(refused >= 60, "{refused} constructs");
    for error in errors {
        assert!(error["help"].is_string() && error["page"].is_string(), "{error}");
        let known =
            landfall(folder.path(), &["explain", error["code"].as_str().expect("a code")], "");
        assert_eq!(known.0, 0, "{error}");
    }
    let (_, plain, _) = landfall(folder.path(), &["check", "refusals.sql"], "");
    let only_errors: Vec<&str> =
        plain.split("\nrefusals.sql:").filter(|told| told.contains(": error[")).collect();
    insta::assert_snapshot!("refusals", only_errors.join("\nrefusals.sql:"));
}

#[test]
fn the_sample_project_has_nothing_to_be_told_before_and_after_it_runs() {
    let project = Project::sample(40, 200);
    for _ in 0..2 {
        let output = project.run(&["check", "--deny-warnings"]);
        let said = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(
            said.contains("0 errors, 0 warnings in ") && !said.contains("not planned"),
            "{said}"
        );
        project.ok(&["run"]);
    }
}

#[test]
fn files_are_planned_with_the_tables_of_the_project_and_nothing_runs() {
    let project = Project::sample(40, 200);
    let script = "select oder_no from store_mysql.order_lines;\n\
        select * from store_mysql.order_line;\n\
        selct 1;\n\
        select nope(order_no) from pres.fact_order_line;\n\
        select is_current::varchar(5) from pres.dim_product;\n\
        create table pres.extra as select order_no, quantity from store_mysql.order_lines;\n\
        select order_no, quantity, gone from pres.extra;\n\
        insert into pres.dim_device select 1;\n";
    fs::write(project.path().join("mine.sql"), script).expect("writes");
    let before = project.path().join(".landfall").exists();
    let output = project.run(&["check", "mine.sql", "--json"]);
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{out}{}", text(&output.stderr));
    let told: Vec<(u64, String)> = findings(&out)
        .iter()
        .map(|f| (f["line"].as_u64().unwrap_or(0), f["code"].as_str().unwrap_or("").to_string()))
        .collect();
    let wanted = [
        (1, "sql/unknown-column"),
        (2, "sql/unknown-table"),
        (3, "sql/syntax"),
        (4, "sql/unknown-function"),
        (5, "sql/type"),
        (7, "sql/unknown-column"),
        (8, "RS002"),
    ];
    for (line, code) in wanted {
        assert!(told.contains(&(line, code.to_string())), "{line} {code}: {told:?}");
    }
    assert!(!before && !project.path().join(".landfall").exists(), "it made something");
    assert!(out.contains("\"v\":1") && out.contains("check_finished"), "{out}");
}

#[test]
fn a_broken_file_hides_no_other_and_order_does_not_matter() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, script) in [
        ("a.sql", "select code, nme from pres.things;"),
        (
            "b.sql",
            "create schema pres; create view pres.things as select code, name from pres.base;",
        ),
        ("c.sql", "selct; create table pres.base (code int, name varchar(9)); select 'open"),
        ("d.sql", "create table pres.base (code int, name varchar(9));"),
    ] {
        fs::write(folder.path().join(name), script).expect("writes");
    }
    let (code, out, _) = landfall(folder.path(), &["check", "."], "");
    assert_eq!(code, 1);
    assert!(out.contains("a.sql:1:14: error[sql/unknown-column]"), "{out}");
    assert!(out.contains("c.sql:1:"), "{out}");
    assert!(!out.contains("b.sql") && !out.contains("d.sql"), "{out}");
}

#[test]
fn warnings_fail_only_where_they_are_denied() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = "truncate pres.sales;";
    let (code, out, err) = landfall(folder.path(), &["check", "-"], script);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.starts_with("standard input:1:1: warning[RS001]: TRUNCATE commits"), "{out}");
    assert!(out.contains("r_TRUNCATE.html") && err.contains("0 errors, 1 warning"), "{out}{err}");
    let (code, ..) = landfall(folder.path(), &["check", "-", "--deny-warnings"], script);
    assert_eq!(code, 1);
    let (code, _, err) = landfall(folder.path(), &["check"], "");
    assert!(code == 2 && err.contains("check/nothing"), "{err}");
}

#[test]
fn what_reads_unknown_tables_is_judged_by_the_rules_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = "select string_agg(code, ',') from elsewhere.t; select whatever from elsewhere.u;";
    let (code, out, err) = landfall(folder.path(), &["check", "-"], script);
    assert_eq!(code, 1);
    assert!(out.contains("sql/string-agg") && !out.contains("unknown"), "{out}");
    assert!(err.contains("elsewhere.u") && err.contains("1 error, 0 warnings"), "{err}");
}

#[test]
fn explain_tells_the_story_lists_all_and_finds_the_nearest() {
    let folder = tempfile::tempdir().expect("a folder");
    let (code, out, _) = landfall(folder.path(), &["explain", "RS001"], "");
    assert_eq!(code, 0);
    insta::assert_snapshot!("explain_rs001", out);
    let (code, list, _) = landfall(folder.path(), &["explain", "--list"], "");
    assert_eq!(code, 0);
    let (code, all, _) = landfall(folder.path(), &["explain", "--list", "--json"], "");
    assert_eq!((code, list.lines().count()), (0, all.lines().count()));
    insta::assert_snapshot!("explain_list", list);
    let mut stories = String::new();
    for line in all.lines() {
        let told: Value = serde_json::from_str(line).expect("JSON");
        let word = told["rule"].as_str().or(told["code"].as_str()).expect("a name");
        assert!(told["why"].as_str().is_some_and(|w| !w.is_empty()), "{word}");
        stories.push_str(&format!(
            "{word} {}\n  why    {}\n  wrong  {}\n  right  {}\n  fix    {}\n  page   {}\n",
            told["says"].as_str().unwrap_or(""),
            told["why"].as_str().unwrap_or(""),
            told["wrong"].as_str().unwrap_or(""),
            told["right"].as_str().unwrap_or(""),
            told["fix"].as_str().unwrap_or(""),
            told["page"].as_str().unwrap_or(""),
        ));
    }
    insta::assert_snapshot!("explain_stories", stories);
    let (code, _, err) = landfall(folder.path(), &["explain", "sql/merg-with"], "");
    assert!(code == 2 && err.contains("did you mean sql/merge-with?"), "{err}");
    let (code, out, _) = landfall(folder.path(), &["explain", "source/auth"], "");
    assert!(code == 0 && out.contains("no rule of SQL"), "{out}");
}
