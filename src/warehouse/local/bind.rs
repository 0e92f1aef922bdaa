//! Binds the names of a statement to scans: working copies, landing tables, views.
//!
//! Only the tables a statement names are loaded. What is not found is an error here, with the
//! nearest name, before the planner sees the statement.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use datafusion::catalog::CatalogProviderList;
use datafusion::catalog::{
    CatalogProvider, MemoryCatalogProvider, MemoryCatalogProviderList, MemorySchemaProvider,
    SchemaProvider, TableProvider,
};
use datafusion::datasource::ViewTable;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::dialect::{
    self, CATALOG, Clock, Command, DEFAULT_SCHEMA, ObjectRef, Pseudo, TEMPORARY, rows_name,
    without_identity,
};
use crate::error::{Error, Result};

use super::catalog::ViewDef;
use super::engine::{Local, engine_error};
use super::files::FileTable;
use super::sessions::Sessions;
use super::transaction::Transaction;
use super::work::WorkTable;
use super::{external, landing, narrow, system};

/// Views may stand on views; a chain longer than this is taken for a circle.
const VIEW_DEPTH: usize = 32;

/// The tables of one statement, by schema.
#[derive(Default)]
pub struct Bound {
    schemas: HashMap<String, HashMap<String, Arc<dyn TableProvider>>>,
}

impl Bound {
    fn add(&mut self, txn: &Transaction, name: &ObjectRef, table: Arc<dyn TableProvider>) {
        let schema = match &name.schema {
            Some(schema) => schema.clone(),
            None if txn.is_temporary(&without_identity(name)) => TEMPORARY.to_owned(),
            None => DEFAULT_SCHEMA.to_owned(),
        };
        self.schemas.entry(schema).or_default().insert(name.table.clone(), table);
    }

    /// Rows of all tables; what stands behind a view is not counted and so counts as many.
    fn rows(&self) -> u64 {
        let of = |table: &Arc<dyn TableProvider>| {
            let known = table.statistics()?.num_rows.get_value().copied()?;
            u64::try_from(known).ok()
        };
        let tables = self.schemas.values().flat_map(HashMap::values);
        tables.fold(0, |sum: u64, table| sum.saturating_add(of(table).unwrap_or(u64::MAX)))
    }

    /// A session that knows these tables and no others.
    pub fn session(self, sessions: &Sessions) -> Result<SessionState> {
        let rows = self.rows();
        let catalog = MemoryCatalogProvider::new();
        let mut schemas = self.schemas;
        schemas.entry(DEFAULT_SCHEMA.to_string()).or_default();
        for (name, tables) in schemas {
            let schema = MemorySchemaProvider::new();
            for (table, provider) in tables {
                schema.register_table(table, provider).map_err(engine_error)?;
            }
            catalog.register_schema(&name, Arc::new(schema)).map_err(engine_error)?;
        }
        let list = MemoryCatalogProviderList::new();
        list.register_catalog(CATALOG.to_string(), Arc::new(catalog));
        let mut session = sessions.for_rows(rows).clone();
        session.register_catalog_list(Arc::new(list));
        Ok(session)
    }
}

/// Binds everything a command reads, and its target with row identity where it has one.
pub async fn bind(
    local: &Local,
    txn: &mut Transaction,
    command: &Command,
    target: Option<&ObjectRef>,
) -> Result<Bound> {
    let mut bound = Bound::default();
    let pseudo = dialect::pseudo(command);
    for name in dialect::tables_of(command).reads {
        bind_one(local, txn, &name, &mut bound, (pseudo, 0)).await?;
    }
    let Some(target) = target else { return Ok(bound) };
    // Narrowing reads keys; what is only planned reads nothing.
    let narrowed = match txn.only_plans() {
        true => None,
        false => narrow::narrow(local, txn, command).await?,
    };
    let table = txn.table(target).await?;
    let mut scan =
        FileTable::with_row_identity(table.place.clone(), table.schema(), table.scan_files())
            .with_columns(&table.def.columns);
    if let Some(narrowed) = narrowed {
        if narrowed.table == *target {
            scan = scan.only(&narrowed.rows);
        } else {
            let table = txn.table(&narrowed.table).await?;
            let other = table.known(plain_scan(table).only(&narrowed.rows));
            bound.add(txn, &narrowed.table, Arc::new(other));
        }
    }
    let scan = txn.table(target).await?.known(scan);
    bound.add(txn, &rows_name(target), Arc::new(scan));
    Ok(bound)
}

fn plain_scan(table: &WorkTable) -> FileTable {
    FileTable::new(table.place.clone(), table.schema(), Vec::new(), table.scan_files())
        .with_columns(&table.def.columns)
}

fn bind_one<'a>(
    local: &'a Local,
    txn: &'a mut Transaction,
    name: &'a ObjectRef,
    bound: &'a mut Bound,
    (pseudo, depth): (Pseudo, usize),
) -> BoxFuture<'a, Result<()>> {
    async move {
        if txn.has_table(name) {
            let table = txn.table(name).await?;
            let scan = table.known(plain_scan(table));
            bound.add(txn, name, Arc::new(scan));
            return Ok(());
        }
        if let Some(view) = txn.view(name) {
            let plan = view_plan(local, txn, &view, depth + 1).await?;
            bound.add(txn, name, Arc::new(ViewTable::new(plan, Some(view.sql.clone()))));
            return Ok(());
        }
        if let Some(external) = txn.external(name) {
            bound.add(txn, name, external::provider(local, &external, pseudo).await?);
            return Ok(());
        }
        if let Some(spec) = landing::spec(&local.specs, &txn.resolve(name)) {
            let scan = landing::table(&local.state, &local.landing, spec).await?;
            bound.add(txn, name, Arc::new(scan));
            return Ok(());
        }
        if let Some(system) = system::provider(local, txn, name).await? {
            bound.add(txn, name, system);
            return Ok(());
        }
        Err(txn.unknown_table(name))
    }
    .boxed()
}

/// The plan behind a view, its columns under the names the view gives them.
pub async fn view_plan(
    local: &Local,
    txn: &mut Transaction,
    view: &ViewDef,
    depth: usize,
) -> Result<LogicalPlan> {
    if depth > VIEW_DEPTH {
        return Err(Error::failed(
            "sql/view-depth",
            format!("view {} stands on itself", view.name),
        ));
    }
    let query = dialect::parse_query(&view.sql, Path::new(&view.name.to_string()))?;
    let command = Command::Query(query.clone());
    let mut bound = Bound::default();
    let pseudo = dialect::pseudo(&command);
    // what it names is what it named when it was made, whatever the session at hand has
    let path = txn.path_of(view);
    let around = txn.within(Some(path));
    let mut found = Ok(());
    for name in dialect::tables_of(&command).reads {
        found = bind_one(local, txn, &name, &mut bound, (pseudo, depth)).await;
        if found.is_err() {
            break;
        }
    }
    txn.within(around);
    found?;
    let session = bound.session(&local.sessions)?;
    let clock = Clock { transaction_start: txn.started() };
    let plan = dialect::plan_query(&session, *query, &clock, None).await?;
    columns_of(view, plan)
}

/// The columns that a view had when it was made, under the names it gives them; those beyond its names
/// keep their own.
fn columns_of(view: &ViewDef, plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut columns = plan.schema().columns();
    if let Some(bound) = &view.bound {
        let all = std::mem::take(&mut columns);
        let mut left: Vec<_> = all.iter().collect();
        for name in &bound.columns {
            let Some(at) = left.iter().position(|column| column.name == *name) else {
                return Err(gone(view, name));
            };
            columns.push(left.remove(at).clone());
        }
    }
    let own: Vec<&str> = columns.iter().map(|column| dialect::output_name(&column.name)).collect();
    let once = |name: &str| own.iter().filter(|other| **other == name).count() == 1;
    let renamed: Vec<Expr> = (0_usize..)
        .zip(columns.iter().zip(&own))
        .map(|(index, (column, own))| {
            let to = match view.columns.get(index) {
                Some(given) => given.as_str(),
                None if once(own) => own,
                None => column.name.as_str(),
            };
            let same = column.name == to;
            let column = Expr::Column(column.clone());
            if same { column } else { column.alias(to) }
        })
        .collect();
    if renamed.len() == plan.schema().fields().len()
        && renamed.iter().all(|column| matches!(column, Expr::Column(_)))
    {
        return Ok(plan);
    }
    LogicalPlanBuilder::from(plan).project(renamed).and_then(|b| b.build()).map_err(engine_error)
}

fn gone(view: &ViewDef, column: &str) -> Error {
    let column = dialect::output_name(column);
    Error::failed(
        "sql/view-columns",
        format!("the query of view {} lost column {column}", view.name),
    )
    .hint("what it stands on has changed: drop the view and make it again")
}
