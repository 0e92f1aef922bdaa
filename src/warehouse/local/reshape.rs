//! ALTER TABLE as changes to the shape of a transaction: columns, names, keys. It reads no row.
//!
//! Source: r_ALTER_TABLE.

use crate::dialect::{self, AlterAction, AlterTable, ObjectRef};
use crate::error::{Error, Result};
use crate::warehouse::Outcome;

use super::catalog::{Change, ColumnDef, TableDef, ViewDef};
use super::ddl;
use super::transaction::Transaction;

/// ALTER TABLE, but for the actions that read or move rows.
pub async fn alter(txn: &mut Transaction, alter: &AlterTable) -> Result<Outcome> {
    let name = &alter.name;
    match &alter.action {
        AlterAction::Noted { .. } => {
            txn.table(name).await?;
        }
        AlterAction::Keys { columns, not_null } => {
            let def = &txn.table(name).await?.def;
            for column in columns {
                if !find(def, column)?.not_null && *not_null {
                    return Err(nullable_key(column));
                }
            }
        }
        AlterAction::AddColumn(declared) => return add(txn, name, declared, None).await,
        AlterAction::DropColumn { name: gone, .. } => {
            txn.reshape(name, |def| {
                let id = find(def, gone)?.id;
                let mut new = def.clone();
                new.columns.retain(|c| c.id != id);
                Ok((new, Change::DropColumn { table: def.id, column: id }))
            })
            .await?;
        }
        AlterAction::RenameTable { to } => {
            let mut full = txn.resolve(name);
            full.table = to.clone();
            let free = ObjectRef::new(Some(&full.schema), to);
            ddl::name_is_free(txn, &free, false, false)?;
            txn.reshape(name, |def| {
                let new = TableDef { name: full.clone(), ..def.clone() };
                Ok((new, Change::RenameTable { id: def.id, name: full }))
            })
            .await?;
        }
        AlterAction::RenameColumn { from, to } => {
            txn.reshape(name, |def| rename_column(def, from, to)).await?;
        }
        AlterAction::AddPartitions { .. }
        | AlterAction::MovePartition(_)
        | AlterAction::DropPartition { .. }
        | AlterAction::External(_) => {
            txn.table(name).await?;
            return Err(Error::failed("sql/partition", format!("{name} is no external table"))
                .hint("only external tables have partitions and a location (r_ALTER_TABLE)"));
        }
        // read or move rows: `alter` does them
        AlterAction::ColumnType { .. } | AlterAction::Append(_) => {}
    }
    Ok(Outcome::default())
}

/// ALTER TABLE of a view gives it another name or owner, and nothing else (r_ALTER_TABLE).
pub fn alter_view(txn: &mut Transaction, alter: &AlterTable) -> Result<Outcome> {
    let name = &alter.name;
    let Some(view) = txn.view(name) else { return Err(txn.unknown_table(name)) };
    match &alter.action {
        AlterAction::RenameTable { to } => {
            let renamed = ObjectRef::new(Some(&txn.resolve(name).schema), to);
            ddl::name_is_free(txn, &renamed, false, false)?;
            txn.drop_view(name);
            txn.create_view(&renamed, ViewDef { name: txn.resolve(&renamed), ..(*view).clone() })?;
        }
        AlterAction::Noted { .. } => {}
        _ => {
            return Err(Error::failed("sql/is-view", format!("{name} is a view"))
                .hint("a view gets another name or owner alone; else CREATE OR REPLACE VIEW (r_ALTER_TABLE)"));
        }
    }
    Ok(Outcome::default())
}

fn nullable_key(column: &str) -> Error {
    Error::failed("sql/nullable-key", format!("column \"{column}\" of a primary key takes NULL"))
        .hint("only a column created NOT NULL is added to a primary key (r_ALTER_TABLE)")
}

/// Files are read by the ids of their columns, so a new name costs nothing.
fn rename_column(def: &TableDef, from: &str, to: &str) -> Result<(TableDef, Change)> {
    let column = find(def, from)?.id;
    if find(def, to).is_ok() {
        return Err(taken(def, to));
    }
    let mut new = def.clone();
    for known in new.columns.iter_mut().filter(|c| c.id == column) {
        known.name = to.to_string();
    }
    Ok((new, Change::RenameColumn { table: def.id, column, name: to.to_string() }))
}

fn taken(def: &TableDef, column: &str) -> Error {
    Error::failed(
        "sql/exists",
        format!("column \"{column}\" of relation \"{}\" already exists", def.name),
    )
}

fn add_column(def: &TableDef, mut column: ColumnDef) -> Result<(TableDef, Change)> {
    if find(def, &column.name).is_ok() {
        return Err(taken(def, &column.name));
    }
    // Never the id of a column that is gone: old files still hold its values.
    column.id = def.last_column + 1;
    let mut new = def.clone();
    new.last_column = column.id;
    new.columns.push(column.clone());
    Ok((new, Change::AddColumn { table: def.id, column }))
}

/// Adds a column; `filled` is what rows hold that are there already. No file is rewritten for it.
pub async fn add(
    txn: &mut Transaction,
    name: &ObjectRef,
    declared: &dialect::ColumnDef,
    filled: Option<String>,
) -> Result<Outcome> {
    let new = ColumnDef { initial_default: filled, ..ddl::column(declared) };
    ddl::check_columns(std::slice::from_ref(&new))?;
    txn.reshape(name, |def| add_column(def, new)).await?;
    Ok(Outcome::default())
}

pub fn find<'a>(def: &'a TableDef, column: &str) -> Result<&'a ColumnDef> {
    def.columns.iter().find(|c| c.name == column).ok_or_else(|| {
        let error = Error::failed(
            "sql/unknown-column",
            format!("column \"{column}\" of relation \"{}\" does not exist", def.name),
        );
        match crate::error::nearest(column, def.columns.iter().map(|c| c.name.as_str())) {
            Some(near) => error.hint(format!("did you mean {near}?")),
            None => error,
        }
    })
}
