//! Regular expressions: the REGEXP functions and the pattern of SIMILAR TO. No look-around, no back-references.
//!
//! Source: REGEXP_COUNT, REGEXP_INSTR, REGEXP_REPLACE, REGEXP_SUBSTR, r_patternmatching_conditions-similar-to.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::ScalarUDF;
use regex::{Regex, RegexBuilder};

use super::strings::build;
use super::udf::{Args, Function, Kind, udf};

const T: Kind = Kind::Text;
const I: Kind = Kind::Int;

pub fn all() -> Vec<Arc<ScalarUDF>> {
    let text = |name, params, optional, run| {
        udf(Function {
            name,
            params,
            optional,
            variadic: false,
            returns: |_| Ok(DataType::Utf8View),
            run,
        })
    };
    let number = |name, params, optional, run| {
        udf(Function {
            name,
            params,
            optional,
            variadic: false,
            returns: |_| Ok(DataType::Int32),
            run,
        })
    };
    vec![
        text("regexp_substr", &[T, T, I, I, T], 3, regexp_substr),
        text("regexp_replace", &[T, T, T, I, T], 3, regexp_replace),
        number("regexp_count", &[T, T, I, T], 2, regexp_count),
        number("regexp_instr", &[T, T, I, I, I, T], 4, regexp_instr),
        text("similar_pattern", &[T, T], 0, similar_pattern),
        text("like_pattern", &[T, T], 0, like_pattern),
    ]
}

/// Compiled once per pattern and parameters in a batch.
#[derive(Default)]
struct Patterns(HashMap<(String, String), Regex>);

impl Patterns {
    fn get(&mut self, pattern: &str, parameters: &str) -> Result<&Regex> {
        let key = (pattern.to_owned(), parameters.to_owned());
        if !self.0.contains_key(&key) {
            if let Some(other) = parameters.chars().find(|c| !"ciep".contains(*c)) {
                return exec_err!(
                    "`{other}` is not a parameter of a regular expression: use c, i, e or p"
                );
            }
            let regex = RegexBuilder::new(pattern)
                .case_insensitive(parameters.contains('i'))
                .build()
                .map_err(|_| match looks_around(pattern) {
                    true => exec_datafusion_err!(
                        "look-around and back-references are not supported locally: \"{pattern}\""
                    ),
                    false => exec_datafusion_err!("invalid regular expression \"{pattern}\""),
                })?;
            self.0.insert(key.clone(), regex);
        }
        self.0.get(&key).ok_or_else(|| exec_datafusion_err!("a regular expression is missing"))
    }
}

/// True for what PCRE has and the engine has not.
fn looks_around(pattern: &str) -> bool {
    let back = pattern.as_bytes().windows(2).any(|w| matches!(w, [b'\\', b'1'..=b'9']));
    back || ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|sign| pattern.contains(sign))
}

/// A text argument that may be left out.
fn optional_text(args: &Args, n: usize, i: usize, default: &'static str) -> Result<Option<String>> {
    if args.len() <= n {
        return Ok(Some(default.to_owned()));
    }
    Ok(args.text(n)?.get(i).map(str::to_owned))
}

/// A number that may be left out, 1 then.
fn optional_number(args: &Args, n: usize, i: usize) -> Result<Option<i64>> {
    if args.len() <= n {
        return Ok(Some(1));
    }
    Ok(args.primitive::<Int64Type>(n)?.get(i))
}

/// The position a search begins at; what is before the text begins with it.
fn position(args: &Args, n: usize, i: usize) -> Result<Option<usize>> {
    Ok(optional_number(args, n, i)?.map(|v| usize::try_from(v.max(1)).unwrap_or(usize::MAX)))
}

/// How many matches are passed over; `None` below the first.
fn skipped(occurrence: i64) -> Option<usize> {
    usize::try_from(occurrence.checked_sub(1)?).ok()
}

/// The byte where character `position` begins; `None` past the end.
fn start(text: &str, position: usize) -> Option<usize> {
    if position == 1 {
        return Some(0);
    }
    text.char_indices().nth(position - 1).map(|(i, _)| i)
}

/// REGEXP_SUBSTR: '' where nothing is found or the position is past the end; NULL for an occurrence
/// below 1 or above the number of characters.
fn regexp_substr(args: &Args) -> Result<ArrayRef> {
    let (texts, patterns) = (args.text(0)?, args.text(1)?);
    let mut compiled = Patterns::default();
    build(args.rows, |i, out| {
        let (Some(text), Some(pattern)) = (texts.get(i), patterns.get(i)) else { return Ok(None) };
        let (Some(position), Some(occurrence), Some(parameters)) =
            (position(args, 2, i)?, optional_number(args, 3, i)?, optional_text(args, 4, i, "")?)
        else {
            return Ok(None);
        };
        let regex = compiled.get(pattern, &parameters)?;
        let Some(skipped) = skipped(occurrence).filter(|n| *n < text.chars().count().max(1)) else {
            return Ok(None);
        };
        let Some(start) = start(text, position) else { return Ok(Some(())) };
        let rest = text.get(start..).unwrap_or_default();
        if parameters.contains('e') {
            let found = regex.captures_iter(rest).nth(skipped);
            let group = found.and_then(|c| c.get(1).or_else(|| c.get(0)).map(|m| m.as_str()));
            out.push_str(group.unwrap_or_default());
        } else if let Some(found) = regex.find_iter(rest).nth(skipped) {
            out.push_str(found.as_str());
        }
        Ok(Some(()))
    })
}

/// REGEXP_REPLACE: every match, from a position on; `$1` and `\1` name groups with PCRE.
fn regexp_replace(args: &Args) -> Result<ArrayRef> {
    let (texts, patterns) = (args.text(0)?, args.text(1)?);
    let mut compiled = Patterns::default();
    build(args.rows, |i, out| {
        let (Some(text), Some(pattern)) = (texts.get(i), patterns.get(i)) else { return Ok(None) };
        let (Some(with), Some(position), Some(parameters)) =
            (optional_text(args, 2, i, "")?, position(args, 3, i)?, optional_text(args, 4, i, "")?)
        else {
            return Ok(None);
        };
        let regex = compiled.get(pattern, &parameters)?;
        let start = start(text, position).unwrap_or(text.len());
        let (kept, rest) = text.split_at(start);
        out.push_str(kept);
        out.push_str(&regex.replace_all(rest, groups(&with).as_str()));
        Ok(Some(()))
    })
}

/// `$1` and `\1` as the crate wants them; any other `$` is itself.
fn groups(with: &str) -> String {
    let mut out = String::with_capacity(with.len());
    let mut chars = with.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('$' | '\\', Some(digit)) if digit.is_ascii_digit() => {
                out.push_str("${");
                out.push(*digit);
                out.push('}');
                chars.next();
            }
            ('$', _) => out.push_str("$$"),
            (other, _) => out.push(other),
        }
    }
    out
}

fn regexp_count(args: &Args) -> Result<ArrayRef> {
    let (texts, patterns) = (args.text(0)?, args.text(1)?);
    let mut compiled = Patterns::default();
    let out: Int32Array = (0..args.rows)
        .map(|i| {
            let (Some(text), Some(pattern)) = (texts.get(i), patterns.get(i)) else {
                return Ok(None);
            };
            let (Some(position), Some(parameters)) =
                (position(args, 2, i)?, optional_text(args, 3, i, "")?)
            else {
                return Ok(None);
            };
            let regex = compiled.get(pattern, &parameters)?;
            let Some(start) = start(text, position) else { return Ok(Some(0)) };
            let count = regex.find_iter(text.get(start..).unwrap_or_default()).count();
            Ok(Some(i32::try_from(count).unwrap_or(i32::MAX)))
        })
        .collect::<Result<_>>()?;
    Ok(Arc::new(out))
}

/// REGEXP_INSTR: where a match begins, or with option 1 the character after it; 0 if there is none.
fn regexp_instr(args: &Args) -> Result<ArrayRef> {
    let (texts, patterns) = (args.text(0)?, args.text(1)?);
    let mut compiled = Patterns::default();
    let out: Int32Array = (0..args.rows)
        .map(|i| {
            let (Some(text), Some(pattern)) = (texts.get(i), patterns.get(i)) else {
                return Ok(None);
            };
            let (Some(position), Some(occurrence), Some(parameters)) = (
                position(args, 2, i)?,
                optional_number(args, 3, i)?,
                optional_text(args, 5, i, "")?,
            ) else {
                return Ok(None);
            };
            let after = args.len() > 4 && args.primitive::<Int64Type>(4)?.get(i) == Some(1);
            let regex = compiled.get(pattern, &parameters)?;
            let (Some(start), Some(skipped)) = (start(text, position), skipped(occurrence)) else {
                return Ok(Some(0));
            };
            let rest = text.get(start..).unwrap_or_default();
            let found = regex.find_iter(rest).nth(skipped);
            let at = found.map(|m| start + if after { m.end() } else { m.start() });
            let place = at.map_or(0, |at| text.get(..at).unwrap_or_default().chars().count() + 1);
            Ok(Some(i32::try_from(place).unwrap_or(i32::MAX)))
        })
        .collect::<Result<_>>()?;
    Ok(Arc::new(out))
}

/// A pattern of LIKE with another escape, written with the backslash.
fn like_pattern(args: &Args) -> Result<ArrayRef> {
    let (patterns, escapes) = (args.text(0)?, args.text(1)?);
    super::strings::build(args.rows, |i, out| {
        let (Some(pattern), Some(escape)) = (patterns.get(i), escapes.get(i)) else {
            return Ok(None);
        };
        let mut signs = escape.chars();
        let (escape, None) = (signs.next(), signs.next()) else {
            return exec_err!("the escape of LIKE is one character");
        };
        let mut rest = pattern.chars();
        while let Some(sign) = rest.next() {
            let (escaped, sign) = match Some(sign) == escape {
                true => match rest.next() {
                    Some(next) => (true, next),
                    None => return exec_err!("LIKE pattern must not end with escape character"),
                },
                false => (false, sign),
            };
            if sign == '\\' || (escaped && "%_".contains(sign)) {
                out.push('\\');
            }
            out.push(sign);
        }
        Ok(Some(()))
    })
}

/// The pattern of SIMILAR TO as a regular expression over the whole text.
fn similar_pattern(args: &Args) -> Result<ArrayRef> {
    let escapes = args.text(1)?;
    let patterns = args.text(0)?;
    build(args.rows, |i, out| {
        let (Some(pattern), Some(escape)) = (patterns.get(i), escapes.get(i)) else {
            return Ok(None);
        };
        similar(out, pattern, escape.chars().next());
        Ok(Some(()))
    })
}

/// `%` is any text, `_` any character; `| * + ? {m,n} ( ) [ ]` are themselves; the rest is plain.
fn similar(out: &mut String, pattern: &str, escape: Option<char>) {
    out.push_str("^(?s:");
    let mut chars = pattern.chars();
    let mut in_set = false;
    while let Some(c) = chars.next() {
        match c {
            c if Some(c) == escape => {
                if let Some(next) = chars.next() {
                    out.push_str(&regex::escape(next.encode_utf8(&mut [0; 4])));
                }
            }
            '[' => {
                in_set = true;
                out.push(c);
            }
            ']' => {
                in_set = false;
                out.push(c);
            }
            c if in_set => out.push(c),
            '%' => out.push_str(".*"),
            '_' => out.push('.'),
            '|' | '*' | '+' | '?' | '{' | '}' | '(' | ')' => out.push(c),
            c => out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    out.push_str(")$");
}
