//! External schemas, external tables and their partitions. It reads no file and registers nothing.
//!
//! Source: r_CREATE_EXTERNAL_SCHEMA, r_CREATE_EXTERNAL_TABLE, r_ALTER_TABLE_external-table.

use super::ddl;
use super::reader::Reader;
use crate::dialect::command::{
    AlterAction, Command, CreateExternalSchema, CreateExternalTable, ExternalSetting, Partition,
    TableAttributes,
};
use crate::dialect::rules::{self, Raised};
use crate::error::Result;

pub fn schema(r: &mut Reader<'_>) -> Result<Command> {
    let if_not_exists = r.take_words(&["if", "not", "exists"]);
    let name = r.identifier()?;
    r.expect("from")?;
    let known = r.take_words(&["data", "catalog"])
        || r.take_words(&["hive", "metastore"])
        || ["postgres", "mysql", "kinesis", "kafka", "msk", "redshift"].iter().any(|w| r.take(w));
    if !known {
        return Err(r.expected("DATA CATALOG or another source (r_CREATE_EXTERNAL_SCHEMA)"));
    }
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
    let place = r.place();
    let name = r.object()?;
    if !r.peek_is("(") {
        return Err(rules::raised(Raised::ExternalTableAs, place));
    }
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
    let described = r.peek_is("row");
    row_format(r, &mut table)?;
    if !described && !r.peek_is("stored") {
        return Err(r.expected("ROW FORMAT or STORED AS (r_CREATE_EXTERNAL_TABLE)"));
    }
    if r.take_words(&["stored", "as"]) {
        let format = r.identifier()?;
        if format == "inputformat" {
            // the classes of Hive; the SerDe says what the files are
            r.string()?;
            r.expect("outputformat")?;
            r.string()?;
        } else {
            table.stored_as = Some(format);
        }
    }
    r.expect("location")?;
    table.location = r.string()?;
    if r.take_words(&["table", "properties"]) {
        table.properties.extend(properties(r)?);
    }
    if r.peek_is("as") {
        return Err(rules::raised(Raised::ExternalTableAs, place));
    }
    Ok(Command::CreateExternalTable(Box::new(table)))
}

fn columns(r: &mut Reader<'_>) -> Result<Vec<crate::dialect::command::ColumnDef>> {
    r.expect_token("(")?;
    let columns = r.list(|r| {
        let (place, column) = (r.place(), ddl::column(r, &mut TableAttributes::default())?);
        match column.is_plain() {
            true => Ok(column),
            false => Err(rules::external_attribute().at(place)),
        }
    })?;
    r.expect_token(")")?;
    Ok(columns)
}

fn row_format(r: &mut Reader<'_>, table: &mut CreateExternalTable) -> Result<()> {
    if !r.take_words(&["row", "format"]) {
        return Ok(());
    }
    if r.take("serde") {
        table.serde = Some(r.string()?);
        let with = r.take("with");
        if with && !r.peek_is("serdeproperties") {
            return Err(r.expected("SERDEPROPERTIES"));
        }
        if r.take("serdeproperties") {
            table.properties.extend(properties(r)?);
        }
        return Ok(());
    }
    r.expect("delimited")?;
    loop {
        let key = if r.take_words(&["fields", "terminated", "by"]) {
            "field.delim"
        } else if r.take_words(&["lines", "terminated", "by"]) {
            "line.delim"
        } else if r.take_words(&["null", "defined", "as"]) {
            "serialization.null.format"
        } else if r.take_words(&["escaped", "by"]) {
            "escape.delim"
        } else {
            return Ok(());
        };
        let sign = super::transfer::unescaped(&r.raw_string()?);
        table.properties.push((key.into(), sign));
    }
}

fn properties(r: &mut Reader<'_>) -> Result<Vec<(String, String)>> {
    r.expect_token("(")?;
    let all = r.list(|r| {
        let key = r.string()?;
        r.expect_token("=")?;
        Ok((key, super::transfer::unescaped(&r.raw_string()?)))
    })?;
    r.expect_token(")")?;
    Ok(all)
}

/// `PARTITION (c = v, ...) LOCATION '...' [PARTITION ...]`.
pub fn partitions(r: &mut Reader<'_>, if_not_exists: bool) -> Result<AlterAction> {
    let mut partitions = Vec::new();
    while r.peek_is("partition") {
        let values = partition(r)?;
        r.expect("location")?;
        partitions.push(Partition { values, location: r.string()? });
    }
    Ok(AlterAction::AddPartitions { if_not_exists, partitions })
}

/// `PARTITION (c = v, ...)`.
fn partition(r: &mut Reader<'_>) -> Result<Vec<(String, String)>> {
    r.expect("partition")?;
    r.expect_token("(")?;
    let values = r.list(|r| {
        let column = r.identifier()?;
        r.expect_token("=")?;
        // DATE '2008-01-01' says no more than '2008-01-01'
        let _ = r.peek_is("date") && r.take("date");
        let _ = r.peek_is("timestamp") && r.take("timestamp");
        let value = if r.word().is_none() && !r.peek_is("-") {
            r.literal()?
        } else if let Some(word @ ("true" | "false")) = r.word().as_deref() {
            let word = word.to_owned();
            r.next();
            word
        } else {
            r.integer()?.to_string()
        };
        Ok((column, value))
    })?;
    r.expect_token(")")?;
    Ok(values)
}

/// `PARTITION (...) SET LOCATION '...'`.
pub fn move_partition(r: &mut Reader<'_>) -> Result<AlterAction> {
    let values = partition(r)?;
    r.expect_words(&["set", "location"])?;
    Ok(AlterAction::MovePartition(Partition { values, location: r.string()? }))
}

pub fn drop_partition(r: &mut Reader<'_>, if_exists: bool) -> Result<AlterAction> {
    Ok(AlterAction::DropPartition { if_exists, values: partition(r)? })
}

/// What follows SET in ALTER TABLE, for external tables.
pub fn set(r: &mut Reader<'_>) -> Result<AlterAction> {
    if r.take("location") {
        return Ok(AlterAction::External(ExternalSetting::Location(r.string()?)));
    }
    if r.take_words(&["table", "properties"]) {
        return Ok(AlterAction::External(ExternalSetting::Properties(properties(r)?)));
    }
    r.expect_words(&["file", "format"])?;
    Ok(AlterAction::External(ExternalSetting::FileFormat(r.identifier()?)))
}
