//! COALESCE, GREATEST and LEAST, which take values of one kind: a text beside numbers or dates is no reason to refuse them before it is known whether it is a literal. They compute as the engine does.
//!
//! Source: r_NVL_function, r_GREATEST_LEAST. What a literal becomes is decided in `matched`.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, FieldRef};
use datafusion::common::{Result, plan_err};
use datafusion::functions::core;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

use super::decimals::whole_digits;
use super::udf::{TIMESTAMP, is_text, type_name};

pub fn all() -> Vec<Arc<ScalarUDF>> {
    [core::coalesce(), core::greatest(), core::least()]
        .into_iter()
        .map(|inner| {
            let signature = Signature::user_defined(inner.signature().volatility);
            Arc::new(ScalarUDF::new_from_impl(Alike { inner, signature }))
        })
        .collect()
}

/// The type of the values that are no text, if there are texts beside them.
///
/// Errors: numbers beside dates.
pub fn common(what: &str, types: &[DataType]) -> Result<Option<DataType>> {
    let plain = types.iter().map(|ty| match ty {
        DataType::Dictionary(_, value) => value.as_ref(),
        ty => ty,
    });
    let others: Vec<&DataType> = plain.filter(|t| !is_text(t) && !t.is_null()).collect();
    let Some(first) = others.first() else { return Ok(None) };
    if let Some(other) = others.iter().find(|t| t.is_numeric() != first.is_numeric()) {
        return unmatched(what, first, other);
    }
    if !types.iter().any(is_text) {
        return Ok(None);
    }
    if let Some(decimal) = decimal_of(&others) {
        return Ok(Some(decimal));
    }
    // the widest: a float, else the integer with most digits
    let rank = |ty: &DataType| (ty.is_floating(), ty.primitive_width());
    Ok(others.into_iter().max_by_key(|ty| rank(ty)).cloned())
}

/// The type of values that all are numbers, or all are days and moments; `None` where they are of one
/// type already or the engine's own choice is Redshift's.
///
/// Source: r_numeric_computations201 (a float makes the others DOUBLE PRECISION), r_Datetime_types.
pub fn shared(types: &[DataType]) -> Option<DataType> {
    use DataType as D;
    let known: Vec<&DataType> = types.iter().filter(|ty| !ty.is_null()).collect();
    let first = *known.first()?;
    if known.iter().all(|ty| *ty == first) {
        return None;
    }
    if known.iter().all(|ty| ty.is_numeric()) {
        let decimal = known.iter().any(|ty| matches!(ty, D::Decimal128(..)));
        let float = known.iter().any(|ty| ty.is_floating());
        return match (decimal, float) {
            (true, true) => Some(D::Float64),
            (true, false) => decimal_of(&known),
            (false, true) => known.iter().any(|ty| **ty == D::Float64).then_some(D::Float64),
            (false, false) => known.into_iter().max_by_key(|ty| ty.primitive_width()).cloned(),
        };
    }
    // a day is its midnight; nanoseconds, which the engine takes, end in 2262
    let moment = |ty: &&DataType| matches!(ty, D::Date32) || **ty == TIMESTAMP;
    known.iter().all(moment).then_some(TIMESTAMP)
}

/// The DECIMAL that holds the digits of all, where one is a DECIMAL and the others are exact.
fn decimal_of(types: &[&DataType]) -> Option<DataType> {
    let digits = |ty: &DataType| match ty {
        DataType::Decimal128(p, s) => Some((i32::from(*p) - i32::from(*s), i32::from(*s))),
        whole => whole_digits(whole).map(|digits| (i32::from(digits), 0)),
    };
    if !types.iter().any(|ty| matches!(ty, DataType::Decimal128(..))) {
        return None;
    }
    let digits: Vec<(i32, i32)> = types.iter().map(|ty| digits(ty)).collect::<Option<_>>()?;
    let whole = digits.iter().map(|(whole, _)| *whole).max()?;
    let scale = digits.iter().map(|(_, scale)| *scale).max()?;
    let precision = (whole + scale).min(i32::from(DECIMAL128_MAX_PRECISION));
    Some(DataType::Decimal128(u8::try_from(precision).ok()?, i8::try_from(scale).ok()?))
}

pub fn unmatched<T>(what: &str, one: &DataType, other: &DataType) -> Result<T> {
    plan_err!(
        "{what} types {} and {} do not match; cast one of them, since neither coerces",
        type_name(one),
        type_name(other)
    )
}

#[derive(Debug)]
struct Alike {
    inner: Arc<ScalarUDF>,
    signature: Signature,
}

impl PartialEq for Alike {
    fn eq(&self, other: &Alike) -> bool {
        self.inner == other.inner
    }
}

impl Eq for Alike {}

impl Hash for Alike {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl ScalarUDFImpl for Alike {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        if types.is_empty() {
            return plan_err!("function {} does not exist for 0 arguments", self.name());
        }
        match common(&self.name().to_uppercase(), types)?.or_else(|| shared(types)) {
            Some(target) => Ok(vec![target; types.len()]),
            None => self.inner.coerce_types(types),
        }
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

    fn conditional_arguments<'a>(
        &self,
        args: &'a [Expr],
    ) -> Option<(Vec<&'a Expr>, Vec<&'a Expr>)> {
        self.inner.conditional_arguments(args)
    }

    fn short_circuits(&self) -> bool {
        self.inner.short_circuits()
    }
}
