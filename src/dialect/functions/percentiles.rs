//! PERCENTILE_CONT, and MEDIAN, which is the one of a half: the value at a share of the rows, in between where there is none. It counts no rows without value.
//!
//! Source: r_PERCENTILE_CONT, r_MEDIAN. `RN = 1 + share * (N - 1)`; between two rows the values are
//! weighed by what is behind the point of RN. The manual shows DECIMAL for whole numbers (17.5) and
//! no digit more where 38 are used: the answer has the digits of the product of value and share.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, FieldRef, Float64Type, TimeUnit,
    TimestampMicrosecondType, i256,
};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, exec_err, plan_err};
use datafusion::functions_aggregate::array_agg::array_agg_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr::expressions::Literal;

use super::decimals::{overflow, whole_digits};
use super::listing::gathered;
use super::udf::type_name;

/// PERCENTILE_CONT(value, share).
pub fn percentile_cont() -> Arc<AggregateUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    let values = array_agg_udaf();
    Arc::new(AggregateUDF::new_from_impl(Percentile { values, signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Percentile {
    /// Gathers the values.
    values: Arc<AggregateUDF>,
    signature: Signature,
}

/// How many digits a share has behind its point.
fn places(share: &DataType) -> u8 {
    match share {
        DataType::Decimal128(_, scale) => u8::try_from(*scale).unwrap_or(0),
        _ => 0,
    }
}

/// The digits of value times share; where they are more than 38, the last are cut.
fn product(precision: u8, scale: i8, places: u8) -> (u8, i8, u8) {
    let cut = (precision + places).saturating_sub(38);
    ((precision + places).min(38), scale + places as i8 - cut as i8, cut)
}

impl AggregateUDFImpl for Percentile {
    fn name(&self) -> &str {
        "percentile_cont"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Whole numbers count as decimals (r_numeric_computations201).
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        use DataType as D;
        let [value, share] = types else {
            return plan_err!("a percentile takes one value and one share");
        };
        let value = match value {
            D::Null => D::Decimal128(10, 0),
            D::Decimal128(..) | D::Date32 => value.clone(),
            D::Float32 | D::Float64 => D::Float64,
            D::Timestamp(_, zone) => D::Timestamp(TimeUnit::Microsecond, zone.clone()),
            other => match whole_digits(other) {
                Some(precision) => D::Decimal128(precision, 0),
                None => {
                    let what = type_name(other);
                    return plan_err!(
                        "MEDIAN, as PERCENTILE_CONT, takes a number or a date and does not take \
                         {what}"
                    );
                }
            },
        };
        Ok(vec![value, share.clone()])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(match types {
            [DataType::Decimal128(p, s), share] => {
                let (precision, scale, _) = product(*p, *s, places(share));
                DataType::Decimal128(precision, scale)
            }
            [value, _] => value.clone(),
            _ => return plan_err!("a percentile takes one value and one share"),
        })
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.values.inner().state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let share = match args.exprs.get(1).and_then(|e| e.downcast_ref::<Literal>()) {
            Some(literal) => match literal.value() {
                ScalarValue::Decimal128(Some(share), _, scale) => {
                    (*share, u8::try_from(*scale).unwrap_or(0))
                }
                other => match other.cast_to(&DataType::Int64)? {
                    ScalarValue::Int64(Some(share)) => (i128::from(share), 0),
                    _ => return exec_err!("the share of a percentile is NULL"),
                },
            },
            None => return exec_err!("the share of a percentile is a constant"),
        };
        let value = args.expr_fields.first().map_or(DataType::Null, |f| f.data_type().clone());
        let returns = args.return_field.data_type().clone();
        let values = gathered(&self.values, value, args)?;
        Ok(Box::new(Gathered { values, share, returns, answer: None }))
    }
}

#[derive(Debug)]
struct Gathered {
    values: Box<dyn Accumulator>,
    /// In units of ten to the power of minus its places.
    share: (i128, u8),
    returns: DataType,
    /// A window asks for every row again.
    answer: Option<ScalarValue>,
}

impl Accumulator for Gathered {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.answer = None;
        self.values.update_batch(values.get(..1).unwrap_or_default())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if let Some(answer) = &self.answer {
            return Ok(answer.clone());
        }
        let ScalarValue::List(list) = self.values.evaluate()? else {
            return exec_err!("the values of a percentile are no list");
        };
        let answer = self.of(list.values())?;
        self.answer = Some(answer.clone());
        Ok(answer)
    }

    fn size(&self) -> usize {
        self.values.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.values.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.answer = None;
        self.values.merge_batch(states)
    }
}

/// The two rows a share falls between, and how far beyond the first, in the units of the share.
struct Between<T> {
    lower: T,
    upper: T,
    beyond: i128,
    unit: i128,
}

impl Gathered {
    fn between<T: ArrowPrimitiveType>(
        &self,
        values: &ArrayRef,
    ) -> Result<Option<Between<T::Native>>> {
        let sorted = arrow::compute::sort(values, None)?;
        let sorted: &PrimitiveArray<T> = sorted.as_primitive();
        // NULLs stand first
        let first = sorted.null_count();
        let count = sorted.len() - first;
        if count == 0 {
            return Ok(None);
        }
        let (share, places) = self.share;
        let unit = 10_i128.checked_pow(u32::from(places)).ok_or_else(overflow)?;
        let at = share.checked_mul(count as i128 - 1).ok_or_else(overflow)?;
        let row = usize::try_from(at / unit).map_err(|_| overflow())?;
        let last = sorted.len() - 1;
        Ok(Some(Between {
            lower: sorted.value((first + row).min(last)),
            upper: sorted.value((first + row + 1).min(last)),
            beyond: at % unit,
            unit,
        }))
    }

    fn of(&self, values: &ArrayRef) -> Result<ScalarValue> {
        match values.data_type() {
            DataType::Decimal128(precision, scale) => self.decimal(values, *precision, *scale),
            DataType::Float64 => {
                Ok(ScalarValue::Float64(self.between::<Float64Type>(values)?.map(|b| {
                    let beyond = b.beyond as f64 / b.unit as f64;
                    if b.beyond == 0 {
                        b.lower
                    } else {
                        (1.0 - beyond) * b.lower + beyond * b.upper
                    }
                })))
            }
            DataType::Date32 => {
                let days = self.between::<Date32Type>(values)?;
                let days = days.map(|b| {
                    let moved = i128::from(b.upper - b.lower) * b.beyond;
                    if moved % b.unit != 0 {
                        return exec_err!(
                            "a percentile that falls inside a day is not supported locally; \
                             cast the dates to TIMESTAMP"
                        );
                    }
                    i32::try_from(i128::from(b.lower) + moved / b.unit)
                        .map_err(|_| exec_datafusion_err!("date out of range"))
                });
                Ok(ScalarValue::Date32(days.transpose()?))
            }
            DataType::Timestamp(..) => {
                let micros = self.between::<TimestampMicrosecondType>(values)?.map(|b| {
                    let moved = i128::from(b.upper) - i128::from(b.lower);
                    b.lower + super::casting::divide_rounded(moved * b.beyond, b.unit) as i64
                });
                let one = TimestampMicrosecondArray::from(vec![micros]);
                ScalarValue::try_from_array(&one.with_data_type(self.returns.clone()), 0)
            }
            DataType::Null => ScalarValue::try_new_null(&self.returns),
            other => exec_err!("a percentile does not take {}", type_name(other)),
        }
    }

    fn decimal(&self, values: &ArrayRef, precision: u8, scale: i8) -> Result<ScalarValue> {
        let (precision, scale, cut) = product(precision, scale, self.share.1);
        let value = self.between::<Decimal128Type>(values)?.map(|b| {
            let weighed = |value: i128, by: i128| {
                i256::from_i128(value).checked_mul(i256::from_i128(by)).ok_or_else(overflow)
            };
            let sum = weighed(b.lower, b.unit - b.beyond)?
                .checked_add(weighed(b.upper, b.beyond)?)
                .ok_or_else(overflow)?;
            let cut = i256::from_i128(10_i128.pow(u32::from(cut)));
            let value = sum.wrapping_div(cut).to_i128().ok_or_else(overflow)?;
            let limit = 10_u128.checked_pow(u32::from(precision)).unwrap_or(u128::MAX);
            if value.unsigned_abs() < limit { Ok(value) } else { Err(overflow()) }
        });
        Ok(ScalarValue::Decimal128(value.transpose()?, precision, scale))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_has_the_digits_of_value_times_share() {
        assert_eq!(product(10, 0, 1), (11, 1, 0));
        assert_eq!(product(38, 2, 1), (38, 2, 1));
        assert_eq!(product(30, 2, 2), (32, 4, 0));
    }
}
