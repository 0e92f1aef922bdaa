//! Types that a set operation or JOIN ... USING cannot match, which are of different categories. It changes no plan:
//! literals get their types in `matched`.
//!
//! Source: r_UNION (set operations allow no implicit conversion between categories of types);
//! r_FROM_clause30, PostgreSQL 8.0 ("JOIN/USING types ... cannot be matched").

use arrow::datatypes::DataType;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{JoinConstraint, JoinType, Result, ScalarValue, plan_err};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};

use super::functions::alike::unmatched;
use super::functions::{is_text, type_name};

/// Refuses UNION, INTERSECT and EXCEPT of types that cannot be matched, in a plan whose types are not
/// coerced yet. INTERSECT and EXCEPT are joins there; no text makes others of their kind.
pub fn check(plan: &LogicalPlan) -> Result<()> {
    plan.apply_with_subqueries(|plan| {
        match plan {
            LogicalPlan::Union(union) => {
                let inputs: Vec<&LogicalPlan> = union.inputs.iter().map(AsRef::as_ref).collect();
                matched("UNION", &inputs)?;
            }
            LogicalPlan::Join(join) if join.join_constraint == JoinConstraint::Using => {
                for (left, right) in &join.on {
                    let types =
                        (left.get_type(join.left.schema())?, right.get_type(join.right.schema())?);
                    if category(&types.0) != category(&types.1) {
                        let (left, right) = (type_name(&types.0), type_name(&types.1));
                        return plan_err!("JOIN/USING types {left} and {right} do not match");
                    }
                }
            }
            LogicalPlan::Join(join) if join.join_type == JoinType::LeftSemi => {
                matched("INTERSECT", &[&join.left, &join.right])?;
            }
            LogicalPlan::Join(join) if join.join_type == JoinType::LeftAnti => {
                matched("EXCEPT", &[&join.left, &join.right])?;
            }
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .map(drop)
}

fn matched(name: &str, inputs: &[&LogicalPlan]) -> Result<()> {
    let width = inputs.first().map_or(0, |input| input.schema().fields().len());
    for index in 0..width {
        let mut known: Option<DataType> = None;
        for ty in inputs.iter().filter_map(|input| type_of(input, index)) {
            match &known {
                Some(there) if category(there) != category(&ty) => {
                    return unmatched(name, there, &ty);
                }
                Some(_) => {}
                None => known = Some(ty),
            }
        }
    }
    Ok(())
}

/// The type of a column; `None` for NULL and for a literal, which take any.
fn type_of(plan: &LogicalPlan, index: usize) -> Option<DataType> {
    match plan {
        LogicalPlan::Projection(projection) if is_open(projection.expr.get(index)?) => return None,
        LogicalPlan::Union(union) => {
            return union.inputs.iter().find_map(|input| type_of(input, index));
        }
        LogicalPlan::Distinct(distinct) => return type_of(distinct.input(), index),
        LogicalPlan::SubqueryAlias(alias) => return type_of(&alias.input, index),
        _ => {}
    }
    let ty = plan.schema().fields().get(index)?.data_type().clone();
    (!ty.is_null()).then_some(ty)
}

fn is_open(expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => is_open(&alias.expr),
        Expr::Literal(value, _) => {
            matches!(value, ScalarValue::Utf8(_) | ScalarValue::Utf8View(_) | ScalarValue::Null)
        }
        _ => false,
    }
}

#[derive(PartialEq, Eq)]
enum Category {
    Number,
    Text,
    Moment,
    Other(DataType),
}

fn category(ty: &DataType) -> Category {
    match ty {
        t if t.is_numeric() => Category::Number,
        t if is_text(t) => Category::Text,
        DataType::Date32 | DataType::Timestamp(..) => Category::Moment,
        DataType::Dictionary(_, value) => category(value),
        other => Category::Other(other.clone()),
    }
}
