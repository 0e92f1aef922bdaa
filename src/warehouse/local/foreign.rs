//! Foreign keys between tables. They are never enforced, but a table that others reference is not
//! dropped without CASCADE, and what a key references has to be there.
//!
//! Source: r_CREATE_TABLE_NEW, r_DROP_TABLE, r_ALTER_TABLE.

use crate::dialect::{ForeignKey, ObjectRef};
use crate::error::{Error, Result};
use crate::tables::TableName;

use super::catalog::ColumnDef;
use super::transaction::Transaction;
use super::words::{Foreign, Words};

/// The foreign keys of a table with all they name; `own` is the table itself, which they may
/// reference, too.
pub async fn resolved(
    txn: &mut Transaction,
    own: (&ObjectRef, &[ColumnDef], &Words),
    keys: &[ForeignKey],
) -> Result<Vec<Foreign>> {
    let mut all = Vec::new();
    for key in keys {
        all.push(resolve(txn, own, key).await?);
    }
    Ok(all)
}

async fn resolve(
    txn: &mut Transaction,
    (own, columns, words): (&ObjectRef, &[ColumnDef], &Words),
    key: &ForeignKey,
) -> Result<Foreign> {
    let table = txn.resolve(&key.table);
    let (columns, words): (Vec<String>, Words) = if key.table == *own || table == txn.resolve(own) {
        (columns.iter().map(|c| c.name.clone()).collect(), words.clone())
    } else if !txn.has_table(&key.table) && txn.view(&key.table).is_some() {
        return Err(wrong(format!("{} is a view", key.table)).hint("reference its table"));
    } else {
        let def = &txn.table(&key.table).await?.def;
        (def.columns.iter().map(|c| c.name.clone()).collect(), Words::of(def))
    };
    let referenced = match key.referenced.is_empty() {
        true => words.primary_key().into_iter().map(str::to_owned).collect(),
        false => key.referenced.clone(),
    };
    if referenced.is_empty() {
        return Err(wrong(format!("{} has no primary key to reference", key.table))
            .hint("name the columns of one of its UNIQUE constraints (r_CREATE_TABLE_NEW)"));
    }
    if let Some(missing) = referenced.iter().find(|column| !columns.contains(column)) {
        return Err(Error::failed(
            "sql/unknown-column",
            format!("column \"{missing}\" of relation \"{}\" does not exist", key.table),
        ));
    }
    if referenced.len() != key.columns.len() {
        return Err(wrong(format!(
            "{} columns reference {} of {}",
            key.columns.len(),
            referenced.len(),
            key.table
        )));
    }
    if !words.is_key(&referenced) {
        return Err(wrong(format!(
            "({}) of {} is neither its primary key nor UNIQUE",
            referenced.join(", "),
            key.table
        ))
        .hint("declare it PRIMARY KEY or UNIQUE there first (r_CREATE_TABLE_NEW)"));
    }
    Ok(Foreign { name: key.name.clone(), columns: key.columns.clone(), table, referenced })
}

fn wrong(what: String) -> Error {
    Error::failed("sql/foreign-key", what)
}

/// The tables with a foreign key of which `wanted` is true.
fn tables_with(txn: &Transaction, wanted: impl Fn(&Foreign) -> bool) -> Vec<TableName> {
    let tables = txn.shape().tables.iter();
    tables
        .filter(|(_, def)| Words::of(def).foreign().iter().any(&wanted))
        .map(|(name, _)| name.clone())
        .collect()
}

/// Changes or takes away the foreign keys of some tables.
async fn edit(
    txn: &mut Transaction,
    tables: Vec<TableName>,
    edit: impl Fn(Foreign) -> Option<Foreign>,
) -> Result<()> {
    for name in tables {
        let table = ObjectRef::new(Some(&name.schema), &name.table);
        txn.reshape(&table, |def| {
            let mut words = Words::of(def);
            words.edit_foreign(&edit);
            Ok((def.with_words(words.text()), Vec::new()))
        })
        .await?;
    }
    Ok(())
}

fn depends(what: &str, table: &TableName) -> Error {
    Error::failed("sql/dependent", format!("cannot {what}: a foreign key of {table} depends on it"))
        .hint("drop that table or its constraint first, or write CASCADE")
}

/// Refuses to drop tables that others reference; with `cascade` drops the foreign keys instead.
pub async fn release(txn: &mut Transaction, gone: &[TableName], cascade: bool) -> Result<()> {
    let mut tables = tables_with(txn, |key| gone.contains(&key.table));
    tables.retain(|table| !gone.contains(table));
    match tables.first() {
        Some(table) if !cascade => {
            let what = gone.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            Err(depends(&format!("drop {what}"), table))
        }
        _ => edit(txn, tables, |key| (!gone.contains(&key.table)).then_some(key)).await,
    }
}

/// The same for a column.
pub async fn release_column(
    txn: &mut Transaction,
    base: &TableName,
    column: &str,
    cascade: bool,
) -> Result<()> {
    let points =
        |key: &Foreign| key.table == *base && key.referenced.iter().any(|name| name == column);
    let tables = tables_with(txn, points);
    match tables.first() {
        Some(table) if !cascade => Err(depends(&format!("drop column {column} of {base}"), table)),
        _ => edit(txn, tables, |key| (!points(&key)).then_some(key)).await,
    }
}

/// Foreign keys follow the new name of the table they reference.
pub async fn rename_table(txn: &mut Transaction, from: &TableName, to: &TableName) -> Result<()> {
    let tables = tables_with(txn, |key| key.table == *from);
    edit(txn, tables, |mut key| {
        if key.table == *from {
            key.table = to.clone();
        }
        Some(key)
    })
    .await
}

/// The same for a column.
pub async fn rename_column(
    txn: &mut Transaction,
    base: &TableName,
    from: &str,
    to: &str,
) -> Result<()> {
    let tables = tables_with(txn, |key| key.table == *base);
    edit(txn, tables, |mut key| {
        for name in key.referenced.iter_mut().filter(|name| key.table == *base && *name == from) {
            to.clone_into(name);
        }
        Some(key)
    })
    .await
}
