//! Materialized views: tables that keep the query their rows come from, and REFRESH, which computes
//! the rows again. Nothing refreshes by itself, whatever AUTO REFRESH says.
//!
//! Source: materialized-view-create-sql-command, materialized-view-refresh-sql-command,
//! materialized-view-drop-sql-command.

use std::path::Path;

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::dialect::{self, AlterAction, Command, CreateView, ObjectRef, Parsed};
use crate::error::{Error, Result};
use crate::types::SqlType;
use crate::warehouse::Outcome;

use super::catalog::TableDef;
use super::engine::Local;
use super::external::is_external;
use super::names::is_system;
use super::statement::{output_schema, plan, stream};
use super::transaction::Transaction;
use super::words::Words;
use super::{apply, dependents, distinct};

/// Refuses what Redshift refuses of materialized views, and of what they stand on.
pub fn refuse(local: &Local, txn: &Transaction, command: &Command) -> Result<()> {
    match command {
        Command::CreateTableAs(create) => {
            let Some(view) = &create.materialized else { return Ok(()) };
            let reads = dialect::tables_of(command).reads;
            reads.iter().try_for_each(|read| stands_on(txn, &create.name, read))?;
            match reads.iter().find(|read| is_external(local, txn, read)) {
                Some(read) if view.auto_refresh => Err(error(
                    &create.name,
                    format!("AUTO REFRESH YES over the external table {read}"),
                )
                .hint("leave AUTO REFRESH out and REFRESH it after the files have changed")),
                _ => Ok(()),
            }
        }
        Command::CreateView(create) if !create.no_schema_binding => {
            let reads = dialect::tables_of(command).reads;
            let external =
                |read: &&ObjectRef| !txn.has_table(read) && is_external(local, txn, read);
            match reads.iter().find(external) {
                Some(read) => Err(Error::failed(
                    "sql/view-external",
                    format!("a view over the external table {read} is bound to it"),
                )
                .about(create.name.to_string())
                .hint("add WITH NO SCHEMA BINDING (r_CREATE_VIEW)")),
                None => match reads.iter().find(|read| txn.is_temporary(read)) {
                    Some(read) => Err(over_temporary(create, read)),
                    None => Ok(()),
                },
            }
        }
        Command::AlterTable(alter) => match alter.action {
            AlterAction::Noted { .. } | AlterAction::Keys(_) => Ok(()),
            _ => read_only(txn, &alter.name, "ALTER TABLE"),
        },
        Command::Truncate { table } => read_only(txn, table, "TRUNCATE"),
        Command::Insert(c) => read_only(txn, &c.target, "INSERT"),
        Command::Update(c) => read_only(txn, &c.target, "UPDATE"),
        Command::Delete(c) => read_only(txn, &c.target, "DELETE"),
        Command::Merge(c) => read_only(txn, &c.target, "MERGE"),
        Command::Copy(c) => read_only(txn, &c.target, "COPY"),
        Command::DropTable { names, .. } => names.iter().try_for_each(|name| {
            read_only(txn, name, "DROP TABLE").map_err(|e| e.hint("write DROP MATERIALIZED VIEW"))
        }),
        Command::DropView { names, .. } => names.iter().try_for_each(|name| {
            read_only(txn, name, "DROP VIEW").map_err(|e| e.hint("write DROP MATERIALIZED VIEW"))
        }),
        _ => Ok(()),
    }
}

/// PostgreSQL, of which Redshift is made, makes it a temporary view.
fn over_temporary(create: &CreateView, read: &ObjectRef) -> Error {
    Error::failed(
        "sql/temp-view",
        format!("a view over the temporary table {read} is not supported locally"),
    )
    .about(create.name.to_string())
    .hint("make the table a permanent one, or write its query with WITH")
}

/// The query of a materialized view.
fn query_of<'t>(txn: &'t Transaction, name: &ObjectRef) -> Option<&'t str> {
    if txn.is_temporary(name) {
        return None;
    }
    txn.shape().tables.get(&txn.resolve(name))?.materialized()
}

fn error(name: &ObjectRef, what: impl std::fmt::Display) -> Error {
    Error::failed("sql/materialized-view", what.to_string()).about(name.to_string())
}

fn read_only(txn: &Transaction, name: &ObjectRef, verb: &str) -> Result<()> {
    match query_of(txn, name) {
        None => Ok(()),
        Some(_) => Err(error(name, format!("{verb} cannot change the materialized view {name}"))
            .hint("change what it stands on, then REFRESH MATERIALIZED VIEW; another query needs DROP and CREATE")),
    }
}

fn stands_on(txn: &Transaction, view: &ObjectRef, read: &ObjectRef) -> Result<()> {
    let what = if txn.is_temporary(read) {
        "the temporary table"
    } else if txn.view(read).is_some() {
        "the view"
    } else if is_system(read) {
        "the system table"
    } else {
        return Ok(());
    };
    Err(error(view, format!("a materialized view cannot stand on {what} {read}"))
        .hint("name tables (materialized-view-create-sql-command, Limitations)"))
}

/// Its definition, for SHOW VIEW; `None` for what is no materialized view.
pub async fn definition(txn: &mut Transaction, name: &ObjectRef) -> Result<Option<String>> {
    let Some(query) = query_of(txn, name).map(str::to_owned) else { return Ok(None) };
    let def = &txn.table(name).await?.def;
    Ok(Some(made_by(def, &query)))
}

/// The statement that makes a materialized view.
pub fn made_by(def: &TableDef, query: &str) -> String {
    let (keys, rest) = Words::of(def).parted();
    let words: String = keys.iter().chain(&rest).map(|part| format!("{part} ")).collect();
    format!("CREATE MATERIALIZED VIEW {} {words}AS {query};", def.name.quoted())
}

pub async fn run(local: &Local, txn: &mut Transaction, parsed: &Parsed) -> Result<Outcome> {
    match &parsed.command {
        Command::RefreshMaterializedView { name, cascade } => {
            known(txn, name)?;
            refresh(local, txn, parsed, name, *cascade).await
        }
        Command::DropMaterializedView { names, if_exists, cascade } => {
            for name in names {
                if query_of(txn, name).is_some() {
                    dependents::release(txn, std::slice::from_ref(name), *cascade).await?;
                    txn.drop_table(name).await?;
                } else if !*if_exists || txn.has_table(name) {
                    known(txn, name)?;
                }
            }
            Ok(Outcome::default())
        }
        Command::AlterMaterializedView { name } => known(txn, name).map(|()| Outcome::default()),
        _ => Ok(Outcome::default()),
    }
}

pub fn known(txn: &Transaction, name: &ObjectRef) -> Result<()> {
    if query_of(txn, name).is_some() {
        return Ok(());
    }
    if txn.has_table(name) || txn.view(name).is_some() {
        return Err(error(name, format!("{name} is no materialized view"))
            .hint("make one with CREATE MATERIALIZED VIEW"));
    }
    Err(txn.unknown_table(name))
}

/// The rows are computed again and put in the place of those that are there, in one transaction.
fn refresh<'a>(
    local: &'a Local,
    txn: &'a mut Transaction,
    parsed: &'a Parsed,
    name: &'a ObjectRef,
    cascade: bool,
) -> BoxFuture<'a, Result<Outcome>> {
    async move {
        let Some(text) = query_of(txn, name) else { return Ok(Outcome::default()) };
        let query = dialect::parse_query(text, Path::new(&name.to_string()))?;
        let inner = Parsed { command: Command::Query(query.clone()), ..parsed.clone() };
        if cascade {
            for below in dialect::tables_of(&inner.command).reads {
                refresh(local, txn, parsed, &below, true).await?;
            }
        }
        let broken = |cause: Error| {
            error(name, format!("the materialized view {name} cannot be refreshed"))
                .because(cause)
                .hint("what it stands on has changed: drop it and make it again")
        };
        // no materialized view stands on a temporary table
        let around = txn.within(Some(txn.search_path()));
        let planned = plan(local, txn, &inner, *query, None).await;
        txn.within(around);
        let (session, planned) = planned.map_err(broken)?;
        let planned = distinct::unranked(&session, planned).await?;
        let rows = stream(session, planned).await?;
        let table = txn.table(name).await?;
        let schema = output_schema(&rows.schema());
        let same = schema.fields().len() == table.def.columns.len()
            && schema.fields().iter().zip(&table.def.columns).all(|(field, column)| {
                *field.name() == column.name
                    && SqlType::of_arrow(field.data_type()) == Some(column.ty)
            });
        if !same {
            return Err(error(
                name,
                format!("the columns of the materialized view {name} have changed"),
            )
            .hint("drop it and make it again"));
        }
        let deleted = table.clear();
        let outcome = apply::insert(txn, name, rows).await?;
        Ok(Outcome { deleted, ..outcome })
    }
    .boxed()
}
