//! PIVOT and UNPIVOT as plans: an aggregate with one filter for each value, and a union of columns.
//!
//! They are planned, not rewritten as text: the columns that are left to group by are known only
//! from the schema of what is pivoted. Source: r_FROM_clause-pivot-unpivot-examples.

use std::collections::HashSet;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result, ScalarValue, plan_err};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::sql::sqlparser::ast::{
    self, ExprWithAlias, Ident, NullInclusion, PivotValueSource, TableAlias, TableFactor, Value,
};

/// Plans PIVOT and UNPIVOT; every other relation is left to DataFusion.
#[derive(Debug)]
pub struct Pivots;

impl RelationPlanner for Pivots {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let (plan, alias) = match relation {
            TableFactor::Pivot {
                table,
                aggregate_functions,
                value_column,
                value_source: PivotValueSource::List(values),
                default_on_null: None,
                alias,
            } => {
                let [column] = value_column.as_slice() else {
                    return plan_err!("PIVOT takes one column after FOR");
                };
                let input = context.plan(*table)?;
                let pivot = Pivot { context, input, column: column.clone() };
                (pivot.plan(aggregate_functions, values)?, alias)
            }
            TableFactor::Pivot { .. } => {
                return plan_err!("PIVOT takes a list of values after IN");
            }
            TableFactor::Unpivot { table, value, name, columns, null_inclusion, alias } => {
                let input = context.plan(*table)?;
                let nulls = matches!(null_inclusion, Some(NullInclusion::IncludeNulls));
                (unpivot(context, input, value, &name, columns, nulls)?, alias)
            }
            other => return Ok(RelationPlanning::Original(Box::new(other))),
        };
        planned(plan, alias)
    }
}

fn planned(plan: LogicalPlan, alias: Option<TableAlias>) -> Result<RelationPlanning> {
    Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))))
}

struct Pivot<'a> {
    context: &'a mut dyn RelationPlannerContext,
    input: LogicalPlan,
    column: ast::Expr,
}

impl Pivot<'_> {
    fn plan(
        self,
        aggregates: Vec<ExprWithAlias>,
        values: Vec<ExprWithAlias>,
    ) -> Result<LogicalPlan> {
        let schema = self.input.schema().clone();
        let column = self.context.sql_to_expr(self.column, &schema)?;
        let mut used: HashSet<Column> = column.column_refs().into_iter().cloned().collect();
        let mut named = Vec::new();
        for aggregate in aggregates {
            let expr = self.context.sql_to_expr(aggregate.expr, &schema)?;
            used.extend(expr.column_refs().into_iter().cloned());
            named.push((expr, aggregate.alias));
        }
        // Every column that is named nowhere groups the rows.
        let groups: Vec<Expr> =
            schema.columns().into_iter().filter(|c| !used.contains(c)).map(Expr::Column).collect();
        let mut output = groups.clone();
        for value in values {
            let label = label(&value.expr, value.alias);
            let literal = self.context.sql_to_expr(value.expr, &schema)?;
            let is_null = matches!(literal, Expr::Literal(ScalarValue::Null, _));
            let chosen =
                if is_null { column.clone().is_null() } else { column.clone().eq(literal) };
            for (expr, alias) in &named {
                let name = match alias {
                    Some(alias) => format!("{label}_{}", alias.value),
                    None => label.clone(),
                };
                output.push(filtered(expr.clone(), &chosen)?.alias(name));
            }
        }
        aggregated(self.input, groups, output)
    }
}

/// What a value's columns are called: its alias, or its text.
fn label(value: &ast::Expr, alias: Option<Ident>) -> String {
    match (alias, value) {
        (Some(alias), _) => alias.value,
        (None, ast::Expr::Value(value)) => match &value.value {
            Value::SingleQuotedString(text) => text.to_ascii_lowercase(),
            other => other.to_string().to_ascii_lowercase(),
        },
        (None, ast::Expr::Cast { expr, .. } | ast::Expr::Nested(expr)) => label(expr, None),
        (None, ast::Expr::UnaryOp { op, expr }) => format!("{op}{}", label(expr, None)),
        // a whole number reaches the planner as an array of one (`rewrite::literals`)
        (None, ast::Expr::Array(array)) => {
            array.elem.first().map_or_else(String::new, |number| label(number, None))
        }
        (None, other) => other.to_string().to_ascii_lowercase(),
    }
}

/// The expression with its aggregates taken over the chosen rows only.
fn filtered(expr: Expr, chosen: &Expr) -> Result<Expr> {
    expr.transform_up(|e| {
        Ok(match e {
            Expr::AggregateFunction(AggregateFunction { func, mut params }) => {
                params.filter = Some(Box::new(match params.filter.take() {
                    Some(there) => there.and(chosen.clone()),
                    None => chosen.clone(),
                }));
                Transformed::yes(Expr::AggregateFunction(AggregateFunction { func, params }))
            }
            other => Transformed::no(other),
        })
    })
    .map(|t| t.data)
}

/// Groups the input and computes the output from the groups and their aggregates.
fn aggregated(input: LogicalPlan, groups: Vec<Expr>, output: Vec<Expr>) -> Result<LogicalPlan> {
    let mut found: Vec<Expr> = Vec::new();
    for expr in &output {
        expr.apply(|e| {
            if matches!(e, Expr::AggregateFunction(_)) && !found.contains(e) {
                found.push(e.clone());
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
    }
    let plan = LogicalPlanBuilder::from(input).aggregate(groups, found.clone())?.build()?;
    // Under the names the plan gives them, so that an expression around an aggregate finds it.
    let output = output
        .into_iter()
        .map(|expr| {
            expr.transform_down(|e| {
                Ok(match found.contains(&e) {
                    true => Transformed::new(
                        Expr::Column(Column::from_name(e.schema_name().to_string())),
                        true,
                        TreeNodeRecursion::Jump,
                    ),
                    false => Transformed::no(e),
                })
            })
            .map(|t| t.data)
        })
        .collect::<Result<Vec<_>>>()?;
    LogicalPlanBuilder::from(plan).project(output)?.build()
}

/// One row for each named column of a row, without those that are NULL unless they are asked for.
fn unpivot(
    context: &mut dyn RelationPlannerContext,
    input: LogicalPlan,
    value: ast::Expr,
    name: &Ident,
    columns: Vec<ExprWithAlias>,
    nulls: bool,
) -> Result<LogicalPlan> {
    let ast::Expr::Identifier(value) = value else {
        return plan_err!("UNPIVOT takes a name for its values before FOR");
    };
    let schema = input.schema().clone();
    let mut taken = Vec::new();
    for column in columns {
        let label = label(&column.expr, column.alias);
        let expr = context.sql_to_expr(column.expr, &schema)?;
        if !matches!(expr, Expr::Column(_)) {
            return plan_err!("UNPIVOT takes columns after IN");
        }
        taken.push((expr, label));
    }
    let used: HashSet<Column> = taken.iter().flat_map(|(e, _)| e.column_refs()).cloned().collect();
    let kept: Vec<Expr> =
        schema.columns().into_iter().filter(|c| !used.contains(c)).map(Expr::Column).collect();
    let mut all: Option<LogicalPlanBuilder> = None;
    for (expr, label) in taken {
        let mut one = LogicalPlanBuilder::from(input.clone());
        if !nulls && expr.nullable(&schema)? {
            one = one.filter(expr.clone().is_not_null())?;
        }
        let added = [lit(label).alias(&name.value), expr.alias(&value.value)];
        let one = one.project(kept.iter().cloned().chain(added))?;
        all = Some(match all {
            None => one,
            Some(before) => before.union(one.build()?)?,
        });
    }
    match all {
        Some(all) => all.build(),
        None => plan_err!("UNPIVOT takes one column or more after IN"),
    }
}
