//! SET, RESET and SHOW. It knows no setting.
//!
//! Source: r_SET, r_RESET, r_SHOW, r_SHOW_TABLE, r_SHOW_TABLES, r_SHOW_COLUMNS, r_SHOW_SCHEMAS.

use super::reader::Reader;
use crate::dialect::command::{Command, ObjectRef, Show, ShowFilter};
use crate::error::Result;

pub fn statement(r: &mut Reader<'_>, word: &str) -> Result<Command> {
    r.next();
    if word == "show" {
        return Ok(Command::Show(show(r)?));
    }
    if word == "reset" && r.take_words(&["session", "authorization"]) {
        return Ok(Command::Noted { what: "RESET SESSION AUTHORIZATION" });
    }
    let mut local = false;
    if word == "set" {
        // every level of isolation is one level on Redshift (r_BEGIN)
        if r.take_words(&["session", "characteristics", "as", "transaction"])
            || r.take("transaction")
        {
            r.skip_all();
            return Ok(Command::Noted { what: "SET TRANSACTION" });
        }
        local = !r.take("session") && r.take("local");
        if r.take("authorization") {
            r.skip_all();
            return Ok(Command::Noted { what: "SET SESSION AUTHORIZATION" });
        }
        if r.take_words(&["time", "zone"]) {
            let value = Some(r.rest_as_text());
            return Ok(Command::Set { name: "timezone".into(), value, local });
        }
    }
    let name = setting(r)?;
    if word == "reset" {
        return Ok(Command::Set { name, value: None, local });
    }
    if !r.take_token("=") {
        r.expect("to")?;
    }
    Ok(Command::Set { name, value: Some(r.rest_as_text()), local })
}

fn setting(r: &mut Reader<'_>) -> Result<String> {
    let mut name = r.identifier()?;
    while r.take_token(".") {
        name = format!("{name}.{}", r.identifier()?);
    }
    Ok(name)
}

fn show(r: &mut Reader<'_>) -> Result<Show> {
    if r.peek_is("table") && !r.peek_is_at(1, ";") {
        r.next();
        return Ok(Show::Table(r.object()?));
    }
    if r.take("view") {
        return Ok(Show::View(r.object()?));
    }
    if r.take("databases") {
        return Ok(Show::Databases);
    }
    if r.take_words(&["schemas", "from", "database"]) {
        let place = r.place();
        let database = r.identifier()?;
        r.note_database(database, place);
        return Ok(Show::Schemas(filter(r)?));
    }
    if r.take_words(&["tables", "from", "schema"]) {
        let schema = last_of(r, 2)?;
        return Ok(Show::Tables(schema, filter(r)?));
    }
    if r.take_words(&["columns", "from", "table"]) {
        let place = r.place();
        let mut parts = parts(r)?;
        let table = parts.pop().unwrap_or_default();
        let table = ObjectRef { schema: parts.pop(), table };
        if let Some(database) = parts.pop() {
            r.note_database(database, place);
        }
        return Ok(Show::Columns(table, filter(r)?));
    }
    if r.take_words(&["time", "zone"]) {
        return Ok(Show::Setting("timezone".into()));
    }
    if r.take("all") {
        return Ok(Show::All);
    }
    Ok(Show::Setting(setting(r)?))
}

fn parts(r: &mut Reader<'_>) -> Result<Vec<String>> {
    let mut parts = vec![r.identifier()?];
    while r.take_token(".") {
        parts.push(r.identifier()?);
    }
    Ok(parts)
}

/// The last part of a name of at most so many.
fn last_of(r: &mut Reader<'_>, most: usize) -> Result<String> {
    let place = r.place();
    let mut parts = parts(r)?;
    if parts.len() > most {
        return Err(r.expected("database.schema"));
    }
    let last = parts.pop().unwrap_or_default();
    if let Some(database) = parts.pop() {
        r.note_database(database, place);
    }
    Ok(last)
}

fn filter(r: &mut Reader<'_>) -> Result<ShowFilter> {
    let like = if r.take("like") { Some(r.string()?) } else { None };
    let limit = match r.take("limit") {
        true => usize::try_from(r.integer()?).ok(),
        false => None,
    };
    Ok(ShowFilter { like, limit })
}
