//! Decimal numbers by hand: text, scaled integers and floats to `i128` at a declared scale. Pure.
//!
//! A value is never rounded: what the declared type cannot hold exactly is refused.

/// Why a number does not fit a decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfit {
    /// Not a number.
    Syntax,
    /// Digits after the declared scale that are not zero.
    Scale,
    /// More digits before the point than declared.
    Range,
}

/// `10^exponent`; `None` past 38.
pub fn power(exponent: u32) -> Option<i128> {
    10i128.checked_pow(exponent)
}

/// Reads `[+-]digits[.digits]` as an integer at `scale`, with at most `precision` digits.
pub fn parse(text: &[u8], precision: u8, scale: u8) -> Result<i128, Misfit> {
    let (negative, text) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let mut unscaled: i128 = 0;
    let mut seen = false;
    // Digits after the point; `None` before it.
    let mut after: Option<u32> = None;
    for byte in text {
        match byte {
            b'.' if after.is_none() => after = Some(0),
            b'0'..=b'9' => {
                seen = true;
                let digit = i128::from(byte - b'0');
                if let Some(count) = &mut after {
                    *count += 1;
                    if *count > u32::from(scale) {
                        if digit != 0 {
                            return refuse(text, Misfit::Scale);
                        }
                        continue;
                    }
                }
                unscaled = match unscaled.checked_mul(10).and_then(|u| u.checked_add(digit)) {
                    Some(unscaled) => unscaled,
                    None => return refuse(text, Misfit::Range),
                };
            }
            _ => return Err(Misfit::Syntax),
        }
    }
    if !seen {
        return Err(Misfit::Syntax);
    }
    let missing = u32::from(scale).saturating_sub(after.unwrap_or(0));
    let unscaled = power(missing).and_then(|p| unscaled.checked_mul(p)).ok_or(Misfit::Range)?;
    within(if negative { -unscaled } else { unscaled }, precision)
}

/// A text whose rest is not a number is no number, whatever its head says.
fn refuse(text: &[u8], misfit: Misfit) -> Result<i128, Misfit> {
    let points = text.iter().filter(|b| **b == b'.').count();
    let number = points <= 1 && text.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    Err(if number { misfit } else { Misfit::Syntax })
}

/// Moves `unscaled / 10^from` to `scale`, exactly.
pub fn rescale(unscaled: i128, from: u32, precision: u8, scale: u8) -> Result<i128, Misfit> {
    let scale = u32::from(scale);
    let moved = if from <= scale {
        power(scale - from).and_then(|p| unscaled.checked_mul(p)).ok_or(Misfit::Range)?
    } else {
        match power(from - scale) {
            Some(p) if unscaled % p == 0 => unscaled / p,
            // Past 10^38 the divisor is larger than any value: only zero divides.
            None if unscaled == 0 => 0,
            _ => return Err(Misfit::Scale),
        }
    };
    within(moved, precision)
}

/// A binary float as the decimal it stands for.
///
/// A double stands for the decimal with at most 15 significant digits it is nearest to, which is
/// how SQLite prints it; it fits when that decimal has no digits past `scale`.
pub fn from_double(value: f64, precision: u8, scale: u8) -> Result<i128, Misfit> {
    if !value.is_finite() {
        return Err(Misfit::Range);
    }
    // Exact by construction: both operands are exact doubles, and IEEE division gives the double
    // nearest to the true quotient.
    if scale <= 22 {
        let factor = 10f64.powi(i32::from(scale));
        let candidate = (value * factor).round();
        if candidate.abs() < 9_007_199_254_740_992.0 && candidate / factor == value {
            return within(candidate as i128, precision);
        }
    }
    from_scientific(&format!("{value:.14e}"), precision, scale)
}

/// A single-precision float, by its shortest decimal.
pub fn from_single(value: f32, precision: u8, scale: u8) -> Result<i128, Misfit> {
    if !value.is_finite() {
        return Err(Misfit::Range);
    }
    from_scientific(&format!("{value:e}"), precision, scale)
}

/// Reads `-d.ddde±x`.
fn from_scientific(text: &str, precision: u8, scale: u8) -> Result<i128, Misfit> {
    let (mantissa, exponent) = text.split_once('e').ok_or(Misfit::Syntax)?;
    let exponent: i32 = exponent.parse().map_err(|_| Misfit::Syntax)?;
    let fraction = mantissa.split_once('.').map_or(0, |(_, f)| f.len() as i32);
    let digits: i128 = mantissa.replace('.', "").parse().map_err(|_| Misfit::Syntax)?;
    let from = fraction - exponent;
    if from >= 0 {
        rescale(digits, from.unsigned_abs(), precision, scale)
    } else {
        let moved = power(from.unsigned_abs()).and_then(|p| digits.checked_mul(p));
        rescale(moved.ok_or(Misfit::Range)?, 0, precision, scale)
    }
}

/// An integer at `scale`.
pub fn from_integer(value: i128, precision: u8, scale: u8) -> Result<i128, Misfit> {
    rescale(value, 0, precision, scale)
}

fn within(unscaled: i128, precision: u8) -> Result<i128, Misfit> {
    match power(u32::from(precision)) {
        Some(limit) if unscaled.unsigned_abs() >= limit.unsigned_abs() => Err(Misfit::Range),
        _ => Ok(unscaled),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_read_exactly_or_refused() {
        for (text, want) in [
            ("12.34", Ok(1234)),
            ("-0.5", Ok(-50)),
            ("+7", Ok(700)),
            (".25", Ok(25)),
            ("3.", Ok(300)),
            ("12.3400", Ok(1234)),
            ("99999999.99", Ok(9_999_999_999)),
            ("100000000.00", Err(Misfit::Range)),
            ("12.345", Err(Misfit::Scale)),
            ("12.345x", Err(Misfit::Syntax)),
            ("1e3", Err(Misfit::Syntax)),
            ("1.2.3", Err(Misfit::Syntax)),
            ("", Err(Misfit::Syntax)),
            ("-", Err(Misfit::Syntax)),
            (".", Err(Misfit::Syntax)),
            ("NaN", Err(Misfit::Syntax)),
        ] {
            assert_eq!(parse(text.as_bytes(), 10, 2), want, "{text}");
        }
        let nines = "9".repeat(38);
        assert_eq!(parse(nines.as_bytes(), 38, 0), Ok(10i128.pow(38) - 1));
        assert_eq!(parse(format!("{nines}9").as_bytes(), 38, 0), Err(Misfit::Range));
    }

    #[test]
    fn floats_are_the_decimals_they_stand_for() {
        assert_eq!(from_double(12.5, 10, 2), Ok(1250));
        assert_eq!(from_double(0.1 + 0.2, 10, 2), Ok(30));
        assert_eq!(from_double(37.489_999_999_999_995, 10, 2), Ok(3749));
        assert_eq!(from_double(0.125, 10, 2), Err(Misfit::Scale));
        assert_eq!(from_double(1e9, 10, 2), Err(Misfit::Range));
        assert_eq!(from_double(f64::NAN, 10, 2), Err(Misfit::Range));
        assert_eq!(from_double(1e300, 38, 0), Err(Misfit::Range));
        assert_eq!(from_single(0.1, 10, 2), Ok(10));
        assert_eq!(from_double(-0.0, 10, 2), Ok(0));
    }

    proptest! {
        #[test]
        fn every_two_digit_amount_survives_a_double(cents in -999_999_999_999i64..=999_999_999_999) {
            let double: f64 = format!("{}.{:02}", cents / 100, cents.abs() % 100)
                .parse::<f64>().expect("a number")
                * if cents < 0 && cents > -100 { -1.0 } else { 1.0 };
            prop_assert_eq!(from_double(double, 20, 2), Ok(i128::from(cents)));
        }

        #[test]
        fn text_comes_back(unscaled in any::<i64>(), scale in 0u8..=18) {
            let digits = format!("{:0>20}", unscaled.unsigned_abs());
            let (whole, fraction) = digits.split_at(20 - scale as usize);
            let sign = if unscaled < 0 { "-" } else { "" };
            let text = format!("{sign}{whole}.{fraction}");
            prop_assert_eq!(parse(text.as_bytes(), 38, scale), Ok(i128::from(unscaled)));
        }

        #[test]
        fn nothing_panics(text in "[-+0-9.e]{0,60}", precision in 1u8..=38, scale in 0u8..=37,
                          double in any::<f64>(), single in any::<f32>(), from in 0u32..200) {
            let _ = parse(text.as_bytes(), precision, scale);
            let _ = from_double(double, precision, scale);
            let _ = from_single(single, precision, scale);
            let _ = rescale(i128::MIN, from, precision, scale);
        }
    }
}
