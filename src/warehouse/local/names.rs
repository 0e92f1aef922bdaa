//! Which table a name means in a transaction: the search path of its session. It loads no table.

use std::borrow::Cow;
use std::sync::Arc;

use crate::dialect::{CATALOG, Command, ObjectRef, Parsed};
use crate::error::{Error, Result};
use crate::tables::TableName;

use super::catalog::{External, ViewDef};
use super::statement::changed;
use super::transaction::{PUBLIC, Transaction};

/// True for a table or view of the system, as it is named.
pub fn is_system(name: &ObjectRef) -> bool {
    match name.schema.as_deref() {
        Some(schema) => ["pg_catalog", "information_schema", "pg_internal"].contains(&schema),
        None => ["pg_", "stl_", "stv_", "svl_", "svv_", "sys_"]
            .iter()
            .any(|p| name.table.starts_with(p)),
    }
}

/// Refuses a name of another database: on Redshift it means another table (cross-database_usage).
pub fn refuse_other_database(parsed: &Parsed) -> Result<()> {
    match parsed.databases.iter().find(|(name, _)| name != CATALOG) {
        Some((name, place)) => Err(Error::failed(
            "sql/other-database",
            format!(
                "the database {name} is not this one; other databases are not supported locally"
            ),
        )
        .at(place.clone())
        .hint(format!(
            "leave the database out, or write {CATALOG}: schema.table (cross-database_usage)"
        ))),
        None => Ok(()),
    }
}

/// Refuses to write to a view, or to drop one as what it is not.
pub fn refuse_view(txn: &Transaction, command: &Command) -> Result<()> {
    let view = |name: &&ObjectRef| !txn.has_table(name) && txn.view(name).is_some();
    let is_view = |name: &ObjectRef| Error::failed("sql/is-view", format!("{name} is a view"));
    match command {
        Command::DropTable { names, if_exists: false, .. } => match names.iter().find(view) {
            Some(name) => Err(is_view(name).hint("write DROP VIEW (r_DROP_VIEW)")),
            None => Ok(()),
        },
        Command::DropView { names, if_exists: false, .. } => {
            let table = |name: &&ObjectRef| {
                let full = txn.resolve(name);
                let kept = txn.shape().tables.get(&full);
                txn.view(name).is_none()
                    && (txn.is_temporary(name)
                        || kept.is_some_and(|def| def.materialized().is_none()))
            };
            match names.iter().find(table) {
                Some(name) => Err(Error::failed(
                    "sql/unknown-table",
                    format!("{name} is a table, not a view"),
                )
                .hint("write DROP TABLE (r_DROP_TABLE)")),
                None => Ok(()),
            }
        }
        _ => match changed(command).filter(view) {
            Some(name) => Err(is_view(name).hint(format!(
                "{} changes tables alone: name the table the view reads",
                command.verb()
            ))),
            None => Ok(()),
        },
    }
}

impl Transaction {
    /// The full name a reference means, temporary tables aside.
    pub fn resolve(&self, name: &ObjectRef) -> TableName {
        match &self.view {
            Some(path) => self.resolve_by(path, name),
            None => self.resolve_by(&self.search_path(), name),
        }
    }

    /// The full name a reference means under a search path; an empty one is that of all sessions.
    pub fn resolve_by(&self, path: &[String], name: &ObjectRef) -> TableName {
        match &name.schema {
            Some(schema) => TableName::new(schema, &name.table),
            None if path.is_empty() => TableName::new(PUBLIC, &name.table),
            None => self.on_path(path, &name.table),
        }
    }

    /// The search path of the session, empty where it is that of all.
    pub fn search_path(&self) -> Vec<String> {
        self.settings.path().unwrap_or_default()
    }

    /// The search path under which the names in a view are read.
    pub fn path_of(&self, view: &ViewDef) -> Vec<String> {
        view.bound.as_ref().map_or_else(|| self.search_path(), |bound| bound.path.clone())
    }

    /// The first schema of a search path that has the table; the first of all where none has.
    fn on_path(&self, path: &[String], table: &str) -> TableName {
        let named = |schema: &String| TableName::new(schema, table);
        let is_there = |full: &TableName| {
            self.shape().tables.contains_key(full)
                || self.shape().views.contains_key(full)
                || self.shape().externals.contains_key(full)
        };
        let found = path.iter().map(named).find(is_there);
        found.or_else(|| path.first().map(named)).unwrap_or_else(|| TableName::new(PUBLIC, table))
    }

    /// The statement with what it makes named in the first schema of the search path.
    pub fn at_home<'p>(&self, parsed: &'p Parsed) -> Cow<'p, Parsed> {
        let home = self.settings.path().and_then(|path| path.into_iter().next());
        let Some(home) = home else { return Cow::Borrowed(parsed) };
        let mut parsed = parsed.clone();
        let name = match &mut parsed.command {
            Command::CreateTable(c) if !c.temp => &mut c.name,
            Command::CreateTableAs(c) if !c.temp => &mut c.name,
            Command::CreateView(c) => &mut c.name,
            _ => return Cow::Owned(parsed),
        };
        name.schema.get_or_insert(home);
        Cow::Owned(parsed)
    }

    /// The external table of a name.
    pub fn external(&self, name: &ObjectRef) -> Option<Arc<External>> {
        self.shape().externals.get(&self.resolve(name)).cloned()
    }
}
