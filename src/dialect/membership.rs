//! IN and NOT IN of a query in a condition, where DataFusion 55.2 takes unknown for false or does not
//! run them: under OR, NOT or CASE, and NOT IN of a correlated query. They become EXISTS.
//!
//! Source: r_in_condition, r_null_condition. `x IN (query)` is true with a row that equals `x`,
//! unknown where only a NULL could, and false otherwise. A plain IN or NOT IN of a WHERE is a join
//! and stays one.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result, ScalarValue, TableReference, plan_err};
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::{
    BinaryExpr, Case, Expr, Filter, LogicalPlan, LogicalPlanBuilder, Operator, Subquery, lit,
};

use super::matched::holds;
use super::runnable::SUBQUERY;

const ROWS: &str = "__landfall_found";
const VALUE: &str = "v";

/// Rewrites the filters of a plan before its types are coerced.
pub fn apply(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| match plan {
        LogicalPlan::Filter(_) if holds(&plan, &|e| matches!(e, Expr::InSubquery(_)))? => {
            let LogicalPlan::Filter(filter) = plan else { return Ok(Transformed::no(plan)) };
            let predicate = conjunct(filter.predicate, filter.input.schema())?;
            Filter::try_new(predicate, filter.input).map(LogicalPlan::Filter).map(Transformed::yes)
        }
        other => Ok(Transformed::no(other)),
    })
    .map(|t| t.data)
}

/// A condition that a row passes when it is true.
fn conjunct(expr: Expr, outer: &DFSchema) -> Result<Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            Ok(conjunct(*left, outer)?.and(conjunct(*right, outer)?))
        }
        Expr::InSubquery(within) => plain(within, outer),
        Expr::Not(inner) => match *inner {
            Expr::InSubquery(within) => {
                plain(InSubquery { negated: !within.negated, ..within }, outer)
            }
            other => decided(Expr::Not(Box::new(other)), outer),
        },
        other => positive(other, outer),
    }
}

/// `x [NOT] IN (query)` that a row passes when it is true.
fn plain(within: InSubquery, outer: &DFSchema) -> Result<Expr> {
    if !within.negated {
        return Ok(Expr::InSubquery(within));
    }
    if !is_correlated(&within) {
        // a join by a constant has no key, without which NULLs are not told apart
        return match within.expr.exists(|e| Ok(matches!(e, Expr::Column(_))))? {
            true => Ok(Expr::InSubquery(within)),
            false => three_valued(&within, outer),
        };
    }
    // no row that is equal, and none that might be
    let (found, value) = sides(&within, outer)?;
    Ok(Expr::Exists(Exists {
        subquery: filtered(&within, found.eq(value).is_not_false(), outer)?,
        negated: true,
    }))
}

/// Under OR and AND unknown is as good as false, but for what is negated.
fn positive(expr: Expr, outer: &DFSchema) -> Result<Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
            let (left, right) = (positive(*left, outer)?, positive(*right, outer)?);
            Ok(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right))))
        }
        Expr::InSubquery(within) if !within.negated => Ok(Expr::InSubquery(within)),
        other => decided(other, outer),
    }
}

/// Each IN in an expression by its three answers.
fn decided(expr: Expr, outer: &DFSchema) -> Result<Expr> {
    let decided = expr.transform_up(|part| match part {
        Expr::InSubquery(within) => three_valued(&within, outer).map(Transformed::yes),
        other => Ok(Transformed::no(other)),
    })?;
    Ok(decided.data)
}

fn three_valued(within: &InSubquery, outer: &DFSchema) -> Result<Expr> {
    let (found, value) = sides(within, outer)?;
    let exists = |filter: Expr| -> Result<Expr> {
        Ok(Expr::Exists(Exists { subquery: filtered(within, filter, outer)?, negated: false }))
    };
    let equal = exists(found.clone().eq(value))?;
    let some_null = exists(found.is_null())?;
    let unknown = some_null.or(within.expr.as_ref().clone().is_null().and(exists(lit(true))?));
    let whens = vec![
        (Box::new(equal), Box::new(lit(!within.negated))),
        (Box::new(unknown), Box::new(Expr::Literal(ScalarValue::Boolean(None), None))),
    ];
    Ok(Expr::Case(Case::new(None, whens, Some(Box::new(lit(within.negated))))))
}

/// The column of the query, and the value as the query sees it from within.
///
/// Errors: a table of a correlated query is called what one of the value is, so that they cannot be
/// told apart.
fn sides(within: &InSubquery, outer: &DFSchema) -> Result<(Expr, Expr)> {
    let query = within.subquery.subquery.as_ref();
    let named = |column: &Column| match &column.relation {
        Some(relation) => calls_a_table(query, relation),
        None => Ok(false),
    };
    let value = within.expr.as_ref().clone().transform_up(|part| match part {
        Expr::Column(column) => {
            if is_correlated(within) && named(&column)? {
                return plan_err!("{SUBQUERY}");
            }
            let (_, field) = outer.qualified_field_from_column(&column)?;
            let field = Arc::clone(field);
            Ok(Transformed::yes(Expr::OuterReferenceColumn(field, column)))
        }
        other => Ok(Transformed::no(other)),
    })?;
    Ok((found(within), value.data))
}

fn is_correlated(within: &InSubquery) -> bool {
    !within.subquery.outer_ref_columns.is_empty()
}

fn calls_a_table(query: &LogicalPlan, name: &TableReference) -> Result<bool> {
    let mut found = false;
    query.apply(|node| {
        Ok(match node {
            LogicalPlan::TableScan(scan) => {
                found |= scan.table_name == *name;
                TreeNodeRecursion::Continue
            }
            // what is under a name is known by it alone
            LogicalPlan::SubqueryAlias(alias) => {
                found |= alias.alias == *name;
                TreeNodeRecursion::Jump
            }
            _ => TreeNodeRecursion::Continue,
        })
    })?;
    Ok(found)
}

/// The column that the query yields.
fn found(within: &InSubquery) -> Expr {
    // what is correlated is not found through a new name, and what is not gets one, so that it is no
    // table outside
    if !is_correlated(within) {
        return Expr::Column(Column::new(Some(ROWS), VALUE));
    }
    column(within)
}

/// The same, under its own name.
fn column(within: &InSubquery) -> Expr {
    let (qualifier, field) = within.subquery.subquery.schema().qualified_field(0);
    Expr::Column(Column::new(qualifier.cloned(), field.name()))
}

/// The rows of the query that a condition is true for; one is enough where all see the same.
fn filtered(within: &InSubquery, filter: Expr, outer: &DFSchema) -> Result<Subquery> {
    let subquery = &within.subquery;
    let mut outer_ref_columns = subquery.outer_ref_columns.clone();
    filter.apply(|part| {
        if let Expr::OuterReferenceColumn(_, column) = part
            && outer.has_column(column)
        {
            outer_ref_columns.push(part.clone());
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    let rows = LogicalPlanBuilder::from(subquery.subquery.as_ref().clone());
    let rows = match is_correlated(within) {
        true => rows,
        false => rows.project([column(within).alias(VALUE)])?.alias(ROWS)?,
    };
    let rows = rows.filter(filter)?;
    let rows = if outer_ref_columns.is_empty() { rows.limit(0, Some(1))? } else { rows };
    Ok(Subquery {
        subquery: Arc::new(rows.build()?),
        outer_ref_columns,
        spans: subquery.spans.clone(),
    })
}
