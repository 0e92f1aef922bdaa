//! Redshift's syntax tree to one DataFusion plans with the same meaning. It sees names and shapes, no types.
//!
//! The tree stays a tree: nothing is printed and parsed again, so places and volatile calls survive.

mod calls;
mod columns;
mod ctes;
mod elsewhere;
mod frames;
mod gathered;
mod hierarchy;
mod interval;
mod lateral;
mod literals;
mod moments;
mod names;
mod ordered;
mod outer;
mod quantified;
mod renamed;
mod row_values;
mod shaped;
mod shapes;
mod table;
mod tested;
mod untold;
mod using;
mod whole_rows;

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Query, Select, TableFactor, VisitMut, VisitorMut};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::plan::Clock;
use super::relations;
use crate::error::Error;

pub use calls::WITH_PART;
pub use lateral::{questions, substitute};
pub use literals::typed;
pub use names::{MARK, output_name};
pub use renamed::rename;
pub use tested::is_aggregate;
pub use untold::{candidates, tell};

/// True for the name of a function that may be called.
pub fn is_known(name: &str) -> bool {
    table::find(name).is_some()
}

/// An error and where in the text it is; the file is known to the caller.
pub type Located = Box<(Error, Span)>;

/// Rewrites a query in place.
///
/// Errors: `sql/unknown-function` for a name that is not Redshift's, `sql/syntax` for arguments
/// that are not, `sql/unsupported` for what cannot run faithfully.
pub fn rewrite(query: &mut Query, clock: &Clock) -> Result<(), Located> {
    match query.visit(&mut Rewriter { clock, depth: 0 }) {
        ControlFlow::Break(located) => Err(located),
        ControlFlow::Continue(()) => {
            // those that took the place of CONNECT BY, too
            ctes::rename(query);
            literals::mark(query);
            Ok(())
        }
    }
}

struct Rewriter<'a> {
    clock: &'a Clock,
    /// How many queries the walk is inside.
    depth: usize,
}

fn flow(result: Result<(), Located>) -> ControlFlow<Located> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(located) => ControlFlow::Break(located),
    }
}

impl VisitorMut for Rewriter<'_> {
    type Break = Located;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Located> {
        if let Err(located) = relations::query(query) {
            return ControlFlow::Break(located);
        }
        shapes::exclude(&mut query.body);
        columns::query(query);
        ordered::query(query, self.depth == 0);
        if self.depth > 0 {
            shapes::offset(query);
        }
        self.depth += 1;
        flow(
            using::query(query)
                .and_then(|()| hierarchy::query(query))
                .and_then(|()| shapes::query(query)),
        )
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Located> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Located> {
        ordered::sets(select);
        flow(
            hierarchy::left(select)
                .and_then(|()| outer::select(select))
                .and_then(|()| shapes::select(select))
                .map(|()| columns::stars(select))
                .map(|()| names::select(select)),
        )
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Located> {
        columns::factor(factor);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Located> {
        ordered::expression(expr);
        row_values::expression(expr);
        quantified::expression(expr);
        tested::expression(expr);
        frames::expression(expr);
        // before the arguments are visited: a date part is not a column
        flow(calls::name_parts(expr))
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Located> {
        tested::distinct(expr);
        let done = flow(calls::expression(expr, self.clock));
        tested::only_row(expr);
        row_values::within(expr);
        done
    }
}
