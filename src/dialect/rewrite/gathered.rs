//! LISTAGG, MEDIAN and the percentiles: aggregates over the rows in an order, in groups and in windows.
//!
//! Source: r_LISTAGG, r_WF_LISTAGG, r_PERCENTILE_CONT, r_APPROXIMATE_PERCENTILE_DISC. As a window function each is
//! computed over the whole partition: OVER has no ORDER BY and no frame of its own.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DataType, DuplicateTreatment, Expr, Function, FunctionArgumentClause,
    FunctionArguments, OrderByExpr, Value, WindowFrame, WindowFrameBound, WindowFrameUnits,
    WindowType,
};

use super::calls::{args, args_mut, name_of, rename, set_args};
use crate::dialect::build::{binary, call, cast, number, take, text};
use crate::error::{Error, Result};

/// LISTAGG([DISTINCT] value [, delimiter]) WITHIN GROUP (ORDER BY ...).
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
    let order = std::mem::take(&mut function.within_group);
    let mut name = "listagg";
    if let FunctionArguments::List(list) = &mut function.args {
        // the engine's own DISTINCT allows no order but that of the value
        if list.duplicate_treatment.take() == Some(DuplicateTreatment::Distinct) {
            name = "listagg_distinct";
        }
        list.clauses.clear();
        if !order.is_empty() {
            list.clauses.push(FunctionArgumentClause::OrderBy(order));
        }
    }
    rename(&mut function, name);
    let value = call("to_text", vec![value]);
    set_args(&mut function, vec![value, delimiter.unwrap_or_else(|| text(""))]);
    Ok(Expr::Function(function))
}

/// LISTAGG(...) WITHIN GROUP (ORDER BY ...) OVER (PARTITION BY ...): of the whole partition, in the
/// order of WITHIN GROUP (r_WF_LISTAGG: OVER has no ORDER BY of its own).
fn listagg_over(mut function: Function) -> Result<Expr> {
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
        .hint(match name.as_str() {
            "MEDIAN" => "take ORDER BY and the frame off OVER",
            _ => "order by WITHIN GROUP (ORDER BY ...)",
        }));
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

/// PERCENTILE_CONT(share) WITHIN GROUP (ORDER BY value): the value and the share become arguments,
/// in groups and in windows; downwards it is the share that is left.
pub fn percentile_cont(mut function: Function) -> Result<Expr> {
    let [share] = args(&mut function)?;
    let order = std::mem::take(&mut function.within_group);
    let [key] = order.as_slice() else {
        return Err(Error::failed("sql/arguments", "PERCENTILE_CONT takes one value to order by")
            .hint("write PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY value)"));
    };
    let share = self::share(&share, key.options.asc == Some(false))?;
    set_args(&mut function, vec![key.expr.clone(), share]);
    over_all(&mut function, Vec::new())?;
    Ok(Expr::Function(function))
}

/// MEDIAN is PERCENTILE_CONT(0.5) (r_MEDIAN).
pub fn median(mut function: Function) -> Result<Expr> {
    let [value] = args(&mut function)?;
    over_all(&mut function, Vec::new())?;
    rename(&mut function, "percentile_cont");
    set_args(&mut function, vec![value, Expr::value(Value::Number("0.5".into(), false))]);
    Ok(Expr::Function(function))
}

/// A number from 0 to 1 as it is written, or what is left of it to 1.
fn share(given: &Expr, left: bool) -> Result<Expr> {
    let wrong = || {
        Error::failed("sql/arguments", "the share of a percentile is a number from 0 to 1")
            .hint("write PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY value)")
    };
    let Expr::Value(value) = given else { return Err(wrong()) };
    let Value::Number(written, _) = &value.value else { return Err(wrong()) };
    let written = written.to_string();
    let (whole, fraction) = written.split_once('.').unwrap_or((&written, ""));
    let digits: u64 = format!("{whole}{fraction}").parse().map_err(|_| wrong())?;
    let unit = u32::try_from(fraction.len()).ok().and_then(|n| 10_u64.checked_pow(n));
    let unit = unit.filter(|unit| digits <= *unit).ok_or_else(wrong)?;
    let share = if left { unit - digits } else { digits };
    let text = match fraction.len() {
        0 => share.to_string(),
        places => format!("{}.{:0places$}", share / unit, share % unit),
    };
    Ok(Expr::value(Value::Number(text, false)))
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
    let share = self::share(&share, false)?;
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
