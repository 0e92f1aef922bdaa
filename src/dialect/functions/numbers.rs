//! TO_CHAR and TO_NUMBER with the patterns of numbers. Patterns of dates are in `patterns`.
//!
//! Source: r_Numeric_formating: 9 0 . D , G S MI PL SG L $ PR B; RN and EEEE are refused.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array};
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use datafusion::common::{Result, exec_datafusion_err, exec_err};

use super::casting::divide_rounded;
use super::strings::build;
use super::udf::Args;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Digit,
    Zero,
    Point,
    Comma,
    Sign,
    Minus,
    Plus,
    PlusMinus,
    Dollar,
    Brackets,
    Blank(char),
}

struct Format {
    marks: Vec<Mark>,
    fill: bool,
}

fn parse(pattern: &str) -> Result<Format> {
    let mut marks = Vec::new();
    let mut fill = true;
    let mut rest = pattern;
    const NAMES: &[(&str, Mark)] = &[
        ("PR", Mark::Brackets),
        ("MI", Mark::Minus),
        ("PL", Mark::Plus),
        ("SG", Mark::PlusMinus),
        ("9", Mark::Digit),
        ("0", Mark::Zero),
        (".", Mark::Point),
        ("D", Mark::Point),
        (",", Mark::Comma),
        ("G", Mark::Comma),
        ("S", Mark::Sign),
        ("$", Mark::Dollar),
        ("L", Mark::Dollar),
    ];
    while let Some(first) = rest.chars().next() {
        let starts =
            |name: &str| rest.get(..name.len()).is_some_and(|h| h.eq_ignore_ascii_case(name));
        if starts("FM") {
            fill = false;
            rest = rest.get(2..).unwrap_or_default();
        } else if starts("RN") || starts("EEEE") || starts("TH") || starts("V") {
            return exec_err!("the pattern \"{pattern}\" of a number is not supported locally");
        } else if let Some((name, mark)) = NAMES.iter().find(|(n, _)| starts(n)) {
            marks.push(*mark);
            rest = rest.get(name.len()..).unwrap_or_default();
        } else if first == 'B' || first == 'b' {
            rest = rest.get(1..).unwrap_or_default();
        } else {
            marks.push(Mark::Blank(first));
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
    }
    Ok(Format { marks, fill })
}

impl Format {
    /// Digits after the point.
    fn scale(&self) -> usize {
        let after = self.marks.iter().skip_while(|m| **m != Mark::Point);
        after.filter(|m| matches!(m, Mark::Digit | Mark::Zero)).count()
    }

    fn write(&self, out: &mut String, value: i128) {
        let scale = self.scale();
        let digits = format!("{:0width$}", value.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let whole = if whole == "0" { "" } else { whole };
        let places = self
            .marks
            .iter()
            .take_while(|m| **m != Mark::Point)
            .filter(|m| matches!(m, Mark::Digit | Mark::Zero))
            .count();
        let negative = value < 0;
        let overflow = whole.len() > places;
        let text = self.body(whole, fraction, places, overflow, negative);
        let signed = self.marks.iter().any(|m| {
            matches!(m, Mark::Sign | Mark::Minus | Mark::Plus | Mark::PlusMinus | Mark::Brackets)
        });
        if self.marks.contains(&Mark::Brackets) {
            let inner = text.trim_start();
            let pad = text.len() - inner.len();
            if self.fill {
                out.push_str(&" ".repeat(pad));
            }
            let (open, close) = match (negative, self.fill) {
                (true, _) => ("<", ">"),
                (false, true) => (" ", " "),
                (false, false) => ("", ""),
            };
            out.push_str(open);
            out.push_str(inner);
            out.push_str(close);
            return;
        }
        let text = if signed {
            text
        } else {
            // the place of a sign stands just before the first digit
            let inner = text.trim_start();
            let pad = " ".repeat(text.len() - inner.len());
            format!("{pad}{}{inner}", if negative { '-' } else { ' ' })
        };
        if self.fill { out.push_str(&text) } else { out.push_str(text.trim()) }
    }

    fn body(
        &self,
        whole: &str,
        fraction: &str,
        places: usize,
        overflow: bool,
        negative: bool,
    ) -> String {
        let mut text = String::new();
        let mut index: usize = 0;
        let mut begun = false;
        let mut past_point = false;
        let mut decimals = fraction.chars();
        for mark in &self.marks {
            match mark {
                Mark::Digit | Mark::Zero if past_point => {
                    let digit = decimals.next().unwrap_or('0');
                    text.push(if overflow { '#' } else { digit });
                }
                Mark::Digit | Mark::Zero => {
                    let missing = places.saturating_sub(whole.len());
                    let digit = index.checked_sub(missing).and_then(|i| whole.chars().nth(i));
                    begun |= digit.is_some() || *mark == Mark::Zero;
                    text.push(match (overflow, digit) {
                        (true, _) => '#',
                        (false, Some(digit)) => digit,
                        (false, None) if begun => '0',
                        (false, None) => ' ',
                    });
                    index += 1;
                }
                Mark::Point => {
                    past_point = true;
                    text.push('.');
                }
                Mark::Comma => text.push(if begun { ',' } else { ' ' }),
                Mark::Sign | Mark::PlusMinus => text.push(if negative { '-' } else { '+' }),
                Mark::Minus => text.push(if negative { '-' } else { ' ' }),
                Mark::Plus => text.push(if negative { ' ' } else { '+' }),
                Mark::Dollar => text.push('$'),
                Mark::Blank(c) => text.push(*c),
                Mark::Brackets => {}
            }
        }
        // nothing before the point of a pattern of nines: one zero shows the number is there
        if !text.chars().any(|c| c.is_ascii_digit() || c == '#')
            && let Some(at) = text.rfind(' ')
        {
            text.replace_range(at..=at, "0");
        }
        text
    }
}

/// The unscaled value of a row at a scale, rounded half away from zero.
type Scaled<'a> = Box<dyn Fn(usize, usize) -> Option<i128> + 'a>;

fn values<'a>(args: &'a Args<'a>) -> Result<Scaled<'a>> {
    let ten = |n: usize| 10_i128.checked_pow(u32::try_from(n).unwrap_or(38)).unwrap_or(i128::MAX);
    Ok(match args.arg(0)?.array.data_type() {
        DataType::Decimal128(_, has) => {
            let has = usize::try_from(*has).unwrap_or(0);
            let values = args.primitive::<Decimal128Type>(0)?;
            Box::new(move |i, scale| {
                let value = values.get(i)?;
                Some(if scale >= has {
                    value.saturating_mul(ten(scale - has))
                } else {
                    divide_rounded(value, ten(has - scale))
                })
            })
        }
        DataType::Float64 => {
            let values = args.primitive::<Float64Type>(0)?;
            Box::new(move |i, scale| {
                let power = i32::try_from(scale).unwrap_or(0);
                Some((values.get(i)? * 10_f64.powi(power)).round() as i128)
            })
        }
        _ => {
            let values = args.primitive::<Int64Type>(0)?;
            Box::new(move |i, scale| Some(i128::from(values.get(i)?).saturating_mul(ten(scale))))
        }
    })
}

/// TO_CHAR(number, pattern).
pub fn to_char(args: &Args) -> Result<ArrayRef> {
    let value = values(args)?;
    let patterns = args.text(1)?;
    let constant = args.constant_text(1).map(parse).transpose()?;
    build(args.rows, |i, out| {
        let Some(pattern) = patterns.get(i) else { return Ok(None) };
        let own;
        let format = match &constant {
            Some(format) => format,
            None => {
                own = parse(pattern)?;
                &own
            }
        };
        let Some(value) = value(i, format.scale()) else { return Ok(None) };
        format.write(out, value);
        Ok(Some(()))
    })
}

/// TO_NUMBER(text, pattern): the digits the pattern lets stand; its answer has ten decimals.
pub fn to_number(args: &Args) -> Result<ArrayRef> {
    let (texts, patterns) = (args.text(0)?, args.text(1)?);
    let out: Decimal128Array = (0..args.rows)
        .map(|i| {
            let (Some(text), Some(pattern)) = (texts.get(i), patterns.get(i)) else {
                return Ok(None);
            };
            let scale = parse(pattern)?.scale();
            number(text, scale).map(Some).ok_or_else(|| {
                exec_datafusion_err!(
                    "invalid value for to_number: \"{text}\" by the pattern \"{pattern}\""
                )
            })
        })
        .collect::<Result<_>>()?;
    Ok(Arc::new(out.with_data_type(args.returns.clone())))
}

fn number(text: &str, scale: usize) -> Option<i128> {
    let negative = text.contains('-') || text.contains('<');
    let mut value: i128 = 0;
    let mut decimals: Option<usize> = None;
    for c in text.chars() {
        match c {
            '.' if decimals.is_none() => decimals = Some(0),
            '0'..='9' => {
                let taken = decimals.is_none_or(|d| d < scale.min(10));
                if taken {
                    value = value.checked_mul(10)?.checked_add(i128::from(c.to_digit(10)?))?;
                    decimals = decimals.map(|d| d + 1);
                }
            }
            '-' | '+' | ',' | '$' | ' ' | '<' | '>' => {}
            _ => return None,
        }
    }
    let missing = 10 - decimals.unwrap_or(0);
    let scaled = value.checked_mul(10_i128.pow(u32::try_from(missing).ok()?))?;
    Some(if negative { -scaled } else { scaled })
}
