//! The expressions of one query, those of the queries inside it aside. It changes none.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Function, Query, Visit, Visitor};

/// Shows `see` the expressions of a part of a query, outer ones first, until it breaks off.
pub fn expressions(
    tree: &impl Visit,
    see: impl FnMut(&Expr) -> ControlFlow<()>,
) -> ControlFlow<()> {
    tree.visit(&mut Own { depth: 0, see })
}

/// True where a part of a query holds such an expression.
pub fn holds(tree: &impl Visit, such: impl Fn(&Expr) -> bool) -> bool {
    let found = expressions(tree, |expr| match such(expr) {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// True where a part of a query calls such a function.
pub fn calls(tree: &impl Visit, such: impl Fn(&Function) -> bool) -> bool {
    holds(tree, |expr| matches!(expr, Expr::Function(function) if such(function)))
}

struct Own<F> {
    /// Queries around the node at hand.
    depth: usize,
    see: F,
}

impl<F: FnMut(&Expr) -> ControlFlow<()>> Visitor for Own<F> {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match self.depth {
            0 => (self.see)(expr),
            _ => ControlFlow::Continue(()),
        }
    }
}
