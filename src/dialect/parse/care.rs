//! ANALYZE, VACUUM, LOCK and COMMENT: what they name, and options that Redshift refuses. It knows no
//! table.
//!
//! Source: r_ANALYZE, r_ANALYZE_COMPRESSION, r_VACUUM_command, r_LOCK, r_COMMENT.

use super::reader::Reader;
use crate::dialect::care::{Care, Kind};
use crate::dialect::command::{Command, ObjectRef};
use crate::dialect::rules::{self, Raised};
use crate::error::Result;

/// A statement that begins with one of these words; `None` for any other.
pub fn statement(r: &mut Reader<'_>, word: &str) -> Result<Option<Command>> {
    let care = match word {
        "analyze" | "analyse" => analyze(r)?,
        "vacuum" => vacuum(r)?,
        "comment" => comment(r)?,
        "lock" => lock(r)?,
        _ => return Ok(None),
    };
    Ok(Some(Command::Care(Box::new(care))))
}

fn care(what: &'static str, names: Vec<ObjectRef>) -> Care {
    Care { what, names, columns: Vec::new(), constraint: None, kind: Kind::Table }
}

fn analyze(r: &mut Reader<'_>) -> Result<Care> {
    r.next();
    if r.take("compression") {
        let rows = r.peek_is("comprows") && !r.peek_is_at(1, "(");
        let named = match r.at_end() || rows {
            true => care("ANALYZE COMPRESSION", Vec::new()),
            false => table_and_columns(r, "ANALYZE COMPRESSION")?,
        };
        if r.take("comprows") {
            r.integer()?;
        }
        return Ok(named);
    }
    let _ = r.take("verbose");
    let whole = |r: &Reader<'_>| {
        matches!(r.word().as_deref(), Some("predicate" | "all"))
            && r.word_at(1).as_deref() == Some("columns")
    };
    let named = match r.at_end() || whole(r) {
        true => care("ANALYZE", Vec::new()),
        false => table_and_columns(r, "ANALYZE")?,
    };
    if whole(r) {
        r.next();
        r.next();
    }
    Ok(named)
}

fn table_and_columns(r: &mut Reader<'_>, what: &'static str) -> Result<Care> {
    let names = vec![r.object()?];
    let columns = if r.peek_is("(") { r.column_list()? } else { Vec::new() };
    Ok(Care { columns, ..care(what, names) })
}

fn vacuum(r: &mut Reader<'_>) -> Result<Care> {
    r.next();
    let reindex = r.take("reindex");
    let _ = !reindex
        && (r.take("full")
            || r.take_words(&["sort", "only"])
            || r.take_words(&["delete", "only"])
            || r.take("recluster"));
    let mut names = Vec::new();
    if !r.at_end() && !r.peek_is("boost") {
        names.push(r.object()?);
        let place = r.place();
        if r.take("to") {
            let threshold = r.integer()?;
            r.expect("percent")?;
            if reindex || !(0..=100).contains(&threshold) {
                return Err(rules::raised(Raised::VacuumThreshold, place));
            }
        }
    }
    let _ = r.take("boost");
    Ok(care("VACUUM", names))
}

fn lock(r: &mut Reader<'_>) -> Result<Care> {
    r.next();
    let _ = r.take("table");
    Ok(care("LOCK", r.list(Reader::object)?))
}

/// `COMMENT ON { TABLE t | VIEW v | COLUMN t.c | CONSTRAINT n ON t | DATABASE d } IS 'text'`.
fn comment(r: &mut Reader<'_>) -> Result<Care> {
    r.next();
    r.expect("on")?;
    let mut named = care("COMMENT", Vec::new());
    if r.take("table") {
        named.names.push(r.object()?);
    } else if r.take("view") {
        named.kind = Kind::View;
        named.names.push(r.object()?);
    } else if r.take("column") {
        named.kind = Kind::Either;
        let (table, column) = column(r)?;
        named.names.push(table);
        named.columns.push(column);
    } else if r.take("constraint") {
        named.constraint = Some(r.identifier()?);
        r.expect("on")?;
        named.names.push(r.object()?);
    } else if r.take("database") {
        r.identifier()?;
    } else {
        return Err(r.expected("TABLE, COLUMN, CONSTRAINT, DATABASE or VIEW"));
    }
    r.expect("is")?;
    if !r.take("null") {
        r.string()?;
    }
    Ok(named)
}

/// `[[database.]schema.]table.column`.
fn column(r: &mut Reader<'_>) -> Result<(ObjectRef, String)> {
    let place = r.place();
    let mut parts = vec![r.identifier()?];
    while r.take_token(".") {
        parts.push(r.identifier()?);
    }
    let column = parts.pop().unwrap_or_default();
    let Some(table) = parts.pop() else { return Err(r.expected("`.` and a column")) };
    let schema = parts.pop();
    if let Some(database) = parts.pop() {
        r.note_database(database, place);
    }
    Ok((ObjectRef { schema, table }, column))
}
