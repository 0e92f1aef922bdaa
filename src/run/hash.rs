//! Input hashes: what a task's result depends on, as one word. Pure.
//!
//! A done task is skipped only while its hash is the same: the spec, the SQL text, the version of
//! the landing format, and the hashes of everything upstream.

use sha2::{Digest, Sha256};

use crate::config::{CountrySource, Source};
use crate::tables::{Extract, TableSpec};

/// Grows when the same input would be landed as other files: types, encodings, file layout.
const LANDING_FORMAT: u32 = 1;

/// Collects the inputs of one task. Each part is framed by its length, so that no two lists of
/// parts read alike.
pub struct InputHash(Sha256);

impl InputHash {
    /// Begins with the kind of task: `land`, `store`.
    pub fn new(kind: &str) -> InputHash {
        let mut hash = InputHash(Sha256::new());
        hash.add(kind);
        hash
    }

    pub fn add(&mut self, part: &str) -> &mut InputHash {
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part.as_bytes());
        self
    }

    /// The hash: 64 hexadecimal digits.
    pub fn word(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The hash of a land task: what is read, from where, and how it is landed.
///
/// The password is no part of it, nor is the window, which never changes within a sequence.
pub fn land(source: &Source, spec: &TableSpec) -> String {
    let mut hash = InputHash::new("land");
    hash.add(&LANDING_FORMAT.to_string());
    match source {
        Source::Database(database) => {
            hash.add(database.url.as_str()).add(database.timezone.name());
        }
        Source::Weblog(weblog) => {
            for list in [&weblog.files, &weblog.formats, &weblog.devices] {
                hash.add(&list.len().to_string());
                for word in list {
                    hash.add(word);
                }
            }
            hash.add(match &weblog.country {
                CountrySource::Table(_) => "table",
                CountrySource::Mmdb(_) => "mmdb",
                CountrySource::Ipinfo { .. } => "ipinfo",
            });
            hash.add(&match &weblog.country {
                CountrySource::Table(path) | CountrySource::Mmdb(path) => {
                    path.to_string_lossy().into_owned()
                }
                CountrySource::Ipinfo { url, .. } => url.to_string(),
            });
        }
    }
    add_spec(&mut hash, spec);
    hash.word()
}

fn add_spec(hash: &mut InputHash, spec: &TableSpec) {
    hash.add(&spec.source).add(&spec.name).add(&spec.from);
    hash.add(&spec.landing.to_string());
    hash.add(&spec.columns.len().to_string());
    for column in &spec.columns {
        hash.add(&column.name).add(column.in_source()).add(&column.ty.to_string());
        hash.add(if column.not_null { "not null" } else { "null" });
    }
    hash.add(&spec.key.len().to_string());
    for column in &spec.key {
        hash.add(column);
    }
    hash.add(spec.filter.as_deref().unwrap_or(""));
    match &spec.extract {
        Extract::Full => hash.add("full"),
        Extract::Incremental { watermark, lookback_seconds } => {
            hash.add("incremental").add(watermark).add(&lookback_seconds.to_string())
        }
    };
}

/// The hash of a task that runs SQL: its texts and the hashes of what it waits for.
pub fn sql<'a>(
    kind: &str,
    texts: impl IntoIterator<Item = &'a str>,
    upstream: impl IntoIterator<Item = &'a str>,
) -> String {
    let mut hash = InputHash::new(kind);
    for text in texts {
        hash.add(text);
    }
    hash.add("upstream");
    for word in upstream {
        hash.add(word);
    }
    hash.word()
}

#[cfg(test)]
mod tests {
    use super::super::graph::tests::spec;
    use super::*;
    use crate::config::{DatabaseSource, Secret};
    use crate::error::Place;
    use crate::tables::ColumnSpec;
    use crate::types::SqlType;

    fn source(url: &str, password: Option<&str>) -> Source {
        Source::Database(DatabaseSource {
            name: "m".into(),
            url: url::Url::parse(url).expect("a URL"),
            password: password.map(Secret::new),
            timezone: chrono_tz::UTC,
            lag_seconds: 120,
            tls_off: false,
            tables: Vec::new(),
        })
    }

    #[test]
    fn a_land_hash_moves_with_what_is_landed_and_with_nothing_else() {
        let base = spec("m", "t");
        let from = source("mysql://h/db", None);
        let hash = land(&from, &base);
        assert_eq!(hash.len(), 64);

        assert_eq!(land(&source("mysql://h/db", Some("secret")), &base), hash);
        let moved = TableSpec { place: Place::new("landfall.toml", 99, 1), ..base.clone() };
        assert_eq!(land(&from, &moved), hash);

        assert_ne!(land(&source("mysql://other/db", None), &base), hash);
        let column = ColumnSpec {
            name: "a".into(),
            source_name: None,
            ty: SqlType::Integer,
            not_null: false,
        };
        let changes = [
            TableSpec { filter: Some("a > 1".into()), ..base.clone() },
            TableSpec { columns: vec![column.clone()], ..base.clone() },
            TableSpec { key: vec!["other".into()], ..base.clone() },
            TableSpec {
                extract: Extract::Incremental { watermark: "at".into(), lookback_seconds: 0 },
                ..base.clone()
            },
            TableSpec { from: "other".into(), ..base.clone() },
        ];
        let mut seen = vec![hash];
        for changed in &changes {
            let hash = land(&from, changed);
            assert!(!seen.contains(&hash), "{changed:?}");
            seen.push(hash);
        }
    }

    #[test]
    fn sql_hashes_move_with_text_and_upstream() {
        let base = sql("pres", ["select 1"], ["aa", "bb"]);
        assert_eq!(base, sql("pres", ["select 1"], ["aa", "bb"]));
        for other in [
            sql("pres", ["select 2"], ["aa", "bb"]),
            sql("pres", ["select 1"], ["aa", "cc"]),
            sql("pres", ["select 1"], ["aabb"]),
            sql("pres", ["select", " 1"], ["aa", "bb"]),
            sql("report", ["select 1"], ["aa", "bb"]),
        ] {
            assert_ne!(base, other);
        }
    }
}
