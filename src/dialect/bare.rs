//! Words and signs of a query that the parser reads otherwise than Redshift, made plain before it:
//! EXCLUDE without parentheses, names that need no AS, `table *`. It changes no meaning and refuses
//! nothing.
//!
//! Source: r_EXCLUDE_list (the list can optionally be enclosed in parentheses), r_FROM_clause30
//! (`table_name [ * ]`), r_pg_keywords (the words that are reserved).

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

/// Words that the parser keeps for itself and Redshift does not.
const NAMES: &[&str] = &[
    "cluster",
    "distribute",
    "div",
    "exclude",
    "explain",
    "fetch",
    "lateral",
    "match",
    "member",
    "operator",
    "regexp",
    "rlike",
    "sort",
    "values",
    "view",
    "xor",
];

/// What may stand behind the last item of a select list.
const AFTER_LIST: &[&str] = &[
    "except",
    "exclude",
    "from",
    "group",
    "having",
    "intersect",
    "into",
    "limit",
    "minus",
    "offset",
    "order",
    "qualify",
    "union",
    "where",
    "with",
];

/// What may stand behind a relation of FROM.
const AFTER_RELATION: &[&str] = &[
    "connect",
    "cross",
    "except",
    "full",
    "group",
    "having",
    "inner",
    "intersect",
    "join",
    "left",
    "limit",
    "minus",
    "natural",
    "offset",
    "on",
    "order",
    "pivot",
    "qualify",
    "right",
    "start",
    "union",
    "unpivot",
    "using",
    "where",
    "with",
];

/// The part of a query that a token stands in, by its parentheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    List,
    Relations,
    /// Behind ON: a comma begins the next relation.
    Condition,
    Other,
}

/// Makes the tokens of one statement plain.
pub fn plain(tokens: &mut Vec<TokenWithSpan>) {
    let mut parts = vec![Part::Other];
    let mut at = 0;
    while at < tokens.len() {
        let part = parts.last().copied().unwrap_or(Part::Other);
        match &tokens[at].token {
            Token::LParen => parts.push(Part::Other),
            Token::RParen if parts.len() > 1 => {
                parts.pop();
            }
            // a product stands in a condition alone
            Token::Mul if part == Part::Relations && ends(tokens, at + 1, part) => {
                tokens.remove(at);
                continue;
            }
            token => {
                let word = unquoted(token).unwrap_or_default();
                let next = part_after(word, token, part);
                let named = NAMES.contains(&word) && closes(tokens, at + 1, part);
                let excludes = part == Part::List && word == "exclude" && !begins(tokens, at);
                if named {
                    quote(&mut tokens[at]);
                } else if excludes {
                    enclose(tokens, at + 1);
                }
                if let Some(last) = parts.last_mut() {
                    *last = next;
                }
            }
        }
        at += 1;
    }
}

fn part_after(word: &str, token: &Token, part: Part) -> Part {
    match (word, part) {
        ("select", _) => Part::List,
        ("from", Part::List) | ("join", _) => Part::Relations,
        ("on", Part::Relations) => Part::Condition,
        // INTO and EXCLUDE stand before FROM
        ("into" | "exclude", Part::List) => part,
        (word, Part::List) if AFTER_LIST.contains(&word) => Part::Other,
        ("where" | "group" | "order" | "qualify", Part::Relations | Part::Condition) => Part::Other,
        _ if part == Part::Condition && *token == Token::Comma => Part::Relations,
        _ => part,
    }
}

fn unquoted(token: &Token) -> Option<&str> {
    match token {
        Token::Word(word) if word.quote_style.is_none() => Some(&word.value),
        _ => None,
    }
}

/// True for the first word of an item of the list, which is a name.
fn begins(tokens: &[TokenWithSpan], at: usize) -> bool {
    match at.checked_sub(1).and_then(|before| tokens.get(before)).map(|t| &t.token) {
        None | Some(Token::Comma | Token::Period) => true,
        Some(token) => ["select", "distinct", "all", "as"].map(Some).contains(&unquoted(token)),
    }
}

/// True where an item or a relation ends before a token.
fn closes(tokens: &[TokenWithSpan], at: usize, part: Part) -> bool {
    let words = match part {
        Part::List => AFTER_LIST,
        Part::Relations => AFTER_RELATION,
        Part::Condition | Part::Other => return false,
    };
    match tokens.get(at).map(|t| &t.token) {
        None | Some(Token::Comma | Token::RParen) => true,
        Some(token) => unquoted(token).is_some_and(|word| words.contains(&word)),
    }
}

/// True where a relation ends before a token, or its alias begins.
fn ends(tokens: &[TokenWithSpan], at: usize, part: Part) -> bool {
    closes(tokens, at, part) || tokens.get(at).is_some_and(|t| matches!(t.token, Token::Word(_)))
}

fn quote(token: &mut TokenWithSpan) {
    if let Token::Word(word) = &token.token {
        token.token = Token::make_word(&word.value, Some('"'));
    }
}

/// Puts `a, b` between parentheses where it ends the select list.
fn enclose(tokens: &mut Vec<TokenWithSpan>, start: usize) {
    let mut end = start;
    loop {
        let name = |at: usize| tokens.get(at).is_some_and(|t| matches!(t.token, Token::Word(_)));
        if !name(end) || end == start && closes(tokens, end, Part::List) {
            return;
        }
        end += 1;
        while tokens.get(end).is_some_and(|t| t.token == Token::Period) && name(end + 1) {
            end += 2;
        }
        if tokens.get(end).is_none_or(|t| t.token != Token::Comma) {
            break;
        }
        end += 1;
    }
    if !closes(tokens, end, Part::List) {
        return;
    }
    let (Some(first), Some(last)) = (tokens.get(start), tokens.get(end - 1)) else { return };
    let (open, close) = (first.span, last.span);
    tokens.insert(end, TokenWithSpan { token: Token::RParen, span: close });
    tokens.insert(start, TokenWithSpan { token: Token::LParen, span: open });
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::dialect::lex::pieces;

    fn texts(sql: &str) -> String {
        let pieces = pieces(sql, Path::new("a.sql")).expect("tokens");
        let words = pieces[0].tokens.iter().map(|t| t.token.to_string());
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn exclude_takes_the_rest_of_the_list() {
        for (sql, plain) in [
            ("select * exclude a, b from t", "select * exclude ( a , b ) from t"),
            ("select * exclude a", "select * exclude ( a )"),
            ("select *, 4 as d exclude a, b from t", "select * , 4 as d exclude ( a , b ) from t"),
            ("select t.* exclude t.a from t", "select t . * exclude ( t . a ) from t"),
            ("select * exclude (a, b) from t", "select * exclude ( a , b ) from t"),
            (
                "select (select * exclude a, b from t), c from u",
                "select ( select * exclude ( a , b ) from t ) , c from u",
            ),
            // a name
            ("select a exclude from t", "select a \"exclude\" from t"),
            ("select a exclude, b from t", "select a \"exclude\" , b from t"),
            ("select exclude, exclude from t", "select \"exclude\" , \"exclude\" from t"),
            ("select a from t exclude where a = 1", "select a from t \"exclude\" where a = 1"),
        ] {
            assert_eq!(texts(sql), plain);
        }
    }

    #[test]
    fn words_that_are_not_reserved_are_names() {
        for (sql, plain) in [
            (
                "select a div, b sort from t view, u",
                "select a \"div\" , b \"sort\" from t \"view\" , u",
            ),
            ("select 1 xor", "select 1 \"xor\""),
            (
                "select a fetch from t cluster join u on true",
                "select a \"fetch\" from t \"cluster\" join u on true",
            ),
            // operators and statements stay
            ("select a div b, c xor d from t", "select a div b , c xor d from t"),
            ("create view v as select 1", "create view v as select 1"),
            ("fetch from c", "fetch from c"),
            ("insert into t values (1)", "insert into t values ( 1 )"),
            ("select a from t where a rlike b", "select a from t where a rlike b"),
        ] {
            assert_eq!(texts(sql), plain);
        }
    }

    #[test]
    fn a_star_behind_a_table_says_nothing() {
        for (sql, plain) in [
            ("select a from t *", "select a from t"),
            ("select a from t * where a = 1", "select a from t where a = 1"),
            ("select a from t * x, u *", "select a from t x , u"),
            (
                "select a from t join u * on t.a * u.a = 1",
                "select a from t join u on t . a * u . a = 1",
            ),
            ("select a * 2 from t", "select a * 2 from t"),
            ("select a from t join u on a = b, v *", "select a from t join u on a = b , v"),
            ("select count(*) from t", "select count ( * ) from t"),
        ] {
            assert_eq!(texts(sql), plain);
        }
    }
}
