//! A set operation that begins with a parenthesis, where a value or the query of ANY and ALL is
//! wanted: `= ((SELECT ...) UNION (SELECT ...))`. The parser takes its first query for the whole. It
//! knows no other expression.

use datafusion::sql::sqlparser::ast::{Expr, Query, SetExpr};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

/// The expression at hand, if it is one; else nothing is read.
pub fn parse(parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
    let within = is_quantified(parser);
    let parentheses =
        (0..).take_while(|n| parser.peek_nth_token_ref(*n).token == Token::LParen).count();
    let begins = |keyword| {
        matches!(&parser.peek_nth_token_ref(parentheses).token,
            Token::Word(word) if word.keyword == keyword)
    };
    let query = begins(Keyword::SELECT) || begins(Keyword::WITH);
    if !query || parentheses < if within { 1 } else { 2 } {
        return None;
    }
    let read = parser.maybe_parse(|parser| match within {
        true => {
            let query = united(parser)?;
            match parser.peek_token_ref().token {
                Token::RParen => Ok(query),
                _ => Err(other()),
            }
        }
        false => {
            parser.expect_token(&Token::LParen)?;
            let query = united(parser)?;
            parser.expect_token(&Token::RParen)?;
            Ok(query)
        }
    });
    read.map(|query| query.map(Expr::Subquery)).transpose()
}

fn united(parser: &mut Parser) -> Result<Box<Query>, ParserError> {
    let query = parser.parse_query()?;
    match query.body.as_ref() {
        SetExpr::SetOperation { .. } => Ok(query),
        _ => Err(other()),
    }
}

fn other() -> ParserError {
    ParserError::ParserError("no set operation".to_owned())
}

/// True behind `ANY (`, `ALL (` and `SOME (`.
fn is_quantified(parser: &Parser) -> bool {
    let at = parser.get_current_index();
    let mut before = (0..=at).rev().map(|index| &parser.token_at(index).token);
    let mut words = before.by_ref().filter(|token| !matches!(token, Token::Whitespace(_)));
    let opened = words.next() == Some(&Token::LParen);
    opened
        && matches!(words.next(), Some(Token::Word(word))
            if matches!(word.keyword, Keyword::ANY | Keyword::ALL | Keyword::SOME))
}
