//! Small texts of a configuration: variables, sizes, durations, names, paths. Pure.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

/// Longest name Redshift keeps; a longer one is cut silently there.
const NAME_BYTES: usize = 127;

/// A text with its `${VAR}` filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expanded {
    pub text: String,
    /// The bytes of `text` that came from variables.
    pub filled: Vec<Range<usize>>,
}

impl Expanded {
    /// True when every byte of `range` came from a variable.
    pub fn is_filled(&self, range: Range<usize>) -> bool {
        range.into_iter().all(|byte| self.filled.iter().any(|filled| filled.contains(&byte)))
    }
}

/// What is wrong with the `${...}` of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum VariableMistake {
    Unset(String),
    /// `${` without a name and a closing brace.
    Malformed,
}

/// Fills in `${VAR}`; `$${` stands for `${` itself. Reports every mistake, never a value.
pub(super) fn expand(
    raw: &str,
    environment: &BTreeMap<String, String>,
) -> Result<Expanded, Vec<VariableMistake>> {
    let mut expanded = Expanded { text: String::with_capacity(raw.len()), filled: Vec::new() };
    let mut mistakes = Vec::new();
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            expanded.text.push_str(before);
            expanded.text.push_str("${");
            rest = after;
            continue;
        }
        expanded.text.push_str(before);
        let Some((name, after)) = after.split_once('}').filter(|(name, _)| is_variable(name))
        else {
            mistakes.push(VariableMistake::Malformed);
            rest = after;
            continue;
        };
        match environment.get(name) {
            Some(value) => {
                let start = expanded.text.len();
                expanded.text.push_str(value);
                expanded.filled.push(start..expanded.text.len());
            }
            None => mistakes.push(VariableMistake::Unset(name.to_string())),
        }
        rest = after;
    }
    expanded.text.push_str(rest);
    if mistakes.is_empty() { Ok(expanded) } else { Err(mistakes) }
}

/// True for the name of an environment variable.
pub(super) fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// True for a lower snake case name that Redshift, Parquet and paths all take as it is.
pub(super) fn is_name(name: &str) -> bool {
    name.len() <= NAME_BYTES
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// The nearest lower snake case name: `Order No.` is `order_no`. Never empty.
pub(super) fn to_name(text: &str) -> String {
    let mut name = String::new();
    let mut lower_before = false;
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || c == '_' {
            if c.is_ascii_uppercase() && lower_before {
                name.push('_');
            }
            lower_before = c.is_ascii_lowercase() || c.is_ascii_digit();
            name.push(c.to_ascii_lowercase());
        } else {
            lower_before = false;
            if !name.is_empty() && !name.ends_with('_') {
                name.push('_');
            }
        }
    }
    let name = name.trim_end_matches('_');
    let name = match name.chars().next() {
        None => "column".to_string(),
        Some(first) if first.is_ascii_digit() => format!("_{name}"),
        Some(_) => name.to_string(),
    };
    // ASCII by now, so every byte is a place to cut at.
    name.chars().take(NAME_BYTES).collect()
}

/// Bytes of `512MB`, `2 GiB`, `65536`: decimal units by thousands, binary ones by 1024.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = split_number(text)?;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// Seconds of `90s`, `2m`, `1h`, `3d`; a unit is required, since seconds and minutes are both
/// what people mean by a bare number.
pub(super) fn parse_duration(text: &str) -> Option<u64> {
    let (number, unit) = split_number(text)?;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    number.checked_mul(factor)
}

fn split_number(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.trim_start()))
}

/// The path `text` under `root`, or what is wrong with it.
pub(super) fn resolve_path(root: &Path, text: &str) -> Result<PathBuf, &'static str> {
    if text.is_empty() {
        return Err("is empty");
    }
    if text.contains('\0') {
        return Err("holds a NUL character");
    }
    if text == "~" || text.starts_with("~/") {
        return Err("starts with `~`, which only a shell understands");
    }
    Ok(root.join(text))
}

/// As [`resolve_path`], for folders Landfall writes to: `..` is refused, since what it means
/// changes with symbolic links and it can lead out of the project.
pub(super) fn resolve_output(root: &Path, text: &str) -> Result<PathBuf, &'static str> {
    let path = resolve_path(root, text)?;
    if Path::new(text).components().any(|part| part == Component::ParentDir) {
        return Err("leads out of the project with `..`");
    }
    Ok(path)
}

/// Decodes `%20`; `None` where the escapes or the bytes behind them are broken.
pub(super) fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let high = char::from(rest.next()?).to_digit(16)?;
        let low = char::from(rest.next()?).to_digit(16)?;
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn environment() -> BTreeMap<String, String> {
        BTreeMap::from([("HOST".into(), "db".into()), ("PASS".into(), "p".into())])
    }

    #[test]
    fn variables_are_filled_and_remembered() {
        let got = expand("mysql://u:${PASS}@${HOST}/x $${HOST} $5", &environment()).expect("set");
        assert_eq!(got.text, "mysql://u:p@db/x ${HOST} $5");
        assert!(got.is_filled(10..11));
        assert!(!got.is_filled(9..11));
    }

    #[test]
    fn every_variable_mistake_is_told_at_once() {
        assert_eq!(
            expand("${NOPE}${HOST}${}${ALSO_NOT}${", &environment()),
            Err(vec![
                VariableMistake::Unset("NOPE".into()),
                VariableMistake::Malformed,
                VariableMistake::Unset("ALSO_NOT".into()),
                VariableMistake::Malformed,
            ])
        );
    }

    #[test]
    fn sizes_and_durations_need_known_units() {
        for (text, want) in [
            ("512MB", Some(512_000_000)),
            ("1 GiB", Some(1_073_741_824)),
            ("64", Some(64)),
            ("12XB", None),
            ("-5MB", None),
            ("", None),
            ("99999999999999999999MB", None),
            ("18446744073709551615TB", None),
        ] {
            assert_eq!(parse_size(text), want, "{text}");
        }
        for (text, want) in [
            ("120s", Some(120)),
            ("2m", Some(120)),
            ("1 h", Some(3_600)),
            ("2d", Some(172_800)),
            ("120", None),
            ("1.5h", None),
            ("s", None),
        ] {
            assert_eq!(parse_duration(text), want, "{text}");
        }
    }

    #[test]
    fn names_are_lower_snake_case() {
        for (text, want) in [
            ("Order No.", "order_no"),
            ("orderLineNo", "order_line_no"),
            ("2nd", "_2nd"),
            ("prix (€)", "prix"),
            ("€", "column"),
            ("ID", "id"),
        ] {
            assert_eq!(to_name(text), want, "{text}");
        }
    }

    #[test]
    fn outputs_stay_where_they_are_seen() {
        let root = Path::new("/p");
        assert_eq!(resolve_output(root, "landing"), Ok(PathBuf::from("/p/landing")));
        assert_eq!(resolve_output(root, "/big/disk"), Ok(PathBuf::from("/big/disk")));
        for text in ["", "..", "a/../../b", "/x/../y", "~/x", "a\0b"] {
            assert!(resolve_output(root, text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gets_a_name_and_no_panic(text in ".{0,200}") {
            prop_assert!(is_name(&to_name(&text)));
            let _ = expand(&text, &environment());
            let _ = parse_size(&text);
            let _ = parse_duration(&text);
            let _ = percent_decode(&text);
        }

        #[test]
        fn text_without_variables_stays(text in "[^$]{0,80}") {
            prop_assert_eq!(expand(&text, &environment()).expect("plain").text, text);
        }
    }
}
