//! LISTAGG and PERCENTILE_DISC: aggregates over the rows in an order, in groups and in windows.
//!
//! Source: r_LISTAGG, r_WF_LISTAGG, r_APPROXIMATE_PERCENTILE_DISC. As a window function each is
//! computed over the whole partition: OVER has no ORDER BY and no frame of its own.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DataType, DuplicateTreatment, Expr, Function, FunctionArgumentClause,
    FunctionArguments, OrderByExpr, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowType,
};

use super::calls::{args, args_mut, name_of, rename, set_args};
use crate::dialect::build::{binary, call, cast, number, take, text};
use crate::error::{Error, Result};

/// LISTAGG([DISTINCT] value [, delimiter]) WITHIN GROUP (ORDER BY ...): NULL and '' are left out.
pub fn listagg(mut function: Function) -> Result<Expr> {
    if function.over.is_some() {
        return listagg_over(function);
    }
    let mut given: Vec<Expr> =
        args_mut(&mut function).unwrap_or_default().into_iter().map(take).collect();
    let delimiter = if given.len() == 2 { given.pop() } else { None };
    let (Some(value), true) = (given.pop(), given.is_empty()) else {
        return Err(Error::failed("sql/arguments", "LISTAGG takes a value and a delimiter"));
    };
    let mut order = std::mem::take(&mut function.within_group);
    let distinct = matches!(&function.args, FunctionArguments::List(list)
        if list.duplicate_treatment == Some(DuplicateTreatment::Distinct));
    let own = distinct && order.iter().any(|o| o.expr == value);
    let as_text = if own { "only_text" } else { "to_text" };
    let plain = value.clone();
    let value = call("nullif", vec![call(as_text, vec![value]), text("")]);
    // with DISTINCT the order must name the argument as it is aggregated
    for key in order.iter_mut().filter(|o| own && o.expr == plain) {
        key.expr = value.clone();
    }
    rename(&mut function, "string_agg");
    set_args(&mut function, vec![value, delimiter.unwrap_or_else(|| text(""))]);
    if let FunctionArguments::List(list) = &mut function.args {
        list.clauses.clear();
        if !order.is_empty() {
            list.clauses.push(FunctionArgumentClause::OrderBy(order));
        }
    }
    Ok(Expr::Function(function))
}

/// LISTAGG(...) WITHIN GROUP (ORDER BY ...) OVER (PARTITION BY ...): of the whole partition, in the
/// order of WITHIN GROUP (r_WF_LISTAGG: OVER has no ORDER BY of its own).
fn listagg_over(mut function: Function) -> Result<Expr> {
    let distinct = matches!(&function.args, FunctionArguments::List(list)
        if list.duplicate_treatment == Some(DuplicateTreatment::Distinct));
    if distinct {
        return Err(Error::failed(
            "sql/unsupported",
            "LISTAGG(DISTINCT ...) as a window function is not supported locally",
        )
        .hint("aggregate in a subquery and join it"));
    }
    let order = std::mem::take(&mut function.within_group);
    over_all(&mut function, order)?;
    let over = function.over.take();
    match listagg(function)? {
        Expr::Function(mut function) => {
            function.over = over;
            Ok(Expr::Function(function))
        }
        other => Ok(other),
    }
}

/// Gives a window function the order of WITHIN GROUP and the whole partition as its frame.
fn over_all(function: &mut Function, order: Vec<OrderByExpr>) -> Result<()> {
    let name = name_of(function).to_uppercase();
    let Some(WindowType::WindowSpec(window)) = &mut function.over else { return Ok(()) };
    if !window.order_by.is_empty() || window.window_frame.is_some() {
        return Err(Error::failed(
            "sql/window-order",
            format!("{name} as a window function takes PARTITION BY alone in OVER"),
        )
        .hint("order by WITHIN GROUP (ORDER BY ...)"));
    }
    if !order.is_empty() {
        window.order_by = order;
        window.window_frame = Some(WindowFrame {
            units: WindowFrameUnits::Rows,
            start_bound: WindowFrameBound::Preceding(None),
            end_bound: Some(WindowFrameBound::Following(None)),
        });
    }
    Ok(())
}

/// As a window function it takes the value and the share as arguments.
pub fn percentile_cont(mut function: Function) -> Result<Expr> {
    if function.over.is_none() {
        return Ok(Expr::Function(function));
    }
    let [share] = args(&mut function)?;
    let order = std::mem::take(&mut function.within_group);
    let [key] = order.as_slice() else {
        return Err(Error::failed("sql/arguments", "PERCENTILE_CONT takes one value to order by")
            .hint("write PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY value)"));
    };
    let share = match key.options.asc {
        Some(false) => binary(number(1), BinaryOperator::Minus, share),
        _ => share,
    };
    set_args(&mut function, vec![key.expr.clone(), share]);
    over_all(&mut function, Vec::new())?;
    Ok(Expr::Function(function))
}

/// The first value of the order that so many of the rows do not exceed: the rows in an array, and
/// of it the element at the share of their count. NULL is left out, standing last.
pub fn percentile_disc(mut function: Function) -> Result<Expr> {
    let [share] = args(&mut function)?;
    let order = std::mem::take(&mut function.within_group);
    let [key] = order.as_slice() else {
        return Err(Error::failed("sql/arguments", "PERCENTILE_DISC takes one value to order by")
            .hint("write PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY value)"));
    };
    let mut key = key.clone();
    key.options.nulls_first = Some(false);
    let value = key.expr.clone();
    let mut count = function.clone();
    rename(&mut count, "count");
    set_args(&mut count, vec![value.clone()]);
    let mut rows = function;
    set_args(&mut rows, vec![value]);
    if rows.over.is_some() {
        over_all(&mut rows, vec![key])?;
    } else if let FunctionArguments::List(list) = &mut rows.args {
        list.clauses.push(FunctionArgumentClause::OrderBy(vec![key]));
    }
    rename(&mut rows, "array_agg");
    let at = binary(share, BinaryOperator::Multiply, Expr::Function(count));
    let at =
        call("greatest", vec![number(1), cast(call("ceiling", vec![at]), DataType::BigInt(None))]);
    Ok(call("array_element", vec![Expr::Function(rows), at]))
}
