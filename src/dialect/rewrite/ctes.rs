//! Names of their own for queries of WITH inside a query where another of that name is in sight, which
//! DataFusion 55.2 refuses. What reads one goes on calling it by its old name. It changes no other
//! name.
//!
//! Source: r_WITH_clause; PostgreSQL, where the nearest WITH clause has a name.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Ident, ObjectName, ObjectNamePart, Query, TableFactor, VisitMut, VisitorMut,
};

use super::names::MARK;
use crate::dialect::build;
use crate::dialect::sight::Sight;

/// Renames the queries of WITH that hide another.
pub fn rename(query: &mut Query) {
    let _ = query.visit(&mut Rename { sight: Sight::new(), clauses: 0 });
}

/// A query of WITH.
struct Named {
    /// As it is written.
    name: String,
    /// Another one instead.
    own: Option<String>,
}

struct Rename {
    sight: Sight<Named>,
    /// WITH clauses so far.
    clauses: usize,
}

impl VisitorMut for Rename {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        self.sight.before(query);
        let mut known = Vec::new();
        if let Some(with) = &mut query.with {
            self.clauses += 1;
            for cte in &mut with.cte_tables {
                let name = cte.alias.name.value.clone();
                let hides = self.sight.seen().any(|other| other.name == name);
                let own = hides.then(|| format!("{name}{MARK}with{}", self.clauses));
                if let Some(own) = &own {
                    cte.alias.name = build::ident(own);
                }
                known.push(Named { name, own });
            }
        }
        self.sight.enter(query, known);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        self.sight.leave(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let TableFactor::Table { name, alias, .. } = factor else {
            return ControlFlow::Continue(());
        };
        let [ObjectNamePart::Identifier(written)] = name.0.as_slice() else {
            return ControlFlow::Continue(());
        };
        let meant = self.sight.seen().find(|known| known.name == written.value);
        if let Some(own) = meant.and_then(|known| known.own.as_ref()) {
            let called = build::alias(&written.value);
            alias.get_or_insert(called);
            *name = ObjectName::from(vec![Ident { value: own.clone(), ..written.clone() }]);
        }
        ControlFlow::Continue(())
    }
}
