//! A project from its first run to a repaired failure, through the program alone.

use std::fs;
use std::io::Write;
use std::process::Output;

use serde_json::Value;

use super::{Sandbox, stderr, stdout, text};

/// A sandbox whose sequence 1 is complete.
fn after_a_run() -> Sandbox {
    let sandbox = Sandbox::with_project();
    let output = sandbox.run(&["run", "-q"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    sandbox
}

fn objects(output: &Output) -> Vec<Value> {
    stdout(output).lines().map(|line| serde_json::from_str(line).expect("a JSON object")).collect()
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

/// Tasks of the sample: six order tables and the log, landed and merged; the files of sql/pres
/// and sql/reports.
const TASKS: usize = 7 + 7 + 11 + 3;

#[test]
fn a_run_in_a_pipe_says_one_fact_a_line_and_then_the_totals() {
    let sandbox = Sandbox::with_project();
    let output = sandbox.run(&["run"]);
    assert_eq!(code(&output), Some(0), "{}", text(&output));
    assert_eq!(stdout(&output), "", "a run has no data");
    let said = stderr(&output);
    assert!(said.contains("the sample sources are missing"), "{said}");
    let facts: Vec<&str> = said.lines().filter(|l| l.contains(" seq=1.1 ")).collect();
    assert!(facts.iter().all(|l| l.as_bytes()[19] == b'Z' && l.starts_with("20")), "{said}");
    assert!(
        facts[0].contains("run.start") && facts[0].contains(&format!("tasks={TASKS} resume=false")),
        "{said}"
    );
    assert_eq!(facts.iter().filter(|l| l.contains(" task.ok ")).count(), TASKS, "{said}");
    assert!(
        facts[facts.len() - 1]
            .contains(&format!("run.end        seq=1.1 status=ok ok={TASKS} ms=")),
        "{said}"
    );
    for part in
        ["Finished sequence 1 in", "  land     ", "  store    ", "landfall report monthly_sales"]
    {
        assert!(said.contains(part), "`{part}` is not in:\n{said}");
    }

    let again = sandbox.run(&["run"]);
    assert_eq!(code(&again), Some(0), "{}", text(&again));
    assert!(stderr(&again).contains("  store    0 new, 0 changed"), "{}", text(&again));
}

#[test]
fn a_run_for_machines_is_objects_with_a_version() {
    let sandbox = Sandbox::with_project();
    let output = sandbox.run(&["--json", "run"]);
    assert_eq!(code(&output), Some(0), "{}", text(&output));
    let all = objects(&output);
    for object in &all {
        assert_eq!(object["v"], 1, "{object}");
        assert!(object["event"].is_string(), "{object}");
    }
    let run: Vec<&Value> = all.iter().filter(|o| o["seq"] == 1).collect();
    assert_eq!((&run[0]["event"], &run[0]["tasks"]), (&"run_started".into(), &TASKS.into()));
    assert!(run.iter().all(|o| o["ts"].is_string() && o["attempt"] == 1));
    let finished: Vec<_> = run.iter().filter(|o| o["event"] == "task_finished").collect();
    assert_eq!(finished.len(), TASKS);
    let lines = finished.iter().find(|o| o["task"] == "land.weblog.access").expect("the log");
    assert_eq!(lines["rows"]["read"], 500);
    let last = all.last().expect("a summary");
    assert_eq!((&last["event"], &last["exit_code"]), (&"summary".into(), &0.into()));
    assert_eq!(last["sequence_complete"], true);
}

#[test]
fn what_ran_can_be_looked_at() {
    let sandbox = after_a_run();
    let output = sandbox.run(&["status", "--exit-status"]);
    assert_eq!(code(&output), Some(0), "{}", text(&output));
    assert!(stdout(&output).starts_with("Sequence 1 is complete, just now"), "{}", text(&output));

    let runs = objects(&sandbox.run(&["history", "--json"]));
    assert_eq!(runs.len(), 1);
    assert_eq!((&runs[0]["status"], &runs[0]["counts"]["ok"]), (&"ok".into(), &TASKS.into()));

    let output = sandbox.run(&["logs", "1", "store.mysql.companies", "--sql"]);
    let said = stdout(&output);
    assert!(said.contains("12 new") && said.contains("merge into store_mysql.companies"), "{said}");
    let output = sandbox.run(&["logs", "1", "store.mysql.compnies"]);
    assert_eq!(code(&output), Some(2));
    assert!(stderr(&output).contains("did you mean `store.mysql.companies`?"), "{}", text(&output));
    assert_eq!(code(&sandbox.run(&["status", "9"])), Some(2));

    let tables: Value =
        serde_json::from_slice(&sandbox.run(&["tables", "--json"]).stdout).expect("JSON");
    let companies = tables.as_array().expect("a list").iter();
    let companies = companies.clone().find(|t| t["name"] == "store_mysql.companies");
    assert_eq!(companies.expect("companies")["rows"], 12);
    let columns = stdout(&sandbox.run(&["tables", "companies", "--format", "csv"]));
    assert!(columns.contains("store_mysql.companies,company_id,varchar(46),true\n"), "{columns}");
}

#[test]
fn a_query_answers_in_every_format_with_its_footer_apart() {
    let sandbox = after_a_run();
    let sql = "select company_id, is_supplier from store_mysql.companies order by 1 limit 2";
    for (format, lines, start) in [
        ("csv", 3, "company_id,is_supplier\n"),
        ("json", 4, "[\n{\"company_id\":\""),
        ("ndjson", 2, "{\"company_id\":\""),
        ("md", 4, "| company_id | is_supplier |\n| --- | --- |\n"),
        ("table", 4, " company_id"),
    ] {
        let output = sandbox.run(&["query", sql, "--format", format]);
        assert_eq!(code(&output), Some(0), "{}", text(&output));
        assert!(stdout(&output).starts_with(start), "{}", text(&output));
        assert_eq!(stdout(&output).lines().count(), lines, "{}", text(&output));
        assert!(stderr(&output).starts_with("2 rows, "), "{}", text(&output));
    }
    let count = ["query", "select count(*) from store_mysql.companies", "--format", "csv"];
    let as_of = [&count[..], &["--as-of-sequence", "1"]].concat();
    assert_eq!(stdout(&sandbox.run(&as_of)), "count\n12\n");
    fs::write(sandbox.path().join("q.sql"), count[1]).expect("a file");
    assert_eq!(stdout(&sandbox.run(&["query", "-f", "q.sql", "--format", "csv"])), "count\n12\n");

    let wrong = sandbox.run(&["query", "select compny_id from store_mysql.companies"]);
    assert_eq!((code(&wrong), stdout(&wrong)), (Some(1), String::new()), "{}", text(&wrong));
    assert!(stderr(&wrong).contains("did you mean `company_id`?"), "{}", text(&wrong));
    let write = sandbox.run(&["query", "delete from store_mysql.companies"]);
    assert_ne!(code(&write), Some(0), "{}", text(&write));
    assert_eq!(stdout(&sandbox.run(&count)), "count\n12\n");
}

#[test]
fn many_rows_into_a_closed_pipe_are_no_failure() {
    let sandbox = after_a_run();
    let sql = "select a.* from store_weblog.access a, store_mysql.companies";
    for format in ["csv", "ndjson", "json", "md", "table"] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = sandbox.command(&["query", sql, "--format", format]);
        let output = command.stdout(writer).output().expect("starts");
        assert_eq!((code(&output), stderr(&output)), (Some(0), String::new()), "{format}");
    }
}

#[test]
fn reports_are_listed_and_shown_with_the_age_of_their_data() {
    let sandbox = after_a_run();
    let list = stdout(&sandbox.run(&["report"]));
    for name in ["monthly_sales", "top_devices", "top_products"] {
        assert!(list.lines().any(|l| l.starts_with(name)), "{list}");
        let output = sandbox.run(&["report", name]);
        assert_eq!(code(&output), Some(0), "{}", text(&output));
        assert!(stderr(&output).starts_with("sequence 1, "), "{}", text(&output));
        let rows = sandbox.run(&["report", name, "--format", "ndjson"]);
        assert!(!objects(&rows).is_empty(), "{name} has no rows");
    }
    let output = sandbox.run(&["report", "monthly_sale"]);
    assert_eq!(code(&output), Some(2));
    assert!(stderr(&output).contains("did you mean `monthly_sales`?"), "{}", text(&output));
}

#[test]
fn a_plan_changes_nothing_and_can_say_so_with_3() {
    let sandbox = after_a_run();
    for words in
        [&["plan", "--detailed-exitcode"][..], &["plan", "--offline", "--detailed-exitcode"]]
    {
        let output = sandbox.run(words);
        assert_eq!(code(&output), Some(3), "{}", text(&output));
        assert!(
            stdout(&output).contains("Plan: sequence 2 (new), target local"),
            "{}",
            text(&output)
        );
    }
    assert_eq!(objects(&sandbox.run(&["history", "--json"])).len(), 1);
}

#[test]
fn emitted_statements_are_complete_and_name_their_place() {
    let sandbox = Sandbox::with_project();
    assert_eq!(code(&sandbox.run(&["seed", "-q"])), Some(0));
    let local = stdout(&sandbox.run(&["emit", "store.mysql.companies"]));
    let redshift = sandbox.run(&["emit", "--target", "redshift", "store.mysql.companies"]);
    let redshift = stdout(&redshift);
    assert!(local.starts_with("-- store.mysql.companies\n-- target local\n"), "{local}");
    assert!(local.contains("merge into store_mysql.companies"), "{local}");
    assert_eq!(local.replace("target local", "target redshift"), redshift);

    let output = sandbox.run(&["emit", "--target", "redshift", "--out-dir", "out"]);
    assert_eq!(code(&output), Some(0), "{}", text(&output));
    let files = stdout(&output);
    assert_eq!(files.lines().count(), TASKS, "{files}");
    for file in files.lines() {
        let script = fs::read_to_string(sandbox.path().join(file)).expect("a script");
        assert!(script.ends_with(";\n"), "{file}");
    }
}

#[test]
fn rerun_shows_what_it_invalidates_and_asks() {
    let sandbox = after_a_run();
    let preview = sandbox.run(&["rerun", "pres.report_order_lines", "--dry-run"]);
    assert_eq!(code(&preview), Some(0), "{}", text(&preview));
    let said = stdout(&preview);
    assert!(said.contains("report.monthly_sales  downstream"), "{said}");
    assert!(!said.contains("report.top_devices"), "{said}");

    let unanswered = sandbox.run(&["rerun", "pres.report_order_lines"]);
    assert_eq!(code(&unanswered), Some(2), "{}", text(&unanswered));
    assert!(stderr(&unanswered).contains("--yes"), "{}", text(&unanswered));
    assert_eq!(objects(&sandbox.run(&["history", "--json"])).len(), 1);

    let done = sandbox.run(&["rerun", "pres.report_order_lines", "--yes"]);
    assert_eq!(code(&done), Some(0), "{}", text(&done));
    assert!(
        stderr(&done).contains(&format!("3 ok - {} done before", TASKS - 3)),
        "{}",
        text(&done)
    );
}

#[test]
fn a_failure_blocks_only_what_needs_it_and_the_next_run_goes_on() {
    let sandbox = Sandbox::with_project();
    let file = sandbox.path().join("sql/pres/report_order_lines.sql");
    let good = fs::read_to_string(&file).expect("the pres file");
    let broken = good.replacen("line.quantity", "line.quantiy", 1);
    assert_ne!(broken, good, "the sample no longer has the column this test breaks");
    fs::write(&file, broken).expect("the pres file");
    let output = sandbox.run(&["run"]);
    assert_eq!(code(&output), Some(1), "{}", text(&output));
    let said = stderr(&output);
    for part in [
        "quantiy",
        "report_order_lines.sql, line ",
        "did you mean",
        "task.blocked",
        "Sequence 1 failed",
        "landfall logs 1.1 --failed",
    ] {
        assert!(said.contains(part), "`{part}` is not in:\n{said}");
    }
    let status = sandbox.run(&["status", "--exit-status"]);
    assert_eq!(code(&status), Some(1), "{}", text(&status));
    assert!(stdout(&status).starts_with("Sequence 1 failed"), "{}", text(&status));
    let failed = stdout(&sandbox.run(&["logs", "--failed"]));
    assert!(failed.contains("pres.report_order_lines") && failed.contains("help:"), "{failed}");
    assert_eq!(failed.matches("failed ").count(), 1, "{failed}");

    fs::write(&file, good).expect("the pres file");
    let output = sandbox.run(&["run"]);
    assert_eq!(code(&output), Some(0), "{}", text(&output));
    assert!(stderr(&output).contains("resume=true"), "{}", text(&output));
    assert!(stderr(&output).contains("Finished sequence 1"), "{}", text(&output));
}

#[test]
fn doctor_says_ok_line_by_line_and_what_to_fix() {
    let sandbox = Sandbox::with_project();
    assert_eq!(code(&sandbox.run(&["seed", "-q"])), Some(0));
    let output = sandbox.run(&["doctor"]);
    assert_eq!(code(&output), Some(0), "{}", text(&output));
    for check in [
        "settings",
        "state",
        "disk space",
        "lock",
        "landing store",
        "source mysql",
        "source mysql clock",
        "clock",
    ] {
        assert!(stdout(&output).contains(check), "{check}: {}", text(&output));
    }
    fs::remove_file(sandbox.path().join("data/access.log")).expect("the log");
    let output = sandbox.run(&["doctor"]);
    assert_eq!(code(&output), Some(1), "{}", text(&output));
    let bad: Vec<Value> = objects(&sandbox.run(&["doctor", "--json"]))
        .into_iter()
        .filter(|o| o["status"] == "fail")
        .collect();
    assert_eq!(bad.len(), 1, "{bad:?}");
    assert!(bad[0]["check"] == "source weblog" && bad[0]["fix"].is_string(), "{bad:?}");
}

#[test]
fn a_compressed_log_is_read_once_and_then_known_by_its_size() {
    let sandbox = after_a_run();
    let text: String = (0..5000)
        .map(|i| {
            format!(
                "8.8.8.8 - u{i} [10/Oct/2023:13:55:36 -0700] \"GET /{i} HTTP/1.1\" 200 23 \"-\" \"a\"\n"
            )
        })
        .collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).expect("compressed");
    let gzip = gzip.finish().expect("compressed");
    fs::write(sandbox.path().join("data/access.log.1.gz"), &gzip).expect("written");
    let ranges = || {
        let plan: Value =
            serde_json::from_slice(&sandbox.run(&["plan", "--json"]).stdout).expect("JSON");
        let tasks = plan["tasks"].as_array().expect("tasks").clone();
        let log = tasks.into_iter().find(|t| t["task"] == "land.weblog.access").expect("the log");
        log["window"]["ranges"].clone()
    };
    let new = ranges();
    assert_eq!((&new[0]["end"], &new[0]["packed"]), (&Value::Null, &gzip.len().into()), "{new}");
    let landed = |output: &Output| {
        let all = objects(output);
        let ended =
            all.iter().find(|o| o["event"] == "task_finished" && o["task"] == "land.weblog.access");
        ended.expect("the log")["rows"]["landed"].clone()
    };
    assert_eq!(landed(&sandbox.run(&["run", "--json"])), 5000);
    assert_eq!(ranges(), Value::Array(Vec::new()));
    assert_eq!(landed(&sandbox.run(&["run", "--json"])), 0);
    let again =
        sandbox.run(&["query", "--format", "csv", "select count(*) from store_weblog.access"]);
    assert!(stdout(&again).ends_with("5500\n"), "{}", super::text(&again));
}

#[test]
fn discover_proposes_what_the_settings_take() {
    let sandbox = Sandbox::with_project();
    assert_eq!(code(&sandbox.run(&["seed", "-q"])), Some(0));
    let output = sandbox.run(&["discover", "sqlite:data/orders.sqlite", "--name", "shop"]);
    assert_eq!(code(&output), Some(0), "{}", text(&output));
    let settings = format!(
        "[project]\nname = \"found\"\n\n[source.shop]\nurl = \"sqlite:../data/orders.sqlite\"\n\
         timezone = \"UTC\"\n\n{}",
        stdout(&output)
    );
    let folder = sandbox.path().join("found");
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("landfall.toml"), settings).expect("settings");
    let check = sandbox.run(&["-C", "found", "config", "check"]);
    assert_eq!(code(&check), Some(0), "{}", text(&check));
    assert_eq!(stdout(&check), "ok  found: 1 database, 0 web logs, 6 tables\n");
}
