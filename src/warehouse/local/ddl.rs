//! Definitions: CREATE, DROP and ALTER as changes to the shape of a transaction.

use arrow::datatypes::SchemaRef;

use crate::dialect::{self, CreateTable, CreateView, ObjectRef, TableAttributes};
use crate::error::{Error, Result};
use crate::types::SqlType;
use crate::warehouse::Outcome;

use super::catalog::{BoundTo, ColumnDef, Identity, ViewDef, materialized_attributes};
use super::transaction::Transaction;
use super::words::Words;
use super::{dependents, foreign};

/// Longest name of a table or column, in bytes (r_names).
const MAX_NAME_BYTES: usize = 127;

pub fn create_schema(txn: &mut Transaction, name: &str, if_not_exists: bool) -> Result<Outcome> {
    if txn.shape().schemas.contains_key(name) {
        if if_not_exists {
            return Ok(Outcome::default());
        }
        return Err(Error::failed("sql/exists", format!("schema \"{name}\" already exists"))
            .hint("write CREATE SCHEMA IF NOT EXISTS"));
    }
    txn.create_schema(name);
    Ok(Outcome::default())
}

pub async fn drop_schemas(
    txn: &mut Transaction,
    names: &[String],
    if_exists: bool,
    cascade: bool,
) -> Result<Outcome> {
    for name in names {
        drop_schema(txn, name, if_exists, cascade).await?;
    }
    Ok(Outcome::default())
}

async fn drop_schema(
    txn: &mut Transaction,
    name: &str,
    if_exists: bool,
    cascade: bool,
) -> Result<()> {
    if !txn.shape().schemas.contains_key(name) {
        if if_exists {
            return Ok(());
        }
        return Err(Error::failed(
            "sql/unknown-schema",
            format!("schema \"{name}\" does not exist"),
        ));
    }
    let inside = |table: &crate::tables::TableName| {
        (table.schema == name).then(|| ObjectRef::new(Some(name), &table.table))
    };
    let tables: Vec<ObjectRef> = txn.shape().tables.keys().filter_map(inside).collect();
    let views: Vec<ObjectRef> = txn.shape().views.keys().filter_map(inside).collect();
    let externals: Vec<ObjectRef> = txn.shape().externals.keys().filter_map(inside).collect();
    // What another program made there and Redshift cannot express is never dropped unseen.
    let foreign = txn.shape().unreadable.keys().any(|table| table.schema == name);
    let empty = tables.is_empty() && views.is_empty() && externals.is_empty();
    if foreign || (!cascade && !empty) {
        return Err(Error::failed(
            "sql/not-empty",
            format!("cannot drop schema {name}: other objects are in it"),
        )
        .hint("drop them first, or write DROP SCHEMA ... CASCADE"));
    }
    let inside: Vec<ObjectRef> = tables.iter().chain(&views).cloned().collect();
    dependents::release(txn, &inside, true).await?;
    for view in views {
        txn.drop_view(&view);
    }
    for external in externals {
        txn.set_external(&external, None)?;
    }
    for table in tables {
        txn.drop_table(&table).await?;
    }
    txn.drop_schema(name);
    Ok(())
}

/// True when the name is free; false when it is taken and the statement says that is fine.
pub fn name_is_free(
    txn: &Transaction,
    name: &ObjectRef,
    temporary: bool,
    if_not_exists: bool,
) -> Result<bool> {
    // A temporary table may hide a permanent one of the same name, not another temporary one.
    refuse_long_name(&name.table)?;
    let taken = if temporary {
        txn.is_temporary(name)
    } else {
        txn.shape().tables.contains_key(&txn.resolve(name)) || txn.view(name).is_some()
    };
    match (taken, if_not_exists) {
        (false, _) => Ok(true),
        (true, true) => Ok(false),
        (true, false) => {
            Err(Error::failed("sql/exists", format!("relation \"{name}\" already exists"))
                .hint("write CREATE TABLE IF NOT EXISTS, or drop it first"))
        }
    }
}

pub async fn create_table(txn: &mut Transaction, create: &CreateTable) -> Result<Outcome> {
    if !name_is_free(txn, &create.name, create.temp, create.if_not_exists)? {
        return Ok(Outcome::default());
    }
    let mut columns: Vec<ColumnDef> = Vec::new();
    let mut words = Words::default();
    if let Some(like) = &create.like {
        let parent = txn.table(&like.table).await?;
        columns.extend(parent.def.columns.iter().map(|column| ColumnDef {
            default: column.default.clone().filter(|_| like.including_defaults),
            // LIKE does not inherit identity (r_CREATE_TABLE_NEW).
            identity: None,
            ..column.clone()
        }));
        words = Words::of(&parent.def).inherited();
    }
    columns.extend(create.columns.iter().map(column));
    number(&mut columns);
    check_columns(&columns)?;
    let declared = Words::declared(&create.attributes, &[]);
    let own = (&create.name, columns.as_slice(), &declared);
    let keys = foreign::resolved(txn, own, &create.attributes.foreign).await?;
    words.extend(Words::declared(&create.attributes, &keys));
    txn.create_table(&create.name, columns, words.text(), create.temp)?;
    Ok(Outcome::default())
}

/// Makes the empty table of a CREATE TABLE AS from its query's columns; `texts` are types known,
/// `source` are the keys of the one table it reads.
pub fn create_for_query(
    txn: &mut Transaction,
    create: &dialect::CreateTableAs,
    schema: &SchemaRef,
    texts: &[Option<SqlType>],
    source: Words,
) -> Result<()> {
    if !create.columns.is_empty() && create.columns.len() != schema.fields().len() {
        return Err(Error::failed(
            "sql/columns",
            format!("{} names for {} columns", create.columns.len(), schema.fields().len()),
        ));
    }
    let mut columns = Vec::new();
    for (index, field) in schema.fields().iter().enumerate() {
        let name = create.columns.get(index).unwrap_or(field.name()).clone();
        let ty = SqlType::of_arrow(field.data_type()).ok_or_else(|| {
            Error::failed(
                "sql/type",
                format!("column {name} has no Redshift type: {}", field.data_type()),
            )
            .hint("cast it to a Redshift type")
        })?;
        // A materialized view is filled again, by texts of any length.
        let kept = ty.text_bytes().is_some() && create.materialized.is_none();
        let ty = texts.get(index).copied().flatten().filter(|_| kept).unwrap_or(ty);
        columns.push(ColumnDef {
            id: 0,
            name,
            ty,
            // CTAS inherits no constraint (r_CTAS_usage_notes).
            not_null: false,
            default: None,
            initial_default: None,
            identity: None,
            encode: None,
        });
    }
    number(&mut columns);
    check_columns(&columns)?;
    let attributes = by_name(&create.attributes, &columns)?;
    let mut words = Words::declared(&attributes, &[]);
    if create.materialized.is_none() {
        if attributes.sortkey.is_none() {
            words.extend(source.only(true));
        }
        if attributes.diststyle.is_none() && attributes.distkey.is_none() {
            words.extend(source.only(false));
        }
    }
    let mut words = words.text();
    if let Some(view) = &create.materialized {
        if view.auto_refresh {
            words = Some(words.map_or_else(String::new, |w| w + " ") + "auto refresh yes");
        }
        words = Some(materialized_attributes(words, &view.text));
    }
    txn.create_table(&create.name, columns, words, create.temp)
}

/// Keys that name columns of the query by position, by their names.
fn by_name(attributes: &TableAttributes, columns: &[ColumnDef]) -> Result<TableAttributes> {
    let name = |key: &mut String| -> Result<()> {
        let Ok(position) = key.parse::<usize>() else {
            return match columns.iter().any(|column| column.name == *key) {
                true => Ok(()),
                false => Err(Error::failed(
                    "sql/key-column",
                    format!("the query has no column {key} for a key"),
                )
                .hint("name a column of the query, or its position (r_CREATE_TABLE_AS)")),
            };
        };
        let column = position.checked_sub(1).and_then(|at| columns.get(at));
        let column = column.ok_or_else(|| {
            Error::failed("sql/key-column", format!("the query has no column {position} for a key"))
        })?;
        key.clone_from(&column.name);
        Ok(())
    };
    let mut named = attributes.clone();
    named.distkey.iter_mut().try_for_each(name)?;
    named.sortkey.iter_mut().flat_map(|key| &mut key.columns).try_for_each(name)?;
    Ok(named)
}

pub fn column(declared: &dialect::ColumnDef) -> ColumnDef {
    let identity = declared.identity.map(|i| Identity {
        seed: i.seed,
        step: i.step,
        next: i.seed,
        by_default: i.by_default,
    });
    ColumnDef {
        id: 0,
        name: declared.name.clone(),
        ty: declared.ty,
        not_null: declared.not_null || declared.primary || identity.is_some(),
        default: declared.default.as_ref().map(dialect::printed),
        initial_default: None,
        identity,
        encode: declared.encode.clone(),
    }
}

fn number(columns: &mut [ColumnDef]) {
    for (id, column) in (1..).zip(columns) {
        column.id = id;
    }
}

/// The encodings of r_CREATE_TABLE_NEW.
const ENCODINGS: &[&str] = &[
    "auto",
    "az64",
    "bytedict",
    "delta",
    "delta32k",
    "lzo",
    "mostly8",
    "mostly16",
    "mostly32",
    "none",
    "raw",
    "runlength",
    "text255",
    "text32k",
    "zstd",
];

pub fn check_columns(columns: &[ColumnDef]) -> Result<()> {
    refuse_twins(columns)?;
    for column in columns {
        refuse_long_name(&column.name)?;
        if let Some(encode) = &column.encode
            && !ENCODINGS.contains(&encode.as_str())
        {
            return Err(Error::failed(
                "sql/encoding",
                format!("column {} has the encoding {encode}, which does not exist", column.name),
            )
            .hint(format!("one of {} (r_CREATE_TABLE_NEW)", ENCODINGS.join(", "))));
        }
    }
    Ok(())
}

/// Redshift cuts a longer name without a word (r_names); here it is a mistake.
fn refuse_long_name(name: &str) -> Result<()> {
    if name.len() <= MAX_NAME_BYTES {
        return Ok(());
    }
    Err(Error::failed(
        "sql/name-too-long",
        format!("a name of {} bytes; Redshift cuts it to {MAX_NAME_BYTES}", name.len()),
    )
    .hint("shorten it"))
}

/// Keeps a view; `columns` are those of its query, for one that is bound now.
pub fn create_view(
    txn: &mut Transaction,
    create: &CreateView,
    columns: Option<Vec<String>>,
) -> Result<Outcome> {
    txn.create_view(
        &create.name,
        ViewDef {
            id: 0,
            name: txn.resolve(&create.name),
            sql: create.text.clone(),
            columns: create.columns.clone(),
            bound: columns.map(|columns| BoundTo { path: txn.search_path(), columns }),
            late: create.no_schema_binding,
        },
    )?;
    Ok(Outcome::default())
}

/// The tables of a late-binding view need their schema (r_CREATE_VIEW).
pub fn refuse_unqualified<'a>(
    view: &ObjectRef,
    reads: impl IntoIterator<Item = &'a ObjectRef>,
) -> Result<()> {
    match reads.into_iter().find(|table| table.schema.is_none()) {
        Some(table) => Err(Error::failed(
            "sql/unqualified",
            format!("a view WITH NO SCHEMA BINDING names {table} without its schema"),
        )
        .about(view.to_string())
        .hint(format!("write schema.{table} (r_CREATE_VIEW)"))),
        None => Ok(()),
    }
}

fn refuse_twins(columns: &[ColumnDef]) -> Result<()> {
    for (index, column) in columns.iter().enumerate() {
        if columns.iter().take(index).any(|other| other.name == column.name) {
            return Err(Error::failed(
                "sql/duplicate-column",
                format!("column \"{}\" specified more than once", column.name),
            )
            .hint("give one of them another name"));
        }
    }
    Ok(())
}

/// The columns of the sort key in the words of a table; none where there is no such key.
pub fn sort_key(attributes: &str) -> Vec<String> {
    let columns = attributes.split_once("sortkey(").and_then(|(_, rest)| rest.split_once(')'));
    let Some((columns, _)) = columns else { return Vec::new() };
    columns.split(", ").map(str::to_string).collect()
}

/// The keys in the words of a table: the columns of each UNIQUE and of the PRIMARY KEY.
pub fn keys_of(attributes: &str) -> Vec<Vec<String>> {
    let inside = |text: &str| {
        let (columns, _) = text.split_once(')')?;
        Some(columns.split(", ").map(str::to_string).collect())
    };
    ["unique(", "primary key("]
        .into_iter()
        .flat_map(|word| attributes.split(word).skip(1))
        .filter_map(inside)
        .collect()
}

pub async fn drop_tables(
    txn: &mut Transaction,
    names: &[ObjectRef],
    if_exists: bool,
) -> Result<Outcome> {
    for name in names {
        if txn.has_table(name) {
            txn.drop_table(name).await?;
        } else if txn.external(name).is_some() {
            txn.set_external(name, None)?;
        } else if !if_exists {
            return Err(txn.unknown_table(name).hint("write DROP TABLE IF EXISTS"));
        }
    }
    Ok(Outcome::default())
}

pub fn drop_views(txn: &mut Transaction, names: &[ObjectRef], if_exists: bool) -> Result<Outcome> {
    for name in names {
        if !txn.drop_view(name) && !if_exists {
            return Err(txn.unknown_table(name).hint("write DROP VIEW IF EXISTS"));
        }
    }
    Ok(Outcome::default())
}
