//! INSERT, UPDATE, DELETE and MERGE as the plan of their change set, and defaults as values. What a
//! change does to files is `apply`'s.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use datafusion::common::ScalarValue;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast;
use futures::TryStreamExt;

use crate::dialect::{
    self, ChangeSetKind, ColumnDef, Command, InsertSource, MergeAction, MergeForm, ObjectRef,
    Parsed, ShapeColumn, TableShape,
};
use crate::error::{Error, Result};
use crate::tables::TableName;
use crate::warehouse::Outcome;

use super::apply;
use super::bind::bind;
use super::engine::{Local, engine_error};
use super::files::engine_type;
use super::statement::{clock, plan, stream};
use super::transaction::Transaction;

/// INSERT, UPDATE, DELETE and MERGE: the query of the change set, then its effect.
pub async fn change(
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
pub async fn plan_change(
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
    let width = width(local, txn, parsed).await?;
    let set = dialect::change_set(&parsed.command, &shape, width)?;
    let with_rows = !matches!(set.kind, ChangeSetKind::Insert);
    let rows_of = with_rows.then_some(target);
    let (session, plan) = plan(local, txn, parsed, set.query, rows_of).await?;
    let plan = match set.kind {
        ChangeSetKind::Delete => plan,
        kind => dialect::assignment_casts(plan, apply::first_value(kind), &shape)?,
    };
    Ok((session, plan, set.kind))
}

/// How many values the query of an INSERT gives, where only its plan tells: SELECT * of anything.
async fn width(local: &Local, txn: &mut Transaction, parsed: &Parsed) -> Result<Option<usize>> {
    let Command::Insert(insert) = &parsed.command else { return Ok(None) };
    let InsertSource::Query(query) = &insert.source else { return Ok(None) };
    if !dialect::has_open_width(query) {
        return Ok(None);
    }
    let (_, planned) = plan(local, txn, parsed, (**query).clone(), None).await?;
    Ok(Some(planned.schema().fields().len()))
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

pub async fn shape(txn: &mut Transaction, target: &ObjectRef) -> Result<TableShape> {
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
    let by_table = ObjectRef::new(None, &target.table);
    let temporary = txn.is_temporary(&by_table);
    let (schema, by_table) = match txn.is_temporary(target) {
        true => (None, true),
        false => {
            let full = txn.resolve(target);
            let by_table = !temporary && txn.resolve(&by_table) == full;
            (Some(full.schema), by_table)
        }
    };
    Ok(TableShape { name: target.clone(), schema, by_table, columns })
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

/// The defaults of columns, computed once, in the types of the columns.
pub async fn defaults(
    local: &Local,
    txn: &mut Transaction,
    parsed: &Parsed,
    shape: &TableShape,
) -> Result<Vec<ScalarValue>> {
    let (session, plan) = plan_defaults(local, txn, parsed, shape).await?;
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

async fn plan_defaults(
    local: &Local,
    txn: &mut Transaction,
    parsed: &Parsed,
    shape: &TableShape,
) -> Result<(SessionState, LogicalPlan)> {
    let session = bind(local, txn, &Command::Commit, None).await?.session(&local.sessions)?;
    let query = dialect::defaults_query(shape);
    let plan = dialect::plan_query(&session, query, &clock(txn), Some(&parsed.place)).await?;
    Ok((session, dialect::assignment_casts(plan, 0, shape)?))
}

/// Refuses a default that its column cannot hold, or that nothing computes, before a row asks for
/// it (r_CREATE_TABLE_NEW: its type must match that of the column).
pub async fn check_defaults(
    local: &Local,
    txn: &mut Transaction,
    parsed: &Parsed,
    columns: &[ColumnDef],
) -> Result<()> {
    let with_default = columns.iter().filter(|column| column.default.is_some());
    let columns: Vec<ShapeColumn> = with_default
        .map(|column| ShapeColumn {
            name: column.name.clone(),
            ty: column.ty,
            not_null: column.not_null,
            default: column.default.clone(),
            identity: false,
        })
        .collect();
    if columns.is_empty() {
        return Ok(());
    }
    let shape = TableShape::of_columns(ObjectRef::new(None, "defaults"), columns);
    match defaults(local, txn, parsed, &shape).await {
        Err(error) if error.code() == "sql/execution" => Err(Error::failed(
            "sql/type",
            format!("a default is no value of its column: {}", error.message()),
        )
        .hint("its type must match that of the column (r_CREATE_TABLE_NEW)")),
        other => other.map(drop),
    }
}
