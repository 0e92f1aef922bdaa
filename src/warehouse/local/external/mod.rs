//! External schemas and tables: their definitions, as changes to the shape of a transaction.
//! The rows are read by `scan`; nothing is ever written to their files.
//!
//! Source: r_CREATE_EXTERNAL_SCHEMA, r_CREATE_EXTERNAL_TABLE, r_ALTER_TABLE_external-table.

mod scan;

pub use scan::provider;

use crate::dialect::{
    AlterAction, AlterTable, ColumnDef, CreateExternalSchema, CreateExternalTable, ExternalSetting,
    ObjectRef, Partition, external_attribute,
};
use crate::error::{Error, Result};
use crate::tables::TableName;
use crate::types::SqlType;
use crate::warehouse::{ColumnInfo, Outcome, TableInfo};

use super::catalog::{External, ExternalPartition};
use super::engine::Local;
use super::landing;
use super::transaction::Transaction;

/// The classes of Hive that read what Landfall reads, by the end of their name in lower case.
const CLASSES: &[(&str, &str)] = &[
    ("parquethiveserde", "parquet"),
    ("opencsvserde", "csv"),
    ("lazysimpleserde", "text"),
    ("jsonserde", "json"),
];

/// True for a name that an external table has, or a landing table of the project.
pub fn is_external(local: &Local, txn: &Transaction, name: &ObjectRef) -> bool {
    txn.external(name).is_some() || landing::spec(&local.specs, &txn.resolve(name)).is_some()
}

/// Refuses a statement that would write to an external table.
pub fn refuse_write(local: &Local, txn: &Transaction, name: &ObjectRef, verb: &str) -> Result<()> {
    if txn.has_table(name) || !is_external(local, txn, name) {
        return Ok(());
    }
    let error = Error::failed(
        "sql/external-read-only",
        format!("{verb} cannot change the external table {name}"),
    );
    Err(match verb {
        "INSERT" => error.hint("write files with UNLOAD and add them as a partition"),
        _ => error.hint("external tables are read-only (r_CREATE_EXTERNAL_TABLE)"),
    })
}

pub fn create_schema(txn: &mut Transaction, create: &CreateExternalSchema) -> Result<Outcome> {
    if txn.shape().external_schemas.contains_key(&create.name) && create.if_not_exists {
        return Ok(Outcome::default());
    }
    let there = txn.shape().schemas.contains_key(&create.name);
    if there && !create.if_not_exists {
        return Err(Error::failed(
            "sql/exists",
            format!("schema \"{}\" already exists", create.name),
        )
        .hint("write CREATE EXTERNAL SCHEMA IF NOT EXISTS"));
    }
    if !there {
        txn.create_schema(&create.name);
    }
    txn.set_external_schema(&create.name, create.database.as_deref().unwrap_or_default());
    Ok(Outcome::default())
}

pub fn create_table(
    local: &Local,
    txn: &mut Transaction,
    create: &CreateExternalTable,
) -> Result<Outcome> {
    let name = &create.name;
    if let Some(spec) = landing::spec(&local.specs, &txn.resolve(name)) {
        // The project lands this table itself; what its DDL says is so already.
        let known: Vec<&str> = spec.columns.iter().map(|c| c.name.as_str()).collect();
        if create.columns.iter().map(|c| c.name.as_str()).ne(known.iter().copied()) {
            return Err(Error::failed(
                "sql/exists",
                format!("{name} is a landing table of the project with other columns"),
            )
            .hint(format!("its columns are {}", known.join(", "))));
        }
        return Ok(already(format!("{name} is a landing table of landfall.toml")));
    }
    let schema = name.schema.as_deref().unwrap_or_default();
    if !txn.shape().external_schemas.contains_key(schema) {
        return Err(Error::failed(
            "sql/external-schema",
            format!("schema \"{schema}\" is not an external schema"),
        )
        .hint("put CREATE EXTERNAL SCHEMA before it (r_CREATE_EXTERNAL_TABLE)"));
    }
    if txn.external(name).is_some() || txn.has_table(name) || txn.view(name).is_some() {
        return Err(Error::failed("sql/exists", format!("relation \"{name}\" already exists"))
            .hint("CREATE EXTERNAL TABLE has no IF NOT EXISTS: drop the table first"));
    }
    let external = External {
        columns: named(&create.columns)?,
        partitioned_by: named(&create.partitioned_by)?,
        format: format(create)?,
        location: create.location.clone(),
        properties: create.properties.clone(),
        partitions: Vec::new(),
    };
    let twice = external
        .partitioned_by
        .iter()
        .find(|(part, _)| external.columns.iter().any(|(column, _)| column == part));
    if let Some((column, _)) = twice {
        return Err(Error::failed(
            "sql/duplicate-column",
            format!("column \"{column}\" is a column of the files and a partition column"),
        )
        .hint("a partition column does not stand in the files: name it in PARTITIONED BY alone"));
    }
    refuse_twice(name, &external)?;
    scan::check(&external)?;
    txn.set_external(name, Some(external))?;
    Ok(Outcome::default())
}

/// Refuses two columns of one name.
fn refuse_twice(name: &ObjectRef, external: &External) -> Result<()> {
    let mut names: Vec<&str> =
        external.columns.iter().chain(&external.partitioned_by).map(|(c, _)| c.as_str()).collect();
    names.sort_unstable();
    let twice = names.windows(2).find_map(|pair| match pair {
        [a, b] if a == b => Some(*a),
        _ => None,
    });
    match twice {
        None => Ok(()),
        Some(column) => Err(Error::failed(
            "sql/duplicate-column",
            format!("column \"{column}\" of {name} is there twice"),
        )
        .hint("rename one; names fold to lower case")),
    }
}

/// An external table as the list of tables has it: its rows are not counted.
pub fn described(name: &TableName, external: &External) -> TableInfo {
    let columns = external.columns.iter().chain(&external.partitioned_by);
    let column = |(name, ty): &(String, String)| {
        Some(ColumnInfo { name: name.clone(), ty: SqlType::parse(ty).ok()?, not_null: false })
    };
    TableInfo {
        name: name.clone(),
        columns: columns.filter_map(column).collect(),
        rows: None,
        bytes: None,
        attributes: Some(format!("external {} location '{}'", external.format, external.location)),
        is_view: false,
    }
}

fn already(what: String) -> Outcome {
    Outcome { warnings: vec![format!("{what}: nothing was changed")], ..Outcome::default() }
}

fn named(columns: &[ColumnDef]) -> Result<Vec<(String, String)>> {
    let one = |column: &ColumnDef| {
        // r_CREATE_EXTERNAL_TABLE lists the types
        if matches!(column.ty, SqlType::Time | SqlType::TimestampTz) {
            return Err(Error::failed(
                "sql/type",
                format!("column {}: an external table has no {}", column.name, column.ty),
            )
            .hint("declare it TIMESTAMP or VARCHAR (r_CREATE_EXTERNAL_TABLE)"));
        }
        Ok((column.name.clone(), column.ty.to_string()))
    };
    columns.iter().map(one).collect()
}

fn format(create: &CreateExternalTable) -> Result<String> {
    let class = create.serde.as_deref().map(str::to_lowercase).unwrap_or_default();
    let of_class = CLASSES.iter().find(|(end, _)| class.ends_with(end)).map(|(_, format)| *format);
    let found = match (of_class, create.stored_as.as_deref()) {
        (Some(format), _) => Some(format),
        (None, Some("parquet")) if class.is_empty() => Some("parquet"),
        (None, Some("textfile") | None) if class.is_empty() => Some("text"),
        _ => None,
    };
    found.map(str::to_owned).ok_or_else(|| {
        let what = create.serde.clone().or(create.stored_as.clone()).unwrap_or_default();
        Error::failed(
            "sql/unsupported-locally",
            format!("external tables of {what} are not supported locally"),
        )
        .hint("store them as PARQUET, as text (DELIMITED or OpenCSVSerde), or as JSON lines")
    })
}

/// ALTER TABLE of an external table.
pub fn alter(local: &Local, txn: &mut Transaction, alter: &AlterTable) -> Result<Outcome> {
    let name = &alter.name;
    let Some(known) = txn.external(name) else {
        debug_assert!(landing::spec(&local.specs, &txn.resolve(name)).is_some());
        return match alter.action {
            AlterAction::AddPartitions { .. } | AlterAction::MovePartition(_) => {
                Ok(already(format!("the partitions of {name} are those that have landed")))
            }
            _ => Err(Error::failed(
                "sql/external-read-only",
                format!("{name} is a landing table: its shape is that of landfall.toml"),
            )),
        };
    };
    let mut new = External::clone(&known);
    match &alter.action {
        AlterAction::AddPartitions { if_not_exists, partitions } => {
            for partition in partitions {
                add(&mut new, name, partition, *if_not_exists)?;
            }
        }
        AlterAction::MovePartition(partition) => {
            let at = position(&new, name, &partition.values)?;
            if let Some(there) = new.partitions.get_mut(at) {
                there.location = partition.location.clone();
            }
        }
        AlterAction::DropPartition { if_exists, values } => match position(&new, name, values) {
            Ok(at) => {
                new.partitions.remove(at);
            }
            Err(_) if *if_exists => {}
            Err(error) => return Err(error),
        },
        AlterAction::External(ExternalSetting::Location(location)) => {
            new.location = location.clone();
        }
        AlterAction::External(ExternalSetting::Properties(properties)) => {
            for (key, value) in properties {
                new.properties.retain(|(known, _)| known != key);
                new.properties.push((key.clone(), value.clone()));
            }
        }
        AlterAction::External(ExternalSetting::FileFormat(format)) => match format.as_str() {
            "parquet" => new.format = "parquet".into(),
            "textfile" => new.format = "text".into(),
            other => return Err(unsupported(&format!("files of {other}"))),
        },
        AlterAction::AddColumn(column) => {
            if !column.is_plain() {
                return Err(external_attribute());
            }
            new.columns.extend(named(std::slice::from_ref(column))?);
        }
        AlterAction::DropColumn { name: gone, .. } => drop_column(&mut new, name, gone)?,
        AlterAction::Noted { .. } | AlterAction::Keys(_) => {}
        _ => return Err(unsupported("this ALTER TABLE of an external table")),
    }
    refuse_twice(name, &new)?;
    scan::check(&new)?;
    if new != *known {
        txn.set_external(name, Some(new))?;
    }
    Ok(Outcome::default())
}

fn drop_column(external: &mut External, name: &ObjectRef, gone: &str) -> Result<()> {
    if external.partitioned_by.iter().any(|(column, _)| column == gone) {
        return Err(Error::failed(
            "sql/partition",
            format!("column \"{gone}\" of {name} is a partition column"),
        )
        .hint("a partition column cannot be dropped (r_ALTER_TABLE)"));
    }
    let before = external.columns.len();
    external.columns.retain(|(column, _)| column != gone);
    if external.columns.len() < before {
        return Ok(());
    }
    Err(Error::failed(
        "sql/unknown-column",
        format!("column \"{gone}\" of relation \"{name}\" does not exist"),
    ))
}

fn unsupported(what: &str) -> Error {
    Error::failed("sql/unsupported-locally", format!("{what} is not supported locally"))
        .hint("drop the external table and create it anew; its files stay")
}

/// The values of a partition in the order of the partition columns.
fn ordered(
    external: &External,
    name: &ObjectRef,
    values: &[(String, String)],
) -> Result<Vec<String>> {
    let known: Vec<&str> = external.partitioned_by.iter().map(|(c, _)| c.as_str()).collect();
    let wrong = || {
        Error::failed(
            "sql/partition",
            format!("the partition columns of {name} are ({})", known.join(", ")),
        )
        .hint("give each of them one value")
    };
    if values.len() != known.len() {
        return Err(wrong());
    }
    known
        .iter()
        .map(|column| {
            let value = values.iter().find(|(c, _)| c == column);
            value.map(|(_, value)| value.clone()).ok_or_else(wrong)
        })
        .collect()
}

fn position(external: &External, name: &ObjectRef, values: &[(String, String)]) -> Result<usize> {
    let values = ordered(external, name, values)?;
    external.partitions.iter().position(|p| p.values == values).ok_or_else(|| {
        Error::failed("sql/partition", format!("{name} has no partition ({})", values.join(", ")))
    })
}

/// With IF NOT EXISTS a partition that is there keeps its location (r_ALTER_TABLE).
fn add(
    external: &mut External,
    name: &ObjectRef,
    partition: &Partition,
    if_not_exists: bool,
) -> Result<()> {
    let values = ordered(external, name, &partition.values)?;
    if external.partitions.iter().any(|p| p.values == values) {
        if if_not_exists {
            return Ok(());
        }
        return Err(Error::failed(
            "sql/exists",
            format!("partition ({}) of {name} already exists", values.join(", ")),
        )
        .hint("write ADD IF NOT EXISTS PARTITION"));
    }
    external.partitions.push(ExternalPartition { values, location: partition.location.clone() });
    Ok(())
}
