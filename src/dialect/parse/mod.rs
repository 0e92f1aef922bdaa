//! Statements out of a script: dispatch on the first words. It plans nothing and checks no names.
//!
//! DDL and the outer shape of DML are read here by hand, because sqlparser refuses Redshift's
//! attributes in free order; queries, expressions and types are sqlparser's.

mod alter;
mod care;
mod copy;
mod databases;
mod ddl;
mod dml;
mod external;
mod materialized;
mod noted;
mod prepared;
mod reader;
mod session;
mod transfer;

use std::path::Path;

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::dialect::command::{Command, Parsed};
use crate::dialect::lex::{self, Piece};
use crate::dialect::rules;
use crate::error::{Error, Result};

use reader::Reader;
pub use reader::object_ref;

/// Reads a script into its statements, in order.
///
/// Errors: `sql/syntax` and `sql/unsupported`, with the place in `file`.
pub fn parse_script(text: &str, file: &Path) -> Result<Vec<Parsed>> {
    parse_each(text, file)?.into_iter().collect()
}

/// Reads a script into its statements, each by itself: one that cannot be read hides no other.
///
/// Errors: `sql/syntax` of a string or comment that never ends, after which nothing can be told.
pub fn parse_each(text: &str, file: &Path) -> Result<Vec<Result<Parsed>>> {
    Ok(lex::pieces(text, file)?.into_iter().map(|piece| statement(piece, text, file)).collect())
}

fn statement(piece: Piece, text: &str, file: &Path) -> Result<Parsed> {
    if let Some(error) = rules::refused_start(&piece.tokens, file) {
        return Err(error);
    }
    let source = text.get(piece.start..piece.end).unwrap_or_default().to_owned();
    let mut reader = Reader::new(varbyte(piece.tokens.clone()), file, text);
    let command = command(&mut reader).and_then(|command| reader.end().map(|()| command));
    match command {
        Ok(command) => {
            let databases = reader.into_databases();
            Ok(Parsed { text: source, place: piece.place, command, databases })
        }
        Err(error) => Err(rules::refused_word(&piece.tokens, error, file)),
    }
}

/// `BINARY VARYING`, a type of two words that sqlparser does not know, as VARBYTE (r_VARBYTE_type).
fn varbyte(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let is = |token: &TokenWithSpan, word: &str| matches!(&token.token, Token::Word(w) if w.quote_style.is_none() && w.value == word);
    let first = |tokens: &[TokenWithSpan]| {
        tokens
            .windows(2)
            .position(|pair| matches!(pair, [a, b] if is(a, "binary") && is(b, "varying")))
    };
    while let Some(at) = first(&tokens) {
        tokens.remove(at + 1);
        if let Some(token) = tokens.get_mut(at) {
            token.token = Token::make_word("varbyte", None);
        }
    }
    tokens
}

/// Reads one query, as a view keeps it.
///
/// Errors: `sql/syntax`; anything but exactly one query is refused.
pub fn parse_query(text: &str, file: &Path) -> Result<Box<ast::Query>> {
    let mut statements = parse_script(text, file)?;
    match (statements.pop(), statements.is_empty()) {
        (Some(Parsed { command: Command::Query(query), .. }), true) => Ok(query),
        _ => Err(Error::failed("sql/syntax", "expected exactly one query")
            .hint("give one SELECT statement")),
    }
}

fn command(r: &mut Reader<'_>) -> Result<Command> {
    let Some(word) = r.word() else {
        return if r.peek_is("(") { query(r) } else { Err(r.expected("a statement")) };
    };
    if let Some(noted) = noted::statement(r, &word)? {
        return Ok(noted);
    }
    match word.as_str() {
        "select" | "values" => query(r),
        "with" => dml::with(r),
        "insert" => dml::insert(r),
        "update" => dml::update(r, None),
        "delete" => dml::delete(r, None),
        "merge" => dml::merge(r, None),
        "truncate" => {
            r.next();
            r.take("table");
            Ok(Command::Truncate { table: r.object()? })
        }
        "create" => ddl::create(r),
        "drop" => ddl::drop(r),
        "alter" => alter::alter(r),
        "begin" | "start" | "commit" | "end" | "rollback" | "abort" => transaction(r, &word),
        "set" | "reset" | "show" => session::statement(r, &word),
        "explain" => {
            r.next();
            r.take("verbose");
            Ok(Command::Explain { command: Box::new(command(r)?) })
        }
        "refresh" => materialized::refresh(r),
        "prepare" => prepared::prepare(r),
        "execute" => prepared::execute(r),
        "deallocate" => prepared::deallocate(r),
        "declare" => prepared::declare(r),
        "fetch" => prepared::fetch(r),
        "close" => prepared::close(r),
        "copy" => copy::copy(r),
        "unload" => transfer::unload(r),
        _ => Err(r.expected("a statement").hint(
            "a statement begins with its verb: SELECT, WITH, INSERT, UPDATE, DELETE, MERGE, CREATE ... \
             (c_SQL_commands)",
        )),
    }
}

fn query(r: &mut Reader<'_>) -> Result<Command> {
    let query = r.query()?;
    dml::select_into(*query)
}

fn transaction(r: &mut Reader<'_>, word: &str) -> Result<Command> {
    r.next();
    let command = match word {
        "begin" | "start" => Command::Begin { read_only: false },
        "commit" | "end" => Command::Commit,
        _ => Command::Rollback,
    };
    if matches!(command, Command::Rollback) && r.take("to") {
        return Err(r.unsupported("ROLLBACK TO SAVEPOINT", "Redshift has no savepoints"));
    }
    if !r.take("work") {
        r.take("transaction");
    }
    match command {
        Command::Begin { .. } => Ok(Command::Begin { read_only: access(r)? }),
        command => Ok(command),
    }
}

/// `[ISOLATION LEVEL ...] [READ WRITE | READ ONLY]`: every level is one level on Redshift (r_BEGIN).
fn access(r: &mut Reader<'_>) -> Result<bool> {
    if r.take_words(&["isolation", "level"]) {
        let levels: [&[&str]; 4] = [
            &["serializable"],
            &["read", "uncommitted"],
            &["read", "committed"],
            &["repeatable", "read"],
        ];
        if !levels.iter().any(|level| r.take_words(level)) {
            return Err(r.expected("SERIALIZABLE or another level of isolation"));
        }
        let _ = r.take_token(",");
    }
    let read_only = r.take_words(&["read", "only"]);
    let _ = !read_only && r.take_words(&["read", "write"]);
    Ok(read_only)
}

#[cfg(test)]
mod tests;
