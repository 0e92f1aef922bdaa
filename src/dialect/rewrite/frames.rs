//! The frame of a window. Where its end is left out, the current row bounds it on the side that is free.
//! Windows that differ only in which of their columns partition and which order are kept apart:
//! DataFusion 55.2 takes `MAX(b) OVER (PARTITION BY a)` and such a `MAX(b) OVER (ORDER BY a)` for one
//! expression. It changes no other expression.
//!
//! Source: c_Window_functions (ROWS UNBOUNDED FOLLOWING is ROWS BETWEEN CURRENT ROW AND UNBOUNDED
//! FOLLOWING; without ORDER BY the frame is the whole partition).

use datafusion::sql::sqlparser::ast::{
    Expr, OrderByExpr, OrderByOptions, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowSpec,
    WindowType,
};

use super::calls::name_of;
use crate::dialect::build;

/// Aggregates that give the same whatever the order of their rows.
const UNORDERED: &[&str] = &["avg", "count", "max", "min", "sum"];

/// What looks at the frame and needs none.
const FRAMED: &[&str] = &["first_value", "last_value", "nth_value"];

pub fn expression(expr: &mut Expr) {
    let Expr::Function(function) = expr else { return };
    let unordered = UNORDERED.contains(&name_of(function));
    let framed = FRAMED.contains(&name_of(function));
    let Some(WindowType::WindowSpec(spec)) = &mut function.over else { return };
    if let Some(frame) = &mut spec.window_frame
        && frame.end_bound.is_none()
        && matches!(frame.start_bound, WindowFrameBound::Following(_))
    {
        let end = std::mem::replace(&mut frame.start_bound, WindowFrameBound::CurrentRow);
        frame.end_bound = Some(end);
    }
    let whole = match &spec.window_frame {
        Some(frame) => is_whole(frame),
        None => spec.order_by.is_empty(),
    };
    match (unordered, whole) {
        (true, true) => {
            spec.order_by.clear();
            spec.window_frame = None;
        }
        _ if spec.order_by.is_empty() && (framed || spec.window_frame.is_some()) => {
            order_of_none(spec);
        }
        _ => {}
    }
}

/// An order that leaves the rows as they come, and the frame that goes without one.
fn order_of_none(spec: &mut WindowSpec) {
    let options = OrderByOptions { asc: None, nulls_first: None };
    spec.order_by = vec![OrderByExpr { expr: build::number(1), options, with_fill: None }];
    spec.window_frame.get_or_insert(WindowFrame {
        units: WindowFrameUnits::Rows,
        start_bound: WindowFrameBound::Preceding(None),
        end_bound: Some(WindowFrameBound::Following(None)),
    });
}

fn is_whole(frame: &WindowFrame) -> bool {
    matches!(frame.start_bound, WindowFrameBound::Preceding(None))
        && matches!(frame.end_bound, Some(WindowFrameBound::Following(None)))
}
