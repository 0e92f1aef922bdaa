//! One walk over a statement that asks every rule. It knows no rule.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::LazyLock;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, JoinOperator, Query, Select, SetExpr, Spanned, TableFactor, TableWithJoins,
    Visit, Visitor,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::scope::{Ctes, Scope, ctes};
use super::{Find, Finding, Known, Rule, rules};
use crate::dialect::command::{
    Command, CreateTable, InsertSource, Merge, MergeAction, MergeForm, Parsed,
};
use crate::dialect::lex::place_of;
use crate::dialect::own;
use crate::error::Place;

/// The rules a statement breaks, of those that are `wanted`.
pub fn findings(parsed: &Parsed, known: &Known, wanted: fn(&Rule) -> bool) -> Vec<Finding> {
    let mut walk = Walk {
        start: &parsed.place,
        known,
        ctes: ctes_of(&parsed.command),
        wanted,
        typed: BY_KIND.typed.iter().any(|(rule, _)| wanted(rule)),
        writes: !matches!(parsed.command, Command::Query(_) | Command::Explain { .. }),
        depth: 0,
        in_text: false,
        found: Vec::new(),
    };
    walk.command(&parsed.command);
    walk.found.sort_by_key(|f| (f.place.line, f.place.column));
    walk.found
}

type Rows<T> = Vec<(&'static Rule, T)>;

/// The rules by how they are found, so that an expression asks only those that look at expressions.
#[derive(Default)]
struct ByKind {
    call: HashMap<&'static str, Vec<&'static Rule>>,
    function: Rows<fn(&Function) -> bool>,
    expr: Rows<fn(&Expr) -> bool>,
    select: Rows<fn(&Select) -> bool>,
    query: Rows<fn(&Query) -> bool>,
    subquery: Rows<fn(&Query) -> bool>,
    factor: Rows<fn(&TableFactor) -> bool>,
    join: Rows<fn(&JoinOperator) -> bool>,
    merge: Rows<fn(&Merge) -> bool>,
    table: Rows<fn(&CreateTable) -> bool>,
    command: Rows<fn(&Command) -> bool>,
    typed: Rows<fn(&Expr, &Scope<'_>) -> bool>,
    whole: Rows<fn(&Command, &Known) -> Vec<Span>>,
}

static BY_KIND: LazyLock<ByKind> = LazyLock::new(|| {
    let mut by = ByKind::default();
    for rule in rules() {
        match rule.find {
            Find::Call(names) => {
                names.iter().for_each(|name| by.call.entry(name).or_default().push(rule));
            }
            Find::Function(broken) => by.function.push((rule, broken)),
            Find::Expr(broken) => by.expr.push((rule, broken)),
            Find::Select(broken) => by.select.push((rule, broken)),
            Find::Query(broken) => by.query.push((rule, broken)),
            Find::Subquery(broken) => by.subquery.push((rule, broken)),
            Find::Factor(broken) => by.factor.push((rule, broken)),
            Find::Join(broken) => by.join.push((rule, broken)),
            Find::Merge(broken) => by.merge.push((rule, broken)),
            Find::Table(broken) => by.table.push((rule, broken)),
            Find::Command(broken) => by.command.push((rule, broken)),
            Find::Typed(broken) => by.typed.push((rule, broken)),
            Find::Whole(broken) => by.whole.push((rule, broken)),
            Find::Start(_) | Find::Token(_) | Find::Word(_) => {}
        }
    }
    by
});

struct Walk<'a> {
    start: &'a Place,
    known: &'a Known,
    ctes: Ctes<'a>,
    wanted: fn(&Rule) -> bool,
    typed: bool,
    writes: bool,
    /// How many queries the walk is inside.
    depth: usize,
    in_text: bool,
    found: Vec<Finding>,
}

impl<'a> Walk<'a> {
    fn command(&mut self, command: &'a Command) {
        self.each(&BY_KIND.command, command, Span::empty);
        if let Command::Explain { command } = command {
            return self.command(command);
        }
        self.in_text = matches!(command, Command::Unload(_));
        for (rule, broken) in &BY_KIND.whole {
            if (self.wanted)(rule) {
                broken(command, self.known).into_iter().for_each(|span| self.report(rule, span));
            }
        }
        self.in_text = false;
        if self.typed {
            self.typed_of_command(command);
        }
        match command {
            Command::Query(q) => self.walk(q),
            Command::Unload(unload) => self.within(&unload.query),
            Command::Declare { query, .. } => self.walk(query),
            Command::CreateTable(t) => self.each(&BY_KIND.table, t, Span::empty),
            Command::CreateTableAs(t) => self.walk(&t.query),
            Command::CreateView(v) => self.walk(&v.query),
            Command::Insert(insert) => match &insert.source {
                // VALUES is at home in an INSERT, and nowhere else
                InsertSource::Query(q) if matches!(*q.body, SetExpr::Values(_)) => {
                    self.walk(&q.body);
                }
                InsertSource::Query(query) => self.walk(query),
                InsertSource::DefaultValues => {}
            },
            Command::Update(update) => {
                self.walk(&update.with);
                self.walk(&update.from);
                self.joins(&update.from);
                self.walk(&update.filter);
                update.set.iter().for_each(|(_, value)| self.walk(value));
            }
            Command::Delete(delete) => {
                self.walk(&delete.with);
                self.walk(&delete.using);
                self.joins(&delete.using);
                self.walk(&delete.filter);
            }
            Command::Merge(merge) => {
                self.each(&BY_KIND.merge, merge, Span::empty);
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

    /// A query that stands in a text: its places are not those of the file.
    fn within(&mut self, query: &'a Query) {
        self.in_text = true;
        self.ctes = ctes(&query.with);
        self.walk(query);
        self.in_text = false;
    }

    fn report(&mut self, rule: &'static Rule, span: Span) {
        if !(self.wanted)(rule) {
            return;
        }
        let place = if span.start.line == 0 || self.in_text {
            self.start.clone()
        } else {
            place_of(&self.start.file, span.start)
        };
        self.found.push(Finding { rule, place });
    }

    fn each<T: ?Sized>(&mut self, rows: &Rows<fn(&T) -> bool>, tree: &T, span: impl Fn() -> Span) {
        for (rule, broken) in rows {
            if broken(tree) {
                self.report(rule, span());
            }
        }
    }

    fn call(&mut self, name: &str, span: Span) {
        for rule in BY_KIND.call.get(name).into_iter().flatten() {
            self.report(rule, span);
        }
    }

    fn joins(&mut self, from: &[TableWithJoins]) {
        for join in from.iter().flat_map(|tables| &tables.joins) {
            self.each(&BY_KIND.join, &join.join_operator, || join.relation.span());
        }
    }

    /// Asks the typed rules of the expressions of a DML statement that are in no query.
    fn typed_of_command(&mut self, command: &'a Command) {
        let mut scope = Scope::new(self.known, self.ctes.clone());
        scope.writes = self.writes;
        match command {
            Command::Update(update) => {
                scope.add(&update.from);
                scope.add_target(&update.target, update.alias.as_deref());
                scope.note_nulls(&update.from);
                scope.note_nulls(&update.filter);
                self.ask_typed(&scope, &update.from);
                self.ask_typed(&scope, &update.filter);
                update.set.iter().for_each(|(_, value)| self.ask_typed(&scope, value));
            }
            Command::Delete(delete) => {
                scope.add(&delete.using);
                scope.add_target(&delete.target, delete.alias.as_deref());
                scope.note_nulls(&delete.using);
                scope.note_nulls(&delete.filter);
                self.ask_typed(&scope, &delete.using);
                self.ask_typed(&scope, &delete.filter);
            }
            Command::Merge(merge) => {
                scope.add_factor(&merge.source);
                scope.add_target(&merge.target, merge.target_alias.as_deref());
                self.ask_typed(&scope, &merge.on);
            }
            _ => {}
        }
    }

    /// Asks the typed rules of the expressions of one block.
    fn ask_typed(&mut self, scope: &Scope<'_>, tree: &impl Visit) {
        let _ = own::expressions(tree, |expr| {
            for (rule, broken) in &BY_KIND.typed {
                if broken(expr, scope) {
                    self.report(rule, expr.span());
                }
            }
            ControlFlow::Continue(())
        });
    }
}

/// The CTEs at the head of a statement.
pub fn ctes_of(command: &Command) -> Ctes<'_> {
    match command {
        Command::Query(q) => ctes(&q.with),
        Command::Explain { command } => ctes_of(command),
        Command::CreateTableAs(t) => ctes(&t.query.with),
        Command::CreateView(v) => ctes(&v.query.with),
        Command::Insert(insert) => match &insert.source {
            InsertSource::Query(query) => ctes(&query.with),
            InsertSource::DefaultValues => Ctes::new(),
        },
        Command::Update(update) => ctes(&update.with),
        Command::Delete(delete) => ctes(&delete.with),
        _ => Ctes::new(),
    }
}

/// The name a function is called by.
pub fn function_name(function: &Function) -> &str {
    function.name.0.last().and_then(|p| p.as_ident()).map_or("", |i| i.value.as_str())
}

impl Visitor for Walk<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.each(&BY_KIND.query, query, || query.span());
        if self.depth > 0 {
            self.each(&BY_KIND.subquery, query, || query.span());
        }
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        self.each(&BY_KIND.select, select, || select.span());
        self.joins(&select.from);
        if self.typed {
            let mut scope = Scope::new(self.known, self.ctes.clone()).of_select(select);
            scope.writes = self.writes;
            scope.note_nulls(select);
            self.ask_typed(&scope, select);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        self.each(&BY_KIND.factor, factor, || factor.span());
        if let TableFactor::Table { name, args: Some(_), .. } = factor {
            let called = name.0.last().and_then(|p| p.as_ident()).map_or("", |i| &i.value);
            self.call(called, factor.span());
        }
        if let TableFactor::NestedJoin { table_with_joins, .. } = factor {
            self.joins(std::slice::from_ref(table_with_joins));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr {
            self.call(function_name(function), function.span());
            self.each(&BY_KIND.function, function, || function.span());
        }
        self.each(&BY_KIND.expr, expr, || expr.span());
        ControlFlow::Continue(())
    }
}
