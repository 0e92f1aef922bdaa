//! What values that stand for one another have in common: the results of a CASE, the arguments of COALESCE, the queries of a UNION. It compares nothing.
//!
//! Source: r_NVL_function (`COALESCE(NULL, 'Amazon Redshift', 12)` fails to read the text as an
//! integer), c_Supported_data_types, "Compatibility". A text literal has no type of its own and
//! takes that of the others; a text column beside a number or a date matches nothing. Without this
//! the engine would make everything text.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, ScalarValue, plan_err};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Case, Cast, Expr, ExprSchemable, LogicalPlan, Projection, Union};

use super::functions::alike::{common, unmatched};
use super::functions::is_text;
use super::functions::marks::{NVL2_ELSE, converted};

/// Rewrites a plan before its types are coerced.
pub fn apply(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| {
        if let LogicalPlan::Union(union) = plan {
            return self::union(union);
        }
        // the schema of a wide node costs more than a look at its expressions
        if !holds(&plan, &concerned)? {
            return Ok(Transformed::no(plan));
        }
        let schema = merge_schema(&plan.inputs());
        let names = NamePreserver::new(&plan);
        plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let matched = expr.transform_up(|e| expression(e, &schema))?;
            Ok(matched.update_data(|e| name.restore(e)))
        })
    })
    .map(|t| t.data)
}

/// True if one of a node's expressions, or what it is made of, is found.
pub fn holds(plan: &LogicalPlan, found: &dyn Fn(&Expr) -> bool) -> Result<bool> {
    let mut any = false;
    plan.apply_expressions(|expr| {
        any |= expr.exists(|e| Ok(found(e)))?;
        Ok(if any { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(any)
}

/// What [`expression`] looks at.
fn concerned(expr: &Expr) -> bool {
    match expr {
        Expr::Case(_) | Expr::AggregateFunction(_) | Expr::WindowFunction(_) => true,
        Expr::ScalarFunction(call) => {
            matches!(call.name(), "coalesce" | "greatest" | "least" | NVL2_ELSE)
        }
        _ => false,
    }
}

fn expression(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::Case(mut case) => {
            let results = results_of(&mut case);
            Ok(match settle("CASE", results, schema)? {
                true => Transformed::yes(Expr::Case(case)),
                false => Transformed::no(Expr::Case(case)),
            })
        }
        Expr::ScalarFunction(mut call)
            if matches!(call.name(), "coalesce" | "greatest" | "least") =>
        {
            let name = call.name().to_uppercase();
            Ok(match settle(&name, call.args.iter_mut().collect(), schema)? {
                true => Transformed::yes(Expr::ScalarFunction(call)),
                false => Transformed::no(Expr::ScalarFunction(call)),
            })
        }
        Expr::ScalarFunction(mut call) if call.name() == NVL2_ELSE => {
            let types = call.args.iter().map(|e| e.get_type(schema)).collect::<Result<Vec<_>>>()?;
            let to = match types.as_slice() {
                [own, other] => converted(own, other),
                _ => None,
            };
            let own = call.args.swap_remove(0);
            Ok(Transformed::yes(match to {
                Some(to) => Expr::Cast(Cast::new(Box::new(own), to)),
                None => own,
            }))
        }
        Expr::AggregateFunction(call) => {
            no_extreme_of_booleans(call.func.name(), &call.params.args, schema)?;
            Ok(Transformed::no(Expr::AggregateFunction(call)))
        }
        Expr::WindowFunction(call) => {
            no_extreme_of_booleans(call.fun.name(), &call.params.args, schema)?;
            Ok(Transformed::no(Expr::WindowFunction(call)))
        }
        other => Ok(Transformed::no(other)),
    }
}

/// MIN and MAX take no booleans (r_MAX, r_MIN).
fn no_extreme_of_booleans(name: &str, args: &[Expr], schema: &DFSchema) -> Result<()> {
    let first = args.first().map(|e| e.get_type(schema));
    match (name, first) {
        ("min" | "max", Some(Ok(DataType::Boolean))) => {
            let instead = if name == "min" { "BOOL_AND" } else { "BOOL_OR" };
            plan_err!("function {name} does not exist for booleans: write {instead}")
        }
        _ => Ok(()),
    }
}

fn results_of(case: &mut Case) -> Vec<&mut Expr> {
    let thens = case.when_then_expr.iter_mut().map(|(_, then)| then.as_mut());
    thens.chain(case.else_expr.as_mut().map(|e| e.as_mut())).collect()
}

/// Gives text literals the type of the others; says whether it changed one.
///
/// Errors: a text that is no literal beside what is no text.
fn settle(what: &str, values: Vec<&mut Expr>, schema: &DFSchema) -> Result<bool> {
    let mut types = Vec::with_capacity(values.len());
    for value in &values {
        match value.get_type(schema) {
            Ok(ty) => types.push(ty),
            // the planner reports it
            Err(_) => return Ok(false),
        }
    }
    let Some(target) = common(what, &types)? else { return Ok(false) };
    let texts = values.into_iter().zip(&types).filter(|(_, ty)| is_text(ty));
    for (value, ty) in texts {
        if !is_literal(value) {
            return unmatched(what, ty, &target);
        }
        let literal = std::mem::take(value);
        *value = Expr::Cast(Cast::new(Box::new(literal), target.clone()));
    }
    Ok(true)
}

fn is_literal(expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => is_literal(&alias.expr),
        Expr::Literal(ScalarValue::Utf8(_) | ScalarValue::Utf8View(_), _) => true,
        _ => false,
    }
}

fn union(union: Union) -> Result<Transformed<LogicalPlan>> {
    let mut inputs: Vec<LogicalPlan> =
        union.inputs.iter().map(|input| input.as_ref().clone()).collect();
    let mut changed = false;
    for column in 0..union.schema.fields().len() {
        let types: Vec<DataType> = inputs
            .iter()
            .filter_map(|i| i.schema().fields().get(column).map(|f| f.data_type().clone()))
            .collect();
        let Some(target) = common("UNION", &types)? else { continue };
        for (input, ty) in inputs.iter_mut().zip(&types).filter(|(_, ty)| is_text(ty)) {
            match with_type(input, column, &target)? {
                Some(typed) => *input = typed,
                None => return unmatched("UNION", ty, &target),
            }
            changed = true;
        }
    }
    if !changed {
        return Ok(Transformed::no(LogicalPlan::Union(union)));
    }
    let union = LogicalPlan::Union(union);
    union.with_new_exprs(Vec::new(), inputs).map(Transformed::yes)
}

/// A query whose literal in a column has a type; `None` where there is no literal.
fn with_type(plan: &LogicalPlan, column: usize, to: &DataType) -> Result<Option<LogicalPlan>> {
    let LogicalPlan::Projection(projection) = plan else { return Ok(None) };
    let mut exprs = projection.expr.clone();
    let Some(expr) = exprs.get_mut(column).filter(|e| is_literal(e)) else { return Ok(None) };
    let name = expr.schema_name().to_string();
    let literal = std::mem::take(expr).unalias();
    *expr = Expr::Cast(Cast::new(Box::new(literal), to.clone())).alias(name);
    let projection = Projection::try_new(exprs, Arc::clone(&projection.input))?;
    Ok(Some(LogicalPlan::Projection(projection)))
}
