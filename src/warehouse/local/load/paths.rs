//! JSONPaths: where in a JSON object or array the value of each column stands. It reads no file.
//!
//! Source: copy-usage_notes-copy-from-json, copy-parameters-data-format: dots or brackets, not both in
//! one file, array elements by their number from 0, nothing that could mean several elements.

use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, Result};

/// The path to one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    At(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Notation {
    Dots,
    Brackets,
}

#[derive(Deserialize)]
struct File {
    jsonpaths: Vec<String>,
}

/// The paths of a file of JSONPaths; `None` where its key is another, which means `'auto'`.
///
/// Errors: `sql/jsonpaths` for what is no such file, for a path Redshift does not read, and for more
/// or fewer paths than `columns`.
pub fn of_file(text: &[u8], columns: usize) -> Result<Option<Vec<Path>>> {
    let object: serde_json::Map<String, Value> = serde_json::from_slice(text).map_err(|cause| {
        Error::failed("sql/jsonpaths", "the file of JSONPaths is no JSON object").because(cause)
    })?;
    if !object.contains_key("jsonpaths") {
        return Ok(None);
    }
    let File { jsonpaths } = serde_json::from_value(Value::Object(object)).map_err(|cause| {
        Error::failed("sql/jsonpaths", "`jsonpaths` is no array of texts").because(cause)
    })?;
    let mut notation = None;
    let mut paths = Vec::with_capacity(jsonpaths.len());
    for written in &jsonpaths {
        let path = parse(written, &mut notation).ok_or_else(|| {
            Error::failed("sql/jsonpaths", format!("invalid JSONPath `{written}`"))
                .hint("write all of them as $.key.key[0] or all as $['key']['key'][0]")
        })?;
        paths.push(path);
    }
    if paths.len() != columns {
        let says = format!("{} JSONPaths for {columns} columns", paths.len());
        return Err(Error::failed("sql/jsonpaths", says)
            .hint("give each column of the table, or of the list after its name, one path"));
    }
    Ok(Some(paths))
}

/// `notation`: the one of the paths before.
fn parse(written: &str, notation: &mut Option<Notation>) -> Option<Path> {
    let mut rest = written.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (step, by, after) = if let Some(key) = rest.strip_prefix("['") {
            let (key, after) = key.split_once("']")?;
            (Step::Key(key.to_owned()), Some(Notation::Brackets), after)
        } else if let Some(number) = rest.strip_prefix('[') {
            let (number, after) = number.split_once(']')?;
            let digits = number.bytes().all(|b| b.is_ascii_digit());
            let at = number.parse().ok().filter(|_| digits)?;
            (Step::At(at), None, after)
        } else {
            let key = rest.strip_prefix('.')?;
            let (key, after) = key.split_at(key.find(['.', '[']).unwrap_or(key.len()));
            let plain = !key.is_empty() && key != "*" && !key.contains(['\'', ']']);
            (Step::Key(key.to_owned()), Some(plain.then_some(Notation::Dots)?), after)
        };
        if let Some(by) = by
            && *notation.get_or_insert(by) != by
        {
            return None;
        }
        steps.push(step);
        rest = after;
    }
    Some(Path(steps))
}

impl Path {
    /// The value at the end of the path, if there is one.
    pub fn of<'v>(&self, root: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(root, |value, step| match step {
            Step::Key(key) => value.get(key),
            Step::At(index) => value.get(index),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, json: &str) -> Option<String> {
        let root: Value = serde_json::from_str(json).expect("JSON");
        let path = parse(path, &mut None).expect("a path");
        path.of(&root).map(ToString::to_string)
    }

    #[test]
    fn a_path_leads_to_one_value() {
        let book = r#"{"id": 7, "a.b": 1, "store": {"book": {"title": "x"}}, "at": [1, [2, 3]]}"#;
        for (path, value) in [
            ("$.id", Some("7")),
            ("$['id']", Some("7")),
            ("$['a.b']", Some("1")),
            ("$.store.book.title", Some("\"x\"")),
            ("$['store']['book']", Some("{\"title\":\"x\"}")),
            ("$.at[1][0]", Some("2")),
            ("$['at'][1]", Some("[2,3]")),
            ("$.store.shelf.title", None),
            ("$.at[7]", None),
            ("$.id[0]", None),
        ] {
            assert_eq!(found(path, book).as_deref(), value, "{path}");
        }
        assert_eq!(found("$[1]", "[5, 6]").as_deref(), Some("6"));
    }

    #[test]
    fn what_redshift_does_not_read_is_refused() {
        for path in
            ["id", "$id", "$.", "$.a..b", "$.*", "$.a[*]", "$.a[-1]", "$['a", "$.a'b", "$.a]"]
        {
            assert_eq!(parse(path, &mut None), None, "{path}");
        }
        let file = |text: &str, columns| of_file(text.as_bytes(), columns);
        assert!(file(r#"{"jsonpaths": ["$.a", "$.b"]}"#, 2).is_ok_and(|paths| paths.is_some()));
        assert!(file(r#"{"paths": ["$.a"]}"#, 1).is_ok_and(|paths| paths.is_none()));
        for (text, columns) in [
            ("[]", 1),
            (r#"{"jsonpaths": "$.a"}"#, 1),
            (r#"{"jsonpaths": ["$.a"]}"#, 2),
            (r#"{"jsonpaths": ["$.a", "$['b']"]}"#, 2),
        ] {
            let code = file(text, columns).map_err(|e| e.code().to_owned());
            assert_eq!(code, Err("sql/jsonpaths".to_owned()), "{text}");
        }
    }
}
