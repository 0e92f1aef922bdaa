//! One column of a table spec as text: `name type [not null] [from "Source Name"]`. Pure.
//!
//! ```text
//! order_no varchar(16) not null
//! unit_price decimal(10,2) from "Unit Price"
//! ```

use super::text;
use crate::error::Error;
use crate::tables::{ColumnSpec, ETL_CREATED, ETL_UPDATED, SEQUENCE_COLUMN};
use crate::types::SqlType;

/// Reads a column.
///
/// The name comes back even when the rest is wrong, so that a mistake in a type is not told
/// again for every key that names the column.
pub(super) fn parse(declared: &str) -> (Option<String>, Result<ColumnSpec, Error>) {
    let bad = |message: String| {
        Error::config("config/column", message)
            .hint("write a column as `name type [not null] [from \"Source Name\"]`")
    };
    let words = match words(declared) {
        Ok(words) => words,
        Err(why) => return (None, Err(bad(format!("column `{declared}` {why}")))),
    };
    let Some((name, rest)) = words.split_first() else {
        return (None, Err(bad("a column is empty".to_string())));
    };
    if !text::is_name(name) {
        let right = text::to_name(name.trim_matches('"'));
        let error = Error::config(
            "config/name",
            format!("column name `{name}` is not lower snake case, up to 127 characters"),
        )
        .hint(format!("write `{right} ... from \"{}\"`", name.trim_matches('"')));
        return (Some(name.to_ascii_lowercase()), Err(error));
    }
    let spec = reserved(name).map_or_else(|| spec(name, rest, bad), Err);
    (Some(name.clone()), spec)
}

fn spec(name: &str, rest: &[String], bad: impl Fn(String) -> Error) -> Result<ColumnSpec, Error> {
    let from = rest.iter().position(|word| word.eq_ignore_ascii_case("from"));
    let (before, source_name) = match from.map(|at| rest.split_at(at)) {
        None => (rest, None),
        Some((before, [_, source])) => (before, Some(unquote(source))),
        Some(_) => {
            return Err(bad(format!("column `{name}` needs one source name after `from`")));
        }
    };
    if source_name.as_deref() == Some("") {
        return Err(bad(format!("column `{name}` has an empty source name")));
    }
    let ends = |tail: &[&str]| {
        before.len() >= tail.len()
            && before[before.len() - tail.len()..]
                .iter()
                .zip(tail)
                .all(|(word, want)| word.eq_ignore_ascii_case(want))
    };
    let (ty, not_null) = if ends(&["not", "null"]) {
        (&before[..before.len() - 2], true)
    } else if ends(&["null"]) {
        (&before[..before.len() - 1], false)
    } else {
        (before, false)
    };
    if ty.is_empty() {
        return Err(bad(format!("column `{name}` has no type")));
    }
    let ty = SqlType::parse(&ty.join(" ")).map_err(|e| e.about(format!("column `{name}`")))?;
    let source_name = source_name.filter(|source| source != name);
    Ok(ColumnSpec { name: name.to_string(), source_name, ty, not_null })
}

/// A column as text; [`parse`] reads it back.
pub(super) fn render(column: &ColumnSpec) -> String {
    let mut text = format!("{} {}", column.name, column.ty);
    if column.not_null {
        text.push_str(" not null");
    }
    if let Some(source) = &column.source_name {
        text.push_str(&format!(" from \"{}\"", source.replace('"', "\"\"")));
    }
    text
}

fn reserved(name: &str) -> Option<Error> {
    [SEQUENCE_COLUMN, ETL_CREATED, ETL_UPDATED].contains(&name).then(|| {
        Error::config("config/name", format!("`{name}` is a column Landfall adds itself"))
            .hint("give it another name: `name type from \"Source Name\"`")
    })
}

/// Cuts at blanks outside of quotes and brackets.
fn words(text: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut quoted, mut depth) = (false, 0u32);
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.checked_sub(1).ok_or("has a `)` too many")?,
            _ => {}
        }
        if c.is_whitespace() && !quoted && depth == 0 {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
        } else {
            word.push(c);
        }
    }
    if quoted {
        return Err("has an open quote");
    }
    if depth > 0 {
        return Err("has an open bracket");
    }
    if !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}

fn unquote(word: &str) -> String {
    match word.strip_prefix('"').and_then(|w| w.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => word.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_form_is_read() {
        for (text, want) in [
            ("order_no varchar(16) not null", "order_no varchar(16) not null"),
            ("  price   DECIMAL( 10 , 2 )  ", "price decimal(10,2)"),
            ("d double precision null", "d double precision"),
            ("at timestamp without time zone NOT NULL", "at timestamp not null"),
            ("no int from \"Order \"\"No\"\"\"", "no integer from \"Order \"\"No\"\"\""),
            ("no int not null from OrderNo", "no integer not null from \"OrderNo\""),
            ("no int from no", "no integer"),
        ] {
            let (_, column) = parse(text);
            assert_eq!(render(&column.expect(text)), want);
        }
    }

    #[test]
    fn every_mistake_has_its_code_and_keeps_the_name() {
        for (text, code, name) in [
            ("", "config/column", None),
            ("order_no", "config/column", Some("order_no")),
            ("order_no not null", "config/column", Some("order_no")),
            ("a int from", "config/column", Some("a")),
            ("a int from b c", "config/column", Some("a")),
            ("a int from \"\"", "config/column", Some("a")),
            ("a int from \"b", "config/column", None),
            ("a varchar(3", "config/column", None),
            ("a int)", "config/column", None),
            ("OrderNo int", "config/name", Some("orderno")),
            ("etl_created_datetime timestamp", "config/name", Some("etl_created_datetime")),
            ("a tinyint", "types/unknown", Some("a")),
            ("a int default 0", "types/unknown", Some("a")),
        ] {
            let (got, column) = parse(text);
            assert_eq!(column.expect_err(text).code(), code, "{text}");
            assert_eq!(got.as_deref(), name, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,60}") {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_rendered_is_read_back(
            name in "[a-z_][a-z0-9_]{0,20}",
            source_name in proptest::option::of("[^\\x00]{1,20}"),
            not_null: bool,
            scale in 0i8..=10,
        ) {
            prop_assume!(reserved(&name).is_none());
            let source_name = source_name.filter(|s| *s != name);
            let ty = SqlType::Decimal { precision: 20, scale };
            let column = ColumnSpec { name, source_name, ty, not_null };
            prop_assert_eq!(parse(&render(&column)).1.expect("rendered"), column);
        }
    }
}
