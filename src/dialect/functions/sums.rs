//! SUM that reports an overflow, where DataFusion's wraps around.
//!
//! Source: r_SUM (BIGINT for integers, DECIMAL(38,s) for decimals), r_numeric_computations201,
//! "Overflow conditions". Floats are DataFusion's own. Sums of a whole table are exact to the end;
//! those of groups fail as soon as a part of one is out of range.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray};
use arrow::datatypes::{DataType, Decimal128Type, FieldRef, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, exec_err};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF, Signature,
};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::prim_op::PrimitiveGroupsAccumulator;

use super::decimals::overflow;

/// One more than the greatest DECIMAL of 38 digits.
const LIMIT: u128 = 10_u128.pow(38);

/// SUM as Redshift has it.
pub fn sum() -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::new_from_impl(Sum { inner: sum_udaf() }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Sum {
    inner: Arc<AggregateUDF>,
}

impl AggregateUDFImpl for Sum {
    fn name(&self) -> &str {
        "sum"
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.inner.state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let ty = args.return_type().clone();
        match (exact(&ty), args.is_distinct) {
            (true, false) => Ok(Box::new(Total::new(ty))),
            (true, true) => {
                let values = self.inner.accumulator(args)?;
                Ok(Box::new(DistinctTotal { values, ty }))
            }
            (false, _) => self.inner.accumulator(args),
        }
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let ty = args.return_type().clone();
        if exact(&ty) && !args.is_distinct {
            return Ok(Box::new(Total::new(ty)));
        }
        self.inner.create_sliding_accumulator(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        let overflowed = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&overflowed);
        let ty = args.return_type().clone();
        let inner: Box<dyn GroupsAccumulator> = match ty {
            DataType::Int64 => per_group::<Int64Type>(&ty, move |sum, value| {
                let (next, over) = sum.overflowing_add(value);
                *sum = next;
                if over {
                    seen.store(true, Ordering::Relaxed);
                }
            }),
            DataType::Decimal128(..) => per_group::<Decimal128Type>(&ty, move |sum, value| {
                let (next, over) = sum.overflowing_add(value);
                *sum = next;
                if over {
                    seen.store(true, Ordering::Relaxed);
                }
            }),
            _ => return self.inner.create_groups_accumulator(args),
        };
        Ok(Box::new(Totals { inner, overflowed, ty }))
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

/// True for the types in which a sum can overflow without being infinite.
fn exact(ty: &DataType) -> bool {
    matches!(ty, DataType::Int64 | DataType::Decimal128(..))
}

fn per_group<T: ArrowPrimitiveType + Send>(
    ty: &DataType,
    add: impl Fn(&mut T::Native, T::Native) + Send + Sync + 'static,
) -> Box<dyn GroupsAccumulator> {
    Box::new(PrimitiveGroupsAccumulator::<T, _>::new(ty, add))
}

/// The sum as a value of its type.
fn in_range(sum: i128, ty: &DataType) -> Result<ScalarValue> {
    match ty {
        DataType::Decimal128(p, s) if sum.unsigned_abs() < LIMIT => {
            Ok(ScalarValue::Decimal128(Some(sum), *p, *s))
        }
        DataType::Decimal128(..) => Err(overflow()),
        _ => match i64::try_from(sum) {
            Ok(sum) => Ok(ScalarValue::Int64(Some(sum))),
            Err(_) => exec_err!("bigint out of range: a sum overflows"),
        },
    }
}

/// One sum, kept in 128 bits.
#[derive(Debug)]
struct Total {
    sum: i128,
    /// Values in it; zero of them sum to NULL.
    count: u64,
    ty: DataType,
}

impl Total {
    fn new(ty: DataType) -> Total {
        Total { sum: 0, count: 0, ty }
    }
}

/// The sum of a batch. A DECIMAL has 38 digits, so that only sums of many can pass 128 bits.
fn sum_of(values: &ArrayRef) -> Result<i128> {
    if let Some(values) = values.as_primitive_opt::<Int64Type>() {
        return Ok(folded(values, 0, |sum, v| sum + i128::from(v)));
    }
    let Some(decimals) = values.as_primitive_opt::<Decimal128Type>() else {
        return exec_err!("sum does not take {}", values.data_type());
    };
    let (sum, over) = folded(decimals, (0_i128, false), |(sum, over), v| {
        let (sum, more) = sum.overflowing_add(v);
        (sum, over | more)
    });
    if over { Err(overflow()) } else { Ok(sum) }
}

fn folded<T: ArrowPrimitiveType, S>(
    values: &PrimitiveArray<T>,
    start: S,
    add: impl Fn(S, T::Native) -> S,
) -> S {
    if values.null_count() == 0 {
        return values.values().iter().copied().fold(start, add);
    }
    values.iter().flatten().fold(start, add)
}

fn first(values: &[ArrayRef]) -> Result<&ArrayRef> {
    values.first().ok_or_else(|| exec_datafusion_err!("sum needs a value"))
}

impl Accumulator for Total {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = first(values)?;
        self.sum = self.sum.checked_add(sum_of(values)?).ok_or_else(overflow)?;
        self.count += (values.len() - values.null_count()) as u64;
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = first(values)?;
        self.sum = self.sum.checked_sub(sum_of(values)?).ok_or_else(overflow)?;
        self.count -= (values.len() - values.null_count()) as u64;
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.count == 0 { ScalarValue::try_from(&self.ty) } else { in_range(self.sum, &self.ty) }
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// The sum of different values; they are kept by DataFusion's own.
#[derive(Debug)]
struct DistinctTotal {
    values: Box<dyn Accumulator>,
    ty: DataType,
}

impl Accumulator for DistinctTotal {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.values.update_batch(values)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.values.merge_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.values.state()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut total = Total::new(self.ty.clone());
        for state in self.values.state()? {
            let ScalarValue::List(lists) = state else {
                return exec_err!("sum(distinct) keeps no list of its values");
            };
            for list in lists.iter().flatten() {
                total.update_batch(&[list])?;
            }
        }
        total.evaluate()
    }

    fn size(&self) -> usize {
        self.values.size()
    }
}

/// The sums of groups.
struct Totals {
    inner: Box<dyn GroupsAccumulator>,
    overflowed: Arc<AtomicBool>,
    ty: DataType,
}

impl Totals {
    fn checked(&self, sums: &ArrayRef) -> Result<()> {
        if let Some(decimals) = sums.as_primitive_opt::<Decimal128Type>() {
            let beyond = decimals.iter().flatten().any(|v| v.unsigned_abs() >= LIMIT);
            if beyond || self.overflowed.load(Ordering::Relaxed) {
                return Err(overflow());
            }
        } else if self.overflowed.load(Ordering::Relaxed) {
            return exec_err!("{} out of range: a sum overflows", super::type_name(&self.ty));
        }
        Ok(())
    }
}

impl GroupsAccumulator for Totals {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.inner.update_batch(values, groups, filter, total)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.inner.merge_batch(states, groups, total)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let sums = self.inner.evaluate(emit_to)?;
        self.checked(&sums)?;
        Ok(sums)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let states = self.inner.state(emit_to)?;
        states.iter().try_for_each(|sums| self.checked(sums))?;
        Ok(states)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        self.inner.convert_to_state(values, filter)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}
