//! The frame of a window. Where its end is left out, the current row bounds it on the side that is free.
//! Where it is the whole partition, what does not look at the order has none: DataFusion 55.2 takes
//! `MAX(b) OVER (PARTITION BY a)` and such a `MAX(b) OVER (ORDER BY a)` for one expression, and fails.
//! It changes no other expression.
//!
//! Source: c_Window_functions (ROWS UNBOUNDED FOLLOWING is ROWS BETWEEN CURRENT ROW AND UNBOUNDED
//! FOLLOWING; without ORDER BY the frame is the whole partition).

use datafusion::sql::sqlparser::ast::{Expr, WindowFrame, WindowFrameBound, WindowType};

use super::calls::name_of;

/// Aggregates that give the same whatever the order of their rows.
const UNORDERED: &[&str] = &["avg", "count", "max", "min", "sum"];

pub fn expression(expr: &mut Expr) {
    let Expr::Function(function) = expr else { return };
    let unordered = UNORDERED.contains(&name_of(function));
    let Some(WindowType::WindowSpec(spec)) = &mut function.over else { return };
    let Some(frame) = &mut spec.window_frame else { return };
    if frame.end_bound.is_none() && matches!(frame.start_bound, WindowFrameBound::Following(_)) {
        let end = std::mem::replace(&mut frame.start_bound, WindowFrameBound::CurrentRow);
        frame.end_bound = Some(end);
    }
    if unordered && is_whole(frame) {
        spec.order_by.clear();
        spec.window_frame = None;
    }
}

fn is_whole(frame: &WindowFrame) -> bool {
    matches!(frame.start_bound, WindowFrameBound::Preceding(None))
        && matches!(frame.end_bound, Some(WindowFrameBound::Following(None)))
}
