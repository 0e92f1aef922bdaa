//! TO_CHAR and TO_NUMBER with the patterns of numbers. Patterns of dates are in `patterns`.
//!
//! Source: r_Numeric_formating: 9 0 . D , G FM S MI PL SG PR L $ RN TH; V, EEEE, B and C, which the
//! page does not explain, are refused. Where the page is silent the layout is PostgreSQL's, whose
//! function it is: the sign stands just before the first digit.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array};
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use datafusion::common::{Result, exec_datafusion_err, exec_err};

use super::casting::divide_rounded;
use super::strings::build;
use super::udf::Args;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Mark {
    Digit,
    Zero,
    Point,
    Comma,
    /// Just before the first digit, or in its place behind them.
    Sign,
    Minus,
    Plus,
    PlusMinus,
    Brackets,
    Roman {
        upper: bool,
    },
    Ordinal {
        upper: bool,
    },
    Text(String),
}

struct Format {
    marks: Vec<Mark>,
    fill: bool,
}

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
];

fn parse(pattern: &str) -> Result<Format> {
    let mut marks = Vec::new();
    let mut fill = true;
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let starts =
            |name: &str| rest.get(..name.len()).is_some_and(|h| h.eq_ignore_ascii_case(name));
        let upper = first.is_ascii_uppercase();
        let used = if starts("FM") {
            fill = false;
            2
        } else if ["EEEE", "V", "B", "C"].iter().any(|name| starts(name)) {
            return exec_err!("the pattern \"{pattern}\" of a number is not supported locally");
        } else if starts("RN") {
            marks.push(Mark::Roman { upper });
            2
        } else if starts("TH") {
            marks.push(Mark::Ordinal { upper });
            2
        } else if let Some((name, mark)) = NAMES.iter().find(|(n, _)| starts(n)) {
            marks.push(mark.clone());
            name.len()
        } else if first == '"' {
            let quoted = rest.get(1..).unwrap_or_default();
            let end = quoted.find('"').unwrap_or(quoted.len());
            marks.push(Mark::Text(quoted.get(..end).unwrap_or_default().to_owned()));
            end + 2
        } else {
            let shown = if starts("L") { '$' } else { first };
            marks.push(Mark::Text(shown.to_string()));
            first.len_utf8()
        };
        rest = rest.get(used..).unwrap_or_default();
    }
    Ok(Format { marks, fill })
}

/// Precision and scale of the number a pattern describes; `None` if it describes none.
pub fn digits(pattern: &str) -> Option<(u8, u8)> {
    let format = parse(pattern).ok()?;
    let (places, scale) = (format.places(), format.scale());
    let precision = u8::try_from(places + scale).ok().filter(|p| (1..=38).contains(p))?;
    Some((precision, u8::try_from(scale).ok().filter(|s| *s <= 37)?))
}

/// A number being written.
struct Writing<'f> {
    format: &'f Format,
    out: String,
    negative: bool,
    /// The sign before the first digit, until it is written.
    sign: Option<&'static str>,
    begun: bool,
}

impl Writing<'_> {
    fn begin(&mut self) {
        self.begun = true;
        if let Some(sign) = self.sign.take() {
            self.out.push_str(sign);
        }
    }

    fn blank(&mut self) {
        if self.format.fill {
            self.out.push(' ');
        }
    }
}

fn is_digit(mark: &Mark) -> bool {
    matches!(mark, Mark::Digit | Mark::Zero)
}

impl Format {
    fn places(&self) -> usize {
        let before = self.marks.iter().take_while(|m| **m != Mark::Point);
        before.filter(|m| is_digit(m)).count()
    }

    /// Digits after the point.
    fn scale(&self) -> usize {
        let after = self.marks.iter().skip_while(|m| **m != Mark::Point);
        after.filter(|m| is_digit(m)).count()
    }

    fn write(&self, out: &mut String, value: i128) {
        if let Some(upper) = self.marks.iter().find_map(|m| match m {
            Mark::Roman { upper } => Some(*upper),
            _ => None,
        }) {
            out.push_str(&self.roman(value, upper));
            return;
        }
        let scale = self.scale();
        let digits = format!("{:0width$}", value.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        // a zero before the point says nothing, unless nothing stands behind it
        let has_point = self.marks.contains(&Mark::Point);
        let kept = self.kept_decimals(fraction);
        let bare = whole == "0" && has_point && (self.fill || kept > 0);
        let whole = if bare { "" } else { whole };
        let negative = value < 0;
        let mut writing = Writing {
            format: self,
            out: String::new(),
            negative,
            sign: self.leading_sign(negative),
            begun: false,
        };
        self.body(&mut writing, whole, fraction, kept);
        if self.marks.contains(&Mark::Brackets) {
            match (negative, self.fill) {
                (true, _) => writing.out.push('>'),
                (false, true) => writing.out.push(' '),
                (false, false) => {}
            }
        }
        out.push_str(&writing.out);
    }

    /// What stands just before the first digit.
    fn leading_sign(&self, negative: bool) -> Option<&'static str> {
        let at = |mark: Mark| self.marks.iter().position(|m| *m == mark);
        let first_digit = self.marks.iter().position(|m| is_digit(m) || *m == Mark::Point);
        if self.marks.contains(&Mark::Brackets) {
            return if negative { Some("<") } else { self.fill.then_some(" ") };
        }
        if let Some(sign) = at(Mark::Sign) {
            let before = first_digit.is_none_or(|d| sign < d);
            return before.then_some(if negative { "-" } else { "+" });
        }
        if at(Mark::Minus).or(at(Mark::PlusMinus)).is_some() {
            return None;
        }
        if negative { Some("-") } else { self.fill.then_some(" ") }
    }

    /// How many decimals are shown: FM leaves out zeros at the end, but those the pattern asks for.
    fn kept_decimals(&self, fraction: &str) -> usize {
        if self.fill {
            return fraction.len();
        }
        let places = self.marks.iter().skip_while(|m| **m != Mark::Point).filter(|m| is_digit(m));
        let asked = places.enumerate().filter(|(_, m)| **m == Mark::Zero).last();
        fraction.trim_end_matches('0').len().max(asked.map_or(0, |(i, _)| i + 1))
    }

    fn body(&self, writing: &mut Writing, whole: &str, fraction: &str, kept: usize) {
        let places = self.places();
        let overflow = whole.len() > places;
        let missing = places.saturating_sub(whole.len());
        let mut decimals = fraction.chars().enumerate();
        let (mut index, mut past_point, mut begun_at_digit) = (0_usize, false, false);
        for mark in &self.marks {
            match mark {
                Mark::Digit | Mark::Zero if past_point => {
                    let Some((place, digit)) = decimals.next() else { continue };
                    if place < kept {
                        writing.out.push(if overflow { '#' } else { digit });
                    }
                }
                Mark::Digit | Mark::Zero => {
                    let digit = index.checked_sub(missing).and_then(|i| whole.chars().nth(i));
                    index += 1;
                    if overflow || digit.is_some() || begun_at_digit || *mark == Mark::Zero {
                        writing.begin();
                        begun_at_digit = true;
                        writing.out.push(if overflow { '#' } else { digit.unwrap_or('0') });
                    } else {
                        writing.blank();
                    }
                }
                Mark::Point => {
                    past_point = true;
                    writing.begin();
                    writing.out.push('.');
                }
                Mark::Comma if writing.begun => writing.out.push(','),
                Mark::Comma => writing.blank(),
                Mark::Sign => {
                    if past_point || index > 0 {
                        writing.out.push(if writing.negative { '-' } else { '+' });
                    }
                }
                Mark::PlusMinus => writing.out.push(if writing.negative { '-' } else { '+' }),
                Mark::Minus if writing.negative => writing.out.push('-'),
                Mark::Plus if !writing.negative => writing.out.push('+'),
                Mark::Minus | Mark::Plus => writing.blank(),
                Mark::Ordinal { upper } if index > 0 && !past_point && !writing.negative => {
                    writing.out.push_str(ordinal(whole, *upper));
                }
                Mark::Text(text) => writing.out.push_str(text),
                Mark::Ordinal { .. } | Mark::Brackets | Mark::Roman { .. } => {}
            }
        }
    }

    /// Fifteen places, as many as the longest has (r_TO_CHAR: an example).
    fn roman(&self, value: i128, upper: bool) -> String {
        const STEPS: [(i128, &str); 13] = [
            (1000, "M"),
            (900, "CM"),
            (500, "D"),
            (400, "CD"),
            (100, "C"),
            (90, "XC"),
            (50, "L"),
            (40, "XL"),
            (10, "X"),
            (9, "IX"),
            (5, "V"),
            (4, "IV"),
            (1, "I"),
        ];
        // the pattern has no decimals: the value is whole
        if !(1..=3999).contains(&value) {
            return "#".repeat(15);
        }
        let (mut rest, mut text) = (value, String::new());
        for (size, sign) in STEPS {
            while rest >= size {
                text.push_str(sign);
                rest -= size;
            }
        }
        if !upper {
            text = text.to_ascii_lowercase();
        }
        if self.fill { format!("{text:>15}") } else { text }
    }
}

/// The ending of a number's ordinal, from its digits.
fn ordinal(digits: &str, upper: bool) -> &'static str {
    let last = digits.chars().last().unwrap_or('0');
    let teen = digits.len() > 1 && digits.chars().rev().nth(1) == Some('1');
    match (last, teen, upper) {
        ('1', false, true) => "ST",
        ('2', false, true) => "ND",
        ('3', false, true) => "RD",
        ('1', false, false) => "st",
        ('2', false, false) => "nd",
        ('3', false, false) => "rd",
        (_, _, true) => "TH",
        (_, _, false) => "th",
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
