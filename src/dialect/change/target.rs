//! Finding the target in FROM: an occurrence of the target there *is* the target.
//!
//! Source: r_UPDATE, "Examples of UPDATE statements": `update category set catid=100 from event
//! join category cat on ...` changes the rows of `category` that the join finds.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Join, JoinOperator, ObjectName, TableFactor, TableWithJoins, VisitMut, VisitorMut,
    With,
};

use super::{TableShape, rows_name};
use crate::dialect::build;
use crate::dialect::command::{ObjectRef, Update};
use crate::dialect::parse::object_ref;
use crate::dialect::session::DEFAULT_SCHEMA;
use crate::error::{Error, Result};

/// The target inside a FROM list.
pub struct Placed {
    pub from: Vec<TableWithJoins>,
    /// The name by which the target's columns are qualified there.
    pub alias: String,
}

/// The name the target's columns carry when it has no other.
pub fn bare_name(target: &ObjectRef) -> String {
    target.table.clone()
}

/// Puts the target with row identity into `from`: in place of its own occurrence, or in front.
///
/// Errors: the target occurs twice, or on the outer side of an outer join.
pub fn place(
    target: &ObjectRef,
    alias: Option<&str>,
    with: Option<&With>,
    mut from: Vec<TableWithJoins>,
    shape: &TableShape,
) -> Result<Placed> {
    let mut found: Option<String> = None;
    for table in &mut from {
        for outer in outer_joins(table) {
            if is_target(outer, target, with, shape) {
                return Err(equijoin());
            }
        }
        let factors = std::iter::once(&mut table.relation)
            .chain(table.joins.iter_mut().map(|j| &mut j.relation));
        for factor in factors {
            if !is_target(factor, target, with, shape) {
                continue;
            }
            let own = alias_of(factor).unwrap_or_else(|| bare_name(target));
            // An alias given at the head names the target; another occurrence is another scan.
            if alias.is_some_and(|a| a != own) {
                continue;
            }
            if found.replace(own.clone()).is_some() {
                return Err(Error::failed(
                    "sql/target-twice",
                    format!("table {target} occurs more than once in FROM"),
                )
                .hint("name the target once; join a subquery where its rows are needed again"));
            }
            *factor = build::table(&rows_name(&shape.name), Some(&own));
        }
    }
    if let Some(alias) = found {
        return Ok(Placed { from, alias });
    }
    let alias = alias.map_or_else(|| bare_name(target), str::to_owned);
    let rows = build::alone(build::table(&rows_name(&shape.name), Some(&alias)));
    from.insert(0, rows);
    Ok(Placed { from, alias })
}

/// The relations of a chain of joins with an outer one in it: the target may not be among them,
/// on either side (r_UPDATE: left, right and full outer joins are not supported in FROM).
fn outer_joins(table: &TableWithJoins) -> Vec<&TableFactor> {
    let is_outer = |join: &Join| {
        matches!(
            join.join_operator,
            JoinOperator::Left(_)
                | JoinOperator::LeftOuter(_)
                | JoinOperator::Right(_)
                | JoinOperator::RightOuter(_)
                | JoinOperator::FullOuter(_)
        )
    };
    if !table.joins.iter().any(is_outer) {
        return Vec::new();
    }
    std::iter::once(&table.relation).chain(table.joins.iter().map(|j| &j.relation)).collect()
}

/// True where the target of an UPDATE stands in an outer join of its FROM, by its words alone.
pub fn outer_joins_target(update: &Update) -> bool {
    let hides = |name: &ObjectRef| {
        name.schema.is_none()
            && update
                .with
                .as_ref()
                .is_some_and(|w| w.cte_tables.iter().any(|cte| cte.alias.name.value == name.table))
    };
    let is_target = |factor: &TableFactor| match factor {
        TableFactor::Table { name, args: None, .. } => object_ref(name)
            .is_some_and(|name| !hides(&name) && resolved(&name) == resolved(&update.target)),
        _ => false,
    };
    update.from.iter().flat_map(outer_joins).any(is_target)
}

/// What Redshift says when the target stands in an outer join (r_UPDATE).
fn equijoin() -> Error {
    Error::failed("sql/update-outer-join", "target table must be part of an equijoin predicate")
        .hint(
            "move the outer join into a subquery and join the target to it by equality (r_UPDATE)",
        )
}

fn alias_of(factor: &TableFactor) -> Option<String> {
    match factor {
        TableFactor::Table { alias, .. } => alias.as_ref().map(|a| a.name.value.clone()),
        _ => None,
    }
}

fn is_target(
    factor: &TableFactor,
    target: &ObjectRef,
    with: Option<&With>,
    shape: &TableShape,
) -> bool {
    let TableFactor::Table { name, args: None, .. } = factor else { return false };
    names(name, target, with, shape)
}

/// True if a relation of the statement is the target.
pub fn names(
    name: &ObjectName,
    target: &ObjectRef,
    with: Option<&With>,
    shape: &TableShape,
) -> bool {
    let Some(name) = object_ref(name) else { return false };
    let hidden = name.schema.is_none()
        && with.is_some_and(|w| w.cte_tables.iter().any(|c| c.alias.name.value == name.table));
    if hidden {
        return false;
    }
    name == *target || name == shape.name || resolved(&name) == resolved(&shape.name)
}

fn resolved(name: &ObjectRef) -> (&str, &str) {
    (name.schema.as_deref().unwrap_or(DEFAULT_SCHEMA), &name.table)
}

/// Makes `schema.table.column` of the target into `alias.column`, and `table.column` too when the
/// target stands in FROM under an alias and nothing else is called `table`.
pub fn requalify<T: VisitMut>(
    tree: &mut T,
    target: &ObjectRef,
    shape: &TableShape,
    alias: &str,
    free: bool,
) {
    let _ = tree.visit(&mut Requalify { target, shape, alias, free });
}

struct Requalify<'a> {
    target: &'a ObjectRef,
    shape: &'a TableShape,
    alias: &'a str,
    free: bool,
}

impl VisitorMut for Requalify<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::CompoundIdentifier(parts) = expr else { return ControlFlow::Continue(()) };
        let is = |ident: &Ident, name: &str| ident.value == name;
        let (drop, own) = match parts.as_slice() {
            [schema, table, _] => (
                1,
                is(table, &self.target.table)
                    && self.shape.name.schema.as_deref().is_some_and(|s| is(schema, s)),
            ),
            [table, _] => (0, self.free && is(table, &self.target.table)),
            _ => (0, false),
        };
        if own {
            parts.drain(..drop);
            if let Some(first) = parts.first_mut() {
                *first = Ident { value: self.alias.to_owned(), ..build::ident(self.alias) };
            }
        }
        ControlFlow::Continue(())
    }
}

/// True if some relation of `from` is already called `name`.
pub fn is_called(from: &[TableWithJoins], name: &str) -> bool {
    let called = |factor: &TableFactor| match factor {
        TableFactor::Table { name: table, alias, .. } => match alias {
            Some(alias) => alias.name.value == name,
            None => object_ref(table).is_some_and(|t| t.table == name),
        },
        TableFactor::Derived { alias, .. } => alias.as_ref().is_some_and(|a| a.name.value == name),
        _ => false,
    };
    from.iter().any(|t| called(&t.relation) || t.joins.iter().any(|j| called(&j.relation)))
}
