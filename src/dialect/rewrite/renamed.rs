//! Another name for a relation, everywhere in a query. It is asked only where the planner took a column
//! of that name for it.
//!
//! DataFusion 55.2 takes `d.id` in a subquery whose FROM has a column `d` for a field of the column,
//! before it looks for a relation `d` outside. Redshift finds the relation.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectName, Query, Select,
    SelectItem, SelectItemQualifiedWildcardKind as Kind, TableFactor, VisitMut, VisitorMut,
};

use super::names::MARK;
use crate::dialect::build;
use crate::dialect::tables::{called, factors};

/// Gives every relation `name` of a query another one, and calls it so. False if there is none, or
/// where one FROM has two.
///
/// What a name in front of a column means stays the same, since all of one name change it.
pub fn rename(query: &mut Query, name: &str) -> bool {
    let mut twins = Twins { name, found: false };
    let _ = query.visit(&mut twins);
    if twins.found {
        return false;
    }
    let mut rename = Rename { name, own: format!("{name}{MARK}outer"), changed: false };
    let _ = query.visit(&mut rename);
    rename.changed
}

/// Looks for what cannot be renamed.
struct Twins<'a> {
    name: &'a str,
    found: bool,
}

impl VisitorMut for Twins<'_> {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let same = |factor: &&TableFactor| called(factor).is_some_and(|own| own == self.name);
        self.found |= factors(&select.from).filter(same).count() > 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let alias = match factor {
            TableFactor::Pivot { alias, .. }
            | TableFactor::Unpivot { alias, .. }
            | TableFactor::Function { alias, .. }
            | TableFactor::TableFunction { alias, .. }
            | TableFactor::UNNEST { alias, .. }
            | TableFactor::NestedJoin { alias, .. } => alias.as_ref(),
            _ => None,
        };
        self.found |= alias.is_some_and(|alias| alias.name.value == self.name);
        ControlFlow::Continue(())
    }
}

struct Rename<'a> {
    name: &'a str,
    own: String,
    changed: bool,
}

impl Rename<'_> {
    /// `t.*` and `s.t.*`.
    fn wildcard(&self, relation: &mut ObjectName) {
        let last = relation.0.last().and_then(|part| part.as_ident());
        if last.is_some_and(|last| last.value == self.name) {
            *relation = ObjectName::from(vec![build::ident(&self.own)]);
        }
    }

    fn arguments(&self, function: &mut Function) {
        let FunctionArguments::List(list) = &mut function.args else { return };
        for arg in &mut list.args {
            if let FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(relation)) = arg {
                self.wildcard(relation);
            }
        }
    }
}

impl VisitorMut for Rename<'_> {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            if let SelectItem::QualifiedWildcard(Kind::ObjectName(relation), _) = item {
                self.wildcard(relation);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if called(factor).is_none_or(|called| called != self.name) {
            return ControlFlow::Continue(());
        }
        if let TableFactor::Table { alias, .. } | TableFactor::Derived { alias, .. } = factor {
            alias.get_or_insert(build::alias(&self.own)).name = build::ident(&self.own);
            self.changed = true;
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            // the table of the column, whatever stands before it
            Expr::CompoundIdentifier(parts) => {
                let relation = parts.len().checked_sub(2);
                if let Some(relation) = relation
                    && parts.get(relation).is_some_and(|part| part.value == self.name)
                {
                    parts.drain(..=relation);
                    parts.insert(0, build::ident(&self.own));
                }
            }
            Expr::QualifiedWildcard(relation, _) => self.wildcard(relation),
            Expr::Function(function) => self.arguments(function),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
