//! Log formats in Apache's or nginx's own notation, and the strict reading of a line by them. Pure.
//!
//! This reader alone decides what is a good line; the fast path of [`super::scan`] accepts a
//! subset of what it accepts. It is linear in the line. The grammar of a declared format:
//! - text of the format stands in the line as it is;
//! - a field between quotes runs to the first quote without a backslash before it;
//! - a field between brackets runs to the first `]`;
//! - any other field has at least one byte, no space, and ends before the text that follows it;
//!   an address may be a list `client, proxy`, as `X-Forwarded-For` writes it;
//! - a `\r` before the newline is dropped.
//!
//! A user name with a space is not told apart from a stray field, so such a line is rejected.
//! Fields that no column holds (`%v`, `%D`, `$request_time`) are read over.

use crate::error::{Error, Result};

use super::line::{self, Line, LineError};

/// Apache's and nginx's common names, in the order lines are tried when no format is declared.
pub const NAMED: [(&str, &str); 3] = [
    ("combined", r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#),
    ("common", r#"%h %l %u %t "%r" %>s %b"#),
    ("vhost_combined", r#"%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i""#),
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
    /// Of no column.
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    Quote,
    Bracket,
    Byte(u8),
    End,
}

impl Field {
    fn name(self) -> &'static str {
        match self {
            Field::Address => "an address",
            Field::Identity => "an identity",
            Field::Username => "a user name",
            Field::Timestamp => "a timestamp",
            Field::Request => "a request",
            Field::Status => "a status",
            Field::Size => "a size",
            Field::Referer => "a referer",
            Field::UserAgent => "a user agent",
            Field::Other => "a field",
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
    /// Compiles declared formats: names of [`NAMED`], or notation; all of [`NAMED`] when empty.
    ///
    /// Errors: `weblog/format`, naming the format and what is wrong with it.
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
    let named = NAMED.iter().find(|(name, _)| *name == declared.trim());
    named.map_or(declared, |(_, text)| *text)
}

impl Format {
    /// Compiles one format from Apache's (`%h ...`) or nginx's (`$remote_addr ...`) notation.
    pub fn compile(text: &str) -> Result<Format> {
        let bad = |why: String| {
            Error::config("weblog/format", format!("log format `{text}` {why}"))
                .hint("write it as in the server's configuration, or use combined, common or vhost_combined")
        };
        let pieces = if text.contains('$') && !text.contains('%') {
            nginx_pieces(text)
        } else {
            apache_pieces(text)
        }
        .map_err(bad)?;
        let steps = join(pieces).map_err(bad)?;
        for field in [Field::Address, Field::Timestamp] {
            if !steps.iter().any(|s| matches!(s, Step::Take(f, _) if *f == field)) {
                return Err(bad(format!("has no field for {}", field.name())));
            }
        }
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
    match until {
        Until::Quote => quoted(rest).ok_or(LineError::OpenQuote { field: field.name(), at }),
        Until::Bracket => memchr::memchr(b']', rest).ok_or(LineError::NoBrackets { at }),
        Until::Byte(byte) => {
            let missing = LineError::MissingField { field: field.name(), at };
            let mut length = memchr::memchr2(byte, b' ', rest).ok_or(missing)?;
            // `client, proxy, proxy`: the comma says that the list goes on
            while field == Field::Address
                && byte == b' '
                && rest.get(..length).is_some_and(|list| list.ends_with(b","))
            {
                let more = rest.get(length + 1..).unwrap_or_default();
                length += 1 + memchr::memchr(b' ', more).filter(|n| *n > 0).ok_or(missing)?;
            }
            match rest.get(length) {
                Some(end) if *end == byte && length > 0 => Ok(length),
                _ => Err(missing),
            }
        }
        Until::End => match memchr::memchr(b' ', rest).unwrap_or(rest.len()) {
            0 => Err(LineError::MissingField { field: field.name(), at }),
            length => Ok(length),
        },
    }
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
        Field::Other => {}
    }
    Ok(())
}

/// A piece of a format before the ends of its fields are known.
enum Piece {
    Text(u8),
    Take(Field),
}

/// Turns pieces into steps: what ends a field is what stands around it.
fn join(pieces: Vec<Piece>) -> Result<Vec<Step>, String> {
    let mut steps: Vec<Step> = Vec::new();
    let mut pieces = pieces.into_iter().peekable();
    while let Some(piece) = pieces.next() {
        match piece {
            Piece::Text(byte) => match steps.last_mut() {
                Some(Step::Text(text)) => text.push(byte),
                _ => steps.push(Step::Text(vec![byte])),
            },
            Piece::Take(field) => {
                let known = |s: &Step| matches!(s, Step::Take(f, _) if *f == field);
                if field != Field::Other && steps.iter().any(known) {
                    return Err(format!("has two fields for {}", field.name()));
                }
                let before = match steps.last() {
                    Some(Step::Text(text)) => text.last().copied(),
                    _ => None,
                };
                let until = match (before, pieces.peek()) {
                    (_, Some(Piece::Take(_))) => {
                        return Err(format!(
                            "has nothing between {} and the next field",
                            field.name()
                        ));
                    }
                    (Some(b'"'), Some(Piece::Text(b'"'))) => Until::Quote,
                    (Some(b'['), Some(Piece::Text(b']'))) => Until::Bracket,
                    (_, Some(Piece::Text(byte))) => Until::Byte(*byte),
                    (_, None) => Until::End,
                };
                steps.push(Step::Take(field, until));
            }
        }
    }
    Ok(steps)
}

/// Apache's `LogFormat`: mod_log_config, "Custom Log Formats".
fn apache_pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' if rest.next_if_eq(&'"').is_some() => pieces.push(Piece::Text(b'"')),
            '\\' if rest.next_if_eq(&'t').is_some() => pieces.push(Piece::Text(b'\t')),
            '%' => apache_directive(&mut rest, &mut pieces)?,
            other => push_char(&mut pieces, other),
        }
    }
    Ok(pieces)
}

fn apache_directive(
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    pieces: &mut Vec<Piece>,
) -> Result<(), String> {
    // `%>s`, `%!400,501{...}i`: which request and which status, neither changes the shape
    while rest.next_if(|c| matches!(c, '<' | '>' | '!' | ',' | '0'..='9')).is_some() {}
    let mut name = None;
    if rest.next_if_eq(&'{').is_some() {
        let mut inside = String::new();
        loop {
            match rest.next() {
                Some('}') => break,
                Some(c) => inside.push(c),
                None => return Err("has a `{` without `}`".to_string()),
            }
        }
        name = Some(inside);
    }
    let header = name.as_deref().map(str::to_ascii_lowercase);
    let field = match (rest.next(), header.as_deref()) {
        (Some('%'), None) => {
            pieces.push(Piece::Text(b'%'));
            return Ok(());
        }
        (Some('t'), None) => {
            pieces.extend([Piece::Text(b'['), Piece::Take(Field::Timestamp), Piece::Text(b']')]);
            return Ok(());
        }
        (Some('h' | 'a'), _) => Field::Address,
        (Some('l'), None) => Field::Identity,
        (Some('u'), None) => Field::Username,
        (Some('r'), None) => Field::Request,
        (Some('s'), None) => Field::Status,
        (Some('b' | 'B' | 'O'), None) => Field::Size,
        (Some('i'), Some("referer")) => Field::Referer,
        (Some('i'), Some("user-agent")) => Field::UserAgent,
        (Some(c), _) if c.is_ascii_alphabetic() => Field::Other,
        (Some(c), _) => return Err(format!("has `%{c}`, which is no directive")),
        (None, _) => return Err("ends in `%`".to_string()),
    };
    pieces.push(Piece::Take(field));
    Ok(())
}

/// nginx's `log_format`: ngx_http_log_module, variables of ngx_http_core_module.
fn nginx_pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '$' {
            push_char(&mut pieces, c);
            continue;
        }
        let braced = rest.next_if_eq(&'{').is_some();
        let mut name = String::new();
        while let Some(c) = rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
            name.push(c);
        }
        if name.is_empty() || (braced && rest.next_if_eq(&'}').is_none()) {
            return Err("has a `$` without a variable's name".to_string());
        }
        pieces.push(Piece::Take(match name.as_str() {
            "remote_addr" => Field::Address,
            "remote_user" => Field::Username,
            "time_local" => Field::Timestamp,
            "request" => Field::Request,
            "status" => Field::Status,
            "body_bytes_sent" | "bytes_sent" => Field::Size,
            "http_referer" => Field::Referer,
            "http_user_agent" => Field::UserAgent,
            _ => Field::Other,
        }));
    }
    Ok(pieces)
}

fn push_char(pieces: &mut Vec<Piece>, c: char) {
    let mut buffer = [0; 4];
    pieces.extend(c.encode_utf8(&mut buffer).bytes().map(Piece::Text));
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"10.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 200 2326 "http://x/" "Mozilla""#;

    #[test]
    fn nginx_notation_reads_what_apache_notation_reads() {
        let apache = Formats::compile(&["combined".into()]).expect("combined");
        let nginx = Formats::compile(&[r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#.into()]).expect("nginx");
        let mut fields = apache.read(LINE.as_bytes()).expect("a line");
        assert_eq!(fields.username, Some(&b"frank"[..]));
        fields.identity = None;
        assert_eq!(nginx.read(LINE.as_bytes()), Ok(fields));
    }

    #[test]
    fn a_format_may_hold_fields_of_no_column() {
        let text =
            r#"%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\" %D \"%{X-Id}o\""#;
        let formats = Formats::compile(&[text.into()]).expect("a format");
        let line = format!("{LINE} 1234 \"a b\"");
        let fields = formats.read(line.as_bytes()).expect("a line");
        assert_eq!(fields.user_agent, Some(&b"Mozilla"[..]));
        assert_eq!(
            formats.read(LINE.as_bytes()).map_err(|e| e.reason()),
            Err("line/bare_quote"),
            "the declared fields are required"
        );
    }

    #[test]
    fn what_is_no_format_is_refused_with_the_reason() {
        for (text, why) in [
            ("%h%u %t", "nothing between"),
            ("%h %h %t", "two fields for an address"),
            ("%h %u", "no field for a timestamp"),
            ("%t %{Refererer i", "without `}`"),
            ("%h %t %", "ends in"),
            ("$remote_addr $ [$time_local]", "without a variable"),
        ] {
            let error = Format::compile(text).expect_err(text);
            assert!(error.message().contains(why), "{}", error.message());
        }
    }
}
