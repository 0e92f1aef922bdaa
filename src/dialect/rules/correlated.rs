//! Correlated subqueries that Redshift cannot turn into joins (r_correlated_subqueries).
//!
//! A reference is told by its qualifier: one without could be a column of any relation.

use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, JoinConstraint, JoinOperator, Query, Select, SelectItem, SetExpr, Spanned,
    TableFactor, TableWithJoins, Visit, Visitor,
};
use datafusion::sql::sqlparser::tokenizer::Span;
use std::ops::ControlFlow;

use super::find::function_name;
use super::known::Known;
use super::scope::select_of;
use crate::dialect::command::{Command, InsertSource, Merge, MergeAction, MergeForm};
use crate::dialect::own;
use crate::dialect::tables::{called, factors};

/// Where a statement has a correlated subquery of a kind Redshift refuses.
pub fn unsupported(command: &Command, _: &Known) -> Vec<Span> {
    let mut walk = Walk::default();
    let _ = match command {
        Command::Query(query) | Command::Declare { query, .. } => query.visit(&mut walk),
        Command::Unload(unload) => unload.query.visit(&mut walk),
        Command::Update(_) | Command::Delete(_) | Command::Merge(_) => {
            walk.change(command);
            ControlFlow::Continue(())
        }
        Command::CreateTableAs(create) => create.query.visit(&mut walk),
        Command::CreateView(view) => view.query.visit(&mut walk),
        Command::Insert(insert) => match &insert.source {
            InsertSource::Query(query) => query.visit(&mut walk),
            InsertSource::DefaultValues => ControlFlow::Continue(()),
        },
        _ => ControlFlow::Continue(()),
    };
    walk.found
}

/// One query block on the way down.
#[derive(Default)]
struct Block {
    /// The names of its relations.
    relations: Vec<String>,
    window: bool,
}

#[derive(Default)]
struct Walk {
    blocks: Vec<Block>,
    found: Vec<Span>,
}

impl Walk {
    /// A statement that changes rows is a block of its own: its target, and what it reads beside it.
    fn change(&mut self, command: &Command) {
        let (target, alias, from) = match command {
            Command::Update(update) => (&update.target, &update.alias, update.from.as_slice()),
            Command::Delete(delete) => (&delete.target, &delete.alias, delete.using.as_slice()),
            Command::Merge(merge) => (&merge.target, &merge.target_alias, &[][..]),
            _ => return,
        };
        let mut relations = vec![alias.clone().unwrap_or_else(|| target.table.clone())];
        relations.extend(factors(from).filter_map(called));
        if let Command::Merge(merge) = command {
            relations.extend(called(&merge.source));
        }
        let with = match command {
            Command::Update(update) => &update.with,
            Command::Delete(delete) => &delete.with,
            Command::Merge(merge) => &merge.with,
            _ => &None,
        };
        let _ = with.visit(self);
        let _ = match command {
            Command::Merge(merge) => merge.source.visit(self),
            _ => from.iter().try_for_each(|tables| tables.visit(self)),
        };
        self.blocks.push(Block { relations, window: false });
        let _ = match command {
            Command::Update(update) => {
                let _ = update.set.iter().try_for_each(|(_, value)| value.visit(self));
                update.filter.visit(self)
            }
            Command::Delete(delete) => delete.filter.visit(self),
            Command::Merge(merge) => self.merge(merge),
            _ => ControlFlow::Continue(()),
        };
        self.blocks.pop();
    }

    fn merge(&mut self, merge: &Merge) -> ControlFlow<()> {
        let _ = merge.on.visit(self);
        let MergeForm::Clauses(clauses) = &merge.form else { return ControlFlow::Continue(()) };
        for clause in clauses {
            let _ = clause.condition.visit(self);
            let _ = match &clause.action {
                MergeAction::Update(set) => set.iter().try_for_each(|(_, v)| v.visit(self)),
                MergeAction::Insert { values, .. } => values.visit(self),
                MergeAction::Delete | MergeAction::DoNothing => ControlFlow::Continue(()),
            };
        }
        ControlFlow::Continue(())
    }

    /// How many blocks above this one a qualified column belongs; 0 is this one.
    fn distance(&self, expr: &Expr) -> Option<usize> {
        let Expr::CompoundIdentifier(parts) = expr else { return None };
        let relation = &parts.get(parts.len().checked_sub(2)?)?.value;
        self.blocks.iter().rev().position(|b| b.relations.iter().any(|r| r == relation))
    }

    /// True where a query names a relation of the blocks around it.
    fn names_outside(&self, query: &Query) -> bool {
        let mut queries = Queries::default();
        let _ = query.visit(&mut queries);
        let outside = |name: &String| self.blocks.iter().any(|b| b.relations.contains(name));
        queries.names.iter().any(|name| outside(name) && !queries.own.contains(name))
    }
}

impl Visitor for Walk {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let mut block = Block::default();
        let members = members(&query.body);
        block.relations = members.iter().flat_map(|select| relations(select)).collect();
        if let Some(select) = select_of(query) {
            block.window = has_window(select);
            on_of_outer_join(select, &mut self.found);
            grouped_by_correlated(select, &mut self.found);
        }
        self.blocks.push(block);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.blocks.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match self.distance(expr) {
            // a window beside the reference, or a block skipped
            Some(1) if self.blocks.last().is_some_and(|b| b.window) => self.found.push(expr.span()),
            Some(2..) => self.found.push(expr.span()),
            _ => {}
        }
        if let Expr::InSubquery { subquery, .. } = expr
            && let Some(select) = select_of(subquery)
            && own::is_grouped(select)
            && sums_up(select)
            && self.names_outside(subquery)
        {
            self.found.push(expr.span());
        }
        ControlFlow::Continue(())
    }
}

/// The blocks of a query: several where it is a set operation.
fn members(body: &SetExpr) -> Vec<&Select> {
    match body {
        SetExpr::Select(select) => vec![select],
        SetExpr::SetOperation { left, right, .. } => [members(left), members(right)].concat(),
        _ => Vec::new(),
    }
}

fn relations(select: &Select) -> Vec<String> {
    let mut names = Vec::new();
    named(&select.from, &mut names);
    names
}

/// The names of the relations of a FROM, those of a parenthesised join among them.
fn named(from: &[TableWithJoins], names: &mut Vec<String>) {
    for factor in factors(from) {
        match factor {
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                named(std::slice::from_ref(table_with_joins), names);
            }
            TableFactor::NestedJoin { alias: Some(alias), .. } => {
                names.push(alias.name.value.clone());
            }
            other => names.extend(called(other)),
        }
    }
}

fn has_window(select: &Select) -> bool {
    struct Window(bool);
    impl Visitor for Window {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            self.0 |= matches!(expr, Expr::Function(f) if f.over.is_some());
            ControlFlow::Continue(())
        }
    }
    let mut window = Window(false);
    let _ = select.projection.visit(&mut window);
    window.0
}

/// A subquery in the ON of an outer join that names a relation of its join.
fn on_of_outer_join(select: &Select, found: &mut Vec<Span>) {
    let outside = relations(select);
    for join in select.from.iter().flat_map(|t| &t.joins) {
        let (JoinOperator::Left(JoinConstraint::On(on))
        | JoinOperator::LeftOuter(JoinConstraint::On(on))
        | JoinOperator::Right(JoinConstraint::On(on))
        | JoinOperator::RightOuter(JoinConstraint::On(on))
        | JoinOperator::FullOuter(JoinConstraint::On(on))) = &join.join_operator
        else {
            continue;
        };
        let mut queries = Queries::default();
        let _ = on.visit(&mut queries);
        if queries.names.iter().any(|name| outside.contains(name) && !queries.own.contains(name)) {
            found.push(on.span());
        }
    }
}

/// The relations that the queries inside an expression have, and those they name.
#[derive(Default)]
struct Queries {
    depth: usize,
    own: Vec<String>,
    names: Vec<String>,
}

impl Visitor for Queries {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.depth += 1;
        self.own.extend(members(&query.body).into_iter().flat_map(relations));
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::CompoundIdentifier(parts) = expr
            && self.depth > 0
            && parts.len() > 1
        {
            self.names.extend(parts.get(parts.len() - 2).map(|p| p.value.clone()));
        }
        ControlFlow::Continue(())
    }
}

/// GROUP BY the name of a select item that is a correlated subquery.
fn grouped_by_correlated(select: &Select, found: &mut Vec<Span>) {
    let GroupByExpr::Expressions(keys, _) = &select.group_by else { return };
    let outside = relations(select);
    for key in keys {
        let Expr::Identifier(name) = key else { continue };
        let item = select.projection.iter().find_map(|item| match item {
            SelectItem::ExprWithAlias { expr, alias } if alias.value == name.value => Some(expr),
            _ => None,
        });
        let Some(item) = item else { continue };
        let mut queries = Queries::default();
        let _ = item.visit(&mut queries);
        if queries.names.iter().any(|n| outside.contains(n) && !queries.own.contains(n)) {
            found.push(key.span());
        }
    }
}

/// An aggregate other than MIN and MAX is what the query gives.
fn sums_up(select: &Select) -> bool {
    let [
        SelectItem::UnnamedExpr(Expr::Function(f))
        | SelectItem::ExprWithAlias { expr: Expr::Function(f), .. },
    ] = select.projection.as_slice()
    else {
        return false;
    };
    f.over.is_none() && ["sum", "count", "avg"].contains(&function_name(f))
}
