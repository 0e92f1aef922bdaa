//! Calls that say something of a plan, most of which are taken out of it before it runs. They change no
//! value.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::udf::{Function, Kind, is_text, udf};

/// A cast, and its type as it is written: `named` takes it out.
pub const CAST: &str = "cast_as";
/// A value as it is, which stays in the plan: to the engine it is another expression.
pub const SAME: &str = "same_value";
/// The last argument of NVL2, and a value of the type of the one before it: `matched` takes it out.
pub const NVL2_ELSE: &str = "nvl2_else";
/// A row of several values beside a query or in one: `membership` takes it apart.
pub const ROW: &str = "row_of";
/// A value a column takes, and a NULL of the column's type: `matched` takes it out.
pub const ASSIGNED: &str = "assigned";

pub fn all() -> Vec<Arc<ScalarUDF>> {
    let mark = Function {
        name: CAST,
        params: &[Kind::Any, Kind::Any],
        optional: 0,
        variadic: false,
        returns: |types| match types.first() {
            Some(ty) => Ok(ty.clone()),
            None => plan_err!("a cast needs a value"),
        },
        // the value; grouping sets keep their marks
        run: |args| {
            let value = args.arg(0)?;
            match value.is_constant() && args.rows > 1 {
                true => {
                    let one = ScalarValue::try_from_array(&value.array, 0)?;
                    one.to_array_of_size(args.rows)
                }
                false => Ok(Arc::clone(&value.array)),
            }
        },
    };
    let same = Function { name: SAME, params: &[Kind::Any], ..mark };
    let otherwise = Function {
        name: NVL2_ELSE,
        returns: |types| match types {
            [own, other] => Ok(converted(own, other).unwrap_or_else(|| own.clone())),
            _ => plan_err!("nvl2 takes three values"),
        },
        run: |_| exec_err!("a mark of the planner is left in the plan"),
        ..mark
    };
    let assigned = Function {
        name: ASSIGNED,
        returns: |types| match types {
            [_, column] => Ok(column.clone()),
            _ => plan_err!("an assignment is of a value to a column"),
        },
        ..otherwise
    };
    let row = Function {
        name: ROW,
        params: &[Kind::Any],
        variadic: true,
        returns: |_| Ok(DataType::Boolean),
        ..otherwise
    };
    vec![udf(mark), udf(same), udf(otherwise), udf(assigned), udf(row)]
}

/// What the last value of NVL2 becomes beside one of another kind (r_NVL2); `None` for itself.
pub fn converted(own: &DataType, other: &DataType) -> Option<DataType> {
    let differ = is_text(own) != is_text(other) && !own.is_null() && !other.is_null();
    differ.then(|| if is_text(other) { DataType::Utf8View } else { other.clone() })
}
