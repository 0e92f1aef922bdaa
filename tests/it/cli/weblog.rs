//! `weblog preview` as people and scripts use it: no project, any stream, every line accounted for.

use std::fs;
use std::io::Write;
use std::process::{Output, Stdio};

use serde_json::Value;

use super::{Sandbox, stderr, stdout, text};

const LINE: &str =
    r#"8.8.8.8 - frank [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 200 2326 "-" "a (iPad)""#;

/// Two good lines, an unterminated quote with an escape sequence, an empty line and a beginning.
fn log() -> String {
    format!("{LINE}\n{}\x1b[2J\n\n{LINE}\n8.8.8.8 - -", LINE.trim_end_matches('"'))
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path().join("access.log"), log()).expect("written");
    sandbox
}

fn piped(sandbox: &Sandbox, words: &[&str], bytes: &[u8]) -> Output {
    let mut command = sandbox.command(words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    child.stdin.take().expect("a pipe").write_all(bytes).expect("written");
    child.wait_with_output().expect("ends")
}

fn json(output: &Output) -> Value {
    assert_eq!(stderr(output), "", "{}", text(output));
    serde_json::from_str(&stdout(output)).expect("one JSON object")
}

#[test]
fn a_preview_shows_rows_and_counts_without_a_project() {
    insta::assert_snapshot!(sandbox().shown(&["weblog", "preview", "access.log"]));
}

#[test]
fn help_says_what_a_preview_takes() {
    insta::assert_snapshot!(stdout(&Sandbox::new().run(&["weblog", "preview", "--help"])));
}

#[test]
fn json_accounts_for_every_byte() {
    let sandbox = sandbox();
    let seen = json(&sandbox.run(&["weblog", "preview", "access.log", "--json", "-n", "1"]));
    let bytes = log().len() - "8.8.8.8 - -".len();
    assert_eq!((&seen["v"], &seen["event"]), (&1.into(), &"weblog.preview".into()));
    let counts = &seen["counts"];
    for (key, want) in [("lines", 3), ("rows", 2), ("rejected", 1), ("empty", 1), ("bytes", bytes)]
    {
        assert_eq!(counts[key], want, "{key}: {seen}");
    }
    assert_eq!(seen["logs"][0]["bytes_waiting"], "8.8.8.8 - -".len());
    assert_eq!(seen["formats"][0]["format"], "combined");
    assert_eq!(seen["rows"].as_array().map(Vec::len), Some(1));
    assert_eq!(seen["rows"][0]["device"], "iPad");
    let open = &seen["quarantined"]["line/open_quote"];
    assert_eq!(
        (&open["lines"], &open["examples"][0]["offset"]),
        (&1.into(), &(LINE.len() + 1).into())
    );
    assert_eq!(open["examples"][0]["position"], "access.log:2");
    assert!(open["examples"][0]["raw"].as_str().is_some_and(|raw| raw.ends_with("\x1b[2J")));
}

#[test]
fn standard_input_gzip_zstd_and_globs_are_the_same_log() {
    let sandbox = sandbox();
    let plain = json(&sandbox.run(&["weblog", "preview", "access.log", "--json"]));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(log().as_bytes()).expect("compressed");
    let gzip = gzip.finish().expect("compressed");
    let zstd = zstd::encode_all(log().as_bytes(), 1).expect("compressed");
    for bytes in [log().into_bytes(), gzip.clone(), zstd] {
        let seen = json(&piped(&sandbox, &["weblog", "preview", "-", "--json"], &bytes));
        assert_eq!(seen["counts"], plain["counts"]);
        assert_eq!(seen["logs"][0]["name"], "standard input");
    }
    fs::write(sandbox.path().join("access.log.1.gz"), gzip).expect("written");
    let both = json(&sandbox.run(&["weblog", "preview", "access.log*", "--json"]));
    assert_eq!(
        (&both["counts"]["lines"], both["logs"].as_array().map(Vec::len)),
        (&6.into(), Some(2))
    );
}

#[test]
fn rows_come_in_the_format_asked_for_and_the_counts_as_talk() {
    let output = sandbox().run(&["weblog", "preview", "access.log", "--format", "csv", "-n", "1"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(stdout(&output).lines().count(), 2);
    assert!(stdout(&output).starts_with("file_id,line_offset,ip_address,"));
    assert!(stderr(&output).contains("3 = 2 landed + 1 quarantined"), "{}", text(&output));
}

#[test]
fn a_declared_format_is_used_and_a_likely_one_is_named() {
    let sandbox = Sandbox::new();
    let timed = format!("{LINE} 1234\n{LINE} 99\n");
    fs::write(sandbox.path().join("timed.log"), timed).expect("written");
    let output = sandbox.run(&["weblog", "preview", "timed.log"]);
    assert_eq!(output.status.code(), Some(1), "not one line: {}", text(&output));
    let hint = stdout(&output).lines().last().expect("a hint").to_string();
    assert!(hint.starts_with("hint: another format reads 2 of the"), "{}", text(&output));
    let notation = r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %D"#;
    assert!(hint.ends_with(&format!("formats = ['{notation}']")), "{hint}");
    let output = sandbox.run(&["weblog", "preview", "timed.log", "--log-format", notation]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

#[test]
fn what_cannot_be_looked_at_has_its_exit_code() {
    let sandbox = sandbox();
    fs::write(sandbox.path().join("cut.gz"), [0x1f, 0x8b, 8, 0, 0]).expect("written");
    for (words, code, told) in [
        (&["nothing.log"][..], 2, "weblog/files"),
        (&["no*thing"], 2, "weblog/files"),
        (&["."], 2, "weblog/not_a_file"),
        (&["cut.gz"], 1, "weblog/compressed"),
        (&["access.log", "--log-format", "%h %Q %t"], 2, "`%Q` at byte 3"),
        (&[], 2, "<FILE>"),
    ] {
        let words = [&["weblog", "preview"][..], words].concat();
        let output = sandbox.run(&words);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {}", text(&output));
        assert!(stderr(&output).contains(told), "{words:?}: {}", text(&output));
        assert_eq!(stdout(&output), "", "{words:?}");
    }
    let empty = piped(&sandbox, &["weblog", "preview", "-"], b"");
    assert_eq!(empty.status.code(), Some(0), "an empty log is fine: {}", text(&empty));
}

#[test]
fn a_reader_that_goes_away_ends_a_preview_quietly() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path().join("a.log"), format!("{LINE}\n").repeat(5000)).expect("written");
    for words in [&["-n", "5000"][..], &["-n", "5000", "--json"], &["--format", "csv"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let words = [&["weblog", "preview", "a.log", "-q"][..], words].concat();
        let output = sandbox.command(&words).stdout(writer).output().expect("starts");
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()), "{words:?}");
    }
}

#[test]
fn a_format_in_the_settings_is_refused_at_its_place() {
    let sandbox = Sandbox::with_project();
    let settings = sandbox.path().join("landfall.toml");
    let with = fs::read_to_string(&settings).expect("settings").replace(
        "[source.weblog]\n",
        "[source.weblog]\nformats = [\"combined\",\n  \"$remote_adr [$time_local]\"]\n",
    );
    let line = with.lines().position(|l| l.contains("$remote_adr")).expect("the line") + 1;
    fs::write(&settings, with).expect("settings");
    for words in [&["config", "check"][..], &["plan"], &["run"]] {
        let output = sandbox.run(words);
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {}", text(&output));
        assert!(
            told.contains(&format!("landfall.toml, line {line}, column 3")),
            "{words:?}: {told}"
        );
        assert!(told.contains("did you mean `$remote_addr`?"), "{words:?}: {told}");
    }
}

#[test]
fn columns_asked_for_stand_in_the_store() {
    let sandbox = Sandbox::with_project();
    let settings = sandbox.path().join("landfall.toml");
    let with = fs::read_to_string(&settings).expect("settings").replace(
        "[source.weblog]\n",
        "[source.weblog]\nextra = [\"browser\", \"os\", \"is_bot\"]\ndevices = [\"Windows\"]\n",
    );
    fs::write(&settings, with).expect("settings");
    let run = sandbox.run(&["run", "-q", "+store.weblog.access"]);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run));
    let sql = "select count(*) as lines, count(browser) as browsers, count(os) as systems, \
               sum(case when is_bot then 1 else 0 end) as bots, count(distinct device) as devices \
               from store_weblog.access";
    let answer: Value = serde_json::from_str(&stdout(&sandbox.run(&["query", sql, "--json"])))
        .expect("rows as JSON");
    let number = |key: &str| answer[0][key].as_i64().unwrap_or_else(|| panic!("{key}: {answer}"));
    assert!(number("lines") > 400, "{answer}");
    assert!((1..=number("lines")).contains(&number("browsers")), "{answer}");
    assert!((1..=number("lines")).contains(&number("systems")), "{answer}");
    assert!(number("bots") < number("lines"), "{answer}");
    assert_eq!(number("devices"), 2, "Windows and Other: {answer}");
}
