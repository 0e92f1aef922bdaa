//! The keys a CREATE TABLE AS takes over: those of the one table that a plain select reads.
//!
//! Source: r_CTAS_usage_notes.

use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::dialect::ObjectRef;
use crate::error::Result;

use super::transaction::Transaction;
use super::words::Words;

/// The distribution and the sort key of the table a query reads, under the names its columns get;
/// nothing for a query of joins, groups, an order or a limit. A key of which a column is not selected
/// is not taken over.
pub async fn words(txn: &mut Transaction, plan: &LogicalPlan, names: &[String]) -> Result<Words> {
    let Some((table, columns)) = trace(plan) else { return Ok(Words::default()) };
    if !txn.has_table(&table) {
        return Ok(Words::default());
    }
    let def = &txn.table(&table).await?.def;
    let mut words = Words::of(def);
    let outputs: Vec<String> = plan
        .schema()
        .fields()
        .iter()
        .enumerate()
        .map(|(index, field)| match names.get(index) {
            Some(name) => name.clone(),
            None => crate::dialect::output_name(field.name()).to_owned(),
        })
        .collect();
    let called = |column: &str| {
        let at = columns.iter().position(|of| of.as_deref() == Some(column))?;
        outputs.get(at).cloned()
    };
    let mut inherited = Words::default();
    if words.distkey().is_none_or(|column| called(column).is_some()) {
        inherited.extend(words.only(false));
    }
    if words.sortkey().into_iter().all(|column| called(column).is_some()) {
        inherited.extend(words.only(true));
    }
    words = inherited;
    // two steps, since a column may take the name another had
    for (index, column) in def.columns.iter().enumerate() {
        words.rename_column(&column.name, &format!("\u{1}{index}"));
    }
    for (index, column) in def.columns.iter().enumerate() {
        if let Some(name) = called(&column.name) {
            words.rename_column(&format!("\u{1}{index}"), &name);
        }
    }
    Ok(words)
}

/// The table under a plan of filters and projections, and which of its columns each output is.
fn trace(plan: &LogicalPlan) -> Option<(ObjectRef, Vec<Option<String>>)> {
    match plan {
        LogicalPlan::TableScan(scan) if scan.fetch.is_none() => {
            let name = ObjectRef::new(scan.table_name.schema(), scan.table_name.table());
            let fields = scan.projected_schema.fields().iter();
            Some((name, fields.map(|field| Some(field.name().clone())).collect()))
        }
        LogicalPlan::Filter(filter) => trace(&filter.input),
        LogicalPlan::SubqueryAlias(alias) => trace(&alias.input),
        LogicalPlan::Projection(projection) => {
            let (name, columns) = trace(&projection.input)?;
            let schema = projection.input.schema();
            let of = |expr: &Expr| match plain(expr) {
                Expr::Column(column) => {
                    let at = schema.maybe_index_of_column(column)?;
                    columns.get(at).cloned().flatten()
                }
                _ => None,
            };
            Some((name, projection.expr.iter().map(of).collect()))
        }
        _ => None,
    }
}

fn plain(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => plain(&alias.expr),
        other => other,
    }
}
