//! External schemas, external tables and their partitions. It reads no file and registers nothing.
//!
//! Source: r_CREATE_EXTERNAL_SCHEMA, r_CREATE_EXTERNAL_TABLE, r_ALTER_TABLE_external-table.

use super::ddl;
use super::reader::Reader;
use crate::dialect::command::{
    AlterAction, Command, CreateExternalSchema, CreateExternalTable, Partition, TableAttributes,
};
use crate::error::Result;

pub fn schema(r: &mut Reader<'_>) -> Result<Command> {
    let if_not_exists = r.take_words(&["if", "not", "exists"]);
    let name = r.identifier()?;
    r.expect("from")?;
    let mut database = None;
    while !r.at_end() {
        if r.take("database") && database.is_none() && !r.peek_is("if") {
            database = Some(r.string()?);
        } else {
            r.next();
        }
    }
    Ok(Command::CreateExternalSchema(Box::new(CreateExternalSchema {
        name,
        if_not_exists,
        database,
    })))
}

pub fn table(r: &mut Reader<'_>) -> Result<Command> {
    let name = r.object()?;
    let columns = columns(r)?;
    let partitioned_by =
        if r.take_words(&["partitioned", "by"]) { self::columns(r)? } else { Vec::new() };
    let mut table = CreateExternalTable {
        name,
        columns,
        partitioned_by,
        stored_as: None,
        serde: None,
        location: String::new(),
        properties: Vec::new(),
    };
    row_format(r, &mut table)?;
    if r.take_words(&["stored", "as"]) {
        table.stored_as = Some(r.identifier()?);
    }
    r.expect("location")?;
    table.location = r.string()?;
    if r.take_words(&["table", "properties"]) {
        table.properties = properties(r)?;
    }
    Ok(Command::CreateExternalTable(Box::new(table)))
}

fn columns(r: &mut Reader<'_>) -> Result<Vec<crate::dialect::command::ColumnDef>> {
    r.expect_token("(")?;
    let columns = r.list(|r| ddl::column(r, &mut TableAttributes::default()))?;
    r.expect_token(")")?;
    Ok(columns)
}

fn row_format(r: &mut Reader<'_>, table: &mut CreateExternalTable) -> Result<()> {
    if !r.take_words(&["row", "format"]) {
        return Ok(());
    }
    if r.take("serde") {
        table.serde = Some(r.string()?);
        if r.take_words(&["with", "serdeproperties"]) {
            table.properties.extend(properties(r)?);
        }
        return Ok(());
    }
    r.expect("delimited")?;
    while r.take_words(&["fields", "terminated", "by"])
        || r.take_words(&["lines", "terminated", "by"])
    {
        let sign = r.string()?;
        table.properties.push(("terminated_by".into(), sign));
    }
    Ok(())
}

fn properties(r: &mut Reader<'_>) -> Result<Vec<(String, String)>> {
    r.expect_token("(")?;
    let all = r.list(|r| {
        let key = r.string()?;
        r.expect_token("=")?;
        Ok((key, r.string()?))
    })?;
    r.expect_token(")")?;
    Ok(all)
}

/// `PARTITION (c = v, ...) LOCATION '...' [PARTITION ...]`.
pub fn partitions(r: &mut Reader<'_>, if_not_exists: bool) -> Result<AlterAction> {
    let mut partitions = Vec::new();
    while r.take("partition") {
        r.expect_token("(")?;
        let values = r.list(|r| {
            let column = r.identifier()?;
            r.expect_token("=")?;
            let value = if r.word().is_none() && !r.peek_is("-") {
                r.literal()?
            } else {
                r.integer()?.to_string()
            };
            Ok((column, value))
        })?;
        r.expect_token(")")?;
        r.expect("location")?;
        partitions.push(Partition { values, location: r.string()? });
    }
    Ok(AlterAction::AddPartitions { if_not_exists, partitions })
}
