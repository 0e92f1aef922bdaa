//! Runs one statement in a transaction: what it is decides where it goes.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::dataframe::DataFrame;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::sql::sqlparser::ast;
use futures::{StreamExt, TryStreamExt};

use crate::dialect::{self, Clock, Command, CreateTableAs, CreateView, Delete, ObjectRef, Parsed};
use crate::error::{Error, Result};
use crate::tables::TableName;
use crate::types::SqlType;
use crate::warehouse::{Answer, ColumnInfo, Outcome};

use super::bind::{bind, view_plan};
use super::changes::{change, plan_change};
use super::engine::{Local, engine_error};
use super::transaction::Transaction;
use super::{
    alter, apply, care, changes, ddl, dependents, distinct, external, inherited, load,
    materialized, names, prepared, readonly, show, unload,
};

/// Runs a statement. TRUNCATE only clears its table: committing is the caller's part.
pub async fn run(local: &Local, txn: &mut Transaction, parsed: &Parsed) -> Result<Outcome> {
    let located = |e: Error| if e.place().is_none() { e.at(parsed.place.clone()) } else { e };
    names::refuse_other_database(parsed)?;
    readonly::refuse(txn, &parsed.command).map_err(located)?;
    let parsed = prepared::expanded(txn, parsed).map_err(located)?;
    let parsed = txn.at_home(&parsed);
    let parsed = parsed.as_ref();
    let warnings = dialect::refuse(parsed).map_err(located)?;
    if let Some(target) = changed(&parsed.command) {
        external::refuse_write(local, txn, target, parsed.command.verb()).map_err(located)?;
    }
    names::refuse_view(txn, &parsed.command).map_err(located)?;
    materialized::refuse(local, txn, &parsed.command).map_err(located)?;
    let mut outcome = dispatch(local, txn, parsed).await.map_err(located)?;
    outcome.warnings.splice(0..0, warnings);
    outcome.temporary =
        dialect::tables_of(&parsed.command).writes.iter().any(|target| txn.is_temporary(target));
    Ok(outcome)
}

pub(super) async fn dispatch(
    local: &Local,
    txn: &mut Transaction,
    parsed: &Parsed,
) -> Result<Outcome> {
    match &parsed.command {
        Command::CreateSchema { .. }
        | Command::DropSchema { .. }
        | Command::CreateTable(_)
        | Command::CreateTableAs(_)
        | Command::CreateView(_)
        | Command::DropTable { .. }
        | Command::DropView { .. }
        | Command::RefreshMaterializedView { .. }
        | Command::DropMaterializedView { .. }
        | Command::AlterMaterializedView { .. }
        | Command::AlterTable(_)
        | Command::CreateExternalSchema(_)
        | Command::CreateExternalTable(_) => define(local, txn, parsed).await,
        Command::Truncate { table } => {
            let deleted = txn.table(table).await?.clear();
            Ok(Outcome { deleted, ..Outcome::default() })
        }
        Command::Delete(delete) if is_whole_table(delete) => {
            let deleted = txn.table(&delete.target).await?.clear();
            Ok(Outcome { deleted, ..Outcome::default() })
        }
        Command::Insert(insert) => change(local, txn, parsed, &insert.target).await,
        Command::Update(update) => change(local, txn, parsed, &update.target).await,
        Command::Delete(delete) => change(local, txn, parsed, &delete.target).await,
        Command::Merge(merge) => change(local, txn, parsed, &merge.target).await,
        Command::Query(query) => answer(local, txn, parsed, (**query).clone()).await,
        Command::Explain { command } => {
            let inner = Parsed { command: (**command).clone(), ..parsed.clone() };
            explain(local, txn, &inner).await
        }
        // A batch is one transaction already; grants, statistics and settings have no effect here.
        Command::Noted { .. } => Ok(Outcome::default()),
        Command::Care(care) => care::run(local, txn, care).await,
        Command::Begin { read_only } => {
            txn.settings.begin(*read_only);
            Ok(Outcome::default())
        }
        Command::Commit => {
            txn.settings.end();
            txn.kept = true;
            Ok(Outcome::default())
        }
        Command::Set { name, value, local } => {
            txn.settings.set(name, value.as_deref(), *local).map(|()| Outcome::default())
        }
        Command::Copy(copy) => load::copy(local, txn, parsed, copy).await,
        Command::Unload(unload) => unload::unload(local, txn, parsed, unload).await,
        Command::Show(asked) => show::show(local, txn, asked).await,
        Command::Rollback => Err(Error::failed(
            "sql/unsupported-locally",
            "ROLLBACK after a COMMIT or a temporary table of one file is not supported locally",
        )
        .hint("a file is one transaction here: put what may be undone into a file of its own")),
        Command::Execute { .. } => {
            let inner = prepared::expanded(txn, parsed)?.into_owned();
            Box::pin(dispatch(local, txn, &inner)).await
        }
        Command::Prepare(_)
        | Command::Deallocate { .. }
        | Command::Declare { .. }
        | Command::Fetch { .. }
        | Command::Close { .. } => prepared::run(local, txn, parsed).await,
    }
}

/// CREATE, ALTER, DROP and REFRESH.
async fn define(local: &Local, txn: &mut Transaction, parsed: &Parsed) -> Result<Outcome> {
    match &parsed.command {
        Command::CreateSchema { name, if_not_exists } => {
            ddl::create_schema(txn, name, *if_not_exists)
        }
        Command::DropSchema { names, if_exists, cascade } => {
            ddl::drop_schemas(txn, names, *if_exists, *cascade).await
        }
        Command::CreateTable(create) => {
            changes::check_defaults(local, txn, parsed, &create.columns).await?;
            ddl::create_table(txn, create).await
        }
        Command::CreateTableAs(create) => create_table_as(local, txn, parsed, create).await,
        Command::CreateView(create) => create_view(local, txn, parsed, create).await,
        Command::DropTable { names, if_exists, cascade } => {
            dependents::release(txn, names, *cascade).await?;
            ddl::drop_tables(txn, names, *if_exists).await
        }
        Command::DropView { names, if_exists, cascade } => {
            dependents::release(txn, names, *cascade).await?;
            ddl::drop_views(txn, names, *if_exists)
        }
        Command::AlterTable(alter) => {
            dependents::alter(txn, alter).await?;
            alter::alter(local, txn, parsed, alter).await
        }
        Command::CreateExternalSchema(create) => external::create_schema(txn, create),
        Command::CreateExternalTable(create) => external::create_table(local, txn, create),
        Command::RefreshMaterializedView { .. }
        | Command::DropMaterializedView { .. }
        | Command::AlterMaterializedView { .. } => materialized::run(local, txn, parsed).await,
        other => Err(Error::failed("sql/unsupported", format!("{} defines nothing", other.verb()))),
    }
}

async fn create_view(
    local: &Local,
    txn: &mut Transaction,
    parsed: &Parsed,
    create: &CreateView,
) -> Result<Outcome> {
    if !create.or_replace {
        ddl::name_is_free(txn, &create.name, false, false)?;
    }
    if create.no_schema_binding {
        let reads = dialect::tables_of(&parsed.command).reads;
        ddl::refuse_unqualified(&create.name, &reads)?;
        reads.iter().try_for_each(|read| known_schema(local, txn, read))?;
        ddl::create_view(txn, create, None)
    } else {
        // A view that cannot be planned is refused now, but for one bound late.
        let (_, query) = plan(local, txn, parsed, (*create.query).clone(), None).await?;
        let (names, columns) = (create.columns.len(), query.schema().fields().len());
        if names > columns {
            return Err(Error::failed(
                "sql/columns",
                format!("{names} names for {columns} columns"),
            )
            .about(create.name.to_string())
            .hint("give each column of the query one name (r_CREATE_VIEW)"));
        }
        refuse_twins(create, &query)?;
        dependents::same_columns(local, txn, create, &query).await?;
        let columns = query.schema().fields().iter().map(|field| field.name().clone()).collect();
        ddl::create_view(txn, create, Some(columns))
    }
}

/// A view has no two columns of one name, as no table has.
fn refuse_twins(create: &CreateView, query: &LogicalPlan) -> Result<()> {
    let mut names = BTreeSet::new();
    for (index, field) in query.schema().fields().iter().enumerate() {
        let own = dialect::output_name(field.name());
        let name = create.columns.get(index).map_or(own, String::as_str);
        if !names.insert(name.to_owned()) {
            return Err(Error::failed(
                "sql/duplicate-column",
                format!("column \"{name}\" specified more than once"),
            )
            .about(create.name.to_string())
            .hint("give one of them another name"));
        }
    }
    Ok(())
}

/// The schema of a table a late view names must be there, the table need not (r_CREATE_VIEW).
fn known_schema(local: &Local, txn: &Transaction, read: &ObjectRef) -> Result<()> {
    let Some(schema) = read.schema.as_deref() else { return Ok(()) };
    let shape = txn.shape();
    let known = shape.schemas.contains_key(schema)
        || shape.external_schemas.contains_key(schema)
        || local
            .specs
            .iter()
            .any(|spec| [&spec.landing, &spec.store].iter().any(|t| t.schema == schema))
        || names::is_system(read);
    // what is only planned may stand on what an earlier task makes
    if known || txn.only_plans() {
        return Ok(());
    }
    Err(Error::failed("sql/unknown-schema", format!("schema \"{schema}\" does not exist"))
        .hint("create the schema first; its tables may come later (r_CREATE_VIEW)"))
}

/// The table whose rows a statement changes.
pub(super) fn changed(command: &Command) -> Option<&ObjectRef> {
    match command {
        Command::Truncate { table } => Some(table),
        Command::Insert(c) => Some(&c.target),
        Command::Update(c) => Some(&c.target),
        Command::Delete(c) => Some(&c.target),
        Command::Merge(c) => Some(&c.target),
        Command::Copy(c) => Some(&c.target),
        _ => None,
    }
}

fn is_whole_table(delete: &Delete) -> bool {
    delete.filter.is_none() && delete.using.is_empty()
}

pub(super) fn clock(txn: &Transaction) -> Clock {
    Clock { transaction_start: txn.started() }
}

/// Plans a query with the tables its statement names.
pub(super) async fn plan(
    local: &Local,
    txn: &mut Transaction,
    parsed: &Parsed,
    query: ast::Query,
    target: Option<&ObjectRef>,
) -> Result<(SessionState, LogicalPlan)> {
    let session = bind(local, txn, &parsed.command, target).await?.session(&local.sessions)?;
    let plan = dialect::plan_query(&session, query, &clock(txn), Some(&parsed.place)).await?;
    Ok((session, plan))
}

/// The columns of an answer under the names Redshift gives them.
pub(super) fn output_schema(schema: &SchemaRef) -> SchemaRef {
    let named =
        |field: &Arc<Field>| field.as_ref().clone().with_name(dialect::output_name(field.name()));
    Arc::new(Schema::new(schema.fields().iter().map(named).collect::<Vec<_>>()))
}

pub(super) async fn stream(
    session: SessionState,
    plan: LogicalPlan,
) -> Result<SendableRecordBatchStream> {
    DataFrame::new(session, plan).execute_stream().await.map_err(engine_error)
}

/// The rows of a query that stands inside a statement, under the names Redshift gives them.
pub(super) async fn rows(
    local: &Local,
    txn: &mut Transaction,
    parsed: &Parsed,
    query: ast::Query,
) -> Result<SendableRecordBatchStream> {
    let (session, plan) = plan(local, txn, parsed, query, None).await?;
    named(session, plan).await
}

/// The rows of a plan under the names Redshift gives them.
pub(super) async fn named(
    session: SessionState,
    plan: LogicalPlan,
) -> Result<SendableRecordBatchStream> {
    let rows = stream(session, plan).await?;
    let schema = output_schema(&rows.schema());
    let named = Arc::clone(&schema);
    let rows = rows.map(move |batch| Ok(batch?.with_schema(Arc::clone(&named))?));
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
}

async fn answer(
    local: &Local,
    txn: &mut Transaction,
    parsed: &Parsed,
    query: ast::Query,
) -> Result<Outcome> {
    let (session, plan) = plan(local, txn, parsed, query, None).await?;
    let stream = stream(session, plan).await?;
    let schema = output_schema(&stream.schema());
    let batches = stream.try_collect().await.map_err(engine_error)?;
    Ok(Outcome { answer: Some(Answer { schema, batches }), ..Outcome::default() })
}

async fn explain(local: &Local, txn: &mut Transaction, parsed: &Parsed) -> Result<Outcome> {
    // Of a statement that changes rows the plan of its change set is shown; it is not run.
    let (session, plan) = match (&parsed.command, changed(&parsed.command)) {
        (Command::Query(query), _) => plan(local, txn, parsed, (**query).clone(), None).await?,
        (Command::CreateTableAs(create), _) => {
            plan(local, txn, parsed, (*create.query).clone(), None).await?
        }
        (
            Command::Insert(_) | Command::Update(_) | Command::Delete(_) | Command::Merge(_),
            Some(target),
        ) => {
            let (session, plan, _) = plan_change(local, txn, parsed, target).await?;
            (session, plan)
        }
        _ => {
            return Err(Error::failed(
                "sql/syntax",
                format!("EXPLAIN {} does not exist", parsed.command.verb()),
            )
            .hint("EXPLAIN takes SELECT, CREATE TABLE AS, INSERT, UPDATE, DELETE or MERGE (r_EXPLAIN)"));
        }
    };
    // EXPLAIN of the engine keeps quiet about a plan that it cannot make
    session.create_physical_plan(&plan).await.map_err(engine_error)?;
    let frame = DataFrame::new(session, plan).explain(false, false).map_err(engine_error)?;
    let schema = Arc::new(Schema::clone(frame.schema().as_arrow()));
    let batches = frame.collect().await.map_err(engine_error)?;
    Ok(Outcome { answer: Some(Answer { schema, batches }), ..Outcome::default() })
}

async fn create_table_as(
    local: &Local,
    txn: &mut Transaction,
    parsed: &Parsed,
    create: &CreateTableAs,
) -> Result<Outcome> {
    if !ddl::name_is_free(txn, &create.name, create.temp, create.if_not_exists)? {
        return Ok(Outcome::default());
    }
    let (session, plan) = plan(local, txn, parsed, (*create.query).clone(), None).await?;
    let texts = dialect::text_types(&plan);
    let source = inherited::words(txn, &plan, &create.columns).await?;
    let plan = distinct::unranked(&session, plan).await?;
    let stream = stream(session, plan).await?;
    // Types are final only once the plan is: those of a UNION widen on the way.
    ddl::create_for_query(txn, create, &output_schema(&stream.schema()), &texts, source)?;
    apply::insert(txn, &create.name, stream).await
}

/// The values of the only row of a query.
pub(super) async fn first_row(
    local: &Local,
    txn: &mut Transaction,
    parsed: &Parsed,
    query: ast::Query,
) -> Result<Vec<ScalarValue>> {
    let rows = rows(local, txn, parsed, query).await?;
    let batches: Vec<RecordBatch> = rows.try_collect().await.map_err(engine_error)?;
    let Some(batch) = batches.iter().find(|b| b.num_rows() > 0) else { return Ok(Vec::new()) };
    let value = |column: &ArrayRef| ScalarValue::try_from_array(column, 0).map_err(engine_error);
    batch.columns().iter().map(value).collect()
}

/// The columns of a view, for `describe`.
pub async fn view_schema(
    local: &Local,
    txn: &mut Transaction,
    name: &TableName,
) -> Result<Vec<ColumnInfo>> {
    let Some(view) = txn.view(&ObjectRef::new(Some(&name.schema), &name.table)) else {
        return Ok(Vec::new());
    };
    let plan = view_plan(local, txn, &view, 0).await?;
    Ok(plan
        .schema()
        .fields()
        .iter()
        .filter_map(|f| {
            let ty = SqlType::of_arrow(f.data_type())?;
            Some(ColumnInfo { name: f.name().clone(), ty, not_null: !f.is_nullable() })
        })
        .collect())
}
