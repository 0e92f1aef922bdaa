//! What is known of the tables a statement names: their columns and keys. It asks no catalog.

use std::collections::BTreeMap;

use super::find::ctes_of;
use super::scope::{Scope, output_name};
use crate::dialect::command::{Command, CreateTableAs, ObjectRef};
use crate::types::SqlType;

/// Tables by the names a statement has for them; what is not here is not known.
#[derive(Debug, Clone, Default)]
pub struct Known(pub BTreeMap<ObjectRef, KnownTable>);

/// A table or view.
#[derive(Debug, Clone, Default)]
pub struct KnownTable {
    pub columns: Vec<KnownColumn>,
    /// The columns of each declared key.
    pub unique: Vec<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownColumn {
    pub name: String,
    pub ty: SqlType,
    pub not_null: bool,
}

impl Known {
    pub(super) fn table(&self, name: &ObjectRef) -> Option<&KnownTable> {
        self.0.get(name)
    }

    pub(super) fn column(&self, table: &ObjectRef, name: &str) -> Option<&KnownColumn> {
        self.table(table)?.columns.iter().find(|c| c.name == name)
    }

    /// The columns a CREATE TABLE AS will have, as far as its query tells.
    pub fn table_as(&self, command: &Command, create: &CreateTableAs) -> KnownTable {
        let scope = Scope::new(self, ctes_of(command));
        let outputs = scope.outputs(&create.query).unwrap_or_default();
        let named = outputs.into_iter().enumerate().filter_map(|(index, (item, kind))| {
            let name = match create.columns.get(index) {
                Some(name) => name.clone(),
                None => output_name(item)?.to_owned(),
            };
            // the columns of a new table are never NOT NULL, but their values may be
            Some(KnownColumn { name, ty: kind?.ty, not_null: kind?.not_null })
        });
        KnownTable { columns: named.collect(), unique: Vec::new() }
    }
}
