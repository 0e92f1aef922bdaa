//! TRY_CAST of text: what CAST reads, and NULL where CAST fails. It converts nothing but text.
//!
//! Source: r_TRY_CAST.

use std::sync::Arc;

use arrow::array::{
    BooleanArray, Date32Array, Int64Array, StringViewBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

use super::casting::{number_text, parse_boolean, parse_date, parse_timestamp};
use super::parts::{days_of, micros_of};
use super::udf::{Args, Function, Kind, TIMESTAMP, udf};
use super::zones::{zoned, zoned_micros};

pub fn all() -> Vec<Arc<ScalarUDF>> {
    let function = |name, returns, run| {
        udf(Function { name, params: &[Kind::Text], optional: 0, variadic: false, returns, run })
    };
    vec![
        function(
            "try_date",
            |_| Ok(DataType::Date32),
            |args| {
                let out: Date32Array =
                    each(args, |t| parse_date(t).map(days_of))?.into_iter().collect();
                Ok(Arc::new(out))
            },
        ),
        function(
            "try_timestamp",
            |_| Ok(TIMESTAMP),
            |args| {
                let out: TimestampMicrosecondArray =
                    each(args, |t| parse_timestamp(t).and_then(micros_of))?.into_iter().collect();
                Ok(Arc::new(out))
            },
        ),
        function(
            "try_timestamptz",
            |_| Ok(zoned()),
            |args| {
                let out: TimestampMicrosecondArray =
                    each(args, |t| zoned_micros(t).ok().flatten())?.into_iter().collect();
                Ok(Arc::new(out.with_data_type(zoned())))
            },
        ),
        function(
            "try_boolean",
            |_| Ok(DataType::Boolean),
            |args| {
                let out: BooleanArray = each(args, parse_boolean)?.into_iter().collect();
                Ok(Arc::new(out))
            },
        ),
        function(
            "try_bigint",
            |_| Ok(DataType::Int64),
            |args| {
                let out: Int64Array = each(args, |t| t.trim().parse().ok())?.into_iter().collect();
                Ok(Arc::new(out))
            },
        ),
        function(
            "try_number",
            |_| Ok(DataType::Utf8View),
            |args| {
                let texts = args.text(0)?;
                let mut out = StringViewBuilder::with_capacity(args.rows);
                for i in 0..args.rows {
                    out.append_option(texts.get(i).and_then(number_text));
                }
                Ok(Arc::new(out.finish()))
            },
        ),
    ]
}

fn each<T>(args: &Args, read: impl Fn(&str) -> Option<T>) -> Result<Vec<Option<T>>> {
    let texts = args.text(0)?;
    Ok((0..args.rows).map(|i| texts.get(i).and_then(&read)).collect())
}
