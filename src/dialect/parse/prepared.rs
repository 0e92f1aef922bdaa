//! PREPARE, EXECUTE, DEALLOCATE and cursors. It fills in no value.
//!
//! Source: r_PREPARE, r_EXECUTE, r_DEALLOCATE, declare, fetch, close.

use super::reader::Reader;
use super::{command, dml};
use crate::dialect::command::{Command, Prepare};
use crate::dialect::parameters;
use crate::error::Result;

/// `PREPARE name [(type, ...)] AS { SELECT | INSERT | UPDATE | DELETE }`.
pub fn prepare(r: &mut Reader<'_>) -> Result<Command> {
    r.expect("prepare")?;
    let name = r.identifier()?;
    let mut types = Vec::new();
    if r.take_token("(") {
        types = r.list(Reader::data_type)?;
        r.expect_token(")")?;
    }
    r.expect("as")?;
    let place = r.place();
    let command = match r.word().as_deref() {
        Some("select" | "with" | "insert" | "update" | "delete") => command(r)?,
        _ => return Err(r.expected("SELECT, INSERT, UPDATE or DELETE (r_PREPARE)")),
    };
    let prepare = Prepare { name, types, command };
    parameters::check(&prepare).map_err(|error| error.at(place))?;
    Ok(Command::Prepare(Box::new(prepare)))
}

/// `EXECUTE name [(value, ...)]`.
pub fn execute(r: &mut Reader<'_>) -> Result<Command> {
    r.expect("execute")?;
    let name = r.identifier()?;
    let mut values = Vec::new();
    if r.take_token("(") {
        values = r.list(Reader::expression)?;
        r.expect_token(")")?;
    }
    Ok(Command::Execute { name, values })
}

/// `DEALLOCATE [PREPARE] name`.
pub fn deallocate(r: &mut Reader<'_>) -> Result<Command> {
    r.expect("deallocate")?;
    let _ = r.take("prepare");
    let name = if r.take("all") { None } else { Some(r.identifier()?) };
    Ok(Command::Deallocate { name })
}

/// `DECLARE name CURSOR FOR query`.
pub fn declare(r: &mut Reader<'_>) -> Result<Command> {
    r.expect("declare")?;
    let cursor = r.identifier()?;
    r.expect_words(&["cursor", "for"])?;
    let place = r.place();
    let query = if r.peek_is("with") { dml::with(r)? } else { dml::select_into(*r.query()?)? };
    match query {
        Command::Query(query) => Ok(Command::Declare { cursor, query }),
        _ => Err(r.expected("a query (declare)").at(place)),
    }
}

/// `FETCH { NEXT | ALL | FORWARD [n | ALL] } FROM name`.
pub fn fetch(r: &mut Reader<'_>) -> Result<Command> {
    r.expect("fetch")?;
    let rows = if r.take("next") {
        Some(1)
    } else if r.take("all") {
        None
    } else {
        r.expect("forward")?;
        match r.take("all") {
            true => None,
            false if r.at_number() => {
                let count = usize::try_from(r.integer()?).ok().filter(|count| *count > 0);
                Some(count.ok_or_else(|| r.expected("a number of rows above 0"))?)
            }
            false => Some(1),
        }
    };
    r.expect("from")?;
    Ok(Command::Fetch { cursor: r.identifier()?, rows })
}

pub fn close(r: &mut Reader<'_>) -> Result<Command> {
    r.expect("close")?;
    Ok(Command::Close { cursor: r.identifier()? })
}
