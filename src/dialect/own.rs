//! The expressions of one query, those of the queries inside it aside. What becomes of them is the
//! caller's.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, GroupByExpr, Query, Select, Visit, VisitMut, Visitor, VisitorMut,
};

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

/// Gives `change` the expressions of a part of a query, outer ones first: the parts of what it makes
/// of one come after it.
pub fn each(tree: &mut impl VisitMut, change: impl FnMut(&mut Expr)) {
    let _ = tree.visit(&mut OwnMut { depth: 0, change });
}

/// True for a SELECT with GROUP BY.
pub fn is_grouped(select: &Select) -> bool {
    !matches!(&select.group_by, GroupByExpr::Expressions(keys, _) if keys.is_empty())
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

struct OwnMut<F> {
    /// Queries around the node at hand.
    depth: usize,
    change: F,
}

impl<F: FnMut(&mut Expr)> VisitorMut for OwnMut<F> {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.depth == 0 {
            (self.change)(expr);
        }
        ControlFlow::Continue(())
    }
}
