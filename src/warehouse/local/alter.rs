//! ALTER TABLE where it reads or moves rows: a default for rows that exist, a wider VARCHAR, APPEND.
//! What changes the shape alone is `reshape`'s.
//!
//! Source: r_ALTER_TABLE, r_ALTER_TABLE_APPEND.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{SelectItem, SetExpr};

use crate::dialect::{
    self, AlterAction, AlterTable, Append, Command, Insert, InsertSource, ObjectRef, Parsed,
    ShapeColumn, TableShape,
};
use crate::error::{Error, Result};
use crate::sql::quote_identifier;
use crate::types::SqlType;
use crate::warehouse::Outcome;

use super::catalog::stats::bound;
use super::catalog::{Change, TableDef};
use super::engine::Local;
use super::transaction::Transaction;
use super::words::Words;
use super::{changes, external, reshape, statement};

pub async fn alter(
    local: &Local,
    txn: &mut Transaction,
    parsed: &Parsed,
    alter: &AlterTable,
) -> Result<Outcome> {
    let name = &alter.name;
    if external::is_external(local, txn, name) {
        return external::alter(local, txn, alter);
    }
    if !txn.has_table(name) && txn.view(name).is_some() {
        return reshape::alter_view(txn, alter);
    }
    match &alter.action {
        AlterAction::AddColumn(column) => {
            changes::check_defaults(local, txn, parsed, std::slice::from_ref(column)).await?;
            let filled = first_value(local, txn, parsed, name, column).await?;
            reshape::add(txn, name, column, filled).await
        }
        AlterAction::ColumnType { name: column, ty } => {
            retype(local, txn, parsed, name, column, *ty).await
        }
        AlterAction::Append(append) => self::append(local, txn, parsed, name, append).await,
        _ => reshape::alter(txn, alter).await,
    }
}

/// What the rows that are there get in a new column, as the catalog keeps it; `None` for NULL.
async fn first_value(
    local: &Local,
    txn: &mut Transaction,
    parsed: &Parsed,
    table: &ObjectRef,
    column: &dialect::ColumnDef,
) -> Result<Option<String>> {
    if txn.table(table).await?.live_rows() == 0 {
        return Ok(None);
    }
    if column.identity.is_some() {
        return Err(Error::failed(
            "sql/alter-type",
            format!("column {}: an IDENTITY column cannot be added", column.name),
        )
        .hint("make a new table with the column and INSERT the rows into it (r_ALTER_TABLE)"));
    }
    let Some(default) = &column.default else {
        return match column.not_null {
            false => Ok(None),
            true => Err(Error::failed(
                "sql/not-null",
                format!("column {} is NOT NULL and has no default for the rows", column.name),
            )
            .hint("add it with a DEFAULT (r_ALTER_TABLE)")),
        };
    };
    let added = ShapeColumn {
        name: column.name.clone(),
        ty: column.ty,
        not_null: column.not_null,
        default: Some(default.clone()),
        identity: false,
    };
    let shape = TableShape::of_columns(table.clone(), vec![added]);
    let values = changes::defaults(local, txn, parsed, &shape).await?;
    let Some(value) = values.first().filter(|v| !v.is_null()) else { return Ok(None) };
    match bound(value) {
        Some(text) => Ok(Some(text)),
        None => Err(Error::failed(
            "sql/unsupported-locally",
            format!("column {}: this default for rows that exist is not kept", column.name),
        )
        .hint("add the column without DEFAULT, then UPDATE the rows")),
    }
}

/// VARCHAR alone changes its size, and not below what is stored.
async fn retype(
    local: &Local,
    txn: &mut Transaction,
    parsed: &Parsed,
    table: &ObjectRef,
    column: &str,
    ty: SqlType,
) -> Result<Outcome> {
    let def = Arc::clone(&txn.table(table).await?.def);
    let (from, to) = retypable(&def, column, ty)?;
    if to < from {
        let longest = longest(local, txn, parsed, table, column).await?;
        if longest > u64::from(to) {
            return Err(Error::failed(
                "sql/alter-type",
                format!("column \"{column}\" holds values of {longest} bytes"),
            )
            .hint("a VARCHAR is not made narrower than its longest value (r_ALTER_TABLE)"));
        }
    }
    txn.reshape(table, |def| {
        let mut new = TableDef::clone(def);
        let mut changed = reshape::find(def, column)?.clone();
        changed.ty = ty;
        for known in new.columns.iter_mut().filter(|c| c.id == changed.id) {
            known.ty = ty;
        }
        Ok((new, vec![Change::Retype { table: def.id, column: changed }]))
    })
    .await?;
    Ok(Outcome::default())
}

/// The bytes a VARCHAR has and shall have, if its type can change at all.
pub fn retypable(def: &TableDef, column: &str, ty: SqlType) -> Result<(u32, u32)> {
    let known = reshape::find(def, column)?;
    let (SqlType::Varchar(from), SqlType::Varchar(to)) = (known.ty, ty) else {
        return Err(Error::failed(
            "sql/alter-type",
            format!("cannot alter column \"{column}\" of type {} to {ty}", known.ty),
        )
        .hint(
            "only the size of a VARCHAR changes; else CREATE TABLE AS and rename (r_ALTER_TABLE)",
        ));
    };
    let encoded = known.encode.as_deref().is_some_and(|encode| KEPT.contains(&encode));
    if encoded {
        return Err(Error::failed(
            "sql/alter-type",
            format!("column \"{column}\" keeps its size, for its encoding"),
        )
        .hint("ALTER COLUMN ... ENCODE another first: BYTEDICT, RUNLENGTH, TEXT255 and TEXT32K keep it (r_ALTER_TABLE)"));
    }
    let in_key = keyed(def.words(), column);
    if known.default.is_some() || in_key {
        return Err(Error::failed(
            "sql/alter-type",
            format!("column \"{column}\" has a default or a key and keeps its type"),
        )
        .hint("make a new table with CREATE TABLE and INSERT the rows into it (r_ALTER_TABLE)"));
    }
    Ok((from, to))
}

/// Encodings under which a column keeps its size (r_ALTER_TABLE).
const KEPT: &[&str] = &["bytedict", "runlength", "text255", "text32k"];

fn keyed(words: &str, column: &str) -> bool {
    ["unique(", "primary key(", "foreign key("].iter().any(|key| {
        words.match_indices(key).any(|(at, _)| {
            let list = words.get(at + key.len()..).and_then(|rest| rest.split(')').next());
            list.is_some_and(|list| list.split(", ").any(|name| name == column))
        })
    })
}

async fn longest(
    local: &Local,
    txn: &mut Transaction,
    parsed: &Parsed,
    table: &ObjectRef,
    column: &str,
) -> Result<u64> {
    let (column, table) = (quote_identifier(column), table.quoted());
    let text = format!("select max(octet_length({column})) from {table}");
    let query = dialect::parse_query(&text, &parsed.place.file)?;
    let inner = Parsed { command: Command::Query(query.clone()), ..parsed.clone() };
    let values = statement::first_row(local, txn, &inner, *query).await?;
    let longest = values.first().and_then(|v| v.to_string().parse().ok());
    Ok(longest.unwrap_or(0))
}

/// Moves the rows of one table to the end of another, columns by their names.
async fn append(
    local: &Local,
    txn: &mut Transaction,
    parsed: &Parsed,
    target: &ObjectRef,
    append: &Append,
) -> Result<Outcome> {
    let from = &append.from;
    if txn.is_temporary(target) || txn.is_temporary(from) {
        return Err(Error::failed("sql/append", "APPEND moves rows between permanent tables")
            .hint("INSERT ... SELECT reads a temporary table"));
    }
    if txn.resolve(target) == txn.resolve(from) {
        return Err(Error::failed("sql/append", "APPEND needs two tables"));
    }
    let source = Arc::clone(&txn.table(from).await?.def);
    let def = Arc::clone(&txn.table(target).await?.def);
    same_keys(&source, &def)?;
    let mut moved = Vec::new();
    for column in &source.columns {
        match def.columns.iter().find(|c| c.name == column.name) {
            Some(there) if there.ty != column.ty => {
                return Err(mismatch(&column.name, "has another type in the target")
                    .hint("give it the same type in both tables (r_ALTER_TABLE_APPEND)"));
            }
            Some(there) if there.identity.is_some_and(|i| !i.by_default) => {
                return Err(mismatch(&column.name, "is an IDENTITY column of the target")
                    .hint("INSERT ... SELECT gives its rows new values"));
            }
            Some(there) if there.not_null != column.not_null => {
                return Err(mismatch(&column.name, "is NOT NULL in one of the tables alone")
                    .hint("columns of one name have the same attributes (r_ALTER_TABLE_APPEND)"));
            }
            Some(there)
                if there.encode.is_some()
                    && column.encode.is_some()
                    && there.encode != column.encode =>
            {
                return Err(mismatch(&column.name, "has another encoding in the target")
                    .hint("columns of one name have the same attributes (r_ALTER_TABLE_APPEND)"));
            }
            Some(_) => moved.push(column.name.clone()),
            None if append.ignore_extra => {}
            None => {
                return Err(mismatch(&column.name, "is in the source alone")
                    .hint("write IGNOREEXTRA to leave its values out"));
            }
        }
    }
    let lacks = def.columns.iter().find(|c| !moved.contains(&c.name) && c.identity.is_none());
    if let (Some(column), false) = (lacks, append.fill_target) {
        return Err(mismatch(&column.name, "is in the target alone")
            .hint("write FILLTARGET to give it its default or NULL"));
    }
    let insert = insert_from(target, from, &moved, parsed)?;
    let outcome = changes::change(local, txn, &insert, target).await?;
    txn.table(from).await?.clear();
    Ok(outcome)
}

/// Both tables are distributed and sorted by the same columns (r_ALTER_TABLE_APPEND).
fn same_keys(source: &TableDef, target: &TableDef) -> Result<()> {
    let (from, to) = (Words::of(source), Words::of(target));
    let styles = from.style().zip(to.style()).is_some_and(|(from, to)| from != to);
    let what = if styles || from.distkey() != to.distkey() {
        "distributed"
    } else if from.sortkey() != to.sortkey() || from.interleaved() != to.interleaved() {
        "sorted"
    } else {
        return Ok(());
    };
    Err(Error::failed("sql/append", format!("the tables are not {what} alike"))
        .hint("give both the same DISTKEY and SORTKEY (r_ALTER_TABLE_APPEND)"))
}

fn mismatch(column: &str, what: &str) -> Error {
    Error::failed("sql/append", format!("columns do not match: `{column}` {what}"))
}

fn insert_from(
    target: &ObjectRef,
    from: &ObjectRef,
    columns: &[String],
    parsed: &Parsed,
) -> Result<Parsed> {
    let text = format!("select 1 from {}", from.quoted());
    let mut query = dialect::parse_query(&text, &parsed.place.file)?;
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.projection =
            columns.iter().map(|c| SelectItem::UnnamedExpr(dialect::column(c))).collect();
    }
    let insert = Insert {
        target: target.clone(),
        columns: columns.to_vec(),
        source: InsertSource::Query(query),
    };
    Ok(Parsed { command: Command::Insert(Box::new(insert)), ..parsed.clone() })
}
