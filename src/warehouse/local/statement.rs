//! Runs one statement in a transaction: what it is decides where it goes.

use std::collections::BTreeSet;
use std::path::Path;
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

use crate::dialect::{
    self, ChangeSetKind, Clock, Command, CreateTableAs, CreateView, Delete, MergeAction, MergeForm,
    ObjectRef, Parsed, ShapeColumn, TableShape,
};
use crate::error::{Error, Result};
use crate::tables::TableName;
use crate::types::SqlType;
use crate::warehouse::{Answer, ColumnInfo, Outcome};

use super::bind::{bind, view_plan};
use super::engine::{Local, engine_error};
use super::files::engine_type;
use super::transaction::Transaction;
use super::{
    alter, apply, ddl, dependents, distinct, external, load, materialized, prepared, show, unload,
};

/// Runs a statement. TRUNCATE only clears its table: committing is the caller's part.
pub async fn run(local: &Local, txn: &mut Transaction, parsed: &Parsed) -> Result<Outcome> {
    let located = |e: Error| if e.place().is_none() { e.at(parsed.place.clone()) } else { e };
    let parsed = prepared::expanded(txn, parsed).map_err(located)?;
    let parsed = txn.at_home(&parsed);
    let parsed = parsed.as_ref();
    let warnings = dialect::refuse(parsed).map_err(located)?;
    if let Some(target) = changed(&parsed.command) {
        external::refuse_write(local, txn, target, parsed.command.verb()).map_err(located)?;
    }
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
        Command::CreateSchema { name, if_not_exists } => {
            ddl::create_schema(txn, name, *if_not_exists)
        }
        Command::DropSchema { names, if_exists, cascade } => {
            ddl::drop_schemas(txn, names, *if_exists, *cascade).await
        }
        Command::CreateTable(create) => ddl::create_table(txn, create).await,
        Command::CreateTableAs(create) => create_table_as(local, txn, parsed, create).await,
        Command::CreateView(create) => create_view(local, txn, parsed, create).await,
        Command::DropTable { names, if_exists, cascade } => {
            dependents::release(txn, names, *cascade).await?;
            ddl::drop_tables(txn, names, *if_exists).await
        }
        Command::RefreshMaterializedView { .. }
        | Command::DropMaterializedView { .. }
        | Command::AlterMaterializedView { .. } => materialized::run(local, txn, parsed).await,
        Command::DropView { names, if_exists, cascade } => {
            dependents::release(txn, names, *cascade).await?;
            ddl::drop_views(txn, names, *if_exists)
        }
        Command::AlterTable(alter) => {
            dependents::alter(txn, alter).await?;
            alter::alter(local, txn, parsed, alter).await
        }
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
        Command::Begin | Command::Noted { .. } => Ok(Outcome::default()),
        Command::Commit => {
            txn.kept = true;
            Ok(Outcome::default())
        }
        Command::Set { name, value } => {
            txn.settings.set(name, value.as_deref()).map(|()| Outcome::default())
        }
        Command::Copy(_) | Command::Unload(_) => transfer(local, txn, parsed).await,
        Command::CreateExternalSchema(create) => external::create_schema(txn, create),
        Command::CreateExternalTable(create) => external::create_table(local, txn, create),
        Command::Show(asked) => show::show(local, txn, asked).await,
        Command::Rollback => Err(Error::failed(
            "sql/unsupported-locally",
            "ROLLBACK after a COMMIT or a temporary table of one file is not supported locally",
        )
        .hint("a file is one transaction here: put what may be undone into a file of its own")),
        // prepared statements and cursors
        _ => prepared::run(local, txn, parsed).await,
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
        ddl::refuse_unqualified(&create.name, &dialect::tables_of(&parsed.command).reads)?;
    } else {
        // A view that cannot be planned is refused now, but for one bound late.
        let (_, query) = plan(local, txn, parsed, (*create.query).clone(), None).await?;
        dependents::same_columns(local, txn, create, &query).await?;
    }
    ddl::create_view(txn, create)
}

/// COPY and UNLOAD: rows between tables and files that are not the warehouse's.
async fn transfer(local: &Local, txn: &mut Transaction, parsed: &Parsed) -> Result<Outcome> {
    match &parsed.command {
        Command::Copy(copy) => load::copy(local, txn, parsed, copy).await,
        Command::Unload(unload) => unload::unload(local, txn, parsed, unload).await,
        _ => Ok(Outcome::default()),
    }
}

/// The table whose rows a statement changes.
fn changed(command: &Command) -> Option<&ObjectRef> {
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

fn clock(txn: &Transaction) -> Clock {
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
    let rows = stream(session, plan).await?;
    let schema = output_schema(&rows.schema());
    let named = Arc::clone(&schema);
    let rows = rows.map(move |batch| Ok(batch?.with_schema(Arc::clone(&named))?));
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
}

/// The defaults of columns, computed once, in the types of the columns.
pub(super) async fn defaults(
    local: &Local,
    txn: &mut Transaction,
    parsed: &Parsed,
    shape: &TableShape,
) -> Result<Vec<ScalarValue>> {
    let session = bind(local, txn, &Command::Begin, None).await?.session(&local.sessions)?;
    let query = dialect::defaults_query(shape);
    let plan = dialect::plan_query(&session, query, &clock(txn), Some(&parsed.place)).await?;
    let plan = dialect::assignment_casts(plan, 0, shape)?;
    let batches: Vec<RecordBatch> =
        stream(session, plan).await?.try_collect().await.map_err(engine_error)?;
    let Some(batch) = batches.iter().find(|b| b.num_rows() > 0) else { return Ok(Vec::new()) };
    let of_column = |(column, known): (&ArrayRef, &ShapeColumn)| {
        let value = ScalarValue::try_from_array(column, 0)?;
        value.cast_to(&engine_type(known.ty))
    };
    let values = batch.columns().iter().zip(&shape.columns).map(of_column);
    values.collect::<datafusion::error::Result<_>>().map_err(engine_error)
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
    let plan = distinct::unranked(&session, plan).await?;
    let stream = stream(session, plan).await?;
    // Types are final only once the plan is: those of a UNION widen on the way.
    ddl::create_for_query(txn, create, &output_schema(&stream.schema()), &texts)?;
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

/// INSERT, UPDATE, DELETE and MERGE: the query of the change set, then its effect.
pub(super) async fn change(
    local: &Local,
    txn: &mut Transaction,
    parsed: &Parsed,
    target: &ObjectRef,
) -> Result<Outcome> {
    let (session, plan, kind) = plan_change(local, txn, parsed, target).await?;
    let stream = stream(session, plan).await?;
    apply::change(txn, target, kind, stream).await
}

/// The plan of a change set, its values cast to the columns they are for.
pub(super) async fn plan_change(
    local: &Local,
    txn: &mut Transaction,
    parsed: &Parsed,
    target: &ObjectRef,
) -> Result<(SessionState, LogicalPlan, ChangeSetKind)> {
    if !txn.has_table(target) {
        return Err(txn.unknown_table(target));
    }
    if let Command::Merge(_) = &parsed.command {
        refuse_view_of_target(txn, parsed, target)?;
    }
    let shape = shape(txn, target).await?;
    refuse_set_identity(&parsed.command, &shape)?;
    let set = dialect::change_set(&parsed.command, &shape)?;
    let with_rows = !matches!(set.kind, ChangeSetKind::Insert);
    let rows_of = with_rows.then_some(target);
    let (session, plan) = plan(local, txn, parsed, set.query, rows_of).await?;
    let plan = match set.kind {
        ChangeSetKind::Delete => plan,
        kind => dialect::assignment_casts(plan, apply::first_value(kind), &shape)?,
    };
    Ok((session, plan, set.kind))
}

/// A source view of MERGE may not read the target, however deep (r_MERGE).
fn refuse_view_of_target(txn: &Transaction, parsed: &Parsed, target: &ObjectRef) -> Result<()> {
    let full = txn.resolve(target);
    let mut reads: Vec<ObjectRef> = dialect::tables_of(&parsed.command).reads.into_iter().collect();
    let mut seen = BTreeSet::new();
    while let Some(name) = reads.pop() {
        let Some(view) = txn.view(&name).filter(|_| !txn.is_temporary(&name)) else { continue };
        if !seen.insert(view.name.clone()) {
            continue;
        }
        let inside = dialect::parse_script(&view.sql, Path::new(&view.name.to_string()))?;
        for read in inside.iter().flat_map(|p| dialect::tables_of(&p.command).reads) {
            if txn.resolve(&read) == full && !txn.is_temporary(target) {
                return Err(Error::failed(
                    "sql/merge-source-target",
                    "source view/subquery in MERGE statement cannot reference target table",
                )
                .about(view.name.to_string())
                .hint("stage the source in a temporary table first (r_MERGE)"));
            }
            reads.push(read);
        }
    }
    Ok(())
}

/// UPDATE and MERGE cannot give an identity column a value, unless it is BY DEFAULT.
fn refuse_set_identity(command: &Command, shape: &TableShape) -> Result<()> {
    let sets: Vec<_> = match command {
        Command::Update(update) => update.set.iter().collect(),
        Command::Merge(merge) => match &merge.form {
            MergeForm::Clauses(clauses) => clauses
                .iter()
                .filter_map(|c| match &c.action {
                    MergeAction::Update(set) => Some(set),
                    _ => None,
                })
                .flatten()
                .collect(),
            MergeForm::RemoveDuplicates => Vec::new(),
        },
        _ => return Ok(()),
    };
    for (column, _) in sets {
        let Some(name) = column.last().map(|part| &part.value) else { continue };
        if shape.columns.iter().any(|c| c.identity && c.name == *name) {
            return Err(Error::failed(
                "sql/identity-value",
                format!("cannot set an identity column to a value: {name}"),
            )
            .hint("leave the column out of SET"));
        }
    }
    Ok(())
}

pub(super) async fn shape(txn: &mut Transaction, target: &ObjectRef) -> Result<TableShape> {
    let def = Arc::clone(&txn.table(target).await?.def);
    let mut columns = Vec::with_capacity(def.columns.len());
    for column in &def.columns {
        let default = match &column.default {
            Some(text) => Some(default_expression(&def.name, text)?),
            None => None,
        };
        columns.push(ShapeColumn {
            name: column.name.clone(),
            ty: column.ty,
            not_null: column.not_null,
            default,
            identity: column.identity.is_some(),
        });
    }
    Ok(TableShape { name: target.clone(), columns })
}

/// A column's default, kept as text in the catalog, as an expression again.
fn default_expression(table: &TableName, text: &str) -> Result<ast::Expr> {
    let query = dialect::parse_query(&format!("select {text}"), Path::new(&table.to_string()))?;
    if let ast::SetExpr::Select(select) = *query.body
        && let Some(ast::SelectItem::UnnamedExpr(value)) = select.projection.into_iter().next()
    {
        return Ok(value);
    }
    Err(Error::failed("catalog/default", format!("`{text}` is not the default of a column")))
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
