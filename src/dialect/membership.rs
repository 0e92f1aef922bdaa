//! IN and NOT IN of a query, where DataFusion 55.2 takes unknown for false or does not run them: under
//! OR, NOT or CASE, in a select list, of rows of several values, and NOT IN of a correlated query.
//! They become EXISTS.
//!
//! Source: r_in_condition, r_null_condition. `x IN (query)` is true with a row that equals `x`,
//! unknown where only a NULL could, and false otherwise. A plain IN or NOT IN of a WHERE is a join
//! and stays one.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result, ScalarValue, TableReference, plan_err};
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    BinaryExpr, Case, Expr, ExprSchemable, Filter, LogicalPlan, LogicalPlanBuilder, Operator,
    Projection, Subquery, lit,
};

use super::functions::marks::ROW;
use super::matched::holds;
use super::runnable::SUBQUERY;

const ROWS: &str = "__landfall_found";
const VALUE: &str = "v";

/// Rewrites a plan before its types are coerced; the conditions of joins are `joined`'s.
pub fn apply(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| {
        let concerned = !matches!(plan, LogicalPlan::Join(_))
            && holds(&plan, &|e| matches!(e, Expr::InSubquery(_)))?;
        match plan {
            plan if !concerned => Ok(Transformed::no(plan)),
            LogicalPlan::Filter(filter) => {
                let predicate = conjunct(named(filter.predicate)?, filter.input.schema())?;
                let filter = Filter::try_new(predicate, filter.input)?;
                Ok(Transformed::yes(LogicalPlan::Filter(filter)))
            }
            plan => {
                let schema = merge_schema(&plan.inputs());
                let names = NamePreserver::new(&plan);
                plan.map_expressions(|expr| {
                    let name = names.save(&expr);
                    Ok(decided(named(expr)?, &schema)?.update_data(|e| name.restore(e)))
                })
            }
        }
    })
    .map(|t| t.data)
}

/// Gives what a correlated query computes a name of its own: the engine hands on the columns it is
/// correlated by beside it, and takes `x.b` and `x.b + 0 AS b` for one.
fn named(expr: Expr) -> Result<Expr> {
    let named = expr.transform_up(|part| match part {
        Expr::InSubquery(mut within) if is_correlated(&within) => {
            let LogicalPlan::Projection(Projection { expr, input, .. }) =
                within.subquery.subquery.as_ref()
            else {
                return Ok(Transformed::no(Expr::InSubquery(within)));
            };
            let values = expr.iter().enumerate().map(|(number, value)| match value {
                Expr::Column(_) => value.clone(),
                value => value.clone().unalias().alias(format!("{ROWS}_{number}")),
            });
            let plan = Projection::try_new(values.collect(), Arc::clone(input))?;
            within.subquery.subquery = Arc::new(LogicalPlan::Projection(plan));
            Ok(Transformed::yes(Expr::InSubquery(within)))
        }
        other => Ok(Transformed::no(other)),
    })?;
    Ok(named.data)
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
            other => Ok(decided(Expr::Not(Box::new(other)), outer)?.data),
        },
        other => positive(other, outer),
    }
}

/// `x [NOT] IN (query)` that a row passes when it is true.
fn plain(within: InSubquery, outer: &DFSchema) -> Result<Expr> {
    let rows = is_row(&within.expr);
    if !within.negated {
        return match rows || is_cast(&within, outer)? {
            true => equal(&within, outer),
            false => Ok(Expr::InSubquery(within)),
        };
    }
    if !is_correlated(&within) && !rows {
        // a join by a constant has no key, without which NULLs are not told apart
        return match within.expr.exists(|e| Ok(matches!(e, Expr::Column(_))))? {
            true => Ok(Expr::InSubquery(within)),
            false => three_valued(&within, outer),
        };
    }
    // no row that is equal, and none that might be
    let (within, pairs) = sides(&within, outer)?;
    Ok(Expr::Exists(Exists {
        subquery: filtered(&within, same(pairs).is_not_false(), outer)?,
        negated: true,
    }))
}

/// True where a correlated query's column is cast to the type of the value: the engine has one name for
/// both, and asks for both where the column is compared inside, too.
fn is_cast(within: &InSubquery, outer: &DFSchema) -> Result<bool> {
    let (_, found) = within.subquery.subquery.schema().qualified_field(0);
    let differ = within.expr.get_type(outer).is_ok_and(|ty| ty != *found.data_type());
    Ok(differ && is_correlated(within) && !within.expr.contains_outer() && !is_caught(within)?)
}

/// Under OR and AND unknown is as good as false, but for what is negated.
fn positive(expr: Expr, outer: &DFSchema) -> Result<Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
            let (left, right) = (positive(*left, outer)?, positive(*right, outer)?);
            Ok(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right))))
        }
        Expr::InSubquery(within) if !within.negated => {
            // the engine finds no name for a value that is cast, or that a union yields
            match within.expr.contains_outer() || is_caught(&within)? {
                true => Ok(Expr::InSubquery(within)),
                false => equal(&within, outer),
            }
        }
        other => Ok(decided(other, outer)?.data),
    }
}

/// Each IN in an expression by its three answers.
fn decided(expr: Expr, outer: &DFSchema) -> Result<Transformed<Expr>> {
    expr.transform_up(|part| match part {
        Expr::InSubquery(within) => three_valued(&within, outer).map(Transformed::yes),
        other => Ok(Transformed::no(other)),
    })
}

/// `x IN (query)` where unknown is as good as false.
fn equal(within: &InSubquery, outer: &DFSchema) -> Result<Expr> {
    let (within, pairs) = sides(within, outer)?;
    let subquery = filtered(&within, same(pairs), outer)?;
    Ok(Expr::Exists(Exists { subquery, negated: false }))
}

fn three_valued(within: &InSubquery, outer: &DFSchema) -> Result<Expr> {
    let value = within.expr.as_ref().clone();
    let rows = is_row(&value);
    let (within, pairs) = sides(within, outer)?;
    let exists = |filter: Expr| -> Result<Expr> {
        Ok(Expr::Exists(Exists { subquery: filtered(&within, filter, outer)?, negated: false }))
    };
    let unknown = match pairs.as_slice() {
        [(found, _)] if !rows => {
            let some_null = exists(found.clone().is_null())?;
            some_null.or(value.is_null().and(exists(lit(true))?))
        }
        // none is equal, so that it might be
        _ => exists(same(pairs.clone()).is_not_false())?,
    };
    let whens = vec![
        (Box::new(exists(same(pairs))?), Box::new(lit(!within.negated))),
        (Box::new(unknown), Box::new(Expr::Literal(ScalarValue::Boolean(None), None))),
    ];
    Ok(Expr::Case(Case::new(None, whens, Some(Box::new(lit(within.negated))))))
}

/// The condition that every pair is equal.
fn same(pairs: Vec<(Expr, Expr)>) -> Expr {
    let equal = pairs.into_iter().map(|(found, value)| found.eq(value));
    equal.reduce(Expr::and).unwrap_or_else(|| lit(true))
}

/// The query of plain columns, and each of them with the value as the query sees it from within.
///
/// Errors: a table of a correlated query is called what one of the value is, so that they cannot be
/// told apart.
fn sides(within: &InSubquery, outer: &DFSchema) -> Result<(InSubquery, Vec<(Expr, Expr)>)> {
    if is_caught(within)? {
        return plan_err!("{SUBQUERY}");
    }
    let (values, within) = unrowed(within)?;
    let pairs = values.into_iter().enumerate().map(|(number, value)| {
        let value = value.transform_up(|part| match part {
            Expr::Column(column) => {
                let (_, field) = outer.qualified_field_from_column(&column)?;
                let field = Arc::clone(field);
                Ok(Transformed::yes(Expr::OuterReferenceColumn(field, column)))
            }
            other => Ok(Transformed::no(other)),
        })?;
        Ok((found(&within, number), value.data))
    });
    let pairs = pairs.collect::<Result<Vec<_>>>()?;
    Ok((within, pairs))
}

fn is_row(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarFunction(call) if call.name() == ROW)
}

/// The values beside the query, and the query with a column for each where they are a row.
fn unrowed(within: &InSubquery) -> Result<(Vec<Expr>, InSubquery)> {
    let plain = || (vec![within.expr.as_ref().clone()], within.clone());
    let (Expr::ScalarFunction(row), LogicalPlan::Projection(Projection { expr, input, .. })) =
        (within.expr.as_ref(), within.subquery.subquery.as_ref())
    else {
        return Ok(plain());
    };
    let Some(Expr::ScalarFunction(found)) = expr.first().map(|e| e.clone().unalias()) else {
        return Ok(plain());
    };
    if !is_row(&within.expr) {
        return Ok(plain());
    }
    let named = |(number, value): (usize, Expr)| value.alias(format!("{ROWS}_{number}"));
    let columns = found.args.into_iter().enumerate().map(named).collect();
    let plan = LogicalPlan::Projection(Projection::try_new(columns, Arc::clone(input))?);
    let mut within = within.clone();
    within.subquery.subquery = Arc::new(plan);
    Ok((row.args.clone(), within))
}

/// True where a table of a correlated query is called what one of the value is.
fn is_caught(within: &InSubquery) -> Result<bool> {
    if !is_correlated(within) {
        return Ok(false);
    }
    let query = within.subquery.subquery.as_ref();
    within.expr.exists(|part| match part {
        Expr::Column(Column { relation: Some(relation), .. }) => calls_a_table(query, relation),
        _ => Ok(false),
    })
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

/// A column that the query yields.
fn found(within: &InSubquery, number: usize) -> Expr {
    // what is correlated is not found through a new name, and what is not gets one, so that it is no
    // table outside
    if !is_correlated(within) {
        return Expr::Column(Column::new(Some(ROWS), format!("{VALUE}{number}")));
    }
    column(within, number)
}

/// The same, under its own name.
fn column(within: &InSubquery, number: usize) -> Expr {
    let (qualifier, field) = within.subquery.subquery.schema().qualified_field(number);
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
        false => {
            let columns = 0..rows.schema().fields().len();
            let named = |number| column(within, number).alias(format!("{VALUE}{number}"));
            rows.project(columns.map(named))?.alias(ROWS)?
        }
    };
    let rows = rows.filter(filter)?;
    let rows = if outer_ref_columns.is_empty() { rows.limit(0, Some(1))? } else { rows };
    Ok(Subquery {
        subquery: Arc::new(rows.build()?),
        outer_ref_columns,
        spans: subquery.spans.clone(),
    })
}
