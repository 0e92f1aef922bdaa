//! The two members of a recursive query, whose columns are to be of one kind: DataFusion 55.2 refuses a
//! table's own column in one and a value that is computed in the other. It changes no value.
//!
//! Source: r_WITH_clause (the members have the same number of columns, of compatible types).

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{Expr, LogicalPlan, Projection, RecursiveQuery};

use super::functions;
use super::functions::marks::SAME;

/// Takes from the members' columns what tells where in a file they are.
pub fn apply(plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut changed = false;
    plan.transform_up_with_subqueries(|plan| match plan {
        LogicalPlan::RecursiveQuery(query) if differ(&query) => {
            changed = true;
            let static_term = plain(&query.static_term)?;
            let recursive_term = plain(&query.recursive_term)?;
            let name = query.name.clone();
            let query =
                RecursiveQuery::try_new(name, static_term, recursive_term, query.is_distinct)?;
            Ok(Transformed::yes(LogicalPlan::RecursiveQuery(query)))
        }
        other if changed => Ok(Transformed::yes(other.recompute_schema()?)),
        other => Ok(Transformed::no(other)),
    })
    .map(|t| t.data)
}

fn differ(query: &RecursiveQuery) -> bool {
    let (first, then) =
        (query.static_term.schema().fields(), query.recursive_term.schema().fields());
    first.iter().zip(then).any(|(first, then)| first.metadata() != then.metadata())
}

fn plain(member: &Arc<LogicalPlan>) -> Result<Arc<LogicalPlan>> {
    let columns = member.schema().iter().map(|(relation, field)| {
        let column = Expr::from((relation, field));
        if field.metadata().is_empty() {
            return Ok(column);
        }
        let value = functions::call(SAME, vec![column])?;
        Ok(value.alias_qualified(relation.cloned(), field.name()))
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let plan = Projection::try_new(columns, Arc::clone(member))?;
    Ok(Arc::new(LogicalPlan::Projection(plan)))
}
