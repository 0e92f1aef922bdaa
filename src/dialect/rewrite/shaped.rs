//! Calls that become another shape because of what stands among their arguments. It sees no types.

use datafusion::sql::sqlparser::ast::{DataType, ExactNumberInfo, Expr, Function, Interval, Value};

use super::calls::{args, args_mut};
use crate::dialect::build::{call, cast, number, take, text_of};
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

/// TEXT_TO_INT_ALT(text): an INTEGER, cut.
pub fn text_to_int_alt(mut function: Function) -> Result<Expr> {
    let given = args_mut(&mut function).unwrap_or_default();
    if given.len() > 1 {
        return Err(format_phrase());
    }
    let [value] = args(&mut function)?;
    Ok(cast(call("teradata_int", vec![value]), DataType::Int(None)))
}

/// TEXT_TO_NUMERIC_ALT(text [, precision, scale]): DECIMAL(38,0) without.
pub fn text_to_numeric_alt(mut function: Function) -> Result<Expr> {
    let given: Vec<Expr> =
        args_mut(&mut function).unwrap_or_default().into_iter().map(take).collect();
    let whole = |e: &Expr| match e {
        Expr::Value(v) => match &v.value {
            Value::Number(digits, _) => digits.to_string().parse::<u32>().ok(),
            _ => None,
        },
        _ => None,
    };
    let (value, precision, scale) = match given.as_slice() {
        [value] => (value, 38, 0),
        [value, precision, scale] => match (whole(precision), whole(scale)) {
            (Some(precision), Some(scale)) => (value, precision, scale),
            _ => return Err(format_phrase()),
        },
        _ => return Err(format_phrase()),
    };
    let number = call("teradata_number", vec![value.clone(), number(scale.into())]);
    let info = ExactNumberInfo::PrecisionAndScale(precision.into(), scale.into());
    Ok(cast(number, DataType::Decimal(info)))
}

fn format_phrase() -> Error {
    Error::failed("sql/unsupported", "a format phrase of Teradata is not supported locally").hint(
        "take the signs and marks off with TRANSLATE and REPLACE, and cast (r_TEXT_TO_INT_ALT)",
    )
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
