//! Settings: what a project is, after files, environment and flags are resolved.
//!
//! Precedence, highest first: flag, `LANDFALL_*`, `landfall.local.toml`, `landfall.toml`
//! `[target.NAME]`, `landfall.toml`, built-in. Relative paths are relative to `landfall.toml`.
//! Every mistake of a project is found in one pass and told together, with its place.
//!
//! ```text
//! load      the only file that reads the disk, the environment and commands
//! document  text of one file -> draft: settings with their place
//! layers    drafts, environment, flags -> one draft
//! project source table column   draft -> Project, and every mistake
//! ```
//! It never opens a source, a store or a catalog.

mod catalog;
mod column;
mod document;
mod layers;
mod load;
mod project;
mod reader;
mod schema;
mod settings;
mod source;
mod table;
mod template;
mod text;
mod weblog;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use crate::error::Place;
use crate::tables::TableSpec;

pub use catalog::{Catalog, CatalogServer, is_local};
pub use load::{ENVIRONMENT, load};
pub use settings::{Flag, Loaded, Overrides, Setting};
pub use template::{DiscoveredColumn, DiscoveredTable, Start, render_tables, template};
pub use weblog::{DEVICES, Extra, OTHER_DEVICE, access_spec, add_extra};

/// A project: one `landfall.toml` and everything it names.
#[derive(Debug, Clone)]
pub struct Project {
    /// The folder of `landfall.toml`, absolute.
    pub root: PathBuf,
    pub name: String,
    pub target: Target,
    pub sources: Vec<Source>,
    /// Where landing and quarantine go: a `file` or `s3` URL.
    pub landing: url::Url,
    /// Where catalog, data, scratch and lock go; absolute. Machines that share a catalog share it.
    pub state_dir: PathBuf,
    /// The database of the catalog and the run records.
    pub catalog: Catalog,
    /// Folder of `*.sql`, one pres task each; absolute.
    pub pres_dir: PathBuf,
    /// Folder of `*.sql`, one report each; absolute.
    pub reports_dir: PathBuf,
    /// Made with `landfall seed` on first use, when its database is missing.
    pub sample: Option<Sample>,
    /// Tasks at a time, 1 to 64.
    pub jobs: usize,
    /// Bytes the engine may hold before it spills.
    pub memory_limit: usize,
    /// Whether writes are flushed to the disk before they count.
    pub fsync: bool,
}

impl Project {
    /// The folder of scratch. Machines that share a state folder have one each, since each sweeps
    /// what its own dead processes left.
    pub fn scratch_dir(&self) -> PathBuf {
        let scratch = self.state_dir.join(crate::layout::TMP_DIR);
        match self.catalog {
            Catalog::File => scratch,
            Catalog::Server(_) => scratch.join(gethostname::gethostname()),
        }
    }
}

/// Where the SQL runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Local,
    Redshift,
}

impl Target {
    pub fn word(self) -> &'static str {
        match self {
            Target::Local => "local",
            Target::Redshift => "redshift",
        }
    }
}

/// The sample sources of `landfall seed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    pub seed: u64,
    pub orders: u64,
    pub log_lines: u64,
}

#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "a project has a handful of sources")]
pub enum Source {
    Database(DatabaseSource),
    Weblog(WeblogSource),
}

impl Source {
    pub fn name(&self) -> &str {
        match self {
            Source::Database(d) => &d.name,
            Source::Weblog(w) => &w.name,
        }
    }

    pub fn tables(&self) -> &[TableSpec] {
        match self {
            Source::Database(d) => &d.tables,
            Source::Weblog(w) => std::slice::from_ref(&w.table),
        }
    }
}

/// A database to extract from.
#[derive(Debug, Clone)]
pub struct DatabaseSource {
    pub name: String,
    /// `sqlite:` with an absolute path, `mysql:` or `postgres:`. Holds no password.
    pub url: url::Url,
    pub password: Option<Secret>,
    /// Zone of naive timestamps in the source: `UTC` or an IANA name.
    pub timezone: chrono_tz::Tz,
    /// Seconds the window's end stays behind when open transactions cannot be seen (rule W4).
    pub lag_seconds: u32,
    /// True when TLS is switched off by the user's word.
    pub tls_off: bool,
    pub tables: Vec<TableSpec>,
}

impl DatabaseSource {
    /// The database file of a `sqlite:` source; `None` for a server.
    pub fn sqlite_path(&self) -> Option<PathBuf> {
        if self.url.scheme() != "sqlite" {
            return None;
        }
        // The path of the URL is percent-encoded; a file URL knows how to decode it.
        url::Url::parse(&format!("file://{}", self.url.path())).ok()?.to_file_path().ok()
    }
}

/// Web access logs to extract from.
#[derive(Debug, Clone)]
pub struct WeblogSource {
    pub name: String,
    /// Paths or globs, relative to the project or absolute.
    pub files: Vec<String>,
    pub country: CountrySource,
    /// Formats tried in order for each line: `combined`, `common`, `vhost_combined`,
    /// `combinedio`, `main`, or Apache's or nginx's own notation. Empty means the first three.
    pub formats: Vec<String>,
    /// Where each of `formats` is declared.
    pub format_places: Vec<Place>,
    /// Kinds of devices: the first that stands in a user agent is its kind, else [`OTHER_DEVICE`].
    pub devices: Vec<String>,
    /// More columns that follow from the user agent, in their order behind the others.
    pub extra: Vec<Extra>,
    /// True when a pattern that matches no file is an error.
    pub require_files: bool,
    /// The fixed columns of an access log as a spec: landing `landing_weblog.access`,
    /// store `store_weblog.access`.
    pub table: TableSpec,
}

/// Where the country of an address comes from.
#[derive(Debug, Clone)]
pub enum CountrySource {
    /// A CSV of `first address, last address, country code`; absolute path.
    Table(PathBuf),
    /// A MaxMind or IPinfo `.mmdb`; absolute path.
    Mmdb(PathBuf),
    /// The IPinfo API.
    Ipinfo { url: url::Url, token: Option<Secret> },
}

/// A value that is never shown: Debug and Display print dots, nothing serializes it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: impl Into<String>) -> Secret {
        Secret(value.into())
    }

    /// The value, for the one call that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("••••")
    }
}

impl std::fmt::Display for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("••••")
    }
}
