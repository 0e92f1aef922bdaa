//! Runs one statement in a transaction: what it is decides where it goes.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::dataframe::DataFrame;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;

use crate::dialect::{
    self, Clock, Command, CreateTableAs, Delete, ObjectRef, Parsed, ShapeColumn, TableShape,
};
use crate::error::{Error, Result};
use crate::tables::TableName;
use crate::types::SqlType;
use crate::warehouse::{Answer, ColumnInfo, Outcome};

use super::bind::{bind, view_plan};
use super::engine::{Local, engine_error};
use super::transaction::Transaction;
use super::{apply, ddl};

/// Runs a statement. TRUNCATE only clears its table: committing is the caller's part.
pub async fn run(local: &Local, txn: &mut Transaction, parsed: &Parsed) -> Result<Outcome> {
    let located = |e: Error| if e.place().is_none() { e.at(parsed.place.clone()) } else { e };
    let mut outcome = dispatch(local, txn, parsed).await.map_err(located)?;
    if let Command::Truncate { .. } = parsed.command {
        outcome.warnings.push(
            "RS001 TRUNCATE commits what came before it in its transaction; DELETE does not".into(),
        );
    }
    Ok(outcome)
}

async fn dispatch(local: &Local, txn: &mut Transaction, parsed: &Parsed) -> Result<Outcome> {
    match &parsed.command {
        Command::CreateSchema { name, if_not_exists } => {
            ddl::create_schema(txn, name, *if_not_exists)
        }
        Command::DropSchema { name, if_exists, cascade } => {
            ddl::drop_schema(txn, name, *if_exists, *cascade).await
        }
        Command::CreateTable(create) => ddl::create_table(txn, create).await,
        Command::CreateTableAs(create) => create_table_as(local, txn, parsed, create).await,
        Command::CreateView(create) => {
            if !create.or_replace {
                ddl::name_is_free(txn, &create.name, false, false)?;
            }
            // A view that cannot be planned is refused now, but for one bound late.
            if !create.no_schema_binding {
                plan(local, txn, &parsed.command, (*create.query).clone(), None).await?;
            }
            txn.create_view(&create.name, &create.text, &create.columns)?;
            Ok(Outcome::default())
        }
        Command::DropTable { names, if_exists, .. } => {
            ddl::drop_tables(txn, names, *if_exists).await
        }
        Command::DropView { names, if_exists, .. } => ddl::drop_views(txn, names, *if_exists),
        Command::AlterTable(alter) => ddl::alter(txn, alter).await,
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
        Command::Query(query) => answer(local, txn, &parsed.command, (**query).clone()).await,
        Command::Explain { command } => explain(local, txn, command).await,
        // A batch is one transaction already; grants, statistics and settings have no effect here.
        Command::Begin | Command::Commit | Command::Set { .. } | Command::Noted { .. } => {
            Ok(Outcome::default())
        }
        Command::Rollback
        | Command::Show { .. }
        | Command::CreateExternalSchema(_)
        | Command::CreateExternalTable(_) => Err(Error::failed(
            "sql/unsupported-locally",
            format!("{} is not supported locally", parsed.command.verb()),
        )
        .hint("landing tables come from landfall.toml; leave this to redshift/")),
    }
}

fn is_whole_table(delete: &Delete) -> bool {
    delete.filter.is_none() && delete.using.is_empty()
}

fn clock(txn: &Transaction) -> Clock {
    Clock { transaction_start: txn.started() }
}

/// Plans a query with the tables its command names.
async fn plan(
    local: &Local,
    txn: &mut Transaction,
    command: &Command,
    query: datafusion::sql::sqlparser::ast::Query,
    target: Option<&ObjectRef>,
) -> Result<(SessionState, LogicalPlan)> {
    let session = bind(local, txn, command, target).await?.session(&local.session)?;
    let plan = dialect::plan_query(&session, query, &clock(txn)).await?;
    Ok((session, plan))
}

async fn stream(session: SessionState, plan: LogicalPlan) -> Result<SendableRecordBatchStream> {
    DataFrame::new(session, plan).execute_stream().await.map_err(engine_error)
}

async fn answer(
    local: &Local,
    txn: &mut Transaction,
    command: &Command,
    query: datafusion::sql::sqlparser::ast::Query,
) -> Result<Outcome> {
    let (session, plan) = plan(local, txn, command, query, None).await?;
    let schema = Arc::new(Schema::clone(plan.schema().as_arrow()));
    let batches = DataFrame::new(session, plan).collect().await.map_err(engine_error)?;
    Ok(Outcome { answer: Some(Answer { schema, batches }), ..Outcome::default() })
}

async fn explain(local: &Local, txn: &mut Transaction, command: &Command) -> Result<Outcome> {
    let Command::Query(query) = command else {
        return Err(Error::failed(
            "sql/unsupported-locally",
            format!("EXPLAIN {} is not supported locally", command.verb()),
        )
        .hint("EXPLAIN takes a query here"));
    };
    let (session, plan) = plan(local, txn, command, (**query).clone(), None).await?;
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
    let (session, plan) = plan(local, txn, &parsed.command, (*create.query).clone(), None).await?;
    let schema = Arc::new(Schema::clone(plan.schema().as_arrow()));
    let stream = stream(session, plan).await?;
    ddl::create_for_query(txn, create, &schema)?;
    apply::insert(txn, &create.name, stream).await
}

/// INSERT, UPDATE, DELETE and MERGE: the query of the change set, then its effect.
async fn change(
    local: &Local,
    txn: &mut Transaction,
    parsed: &Parsed,
    target: &ObjectRef,
) -> Result<Outcome> {
    if !txn.has_table(target) {
        return Err(txn.unknown_table(target));
    }
    let shape = shape(txn, target).await?;
    let set = dialect::change_set(&parsed.command, &shape)?;
    let with_rows = !matches!(set.kind, dialect::ChangeSetKind::Insert);
    let rows_of = with_rows.then_some(target);
    let (session, plan) = plan(local, txn, &parsed.command, set.query, rows_of).await?;
    let first = if with_rows { 2 } else { 0 };
    let plan = match set.kind {
        dialect::ChangeSetKind::Delete => plan,
        _ => dialect::assignment_casts(plan, first, &shape)?,
    };
    let stream = stream(session, plan).await?;
    apply::change(txn, target, set.kind, stream).await
}

async fn shape(txn: &mut Transaction, target: &ObjectRef) -> Result<TableShape> {
    let table = txn.table(target).await?;
    let columns = table
        .def
        .columns
        .iter()
        .map(|c| ShapeColumn {
            name: c.name.clone(),
            ty: c.ty,
            not_null: c.not_null,
            default: c.default.clone(),
            identity: c.identity.is_some(),
        })
        .collect();
    Ok(TableShape { name: target.clone(), columns })
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
