//! Log formats in Apache's or nginx's own notation, and the strict reading of a line by them. Pure.
//!
//! This reader alone decides what is a good line; the fast path of [`super::scan`] accepts a
//! subset of what it accepts. It is linear in the line. The grammar of a declared format:
//! - text of the format stands in the line as it is;
//! - a field between quotes runs to the first quote without a backslash before it;
//! - a field between brackets runs to the first `]`;
//! - a field whose value may hold spaces (a request, a user agent, a time) and that stands between
//!   neither ends at the byte that follows it, a tab for example, or at the end of the line;
//! - any other field has at least one byte, no space, and ends before the text that follows it;
//!   an address may be a list `client, proxy`, as `X-Forwarded-For` writes it, and so may what
//!   nginx says of the servers behind it;
//! - a `\r` before the newline is dropped.
//!
//! A user name with a space is not told apart from a stray field, so such a line is rejected.
//! Fields that no column holds (`%v`, `%D`, `$request_time`) are read over.

mod notation;
mod variables;

use super::line::{self, Line, LineError};
use crate::error::{Error, Result};

/// Apache's common names, in the order lines are tried when no format is declared.
pub const NAMED: [(&str, &str); 3] = [
    ("combined", r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#),
    ("common", r#"%h %l %u %t "%r" %>s %b"#),
    ("vhost_combined", r#"%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i""#),
];

/// More names that may be declared. They are not tried unasked: after a user agent with a bare
/// quote the rest of a combined line can look like one more field.
pub const MORE_NAMED: [(&str, &str); 2] = [
    ("combinedio", r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %I %O"#),
    (
        "main",
        r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_forwarded_for""#,
    ),
];

/// A compiled format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Text(Vec<u8>),
    Take(Field, Until),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Address,
    Identity,
    Username,
    Timestamp,
    Request,
    Status,
    Size,
    Referer,
    UserAgent,
    /// An address of second choice: what a proxy says of its client, or the proxy itself.
    Forwarded,
    /// A time of second choice: `2000-10-10T13:55:36-07:00`.
    IsoTime,
    /// Of no column.
    Other,
    /// Of no column: one value, or several with `, ` between them.
    Others,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    Quote,
    Bracket,
    /// This byte; the field holds no space.
    Byte(u8),
    /// This byte; the field may hold spaces.
    Text(u8),
    /// The end of the line; the field holds no space.
    End,
    /// The end of the line; the field may hold spaces.
    LineEnd,
}

impl Field {
    fn name(self) -> &'static str {
        match self {
            Field::Address | Field::Forwarded => "an address",
            Field::Identity => "an identity",
            Field::Username => "a user name",
            Field::Timestamp | Field::IsoTime => "a timestamp",
            Field::Request => "a request",
            Field::Status => "a status",
            Field::Size => "a size",
            Field::Referer => "a referer",
            Field::UserAgent => "a user agent",
            Field::Other | Field::Others => "a field",
        }
    }
}

/// The formats a source declares, tried in order for each line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Formats {
    formats: Vec<Format>,
    /// True when the first format is `combined`, which the fast path reads.
    pub combined_first: bool,
}

impl Formats {
    /// Compiles declared formats: names of [`NAMED`] and [`MORE_NAMED`], or notation; all of
    /// [`NAMED`] when empty.
    ///
    /// Errors: `weblog/format`, naming the format, what is wrong with it and where.
    pub fn compile(declared: &[String]) -> Result<Formats> {
        let texts: Vec<&str> = if declared.is_empty() {
            NAMED.iter().map(|(_, text)| *text).collect()
        } else {
            declared.iter().map(|text| notation(text)).collect()
        };
        let formats = texts.iter().map(|text| Format::compile(text)).collect::<Result<Vec<_>>>()?;
        let combined_first = texts.first() == Some(&NAMED[0].1);
        Ok(Formats { formats, combined_first })
    }

    /// Which of the formats reads the line, counted from 0.
    pub fn which(&self, line: &[u8]) -> Option<usize> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        self.formats.iter().position(|format| format.read(line).is_ok())
    }

    /// Reads one line, without its newline; the error is that of the format that got furthest.
    pub fn read<'t>(&self, line: &'t [u8]) -> Result<Line<'t>, LineError> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut furthest = LineError::Shape { at: 0 };
        for format in &self.formats {
            match format.read(line) {
                Ok(fields) => {
                    return match fields.too_long() {
                        None => Ok(fields),
                        Some(error) => Err(error),
                    };
                }
                Err(error) if error.reached() >= furthest.reached() => {
                    // of two that stop at one byte the first declared is the likelier one
                    if error.reached() > furthest.reached()
                        || furthest == (LineError::Shape { at: 0 })
                    {
                        furthest = error;
                    }
                }
                Err(_) => {}
            }
        }
        Err(furthest)
    }
}

fn notation(declared: &str) -> &str {
    let named = NAMED.iter().chain(&MORE_NAMED).find(|(name, _)| *name == declared.trim());
    named.map_or(declared, |(_, text)| *text)
}

impl Format {
    /// Compiles one format from Apache's (`%h ...`) or nginx's (`$remote_addr ...`) notation.
    pub fn compile(text: &str) -> Result<Format> {
        let steps = notation::steps(text).map_err(|mistake| {
            let hint = mistake.hint.unwrap_or_else(|| {
                "write it as in the server's configuration, or use combined, common, \
                 vhost_combined, combinedio or main"
                    .to_string()
            });
            let what = format!("log format `{text}` {}", mistake.why);
            Error::config("weblog/format", what).hint(hint)
        })?;
        Ok(Format { steps })
    }

    fn read<'t>(&self, line: &'t [u8]) -> Result<Line<'t>, LineError> {
        let mut fields = Line::default();
        let mut at = 0;
        let mut after_quote: Option<Field> = None;
        for (i, step) in self.steps.iter().enumerate() {
            let rest = line.get(at..).unwrap_or_default();
            match step {
                Step::Text(text) => {
                    let same = rest.iter().zip(text).take_while(|(a, b)| a == b).count();
                    if same < text.len() {
                        let next = self.steps.get(i + 1);
                        return Err(mismatch(text, same, at, after_quote, next));
                    }
                    at += text.len();
                    // the last text may be the quote that closes the last field
                    after_quote = after_quote.filter(|_| i + 1 == self.steps.len());
                }
                Step::Take(field, until) => {
                    let length = take(*field, *until, rest, at)?;
                    let value = rest.get(..length).unwrap_or_default();
                    store(&mut fields, *field, value, at)?;
                    at += length;
                    after_quote = (*until == Until::Quote).then_some(*field);
                }
            }
        }
        match (line.get(at), after_quote) {
            (None, _) => Ok(fields),
            (Some(byte), Some(field)) if *byte != b' ' => {
                Err(LineError::BareQuote { field: field.name(), at })
            }
            _ => Err(LineError::Trailing { at }),
        }
    }
}

/// Why the format's text `text` is not at byte `at`, `same` bytes of it being there.
fn mismatch(
    text: &[u8],
    same: usize,
    at: usize,
    after_quote: Option<Field>,
    next: Option<&Step>,
) -> LineError {
    let stop = at + same;
    match (after_quote, text.get(same), next) {
        // the closing quote itself is there, what follows it is not the format's
        (Some(field), _, _) if same >= 1 => LineError::BareQuote { field: field.name(), at },
        (_, Some(b'['), _) => LineError::NoBrackets { at: stop },
        (_, Some(b'"'), Some(Step::Take(field, Until::Quote))) => {
            LineError::NoQuotes { field: field.name(), at: stop }
        }
        (_, _, Some(Step::Take(field, _))) => {
            LineError::MissingField { field: field.name(), at: stop }
        }
        _ => LineError::Shape { at: stop },
    }
}

/// How many bytes of `rest`, which starts at byte `at` of the line, belong to a field.
fn take(field: Field, until: Until, rest: &[u8], at: usize) -> Result<usize, LineError> {
    let missing = LineError::MissingField { field: field.name(), at };
    match until {
        Until::Quote => quoted(rest).ok_or(LineError::OpenQuote { field: field.name(), at }),
        Until::Bracket => memchr::memchr(b']', rest).ok_or(LineError::NoBrackets { at }),
        Until::Byte(byte) => {
            let mut length = memchr::memchr2(byte, b' ', rest).ok_or(missing)?;
            while byte == b' ' && goes_on(field, rest, length) {
                let more = rest.get(length + 1..).unwrap_or_default();
                length += 1 + memchr::memchr(b' ', more).filter(|n| *n > 0).ok_or(missing)?;
            }
            match rest.get(length) {
                Some(end) if *end == byte && length > 0 => Ok(length),
                _ => Err(missing),
            }
        }
        Until::Text(byte) => memchr::memchr(byte, rest).filter(|n| *n > 0).ok_or(missing),
        Until::End => {
            let mut length = memchr::memchr(b' ', rest).unwrap_or(rest.len());
            while length < rest.len() && goes_on(field, rest, length) {
                let more = rest.get(length + 1..).unwrap_or_default();
                length += 1 + memchr::memchr(b' ', more).unwrap_or(more.len());
            }
            if length == 0 { Err(missing) } else { Ok(length) }
        }
        Until::LineEnd if rest.is_empty() => Err(missing),
        Until::LineEnd => Ok(rest.len()),
    }
}

/// True for `client, proxy, proxy`: the comma before the space says that the list goes on.
fn goes_on(field: Field, rest: &[u8], length: usize) -> bool {
    matches!(field, Field::Address | Field::Others)
        && rest.get(..length).is_some_and(|list| list.ends_with(b","))
}

/// Bytes before the first quote that no backslash escapes.
fn quoted(rest: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let found = at + memchr::memchr2(b'"', b'\\', rest.get(at..)?)?;
        if rest.get(found) == Some(&b'"') {
            return Some(found);
        }
        at = found + 2;
    }
}

fn store<'t>(
    fields: &mut Line<'t>,
    field: Field,
    value: &'t [u8],
    at: usize,
) -> Result<(), LineError> {
    match field {
        Field::Address => fields.address = Some(value),
        Field::Identity => fields.identity = Some(value),
        Field::Username => fields.username = Some(value),
        Field::Timestamp => fields.timestamp = Some(value),
        Field::Request => fields.request = Some(value),
        Field::Status => {
            fields.status = line::status(value).map_err(|()| LineError::BadStatus { at })?;
        }
        Field::Size => {
            fields.bytes_sent = line::size(value).map_err(|()| LineError::BadSize { at })?;
        }
        Field::Referer => fields.referer = Some(value),
        Field::UserAgent => fields.user_agent = Some(value),
        Field::Forwarded | Field::IsoTime | Field::Other | Field::Others => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests;
