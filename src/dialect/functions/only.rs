//! `single_row(value, rows)`: the value of a correlated subquery, or an error where it has more rows
//! than one. It is asked row by row of what is around it, so that rows nobody wants raise nothing;
//! no text calls it.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::Int64Type;
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::udf::{Args, Function, Kind, udf};

pub const SINGLE_ROW: &str = "single_row";

pub fn all() -> Vec<Arc<ScalarUDF>> {
    vec![udf(Function {
        name: SINGLE_ROW,
        params: &[Kind::Any, Kind::Int],
        optional: 0,
        variadic: false,
        returns: |types| types.first().cloned().map_or_else(|| plan_err!("no value"), Ok),
        run: single_row,
    })]
}

fn single_row(args: &Args) -> Result<ArrayRef> {
    let counts = args.primitive::<Int64Type>(1)?;
    if (0..args.rows).any(|row| counts.get(row).is_some_and(|rows| rows > 1)) {
        return exec_err!("single-row subquery returns more than one row");
    }
    let value = args.arg(0)?;
    match value.array.len() == args.rows {
        true => Ok(Arc::clone(&value.array)),
        // a constant comes once
        false => ScalarValue::try_from_array(&value.array, 0)?.to_array_of_size(args.rows),
    }
}
