//! Expressions in which values are compared, one by one. It sees no plan but where columns come from.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::logical_expr::expr::{InSubquery, WindowFunction};
use datafusion::logical_expr::{
    Between, BinaryExpr, Case, Cast, Expr, Like, LogicalPlan, LogicalPlanBuilder, Operator,
    Subquery, lit,
};

use super::known::Scope;
use crate::dialect::functions::{self, blanks, is_text};
use crate::dialect::operators::compares;

/// True for an expression that [`rewrite`] may change.
pub fn concerns(expr: &Expr) -> bool {
    match expr {
        Expr::BinaryExpr(binary) => compares(binary.op) || is_pattern(binary.op),
        Expr::Between(_) | Expr::InList(_) | Expr::InSubquery(_) | Expr::WindowFunction(_) => true,
        Expr::Case(case) => case.expr.is_some(),
        Expr::AggregateFunction(call) => by_value(call.params.distinct, call.func.name()),
        Expr::ScalarFunction(call) => matches!(call.name(), "nullif" | "octet_length"),
        Expr::Cast(cast) => cast.field.data_type().is_binary(),
        Expr::Like(_) => true,
        _ => false,
    }
}

fn is_pattern(op: Operator) -> bool {
    use Operator as O;
    matches!(op, O::RegexMatch | O::RegexNotMatch | O::RegexIMatch | O::RegexNotIMatch)
}

/// What is compared with a pattern is a text (c_Supported_data_types: numbers, dates and times are
/// converted implicitly). `None` where it is one.
fn printed(expr: &Expr, scope: &Scope) -> Option<Expr> {
    let ty = scope.type_of(expr).filter(|t| !is_text(t) && !t.is_null() && !t.is_binary())?;
    let text = Cast::new(Box::new(expr.clone()), DataType::Utf8View);
    (!matches!(ty, DataType::Dictionary(..))).then_some(Expr::Cast(text))
}

/// True for an aggregate that tells its values apart.
fn by_value(distinct: bool, name: &str) -> bool {
    distinct || name == "approx_distinct"
}

/// Rewrites one expression whose parts are rewritten already.
pub fn rewrite(expr: Expr, scope: &Scope) -> Result<Transformed<Expr>> {
    Ok(Transformed::yes(match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(op) => {
            let equality = matches!(op, Operator::Eq | Operator::NotEq);
            let [left, right] = compared([*left, *right], scope, equality);
            Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
        }
        Expr::BinaryExpr(binary) if is_pattern(binary.op) => match printed(&binary.left, scope) {
            Some(left) => {
                Expr::BinaryExpr(BinaryExpr::new(Box::new(left), binary.op, binary.right))
            }
            None => return Ok(Transformed::no(Expr::BinaryExpr(binary))),
        },
        Expr::Like(like) => match printed(&like.expr, scope) {
            Some(text) => Expr::Like(Like { expr: Box::new(text), ..like }),
            None => return Ok(Transformed::no(Expr::Like(like))),
        },
        Expr::Between(Between { expr, negated, low, high }) => {
            let [expr, low, high] = compared([*expr, *low, *high], scope, false).map(Box::new);
            Expr::Between(Between::new(expr, negated, low, high))
        }
        Expr::InList(mut list) => {
            let all = std::iter::once(list.expr.as_ref()).chain(&list.list);
            let means = means(all.map(|e| (e, scope)), true);
            list.expr = Box::new(means.of(*list.expr, scope));
            list.list = list.list.into_iter().map(|e| means.of(e, scope)).collect();
            Expr::InList(list)
        }
        Expr::Case(Case { expr: Some(operand), when_then_expr, else_expr }) => {
            let whens = when_then_expr.iter().map(|(when, _)| when.as_ref());
            let all = std::iter::once(operand.as_ref()).chain(whens);
            let means = means(all.map(|e| (e, scope)), true);
            let operand = means.of(*operand, scope);
            let branches = when_then_expr
                .into_iter()
                .map(|(when, then)| (Box::new(means.of(*when, scope)), then))
                .collect();
            Expr::Case(Case::new(Some(Box::new(operand)), branches, else_expr))
        }
        Expr::InSubquery(within) => in_subquery(within, scope)?,
        Expr::WindowFunction(window) => Expr::WindowFunction(Box::new(over(*window, scope))),
        Expr::AggregateFunction(mut call) if by_value(call.params.distinct, call.func.name()) => {
            let args = std::mem::take(&mut call.params.args);
            call.params.args = args.into_iter().map(|e| wrapped(e, scope, blanks::KEY)).collect();
            Expr::AggregateFunction(call)
        }
        other => return function(other, scope),
    }))
}

/// Calls and casts that look at what their text is.
fn function(expr: Expr, scope: &Scope) -> Result<Transformed<Expr>> {
    Ok(Transformed::yes(match expr {
        Expr::ScalarFunction(call) if call.name() == "nullif" => match call.args.as_slice() {
            [value, other] => match nullif(value, other, scope) {
                Some(case) => case,
                None => return Ok(Transformed::no(Expr::ScalarFunction(call))),
            },
            _ => return Ok(Transformed::no(Expr::ScalarFunction(call))),
        },
        Expr::ScalarFunction(call) if call.name() == "octet_length" => {
            let char = call.args.first().and_then(|e| Some((e.clone(), scope.char_length(e)?)));
            match char {
                // a CHAR is as long as it was declared (r_OCTET_LENGTH)
                Some((value, length)) => {
                    let length = lit(i32::try_from(length).unwrap_or(i32::MAX));
                    let branch = (Box::new(value.is_not_null()), Box::new(length));
                    Expr::Case(Case::new(None, vec![branch], None))
                }
                None => return Ok(Transformed::no(Expr::ScalarFunction(call))),
            }
        }
        Expr::Cast(cast) if cast.field.data_type().is_binary() => {
            match scope.char_length(&cast.expr) {
                // the bytes of a CHAR are those of its declared length (r_VARBYTE_type)
                Some(length) => {
                    functions::call("char_to_varbyte", vec![*cast.expr, lit(i64::from(length))])?
                }
                None => return Ok(Transformed::no(Expr::Cast(cast))),
            }
        }
        other => return Ok(Transformed::no(other)),
    }))
}

/// What the operands of one comparison are compared as.
#[derive(Clone, Copy, PartialEq)]
enum Means {
    /// Numbers become texts, and each text its key.
    Texts,
    /// Texts that are numbers as Redshift prints them become numbers: for equality it is the same,
    /// and the column stays a column.
    Numbers,
    /// As they are.
    Own,
}

fn means<'e>(operands: impl Iterator<Item = (&'e Expr, &'e Scope<'e>)>, equality: bool) -> Means {
    let (mut texts, mut numbers, mut printed) = (false, false, equality);
    for (expr, scope) in operands {
        match scope.type_of(expr) {
            Some(ty) if is_text(&ty) => {
                texts = true;
                printed &= printed_integer(expr).is_some();
            }
            Some(ty) if ty.is_integer() => numbers = true,
            Some(DataType::Float32 | DataType::Float64) => {
                numbers = true;
                printed = false;
            }
            Some(DataType::Null) => {}
            _ => return Means::Own,
        }
    }
    match (texts, numbers) {
        (true, true) if printed => Means::Numbers,
        (true, _) => Means::Texts,
        (false, _) => Means::Own,
    }
}

/// The integer that prints as this constant text.
fn printed_integer(expr: &Expr) -> Option<i64> {
    let Expr::Literal(value, _) = expr else { return None };
    let text = value.try_as_str()??.trim_end_matches(' ');
    text.parse::<i64>().ok().filter(|n| n.to_string() == text)
}

impl Means {
    fn of(self, expr: Expr, scope: &Scope) -> Expr {
        let ty = scope.type_of(&expr);
        let number = ty.as_ref().is_some_and(|t| !is_text(t) && !t.is_null());
        match self {
            Means::Own => expr,
            Means::Numbers => printed_integer(&expr).map_or(expr, lit),
            Means::Texts if number => Expr::Cast(Cast::new(Box::new(expr), DataType::Utf8View)),
            Means::Texts => key(expr, scope),
        }
    }
}

fn compared<const N: usize>(operands: [Expr; N], scope: &Scope, equality: bool) -> [Expr; N] {
    let means = means(operands.iter().map(|e| (e, scope)), equality);
    operands.map(|e| means.of(e, scope))
}

/// Both sides of an equality, each over rows of its own.
pub fn pair(left: (Expr, &Scope), right: (Expr, &Scope)) -> (Expr, Expr) {
    let means = means([(&left.0, left.1), (&right.0, right.1)].into_iter(), true);
    (means.of(left.0, left.1), means.of(right.0, right.1))
}

/// The value a text is compared by: itself where it cannot end with a blank.
pub fn key(expr: Expr, scope: &Scope) -> Expr {
    wrapped(expr, scope, blanks::KEY)
}

fn wrapped(expr: Expr, scope: &Scope, by: &str) -> Expr {
    if let Expr::Literal(value, metadata) = &expr {
        return match value.try_as_str().flatten().map(|t| (t, t.trim_end_matches(' '))) {
            Some((text, cut)) if cut.len() < text.len() => {
                Expr::Literal(ScalarValue::from(cut), metadata.clone())
            }
            _ => expr,
        };
    }
    let text = scope.type_of(&expr).is_some_and(|t| is_text(&t));
    if !text || scope.unblanked(&expr) {
        return expr;
    }
    functions::call(by, vec![expr.clone()]).unwrap_or(expr)
}

/// NULLIF shows its first value, blanks and all; `None` where they cannot matter.
fn nullif(value: &Expr, other: &Expr, scope: &Scope) -> Option<Expr> {
    let [left, right] = compared([value.clone(), other.clone()], scope, true);
    if (&left, &right) == (value, other) {
        return None;
    }
    let branch = (Box::new(left.eq(right)), Box::new(lit(ScalarValue::Null)));
    Some(Expr::Case(Case::new(None, vec![branch], Some(Box::new(value.clone())))))
}

fn in_subquery(within: InSubquery, scope: &Scope) -> Result<Expr> {
    let InSubquery { expr, subquery, negated } = within;
    let (qualifier, field) = subquery.subquery.schema().qualified_field(0);
    let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
    let inner = Scope::new(vec![&subquery.subquery]);
    let (expr, found) = pair((*expr, scope), (column.clone(), &inner));
    let plan = if found == column {
        Arc::clone(&subquery.subquery)
    } else {
        let named = found.alias_qualified(qualifier.cloned(), field.name());
        let plan = LogicalPlan::clone(&subquery.subquery);
        Arc::new(LogicalPlanBuilder::from(plan).project([named])?.build()?)
    };
    let subquery = Subquery { subquery: plan, ..subquery };
    Ok(Expr::InSubquery(InSubquery::new(Box::new(expr), subquery, negated)))
}

fn over(mut window: WindowFunction, scope: &Scope) -> WindowFunction {
    let params = &mut window.params;
    for partition in &mut params.partition_by {
        *partition = peer(partition.clone(), scope);
    }
    for sort in &mut params.order_by {
        sort.expr = peer(sort.expr.clone(), scope);
    }
    window
}

/// The value that tells peers of a window apart: -0 and 0 are one, which the engine sorts as two.
fn peer(expr: Expr, scope: &Scope) -> Expr {
    let float = scope.type_of(&expr).filter(DataType::is_floating);
    match float.and_then(|ty| ScalarValue::new_zero(&ty).ok()) {
        Some(zero) => expr + lit(zero),
        None => key(expr, scope),
    }
}
