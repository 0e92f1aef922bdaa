//! Calls that become another shape because of what stands among their arguments. It sees no types.

use datafusion::sql::sqlparser::ast::{DataType, ExactNumberInfo, Expr, Function, Interval};

use super::calls::{args, args_mut};
use crate::dialect::build::{call, cast, take, text_of};
use crate::dialect::functions::digits_of_pattern;
use crate::error::{Error, Result};

/// TO_NUMBER by a pattern that stands there: the digits of the pattern are those of the answer.
pub fn to_number(mut function: Function) -> Result<Expr> {
    let digits = args_mut(&mut function).and_then(|args| match args.as_slice() {
        [_, pattern] => text_of(pattern).and_then(digits_of_pattern),
        _ => None,
    });
    let number = Expr::Function(function);
    Ok(match digits {
        Some((precision, scale)) => {
            let info = ExactNumberInfo::PrecisionAndScale(precision.into(), scale.into());
            cast(number, DataType::Decimal(info))
        }
        None => number,
    })
}

pub fn collate(mut function: Function) -> Result<Expr> {
    let [value, how] = args(&mut function)?;
    collated(value, text_of(&how).unwrap_or_default())
}

/// Texts are told apart by case, so that is all a collation may ask for (r_COLLATE).
pub fn collated(value: Expr, how: &str) -> Result<Expr> {
    match how.to_ascii_lowercase().as_str() {
        "case_sensitive" | "cs" => Ok(value),
        _ => Err(Error::failed("sql/unsupported", "a collation is not supported locally")
            .hint("compare LOWER() of both sides (r_COLLATE)")),
    }
}

/// TIMEZONE('zone', moment) is AT TIME ZONE.
pub fn timezone(mut function: Function) -> Result<Expr> {
    let [zone, moment] = args(&mut function)?;
    Ok(call("at_time_zone", vec![moment, zone]))
}

/// A text as a literal without qualifier.
pub fn interval_of(value: Expr) -> Interval {
    Interval {
        value: Box::new(value),
        leading_field: None,
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    }
}

/// INTERVAL_CMP(a, b) of literals, which may stand without the word INTERVAL.
pub fn interval_cmp(mut function: Function) -> Result<Expr> {
    let mut sides: [Expr; 2] = args(&mut function)?;
    for side in &mut sides {
        if text_of(side).is_some() {
            let mut interval = interval_of(take(side));
            super::interval::plain(&mut interval)?;
            *side = Expr::Interval(interval);
        }
    }
    Ok(call("interval_cmp", sides.into()))
}
