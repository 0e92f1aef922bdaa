//! What makes DataFusion's aggregates answer in Redshift's types: the input of SUM and the end of AVG.
//!
//! Source: r_SUM: BIGINT for integers, DECIMAL(38,s) for decimals, DOUBLE PRECISION for floats.
//! r_AVG: BIGINT for integers, DECIMAL(38,s) for decimals, DOUBLE PRECISION for floats.
//! r_WF_SUM, r_WF_AVG: over a window NUMERIC for BIGINT.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array};
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    Cast, ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::udf::{Args, Function, Kind, type_name, udf};

pub fn all() -> Vec<Arc<ScalarUDF>> {
    vec![
        input("sum_input", summed),
        input("window_sum_input", summed_over),
        udf(Function {
            name: "flag_input",
            params: &[Kind::Any],
            optional: 0,
            variadic: false,
            returns: flags,
            run: |args| Ok(arrow::compute::cast(&args.arg(0)?.array, &DataType::Boolean)?),
        }),
        udf(Function {
            name: "avg_result",
            params: &[Kind::Any, Kind::Int],
            optional: 0,
            variadic: false,
            returns: |types| {
                types.first().cloned().map_or_else(|| plan_err!("avg needs a value"), Ok)
            },
            run: average,
        }),
    ]
}

/// The sum divided by the count, cut at the scale of the argument: the manual's average of 2.50,
/// 3.75 and 1.90 is 2.71 (r_FROM_clause-pivot-unpivot-examples).
fn average(args: &Args) -> Result<ArrayRef> {
    let counts = args.primitive::<Int64Type>(1)?;
    let count = |i: usize| counts.get(i).filter(|n| *n != 0);
    Ok(match args.arg(0)?.array.data_type() {
        DataType::Decimal128(..) => {
            let sums = args.primitive::<Decimal128Type>(0)?;
            let out: Decimal128Array =
                (0..args.rows).map(|i| Some(sums.get(i)? / i128::from(count(i)?))).collect();
            Arc::new(out.with_data_type(args.returns.clone()))
        }
        DataType::Float64 => {
            let sums = args.primitive::<Float64Type>(0)?;
            let out: Float64Array =
                (0..args.rows).map(|i| Some(sums.get(i)? / count(i)? as f64)).collect();
            Arc::new(out)
        }
        _ => {
            let sums = args.primitive::<Int64Type>(0)?;
            let out: Int64Array = (0..args.rows).map(|i| Some(sums.get(i)? / count(i)?)).collect();
            Arc::new(out)
        }
    })
}

fn input(name: &'static str, to: fn(&DataType) -> Result<DataType>) -> Arc<ScalarUDF> {
    let signature = Signature::any(1, Volatility::Immutable);
    Arc::new(ScalarUDF::new_from_impl(Input { name, to, signature }))
}

/// A value made ready for an aggregate; before the plan runs it becomes a cast, or nothing, or stays
/// where it is quicker than a cast.
#[derive(Debug)]
struct Input {
    name: &'static str,
    to: fn(&DataType) -> Result<DataType>,
    signature: Signature,
}

impl PartialEq for Input {
    fn eq(&self, other: &Input) -> bool {
        self.name == other.name
    }
}

impl Eq for Input {}

impl std::hash::Hash for Input {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

fn summed(ty: &DataType) -> Result<DataType> {
    Ok(match ty {
        t if t.is_integer() || t.is_null() => DataType::Int64,
        DataType::Decimal128(_, s) => DataType::Decimal128(38, *s),
        DataType::Float32 | DataType::Float64 => DataType::Float64,
        other => {
            return plan_err!("SUM, as AVG, takes numbers and does not take {}", type_name(other));
        }
    })
}

/// Over a window BIGINT sums to NUMERIC (r_WF_SUM).
fn summed_over(ty: &DataType) -> Result<DataType> {
    match ty {
        DataType::Int64 => Ok(DataType::Decimal128(38, 0)),
        other => summed(other),
    }
}

/// BOOL_AND and BOOL_OR take whole numbers too, 0 for false (r_BOOL_AND).
fn flags(types: &[DataType]) -> Result<DataType> {
    match types.first() {
        Some(t) if t.is_integer() || t.is_null() || *t == DataType::Boolean => {
            Ok(DataType::Boolean)
        }
        other => plan_err!(
            "BOOL_AND and BOOL_OR take a boolean or a whole number; {} does not exist for them",
            other.map(type_name).unwrap_or_default()
        ),
    }
}

/// True for decimals that differ in their precision alone, the second the wider: the same bytes
/// mean the same value. Arrow's cast would look at each.
fn same_digits(from: &DataType, to: &DataType) -> bool {
    matches!((from, to), (DataType::Decimal128(p, s), DataType::Decimal128(q, t)) if s == t && p <= q)
}

impl ScalarUDFImpl for Input {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        (self.to)(types.first().unwrap_or(&DataType::Null))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let to = args.return_field.data_type().clone();
        match args.args.into_iter().next() {
            Some(ColumnarValue::Array(array)) if same_digits(array.data_type(), &to) => {
                let decimals = array.as_primitive::<Decimal128Type>().clone();
                Ok(ColumnarValue::Array(Arc::new(decimals.with_data_type(to))))
            }
            Some(value) => value.cast_to(&to, None),
            None => plan_err!("{} needs a value", self.name),
        }
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let Some(value) = args.into_iter().next() else {
            return plan_err!("{} needs a value", self.name);
        };
        let from = info.get_data_type(&value)?;
        let to = (self.to)(&from)?;
        Ok(ExprSimplifyResult::Simplified(if from == to {
            value
        } else if same_digits(&from, &to) {
            return Ok(ExprSimplifyResult::Original(vec![value]));
        } else {
            Expr::Cast(Cast::new(Box::new(value), to))
        }))
    }
}
