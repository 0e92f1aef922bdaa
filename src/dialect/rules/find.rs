//! One walk over a statement that asks every rule. It knows no rule.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, Query, Select, Spanned, TableFactor, Visit, Visitor,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::{Find, Finding, Rule, rules};
use crate::dialect::command::{Command, InsertSource, MergeAction, MergeForm, Parsed};
use crate::dialect::lex::place_of;
use crate::error::Place;

pub fn findings(parsed: &Parsed) -> Vec<Finding> {
    let mut walk = Walk { start: &parsed.place, found: Vec::new() };
    walk.command(&parsed.command);
    walk.found.sort_by_key(|f| (f.place.line, f.place.column));
    walk.found
}

struct Walk<'a> {
    start: &'a Place,
    found: Vec<Finding>,
}

impl Walk<'_> {
    fn command(&mut self, command: &Command) {
        for rule in rules() {
            let broken = match (rule.find, command) {
                (Find::Command(broken), _) => broken(command),
                (Find::Merge(broken), Command::Merge(merge)) => broken(merge),
                _ => false,
            };
            if broken {
                self.report(rule, Span::empty());
            }
        }
        match command {
            Command::Query(q) => self.walk(q),
            Command::Explain { command } => self.command(command),
            Command::CreateTableAs(t) => self.walk(&t.query),
            Command::CreateView(v) => self.walk(&v.query),
            Command::Insert(insert) => {
                if let InsertSource::Query(query) = &insert.source {
                    self.walk(query);
                }
            }
            Command::Update(update) => {
                self.walk(&update.with);
                self.walk(&update.from);
                self.walk(&update.filter);
                update.set.iter().for_each(|(_, value)| self.walk(value));
            }
            Command::Delete(delete) => {
                self.walk(&delete.with);
                self.walk(&delete.using);
                self.walk(&delete.filter);
            }
            Command::Merge(merge) => {
                self.walk(&merge.source);
                self.walk(&merge.on);
                self.merge_form(&merge.form);
            }
            _ => {}
        }
    }

    fn merge_form(&mut self, form: &MergeForm) {
        let MergeForm::Clauses(clauses) = form else { return };
        for clause in clauses {
            self.walk(&clause.condition);
            match &clause.action {
                MergeAction::Update(set) => set.iter().for_each(|(_, value)| self.walk(value)),
                MergeAction::Insert { values, .. } => self.walk(values),
                MergeAction::Delete | MergeAction::DoNothing => {}
            }
        }
    }

    fn walk(&mut self, tree: &impl Visit) {
        let _ = tree.visit(self);
    }

    fn report(&mut self, rule: &'static Rule, span: Span) {
        let place = if span.start.line == 0 {
            self.start.clone()
        } else {
            place_of(&self.start.file, span.start)
        };
        self.found.push(Finding { rule, place });
    }

    fn each(&mut self, broken: impl Fn(&Find) -> bool, span: impl Fn() -> Span) {
        for rule in rules() {
            if broken(&rule.find) {
                self.report(rule, span());
            }
        }
    }
}

/// The name a function is called by.
pub fn function_name(function: &Function) -> &str {
    function.name.0.last().and_then(|p| p.as_ident()).map_or("", |i| i.value.as_str())
}

impl Visitor for Walk<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.each(|f| matches!(f, Find::Query(broken) if broken(query)), || query.span());
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        self.each(|f| matches!(f, Find::Select(broken) if broken(select)), || select.span());
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        self.each(|f| matches!(f, Find::Factor(broken) if broken(factor)), || factor.span());
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr {
            let name = function_name(function);
            self.each(
                |f| match f {
                    Find::Call(names) => names.contains(&name),
                    Find::Function(broken) => broken(function),
                    _ => false,
                },
                || function.span(),
            );
        }
        self.each(|f| matches!(f, Find::Expr(broken) if broken(expr)), || expr.span());
        ControlFlow::Continue(())
    }
}
