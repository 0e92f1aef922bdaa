//! What values that stand for one another have in common: the results of a CASE, the arguments of
//! COALESCE, the queries of a UNION, the sides of a comparison. It compares nothing.
//!
//! Source: r_NVL_function (`COALESCE(NULL, 'Amazon Redshift', 12)` fails to read the text as an
//! integer), c_Supported_data_types, "Compatibility". A text literal has no type of its own and
//! takes that of the others; a text column beside a number or a date matches nothing. Without this
//! the engine would make everything text.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{
    Column, DFSchema, JoinType, Result, ScalarValue, TableReference, plan_err,
};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Between, BinaryExpr, Case, Cast, Expr, ExprSchemable, Join, LogicalPlan, Projection, Union,
};

use super::casts::assignable;
use super::functions::alike::{common, shared, unmatched};
use super::functions::marks::{ASSIGNED, NVL2_ELSE, converted};
use super::functions::{TIMESTAMP, is_text, number_text, type_name};
use super::{operators, retyped};

/// Rewrites a plan before its types are coerced, while its casts are marked.
///
/// Arithmetic was planned with the types the planner saw, those of the first result of a CASE and of
/// the first query of a UNION: above what changes here it is planned again.
pub fn apply(plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut retyped = false;
    let matched = plan.transform_up_with_subqueries(|plan| {
        let plan = if retyped { plan.recompute_schema()? } else { plan };
        if let LogicalPlan::Union(union) = plan {
            let union = self::union(union, retyped)?;
            retyped |= union.transformed;
            return Ok(union);
        }
        let plan = match plan {
            LogicalPlan::Join(join) if is_set_join(&join) => {
                let join = set_join(join)?;
                retyped |= join.transformed;
                join.data
            }
            other => other,
        };
        let again = |expr: &Expr| concerned(expr) || is_arithmetic(expr);
        // the schema of a wide node costs more than a look at its expressions
        if !(if retyped { holds(&plan, &again)? } else { holds(&plan, &concerned)? }) {
            return Ok(Transformed::no(plan));
        }
        let schema = merge_schema(&plan.inputs());
        let names = NamePreserver::new(&plan);
        let plan = plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let mut within = retyped;
            let matched = expr.transform_up(|e| {
                let matched = expression(e, &schema)?;
                within |= matched.transformed;
                if within && is_arithmetic(&matched.data) {
                    return planned_again(matched.data, &schema).map(Transformed::yes);
                }
                Ok(matched)
            })?;
            retyped |= matched.transformed;
            Ok(matched.update_data(|e| name.restore(e)))
        })?;
        if retyped { plan.map_data(LogicalPlan::recompute_schema) } else { Ok(plan) }
    })?;
    if retyped { retyped::apply(matched.data) } else { Ok(matched.data) }
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
        Expr::Between(_) | Expr::InList(_) => true,
        Expr::BinaryExpr(binary) => operators::compares(binary.op),
        Expr::ScalarFunction(call) => {
            matches!(
                call.name(),
                "coalesce" | "greatest" | "least" | "nullif" | NVL2_ELSE | ASSIGNED
            )
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
        Expr::ScalarFunction(mut call) if call.name() == "nullif" => {
            let changed = beside(call.args.iter_mut().collect(), schema);
            Ok(Transformed::new_transformed(Expr::ScalarFunction(call), changed))
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
        Expr::ScalarFunction(call) if call.name() == ASSIGNED => {
            assignment(call.args, schema).map(Transformed::yes)
        }
        Expr::BinaryExpr(mut binary) if operators::compares(binary.op) => {
            let sides = vec![binary.left.as_mut(), binary.right.as_mut()];
            let changed = beside(sides, schema);
            Ok(Transformed::new_transformed(Expr::BinaryExpr(binary), changed))
        }
        Expr::Between(mut between) => {
            let Between { expr, low, high, .. } = &mut between;
            let changed = beside(vec![expr.as_mut(), low.as_mut(), high.as_mut()], schema);
            Ok(Transformed::new_transformed(Expr::Between(between), changed))
        }
        Expr::InList(mut list) => {
            let values = std::iter::once(list.expr.as_mut()).chain(&mut list.list).collect();
            let changed = beside(values, schema);
            Ok(Transformed::new_transformed(Expr::InList(list), changed))
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

/// A value in the type of the column that takes it.
fn assignment(mut args: Vec<Expr>, schema: &DFSchema) -> Result<Expr> {
    let types = args.iter().map(|e| e.get_type(schema)).collect::<Result<Vec<_>>>()?;
    let [own, column] = types.as_slice() else { return plan_err!("an assignment is of a value") };
    let value = args.swap_remove(0);
    if own == column {
        return Ok(value);
    }
    if !assignable(own, column) {
        let (own, column) = (type_name(own), type_name(column));
        return plan_err!("a column is of type {column} but expression is of type {own}");
    }
    Ok(Expr::Cast(Cast::new(Box::new(value), column.clone())))
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
    let Some(target) = common(what, &types)? else {
        return Ok(shared(&types).is_some_and(|target| cast_to(values, &types, &target)));
    };
    let texts = values.into_iter().zip(&types).filter(|(_, ty)| is_text(ty));
    for (value, ty) in texts {
        if !is_literal(value) {
            return unmatched(what, ty, &target);
        }
        readable(value, &target)?;
        let literal = std::mem::take(value);
        *value = Expr::Cast(Cast::new(Box::new(literal), target.clone()));
    }
    Ok(true)
}

/// Refuses a text literal that is no number beside numbers, though no row may ask for it: Redshift
/// reads it before it runs (r_NVL_function).
fn readable(literal: &Expr, target: &DataType) -> Result<()> {
    let Expr::Literal(value, _) = literal else { return Ok(()) };
    let Some(text) = value.try_as_str().flatten() else { return Ok(()) };
    if !target.is_numeric() || number_text(text).is_some() {
        return Ok(());
    }
    plan_err!("invalid input syntax for {}: \"{text}\"", type_name(target))
}

/// Casts what is of another type; says whether there was one.
fn cast_to(values: Vec<&mut Expr>, types: &[DataType], target: &DataType) -> bool {
    let mut changed = false;
    let others = values.into_iter().zip(types).filter(|(_, ty)| *ty != target && !ty.is_null());
    for (value, _) in others {
        let own = std::mem::take(value);
        *value = Expr::Cast(Cast::new(Box::new(own), target.clone()));
        changed = true;
    }
    changed
}

/// A float beside a DECIMAL makes it one, and a day or a text beside a moment is one: what the engine
/// would take instead holds neither all floats nor all days. Says whether it changed one.
fn beside(values: Vec<&mut Expr>, schema: &DFSchema) -> bool {
    let types = values.iter().map(|value| value.get_type(schema)).collect::<Result<Vec<_>>>();
    let Ok(types) = types else { return false };
    let mixed = types.iter().any(|ty| matches!(ty, DataType::Decimal128(..)))
        && types.iter().any(DataType::is_floating);
    let target = match shared(&types) {
        Some(target) if mixed || target == TIMESTAMP => Some(target),
        _ => moment(&types),
    };
    target.is_some_and(|target| cast_to(values, &types, &target))
}

/// The one type of moments among days and texts.
fn moment(types: &[DataType]) -> Option<DataType> {
    let mut moments = types.iter().filter(|ty| matches!(ty, DataType::Timestamp(..)));
    let first = moments.next().filter(|first| moments.all(|ty| ty == *first))?;
    let others = types.iter().all(|ty| {
        is_text(ty) || matches!(ty, DataType::Timestamp(..) | DataType::Date32 | DataType::Null)
    });
    others.then(|| first.clone())
}

fn is_arithmetic(expr: &Expr) -> bool {
    match expr {
        Expr::BinaryExpr(binary) => operators::is_arithmetic(binary.op),
        Expr::ScalarFunction(call) => operators::planned_as(call.name()).is_some(),
        _ => false,
    }
}

/// Arithmetic with the types its operands have now. What was cast for the types they had before is
/// cast no more; casts that are written are marked.
fn planned_again(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let (left, op, right) = match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => (*left, op, *right),
        Expr::ScalarFunction(call) => {
            let op = operators::planned_as(call.name());
            match (op, <[Expr; 2]>::try_from(call.args)) {
                (Some(op), Ok([left, right])) => (left, op, right),
                _ => return plan_err!("arithmetic takes two values"),
            }
        }
        other => return Ok(other),
    };
    operators::again(uncast(left, schema), op, uncast(right, schema), schema)
}

/// The whole number, as which it was planned, in a cast to a DECIMAL that is none any more.
fn uncast(expr: Expr, schema: &DFSchema) -> Expr {
    match expr {
        Expr::Cast(cast) if matches!(cast.field.data_type(), DataType::Decimal128(_, 0)) => {
            match cast.expr.get_type(schema) {
                Ok(ty) if !ty.is_integer() => *cast.expr,
                _ => Expr::Cast(cast),
            }
        }
        other => other,
    }
}

fn is_literal(expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => is_literal(&alias.expr),
        Expr::Literal(ScalarValue::Utf8(_) | ScalarValue::Utf8View(_), _) => true,
        _ => false,
    }
}

/// `retyped`: a query below it may have other types than when it was planned.
fn union(union: Union, retyped: bool) -> Result<Transformed<LogicalPlan>> {
    let mut inputs: Vec<LogicalPlan> =
        union.inputs.iter().map(|input| input.as_ref().clone()).collect();
    let mut changed = false;
    for column in 0..union.schema.fields().len() {
        let types: Vec<DataType> = inputs
            .iter()
            .filter_map(|i| i.schema().fields().get(column).map(|f| f.data_type().clone()))
            .collect();
        let Some(target) = common("UNION", &types)? else {
            changed |= widened(inputs.iter_mut().collect(), column, &types)?;
            continue;
        };
        for (input, ty) in inputs.iter_mut().zip(&types).filter(|(_, ty)| is_text(ty)) {
            match with_type(input, column, &target)? {
                Some(typed) => *input = typed,
                None => return unmatched("UNION", ty, &target),
            }
            changed = true;
        }
    }
    for input in inputs.iter_mut().skip(1) {
        if let Some(named) = named_as(input, &union.schema)? {
            *input = named;
            changed = true;
        }
    }
    if !changed && !retyped {
        return Ok(Transformed::no(LogicalPlan::Union(union)));
    }
    let inputs = inputs.into_iter().map(Arc::new).collect();
    Ok(Transformed::yes(LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?)))
}

/// INTERSECT and EXCEPT are joins by all columns.
fn is_set_join(join: &Join) -> bool {
    matches!(join.join_type, JoinType::LeftSemi | JoinType::LeftAnti)
}

/// The columns of both queries of one type, which is that of the answer.
fn set_join(mut join: Join) -> Result<Transformed<LogicalPlan>> {
    let (mut left, mut right) = (join.left.as_ref().clone(), join.right.as_ref().clone());
    let own = |side: &LogicalPlan| -> Vec<DataType> {
        side.schema().fields().iter().map(|field| field.data_type().clone()).collect()
    };
    let mut changed = false;
    for (column, types) in own(&left).into_iter().zip(own(&right)).enumerate() {
        changed |= widened(vec![&mut left, &mut right], column, &[types.0, types.1])?;
    }
    if !changed {
        return Ok(Transformed::no(LogicalPlan::Join(join)));
    }
    (join.left, join.right) = (Arc::new(left), Arc::new(right));
    LogicalPlan::Join(join).recompute_schema().map(Transformed::yes)
}

/// Casts a column of queries to the type that holds the values of all; says whether one changed.
fn widened(queries: Vec<&mut LogicalPlan>, column: usize, types: &[DataType]) -> Result<bool> {
    let Some(target) = shared(types) else { return Ok(false) };
    for (query, _) in queries.into_iter().zip(types).filter(|(_, ty)| **ty != target) {
        *query = column_as(query, column, &target)?;
    }
    Ok(true)
}

/// A query under the names of a union, which the engine looks for where it drops the queries that have
/// no row; `None` where it has them.
fn named_as(plan: &LogicalPlan, union: &DFSchema) -> Result<Option<LogicalPlan>> {
    let named =
        plan.schema().fields().iter().zip(union.fields()).all(|(a, b)| a.name() == b.name());
    if named {
        return Ok(None);
    }
    let renamed = |((qualifier, field), to): ((Option<&TableReference>, &FieldRef), &FieldRef)| {
        Expr::Column(Column::new(qualifier.cloned(), field.name())).alias(to.name())
    };
    let exprs = plan.schema().iter().zip(union.fields()).map(renamed).collect();
    Projection::try_new(exprs, Arc::new(plan.clone())).map(LogicalPlan::Projection).map(Some)
}

/// A query with one of its columns of another type, under the same names.
fn column_as(plan: &LogicalPlan, column: usize, to: &DataType) -> Result<LogicalPlan> {
    let typed = |(index, (qualifier, field)): (usize, (Option<&TableReference>, &FieldRef))| {
        let own = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        match index == column {
            true => Expr::Cast(Cast::new(Box::new(own), to.clone()))
                .alias_qualified(qualifier.cloned(), field.name()),
            false => own,
        }
    };
    let exprs = plan.schema().iter().enumerate().map(typed).collect();
    Projection::try_new(exprs, Arc::new(plan.clone())).map(LogicalPlan::Projection)
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
