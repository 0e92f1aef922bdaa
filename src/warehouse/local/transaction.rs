//! A transaction: a snapshot to read, working copies of what it touches, and one commit.
//!
//! Statements see what earlier ones did. Nobody else does before the commit, and a transaction
//! that is dropped leaves only files that no catalog names.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::execution::memory_pool::MemoryPool;
use roaring::RoaringBitmap;

use crate::dialect::ObjectRef;
use crate::error::{Error, Result};
use crate::records::Marker;
use crate::state::State;
use crate::tables::TableName;

use super::catalog::{
    self, Change, ColumnDef, Commit, DataFile, External, Identity, SchemaDef, Shape, SnapshotId,
    TableDef, ViewDef,
};
use super::files::{NewRows, Place, read_later_rows, read_positions};
use super::handover::{file_change, identity_changes};
use super::names::is_system;
use super::prepared::Cursor;
use super::settings::Settings;
use super::work::WorkTable;

/// The schema of names without one.
pub const PUBLIC: &str = "public";
/// Id of a table the catalog does not know yet.
pub(super) const NEW: i64 = -1;

/// The temporary tables of a session, by name.
pub type Temporary = BTreeMap<String, WorkTable>;

pub struct Transaction {
    state: State,
    base: SnapshotId,
    shape: Shape,
    tables: BTreeMap<TableName, WorkTable>,
    temporary: Temporary,
    /// The search path of the view whose query is read.
    pub(super) view: Option<Vec<String>>,
    changes: Vec<Change>,
    /// Tables whose identity counters moved.
    counted: BTreeMap<TableName, ()>,
    data: Place,
    scratch: Place,
    /// The engine's memory, in which temporary tables may lie.
    memory: Arc<dyn MemoryPool>,
    started: DateTime<Utc>,
    /// Statements are only planned: no row may be read.
    dry: bool,
    /// Of the session it belongs to.
    pub settings: Settings,
    pub cursor: Option<Cursor>,
    /// A COMMIT was met in a batch, which is one transaction all the same.
    pub kept: bool,
}

impl Transaction {
    /// Begins at a snapshot whose shape the caller has read.
    pub fn begin(
        state: State,
        base: SnapshotId,
        shape: Shape,
        data: Place,
        scratch: Place,
        memory: Arc<dyn MemoryPool>,
    ) -> Transaction {
        Transaction {
            state,
            base,
            shape,
            tables: BTreeMap::new(),
            temporary: BTreeMap::new(),
            view: None,
            changes: Vec::new(),
            counted: BTreeMap::new(),
            data,
            scratch,
            memory,
            started: Utc::now(),
            dry: false,
            settings: Settings::default(),
            cursor: None,
            kept: false,
        }
    }

    /// Takes over the temporary tables of the transaction before it in the same session.
    pub fn keep_temporary_of(&mut self, before: &mut Transaction) {
        self.temporary = std::mem::take(&mut before.temporary);
        self.settings = before.settings.clone();
    }

    /// The temporary tables as they are now.
    pub fn temporary(&self) -> Temporary {
        self.temporary.clone()
    }

    /// True while a ROLLBACK can undo all of it: no COMMIT came before, and no temporary table that
    /// may be older than the BEGIN.
    pub fn can_start_over(&self) -> bool {
        !self.kept && self.temporary.is_empty()
    }

    /// Gives it the temporary tables of its session.
    pub fn set_temporary(&mut self, temporary: Temporary) {
        self.temporary = temporary;
    }

    /// Says that its statements are planned and not run.
    pub fn only_plan(&mut self) {
        self.dry = true;
    }

    pub fn only_plans(&self) -> bool {
        self.dry
    }

    /// When it began: what SYSDATE says throughout.
    pub fn started(&self) -> DateTime<Utc> {
        self.started
    }

    pub fn memory(&self) -> Arc<dyn MemoryPool> {
        Arc::clone(&self.memory)
    }

    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Reads names as a view made under a search path does, which sees no temporary table; `None` as the
    /// session does. Gives what was said before.
    pub fn within(&mut self, view: Option<Vec<String>>) -> Option<Vec<String>> {
        std::mem::replace(&mut self.view, view)
    }

    pub fn is_temporary(&self, name: &ObjectRef) -> bool {
        self.view.is_none() && name.schema.is_none() && self.temporary.contains_key(&name.table)
    }

    /// True when a table of this name can be read or written.
    pub fn has_table(&self, name: &ObjectRef) -> bool {
        self.is_temporary(name) || self.shape.tables.contains_key(&self.resolve(name))
    }

    pub fn view(&self, name: &ObjectRef) -> Option<Arc<ViewDef>> {
        self.shape.views.get(&self.resolve(name)).cloned()
    }

    /// The working copy of a table; a temporary one hides a permanent one of the same name.
    pub async fn table(&mut self, name: &ObjectRef) -> Result<&mut WorkTable> {
        if self.is_temporary(name) {
            return self.temporary.get_mut(&name.table).ok_or_else(|| not_a_relation(name));
        }
        let full = self.resolve(name);
        if !self.tables.contains_key(&full) {
            let Some(def) = self.shape.tables.get(&full).cloned() else {
                return Err(self.unknown_table(name));
            };
            let mut table = WorkTable::new(self.data.clone(), Arc::clone(&def), false);
            table.load(self.committed_files(&def).await?);
            self.tables.insert(full.clone(), table);
        }
        self.tables.get_mut(&full).ok_or_else(|| not_a_relation(name))
    }

    /// The error for a name that is no table, with the nearest name that is one.
    pub fn unknown_table(&self, name: &ObjectRef) -> Error {
        if is_system(name) {
            return Error::failed(
                "sql/unsupported",
                format!("the system table {name} is not supported locally"),
            )
            .hint("PG_TABLE_DEF, SVV_TABLES, SVV_COLUMNS and SVV_ALL_SCHEMAS tell what there is here (c_intro_system_tables)");
        }
        let error = not_a_relation(name);
        let full = self.resolve(name);
        if let Some(reason) = self.shape.unreadable.get(&full) {
            return Error::failed("catalog/type", format!("{full} cannot be read: {reason}"))
                .hint("another program made it; give its columns types that Redshift has");
        }
        let full = full.to_string();
        let names: Vec<String> = self.shape.tables.keys().map(ToString::to_string).collect();
        match crate::error::nearest(&full, names.iter().map(String::as_str)) {
            Some(near) => error.hint(format!("did you mean {near}?")),
            None => error,
        }
    }

    async fn committed_files(&self, def: &TableDef) -> Result<Vec<(DataFile, RoaringBitmap)>> {
        let mut loaded = Vec::new();
        for file in catalog::files(self.state.readers(), def, self.base).await? {
            let mut deleted = match &file.delete {
                Some(delete) => read_positions(&self.data, delete, file.rows, self.base).await?,
                None => RoaringBitmap::new(),
            };
            if file.partial_max.is_some_and(|newest| newest > self.base) {
                deleted |= read_later_rows(&self.data, &file, self.base).await?;
            }
            loaded.push((file, deleted));
        }
        Ok(loaded)
    }

    /// Puts an external table under a name, or takes it away.
    pub fn set_external(&mut self, name: &ObjectRef, external: Option<External>) -> Result<()> {
        let full = self.resolve(name);
        let text = external.as_ref().map(serde_json::to_string).transpose().map_err(|cause| {
            Error::failed("catalog/external", format!("{full} cannot be kept")).because(cause)
        })?;
        match external {
            Some(external) => self.shape.externals.insert(full.clone(), Arc::new(external)),
            None => self.shape.externals.remove(&full),
        };
        self.changes.push(Change::External { name: full, definition: text });
        Ok(())
    }

    /// Marks a schema as an external one; `database` is what it names in the data catalog.
    pub fn set_external_schema(&mut self, name: &str, database: &str) {
        self.shape.external_schemas.insert(name.to_owned(), database.to_owned());
        let definition = Some(database.to_owned());
        self.changes.push(Change::External { name: TableName::new(name, ""), definition });
    }

    pub fn create_schema(&mut self, name: &str) {
        let def = SchemaDef { id: NEW, path: format!("{name}/") };
        self.shape.schemas.insert(name.to_string(), def);
        self.changes.push(Change::CreateSchema { name: name.to_string() });
    }

    pub fn drop_schema(&mut self, name: &str) {
        if self.shape.external_schemas.remove(name).is_some() {
            let name = TableName::new(name, "");
            self.changes.push(Change::External { name, definition: None });
        }
        if let Some(def) = self.shape.schemas.remove(name) {
            if def.id == NEW {
                self.changes
                    .retain(|c| !matches!(c, Change::CreateSchema { name: made } if made == name));
                return;
            }
            self.changes.push(Change::DropSchema { id: def.id });
        }
    }

    /// Makes an empty table; the caller has checked that the name is free.
    pub fn create_table(
        &mut self,
        name: &ObjectRef,
        columns: Vec<ColumnDef>,
        attributes: Option<String>,
        temporary: bool,
    ) -> Result<()> {
        let full = self.resolve(name);
        if temporary {
            let path = format!("{}/", uuid::Uuid::now_v7());
            let last_column = last_column(&columns);
            let def = TableDef { id: NEW, name: full, path, columns, last_column, attributes };
            let table = WorkTable::new(self.scratch.clone(), Arc::new(def), true);
            self.temporary.insert(name.table.clone(), table);
            return Ok(());
        }
        if !self.shape.schemas.contains_key(&full.schema) {
            if full.schema != PUBLIC {
                return Err(Error::failed(
                    "sql/unknown-schema",
                    format!("schema \"{}\" does not exist", full.schema),
                )
                .hint(format!("put `create schema if not exists {};` before it", full.schema)));
            }
            self.create_schema(PUBLIC);
        }
        let folder = self.shape.schemas.get(&full.schema).map_or("", |s| s.path.as_str());
        let def = Arc::new(TableDef {
            id: NEW,
            name: full.clone(),
            path: format!("{folder}{}/", full.table),
            columns: columns.clone(),
            last_column: last_column(&columns),
            attributes: attributes.clone(),
        });
        self.shape.tables.insert(full.clone(), Arc::clone(&def));
        let table = WorkTable::new(self.data.clone(), def, false);
        self.tables.insert(full.clone(), table);
        let made_in = format!("{}/", full.table);
        self.changes.push(Change::CreateTable { name: full, folder: made_in, columns, attributes });
        Ok(())
    }

    pub async fn drop_table(&mut self, name: &ObjectRef) -> Result<()> {
        if self.is_temporary(name) {
            self.temporary.remove(&name.table);
            return Ok(());
        }
        let full = self.resolve(name);
        self.tables.remove(&full);
        if let Some(def) = self.shape.tables.remove(&full) {
            if def.id == NEW {
                self.changes
                    .retain(|c| !matches!(c, Change::CreateTable { name, .. } if *name == full));
            } else {
                self.changes.push(Change::DropTable { id: def.id });
            }
        }
        Ok(())
    }

    /// Replaces the columns of a table after ALTER TABLE.
    pub async fn reshape(
        &mut self,
        name: &ObjectRef,
        edit: impl FnOnce(&TableDef) -> Result<(TableDef, Vec<Change>)>,
    ) -> Result<()> {
        let table = self.table(name).await?;
        let (def, mut changes) = edit(&table.def)?;
        if def.attributes != table.def.attributes {
            let attributes = def.attributes.clone();
            changes.push(Change::Attributes { table: def.id, attributes });
        }
        let def = Arc::new(def);
        table.def = Arc::clone(&def);
        if table.temporary {
            return Ok(());
        }
        let old = self.resolve(name);
        if def.id == NEW {
            // The catalog has not seen the table yet: change what will create it. That goes last, since
            // a new name may be that of a table dropped or renamed before.
            let is_it =
                |c: &mut Change| matches!(c, Change::CreateTable { name, .. } if *name == old);
            let planned = self.changes.extract_if(.., is_it).collect::<Vec<_>>();
            self.changes.extend(planned.into_iter().map(|change| match change {
                Change::CreateTable { folder, .. } => Change::CreateTable {
                    name: def.name.clone(),
                    folder,
                    columns: def.columns.clone(),
                    attributes: def.attributes.clone(),
                },
                other => other,
            }));
        } else {
            self.changes.extend(changes);
        }
        self.shape.tables.remove(&old);
        self.shape.tables.insert(def.name.clone(), Arc::clone(&def));
        if let Some(work) = self.tables.remove(&old) {
            self.tables.insert(def.name.clone(), work);
        }
        if self.counted.remove(&old).is_some() {
            self.counted.insert(def.name.clone(), ());
        }
        Ok(())
    }

    pub fn create_view(&mut self, name: &ObjectRef, view: ViewDef) -> Result<()> {
        let full = self.resolve(name);
        if !self.shape.schemas.contains_key(&full.schema) {
            return Err(Error::failed(
                "sql/unknown-schema",
                format!("schema \"{}\" does not exist", full.schema),
            )
            .hint(format!("put `create schema if not exists {};` before it", full.schema)));
        }
        // CREATE OR REPLACE with what is there already changes nothing and is no new shape.
        let view = ViewDef { id: NEW, name: full.clone(), ..view };
        if let Some(there) = self.shape.views.get(&full)
            && *there.as_ref() == (ViewDef { id: there.id, ..view.clone() })
        {
            return Ok(());
        }
        self.drop_view(name);
        self.changes.push(Change::CreateView(view.clone()));
        self.shape.views.insert(full, Arc::new(view));
        Ok(())
    }

    /// Takes a view away; returns whether there was one.
    pub fn drop_view(&mut self, name: &ObjectRef) -> bool {
        let full = self.resolve(name);
        let Some(def) = self.shape.views.remove(&full) else { return false };
        if def.id == NEW {
            self.changes.retain(|c| !matches!(c, Change::CreateView(view) if view.name == full));
        } else {
            self.changes.push(Change::DropView { id: def.id });
        }
        true
    }

    /// Adds written rows to a table and keeps what its identity columns will give next.
    pub async fn append(
        &mut self,
        name: &ObjectRef,
        files: Vec<NewRows>,
        identities: &[Option<Identity>],
    ) -> Result<()> {
        let table = self.table(name).await?;
        table.append(files);
        let moved = table.def.columns.iter().zip(identities).any(|(c, now)| c.identity != *now);
        if !moved {
            return Ok(());
        }
        let mut def = TableDef::clone(&table.def);
        for (column, identity) in def.columns.iter_mut().zip(identities) {
            column.identity = *identity;
        }
        let def = Arc::new(def);
        table.def = Arc::clone(&def);
        if !table.temporary {
            let full = self.resolve(name);
            self.counted.insert(full.clone(), ());
            self.shape.tables.insert(full, def);
        }
        Ok(())
    }

    /// Commits everything so far; the marker, if any, in the same catalog transaction.
    pub async fn commit(mut self, marker: Option<&Marker>) -> Result<SnapshotId> {
        let mut changes = std::mem::take(&mut self.changes);
        let mut touched = Vec::new();
        for (name, table) in &self.tables {
            if table.def.id != NEW && table.is_dirty() {
                touched.push(table.def.id);
            }
            if self.counted.contains_key(name) {
                identity_changes(table, &mut changes);
            }
            if table.is_dirty() {
                changes.push(file_change(table).await?);
            }
        }
        let now = Utc::now().format("%Y-%m-%d %H:%M:%S%.6f+00").to_string();
        let commit =
            Commit { base: self.base, changes: &changes, touched: &touched, marker, now: &now };
        catalog::commit(&self.state, &commit).await
    }
}

fn last_column(columns: &[ColumnDef]) -> i64 {
    columns.iter().map(|c| c.id).max().unwrap_or(0)
}

fn not_a_relation(name: &ObjectRef) -> Error {
    Error::failed("sql/unknown-table", format!("relation \"{name}\" does not exist"))
}
