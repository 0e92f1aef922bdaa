//! Apache's and nginx's notation to the pieces of a format, and those to steps. Pure.
//!
//! Known are the directives of Apache's mod_log_config, mod_logio and mod_ssl, and the variables of
//! nginx's manual; anything else is refused, since a slip would lose a column in silence.

use std::iter::Peekable;
use std::str::CharIndices;

use super::variables;
use super::{Field, Step, Until};
use crate::error::nearest;

/// A piece of a format before the ends of its fields are known.
pub(super) enum Piece {
    Text(u8),
    Take(Directive),
}

/// A directive or variable as it stands in the format.
#[derive(Debug, Clone)]
pub(super) struct Directive {
    field: Field,
    /// `%{Referer}i` or `$http_referer`.
    text: String,
    /// Byte of the format where it starts.
    at: usize,
    /// Its value may hold spaces, so something else must say where it ends.
    spaced: bool,
}

impl Directive {
    pub fn new(field: Field, text: impl Into<String>, at: usize) -> Directive {
        let spaced = matches!(field, Field::Timestamp | Field::Request | Field::UserAgent);
        Directive { field, text: text.into(), at, spaced }
    }

    fn told(&self) -> String {
        format!("`{}` at byte {}", self.text, self.at)
    }
}

/// Why a text is no format, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub why: String,
    pub hint: Option<String>,
}

impl Mistake {
    fn new(why: String) -> Mistake {
        Mistake { why, hint: None }
    }

    fn hint(self, hint: impl Into<String>) -> Mistake {
        Mistake { hint: Some(hint.into()), ..self }
    }
}

/// The steps of a format in either notation.
pub(super) fn steps(text: &str) -> Result<Vec<Step>, Mistake> {
    let mut pieces = if is_nginx(text) { nginx_pieces(text) } else { apache_pieces(text) }?;
    choose(&mut pieces);
    let steps = join(pieces)?;
    for field in [Field::Address, Field::Timestamp] {
        if !steps.iter().any(|s| matches!(s, Step::Take(f, _) if *f == field)) {
            return Err(Mistake::new(format!("has no field for {}", field.name())));
        }
    }
    Ok(steps)
}

/// nginx names variables with `$`; Apache's `%` stands before a letter, a brace or a modifier.
fn is_nginx(text: &str) -> bool {
    let variable =
        |(_, after): (&str, &str)| after.starts_with(|c: char| c == '{' || c.is_ascii_alphabetic());
    let directive = |after: &str| after.starts_with(['h', 'a', '>', '{', 't']);
    text.split_once('$').is_some_and(variable) && !text.split('%').skip(1).any(directive)
}

/// Decides which of several directives fills a column: the first; a second choice, such as an
/// address that a proxy forwarded, only where the first choice is not in the format.
fn choose(pieces: &mut [Piece]) {
    for (column, second) in [(Field::Address, Field::Forwarded), (Field::Timestamp, Field::IsoTime)]
    {
        let mut there = fields(pieces).any(|d| d.field == column);
        for directive in fields(pieces).filter(|d| d.field == second) {
            directive.field = if there { Field::Other } else { column };
            there = true;
        }
    }
    let mut seen = Vec::new();
    for directive in fields(pieces) {
        match directive.field {
            Field::Other | Field::Others => {}
            field if seen.contains(&field) => directive.field = Field::Other,
            field => seen.push(field),
        }
    }
}

fn fields(pieces: &mut [Piece]) -> impl Iterator<Item = &mut Directive> {
    pieces.iter_mut().filter_map(|piece| match piece {
        Piece::Take(directive) => Some(directive),
        Piece::Text(_) => None,
    })
}

/// Turns pieces into steps: what ends a field is what stands around it.
fn join(pieces: Vec<Piece>) -> Result<Vec<Step>, Mistake> {
    let mut steps: Vec<Step> = Vec::new();
    let mut pieces = pieces.into_iter().peekable();
    while let Some(piece) = pieces.next() {
        let mut directive = match piece {
            Piece::Take(directive) => directive,
            Piece::Text(byte) => {
                match steps.last_mut() {
                    Some(Step::Text(text)) => text.push(byte),
                    _ => steps.push(Step::Text(vec![byte])),
                }
                continue;
            }
        };
        // `%U%q`: fields of no column that touch are read over as one
        while let Some(Piece::Take(next)) = pieces.peek() {
            if directive.field != Field::Other || next.field != Field::Other {
                let (one, other) = (directive.told(), next.told());
                return Err(Mistake::new(format!("has nothing between {one} and {other}")));
            }
            directive.spaced |= next.spaced;
            pieces.next();
        }
        let before = match steps.last() {
            Some(Step::Text(text)) => text.last().copied(),
            _ => None,
        };
        let until = match (before, pieces.peek()) {
            (Some(b'"'), Some(Piece::Text(b'"'))) => Until::Quote,
            (Some(b'['), Some(Piece::Text(b']'))) => Until::Bracket,
            (_, Some(Piece::Text(b' '))) if directive.spaced => {
                let why = format!(
                    "has {} where a space ends it, and its value holds spaces",
                    directive.told()
                );
                return Err(Mistake::new(why)
                    .hint("put it between quotes or brackets, as the server writes it"));
            }
            (_, Some(Piece::Text(byte))) if directive.spaced => Until::Text(*byte),
            (_, Some(Piece::Text(byte))) => Until::Byte(*byte),
            (_, None | Some(Piece::Take(_))) if directive.spaced => Until::LineEnd,
            (_, None | Some(Piece::Take(_))) => Until::End,
        };
        steps.push(Step::Take(directive.field, until));
    }
    Ok(steps)
}

/// Apache's `LogFormat`: https://httpd.apache.org/docs/2.4/mod/mod_log_config.html#formats
fn apache_pieces(text: &str) -> Result<Vec<Piece>, Mistake> {
    let mut pieces = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        let escaped = |rest: &mut Peekable<CharIndices<'_>>, wanted| {
            c == '\\' && rest.next_if(|(_, c)| *c == wanted).is_some()
        };
        // the manual gives `%m %U%q %H` as another way to write `%r`
        if let Some(length) = starts(text, at, &["%m %U%q %H"]) {
            rest.by_ref().nth(length - 2);
            pieces.push(Piece::Take(Directive::new(Field::Request, "%m %U%q %H", at)));
        } else if escaped(&mut rest, '"') {
            pieces.push(Piece::Text(b'"'));
        } else if escaped(&mut rest, 't') {
            pieces.push(Piece::Text(b'\t'));
        } else if c == '%' {
            apache_directive(text, at, &mut rest, &mut pieces)?;
        } else {
            push_char(&mut pieces, c);
        }
    }
    Ok(pieces)
}

/// The length of the first of `words` that stands at byte `at`.
fn starts(text: &str, at: usize, words: &[&str]) -> Option<usize> {
    let rest = text.get(at..)?;
    words.iter().find(|word| rest.starts_with(**word)).map(|word| word.len())
}

/// What follows a `%` at byte `at`.
fn apache_directive(
    text: &str,
    at: usize,
    rest: &mut Peekable<CharIndices<'_>>,
    pieces: &mut Vec<Piece>,
) -> Result<(), Mistake> {
    // `%>s`, `%!400,501{...}i`: which request and which status, neither changes the shape
    while rest.next_if(|(_, c)| matches!(c, '<' | '>' | '!' | ',' | '0'..='9')).is_some() {}
    let mut name = None;
    if let Some((open, _)) = rest.next_if(|(_, c)| *c == '{') {
        let Some((close, _)) = rest.find(|(_, c)| *c == '}') else {
            return Err(Mistake::new(format!("has a `{{` without `}}` at byte {open}")));
        };
        name = text.get(open + 1..close);
    }
    let Some((mut last, mut letter)) = rest.next() else {
        return Err(Mistake::new("ends in `%`".to_string()));
    };
    let mut long = false;
    if letter == '^' {
        // `%^ti`, `%^to`, `%^FB`: two letters
        rest.next();
        (last, letter) = rest.next().unwrap_or((last, letter));
        long = true;
    }
    let written = text.get(at..last + letter.len_utf8()).unwrap_or_default();
    let known = if long {
        matches!(written.rsplit_once('^'), Some((_, "ti" | "to" | "FU" | "FB")))
            .then_some(Field::Other)
    } else if letter == '%' && name.is_none() {
        pieces.push(Piece::Text(b'%'));
        return Ok(());
    } else {
        variables::apache(letter, name)
    };
    let field = known.ok_or_else(|| {
        let why = format!("has `{written}` at byte {at}, which is no directive of Apache's");
        let hint = "the directives are those of mod_log_config, mod_logio and mod_ssl; \
                    for one of another module write `%{NAME}n`, which is read over";
        Mistake::new(why).hint(hint)
    })?;
    let directive = Directive::new(field, written, at);
    match (field, name) {
        // without a form of its own the server puts brackets around the time
        (Field::Timestamp, None) => {
            pieces.extend([Piece::Text(b'['), Piece::Take(directive), Piece::Text(b']')]);
        }
        (Field::Other, Some(form)) if letter == 't' => {
            pieces.push(Piece::Take(Directive { spaced: form.contains(' '), ..directive }));
        }
        _ => pieces.push(Piece::Take(directive)),
    }
    Ok(())
}

/// nginx's `log_format`: https://nginx.org/en/docs/http/ngx_http_log_module.html#log_format
fn nginx_pieces(text: &str) -> Result<Vec<Piece>, Mistake> {
    let mut pieces = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        // what the server's `$request` is made of
        if let Some(length) = starts(text, at, &["$request_method $request_uri $server_protocol"]) {
            rest.by_ref().nth(length - 2);
            let written = text.get(at..at + length).unwrap_or_default();
            pieces.push(Piece::Take(Directive::new(Field::Request, written, at)));
            continue;
        }
        if c != '$' {
            push_char(&mut pieces, c);
            continue;
        }
        let braced = rest.next_if(|(_, c)| *c == '{').is_some();
        let start = at + 1 + usize::from(braced);
        let mut end = start;
        while rest.next_if(|(_, c)| c.is_ascii_alphanumeric() || *c == '_').is_some() {
            end += 1;
        }
        let name = text.get(start..end).unwrap_or_default();
        if name.is_empty() || (braced && rest.next_if(|(_, c)| *c == '}').is_none()) {
            return Err(Mistake::new(format!("has a `$` without a variable's name at byte {at}")));
        }
        let field = variables::nginx(name).ok_or_else(|| {
            let why = format!("has `${name}` at byte {at}, which is no variable of nginx's");
            Mistake::new(why).hint(match nearest(name, variables::nginx_names()) {
                Some(near) => format!(
                    "did you mean `${near}`? A variable of your own is read over as `$skip`"
                ),
                None => {
                    "a variable of your own is read over when it is written as `$skip`".to_string()
                }
            })
        })?;
        pieces.push(Piece::Take(Directive::new(field, format!("${name}"), at)));
    }
    Ok(pieces)
}

fn push_char(pieces: &mut Vec<Piece>, c: char) {
    let mut buffer = [0; 4];
    pieces.extend(c.encode_utf8(&mut buffer).bytes().map(Piece::Text));
}
