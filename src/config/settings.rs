//! Settings with their origin: the words shared by the files of this room. Reads nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::config::Project;
use crate::error::{Error, Place};

/// A loaded project, and where each of its settings came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub project: Project,
    /// Every setting in effect, in the order of the file; for `config show --origin`.
    pub origins: Vec<Setting>,
    /// Things that work but deserve a word; one sentence each.
    pub warnings: Vec<String>,
}

/// One setting in effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Dotted, as in the file: `project.jobs`, `source.mysql.table.order_lines.key`.
    pub key: String,
    /// As written, so that a `${VAR}` shows its name and never its value; secrets are dots.
    pub value: String,
    /// `landfall.toml:12`, `LANDFALL_JOBS`, `--jobs` or `default`.
    pub origin: String,
}

/// What the caller knows beyond the files.
#[derive(Debug, Clone)]
pub struct Overrides {
    /// The project's folder, from `--project`; wins over `LANDFALL_PROJECT`.
    pub project: Option<PathBuf>,
    /// The environment, for `LANDFALL_*` and `${VAR}`.
    pub environment: BTreeMap<String, String>,
    pub flags: Vec<Flag>,
    /// False leaves passwords and tokens unread: for verbs that connect to nothing.
    pub read_secrets: bool,
}

impl Default for Overrides {
    fn default() -> Overrides {
        Overrides {
            project: None,
            environment: BTreeMap::new(),
            flags: Vec::new(),
            read_secrets: true,
        }
    }
}

impl Overrides {
    /// Sets `key` (dotted, `project.jobs`) from the flag `name` (`--jobs`).
    pub fn flag(mut self, name: &str, key: &str, value: impl Into<String>) -> Overrides {
        self.flags.push(Flag { name: name.into(), key: key.into(), value: value.into() });
        self
    }
}

/// A setting given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// `--jobs`
    pub name: String,
    /// `project.jobs`, `sample.seed`, `source.mysql.lag`
    pub key: String,
    pub value: String,
}

/// What a secret is shown as.
pub(super) const DOTS: &str = "••••";

/// A value as a file, variable or flag gives it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Boolean(bool),
    /// Each with its own place.
    Texts(Vec<(String, Place)>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => f.write_str(text),
            Value::Integer(n) => n.fmt(f),
            Value::Boolean(b) => b.fmt(f),
            Value::Texts(texts) => {
                let texts: Vec<&str> = texts.iter().map(|(t, _)| t.as_str()).collect();
                f.write_str(&texts.join(", "))
            }
        }
    }
}

/// Where a value was found.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Origin {
    /// In a file: the file's own name, and where.
    File { name: &'static str, place: Place },
    /// In an environment variable or a flag, by its name.
    Named(String),
}

/// A value and where it was found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub value: Value,
    pub origin: Origin,
}

impl Found {
    /// An error about this value, with its place.
    pub fn error(&self, code: &'static str, message: impl Into<String>) -> Error {
        self.blame(Error::config(code, message))
    }

    /// The error with the place of this value, or the name of the variable or flag.
    pub fn blame(&self, error: Error) -> Error {
        match &self.origin {
            Origin::File { place, .. } => error.at(place.clone()),
            Origin::Named(name) => error.about(name.clone()),
        }
    }

    /// Where the value stands, if that is in a file.
    pub fn place(&self) -> Option<&Place> {
        match &self.origin {
            Origin::File { place, .. } => Some(place),
            Origin::Named(_) => None,
        }
    }

    /// True when the value stands in the file that is meant to be committed.
    pub fn in_tracked_file(&self) -> bool {
        matches!(&self.origin, Origin::File { name, .. } if *name == crate::layout::CONFIG_FILE)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File { name, place } => write!(f, "{name}:{}", place.line),
            Origin::Named(name) => f.write_str(name),
        }
    }
}

/// The settings of one section, by key.
pub(super) type Settings = BTreeMap<&'static str, Found>;

/// What the files say, before anything is given a meaning.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft {
    pub project: Settings,
    /// The `[target.NAME]` sections.
    pub targets: BTreeMap<&'static str, Settings>,
    /// Present when the section is.
    pub sample: Option<Settings>,
    /// In the order of the file.
    pub sources: Vec<SourceDraft>,
}

#[derive(Debug, Clone)]
pub(super) struct SourceDraft {
    pub name: String,
    pub place: Place,
    pub settings: Settings,
    pub tables: Vec<TableDraft>,
}

#[derive(Debug, Clone)]
pub(super) struct TableDraft {
    pub place: Place,
    pub settings: Settings,
}

/// One configuration file, read.
#[derive(Debug, Clone, Copy)]
pub(super) struct File<'a> {
    /// `landfall.toml` or `landfall.local.toml`.
    pub name: &'static str,
    /// As it is shown in messages.
    pub path: &'a Path,
    /// UTF-8, without byte order mark.
    pub text: &'a str,
}

impl File<'_> {
    pub fn place(&self, offset: usize) -> Place {
        Place::of_offset(self.path, self.text, offset)
    }
}
