//! House rules: reads every source file and fails on what a reviewer should not have to say.
//!
//! The rules look at code alone: comments and the contents of strings are blanked first, and what
//! stands under `#[cfg(test)]` counts only for the header and the size of its file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Most lines of a file, its tests included.
const MAX_FILE_LINES: usize = 500;
/// Most lines of a function, from `fn` to its closing brace.
const MAX_FUNCTION_LINES: usize = 70;

/// Who may import whom: a module may use its own level where `same` says so, and all lower ones.
const LEVELS: &[Level] = &[
    Level {
        modules: &[
            "error", "events", "types", "sequence", "task", "tables", "window", "rows", "pages",
            "config", "layout", "sql",
        ],
        same: true,
    },
    Level { modules: &["storage", "state", "records", "dialect", "warehouse"], same: true },
    Level { modules: &["seed", "extract", "land", "merge", "present", "report"], same: false },
    Level { modules: &["run"], same: false },
    Level { modules: &["cli"], same: false },
];

struct Level {
    modules: &'static [&'static str],
    /// Whether its modules may import each other.
    same: bool,
}

/// Words that have one home, or none.
const HOMES: &[(&str, &[&str])] = &[
    ("println!", &[]),
    ("eprintln!", &[]),
    ("print!", &[]),
    ("eprint!", &[]),
    ("dbg!", &[]),
    ("todo!", &[]),
    ("unimplemented!", &[]),
    (".unwrap()", &[]),
    ("unsafe ", &[]),
    // a signal that comes twice ends the process at once
    ("process::exit", &["src/cli/stop.rs"]),
];

/// Functions longer than allowed that exist today, with their lines: the list only gets shorter,
/// and a function on it only gets shorter.
const LONG_FUNCTIONS: &[(&str, &str, usize)] = &[];

/// A source file.
struct Source {
    /// `src/cli/mod.rs`
    path: String,
    text: String,
}

#[test]
fn the_source_keeps_the_house_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut complaints = Vec::new();
    let mut seen = 0;
    for folder in ["src", "tests", "benches"] {
        for path in rust_files(&root.join(folder)) {
            let text = fs::read_to_string(&path).expect("a source file is text");
            let path = path.strip_prefix(root).expect("below the root").display().to_string();
            complaints.extend(check(&Source { path, text }));
            seen += 1;
        }
    }
    assert!(seen > 50, "only {seen} files were found: the walk is broken");
    assert!(complaints.is_empty(), "{}\n{} complaints", complaints.join("\n"), complaints.len());
}

#[test]
fn every_module_of_the_crate_has_a_level() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let map = fs::read_to_string(root.join("src/lib.rs")).expect("the map of the crate");
    for module in map.lines().filter_map(|l| l.strip_prefix("pub mod ")) {
        let module = module.trim_end_matches(';');
        assert!(level_of(module).is_some(), "`{module}` is in no level of the import table");
    }
}

/// Everything wrong with a file, one line each.
fn check(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let path = &source.path;
    if !source.text.starts_with("//! ") {
        found.push(format!("{path}:1: the first line must say what the file is, after `//! `"));
    }
    let lines = source.text.lines().count();
    if lines > MAX_FILE_LINES {
        found.push(format!("{path}: {lines} lines, at most {MAX_FILE_LINES}"));
    }
    if !path.starts_with("src/") || is_test_file(path) {
        return found;
    }
    let code = without_tests(&code_only(&source.text));
    check_homes(path, &code, &mut found);
    check_imports(path, &code, &mut found);
    check_functions(path, &code, &mut found);
    found
}

fn check_homes(path: &str, code: &str, found: &mut Vec<String>) {
    for (number, line) in code.lines().enumerate() {
        for (word, homes) in HOMES {
            let at = line.match_indices(word).any(|(at, _)| {
                let before = line[..at].chars().next_back();
                word.starts_with('.') || !before.is_some_and(is_word)
            });
            if at && !homes.contains(&path) {
                found.push(format!("{path}:{}: `{}` has no place here", number + 1, word.trim()));
            }
        }
    }
}

fn check_imports(path: &str, code: &str, found: &mut Vec<String>) {
    let from = module_of(path);
    if from == "lib" {
        return;
    }
    for (number, line) in statements(code) {
        for module in imported(&line) {
            if !may_import(from, module) {
                found.push(format!("{path}:{}: `{from}` must not use `{module}`", number + 1));
            }
        }
    }
}

/// The lines of the code, a `use` over several of them as one, each with its number from 0.
fn statements(code: &str) -> Vec<(usize, String)> {
    let mut statements: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (number, line) in code.lines().enumerate() {
        match statements.last_mut() {
            Some((_, statement)) if open => statement.push_str(line.trim()),
            _ => {
                let words = line.trim_start();
                open = words.starts_with("use ") || words.starts_with("pub use ");
                statements.push((number, line.to_string()));
            }
        }
        open &= !line.contains(';');
    }
    statements
}

/// The modules of the crate that a line names; a nested `use crate::{a, b::c}` names each.
fn imported(line: &str) -> Vec<&str> {
    let mut modules = Vec::new();
    for root in ["crate::", "landfall::"] {
        for (at, _) in line.match_indices(root) {
            if line[..at].chars().next_back().is_some_and(is_word) {
                continue;
            }
            let rest = &line[at + root.len()..];
            match rest.strip_prefix('{') {
                Some(list) => modules.extend(nested_heads(list)),
                None => modules.push(head(rest)),
            }
        }
    }
    modules.retain(|m| m.starts_with(|c: char| c.is_ascii_lowercase()));
    modules
}

/// The first word of each part of `a, b::{c, d}, e}`.
fn nested_heads(list: &str) -> Vec<&str> {
    let (mut heads, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                heads.push(head(list[start..at].trim()));
                return heads;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                heads.push(head(list[start..at].trim()));
                start = at + 1;
            }
            _ => {}
        }
    }
    heads.push(head(list[start..].trim()));
    heads
}

fn head(path: &str) -> &str {
    path.split(|c: char| !is_word(c)).next().unwrap_or_default()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// `src/cli/mod.rs` and `src/cli.rs` are of the module `cli`.
fn module_of(path: &str) -> &str {
    let below = path.strip_prefix("src/").unwrap_or(path);
    below.split('/').next().unwrap_or(below).trim_end_matches(".rs")
}

fn level_of(module: &str) -> Option<usize> {
    LEVELS.iter().position(|level| level.modules.contains(&module))
}

fn may_import(from: &str, module: &str) -> bool {
    if from == module {
        return true;
    }
    // The entry hands everything to the command line.
    if from == "main" {
        return module == "cli";
    }
    match (level_of(from), level_of(module)) {
        (Some(own), Some(other)) if own == other => LEVELS[own].same,
        (Some(own), Some(other)) => other < own,
        _ => false,
    }
}

fn check_functions(path: &str, code: &str, found: &mut Vec<String>) {
    let lines: Vec<&str> = code.lines().collect();
    for (number, name, length) in functions(&lines) {
        let known = LONG_FUNCTIONS.iter().find(|(p, n, _)| *p == path && *n == name);
        let most = known.map_or(MAX_FUNCTION_LINES, |(_, _, lines)| *lines);
        if length > most {
            found.push(format!("{path}:{number}: fn `{name}` has {length} lines, at most {most}"));
        }
    }
}

/// Line, name and length of each function, read from the layout that rustfmt gives.
fn functions<'a>(lines: &[&'a str]) -> Vec<(usize, &'a str, usize)> {
    let mut functions = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let indent = &line[..line.len() - line.trim_start().len()];
        let words = line.trim_start();
        let Some(at) = words.find("fn ").filter(|at| {
            let before = words[..*at].trim_end();
            before.split_whitespace().all(|w| {
                matches!(w, "pub" | "async" | "const" | "in")
                    || w.starts_with("pub(")
                    || w.ends_with(')')
            })
        }) else {
            continue;
        };
        let name = head(&words[at + 3..]);
        let end = format!("{indent}}}");
        for (length, line) in lines[start..].iter().enumerate() {
            if *line == end {
                functions.push((start + 1, name, length + 1));
                break;
            }
            // A signature without a body, or a body on one line.
            let closed = line.trim_end();
            let ends_at_once = length == 0 && closed.ends_with([';', '}']);
            let tail = closed.strip_prefix(indent).unwrap_or_default();
            let signature = tail == ");" || tail.starts_with(") ->") && tail.ends_with(';');
            if ends_at_once || signature {
                break;
            }
        }
    }
    functions
}

fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// Blanks the items under `#[cfg(test)]`, keeping the lines.
fn without_tests(code: &str) -> String {
    let lines: Vec<&str> = code.lines().collect();
    let mut kept = Vec::with_capacity(lines.len());
    let mut end: Option<String> = None;
    for (at, line) in lines.iter().enumerate() {
        if let Some(closing) = &end {
            if *line == *closing
                || (line.ends_with(';') && at > 0 && lines[at - 1].contains("#[cfg(test)]"))
            {
                end = None;
            }
            kept.push("");
        } else if line.trim_start().starts_with("#[cfg(test)]") {
            let indent = &line[..line.len() - line.trim_start().len()];
            end = Some(format!("{indent}}}"));
            kept.push("");
        } else {
            kept.push(line);
        }
    }
    kept.join("\n")
}

/// The text with comments and the insides of strings and characters blanked, line ends kept.
fn code_only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = skipped(rest, code.chars().next_back());
        match length {
            0 => {
                code.push(c);
                rest = &rest[c.len_utf8()..];
            }
            _ => {
                code.extend(rest[..length].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
                rest = &rest[length..];
            }
        }
    }
    code
}

/// Bytes of the comment, string or character that `rest` begins with; 0 when it is code.
fn skipped(rest: &str, before: Option<char>) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment(rest);
    }
    let in_word = before.is_some_and(is_word);
    if !in_word {
        let raw = rest.trim_start_matches('b').trim_start_matches('r');
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let is_raw = rest[..rest.len() - raw.len()].contains('r') && rest.len() - raw.len() <= 2;
        if is_raw && raw[hashes..].starts_with('"') {
            let close = format!("\"{}", "#".repeat(hashes));
            let open = rest.len() - raw.len() + hashes + 1;
            return rest[open..].find(&close).map_or(rest.len(), |end| open + end + close.len());
        }
    }
    match rest.as_bytes() {
        [b'"', ..] => quoted(rest, b'"'),
        [b'\'', b'\\', ..] => quoted(rest, b'\''),
        // A lifetime has no quote after its first letter.
        [b'\'', ..] => {
            let letter = rest[1..].chars().next().map_or(0, char::len_utf8);
            if rest[1 + letter..].starts_with('\'') { letter + 2 } else { 0 }
        }
        _ => 0,
    }
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    let bytes = rest.as_bytes();
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    at
}

fn quoted(rest: &str, quote: u8) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b if b == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// What is wrong with a sample file at `path` that has a header.
fn wrong(path: &str, body: &str) -> Vec<String> {
    check(&Source { path: path.into(), text: format!("//! Sample: nothing.\n{body}") })
}

#[test]
fn each_rule_finds_its_sample_and_spares_what_looks_alike() {
    let long = format!("fn long() {{\n{}}}\n", "    step();\n".repeat(70));
    let bad: BTreeMap<&str, (&str, &str)> = BTreeMap::from([
        ("`println!` has no place here", ("src/run/a.rs", "fn a() {\n    println!(\"x\");\n}\n")),
        ("`todo!` has no place here", ("src/run/a.rs", "fn a() {\n    todo!()\n}\n")),
        ("`.unwrap()` has no place here", ("src/run/a.rs", "fn a() {\n    b().unwrap();\n}\n")),
        ("`unsafe` has no place here", ("src/run/a.rs", "fn a() {\n    unsafe { b() }\n}\n")),
        (
            "`process::exit` has no place",
            ("src/run/a.rs", "fn a() {\n    std::process::exit(1)\n}\n"),
        ),
        ("`land` must not use `merge`", ("src/land/a.rs", "use crate::merge::Merge;\n")),
        (
            "`error` must not use `run`",
            ("src/error.rs", "use crate::{error::Error, run::{a, b}};\n"),
        ),
        (
            "`warehouse` must not use `cli`",
            ("src/warehouse/a.rs", "fn a() {\n    crate::cli::b();\n}\n"),
        ),
        (
            "`main` must not use `run`",
            ("src/main.rs", "fn main() {\n    landfall::run::run();\n}\n"),
        ),
        ("fn `long` has 72 lines", ("src/run/a.rs", &long)),
    ]);
    for (complaint, (path, body)) in &bad {
        let found = wrong(path, body);
        assert!(found.len() == 1 && found[0].contains(complaint), "{complaint}: {found:?}");
    }
    assert_eq!(check(&Source { path: "src/a.rs".into(), text: "// x\n".into() }).len(), 1);
    assert!(wrong("src/run/a.rs", &"\n".repeat(500))[0].contains("501 lines"));

    for good in [
        "// println!(\"x\")\n/* todo!() /* nested */ .unwrap() */\n",
        "const A: &str = \"unsafe \\\" todo!()\";\nconst B: &str = r#\"dbg!(\"x\")\"#;\n",
        "fn a<'a>(x: &'a str) -> char {\n    '\"'\n}\nfn b() {\n    c('\\'', \"println!\");\n}\n",
        "use crate::{error::Error, land::land, warehouse::{a, b}};\n",
        "#[cfg(test)]\nmod tests {\n    fn a() {\n        b().unwrap();\n    }\n}\n",
        "#[cfg(test)]\nmod tests;\nfn a() {}\n",
        "fn my_println() {\n    self::writeln!(a, b)\n}\n",
    ] {
        assert_eq!(wrong("src/run/a.rs", good), Vec::<String>::new(), "{good}");
    }
    // What follows a test module is code again.
    let after = "#[cfg(test)]\nmod tests {\n    a();\n}\n\nfn b() {\n    dbg!(1);\n}\n";
    assert_eq!(wrong("src/run/a.rs", after).len(), 1);
    let after = "#[cfg(test)]\nmod tests;\nfn b() {\n    dbg!(1);\n}\n";
    assert_eq!(wrong("src/run/a.rs", after).len(), 1);
}

/// Every Rust file below a folder, sorted; none where it is missing.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return files;
    };
    for entry in entries {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}
