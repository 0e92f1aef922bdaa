//! Text to TIME. Dates and timestamps are in `casting`.
//!
//! Source: r_Date_and_time_literals, "Times".

use std::sync::Arc;

use arrow::array::{ArrayRef, Time64MicrosecondArray};
use arrow::datatypes::{DataType, TimeUnit};
use chrono::{NaiveDateTime, NaiveTime};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::ScalarUDF;

use super::casting::{parse_timestamp, time_of};
use super::udf::{Args, Function, Kind, udf};

pub fn all() -> Vec<Arc<ScalarUDF>> {
    let function = |name, run| {
        udf(Function {
            name,
            params: &[Kind::Text],
            optional: 0,
            variadic: false,
            returns: |_| Ok(DataType::Time64(TimeUnit::Microsecond)),
            run,
        })
    };
    vec![
        function("text_to_time", |args| read(args, true)),
        function("try_time", |args| read(args, false)),
    ]
}

/// A time of day, or the time of a timestamp; a zone after it is ignored.
fn parse_time(text: &str) -> Option<i64> {
    let text = text.trim();
    let time =
        time_of(text).or_else(|| parse_timestamp(text).map(|at: NaiveDateTime| at.time()))?;
    Some(time.signed_duration_since(NaiveTime::MIN).num_microseconds().unwrap_or(0))
}

fn read(args: &Args, strict: bool) -> Result<ArrayRef> {
    let texts = args.text(0)?;
    let out: Time64MicrosecondArray = (0..args.rows)
        .map(|i| match texts.get(i).map(|t| (t, parse_time(t))) {
            Some((t, None)) if strict => {
                Err(exec_datafusion_err!("invalid input syntax for type time: \"{t}\""))
            }
            found => Ok(found.and_then(|(_, time)| time)),
        })
        .collect::<Result<_>>()?;
    Ok(Arc::new(out))
}
