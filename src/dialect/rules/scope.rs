//! What the columns of an expression are: the relations in sight, followed through CTEs and
//! subqueries to the tables that are known. It plans nothing; what it cannot follow is not known.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, JoinOperator, Query, Select, SelectItem, SetExpr, TableFactor, TableWithJoins,
    UnaryOperator, Value, Visit, Visitor, With,
};

use super::find::function_name;
use super::known::{Known, KnownTable};
use crate::dialect::command::ObjectRef;
use crate::dialect::parse::object_ref;
use crate::types::SqlType;

/// Queries followed into each other before it gives up.
const DEPTH: usize = 12;

/// The CTEs of a statement, by name.
pub type Ctes<'a> = HashMap<&'a str, &'a Query>;

/// What is known of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    pub ty: SqlType,
    pub not_null: bool,
}

/// A relation of a FROM list.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    Table(&'a TableFactor),
    Query(&'a Query),
}

/// The relations an expression can name.
#[derive(Debug, Clone, Default)]
pub struct Scope<'a> {
    known: Option<&'a Known>,
    ctes: Ctes<'a>,
    relations: Vec<(String, Source<'a>)>,
    /// The target of a DML statement, by its names.
    target: Vec<(String, ObjectRef)>,
    /// An outer join makes NULLs where the table has none.
    outer: bool,
    /// Columns that IS NULL or IS NOT NULL is asked of.
    asked: Vec<String>,
    /// The statement writes rows.
    pub(super) writes: bool,
}

impl<'a> Scope<'a> {
    pub fn new(known: &'a Known, ctes: Ctes<'a>) -> Scope<'a> {
        Scope { known: Some(known), ctes, ..Scope::default() }
    }

    /// The scope of a query block inside this one.
    pub fn of_select(&self, select: &'a Select) -> Scope<'a> {
        let mut scope = Scope { writes: self.writes, ..Scope::default() };
        scope.known = self.known;
        scope.ctes.clone_from(&self.ctes);
        scope.add(&select.from);
        scope
    }

    pub fn add(&mut self, from: &'a [TableWithJoins]) {
        for table in from {
            self.add_factor(&table.relation);
            for join in &table.joins {
                self.outer |= !matches!(
                    join.join_operator,
                    JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_)
                );
                self.add_factor(&join.relation);
            }
        }
    }

    pub fn add_factor(&mut self, factor: &'a TableFactor) {
        if let Some((name, source)) = self.source(factor) {
            self.relations.push((name, source));
        }
    }

    pub fn add_target(&mut self, target: &ObjectRef, alias: Option<&str>) {
        let called = alias.unwrap_or(&target.table);
        self.target.push((called.to_owned(), target.clone()));
    }

    /// Notes the columns that a part of the statement asks IS NULL of.
    pub fn note_nulls(&mut self, tree: &impl Visit) {
        let mut asked = Asked(std::mem::take(&mut self.asked));
        let _ = tree.visit(&mut asked);
        self.asked = asked.0;
    }

    /// True if a relation in sight goes by this name.
    pub fn has_relation(&self, name: &str) -> bool {
        let mut names =
            self.relations.iter().map(|(n, _)| n).chain(self.target.iter().map(|(n, _)| n));
        names.any(|known| known == name)
    }

    pub fn asks_for_null(&self, column: &str) -> bool {
        self.asked.iter().any(|asked| asked == column)
    }

    /// What is known of a table.
    pub fn table(&self, name: &ObjectRef) -> Option<&'a KnownTable> {
        self.known?.table(name)
    }

    /// A relation and the name it goes by.
    pub fn source(&self, factor: &'a TableFactor) -> Option<(String, Source<'a>)> {
        match factor {
            TableFactor::Table { name, alias, .. } => {
                let table = object_ref(name)?;
                let called = alias.as_ref().map_or(table.table.clone(), |a| a.name.value.clone());
                match self.ctes.get(table.table.as_str()).filter(|_| table.schema.is_none()) {
                    Some(query) => Some((called, Source::Query(query))),
                    None => Some((called, Source::Table(factor))),
                }
            }
            TableFactor::Derived { subquery, alias, .. } => {
                let called = alias.as_ref().map(|a| a.name.value.clone()).unwrap_or_default();
                Some((called, Source::Query(subquery)))
            }
            _ => None,
        }
    }

    /// The name of the relation a column belongs to, where the expression or the scope says so.
    pub fn relation_of(&self, expr: &Expr) -> Option<String> {
        match plain(expr) {
            Expr::CompoundIdentifier(parts) => {
                Some(parts.get(parts.len().checked_sub(2)?)?.value.clone())
            }
            Expr::Identifier(name) => {
                let mut found = None;
                for (called, source) in &self.relations {
                    if self.column_of(*source, &name.value, 0).is_some()
                        && found.replace(called.clone()).is_some()
                    {
                        return None;
                    }
                }
                found
            }
            _ => None,
        }
    }

    /// What is known of a value.
    pub fn kind(&self, expr: &Expr) -> Option<Kind> {
        self.kind_at(expr, 0)
    }

    fn kind_at(&self, expr: &Expr, depth: usize) -> Option<Kind> {
        let text = |n: usize| SqlType::Varchar(u32::try_from(n.max(1)).unwrap_or(u32::MAX));
        match expr {
            Expr::Nested(inner) => self.kind_at(inner, depth),
            Expr::Identifier(name) => self.named(None, &name.value, depth),
            Expr::CompoundIdentifier(parts) => {
                let (name, rest) = parts.split_last()?;
                self.named(Some(&rest.last()?.value), &name.value, depth)
            }
            Expr::Value(v) => match &v.value {
                Value::SingleQuotedString(s) => Some(Kind { ty: text(s.len()), not_null: true }),
                Value::Number(n, _) if n.parse::<i64>().is_ok() => {
                    Some(Kind { ty: SqlType::Integer, not_null: true })
                }
                Value::Boolean(_) => Some(Kind { ty: SqlType::Boolean, not_null: true }),
                _ => None,
            },
            Expr::Cast { expr, data_type, .. } => {
                let ty = SqlType::parse(&data_type.to_string()).ok()?;
                let not_null = self.kind_at(expr, depth).is_some_and(|k| k.not_null);
                Some(Kind { ty, not_null })
            }
            Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => {
                self.kind_at(expr, depth)
            }
            Expr::Function(function) => self.call(function, depth),
            _ => None,
        }
    }

    fn call(&self, function: &Function, depth: usize) -> Option<Kind> {
        let arguments = arguments(function);
        match function_name(function) {
            "count" => Some(Kind { ty: SqlType::BigInt, not_null: true }),
            "sum" => match self.kind_at(arguments.first()?, depth)?.ty {
                SqlType::SmallInt | SqlType::Integer | SqlType::BigInt => {
                    Some(Kind { ty: SqlType::BigInt, not_null: false })
                }
                _ => None,
            },
            "min" | "max" => {
                Some(Kind { not_null: false, ..self.kind_at(arguments.first()?, depth)? })
            }
            "coalesce" | "nvl" => {
                let kinds: Option<Vec<Kind>> =
                    arguments.iter().map(|a| self.kind_at(a, depth)).collect();
                let kinds = kinds?;
                let widest = kinds.iter().copied().reduce(wider)?;
                Some(Kind { not_null: kinds.iter().any(|k| k.not_null), ..widest })
            }
            _ => None,
        }
    }

    fn named(&self, relation: Option<&str>, column: &str, depth: usize) -> Option<Kind> {
        let fits = |called: &str| relation.is_none_or(|r| r == called);
        let mut found: Option<Kind> = None;
        for (_, source) in self.relations.iter().filter(|(called, _)| fits(called)) {
            match self.column_of(*source, column, depth) {
                Some(kind) if found.is_none() => {
                    found = Some(Kind { not_null: kind.not_null && !self.outer, ..kind });
                }
                Some(_) => return None,
                // a relation that is not known may have the column as well
                None if relation.is_none() && !self.is_known(*source) => return None,
                None => {}
            }
        }
        for (_, table) in self.target.iter().filter(|(called, _)| fits(called)) {
            if found.is_none()
                && let Some(column) = self.known?.column(table, column)
            {
                found = Some(Kind { ty: column.ty, not_null: column.not_null });
            }
        }
        found
    }

    fn is_known(&self, source: Source<'a>) -> bool {
        match source {
            Source::Table(factor) => table_name(factor)
                .zip(self.known)
                .is_some_and(|(name, known)| known.table(&name).is_some()),
            Source::Query(_) => true,
        }
    }

    /// A column of a relation by name.
    fn column_of(&self, source: Source<'a>, column: &str, depth: usize) -> Option<Kind> {
        match source {
            Source::Table(factor) => {
                let found = self.known?.column(&table_name(factor)?, column)?;
                Some(Kind { ty: found.ty, not_null: found.not_null })
            }
            Source::Query(query) => self.output_of(query, column, depth + 1),
        }
    }

    /// A column of a query's answer by name.
    fn output_of(&self, query: &'a Query, column: &str, depth: usize) -> Option<Kind> {
        let select = (depth < DEPTH).then(|| select_of(query)).flatten()?;
        let inner = self.of_select(select);
        for item in &select.projection {
            if matches!(item, SelectItem::Wildcard(_)) {
                if let Some(kind) = inner.named(None, column, depth) {
                    return Some(kind);
                }
            } else if output_name(item) == Some(column) {
                return inner.kind_at(item_expr(item)?, depth);
            }
        }
        None
    }

    /// The columns a query gives, by position, with what is known of each; `None` where a star
    /// leaves open how many there are.
    pub fn outputs(&self, query: &'a Query) -> Option<Vec<(&'a SelectItem, Option<Kind>)>> {
        let select = select_of(query)?;
        let inner = self.of_select(select);
        let each = |item: &'a SelectItem| Some((item, inner.kind(item_expr(item)?)));
        select.projection.iter().map(each).collect()
    }
}

struct Asked(Vec<String>);

impl Visitor for Asked {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::IsNull(inner) | Expr::IsNotNull(inner) = expr {
            self.0.extend(column_name(inner).map(str::to_owned));
        }
        ControlFlow::Continue(())
    }
}

/// The table a relation names.
pub fn table_name(factor: &TableFactor) -> Option<ObjectRef> {
    match factor {
        TableFactor::Table { name, args: None, .. } => object_ref(name),
        _ => None,
    }
}

/// The CTEs of a WITH clause and of the query under it.
pub fn ctes<'a>(withs: impl IntoIterator<Item = &'a With>) -> Ctes<'a> {
    let tables = withs.into_iter().flat_map(|with| &with.cte_tables);
    tables.map(|cte| (cte.alias.name.value.as_str(), cte.query.as_ref())).collect()
}

/// The one block of a query that is no set operation.
pub fn select_of(query: &Query) -> Option<&Select> {
    match query.body.as_ref() {
        SetExpr::Select(select) => Some(select),
        SetExpr::Query(inner) => select_of(inner),
        _ => None,
    }
}

/// An expression without its brackets.
pub fn plain(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(inner) => plain(inner),
        other => other,
    }
}

/// The last part of a column's name.
pub fn column_name(expr: &Expr) -> Option<&str> {
    match plain(expr) {
        Expr::Identifier(name) => Some(&name.value),
        Expr::CompoundIdentifier(parts) => parts.last().map(|p| p.value.as_str()),
        _ => None,
    }
}

/// The expression of a select item that is no star.
pub fn item_expr(item: &SelectItem) -> Option<&Expr> {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    }
}

/// The name a select item gives its column.
pub fn output_name(item: &SelectItem) -> Option<&str> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(&alias.value),
        SelectItem::UnnamedExpr(Expr::Cast { expr, .. }) => column_name(expr),
        SelectItem::UnnamedExpr(expr) => column_name(expr),
        _ => None,
    }
}

/// The plain arguments of a call.
pub fn arguments(function: &Function) -> Vec<&Expr> {
    use datafusion::sql::sqlparser::ast::{FunctionArg, FunctionArgExpr, FunctionArguments};
    let FunctionArguments::List(list) = &function.args else { return Vec::new() };
    let plain = |arg| match arg {
        &FunctionArg::Unnamed(FunctionArgExpr::Expr(ref expr)) => Some(expr),
        _ => None,
    };
    list.args.iter().filter_map(plain).collect()
}

fn wider(a: Kind, b: Kind) -> Kind {
    match (a.ty, b.ty) {
        (SqlType::Varchar(n), SqlType::Varchar(m)) if m > n => b,
        _ => a,
    }
}
