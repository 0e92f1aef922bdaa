//! The frame of a window whose end is left out: the current row bounds it, on the side that is free.
//! It changes no other expression.
//!
//! Source: c_Window_functions (ROWS UNBOUNDED FOLLOWING is ROWS BETWEEN CURRENT ROW AND UNBOUNDED
//! FOLLOWING).

use datafusion::sql::sqlparser::ast::{Expr, WindowFrameBound, WindowType};

pub fn expression(expr: &mut Expr) {
    if let Expr::Function(function) = expr
        && let Some(WindowType::WindowSpec(spec)) = &mut function.over
        && let Some(frame) = &mut spec.window_frame
        && frame.end_bound.is_none()
        && matches!(frame.start_bound, WindowFrameBound::Following(_))
    {
        let end = std::mem::replace(&mut frame.start_bound, WindowFrameBound::CurrentRow);
        frame.end_bound = Some(end);
    }
}
