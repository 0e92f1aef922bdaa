//! Whole numbers get the type of their size: INTEGER where four bytes hold them, else BIGINT, else
//! DECIMAL. It sees no types but those of numbers.
//!
//! Source: r_Numeric_types201, r_numeric_literals201. The planner knows no four-byte literal, so a
//! number is handed to it as an array of one, which [`typed`] plans; Redshift has no arrays, and
//! they are refused before.

use std::ops::ControlFlow;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr as Planned, lit};
use datafusion::sql::sqlparser::ast::{
    Array, DataType, ExactNumberInfo, Expr, Function, GroupByExpr, LimitClause, OrderBy,
    OrderByKind, Query, Select, Value, ValueWithSpan, VisitMut, VisitorMut, WindowType,
};

use crate::dialect::build;
use crate::error::{Error, Result};

/// Hands every whole number to [`typed`], but positions in ORDER BY and GROUP BY and row counts.
pub fn mark(query: &mut Query) {
    let _ = query.visit(&mut Marker);
}

/// A number with an exponent, written out; a decimal, as every number with a point or an exponent
/// (r_numeric_literals201). `None` for a number without one.
///
/// Errors: `sql/overflow` for more digits than a decimal has.
pub fn written_out(number: &str) -> Result<Option<Expr>> {
    let too_long = || {
        Error::failed("sql/overflow", format!("{number} has more than the 38 digits of a decimal"))
            .hint(format!("write '{number}'::float8"))
    };
    let lower = number.to_ascii_lowercase();
    let Some((digits, exponent)) = lower.split_once('e') else {
        let digits = number.trim_start_matches('0').bytes().filter(u8::is_ascii_digit).count();
        return if digits > 38 { Err(too_long()) } else { Ok(None) };
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let exponent: i64 = exponent.parse().map_err(|_| too_long())?;
    let scale = i64::try_from(fraction.len()).unwrap_or(i64::MAX).saturating_sub(exponent);
    let text = format!("{whole}{fraction}");
    let text = text.trim_start_matches('0');
    let places = usize::try_from(scale.max(0)).unwrap_or(usize::MAX);
    let zeros = usize::try_from((-scale).max(0)).unwrap_or(usize::MAX);
    if places > 37 || zeros > 38 || text.len() + zeros > 38 {
        return Err(too_long());
    }
    let text = format!("{text}{}", "0".repeat(zeros));
    let text = format!("{text:0>width$}", width = places + 1);
    let (whole, fraction) = text.split_at(text.len() - places);
    let point = if places > 0 { "." } else { "" };
    let plain = Expr::value(Value::Number(format!("{whole}{point}{fraction}"), false));
    let precision = u64::try_from(text.len()).unwrap_or(38).min(38);
    let info = ExactNumberInfo::PrecisionAndScale(precision, scale.max(0));
    Ok(Some(build::cast(plain, DataType::Decimal(info))))
}

/// The literal inside an array that [`mark`] made.
pub fn typed(elements: &[Planned]) -> Option<Planned> {
    let [Planned::Literal(value, None)] = elements else { return None };
    Some(match value {
        ScalarValue::Int64(Some(n)) => match i32::try_from(*n) {
            Ok(small) => lit(small),
            Err(_) => lit(*n),
        },
        ScalarValue::UInt64(Some(n)) => lit(ScalarValue::Decimal128(Some(i128::from(*n)), 20, 0)),
        // more digits than eight bytes hold
        ScalarValue::Decimal128(..) => lit(value.clone()),
        _ => return None,
    })
}

struct Marker;

/// Keeps a number that is no value of the query: the suffix says so until the walk comes by.
fn keep(expr: &mut Expr) {
    if let Expr::Value(ValueWithSpan { value: Value::Number(_, suffixed), .. }) = expr {
        *suffixed = true;
    }
}

fn keep_order(order: &mut OrderBy) {
    if let OrderByKind::Expressions(keys) = &mut order.kind {
        keys.iter_mut().for_each(|k| keep(&mut k.expr));
    }
}

impl VisitorMut for Marker {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let Some(order) = &mut query.order_by {
            keep_order(order);
        }
        if let Some(LimitClause::LimitOffset { limit, offset, .. }) = &mut query.limit_clause {
            limit.iter_mut().for_each(keep);
            offset.iter_mut().for_each(|o| keep(&mut o.value));
        }
        if let Some(fetch) = &mut query.fetch {
            fetch.quantity.iter_mut().for_each(keep);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if let GroupByExpr::Expressions(keys, _) = &mut select.group_by {
            keys.iter_mut().for_each(keep_group);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Interval(interval) => keep(&mut interval.value),
            Expr::Function(Function { over: Some(WindowType::WindowSpec(window)), .. }) => {
                let frame = window.window_frame.iter_mut();
                let bounds =
                    frame.flat_map(|f| std::iter::once(&mut f.start_bound).chain(&mut f.end_bound));
                for bound in bounds {
                    use datafusion::sql::sqlparser::ast::WindowFrameBound as Bound;
                    if let Bound::Preceding(Some(n)) | Bound::Following(Some(n)) = bound {
                        keep(n);
                    }
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Value(ValueWithSpan { value: Value::Number(digits, suffixed), .. }) = expr {
            let kept = std::mem::take(suffixed);
            if !kept && digits.bytes().all(|b| b.is_ascii_digit()) {
                let number = expr.clone();
                *expr = Expr::Array(Array { elem: vec![number], named: true });
            }
        }
        ControlFlow::Continue(())
    }
}

fn keep_group(key: &mut Expr) {
    match key {
        Expr::Rollup(sets) | Expr::Cube(sets) | Expr::GroupingSets(sets) => {
            sets.iter_mut().flatten().for_each(keep);
        }
        other => keep(other),
    }
}
