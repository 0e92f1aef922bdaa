//! Which table a name means in a transaction: the search path of its session. It loads no table.

use std::borrow::Cow;
use std::sync::Arc;

use crate::dialect::{CATALOG, Command, ObjectRef, Parsed};
use crate::error::{Error, Result};
use crate::tables::TableName;

use super::catalog::External;
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

impl Transaction {
    /// The full name a reference means, temporary tables aside.
    pub fn resolve(&self, name: &ObjectRef) -> TableName {
        match (&name.schema, self.settings.path()) {
            (Some(schema), _) => TableName::new(schema, &name.table),
            (None, None) => TableName::new(PUBLIC, &name.table),
            (None, Some(path)) => self.on_path(&path, &name.table),
        }
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
