//! ALTER TABLE as changes to the shape of a transaction: columns and names. It reads no row; keys are
//! `rekey`'s.
//!
//! Source: r_ALTER_TABLE.

use std::sync::Arc;

use crate::dialect::{self, AlterAction, AlterTable, ObjectRef};
use crate::error::{Error, Result};
use crate::warehouse::Outcome;

use super::catalog::{Change, ColumnDef, TableDef, ViewDef};
use super::transaction::Transaction;
use super::words::Words;
use super::{ddl, foreign, rekey};

/// ALTER TABLE, but for the actions that read or move rows.
pub async fn alter(txn: &mut Transaction, alter: &AlterTable) -> Result<Outcome> {
    let name = &alter.name;
    match &alter.action {
        AlterAction::Noted { .. } => {
            txn.table(name).await?;
        }
        AlterAction::Keys(changes) => rekey::change(txn, name, changes).await?,
        AlterAction::AddConstraint(constraint) => rekey::constrain(txn, name, constraint).await?,
        AlterAction::DropConstraint { name: gone } => rekey::release(txn, name, gone).await?,
        AlterAction::AddColumn(declared) => return add(txn, name, declared, None).await,
        AlterAction::DropColumn { name: gone, cascade } => {
            drop_column(txn, name, gone, *cascade).await?;
        }
        AlterAction::RenameTable { to } => rename_table(txn, name, to).await?,
        AlterAction::RenameColumn { from, to } => {
            txn.reshape(name, |def| rename_column(def, from, to)).await?;
            if !txn.is_temporary(name) {
                foreign::rename_column(txn, &txn.resolve(name), from, to).await?;
            }
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

async fn rename_table(txn: &mut Transaction, name: &ObjectRef, to: &str) -> Result<()> {
    if txn.is_temporary(name) {
        ddl::name_is_free(txn, &ObjectRef::new(None, to), true, false)?;
        let mut tables = txn.temporary();
        if let Some(table) = tables.remove(&name.table) {
            tables.insert(to.to_owned(), table);
        }
        txn.set_temporary(tables);
        return Ok(());
    }
    if to.starts_with('#') {
        return Err(Error::failed("sql/temp-name", format!("{name} is no temporary table"))
            .hint("a permanent table gets no name that begins with # (r_ALTER_TABLE)"));
    }
    let from = txn.resolve(name);
    let mut full = from.clone();
    full.table = to.to_owned();
    let free = ObjectRef::new(Some(&full.schema), to);
    ddl::name_is_free(txn, &free, false, false)?;
    let new = full.clone();
    txn.reshape(name, |def| {
        let renamed = TableDef { name: new.clone(), ..def.clone() };
        Ok((renamed, vec![Change::RenameTable { id: def.id, name: new }]))
    })
    .await?;
    foreign::rename_table(txn, &from, &full).await
}

/// What keys and other tables need of a column keeps it (r_ALTER_TABLE).
async fn drop_column(
    txn: &mut Transaction,
    name: &ObjectRef,
    gone: &str,
    cascade: bool,
) -> Result<()> {
    let def = Arc::clone(&txn.table(name).await?.def);
    let id = find(&def, gone)?.id;
    let mut words = Words::of(&def);
    let refused = |why: &str, hint: &str| {
        let what = format!("cannot drop column {gone} of {}: {why}", def.name);
        Err(Error::failed("sql/drop-column", what).hint(format!("{hint} (r_ALTER_TABLE)")))
    };
    if def.columns.len() == 1 {
        return refused("it is the last one", "a table has one column at least; DROP TABLE");
    }
    if words.distkey() == Some(gone) {
        return refused("it is the DISTKEY", "ALTER DISTKEY or ALTER DISTSTYLE first");
    }
    if words.sortkey().contains(&gone) {
        return refused("it is in the SORTKEY", "ALTER SORTKEY first");
    }
    if !cascade && words.in_key_of_several(gone) {
        return refused("it is part of a key of several columns", "write CASCADE to drop the key");
    }
    if !txn.is_temporary(name) {
        foreign::release_column(txn, &def.name, gone, cascade).await?;
        words = Words::of(&txn.table(name).await?.def);
    }
    words.drop_column(gone);
    txn.reshape(name, |def| {
        let mut new = def.with_words(words.text());
        new.columns.retain(|c| c.id != id);
        Ok((new, vec![Change::DropColumn { table: def.id, column: id }]))
    })
    .await
}

/// Files are read by the ids of their columns, so a new name costs nothing.
fn rename_column(def: &TableDef, from: &str, to: &str) -> Result<(TableDef, Vec<Change>)> {
    let column = find(def, from)?.id;
    if find(def, to).is_ok() {
        return Err(taken(def, to));
    }
    let mut words = Words::of(def);
    words.rename_column(from, to);
    let mut new = def.with_words(words.text());
    for known in new.columns.iter_mut().filter(|c| c.id == column) {
        known.name = to.to_string();
    }
    Ok((new, vec![Change::RenameColumn { table: def.id, column, name: to.to_string() }]))
}

fn taken(def: &TableDef, column: &str) -> Error {
    Error::failed(
        "sql/exists",
        format!("column \"{column}\" of relation \"{}\" already exists", def.name),
    )
}

fn add_column(def: &TableDef, mut column: ColumnDef) -> Result<(TableDef, Vec<Change>)> {
    if find(def, &column.name).is_ok() {
        return Err(taken(def, &column.name));
    }
    // Never the id of a column that is gone: old files still hold its values.
    column.id = def.last_column + 1;
    let mut new = def.clone();
    new.last_column = column.id;
    new.columns.push(column.clone());
    Ok((new, vec![Change::AddColumn { table: def.id, column }]))
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
