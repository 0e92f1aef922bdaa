//! A cursor over the tokens of one statement, with sqlparser behind it. It knows no statement.

use std::path::Path;

use datafusion::sql::sqlparser::ast::{self, ObjectNamePart, VisitMut};
use datafusion::sql::sqlparser::dialect::{Dialect, Precedence};
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use super::databases::{Databases, within};
use crate::dialect::command::ObjectRef;
use crate::dialect::lex::{Grammar, lower_first, offset_of, place_of};
use crate::dialect::rules;
use crate::error::{Error, Place, Result};
use crate::types::SqlType;

static GRAMMAR: Grammar = Grammar;

/// Nested expressions and subqueries one statement may have.
const DEPTH: usize = 120;

/// A cursor that never moves past the end.
pub struct Reader<'a> {
    parser: Parser<'static>,
    file: &'a Path,
    text: &'a str,
    /// Where the statement ends.
    end: Place,
    databases: Databases,
}

impl<'a> Reader<'a> {
    pub fn new(tokens: Vec<TokenWithSpan>, file: &'a Path, text: &'a str) -> Reader<'a> {
        let end =
            tokens.last().map_or_else(|| Place::new(file, 1, 1), |t| place_of(file, t.span.end));
        let parser =
            Parser::new(&GRAMMAR).with_recursion_limit(DEPTH).with_tokens_with_locations(tokens);
        Reader { parser, file, text, end, databases: Databases::new() }
    }

    /// The next token as an unquoted word, not consumed.
    pub fn word(&self) -> Option<String> {
        self.word_at(0)
    }

    /// The unquoted word `n` tokens ahead.
    pub fn word_at(&self, n: usize) -> Option<String> {
        match &self.parser.peek_nth_token_ref(n).token {
            Token::Word(word) if word.quote_style.is_none() => Some(word.value.clone()),
            _ => None,
        }
    }

    /// True if the next token is the word or the sign `text`.
    pub fn peek_is(&self, text: &str) -> bool {
        self.peek_is_at(0, text)
    }

    pub fn peek_is_at(&self, n: usize, text: &str) -> bool {
        match &self.parser.peek_nth_token_ref(n).token {
            Token::Word(word) => word.quote_style.is_none() && word.value == text,
            Token::EOF => false,
            token => sign(token) == Some(text),
        }
    }

    pub fn next(&mut self) {
        if !self.at_end() {
            self.parser.advance_token();
        }
    }

    /// Consumes the word if it is next.
    pub fn take(&mut self, word: &str) -> bool {
        let found = self.word().as_deref() == Some(word);
        if found {
            self.next();
        }
        found
    }

    /// Consumes the words if all of them are next.
    pub fn take_words(&mut self, words: &[&str]) -> bool {
        let found = words.iter().enumerate().all(|(i, w)| self.word_at(i).as_deref() == Some(w));
        if found {
            words.iter().for_each(|_| self.next());
        }
        found
    }

    /// Consumes the sign if it is next: `(`, `)`, `,`, `.`, `=`.
    pub fn take_token(&mut self, text: &str) -> bool {
        let found = sign(&self.parser.peek_token_ref().token) == Some(text);
        if found {
            self.next();
        }
        found
    }

    pub fn expect(&mut self, word: &str) -> Result<()> {
        if self.take(word) { Ok(()) } else { Err(self.expected(&word.to_uppercase())) }
    }

    pub fn expect_words(&mut self, words: &[&str]) -> Result<()> {
        words.iter().try_for_each(|w| self.expect(w))
    }

    pub fn expect_token(&mut self, text: &str) -> Result<()> {
        if self.take_token(text) { Ok(()) } else { Err(self.expected(&format!("`{text}`"))) }
    }

    pub fn at_end(&self) -> bool {
        self.parser.peek_token_ref().token == Token::EOF
    }

    /// Errors when something follows the statement.
    pub fn end(&self) -> Result<()> {
        if self.at_end() { Ok(()) } else { Err(self.expected("the end of the statement")) }
    }

    pub fn skip_all(&mut self) {
        while !self.at_end() {
            self.next();
        }
    }

    pub fn identifier(&mut self) -> Result<String> {
        let ident = self.parser.parse_identifier();
        self.parsed(ident).map(|i| i.value)
    }

    /// The name of something new: no reserved word, unless it is quoted (r_pg_keywords).
    pub fn new_name(&mut self) -> Result<String> {
        let place = self.place();
        let ident = self.ident()?;
        if ident.value.is_empty() {
            return Err(no_name(place));
        }
        match rules::reserved_name(&ident) {
            Some(error) => Err(error.at(place)),
            None => Ok(ident.value),
        }
    }

    /// `(a, b, c)` of new columns.
    pub fn new_names(&mut self) -> Result<Vec<String>> {
        self.expect_token("(")?;
        let names = self.list(Reader::new_name)?;
        self.expect_token(")")?;
        Ok(names)
    }

    pub fn ident(&mut self) -> Result<ast::Ident> {
        let ident = self.parser.parse_identifier();
        self.parsed(ident)
    }

    /// `[schema.]table`.
    pub fn object(&mut self) -> Result<ObjectRef> {
        let place = self.place();
        let name = self.parser.parse_object_name(false);
        let name = self.parsed(name)?;
        if let Some(error) = rules::reserved_table(&name) {
            return Err(error.at(place));
        }
        if name.0.iter().any(|part| part.as_ident().is_some_and(|i| i.value.is_empty())) {
            return Err(no_name(place));
        }
        if let [database, _, _] = name.0.as_slice() {
            let database = database.as_ident().map(|name| (name.value.clone(), place.clone()));
            self.databases.extend(database);
        }
        object_ref(&name).ok_or_else(|| {
            Error::failed("sql/syntax", format!("`{name}` is no name of a table"))
                .at(place)
                .hint("name tables as schema.table")
        })
    }

    /// Notes the database of a name that was read in parts.
    pub fn note_database(&mut self, database: String, place: Place) {
        self.databases.push((database, place));
    }

    /// The databases the statement names.
    pub fn into_databases(self) -> Databases {
        self.databases
    }

    pub fn expression(&mut self) -> Result<ast::Expr> {
        let start = self.start();
        let expr = self.parser.parse_expr();
        self.tree(expr, start)
    }

    /// An expression that ends before NOT NULL, which is an attribute of its column.
    pub fn default_value(&mut self) -> Result<ast::Expr> {
        let tight = GRAMMAR.prec_value(Precedence::Is);
        let expr = self.parser.parse_subexpr(tight);
        self.parsed(expr)
    }

    pub fn query(&mut self) -> Result<Box<ast::Query>> {
        let start = self.start();
        let query = self.parser.parse_query();
        self.tree(query, start)
    }

    pub fn cte(&mut self) -> Result<ast::Cte> {
        let start = self.start();
        let place = self.place();
        let cte = self.parser.parse_cte();
        let cte = self.tree(cte, start)?;
        match rules::reserved_name(&cte.alias.name) {
            Some(error) => Err(error.at(place)),
            None => Ok(cte),
        }
    }

    pub fn table_and_joins(&mut self) -> Result<ast::TableWithJoins> {
        let start = self.start();
        let table = self.parser.parse_table_and_joins();
        self.tree(table, start)
    }

    pub fn table_factor(&mut self) -> Result<ast::TableFactor> {
        let start = self.start();
        let table = self.parser.parse_table_factor();
        self.tree(table, start)
    }

    /// A type as it is written.
    pub fn data_type(&mut self) -> Result<ast::DataType> {
        let data_type = self.parser.parse_data_type();
        self.parsed(data_type)
    }

    /// A column type that Landfall keeps faithfully.
    pub fn sql_type(&mut self) -> Result<SqlType> {
        let place = self.place();
        let data_type = self.parser.parse_data_type();
        let data_type = self.parsed(data_type)?;
        if matches!(data_type, ast::DataType::Double(_)) {
            return Err(Error::failed("sql/type", "type `DOUBLE` is not a Redshift type")
                .at(place)
                .hint("write DOUBLE PRECISION, FLOAT or FLOAT8 (c_Supported_data_types)"));
        }
        SqlType::parse(&data_type.to_string()).map_err(|e| {
            let hint = e.advice().unwrap_or("see the types of the Redshift manual").to_owned();
            Error::failed("sql/type", e.message().to_owned()).at(place).hint(hint)
        })
    }

    /// `(a, b, c)`.
    pub fn column_list(&mut self) -> Result<Vec<String>> {
        self.expect_token("(")?;
        let columns = self.list(Reader::identifier)?;
        self.expect_token(")")?;
        Ok(columns)
    }

    /// One or more, separated by commas.
    pub fn list<T>(&mut self, one: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut all = vec![one(self)?];
        while self.take_token(",") {
            all.push(one(self)?);
        }
        Ok(all)
    }

    /// A string literal.
    pub fn string(&mut self) -> Result<String> {
        if let Token::DollarQuotedString(text) = &self.parser.peek_token_ref().token {
            let text = text.value.clone();
            self.next();
            return Ok(text);
        }
        let text = self.parser.parse_literal_string();
        self.parsed(text)
    }

    /// True if a number is next.
    pub fn at_number(&self) -> bool {
        matches!(self.parser.peek_token_ref().token, Token::Number(..))
    }

    /// True if a string literal is next.
    pub fn at_string(&self) -> bool {
        matches!(
            self.parser.peek_token_ref().token,
            Token::SingleQuotedString(_) | Token::DollarQuotedString(_)
        )
    }

    /// A string literal as its source has it: no backslash is read.
    pub fn raw_string(&mut self) -> Result<String> {
        let from = self.offset();
        let read = self.string()?;
        let source = self.text_from(from, self.end_offset());
        let inner = source.strip_prefix('\'').and_then(|s| s.strip_suffix('\''));
        Ok(inner.map_or(read, |raw| raw.replace("''", "'")))
    }

    /// The text of a string or number literal.
    pub fn literal(&mut self) -> Result<String> {
        let value = self.parser.parse_value();
        match self.parsed(value)?.value {
            ast::Value::Number(text, _) => Ok(text),
            value => value.into_string().ok_or_else(|| self.expected("a literal")),
        }
    }

    /// A whole number, with a sign.
    pub fn integer(&mut self) -> Result<i64> {
        let negative = self.take_token("-");
        let number = self.parser.parse_literal_uint();
        let number = i64::try_from(self.parsed(number)?)
            .map_err(|_| self.expected("a number that fits 64 bits"))?;
        Ok(if negative { -number } else { number })
    }

    /// The rest of the statement as its own text, without quotes around a single string.
    pub fn rest_as_text(&mut self) -> String {
        let tokens: Vec<String> = std::iter::from_fn(|| {
            let token = self.parser.peek_token();
            (token.token != Token::EOF).then(|| {
                self.next();
                match token.token {
                    Token::SingleQuotedString(text) => text,
                    other => other.to_string(),
                }
            })
        })
        .collect();
        tokens.join(" ")
    }

    /// The source text between two byte offsets.
    pub fn text_from(&self, from: usize, to: usize) -> String {
        self.text.get(from..to).unwrap_or_default().trim().to_owned()
    }

    /// Byte offset of the next token, or of the end of the last one.
    pub fn offset(&self) -> usize {
        let token = self.parser.peek_token_ref();
        if token.token == Token::EOF {
            return self.end_offset();
        }
        offset_of(self.text, token.span.start)
    }

    /// Byte offset just after the token consumed last.
    pub fn end_offset(&self) -> usize {
        let index = self.parser.index().saturating_sub(1);
        offset_of(self.text, self.parser.token_at(index).span.end)
    }

    /// The place of the next token, or the end of the statement.
    pub fn place(&self) -> Place {
        let token = self.parser.peek_token_ref();
        if token.span.start.line == 0 {
            return self.end.clone();
        }
        place_of(self.file, token.span.start)
    }

    pub fn expected(&self, what: &str) -> Error {
        let token = self.parser.peek_token_ref();
        let found = match &token.token {
            Token::EOF => "the end of the statement".to_owned(),
            token => format!("`{token}`"),
        };
        Error::failed("sql/syntax", format!("expected {what}, found {found}")).at(self.place())
    }

    pub fn unsupported(&self, what: &str, hint: &str) -> Error {
        Error::failed("sql/unsupported", format!("{what} is not supported locally"))
            .at(self.place())
            .hint(hint)
    }

    /// The word or the sign at a place.
    fn word_of(&self, place: &Place) -> String {
        let location = Location { line: place.line as u64, column: place.column as u64 };
        let rest = self.text.get(offset_of(self.text, location)..).unwrap_or_default();
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let of_word = rest.starts_with(word);
        rest.chars().take_while(|c| word(*c) == of_word && !c.is_whitespace()).collect()
    }

    /// Where the next token stands in the text.
    fn start(&self) -> Location {
        self.parser.peek_token_ref().span.start
    }

    /// sqlparser's tree made ours; `start` is where its text begins.
    fn tree<T: VisitMut>(
        &mut self,
        tree: std::result::Result<T, ParserError>,
        start: Location,
    ) -> Result<T> {
        let tree = self.parsed(tree)?;
        within(tree, start, self.file, &mut self.databases)
    }

    /// sqlparser's answer with its error made ours.
    fn parsed<T>(&self, result: std::result::Result<T, ParserError>) -> Result<T> {
        result.map_err(|error| match error {
            ParserError::RecursionLimitExceeded => Error::failed(
                "sql/too-deep",
                format!("the statement nests deeper than {DEPTH} levels"),
            )
            .at(self.place())
            .hint("split it, for example with WITH"),
            ParserError::ParserError(message) | ParserError::TokenizerError(message) => {
                let (mut message, place) = located(&message, self.file);
                if message.starts_with("no infix parser") {
                    let found = place.as_ref().map(|place| self.word_of(place));
                    message = format!("syntax error at or near \"{}\"", found.unwrap_or_default());
                }
                Error::failed("sql/syntax", message).at(place.unwrap_or_else(|| self.end.clone()))
            }
        })
    }
}

/// The error of a name of no character (r_names).
fn no_name(place: Place) -> Error {
    Error::failed("sql/syntax", "a name has no character")
        .at(place)
        .hint("a name has 1 to 127 bytes (r_names)")
}

/// The signs our own grammar uses.
fn sign(token: &Token) -> Option<&'static str> {
    Some(match token {
        Token::LParen => "(",
        Token::RParen => ")",
        Token::Comma => ",",
        Token::Period => ".",
        Token::Eq => "=",
        Token::Minus => "-",
        _ => return None,
    })
}

/// `table`, `schema.table` or `database.schema.table`; `None` for more.
pub fn object_ref(name: &ast::ObjectName) -> Option<ObjectRef> {
    let part = |p: &ObjectNamePart| p.as_ident().map(|i| i.value.clone());
    match name.0.as_slice() {
        [table] => Some(ObjectRef { schema: None, table: part(table)? }),
        [schema, table] | [_, schema, table] => {
            Some(ObjectRef { schema: Some(part(schema)?), table: part(table)? })
        }
        _ => None,
    }
}

/// Takes ` at Line: 3, Column: 7` off the end of a message of sqlparser.
///
/// A message without it speaks of the end of the statement.
fn located(message: &str, file: &Path) -> (String, Option<Place>) {
    let (head, tail) = message.rsplit_once(" at Line: ").unwrap_or((message, ""));
    let place = tail.split_once(", Column: ").and_then(|(line, column)| {
        Some(Place::new(file, line.trim().parse().ok()?, column.trim().parse().ok()?))
    });
    let text = head
        .replace("Expected: ", "expected ")
        .replace("found: EOF", "found the end of the statement")
        .replace("found: ", "found ");
    (lower_first(&text), place.filter(|p| p.line > 0))
}
