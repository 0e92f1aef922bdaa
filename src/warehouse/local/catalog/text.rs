//! Small values the catalog keeps as text: names in quotes, defaults, identity counters. Pure.

use crate::error::{Error, Result};
use crate::sql::quote_literal;
use crate::tables::TableName;
use crate::types::SqlType;

use super::Identity;

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(super) fn qualified(name: &TableName) -> String {
    format!("{}.{}", quoted(&name.schema), quoted(&name.table))
}

/// The column names of a view as DuckLake keeps them: `"a","b"`, empty when it names none.
pub(super) fn aliases(columns: &[String]) -> String {
    columns.iter().map(|c| quoted(c)).collect::<Vec<_>>().join(",")
}

/// Reads what [`aliases`] writes.
pub(super) fn parse_aliases(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut name = String::new();
    let mut inside = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if inside && chars.peek() == Some(&'"') => {
                chars.next();
                name.push('"');
            }
            '"' if inside => {
                inside = false;
                names.push(std::mem::take(&mut name));
            }
            '"' => inside = true,
            c if inside => name.push(c),
            _ => {}
        }
    }
    names
}

/// The value of a default that every reader understands: a plain string, number or truth value.
/// DuckLake keeps it bare, and keeps no default as `NULL`.
pub(super) fn literal(default: &str) -> Option<String> {
    let default = default.trim();
    if let Some(inner) = default.strip_prefix('\'').and_then(|d| d.strip_suffix('\'')) {
        let alone = !inner.replace("''", "").contains('\'');
        let plain = || inner.replace("''", "'").replace("\\\\", "\\");
        return (alone && inner != "NULL").then(plain);
    }
    is_bare(default).then(|| default.to_ascii_lowercase())
}

/// A bare literal as a Redshift expression.
pub(super) fn parse_literal(text: &str, ty: SqlType) -> Option<String> {
    let is_text = matches!(ty, SqlType::Char(_) | SqlType::Varchar(_));
    match text {
        "NULL" => None,
        bare if is_bare(bare) && !is_text => Some(bare.to_string()),
        text => Some(quote_literal(text)),
    }
}

fn is_bare(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let number = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
        && digits.matches('.').count() <= 1;
    number || text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")
}

/// The tag an identity is kept as.
pub(super) fn identity_tag(identity: &Identity) -> String {
    let by_default = if identity.by_default { ",default" } else { "" };
    format!("{},{},{}{by_default}", identity.seed, identity.step, identity.next)
}

pub(super) fn parse_identity(text: &str) -> Result<Identity> {
    let parts: Vec<&str> = text.split(',').collect();
    let number = |i: usize| parts.get(i).and_then(|p| p.parse::<i64>().ok());
    match (number(0), number(1), number(2)) {
        (Some(seed), Some(step), Some(next)) => {
            Ok(Identity { seed, step, next, by_default: parts.get(3) == Some(&"default") })
        }
        _ => Err(Error::failed("catalog/identity", format!("tag `{text}` is not an identity"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_come_back() {
        for names in [&[][..], &["a"], &["q r", "say \"x\"", "a,b"]] {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            assert_eq!(parse_aliases(&aliases(&names)), names);
        }
        assert_eq!(aliases(&["q r".into(), "z".into()]), "\"q r\",\"z\"", "as DuckDB writes it");
    }

    #[test]
    fn only_plain_literals_are_left_to_other_readers() {
        for (default, kept) in [
            ("'x'", Some("x")),
            ("'it''s'", Some("it's")),
            (r"'a\\b'", Some(r"a\b")),
            ("'a' || 'b'", None),
            ("'NULL'", None),
            ("-1.50", Some("-1.50")),
            ("1-2", None),
            ("TRUE", Some("true")),
            ("sysdate", None),
            ("getdate()", None),
        ] {
            assert_eq!(literal(default).as_deref(), kept, "{default}");
        }
        let text = SqlType::Varchar(10);
        assert_eq!(parse_literal("it's", text).as_deref(), Some("'it''s'"));
        assert_eq!(parse_literal(r"a\b", text).as_deref(), Some(r"'a\\b'"));
        assert_eq!(parse_literal("007", text).as_deref(), Some("'007'"));
        assert_eq!(parse_literal("7", SqlType::Integer).as_deref(), Some("7"));
        assert_eq!(parse_literal("2021-01-01", SqlType::Date).as_deref(), Some("'2021-01-01'"));
        assert_eq!(parse_literal("NULL", text), None);
    }
}
