//! Numbers as Teradata writes them: a sign before or behind, an exponent, marks between the digits. It knows no format phrase.
//!
//! Source: r_TEXT_TO_INT_ALT, r_TEXT_TO_NUMERIC_ALT, r_Numeric-format-teradata.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::ScalarUDF;

use super::strings::build;
use super::udf::{Args, Function, Kind, udf};

pub fn all() -> Vec<Arc<ScalarUDF>> {
    let function = |name, params, returns, run| {
        udf(Function { name, params, optional: 0, variadic: false, returns, run })
    };
    vec![
        function("teradata_int", &[Kind::Text], |_| Ok(DataType::Int64), whole),
        function("teradata_number", &[Kind::Text, Kind::Int], |_| Ok(DataType::Utf8View), rounded),
    ]
}

/// Digits, and the power of ten they count.
type Number = (i128, i32);

/// Blanks around the number and the marks `/ , : %` in it say nothing; nothing at all is zero.
fn read(text: &str) -> Option<Number> {
    let text: String = text.trim().chars().filter(|c| !"/,:%".contains(*c)).collect();
    let (negative, unsigned) = match (text.strip_prefix(['+', '-']), text.strip_suffix(['+', '-']))
    {
        (Some(_), Some(_)) => return None,
        (Some(rest), None) => (text.starts_with('-'), rest),
        (None, Some(rest)) => (text.ends_with('-'), rest),
        (None, None) => (false, text.as_str()),
    };
    if unsigned.is_empty() {
        return text.is_empty().then_some((0, 0));
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value: i128 = digits.parse().ok()?;
    let places = i32::try_from(fraction.len()).ok()?;
    Some((if negative { -value } else { value }, exponent.checked_sub(places)?))
}

/// The number in units of `10^-scale`; what the cut took away, and of how much.
fn scaled((digits, power): Number, scale: i32) -> Option<(i128, i128, i128)> {
    let shift = power.checked_add(scale)?;
    let places = shift.unsigned_abs();
    if shift >= 0 {
        let unit = if digits == 0 { 0 } else { 10_i128.checked_pow(places)? };
        return Some((digits.checked_mul(unit)?, 0, 1));
    }
    match 10_i128.checked_pow(places) {
        Some(unit) => Some((digits / unit, digits % unit, unit)),
        None => Some((0, 0, 1)),
    }
}

fn invalid(text: &str) -> impl FnOnce() -> datafusion::common::DataFusionError {
    move || {
        exec_datafusion_err!("\"{text}\" is not a number, or has more digits than DECIMAL holds")
    }
}

/// What is behind the point is cut (r_TEXT_TO_INT_ALT).
fn whole(args: &Args) -> Result<ArrayRef> {
    let texts = args.text(0)?;
    let out: Int64Array = (0..args.rows)
        .map(|i| {
            let Some(text) = texts.get(i) else { return Ok(None) };
            let cut = read(text).and_then(|n| scaled(n, 0)).ok_or_else(invalid(text))?.0;
            i64::try_from(cut).map(Some).map_err(|_| exec_datafusion_err!("integer out of range"))
        })
        .collect::<Result<_>>()?;
    Ok(Arc::new(out))
}

/// To so many places; a half goes to the even neighbour (r_TEXT_TO_NUMERIC_ALT).
fn rounded(args: &Args) -> Result<ArrayRef> {
    let (texts, scales) = (args.text(0)?, args.primitive::<Int64Type>(1)?);
    build(args.rows, |i, out| {
        let Some((text, scale)) = texts.get(i).zip(scales.get(i)) else { return Ok(None) };
        let scale = i32::try_from(scale).unwrap_or(0);
        let number = read(text).and_then(|n| scaled(n, scale));
        let (mut value, rest, unit) = number.ok_or_else(invalid(text))?;
        // the number's own sign, which `value` loses where it is cut to 0
        let away = rest.signum();
        let (rest, half) = (rest.unsigned_abs(), unit.unsigned_abs());
        // compared without doubling, which could overflow
        let above = rest > half - rest;
        let tie = rest == half - rest;
        if rest > 0 && (above || (tie && value % 2 != 0)) {
            value += away;
        }
        write(out, value, usize::try_from(scale).unwrap_or(0));
        Ok(Some(()))
    })
}

fn write(out: &mut String, value: i128, scale: usize) {
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    if value < 0 {
        out.push('-');
    }
    out.push_str(whole);
    if scale > 0 {
        out.push('.');
        out.push_str(fraction);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_with_the_sign_on_either_side() {
        for (text, want) in [
            ("12-", Some((-12, 0))),
            ("+1,234.5", Some((12345, -1))),
            ("-5E2", Some((-5, 2))),
            ("  ", Some((0, 0))),
            ("-1-", None),
            ("1 2", None),
            ("-", None),
            ("x", None),
        ] {
            assert_eq!(read(text), want, "{text}");
        }
    }
}
