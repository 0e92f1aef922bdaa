//! Whole projects through `load`: every mistake with its place, every value with its origin.

mod mistakes;
mod origins;
mod templates;

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::error::{Error, Result};

/// A project that loads; tests put one thing more, or wrong, into it.
const GOOD: &str = r#"
[source.shop]
url = "sqlite:shop.db"
timezone = "UTC"
[[source.shop.table]]
name = "orders"
key = ["no"]
columns = ["no int not null", "at timestamp not null", "note varchar(20)"]
"#;

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
}

fn with(pairs: &[(&str, &str)]) -> Overrides {
    Overrides { environment: environment(pairs), ..Overrides::default() }
}

/// Loads a project of one file in a folder of its own.
fn load_text(text: impl AsRef<[u8]>, overrides: &Overrides) -> Result<Loaded> {
    let folder = tempfile::tempdir().expect("folder");
    std::fs::write(folder.path().join("landfall.toml"), text).expect("file");
    load(folder.path(), overrides)
}

fn load_good(overrides: &Overrides) -> Loaded {
    load_text(GOOD, overrides).expect("the good project")
}

fn all(error: &Error) -> impl Iterator<Item = &Error> {
    std::iter::once(error).chain(error.others())
}

/// `code line:column` of every error of a project, in order.
fn told(text: impl AsRef<[u8]>, overrides: &Overrides) -> Vec<String> {
    let Err(error) = load_text(text, overrides) else { return Vec::new() };
    all(&error)
        .map(|error| match error.place() {
            Some(place) => format!("{} {}:{}", error.code(), place.line, place.column),
            None => format!("{} {}", error.code(), error.subject().unwrap_or("nowhere")),
        })
        .collect()
}

fn write(folder: &Path, name: &str, text: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(name);
    std::fs::write(&path, text).expect("file");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("mode");
}
