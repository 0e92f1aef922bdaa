//! DuckDB with its DuckLake extension: the other reader and writer of a Landfall catalog.
//!
//! `LANDFALL_TEST_DUCKDB` names a Python that has it. Otherwise the wheels are taken from PyPI,
//! once, into the build's folder for temporary files; they hold the extensions too.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::project::{Rows, text};
use super::python::packages;

const WHEELS: [&str; 5] = [
    "duckdb==1.5.5",
    "duckdb-extension-ducklake==1.5.5",
    "duckdb-extension-sqlite-scanner==1.5.5",
    "duckdb-extension-postgres-scanner==1.5.5",
    "duckdb-extension-tpch==1.5.5",
];

/// The Python to run and the folder of its packages.
struct Python {
    program: String,
    packages: Option<PathBuf>,
}

fn python() -> &'static Python {
    static PYTHON: OnceLock<Python> = OnceLock::new();
    PYTHON.get_or_init(|| match std::env::var("LANDFALL_TEST_DUCKDB") {
        Ok(program) => Python { program, packages: None },
        Err(_) => Python {
            program: "python3".into(),
            packages: Some(packages("duckdb-1.5.5-postgres", &WHEELS)),
        },
    })
}

/// Runs statements on a catalog and gives the rows of each, in their order. The catalog is a whole
/// path, or what the driver of PostgreSQL is to connect with.
pub fn duckdb(catalog: &Path, options: &str, statements: &[String]) -> Vec<Rows> {
    let wanted = serde_json::json!({
        "catalog": catalog, "options": options, "statements": statements,
    });
    run(include_str!("duckdb.py"), &wanted)
}

/// Runs statements without a catalog, on files they name.
pub fn parquet(statements: &[String]) -> Vec<Rows> {
    let wanted = serde_json::json!({ "catalog": null, "options": "", "statements": statements });
    run(include_str!("duckdb.py"), &wanted)
}

/// The columns of a Parquet file as pyarrow reads them, as text; `None` if there is no pyarrow.
pub fn pyarrow(file: &Path) -> Option<BTreeMap<String, Vec<Option<String>>>> {
    const READ: &str = "import json, sys\n\
        try: import pyarrow.parquet as parquet\n\
        except ImportError: sys.exit(print('null'))\n\
        table = parquet.read_table(json.load(sys.stdin))\n\
        columns = table.to_pydict().items()\n\
        text = lambda v: None if v is None else str(v)\n\
        json.dump({name: [text(v) for v in values] for name, values in columns}, sys.stdout)";
    run(READ, &serde_json::json!(file))
}

/// Runs a script on a JSON value; it answers with another.
fn run<T: serde::de::DeserializeOwned>(script: &str, wanted: &serde_json::Value) -> T {
    let python = python();
    let mut command = Command::new(&python.program);
    command.arg("-c").arg(script);
    if let Some(packages) = &python.packages {
        command.env("PYTHONPATH", packages);
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(wanted.to_string().as_bytes()).expect("Python reads");
    drop(input);
    let output = child.wait_with_output().expect("Python ends");
    assert!(output.status.success(), "Python: {}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}
