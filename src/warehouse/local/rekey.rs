//! ALTER TABLE of keys, encodings and constraints. They change no row, and are kept for the statements
//! that ask for them.
//!
//! Source: r_ALTER_TABLE, r_CREATE_TABLE_NEW.

use std::sync::Arc;

use crate::dialect::{Constraint, ConstraintKind, DistStyle, KeyChange, ObjectRef};
use crate::error::{Error, Result};

use super::catalog::{Change, ColumnDef, TableDef};
use super::reshape::find;
use super::transaction::Transaction;
use super::words::Words;
use super::{ddl, foreign};

/// `ALTER DISTKEY`, `ALTER SORTKEY`, `ALTER COLUMN ... ENCODE` and their like, in order.
pub async fn change(txn: &mut Transaction, name: &ObjectRef, changes: &[KeyChange]) -> Result<()> {
    let temporary = txn.is_temporary(name);
    let def = Arc::clone(&txn.table(name).await?.def);
    let mut words = Words::of(&def);
    for change in changes {
        refuse(&def, &words, change, temporary)?;
        words.change(change);
    }
    let encoded = encoded(&def, changes)?;
    txn.reshape(name, |def| {
        let mut new = def.with_words(words.text());
        for column in &encoded {
            for known in new.columns.iter_mut().filter(|known| known.id == column.id) {
                known.encode.clone_from(&column.encode);
            }
        }
        let retype = |column: ColumnDef| Change::Retype { table: def.id, column };
        Ok((new, encoded.into_iter().map(retype).collect()))
    })
    .await
}

fn wrong(what: String) -> Error {
    Error::failed("sql/alter-key", what)
}

fn refuse(def: &TableDef, words: &Words, change: &KeyChange, temporary: bool) -> Result<()> {
    let moves = match change {
        KeyChange::DistStyle(DistStyle::Auto) | KeyChange::EncodeAuto => return Ok(()),
        KeyChange::DistStyle(_) if temporary => {
            return Err(wrong(format!("{} is a temporary table", def.name.table))
                .hint("ALTER DISTSTYLE ALL and EVEN are for permanent tables (r_ALTER_TABLE)"));
        }
        KeyChange::DistStyle(_) => "distribution style",
        KeyChange::DistKey(column) => find(def, column).map(|_| "DISTKEY")?,
        KeyChange::SortKey(key) => {
            let mut columns = key.iter().flat_map(|key| &key.columns);
            return columns.try_for_each(|column| find(def, column).map(|_| ()));
        }
        KeyChange::Encode { column, .. } => find(def, column).map(|_| "encodings")?,
    };
    match words.interleaved() {
        true => Err(wrong(format!(
            "{} has an interleaved sort key, so its {moves} cannot change",
            def.name
        ))
        .hint("give it a compound sort key first: ALTER SORTKEY (r_ALTER_TABLE)")),
        false => Ok(()),
    }
}

/// The columns with their new encodings.
fn encoded(def: &TableDef, changes: &[KeyChange]) -> Result<Vec<ColumnDef>> {
    let mut all: Vec<ColumnDef> = Vec::new();
    for change in changes {
        let KeyChange::Encode { column, encoding } = change else { continue };
        let known = find(def, column)?;
        if all.iter().any(|done| done.id == known.id) {
            return Err(wrong(format!("column {column} is encoded twice"))
                .hint("name it once (r_ALTER_TABLE)"));
        }
        if known.encode.as_ref() == Some(encoding) {
            return Err(wrong(format!("column {column} has the encoding {encoding} already"))
                .hint("leave it out (r_ALTER_TABLE)"));
        }
        all.push(ColumnDef { encode: Some(encoding.clone()), ..known.clone() });
    }
    ddl::check_columns(&all)?;
    Ok(all)
}

/// `ADD [CONSTRAINT name] { UNIQUE | PRIMARY KEY | FOREIGN KEY } ...`.
pub async fn constrain(
    txn: &mut Transaction,
    name: &ObjectRef,
    constraint: &Constraint,
) -> Result<()> {
    let def = Arc::clone(&txn.table(name).await?.def);
    let mut words = Words::of(&def);
    for column in &constraint.columns {
        let known = find(&def, column)?;
        if constraint.kind == ConstraintKind::Primary && !known.not_null {
            return Err(nullable_key(column));
        }
    }
    let key = match &constraint.kind {
        ConstraintKind::Primary if words.has_primary_key() => {
            return Err(Error::failed(
                "sql/primary-key-twice",
                format!("{} has a primary key", def.name),
            )
            .hint("DROP CONSTRAINT first: a table has one primary key (r_CREATE_TABLE_NEW)"));
        }
        ConstraintKind::Unique if words.is_key(&constraint.columns) => {
            return Err(Error::failed(
                "sql/unique-twice",
                format!("{} has a constraint on these columns", def.name),
            )
            .hint("each UNIQUE names a set of columns of its own (r_CREATE_TABLE_NEW)"));
        }
        ConstraintKind::Foreign(key) => {
            let own = (name, def.columns.as_slice(), &words);
            foreign::resolved(txn, own, std::slice::from_ref(key)).await?.pop()
        }
        _ => None,
    };
    words.add(constraint, key.as_ref());
    txn.reshape(name, |def| Ok((def.with_words(words.text()), Vec::new()))).await
}

/// `DROP CONSTRAINT name`.
pub async fn release(txn: &mut Transaction, name: &ObjectRef, gone: &str) -> Result<()> {
    let def = Arc::clone(&txn.table(name).await?.def);
    let mut words = Words::of(&def);
    if !words.drop_named(&def.name.table, gone) {
        return Err(unknown_constraint(&def, gone));
    }
    txn.reshape(name, |def| Ok((def.with_words(words.text()), Vec::new()))).await
}

pub fn unknown_constraint(def: &TableDef, name: &str) -> Error {
    Error::failed(
        "sql/unknown-constraint",
        format!("constraint \"{name}\" of relation \"{}\" does not exist", def.name),
    )
    .hint("SHOW TABLE tells its constraints; one without a name is called table_pkey, table_column_key or table_column_fkey")
}

fn nullable_key(column: &str) -> Error {
    Error::failed("sql/nullable-key", format!("column \"{column}\" of a primary key takes NULL"))
        .hint("only a column created NOT NULL is added to a primary key (r_ALTER_TABLE)")
}
