//! The frame all scalar functions share: what they accept, what they return, how they meet constants.
//! It computes nothing itself.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray, StringViewArray};
use arrow::datatypes::{DataType, FieldRef, IntervalUnit, TimeUnit};
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

/// Timestamps are microseconds without zone.
pub const TIMESTAMP: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// What an argument is made into before the function sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text; numbers and dates come as Redshift prints them.
    Text,
    /// Int64.
    Int,
    /// Int64; numbers with a point are none.
    Whole,
    /// Float64.
    Float,
    /// Int64, Float64 or a decimal, whichever keeps the value; text becomes Float64.
    Number,
    /// A number as it is; text becomes Float64.
    OwnNumber,
    /// Microseconds; a date comes as its midnight.
    Timestamp,
    /// A date stays, a time stays, everything else becomes a timestamp.
    Temporal,
    /// As `Temporal`, but nothing with a zone.
    Local,
    /// As `Timestamp`, but no text.
    Moment,
    /// As `Temporal`; an interval stays too.
    TemporalOrSpan,
    Date,
    /// A number, or a date or timestamp as its date.
    NumberOrDate,
    /// A number, or a date or timestamp as a timestamp.
    Printable,
    /// Text, or a boolean as it is.
    TextOrFlag,
    /// Text, or VARBYTE as it is.
    TextOrBytes,
    Boolean,
    /// As it is.
    Any,
}

/// A scalar function.
pub struct Function {
    pub name: &'static str,
    pub params: &'static [Kind],
    /// How many of the last parameters may be left out.
    pub optional: usize,
    /// The last parameter may be given any number of times.
    pub variadic: bool,
    /// The type of the answer, from the types after coercion.
    pub returns: fn(&[DataType]) -> Result<DataType>,
    pub run: fn(&Args) -> Result<ArrayRef>,
}

/// The arguments of one call. A constant is an array of one row.
pub struct Args<'a> {
    pub values: Vec<Arg>,
    pub rows: usize,
    pub returns: &'a DataType,
}

#[derive(Clone)]
pub struct Arg {
    pub array: ArrayRef,
    constant: bool,
}

impl Arg {
    /// Where row `i` stands in the array.
    pub fn at(&self, i: usize) -> usize {
        if self.constant { 0 } else { i }
    }

    /// True if the argument is the same for every row.
    pub fn is_constant(&self) -> bool {
        self.constant
    }
}

/// Text of either layout.
#[derive(Clone, Copy)]
pub enum Text<'a> {
    Plain(&'a StringArray, bool),
    View(&'a StringViewArray, bool),
}

impl<'a> Text<'a> {
    /// The text of row `i`; `None` for NULL.
    pub fn get(&self, i: usize) -> Option<&'a str> {
        match self {
            Text::Plain(array, constant) => {
                let i = if *constant { 0 } else { i };
                array.is_valid(i).then(|| array.value(i))
            }
            Text::View(array, constant) => {
                let i = if *constant { 0 } else { i };
                array.is_valid(i).then(|| array.value(i))
            }
        }
    }
}

impl Args<'_> {
    pub fn arg(&self, n: usize) -> Result<&Arg> {
        self.values
            .get(n)
            .ok_or_else(|| DataFusionError::Execution(format!("argument {} is missing", n + 1)))
    }

    pub fn text(&self, n: usize) -> Result<Text<'_>> {
        let arg = self.arg(n)?;
        match arg.array.data_type() {
            DataType::Utf8 => Ok(Text::Plain(arg.array.as_string::<i32>(), arg.constant)),
            DataType::Utf8View => Ok(Text::View(arg.array.as_string_view(), arg.constant)),
            other => exec_err!("argument {} is {other}, not text", n + 1),
        }
    }

    /// The argument as a primitive array, if it was given.
    pub fn primitive<T: arrow::datatypes::ArrowPrimitiveType>(
        &self,
        n: usize,
    ) -> Result<Primitive<'_, T>> {
        let arg = self.arg(n)?;
        match arg.array.as_primitive_opt::<T>() {
            Some(array) => Ok(Primitive { array, constant: arg.constant }),
            None => {
                exec_err!("argument {} is {}, not {}", n + 1, arg.array.data_type(), T::DATA_TYPE)
            }
        }
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// The text of an argument that is the same for every row.
    pub fn constant_text(&self, n: usize) -> Option<&str> {
        let constant = self.values.get(n).is_some_and(|a| a.constant);
        self.text(n).ok().filter(|_| constant).and_then(|t| t.get(0))
    }
}

pub struct Primitive<'a, T: arrow::datatypes::ArrowPrimitiveType> {
    /// One row if the argument is a constant.
    pub array: &'a arrow::array::PrimitiveArray<T>,
    constant: bool,
}

impl<T: arrow::datatypes::ArrowPrimitiveType> Primitive<'_, T> {
    /// The value of a constant argument; `None` for an argument with a value for every row.
    pub fn constant(&self) -> Option<Option<T::Native>> {
        self.constant.then(|| self.get(0))
    }

    pub fn get(&self, i: usize) -> Option<T::Native> {
        let i = if self.constant { 0 } else { i };
        self.array.is_valid(i).then(|| self.array.value(i))
    }
}

/// Makes the arguments what the function wants, or says that it cannot.
pub fn coerce(
    name: &str,
    params: &[Kind],
    optional: usize,
    variadic: bool,
    types: &[DataType],
) -> Result<Vec<DataType>> {
    let least = params.len().saturating_sub(optional);
    if types.len() < least || (types.len() > params.len() && !variadic) {
        return plan_err!("function {name} does not exist for {} arguments", types.len());
    }
    // one layout of text per call
    let view = types.iter().any(|t| matches!(t, DataType::Utf8View | DataType::LargeUtf8));
    types
        .iter()
        .enumerate()
        .map(|(i, ty)| {
            let kind = params.get(i).or(params.last()).copied().unwrap_or(Kind::Any);
            if kind == Kind::TextOrBytes && ty.is_null() && types.iter().any(DataType::is_binary) {
                return Ok(DataType::Binary);
            }
            coerced(kind, ty, view).ok_or_else(|| {
                DataFusionError::Plan(format!(
                    "function {name} does not take {} as argument {}",
                    type_name(ty),
                    i + 1
                ))
            })
        })
        .collect()
}

fn coerced(kind: Kind, ty: &DataType, view: bool) -> Option<DataType> {
    use DataType as D;
    let text = is_text(ty);
    let temporal = matches!(ty, D::Date32 | D::Timestamp(..));
    let null = matches!(ty, D::Null);
    let number = ty.is_numeric();
    Some(match kind {
        Kind::Any => ty.clone(),
        Kind::Text if ty.is_nested() || ty.is_binary() || matches!(ty, D::Boolean) => return None,
        Kind::Text => {
            if view {
                D::Utf8View
            } else {
                D::Utf8
            }
        }
        Kind::Int if number || text || null || matches!(ty, D::Boolean) => D::Int64,
        Kind::Whole if number && !ty.is_integer() => return None,
        Kind::Whole => return coerced(Kind::Int, ty, view),
        Kind::Local if matches!(ty, D::Timestamp(_, Some(_))) => return None,
        Kind::Local => return coerced(Kind::Temporal, ty, view),
        Kind::Moment if text => return None,
        Kind::Moment => return coerced(Kind::Timestamp, ty, view),
        Kind::Float if number || text || null => D::Float64,
        Kind::Number => match ty {
            D::Decimal128(..) | D::Int64 | D::Float64 => ty.clone(),
            D::Float32 | D::Float16 => D::Float64,
            _ if ty.is_integer() || null => D::Int64,
            _ if text => D::Float64,
            _ => return None,
        },
        Kind::OwnNumber => match ty {
            D::Int16 | D::Int32 | D::Float32 => ty.clone(),
            _ => return coerced(Kind::Number, ty, view),
        },
        Kind::NumberOrDate if temporal => D::Date32,
        Kind::NumberOrDate => return coerced(Kind::OwnNumber, ty, view),
        Kind::Printable if temporal => TIMESTAMP,
        Kind::Printable => return coerced(Kind::Number, ty, view),
        Kind::TextOrFlag if matches!(ty, D::Boolean) => D::Boolean,
        Kind::TextOrBytes if ty.is_binary() => D::Binary,
        Kind::TextOrBytes => return coerced(Kind::Text, ty, view),
        Kind::TextOrFlag => return coerced(Kind::Text, ty, view),
        Kind::Timestamp if temporal || text || null => TIMESTAMP,
        Kind::Temporal => match ty {
            D::Date32 | D::Time64(TimeUnit::Microsecond) => ty.clone(),
            D::Timestamp(_, Some(_)) => D::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            _ if temporal || text || null => TIMESTAMP,
            _ => return None,
        },
        Kind::TemporalOrSpan => match ty {
            D::Interval(_) | D::Duration(_) => D::Interval(IntervalUnit::MonthDayNano),
            _ => return coerced(Kind::Temporal, ty, view),
        },
        Kind::Date if temporal || text || null => D::Date32,
        Kind::Boolean if text || null || number || matches!(ty, D::Boolean) => D::Boolean,
        _ => return None,
    })
}

/// True for text in any layout.
pub fn is_text(ty: &DataType) -> bool {
    matches!(ty, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8)
}

/// The name Redshift's messages give a type.
pub fn type_name(ty: &DataType) -> String {
    match ty {
        text if is_text(text) => "character varying".into(),
        other => match crate::types::SqlType::of_arrow(other) {
            Some(sql) => sql.to_string(),
            None => other.to_string(),
        },
    }
}

struct Udf {
    function: Function,
    signature: Signature,
}

/// The function as DataFusion knows it.
pub fn udf(function: Function) -> Arc<ScalarUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(ScalarUDF::new_from_impl(Udf { function, signature }))
}

impl fmt::Debug for Udf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.function.name)
    }
}

impl PartialEq for Udf {
    fn eq(&self, other: &Udf) -> bool {
        self.function.name == other.function.name
    }
}

impl Eq for Udf {}

impl Hash for Udf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.name.hash(state);
    }
}

impl ScalarUDFImpl for Udf {
    fn name(&self) -> &str {
        self.function.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let f = &self.function;
        coerce(f.name, f.params, f.optional, f.variadic, types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        (self.function.returns)(types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let all_constant = args.args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
        let rows = if all_constant { 1 } else { args.number_rows };
        let values = args
            .args
            .into_iter()
            .map(|value| {
                Ok(match value {
                    ColumnarValue::Array(array) => Arg { array, constant: false },
                    ColumnarValue::Scalar(scalar) => {
                        Arg { array: scalar.to_array_of_size(1)?, constant: true }
                    }
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let returns = args.return_field.data_type();
        let array = (self.function.run)(&Args { values, rows, returns })?;
        if all_constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?));
        }
        Ok(ColumnarValue::Array(array))
    }
}

/// A function of DataFusion with Redshift's meaning, under its Redshift name and lax about types.
pub fn lax(
    name: &'static str,
    params: &'static [Kind],
    optional: usize,
    inner: Arc<ScalarUDF>,
) -> Arc<ScalarUDF> {
    let signature = Signature::user_defined(inner.signature().volatility);
    Arc::new(ScalarUDF::new_from_impl(Lax { name, params, optional, inner, signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Lax {
    name: &'static str,
    params: &'static [Kind],
    optional: usize,
    inner: Arc<ScalarUDF>,
    signature: Signature,
}

impl Hash for Kind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (*self as u8).hash(state);
    }
}

impl ScalarUDFImpl for Lax {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        coerce(self.name, self.params, self.optional, false, types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.inner.invoke_with_args(args)
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        self.inner.simplify(args, info)
    }
}
