//! The character types of a query's columns, where the manual tells them: for the table a CREATE TABLE AS makes. It cuts and pads nothing.
//!
//! Source: r_Dateparts_for_datetime_functions (a VARCHAR(200) stays one in CREATE TABLE AS),
//! r_CAST_function; r_UPPER, r_LOWER, r_LTRIM, r_RTRIM, r_NULLIF_function, r_MAX and the window
//! functions answer in the type of their argument.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Case, Expr, LogicalPlan, WindowFunctionDefinition};

use super::known::{Scope, aggregate_output, known, passed};
use crate::dialect::functions::blanks::{KEY, PAD};
use crate::dialect::functions::is_text;
use crate::types::SqlType;

/// The declared type of each column of a query that is a text; `None` for one the manual does not
/// tell, and for what is no text.
pub fn text_types(plan: &LogicalPlan) -> Vec<Option<SqlType>> {
    (0..plan.schema().fields().len()).map(|index| output(plan, index)).collect()
}

fn output(plan: &LogicalPlan, index: usize) -> Option<SqlType> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            known(scan, index, |table, name| table.texts.get(name).copied()).flatten()
        }
        LogicalPlan::Projection(p) => declared(p.expr.get(index)?, &p.input),
        LogicalPlan::Aggregate(aggregate) => {
            declared(aggregate_output(aggregate, index)?, &aggregate.input)
        }
        LogicalPlan::Window(window) => {
            match index.checked_sub(window.input.schema().fields().len()) {
                Some(i) => declared(window.window_expr.get(i)?, &window.input),
                None => output(&window.input, index),
            }
        }
        LogicalPlan::Union(union) => widest(union.inputs.iter().map(|i| output(i, index))),
        other => passed(other, index).and_then(|(input, i)| output(input, i)),
    }
}

fn declared(expr: &Expr, input: &LogicalPlan) -> Option<SqlType> {
    let first = |args: &[Expr]| declared(args.first()?, input);
    match expr {
        Expr::Alias(alias) => declared(&alias.expr, input),
        Expr::Column(column) => output(input, input.schema().maybe_index_of_column(column)?),
        Expr::Cast(cast) => {
            let from = Scope::new(vec![input]).type_of(&cast.expr)?;
            let both = is_text(&from) && is_text(cast.field.data_type());
            both.then(|| declared(&cast.expr, input)).flatten()
        }
        Expr::ScalarFunction(call) => match call.name() {
            "cut" => length(call.args.get(1)?).map(SqlType::Varchar),
            "cut_char" => length(call.args.get(1)?).map(SqlType::Char),
            KEY | PAD | "upper" | "lower" | "btrim" | "ltrim" | "rtrim" | "nullif" => {
                first(&call.args)
            }
            "coalesce" => widest(call.args.iter().map(|e| declared(e, input))),
            _ => None,
        },
        Expr::Case(Case { when_then_expr, else_expr, .. }) => {
            let thens = when_then_expr.iter().map(|(_, then)| then.as_ref());
            let results = thens.chain(else_expr.as_deref());
            widest(results.filter(|e| !is_null(e)).map(|e| declared(e, input)))
        }
        Expr::AggregateFunction(call) if same_type(call.func.name()) => first(&call.params.args),
        Expr::WindowFunction(window) => {
            let name = match &window.fun {
                WindowFunctionDefinition::AggregateUDF(f) => f.name(),
                WindowFunctionDefinition::WindowUDF(f) => f.name(),
            };
            same_type(name).then(|| first(&window.params.args)).flatten()
        }
        _ => None,
    }
}

fn same_type(function: &str) -> bool {
    ["min", "max", "first_value", "last_value", "nth_value", "lag", "lead"].contains(&function)
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if value.is_null())
}

fn length(expr: &Expr) -> Option<u32> {
    match expr {
        Expr::Literal(ScalarValue::Int64(Some(n)), _) => u32::try_from(*n).ok(),
        Expr::Literal(ScalarValue::Int32(Some(n)), _) => u32::try_from(*n).ok(),
        _ => None,
    }
}

/// The type that holds all of them; `None` where one is not known.
fn widest(types: impl Iterator<Item = Option<SqlType>>) -> Option<SqlType> {
    let bytes = |ty: SqlType| match ty {
        SqlType::Char(n) | SqlType::Varchar(n) => n,
        _ => 0,
    };
    let types: Vec<SqlType> = types.collect::<Option<_>>()?;
    let first = *types.first()?;
    match types.iter().all(|ty| *ty == first) {
        true => Some(first),
        false => types.into_iter().map(bytes).max().map(SqlType::Varchar),
    }
}
