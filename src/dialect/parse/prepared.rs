//! PREPARE, EXECUTE, DEALLOCATE and cursors. It fills in no value.
//!
//! Source: r_PREPARE, r_EXECUTE, r_DEALLOCATE, declare, fetch, close.

use super::reader::Reader;
use super::{command, dml, query};
use crate::dialect::command::{Command, Prepare};
use crate::dialect::parameters;
use crate::error::Result;

/// `PREPARE name [(type, ...)] AS { SELECT | INSERT | UPDATE | DELETE }`.
pub fn prepare(r: &mut Reader<'_>) -> Result<Command> {
    r.expect("prepare")?;
    let name = r.identifier()?;
    let types = in_brackets(r, Reader::data_type)?;
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
    let values = in_brackets(r, Reader::expression)?;
    Ok(Command::Execute { name, values })
}

/// `[(item, ...)]`: nothing where there is no bracket.
fn in_brackets<'a, T>(
    r: &mut Reader<'a>,
    item: fn(&mut Reader<'a>) -> Result<T>,
) -> Result<Vec<T>> {
    if !r.take_token("(") {
        return Ok(Vec::new());
    }
    let items = r.list(item)?;
    r.expect_token(")")?;
    Ok(items)
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
    let query = if r.peek_is("with") { dml::with(r)? } else { query(r)? };
    match query {
        Command::Query(query) => Ok(Command::Declare { cursor, query }),
        _ => Err(r.expected("a query (declare)").at(place)),
    }
}

/// `FETCH [NEXT | ALL | FORWARD [n | ALL]] FROM name`.
pub fn fetch(r: &mut Reader<'_>) -> Result<Command> {
    r.expect("fetch")?;
    let rows = if r.take("next") || r.peek_is("from") {
        Some(1)
    } else if r.take("all") {
        None
    } else {
        r.expect("forward")?;
        match r.take("all") {
            true => None,
            false if r.at_number() => {
                let count = usize::try_from(r.integer()?).ok();
                Some(count.ok_or_else(|| r.expected("a number of rows"))?)
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
