//! Rows that are one group although their texts end with different numbers of blanks.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::functions_aggregate::min_max::min_udaf;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::utils::grouping_set_to_exprlist;
use datafusion::logical_expr::{Aggregate, Distinct, Expr, LogicalPlan, Projection};

use super::compare;
use super::known::Scope;
use crate::dialect::functions::{self, blanks};

/// Stands before the number of a group's column.
const FEWEST: &str = "__landfall_blanks_";

/// Groups by keys where blanks may differ, and shows each key with the fewest blanks of its group.
pub fn aggregate(aggregate: Aggregate) -> Result<Transformed<LogicalPlan>> {
    let scope = Scope::new(vec![&aggregate.input]);
    let texts: Vec<Expr> = grouping_set_to_exprlist(&aggregate.group_expr)?
        .into_iter()
        .filter(|e| compare::key((*e).clone(), &scope) != **e)
        .filter(|e| !matches!(e, Expr::Literal(..)))
        .cloned()
        .collect();
    if texts.is_empty() {
        return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
    }
    let by_key = |expr: Expr| -> Result<Transformed<Expr>> {
        if !texts.contains(&expr) {
            return Ok(Transformed::no(expr));
        }
        let (qualifier, name) = expr.qualified_name();
        let key = functions::call(blanks::KEY, vec![expr])?.alias_qualified(qualifier, name);
        Ok(Transformed::yes(key))
    };
    let groups = aggregate
        .group_expr
        .into_iter()
        .map(|group| match group {
            // a key is not looked into again
            Expr::GroupingSet(_) => group
                .transform_down(|e| by_key(e).map(|t| if t.transformed { jumped(t) } else { t }))
                .map(|t| t.data),
            plain => by_key(plain).map(|t| t.data),
        })
        .collect::<Result<Vec<_>>>()?;
    let mut aggregates = aggregate
        .aggr_expr
        .into_iter()
        .map(|call| {
            // GROUPING names a group's expression as it stands in GROUP BY
            let is_grouping =
                matches!(&call, Expr::AggregateFunction(f) if f.func.name() == "grouping");
            if !is_grouping {
                return Ok(call);
            }
            call.map_children(&by_key).map(|t| t.data)
        })
        .collect::<Result<Vec<_>>>()?;
    for (i, text) in texts.iter().enumerate() {
        let count = functions::call(blanks::COUNT, vec![text.clone()])?;
        let fewest = AggregateFunction::new_udf(min_udaf(), vec![count], false, None, vec![], None);
        aggregates.push(Expr::AggregateFunction(fewest).alias(format!("{FEWEST}{i}")));
    }
    // the number of the grouping set is for GROUPING alone
    let fields =
        aggregate.schema.iter().filter(|(_, f)| f.name() != Aggregate::INTERNAL_GROUPING_ID);
    let shown = fields.map(|(qualifier, field)| {
        let column = Expr::from((qualifier, field));
        let is_it =
            |text: &Expr| text.qualified_name() == (qualifier.cloned(), field.name().clone());
        match texts.iter().position(is_it) {
            Some(i) => {
                let fewest = Expr::Column(format!("{FEWEST}{i}").into());
                let padded = functions::call(blanks::PAD, vec![column, fewest])?;
                Ok(padded.alias_qualified(qualifier.cloned(), field.name()))
            }
            None => Ok(column),
        }
    });
    let shown = shown.collect::<Result<Vec<_>>>()?;
    let grouped = Aggregate::try_new(aggregate.input, groups, aggregates)?;
    let input = Arc::new(LogicalPlan::Aggregate(grouped));
    Ok(Transformed::yes(LogicalPlan::Projection(Projection::try_new(shown, input)?)))
}

fn jumped(done: Transformed<Expr>) -> Transformed<Expr> {
    Transformed { tnr: TreeNodeRecursion::Jump, ..done }
}

/// DISTINCT of rows with such texts is a grouping by all columns.
pub fn distinct(input: Arc<LogicalPlan>) -> Result<Transformed<LogicalPlan>> {
    let columns: Vec<Expr> = input.schema().iter().map(Expr::from).collect();
    let scope = Scope::new(vec![&input]);
    let concerned = columns.iter().any(|c| compare::key(c.clone(), &scope) != *c);
    drop(scope);
    if !concerned {
        return Ok(Transformed::no(LogicalPlan::Distinct(Distinct::All(input))));
    }
    aggregate(Aggregate::try_new(input, columns, Vec::new())?)
}
