//! LISTAGG: the texts of a group in their order, one behind the other. It orders nothing itself.
//!
//! Source: r_LISTAGG, r_WF_LISTAGG: NULL and '' are left out; DISTINCT keeps the first of the values
//! that are equal but for blanks at the end; the answer has 65535 bytes at most.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::functions_aggregate::array_agg::array_agg_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr::expressions::Literal;

use crate::types::VARCHAR_MAX;

/// LISTAGG and LISTAGG(DISTINCT), which DataFusion must not see as one: of its own DISTINCT it lets
/// only the value itself be ordered by.
pub fn all() -> Vec<Arc<AggregateUDF>> {
    [("listagg", false), ("listagg_distinct", true)]
        .into_iter()
        .map(|(name, distinct)| {
            let signature =
                Signature::exact(vec![DataType::Utf8View, DataType::Utf8], Volatility::Immutable);
            let values = array_agg_udaf();
            Arc::new(AggregateUDF::new_from_impl(Listagg { name, distinct, values, signature }))
        })
        .collect()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Listagg {
    name: &'static str,
    distinct: bool,
    /// Gathers the values, in order.
    values: Arc<AggregateUDF>,
    signature: Signature,
}

impl AggregateUDFImpl for Listagg {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.values.inner().state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let delimiter = match args.exprs.get(1).and_then(|e| e.downcast_ref::<Literal>()) {
            Some(literal) => literal.value().try_as_str().flatten().unwrap_or_default().to_owned(),
            None => return exec_err!("the delimiter of LISTAGG is a constant"),
        };
        let texts = args.return_field.data_type().clone();
        let values = gathered(&self.values, texts, args)?;
        Ok(Box::new(Listed { values, delimiter, distinct: self.distinct }))
    }
}

/// What `array_agg` makes of the first argument, values of a type, in the order that is asked for.
pub fn gathered(
    array_agg: &AggregateUDF,
    values: DataType,
    args: AccumulatorArgs<'_>,
) -> Result<Box<dyn Accumulator>> {
    let list = DataType::new_list(values, true);
    array_agg.inner().accumulator(AccumulatorArgs {
        return_field: Arc::new(Field::new("values", list, true)),
        exprs: args.exprs.get(..1).unwrap_or_default(),
        expr_fields: args.expr_fields.get(..1).unwrap_or_default(),
        ..args
    })
}

#[derive(Debug)]
struct Listed {
    values: Box<dyn Accumulator>,
    delimiter: String,
    distinct: bool,
}

impl Accumulator for Listed {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        // the second is the delimiter; the keys of the order come behind it
        let kept: Vec<ArrayRef> = values
            .iter()
            .enumerate()
            .filter(|(i, _)| *i != 1)
            .map(|(_, v)| Arc::clone(v))
            .collect();
        self.values.update_batch(&kept)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let ScalarValue::List(list) = self.values.evaluate()? else {
            return exec_err!("the values of LISTAGG are no list");
        };
        let texts = arrow::compute::cast(list.values(), &DataType::Utf8View)?;
        let mut seen = HashSet::new();
        let mut out: Option<String> = None;
        for text in texts.as_string_view().iter().flatten().filter(|t| !t.is_empty()) {
            if self.distinct && !seen.insert(text.trim_end_matches(' ')) {
                continue;
            }
            match &mut out {
                Some(out) => {
                    out.push_str(&self.delimiter);
                    out.push_str(text);
                }
                None => out = Some(text.to_owned()),
            }
            if out.as_ref().is_some_and(|o| o.len() > VARCHAR_MAX as usize) {
                return exec_err!("Result size exceeds LISTAGG limit");
            }
        }
        Ok(ScalarValue::Utf8View(out))
    }

    fn size(&self) -> usize {
        self.values.size() + self.delimiter.capacity()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.values.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.values.merge_batch(states)
    }
}
