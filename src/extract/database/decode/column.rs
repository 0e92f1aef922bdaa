//! One column of a batch: what the declared type accepts, and the Arrow builder it goes into. Pure.
//!
//! A value is landed exactly as it is or refused with a reason; it is never rounded, cut or
//! guessed. The two conversions that lose something are counted: dates that are no dates become
//! NULL, and wall-clock times of a repeated hour become the earlier moment.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float32Builder,
    Float64Builder, Int16Builder, Int32Builder, Int64Builder, StringBuilder,
    Time64MicrosecondBuilder, TimestampMicrosecondBuilder,
};
use chrono_tz::Tz;

use super::number::{self, Misfit};
use super::{Fault, Value, calendar, reason};
use crate::extract::database::zone;
use crate::tables::ColumnSpec;
use crate::types::SqlType;

/// What a value weighs in a batch when it has no length of its own.
const FIXED: usize = 8;

/// A column being filled.
pub struct Column {
    name: String,
    ty: SqlType,
    key: bool,
    required: bool,
    zone: Tz,
    builder: Builder,
    /// Values that became NULL, and the first such.
    pub voids: u64,
    pub void: &'static str,
    /// Wall-clock times that named two moments, or none.
    pub doubtful: u64,
}

enum Builder {
    Boolean(BooleanBuilder),
    SmallInt(Int16Builder),
    Integer(Int32Builder),
    BigInt(Int64Builder),
    Real(Float32Builder),
    Double(Float64Builder),
    Decimal(Decimal128Builder, u8, u8),
    Text(StringBuilder, usize),
    Bytes(BinaryBuilder, usize),
    Date(Date32Builder),
    Moment(TimestampMicrosecondBuilder),
    Time(Time64MicrosecondBuilder),
}

/// Runs one expression over whichever builder there is.
macro_rules! each {
    ($builder:expr, $b:ident => $do:expr) => {
        match $builder {
            Builder::Boolean($b) => $do,
            Builder::SmallInt($b) => $do,
            Builder::Integer($b) => $do,
            Builder::BigInt($b) => $do,
            Builder::Real($b) => $do,
            Builder::Double($b) => $do,
            Builder::Decimal($b, ..) => $do,
            Builder::Text($b, _) => $do,
            Builder::Bytes($b, _) => $do,
            Builder::Date($b) => $do,
            Builder::Moment($b) => $do,
            Builder::Time($b) => $do,
        }
    };
}

type Verdict<T> = Result<T, Box<Fault>>;

impl Column {
    /// An empty column; `zone` is that of the source's naive timestamps.
    pub fn new(spec: &ColumnSpec, key: bool, zone: Tz) -> Column {
        let builder = match spec.ty {
            SqlType::Boolean => Builder::Boolean(BooleanBuilder::new()),
            SqlType::SmallInt => Builder::SmallInt(Int16Builder::new()),
            SqlType::Integer => Builder::Integer(Int32Builder::new()),
            SqlType::BigInt => Builder::BigInt(Int64Builder::new()),
            SqlType::Real => Builder::Real(Float32Builder::new()),
            SqlType::Double => Builder::Double(Float64Builder::new()),
            SqlType::Decimal { precision, scale } => Builder::Decimal(
                Decimal128Builder::new().with_data_type(spec.ty.arrow()),
                precision,
                scale.max(0).unsigned_abs(),
            ),
            SqlType::Char(n) | SqlType::Varchar(n) => {
                Builder::Text(StringBuilder::new(), n as usize)
            }
            SqlType::Varbyte(n) => Builder::Bytes(BinaryBuilder::new(), n as usize),
            SqlType::Date => Builder::Date(Date32Builder::new()),
            SqlType::Timestamp | SqlType::TimestampTz => {
                Builder::Moment(TimestampMicrosecondBuilder::new().with_data_type(spec.ty.arrow()))
            }
            SqlType::Time => Builder::Time(Time64MicrosecondBuilder::new()),
        };
        Column {
            name: spec.name.clone(),
            ty: spec.ty,
            key,
            required: spec.not_null,
            zone,
            builder,
            voids: 0,
            void: "",
            doubtful: 0,
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Appends a value, or says why not and appends nothing. Answers the bytes it takes.
    pub fn push(&mut self, value: Value<'_>) -> Verdict<usize> {
        match value {
            Value::Null => self.push_absent(),
            Value::Void(what) => {
                let weight = self.push_absent()?;
                self.count_void(what);
                Ok(weight)
            }
            Value::Unfit(reason, detail) => fault(reason, detail),
            _ => self.push_present(value),
        }
    }

    /// Appends NULL to keep the columns even; the row it stands in is not landed.
    pub fn push_filler(&mut self) {
        each!(&mut self.builder, b => b.append_null());
    }

    /// The column, which is then empty.
    pub fn finish(&mut self) -> ArrayRef {
        each!(&mut self.builder, b => Arc::new(b.finish()))
    }

    fn count_void(&mut self, what: &'static str) {
        if self.voids == 0 {
            self.void = what;
        }
        self.voids += 1;
    }

    fn push_absent(&mut self) -> Verdict<usize> {
        if self.key {
            return fault(reason::NULL_KEY, "is NULL but part of the key");
        }
        if self.required {
            return fault(reason::NULL, "is NULL but declared NOT NULL");
        }
        self.push_filler();
        Ok(FIXED)
    }

    fn push_present(&mut self, value: Value<'_>) -> Verdict<usize> {
        let ty = self.ty;
        match &mut self.builder {
            Builder::Boolean(b) => b.append_value(boolean(value)?),
            Builder::SmallInt(b) => b.append_value(narrow(integer(value, ty)?, ty)?),
            Builder::Integer(b) => b.append_value(narrow(integer(value, ty)?, ty)?),
            Builder::BigInt(b) => b.append_value(integer(value, ty)?),
            Builder::Real(b) => b.append_value(single(value, ty)?),
            Builder::Double(b) => {
                let number = double(value, ty)?;
                // Equal keys must be equal bytes: -0.0 = 0.0.
                b.append_value(if self.key && number == 0.0 { 0.0 } else { number });
            }
            Builder::Decimal(b, precision, scale) => {
                b.append_value(decimal(value, *precision, *scale, ty)?);
            }
            Builder::Text(b, limit) => {
                let length = push_text(b, value, *limit, ty)?;
                return Ok(length + FIXED);
            }
            Builder::Bytes(b, limit) => {
                let (Value::Bytes(bytes) | Value::Text(bytes)) = value else {
                    return wrong(value, ty);
                };
                if bytes.len() > *limit {
                    let detail = format!("has {} bytes, {ty} holds {limit}", bytes.len());
                    return fault(reason::BYTES_TOO_LONG, detail);
                }
                b.append_value(bytes);
                return Ok(bytes.len() + FIXED);
            }
            Builder::Time(b) => b.append_value(time_of_day(value, ty)?),
            Builder::Date(_) | Builder::Moment(_) => return self.push_calendar(value),
        }
        Ok(FIXED)
    }

    fn push_calendar(&mut self, value: Value<'_>) -> Verdict<usize> {
        let value = match value {
            Value::Text(text) => match calendar::read(text) {
                Some(calendar::Written::Date(days)) => Value::Date(days),
                Some(calendar::Written::Local(micros)) => Value::Local(micros),
                Some(calendar::Written::Instant(micros)) => Value::Instant(micros),
                Some(calendar::Written::Zero) => return self.push(Value::Void("zero date")),
                Some(calendar::Written::TooFine) => {
                    return fault(reason::PRECISION, "is finer than a microsecond");
                }
                None => return fault(reason::BAD_DATE, format!("{} is no date", shown(value))),
            },
            other => other,
        };
        if let Builder::Date(b) = &mut self.builder {
            b.append_value(date(value)?);
            return Ok(FIXED);
        }
        let (micros, doubtful) = moment(value, self.zone, self.ty)?;
        self.doubtful += u64::from(doubtful);
        if let Builder::Moment(b) = &mut self.builder {
            b.append_value(micros);
        }
        Ok(FIXED)
    }
}

fn fault<T>(reason: &'static str, detail: impl Into<String>) -> Verdict<T> {
    Err(Box::new(Fault { reason, detail: detail.into() }))
}

fn wrong<T>(value: Value<'_>, ty: SqlType) -> Verdict<T> {
    fault(reason::WRONG_TYPE, format!("{} is no {ty}", shown(value)))
}

fn range<T>(value: Value<'_>, ty: SqlType) -> Verdict<T> {
    fault(reason::OUT_OF_RANGE, format!("{} is out of range for {ty}", shown(value)))
}

/// The value in a few words, cut after 40 characters.
fn shown(value: Value<'_>) -> String {
    match value {
        Value::Text(bytes) | Value::Digits(bytes) => {
            let text = String::from_utf8_lossy(bytes.get(..160).unwrap_or(bytes));
            let cut: String = text.chars().take(40).collect();
            let more = if cut.len() < bytes.len() { "..." } else { "" };
            format!("`{cut}{more}`")
        }
        Value::Bytes(bytes) => format!("a value of {} bytes", bytes.len()),
        Value::Integer(n) => n.to_string(),
        Value::Unsigned(n) => n.to_string(),
        Value::Float(n) => n.to_string(),
        Value::Real(n) => n.to_string(),
        Value::Boolean(b) => b.to_string(),
        Value::Date(_) | Value::Local(_) | Value::Instant(_) => "a date".to_string(),
        Value::Time(_) => "a time".to_string(),
        Value::Decimal { .. } => "the number".to_string(),
        Value::Null | Value::Void(_) | Value::Unfit(..) => "the value".to_string(),
    }
}

fn boolean(value: Value<'_>) -> Verdict<bool> {
    match value {
        Value::Boolean(b) => Ok(b),
        Value::Integer(0) => Ok(false),
        Value::Integer(1) => Ok(true),
        Value::Text(text) => match text.to_ascii_lowercase().as_slice() {
            b"0" | b"f" | b"false" => Ok(false),
            b"1" | b"t" | b"true" => Ok(true),
            _ => fault(reason::BAD_BOOLEAN, format!("{} is no boolean", shown(value))),
        },
        _ => fault(reason::BAD_BOOLEAN, format!("{} is no boolean", shown(value))),
    }
}

fn integer(value: Value<'_>, ty: SqlType) -> Verdict<i64> {
    match value {
        Value::Integer(n) => Ok(n),
        Value::Unsigned(_) => range(value, ty),
        Value::Boolean(b) => Ok(i64::from(b)),
        Value::Real(n) if n.fract() == 0.0 && n.abs() <= 9_007_199_254_740_992.0 => Ok(n as i64),
        Value::Decimal { .. } | Value::Digits(_) | Value::Text(_) => {
            narrow(decimal(value, 38, 0, ty)?, ty)
        }
        Value::Time(micros) if ty == SqlType::BigInt => Ok(micros),
        _ => wrong(value, ty),
    }
}

fn narrow<W, N>(wide: W, ty: SqlType) -> Verdict<N>
where
    W: Copy + std::fmt::Display,
    N: TryFrom<W>,
{
    match N::try_from(wide) {
        Ok(narrow) => Ok(narrow),
        Err(_) => fault(reason::OUT_OF_RANGE, format!("{wide} is out of range for {ty}")),
    }
}

fn decimal(value: Value<'_>, precision: u8, scale: u8, ty: SqlType) -> Verdict<i128> {
    let read = match value {
        Value::Integer(n) => number::from_integer(n.into(), precision, scale),
        Value::Unsigned(n) => number::from_integer(n.into(), precision, scale),
        Value::Boolean(b) => number::from_integer(b.into(), precision, scale),
        Value::Digits(text) | Value::Text(text) => number::parse(text, precision, scale),
        Value::Decimal { unscaled, scale: from } => {
            number::rescale(unscaled, from, precision, scale)
        }
        Value::Real(n) => number::from_double(n, precision, scale),
        Value::Float(n) => number::from_single(n, precision, scale),
        _ => return wrong(value, ty),
    };
    match read {
        Ok(unscaled) => Ok(unscaled),
        Err(Misfit::Range) => range(value, ty),
        Err(Misfit::Scale) => {
            fault(reason::SCALE, format!("{} has more decimals than {ty}", shown(value)))
        }
        Err(Misfit::Syntax) => wrong(value, ty),
    }
}

fn double(value: Value<'_>, ty: SqlType) -> Verdict<f64> {
    match value {
        Value::Real(n) => Ok(n),
        Value::Float(n) => Ok(f64::from(n)),
        Value::Boolean(b) => Ok(f64::from(u8::from(b))),
        // An integer past 2^53 would change.
        Value::Integer(n) if n.unsigned_abs() <= 1 << 53 => Ok(n as f64),
        Value::Integer(_) | Value::Unsigned(_) => range(value, ty),
        Value::Decimal { unscaled, scale } => {
            let text = format!("{unscaled}e-{scale}");
            text.parse().or_else(|_| wrong(value, ty))
        }
        Value::Digits(text) | Value::Text(text) => {
            let number = std::str::from_utf8(text).ok().and_then(|t| t.parse::<f64>().ok());
            number.filter(|n| n.is_finite()).map_or_else(|| wrong(value, ty), Ok)
        }
        _ => wrong(value, ty),
    }
}

/// A REAL; a double that is not exactly a single is refused only when it is out of range, since a
/// declared REAL asks for seven digits.
fn single(value: Value<'_>, ty: SqlType) -> Verdict<f32> {
    if let Value::Float(n) = value {
        return Ok(n);
    }
    let wide = double(value, ty)?;
    let narrow = wide as f32;
    if wide.is_finite() && !narrow.is_finite() { range(value, ty) } else { Ok(narrow) }
}

fn push_text(b: &mut StringBuilder, value: Value<'_>, limit: usize, ty: SqlType) -> Verdict<usize> {
    let owned;
    let text = match value {
        Value::Text(bytes) | Value::Digits(bytes) | Value::Bytes(bytes) => {
            match std::str::from_utf8(bytes) {
                Ok(text) => text,
                Err(e) => {
                    let detail = format!("is not UTF-8 from byte {}", e.valid_up_to());
                    return fault(reason::NOT_UTF8, detail);
                }
            }
        }
        Value::Integer(n) => {
            owned = n.to_string();
            &owned
        }
        Value::Unsigned(n) => {
            owned = n.to_string();
            &owned
        }
        Value::Real(n) => {
            owned = n.to_string();
            &owned
        }
        _ => return wrong(value, ty),
    };
    if text.len() > limit {
        return fault(reason::TOO_LONG, format!("has {} bytes, {ty} holds {limit}", text.len()));
    }
    if matches!(ty, SqlType::Char(_)) && !text.is_ascii() {
        // CHAR of Redshift holds single-byte characters only (r_Character_types).
        return fault(reason::NOT_ASCII, format!("has characters that {ty} cannot hold"));
    }
    b.append_value(text);
    Ok(text.len())
}

fn date(value: Value<'_>) -> Verdict<i32> {
    let (Value::Local(micros) | Value::Instant(micros)) = value else {
        return match value {
            Value::Date(days) => Ok(days),
            _ => wrong(value, SqlType::Date),
        };
    };
    if micros.rem_euclid(calendar::DAY) != 0 {
        return fault(reason::WRONG_TYPE, "has a time of day, a date has none");
    }
    narrow(micros.div_euclid(calendar::DAY), SqlType::Date)
}

fn moment(value: Value<'_>, zone: Tz, ty: SqlType) -> Verdict<(i64, bool)> {
    let local = match value {
        Value::Instant(micros) => return Ok((micros, false)),
        Value::Local(micros) => micros,
        Value::Date(days) => i64::from(days) * calendar::DAY,
        _ => return wrong(value, ty),
    };
    match zone::to_utc(local, zone) {
        Some(moment) => Ok((moment.micros, moment.doubtful)),
        None => range(value, ty),
    }
}

fn time_of_day(value: Value<'_>, ty: SqlType) -> Verdict<i64> {
    let micros = match value {
        Value::Time(micros) => micros,
        Value::Text(text) => match calendar::read_time(text) {
            Some(micros) => micros,
            None => return fault(reason::BAD_DATE, format!("{} is no time", shown(value))),
        },
        _ => return wrong(value, ty),
    };
    if (0..calendar::DAY).contains(&micros) { Ok(micros) } else { range(value, ty) }
}

#[cfg(test)]
#[path = "column/tests.rs"]
mod tests;
