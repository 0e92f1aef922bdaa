//! Queries run over small tables in memory; expected values come from the Redshift manual.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Int32Array, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{TimeZone, Utc};
use datafusion::catalog::{CatalogProvider, MemTable, MemorySchemaProvider};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::collect;

use super::*;
use crate::error::Result;
use crate::types::SqlType;

mod functions;
mod meaning;

/// 2008-06-04 14:23:59.123456, so that SYSDATE and GETDATE differ.
pub fn clock() -> Clock {
    let start = Utc.with_ymd_and_hms(2008, 6, 4, 14, 23, 59).single().expect("a time");
    Clock { transaction_start: start + chrono::Duration::microseconds(123_456) }
}

/// A table in memory.
#[derive(Clone)]
pub struct Table {
    schema: String,
    name: String,
    columns: Vec<(String, SqlType)>,
    rows: String,
    identity: bool,
}

impl Table {
    pub fn new(schema: &str, name: &str, columns: &str) -> Table {
        let parsed = parse_script(&format!("create table t ({columns})"), Path::new("t"));
        let Command::CreateTable(table) = parsed.expect("columns").remove(0).command else {
            panic!("{columns}")
        };
        let columns = table.columns.into_iter().map(|c| (c.name, c.ty)).collect();
        Table {
            schema: schema.into(),
            name: name.into(),
            columns,
            rows: String::new(),
            identity: false,
        }
    }

    /// A VALUES list.
    pub fn rows(mut self, rows: &str) -> Table {
        self.rows = rows.into();
        self
    }

    pub fn with_identity(mut self) -> Table {
        self.identity = true;
        self
    }

    async fn load(&self, state: &SessionState) -> RecordBatch {
        let shape = TableShape {
            name: ObjectRef::new(Some(&self.schema), &self.name),
            schema: Some(self.schema.clone()),
            by_table: false,
            columns: self
                .columns
                .iter()
                .map(|(name, ty)| ShapeColumn {
                    name: name.clone(),
                    ty: *ty,
                    not_null: false,
                    default: None,
                    identity: false,
                })
                .collect(),
        };
        let insert = parse_script(&format!("insert into t {}", self.rows), Path::new("t"))
            .expect("rows")
            .remove(0);
        let set = change_set(&insert.command, &shape, None).expect("rows");
        let plan = plan_query(state, set.query, &clock(), None).await.expect("rows");
        let plan = assignment_casts(plan, 0, &shape).expect("rows");
        let batch = run(state, plan).await.expect("rows");
        if !self.identity {
            return batch;
        }
        let mut fields: Vec<Field> =
            batch.schema().fields().iter().map(|f| f.as_ref().clone()).collect();
        fields.push(Field::new(ROW_FILE, DataType::Int32, false));
        fields.push(Field::new(ROW_POSITION, DataType::Int64, false));
        let mut arrays = batch.columns().to_vec();
        let count = i64::try_from(batch.num_rows()).expect("few");
        arrays.push(Arc::new(Int32Array::from(vec![1; batch.num_rows()])));
        arrays.push(Arc::new(Int64Array::from_iter_values(0..count)));
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("a batch")
    }
}

pub async fn session_with(tables: &[Table]) -> SessionState {
    let state = session_state(Arc::new(RuntimeEnv::default()), 2, None);
    let catalog = state.catalog_list().catalog(CATALOG).expect("the catalog");
    for table in tables {
        let batch = table.load(&state).await;
        let name = if table.identity {
            format!("{}{ROWS_SUFFIX}", table.name)
        } else {
            table.name.clone()
        };
        register(catalog.as_ref(), &table.schema, &name, batch);
    }
    state
}

fn register(catalog: &dyn CatalogProvider, schema: &str, name: &str, batch: RecordBatch) {
    if catalog.schema(schema).is_none() {
        catalog.register_schema(schema, Arc::new(MemorySchemaProvider::new())).expect("schema");
    }
    let provider = MemTable::try_new(batch.schema(), vec![vec![batch]]).expect("table");
    let schema = catalog.schema(schema).expect("schema");
    schema.register_table(name.into(), Arc::new(provider)).expect("table");
}

async fn run(state: &SessionState, plan: LogicalPlan) -> Result<RecordBatch> {
    let failed = |e: datafusion::common::DataFusionError| super::wording::sql_error(e, None);
    let plan = state.optimize(&plan).map_err(failed)?;
    let physical =
        state.query_planner().create_physical_plan(&plan, state).await.map_err(failed)?;
    let schema = physical.schema();
    let batches = collect(physical, state.task_ctx()).await.map_err(failed)?;
    Ok(arrow::compute::concat_batches(&schema, &batches).expect("one schema"))
}

/// The rows of a plan, columns joined by `|`.
pub async fn rows_of(state: &SessionState, plan: LogicalPlan) -> Result<Vec<String>> {
    let batch = run(state, plan).await?;
    let options = FormatOptions::default()
        .with_null("NULL")
        .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"));
    let formatters: Vec<_> = batch
        .columns()
        .iter()
        .map(|c| ArrayFormatter::try_new(c.as_ref(), &options).expect("a formatter"))
        .collect();
    Ok((0..batch.num_rows())
        .map(|i| formatters.iter().map(|f| f.value(i).to_string()).collect::<Vec<_>>().join("|"))
        .collect())
}

/// A query over two tables of the manual's kind, and the session they are in.
async fn planned(sql: &str) -> Result<(SessionState, LogicalPlan)> {
    let state = session_with(&[
        Table::new(
            "public",
            "sales",
            "id integer, qty smallint, price decimal(8,2), comm double precision, day date, \
             at timestamp, name varchar(20), flag boolean",
        )
        .rows(
            "values (1, 2, 28.05, 0.5, '2008-01-05', '2008-01-05 10:11:12', 'Ann', true), \
               (2, 1, 76.00, 1.5, '2008-02-29', '2008-02-29 23:59:59.5', 'bob', false), \
               (3, 4, 350.00, null, '2008-12-31', null, 'Chloé', null), \
               (4, null, null, 2.0, null, '2009-03-01 00:00:00', null, true)",
        ),
        Table::new("store", "other", "id integer, word varchar(20)")
            .rows("values (1, 'one'), (2, 'two'), (2, 'deux'), (7, 'seven')"),
    ])
    .await;
    let parsed = parse_script(sql, Path::new("q.sql"))?.remove(0);
    refuse(&parsed)?;
    let Command::Query(query) = parsed.command else { panic!("{sql}") };
    let plan = plan_query(&state, *query, &clock(), Some(&parsed.place)).await?;
    Ok((state, plan))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("rt");
    runtime.block_on(future)
}

/// Names and types of a query's columns, and its rows.
pub fn answer(sql: &str) -> Result<(Vec<String>, Vec<String>)> {
    block_on(async {
        let (state, plan) = planned(sql).await?;
        let analyzed = state.optimize(&plan).map_err(|e| super::wording::sql_error(e, None))?;
        let columns = analyzed
            .schema()
            .fields()
            .iter()
            .map(|f| {
                let ty = SqlType::of_arrow(f.data_type())
                    .map_or_else(|| f.data_type().to_string(), |t| t.to_string());
                format!("{} {}", output_name(f.name()), ty.replace("(65535)", ""))
            })
            .collect();
        Ok((columns, rows_of(&state, plan).await?))
    })
}

/// How a query is run, as DataFusion prints it.
pub fn optimized(sql: &str) -> String {
    block_on(async {
        let (state, plan) = planned(sql).await.expect("a plan");
        state.optimize(&plan).expect("an optimized plan").to_string()
    })
}

/// Every expression gives the value beside it.
#[track_caller]
pub fn values(cases: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (expression, expected) in cases {
        let found = match answer(&format!("select {expression} as v")) {
            Ok((_, rows)) => rows.join(";"),
            Err(error) => format!("error {}: {error}", error.code()),
        };
        if found != *expected {
            wrong.push(format!("{expression}: expected {expected}, found {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every query gives the rows beside it.
#[track_caller]
pub fn queries(cases: &[(&str, &[&str])]) {
    let mut wrong = Vec::new();
    for (sql, expected) in cases {
        match answer(sql) {
            Ok((_, rows)) if rows == *expected => {}
            Ok((_, rows)) => wrong.push(format!("{sql}: expected {expected:?}, found {rows:?}")),
            Err(error) => wrong.push(format!("{sql}: {error:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every query has the columns beside it.
#[track_caller]
pub fn columns(cases: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (sql, expected) in cases {
        match answer(sql) {
            Ok((columns, _)) if columns.join(", ") == *expected => {}
            Ok((columns, _)) => {
                wrong.push(format!("{sql}: expected {expected}, found {}", columns.join(", ")))
            }
            Err(error) => wrong.push(format!("{sql}: {error:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every query is refused with the code beside it.
#[track_caller]
pub fn refused(cases: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (sql, code) in cases {
        match answer(sql) {
            Ok((_, rows)) => wrong.push(format!("{sql}: expected {code}, found {rows:?}")),
            Err(error) if error.code() == *code => {}
            Err(error) => wrong.push(format!("{sql}: expected {code}, found {error:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
