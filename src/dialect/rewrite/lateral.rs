//! Aliases of a select list where they stand for their expressions: lateral ones, `select a + 1 as b,
//! b * 2`, and those that ORDER BY found hidden. It acts only on a name that the planner did not find,
//! and only in a SELECT whose FROM has no such column.
//!
//! Source: r_SELECT_list: an alias may be used later in the same list; a column of FROM with the
//! same name wins.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    Cte, Expr, Ident, OrderBy, Query, Select, SelectItem, SetExpr, Visit, VisitMut, Visitor,
    VisitorMut, WildcardAdditionalOptions, With,
};

use super::ordered::hidden;
use crate::dialect::build;
use crate::dialect::own;
use crate::dialect::sight::{Sight, address};

/// Whether the FROM of a SELECT has a column of the name.
pub struct Question {
    /// Which SELECT, as [`substitute`] is told it.
    pub select: usize,
    /// All columns of its FROM.
    pub query: Query,
}

/// What is to be known before the alias `name` is put in its place; nothing where there is none.
pub fn questions(query: &Query, name: &str) -> Vec<Question> {
    let mut asking = Asking { name, sight: Sight::new(), inside: 0, found: Vec::new() };
    let _ = query.visit(&mut asking);
    asking.found
}

struct Asking<'a> {
    name: &'a str,
    sight: Sight<Cte>,
    /// How many SELECTs with the alias are around the place at hand.
    inside: usize,
    found: Vec<Question>,
}

impl Visitor for Asking<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.sight.before(query);
        let with = query.with.as_ref();
        self.sight.enter(query, with.map_or_else(Vec::new, |with| with.cte_tables.clone()));
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.sight.leave(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        self.inside += usize::from(defined(select, self.name).is_some());
        if self.inside == 0 || select.from.is_empty() {
            return ControlFlow::Continue(());
        }
        let cte_tables: Vec<Cte> = self.sight.seen().rev().cloned().collect();
        let with = (!cte_tables.is_empty()).then(|| With {
            with_token: AttachedToken::empty(),
            recursive: self.sight.recursive(),
            cte_tables,
        });
        let all = SelectItem::Wildcard(WildcardAdditionalOptions::default());
        let all = build::select(vec![all], select.from.clone(), None);
        let query = build::select_query(with, all);
        self.found.push(Question { select: address(select), query });
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        self.inside -= usize::from(defined(select, self.name).is_some());
        ControlFlow::Continue(())
    }
}

/// Where a SELECT defines an alias: its position, its expression and what it is called for now.
fn defined(select: &Select, name: &str) -> Option<(usize, Expr, Ident)> {
    select.projection.iter().enumerate().find_map(|(index, item)| match item {
        SelectItem::ExprWithAlias { expr, alias }
            if alias.value == name || hidden(&alias.value) == Some(name) =>
        {
            Some((index, build::nested(expr.clone()), alias.clone()))
        }
        _ => None,
    })
}

/// Puts the expression of the alias `name` in place of its uses, in the first SELECT that has some and
/// whose FROM has no such column; `having` are those that have. False when there is none.
pub fn substitute(query: &mut Query, name: &str, having: &HashSet<usize>) -> bool {
    query.visit(&mut Lateral { name, having }).is_break()
}

struct Lateral<'a> {
    name: &'a str,
    having: &'a HashSet<usize>,
}

impl Lateral<'_> {
    fn body(&self, body: &mut SetExpr, order_by: Option<&mut OrderBy>) -> bool {
        match body {
            SetExpr::Select(select) => self.select(select, order_by),
            SetExpr::SetOperation { left, right, .. } => {
                self.body(left, None) || self.body(right, None)
            }
            _ => false,
        }
    }

    fn select(&self, select: &mut Select, order_by: Option<&mut OrderBy>) -> bool {
        let Some((index, value, called)) = defined(select, self.name) else { return false };
        if self.having.contains(&address(select)) {
            return false;
        }
        let Lateral { name, having } = *self;
        let mut replace = Replace { name, value, having, shadows: 0, changed: false };
        for item in select.projection.iter_mut().skip(index + 1) {
            let _ = item.visit(&mut replace);
        }
        let _ = VisitMut::visit(&mut select.selection, &mut replace);
        let mut changed = replace.changed;
        if called.value != name {
            // it is an alias after all, under the name that it has now
            let mut call = |expr: &mut Expr| {
                if is(expr, name) {
                    *expr = Expr::Identifier(called.clone());
                    changed = true;
                }
            };
            own::each(&mut select.group_by, &mut call);
            own::each(&mut select.having, &mut call);
            own::each(&mut select.qualify, &mut call);
            if let Some(order_by) = order_by {
                own::each(order_by, &mut call);
            }
        }
        changed
    }
}

impl VisitorMut for Lateral<'_> {
    type Break = ();

    // inner queries come first, as they are planned first
    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let Query { body, order_by, .. } = query;
        match self.body(body, order_by.as_mut()) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

fn is(expr: &Expr, name: &str) -> bool {
    matches!(expr, Expr::Identifier(ident) if ident.value == name)
}

struct Replace<'a> {
    name: &'a str,
    value: Expr,
    having: &'a HashSet<usize>,
    /// Queries around the place at hand that give the name another meaning.
    shadows: usize,
    changed: bool,
}

impl Replace<'_> {
    fn shadows(&self, query: &Query) -> bool {
        let SetExpr::Select(select) = query.body.as_ref() else { return false };
        self.having.contains(&address(&**select)) || defined(select, self.name).is_some()
    }
}

impl VisitorMut for Replace<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        self.shadows += usize::from(self.shadows(query));
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        self.shadows -= usize::from(self.shadows(query));
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        self.shadows += usize::from(self.having.contains(&address(select)));
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        self.shadows -= usize::from(self.having.contains(&address(select)));
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.shadows == 0 && is(expr, self.name) {
            *expr = self.value.clone();
            self.changed = true;
        }
        ControlFlow::Continue(())
    }
}
