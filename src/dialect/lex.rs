//! Text to tokens, and tokens to statements; every word is folded to lower case. It knows no grammar.
//!
//! Redshift folds identifiers to lower case even when quoted (r_names), unless
//! enable_case_sensitive_identifier is set, which the local engine refuses.

use std::any::TypeId;
use std::iter::Peekable;
use std::path::Path;
use std::str::Chars;

use datafusion::sql::sqlparser::ast::{Expr, UnaryOperator};
use datafusion::sql::sqlparser::dialect::{Dialect, RedshiftSqlDialect};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{
    Location, Token, TokenWithSpan, Tokenizer, Whitespace,
};

use super::bare;
use crate::error::{Error, Place, Result};

/// sqlparser's Redshift, with what it misses and with what the rules want to see in order to refuse it.
#[derive(Debug, Default, Clone, Copy)]
pub struct Grammar;

const REDSHIFT: RedshiftSqlDialect = RedshiftSqlDialect {};

/// How tight operators bind, among sqlparser's 40 for `*` and 30 for `+`, 20 for comparison.
const SIGN: u8 = 46;
const POWER: u8 = 45;
const OTHER_OPERATOR: u8 = 25;

impl Dialect for Grammar {
    // The parser asks "is this Redshift?" in places; the answer must stay yes.
    fn dialect(&self) -> TypeId {
        TypeId::of::<RedshiftSqlDialect>()
    }
    fn is_nested_delimited_identifier_start(&self, ch: char) -> bool {
        REDSHIFT.is_nested_delimited_identifier_start(ch)
    }
    fn peek_nested_delimited_identifier_quotes(
        &self,
        chars: Peekable<Chars<'_>>,
    ) -> Option<(char, Option<char>)> {
        REDSHIFT.peek_nested_delimited_identifier_quotes(chars)
    }
    fn is_identifier_start(&self, ch: char) -> bool {
        REDSHIFT.is_identifier_start(ch)
    }
    fn is_identifier_part(&self, ch: char) -> bool {
        REDSHIFT.is_identifier_part(ch)
    }
    fn convert_type_before_value(&self) -> bool {
        true
    }
    fn supports_outer_join_operator(&self) -> bool {
        true
    }
    fn supports_connect_by(&self) -> bool {
        true
    }
    fn supports_top_before_distinct(&self) -> bool {
        true
    }
    fn supports_string_escape_constant(&self) -> bool {
        true
    }
    fn supports_bitwise_shift_operators(&self) -> bool {
        true
    }
    fn allow_extract_single_quotes(&self) -> bool {
        true
    }
    fn allow_extract_custom(&self) -> bool {
        true
    }
    fn supports_string_literal_backslash_escape(&self) -> bool {
        true
    }
    fn supports_select_wildcard_exclude(&self) -> bool {
        true
    }
    fn supports_select_wildcard_with_alias(&self) -> bool {
        true
    }
    fn supports_select_exclude(&self) -> bool {
        true
    }
    fn supports_string_literal_concatenation_with_newline(&self) -> bool {
        true
    }
    fn supports_window_function_null_treatment_arg(&self) -> bool {
        true
    }
    fn supports_group_by_expr(&self) -> bool {
        true
    }
    fn supports_nested_comments(&self) -> bool {
        true
    }
    // PostgreSQL's order, which Redshift keeps: sign, ^, * / %, + -, every other operator, comparison
    fn get_next_precedence(&self, parser: &Parser) -> Option<std::result::Result<u8, ParserError>> {
        match parser.peek_token_ref().token {
            Token::Caret => Some(Ok(POWER)),
            Token::StringConcat
            | Token::Ampersand
            | Token::Pipe
            | Token::Sharp
            | Token::Tilde
            | Token::TildeAsterisk
            | Token::ExclamationMarkTilde
            | Token::ExclamationMarkTildeAsterisk
            | Token::ShiftLeft
            | Token::ShiftRight => Some(Ok(OTHER_OPERATOR)),
            _ => None,
        }
    }
    fn parse_prefix(&self, parser: &mut Parser) -> Option<std::result::Result<Expr, ParserError>> {
        let (op, binds) = match parser.peek_token_ref().token {
            Token::Minus => (UnaryOperator::Minus, SIGN),
            Token::Tilde => (UnaryOperator::BitwiseNot, OTHER_OPERATOR),
            Token::AtSign => (UnaryOperator::PGAbs, OTHER_OPERATOR),
            Token::PGSquareRoot => (UnaryOperator::PGSquareRoot, OTHER_OPERATOR),
            Token::PGCubeRoot => (UnaryOperator::PGCubeRoot, OTHER_OPERATOR),
            Token::LParen => return super::united::parse(parser),
            _ => return None,
        };
        parser.next_token();
        let operand = parser.parse_subexpr(binds);
        Some(operand.map(|e| Expr::UnaryOp { op, expr: Box::new(e) }))
    }
    // the parser takes a subquery at the head of IN's list for the query of IN
    fn parse_infix(
        &self,
        parser: &mut Parser,
        expr: &Expr,
        _precedence: u8,
    ) -> Option<std::result::Result<Expr, ParserError>> {
        let at = |n: usize| &parser.peek_nth_token_ref(n).token;
        let is =
            |n: usize, keyword: Keyword| matches!(at(n), Token::Word(w) if w.keyword == keyword);
        let negated = is(0, Keyword::NOT);
        let list = 1 + usize::from(negated);
        let queries = is(list + 2, Keyword::SELECT) || is(list + 2, Keyword::WITH);
        let opens = *at(list) == Token::LParen && *at(list + 1) == Token::LParen;
        if !is(list - 1, Keyword::IN) || !opens || !queries {
            return None;
        }
        // a comma behind the query, of whose parentheses the first stands at list + 1
        let mut depth = 0_usize;
        let end = (list + 1..).find(|n| {
            match at(*n) {
                Token::LParen => depth += 1,
                Token::RParen => depth = depth.saturating_sub(1),
                Token::EOF => depth = 0,
                _ => {}
            }
            depth == 0
        });
        if *at(end? + 1) != Token::Comma {
            return None;
        }
        for _ in 0..=list {
            parser.next_token();
        }
        let list = parser.parse_comma_separated(Parser::parse_expr);
        let list = list.and_then(|list| parser.expect_token(&Token::RParen).map(|_| list));
        let expr = Box::new(expr.clone());
        Some(list.map(|list| Expr::InList { expr, list, negated }))
    }
    // TRIM(text, 'characters') is in an example of r_LTRIM
    fn supports_comma_separated_trim(&self) -> bool {
        true
    }
    // parsed so that the rules can refuse it with a reason
    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }
}

/// The tokens of one statement, without blanks and comments, and where it stands in the text.
#[derive(Debug)]
pub struct Piece {
    pub tokens: Vec<TokenWithSpan>,
    /// Byte range in the whole text.
    pub start: usize,
    pub end: usize,
    pub place: Place,
}

/// The name under which `APPROXIMATE COUNT(DISTINCT x)` reaches the parser.
pub const APPROXIMATE_COUNT: &str = "approximate count";
/// The name of `GROUPING SETS (...)` inside another.
pub const NESTED_SETS: &str = "grouping sets";
/// The name of `APPROXIMATE PERCENTILE_DISC(...)`.
pub const APPROXIMATE_DISC: &str = "approximate percentile_disc";

/// A comment line that ends a statement, for files that separate by it.
const MARKER: &str = "statement_end";

/// Cuts a script into statements at `;` and at `--statement_end` lines.
///
/// Pieces without a token are dropped; the last one needs no terminator.
/// Errors: `sql/syntax` with the place of an unterminated string or comment.
pub fn pieces(text: &str, file: &Path) -> Result<Vec<Piece>> {
    let tokens = Tokenizer::new(&Grammar, text).tokenize_with_location().map_err(|e| {
        Error::failed("sql/syntax", lower_first(&e.message))
            .at(place_of(file, e.location))
            .hint("close the string, the quoted name or the comment that starts here")
    })?;
    let lines = LineStarts::of(text);
    let mut pieces = Vec::new();
    let mut current: Vec<TokenWithSpan> = Vec::new();
    for mut token in tokens {
        let ends = match &mut token.token {
            Token::SemiColon => true,
            Token::Whitespace(Whitespace::SingleLineComment { comment, .. }) => {
                comment.trim() == MARKER
            }
            Token::Whitespace(_) | Token::EOF => continue,
            Token::Word(word) => {
                // ASCII letters alone are folded (r_names)
                word.value = word.value.to_ascii_lowercase();
                false
            }
            _ => false,
        };
        if !ends && !matches!(token.token, Token::Whitespace(_)) {
            current.push(token);
        } else if ends {
            pieces.extend(piece(std::mem::take(&mut current), &lines, text, file));
        }
    }
    pieces.extend(piece(current, &lines, text, file));
    match pieces.iter().find_map(|p| too_long(&p.tokens)) {
        Some(location) => Err(Error::failed(
            "sql/too-deep",
            format!("an expression chains more than {CHAIN} operators"),
        )
        .at(place_of(file, location))
        .hint("write IN (...) for a long OR, or join a table of the values")),
        None => Ok(pieces),
    }
}

fn piece(
    mut tokens: Vec<TokenWithSpan>,
    lines: &LineStarts,
    text: &str,
    file: &Path,
) -> Option<Piece> {
    join_approximate(&mut tokens);
    join_nested_sets(&mut tokens);
    bare::plain(&mut tokens);
    let (first, last) = (tokens.first()?.span.start, tokens.last()?.span.end);
    let start = lines.offset(text, first);
    Some(Piece {
        start,
        end: lines.offset(text, last).max(start),
        place: place_of(file, first),
        tokens,
    })
}

/// Operators one expression may chain: each is a level of the tree, whose walks recurse.
pub const CHAIN: usize = 400;

/// The token at which an expression chains more than [`CHAIN`] operators, if one does.
///
/// It is told from the tokens, because a tree that deep cannot even be dropped on a small stack.
fn too_long(tokens: &[TokenWithSpan]) -> Option<Location> {
    let mut levels = vec![0_usize];
    for token in tokens {
        match &token.token {
            Token::LParen => {
                levels.push(0);
                continue;
            }
            Token::RParen if levels.len() > 1 => {
                levels.pop();
                continue;
            }
            _ => {}
        }
        let level = levels.last_mut()?;
        match &token.token {
            Token::Comma => *level = 0,
            Token::Word(word) => match word.keyword {
                Keyword::AND
                | Keyword::OR
                | Keyword::NOT
                | Keyword::UNION
                | Keyword::EXCEPT
                | Keyword::INTERSECT
                | Keyword::MINUS => *level += 1,
                Keyword::WHERE
                | Keyword::FROM
                | Keyword::ON
                | Keyword::WHEN
                | Keyword::THEN
                | Keyword::ELSE
                | Keyword::END
                | Keyword::SET => *level = 0,
                _ => {}
            },
            Token::Number(..) | Token::SingleQuotedString(_) | Token::Period => {}
            _ => *level += 1,
        }
        // a comparison and its AND are two
        if *level > 2 * CHAIN {
            return Some(token.span.start);
        }
    }
    None
}

/// True for a word without quotes.
fn is_word(token: Option<&TokenWithSpan>, text: &str) -> bool {
    matches!(token.map(|t| &t.token), Some(Token::Word(w)) if w.quote_style.is_none() && w.value == text)
}

/// Makes one word of GROUPING SETS inside GROUPING SETS, which the parser then takes for a call.
fn join_nested_sets(tokens: &mut Vec<TokenWithSpan>) {
    // for each open parenthesis whether it is inside that of GROUPING SETS
    let mut inside = vec![false];
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let within = inside.last() == Some(&true);
        match &token.token {
            Token::LParen => {
                let sets = at >= 2
                    && is_word(tokens.get(at - 1), "sets")
                    && is_word(tokens.get(at - 2), "grouping");
                inside.push(within || sets);
            }
            Token::RParen if inside.len() > 1 => {
                inside.pop();
            }
            _ if within
                && is_word(Some(token), "grouping")
                && is_word(tokens.get(at + 1), "sets") =>
            {
                tokens.remove(at + 1);
                if let Some(Token::Word(word)) = tokens.get_mut(at).map(|t| &mut t.token) {
                    word.value = NESTED_SETS.to_owned();
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// `APPROXIMATE COUNT(...)` and `APPROXIMATE PERCENTILE_DISC(...)` become one function name each,
/// which the parser can read.
fn join_approximate(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 0;
    while at + 1 < tokens.len() {
        let name = [("count", APPROXIMATE_COUNT), ("percentile_disc", APPROXIMATE_DISC)]
            .into_iter()
            .find(|(word, _)| {
                is_word(tokens.get(at), "approximate") && is_word(tokens.get(at + 1), word)
            });
        if let Some((_, name)) = name {
            tokens.remove(at);
            if let Token::Word(word) = &mut tokens[at].token {
                word.value = name.into();
                word.keyword = Keyword::NoKeyword;
            }
        }
        at += 1;
    }
}

/// The byte offset of a location in `text`.
pub fn offset_of(text: &str, location: Location) -> usize {
    LineStarts::of(text).offset(text, location)
}

/// The place of a token.
pub fn place_of(file: &Path, location: Location) -> Place {
    Place::new(file, (location.line as usize).max(1), (location.column as usize).max(1))
}

/// Messages of ours begin in lower case.
pub fn lower_first(message: &str) -> String {
    let mut chars = message.chars();
    // a word in capitals is a keyword and stays one
    if message.chars().nth(1).is_some_and(char::is_uppercase) {
        return message.to_owned();
    }
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}

struct LineStarts(Vec<usize>);

impl LineStarts {
    fn of(text: &str) -> LineStarts {
        let ends = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1);
        LineStarts(std::iter::once(0).chain(ends).collect())
    }

    fn offset(&self, text: &str, location: Location) -> usize {
        let line = (location.line as usize).saturating_sub(1);
        let start = self.0.get(line).copied().unwrap_or(text.len());
        let column = (location.column as usize).saturating_sub(1);
        let rest = text.get(start..).unwrap_or_default();
        rest.char_indices().nth(column).map_or(text.len(), |(i, _)| start + i)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(script: &str) -> Vec<&str> {
        let pieces = pieces(script, Path::new("a.sql")).expect("tokens");
        pieces.iter().map(|p| &script[p.start..p.end]).collect()
    }

    #[test]
    fn semicolons_and_markers_separate_and_strings_hide_them() {
        assert_eq!(
            texts("select ';' -- ; no\n; /* ; */ select $$;$$;;\n-- only a comment\n;"),
            ["select ';'", "select $$;$$"]
        );
        assert_eq!(
            texts("begin\n--statement_end\nselect 1\n-- statement_end\nselect 'é' as x"),
            ["begin", "select 1", "select 'é' as x"]
        );
        assert_eq!(texts(" \n-- nothing\n"), Vec::<&str>::new());
    }

    #[test]
    fn places_are_those_of_the_file() {
        let pieces = pieces("-- head\n  select 1;\n\tselect 2", Path::new("a.sql")).expect("ok");
        assert_eq!(pieces[0].place.to_string(), "a.sql:2:3");
        assert_eq!(pieces[1].place.to_string(), "a.sql:3:2");
        let error = super::pieces("select 1;\n select 'x", Path::new("a.sql")).expect_err("open");
        assert_eq!((error.code(), error.place().map(|p| p.line)), ("sql/syntax", Some(2)));
    }

    #[test]
    fn words_fold_even_when_quoted() {
        let pieces = pieces("SELECT \"MyCol\" FROM T", Path::new("a.sql")).expect("ok");
        let words: Vec<String> = pieces[0]
            .tokens
            .iter()
            .filter_map(|t| match &t.token {
                Token::Word(w) => Some(w.value.clone()),
                _ => None,
            })
            .collect();
        assert_eq!(words, ["select", "mycol", "from", "t"]);
    }

    proptest! {
        #[test]
        fn any_text_is_cut_or_refused(text in "\\PC{0,80}") {
            if let Ok(pieces) = pieces(&text, Path::new("a.sql")) {
                for piece in pieces {
                    prop_assert!(text.get(piece.start..piece.end).is_some());
                }
            }
        }
    }
}
