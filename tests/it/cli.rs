//! The program as people and scripts meet it: words, streams, exit codes, colours, pipes, signals.

mod journey;
mod weblog;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A folder of its own, and the program started in it with a bare environment.
struct Sandbox(TempDir);

impl Sandbox {
    fn new() -> Sandbox {
        Sandbox(tempfile::tempdir().expect("a folder"))
    }

    /// A sandbox with a small project that `landfall init` made.
    fn with_project() -> Sandbox {
        let sandbox = Sandbox::new();
        let made = sandbox.run(&["init", "."]);
        assert_eq!(made.status.code(), Some(0), "{}", text(&made));
        let settings = sandbox.path().join("landfall.toml");
        let small = fs::read_to_string(&settings)
            .expect("settings")
            .replace("orders = 3800", "orders = 60")
            .replace("log_lines = 100000", "log_lines = 500");
        fs::write(settings, small).expect("settings");
        sandbox
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_landfall"));
        command.args(words).current_dir(self.path()).stdin(Stdio::null()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("the program starts")
    }

    /// Exit code and both streams, with what differs from run to run replaced.
    fn shown(&self, words: &[&str]) -> String {
        let path = self.path().canonicalize().expect("a path").display().to_string();
        let text = text(&self.run(words));
        text.replace(&path, "[DIR]")
            .replace(&self.path().display().to_string(), "[DIR]")
            .replace(env!("CARGO_PKG_VERSION"), "[VERSION]")
    }
}

fn text(output: &Output) -> String {
    format!(
        "exit {}\n--- stdout\n{}--- stderr\n{}",
        output.status.code().map_or("by signal".to_string(), |c| c.to_string()),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("standard output is UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("standard error is UTF-8")
}

#[test]
fn version_is_one_line_of_data() {
    insta::assert_snapshot!(Sandbox::new().shown(&["--version"]), @r"
    exit 0
    --- stdout
    landfall [VERSION]
    --- stderr
    ");
}

#[test]
fn bare_words_show_the_verbs_and_three_examples() {
    let output = Sandbox::new().run(&[]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stderr(&output), "");
    insta::assert_snapshot!(stdout(&output).replace(env!("CARGO_PKG_VERSION"), "[VERSION]"));
}

#[test]
fn help_of_every_verb_is_data() {
    let sandbox = Sandbox::new();
    let verbs = [
        "init",
        "seed",
        "discover",
        "plan",
        "run",
        "rerun",
        "emit",
        "check",
        "explain",
        "status",
        "history",
        "logs",
        "tables",
        "query",
        "report",
        "weblog",
        "compact",
        "doctor",
        "config",
        "completions",
    ];
    for verb in verbs {
        let output = sandbox.run(&[verb, "--help"]);
        assert_eq!(output.status.code(), Some(0), "{verb}");
        assert!(stdout(&output).contains("Usage: landfall"), "{verb}");
        assert_eq!(stderr(&output), "", "{verb}");
    }
    insta::assert_snapshot!(stdout(&sandbox.run(&["run", "--help"])));
}

#[test]
fn mistakes_in_words_exit_with_2_and_say_nothing_on_stdout() {
    let sandbox = Sandbox::new();
    for words in [
        &["nonsense"][..],
        &["run", "--nonsense"],
        &["run", "--jobs", "0"],
        &["run", "--new", "--resume"],
        &["query"],
        &["status", "x"],
        &["seed", "--mutate", "500%"],
        &["--color", "sometimes", "run"],
        &["logs", "1", "2"],
        &["query", "  "],
    ] {
        let output = sandbox.run(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {}", text(&output));
        assert_eq!(stdout(&output), "", "{words:?}");
        assert!(stderr(&output).starts_with("error"), "{words:?}: {}", text(&output));
    }
}

#[cfg(unix)]
#[test]
fn words_that_are_no_text_are_refused() {
    use std::os::unix::ffi::OsStrExt;
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["query"]);
    let output = command.arg(std::ffi::OsStr::from_bytes(b"\xff\xfe")).output().expect("starts");
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
}

#[test]
fn outside_a_project_the_verbs_say_what_they_look_for() {
    let sandbox = Sandbox::new();
    for verb in ["run", "status", "report", "doctor", "plan", "emit"] {
        let output = sandbox.run(&[verb]);
        let code = if verb == "doctor" { 1 } else { 2 };
        assert_eq!(output.status.code(), Some(code), "{verb}: {}", text(&output));
        assert!(text(&output).contains("landfall.toml"), "{verb}: {}", text(&output));
    }
}

#[test]
fn every_mistake_of_the_settings_is_told_with_its_line() {
    let sandbox = Sandbox::with_project();
    let path = sandbox.path().join("landfall.toml");
    let broken = fs::read_to_string(&path)
        .expect("settings")
        .replacen("fsync = true", "fsnyc = true", 1)
        .replacen("company_id varchar(46)", "company_id varchr(46)", 1);
    fs::write(&path, broken).expect("settings");
    let output = sandbox.run(&["config", "check"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stdout(&output), "");
    let told = stderr(&output);
    for part in
        ["`fsnyc`", "did you mean `fsync`?", "varchr(46)", "landfall.toml, line", "2 errors"]
    {
        assert!(told.contains(part), "`{part}` is not in:\n{told}");
    }

    let output = sandbox.run(&["config", "check", "--json"]);
    let object: serde_json::Value = serde_json::from_str(&stderr(&output)).expect("one object");
    assert_eq!(
        (&object["v"], &object["event"], &object["exit_code"]),
        (&1.into(), &"error".into(), &2.into())
    );
    assert_eq!(object["others"].as_array().map(Vec::len), Some(1));
    assert!(object["line"].is_u64() && object["help"].is_string(), "{object}");
}

#[test]
fn init_lists_its_files_and_never_overwrites_them() {
    let sandbox = Sandbox::new();
    let first = sandbox.run(&["init", "shop"]);
    assert_eq!(first.status.code(), Some(0), "{}", text(&first));
    let listed = stdout(&first);
    for file in listed.lines() {
        assert!(sandbox.path().join(file).is_file(), "{file}");
    }
    assert!(listed.contains("shop/landfall.toml") && listed.contains("shop/.gitignore"));
    assert_eq!(stderr(&first), "next: cd shop && landfall run\n");

    let settings = sandbox.path().join("shop/landfall.toml");
    fs::write(&settings, "mine").expect("write");
    let again = sandbox.run(&["init", "shop"]);
    assert_eq!(again.status.code(), Some(2), "{}", text(&again));
    assert_eq!(fs::read_to_string(&settings).expect("settings"), "mine");
    let forced = sandbox.run(&["init", "shop", "--force"]);
    assert_eq!(forced.status.code(), Some(0), "{}", text(&forced));
    assert_ne!(fs::read_to_string(&settings).expect("settings"), "mine");
}

#[test]
fn before_the_first_run_there_is_nothing_to_show_and_no_harm() {
    let sandbox = Sandbox::with_project();
    for (words, code) in [
        (&["status"][..], 0),
        (&["status", "--exit-status"], 1),
        (&["history"], 0),
        (&["logs"], 0),
        (&["query", "select 1"], 2),
        (&["tables"], 2),
    ] {
        let output = sandbox.run(words);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {}", text(&output));
        assert_eq!(stdout(&output), "", "{words:?}");
        assert!(stderr(&output).contains("landfall run"), "{words:?}: {}", text(&output));
    }
    assert!(!sandbox.path().join(".landfall").exists(), "looking must not make a state folder");
}

#[test]
fn seed_makes_the_sources_and_counts_them() {
    let sandbox = Sandbox::with_project();
    let output = sandbox.run(&["seed", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let objects: Vec<serde_json::Value> =
        stdout(&output).lines().map(|l| serde_json::from_str(l).expect("json")).collect();
    let rows =
        |table: &str| objects.iter().find(|o| o["table"] == table).and_then(|o| o["rows"].as_u64());
    assert_eq!((rows("companies"), rows("order_headers")), (Some(12), Some(60)));
    let log = objects.iter().find(|o| o["event"] == "wrote").expect("the log");
    assert_eq!(log["lines"], 500);
    let written = fs::read(sandbox.path().join("data/access.log")).expect("the log");
    assert_eq!(written.iter().filter(|b| **b == b'\n').count(), 500);
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    let sandbox = Sandbox::new();
    for words in [&["completions", "bash"][..], &[], &["--help"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = sandbox.command(words).stdout(writer).output().expect("starts");
        assert_eq!(output.status.code(), Some(0), "{words:?}: {}", text(&output));
        assert_eq!(stderr(&output), "", "{words:?}");
    }
    // And when nobody listens to the talk, the exit code still speaks.
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = sandbox.command(&["status"]).stderr(writer).output().expect("starts");
    assert_eq!(output.status.code(), Some(2));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_failure() {
    let full = File::options().write(true).open("/dev/full").expect("/dev/full");
    let sandbox = Sandbox::new();
    let output = sandbox.command(&["completions", "zsh"]).stdout(full).output().expect("starts");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(stderr(&output).contains("error[output/write]"), "{}", text(&output));
}

#[test]
fn colours_are_for_those_who_want_them() {
    let sandbox = Sandbox::new();
    let has_colour = |words: &[&str], variables: &[(&str, &str)]| {
        let mut command = sandbox.command(words);
        let output = command.envs(variables.iter().copied()).output().expect("starts");
        (stdout(&output) + &stderr(&output)).contains('\u{1b}')
    };
    for words in [&[][..], &["status"], &["--help"], &["nonsense"]] {
        assert!(!has_colour(words, &[]), "{words:?} in a pipe");
        assert!(has_colour(words, &[("FORCE_COLOR", "1")]), "{words:?} forced");
        assert!(has_colour(words, &[("CLICOLOR_FORCE", "1")]), "{words:?} forced");
        let both = [("FORCE_COLOR", "1"), ("NO_COLOR", "1")];
        assert!(!has_colour(words, &both), "{words:?} with NO_COLOR");
        let typed: Vec<&str> = ["--color", "always"].iter().chain(words).copied().collect();
        assert!(has_colour(&typed, &[("NO_COLOR", "1")]), "{words:?} with --color always");
        let typed: Vec<&str> = ["--color=never"].iter().chain(words).copied().collect();
        assert!(!has_colour(&typed, &[("FORCE_COLOR", "1")]), "{words:?} with --color never");
    }
}

#[test]
fn foreign_text_cannot_command_the_terminal() {
    let sandbox = Sandbox::new();
    for words in [
        &["-C", "\u{1b}[2Jx", "status"][..],
        &["init", "\u{1b}]0;owned\u{7}"],
        &["discover", "x\u{9b}31m:y"],
    ] {
        let output = sandbox.run(words);
        let said = stdout(&output) + &stderr(&output);
        let control = said.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(control, None, "{words:?}: {said:?}");
    }
}

#[test]
fn secrets_on_the_command_line_are_refused_and_not_repeated() {
    let sandbox = Sandbox::new();
    for words in [
        &["discover", "mysql://etl:CANARY7f3a@127.0.0.1:1/shop"][..],
        &["discover", "mysql://etl:CANARY7f3a@127.0.0.1:1/shop", "--json"],
        &["discover", "postgres://u:CANARY7f3a"],
    ] {
        let output = sandbox.run(words);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        assert!(!text(&output).contains("CANARY7f3a"), "{}", text(&output));
    }
    let mut command = sandbox.command(&["discover", "mysql://etl:${PW}@127.0.0.1:1/shop"]);
    let output = command.env("PW", "CANARY7f3a").output().expect("starts");
    assert_eq!(output.status.code(), Some(4), "{}", text(&output));
    assert!(!text(&output).contains("CANARY7f3a"), "{}", text(&output));
}

#[test]
fn a_held_lock_names_its_holder_and_exits_with_5() {
    let sandbox = Sandbox::with_project();
    assert_eq!(sandbox.run(&["seed"]).status.code(), Some(0));
    let state = sandbox.path().join(".landfall");
    fs::create_dir_all(&state).expect("state folder");
    let mut lock = File::create(state.join("lock")).expect("lock file");
    let holder = r#"{"pid":41822,"host":"build-3","since":"2026-11-22T10:01:12Z","run":"11.1"}"#;
    lock.write_all(holder.as_bytes()).expect("holder");
    lock.lock().expect("lock");
    let output = sandbox.run(&["run"]);
    assert_eq!(output.status.code(), Some(5), "{}", text(&output));
    for part in ["41822", "build-3", "11.1"] {
        assert!(stderr(&output).contains(part), "{part}: {}", text(&output));
    }
}

/// Starts the long making of a sample, sends it a signal while it writes, and waits for its end.
#[cfg(unix)]
fn signalled(words: &[&str], signal: &str) -> Output {
    let sandbox = Sandbox::with_project();
    let settings = sandbox.path().join("landfall.toml");
    let long = fs::read_to_string(&settings)
        .expect("settings")
        .replace("log_lines = 500", "log_lines = 2000000000");
    fs::write(settings, long).expect("settings");
    let data = sandbox.path().join("data");
    let mut command = sandbox.command(words);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    let began = Instant::now();
    let writes = || fs::read_dir(&data).is_ok_and(|mut entries| entries.next().is_some());
    while !writes() && began.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(2));
    }
    let kill = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(kill.expect("kill").success());
    let mut said = String::new();
    child.stderr.take().expect("stderr").read_to_string(&mut said).expect("text");
    let output = child.wait_with_output().expect("ends");
    assert!(began.elapsed() < Duration::from_secs(60), "it did not stop: {said}");
    // Neither a part of the sample that would count as whole, nor litter.
    let left: Vec<_> = fs::read_dir(&data).expect("the folder").flatten().collect();
    assert!(left.is_empty(), "{left:?}");
    output
}

#[cfg(unix)]
#[test]
fn signals_have_their_exit_codes() {
    let orders = ["seed", "--orders", "20000000", "--log-lines", "0"];
    for words in [&orders[..], &["seed"], &["run"]] {
        assert_eq!(signalled(words, "-INT").status.code(), Some(130), "{words:?}");
    }
    assert_eq!(signalled(&["seed"], "-TERM").status.code(), Some(143));
}
