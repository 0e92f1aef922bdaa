//! Lateral column aliases: `select a + 1 as b, b * 2`. It acts only on a name no table has.
//!
//! Source: r_SELECT_list: an alias may be used later in the same list; a column of FROM with the
//! same name wins. So it is asked only after the planner did not find the column.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Query, Select, SelectItem, VisitMut, VisitorMut};

use crate::dialect::build;

/// Puts the expression of the alias `name` in place of its uses. False when it is nobody's alias.
pub fn substitute(query: &mut Query, name: &str) -> bool {
    let mut lateral = Lateral { name, changed: false };
    let _ = query.visit(&mut lateral);
    lateral.changed
}

struct Lateral<'a> {
    name: &'a str,
    changed: bool,
}

impl VisitorMut for Lateral<'_> {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let defined = select.projection.iter().enumerate().find_map(|(i, item)| match item {
            SelectItem::ExprWithAlias { expr, alias } if alias.value == self.name => {
                Some((i, build::nested(expr.clone())))
            }
            _ => None,
        });
        let Some((index, value)) = defined else { return ControlFlow::Continue(()) };
        let mut replace = Replace { name: self.name, value, changed: false };
        for item in select.projection.iter_mut().skip(index + 1) {
            let _ = item.visit(&mut replace);
        }
        if let Some(filter) = &mut select.selection {
            let _ = filter.visit(&mut replace);
        }
        self.changed |= replace.changed;
        ControlFlow::Continue(())
    }
}

struct Replace<'a> {
    name: &'a str,
    value: Expr,
    changed: bool,
}

impl VisitorMut for Replace<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if matches!(expr, Expr::Identifier(ident) if ident.value == self.name) {
            *expr = self.value.clone();
            self.changed = true;
        }
        ControlFlow::Continue(())
    }
}
