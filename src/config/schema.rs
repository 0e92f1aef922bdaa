//! The keys a project may have: one table per section. Pure data; it gives no key a meaning.

use crate::error::nearest;

/// What a value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Integer,
    Boolean,
    /// A list of strings.
    Texts,
}

impl Shape {
    /// In words, for messages.
    pub fn words(self) -> &'static str {
        match self {
            Shape::Text => "a string",
            Shape::Integer => "a whole number",
            Shape::Boolean => "true or false",
            Shape::Texts => "a list of strings",
        }
    }
}

pub(super) type Keys = &'static [(&'static str, Shape)];

pub(super) const SECTIONS: [&str; 4] = ["project", "sample", "source", "target"];

pub(super) const PROJECT: Keys = &[
    ("name", Shape::Text),
    ("target", Shape::Text),
    ("jobs", Shape::Integer),
    ("memory_limit", Shape::Text),
    ("fsync", Shape::Boolean),
    ("landing", Shape::Text),
    ("state", Shape::Text),
    ("catalog", Shape::Text),
    ("catalog_tls", Shape::Text),
    ("pres", Shape::Text),
    ("reports", Shape::Text),
];

/// What a `[target.NAME]` may say differently.
pub(super) const TARGET: Keys = &[
    ("jobs", Shape::Integer),
    ("memory_limit", Shape::Text),
    ("fsync", Shape::Boolean),
    ("landing", Shape::Text),
    ("state", Shape::Text),
    ("catalog", Shape::Text),
    ("catalog_tls", Shape::Text),
];

pub(super) const TARGETS: [&str; 2] = ["local", "redshift"];

pub(super) const SAMPLE: Keys =
    &[("seed", Shape::Integer), ("orders", Shape::Integer), ("log_lines", Shape::Integer)];

/// The keys of a source of either kind.
pub(super) const SOURCE: Keys = &[
    ("url", Shape::Text),
    ("timezone", Shape::Text),
    ("lag", Shape::Text),
    ("tls", Shape::Text),
    ("password", Shape::Text),
    ("password_env", Shape::Text),
    ("password_file", Shape::Text),
    ("password_command", Shape::Texts),
    ("files", Shape::Texts),
    ("formats", Shape::Texts),
    ("country", Shape::Text),
    ("devices", Shape::Texts),
    ("extra", Shape::Texts),
    ("require_files", Shape::Boolean),
    ("ipinfo_url", Shape::Text),
    ("token", Shape::Text),
    ("token_env", Shape::Text),
    ("token_file", Shape::Text),
    ("token_command", Shape::Texts),
];

/// Those of [`SOURCE`] that only a web log has; a database has all the others.
pub(super) const WEBLOG_ONLY: [&str; 11] = [
    "files",
    "formats",
    "country",
    "devices",
    "extra",
    "require_files",
    "ipinfo_url",
    "token",
    "token_env",
    "token_file",
    "token_command",
];

pub(super) const TABLE: Keys = &[
    ("name", Shape::Text),
    ("from", Shape::Text),
    ("key", Shape::Texts),
    ("extract", Shape::Text),
    ("watermark", Shape::Text),
    ("lookback", Shape::Text),
    ("where", Shape::Text),
    ("landing", Shape::Text),
    ("store", Shape::Text),
    ("columns", Shape::Texts),
];

/// The key as the schema spells it, with its shape.
pub(super) fn find(keys: Keys, name: &str) -> Option<(&'static str, Shape)> {
    keys.iter().find(|(key, _)| *key == name).copied()
}

/// What to write instead of the unknown `word`: the nearest of `known`, the section the word
/// does belong to, or all that is known.
pub(super) fn advice(word: &str, known: &[&'static str]) -> String {
    if let Some(near) = nearest(word, known.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    let homes: [(&str, Keys); 4] = [
        ("[project]", PROJECT),
        ("[sample]", SAMPLE),
        ("[source.NAME]", SOURCE),
        ("[[source.NAME.table]]", TABLE),
    ];
    match homes.iter().find(|(_, keys)| find(keys, word).is_some()) {
        Some((home, _)) => format!("`{word}` belongs under {home}"),
        None => format!("known here: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_prefers_a_slip_then_another_section() {
        assert_eq!(advice("watermrak", &["watermark", "where"]), "did you mean `watermark`?");
        assert_eq!(
            advice("memory_limit", &["watermark"]),
            "`memory_limit` belongs under [project]"
        );
        assert_eq!(advice("zebra", &["seed", "orders"]), "known here: seed, orders");
    }

    #[test]
    fn a_target_says_nothing_a_project_cannot() {
        for (key, shape) in TARGET {
            assert_eq!(find(PROJECT, key), Some((*key, *shape)));
        }
        for key in WEBLOG_ONLY {
            assert!(find(SOURCE, key).is_some(), "{key}");
        }
    }
}
