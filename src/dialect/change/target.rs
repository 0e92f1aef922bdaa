//! Finding the target in FROM: an occurrence of the target there *is* the target.
//!
//! Source: r_UPDATE, "Examples of UPDATE statements": `update category set catid=100 from event
//! join category cat on ...` changes the rows of `category` that the join finds.

use datafusion::sql::sqlparser::ast::{
    Join, JoinOperator, TableFactor, TableWithJoins, Visit, VisitMut, With,
};

use super::{TableShape, rows_name};
use crate::dialect::build;
use crate::dialect::command::{Merge, MergeAction, MergeForm, ObjectRef, Update};
use crate::dialect::parse::object_ref;
use crate::dialect::relations::{self, Short};
use crate::dialect::session::DEFAULT_SCHEMA;
use crate::dialect::tables::{called, factors, factors_mut};
use crate::error::{Error, Result};

/// The target among the relations of its statement.
pub struct Placed {
    /// The relations, the target with row identity among them.
    pub from: Vec<TableWithJoins>,
    /// The name by which the target's columns are qualified there.
    pub alias: String,
    name: ObjectRef,
    /// What its own name before a column means; `None` under an alias at the head, which hides it.
    short: Option<Short>,
    /// It stands in FROM under an alias.
    renamed: bool,
}

/// Puts the target with row identity into the FROM of an UPDATE: in place of its own occurrence, or in
/// front. `rest` is what else of the statement has queries.
///
/// Errors: the target occurs twice, or on the outer side of an outer join.
pub fn of_update(update: &Update, rest: &impl Visit, shape: &TableShape) -> Result<Placed> {
    let Update { target, alias: head, with, from, .. } = update;
    let is = |factor: &TableFactor| is_target(factor, with.as_ref(), shape);
    if from.iter().flat_map(outer_joins).any(is) {
        return Err(equijoin());
    }
    // An alias given at the head names the target; another occurrence is another scan.
    let headed = |factor: &TableFactor| {
        let own = alias_of(factor).unwrap_or(&target.table);
        head.as_ref().is_none_or(|head| head == own)
    };
    let mut found = factors(from).enumerate().filter(|(_, factor)| is(factor) && headed(factor));
    let place = match (found.next(), found.next()) {
        (None, _) => return Ok(in_front(target, head.as_deref(), from.clone(), rest, shape)),
        (Some((place, factor)), None) => (place, alias_of(factor)),
        _ => return Err(twice(target)),
    };
    let (place, own) = place;
    let (name, rows) = (shape.full_name(), rows_name(&shape.name));
    let mut from = from.clone();
    let put = |from: &mut Vec<TableWithJoins>, alias: Option<&str>| {
        if let Some(factor) = factors_mut(from).nth(place) {
            *factor = build::table(&rows, alias);
        }
    };
    put(&mut from, None);
    let beside = is_called(&from, &target.table);
    let (alias, short) = match (head, own) {
        (Some(head), _) => (head.clone(), None),
        (None, Some(own)) if beside => (own.to_owned(), Some(Short::Other)),
        (None, Some(own)) => (own.to_owned(), Some(Short::Same)),
        (None, None) => named(&name, beside, calls(&from, rest, &target.table)),
    };
    put(&mut from, Some(&alias));
    Ok(Placed { from, alias, name, short, renamed: head.is_none() && own.is_some() })
}

/// Puts the target with row identity in front of other relations, each of which is another scan
/// (r_DELETE: to repeat the target in USING is a self-join).
pub fn in_front(
    target: &ObjectRef,
    alias: Option<&str>,
    mut from: Vec<TableWithJoins>,
    rest: &impl Visit,
    shape: &TableShape,
) -> Placed {
    let name = shape.full_name();
    let beside = is_called(&from, &target.table);
    let (alias, short) = match alias {
        Some(alias) => (alias.to_owned(), None),
        None => named(&name, beside, calls(&from, rest, &target.table)),
    };
    from.insert(0, build::alone(build::table(&rows_name(&shape.name), Some(&alias))));
    Placed { from, alias, name, short, renamed: false }
}

/// The target of a MERGE, which its caller joins to the source.
pub fn of_merge(merge: &Merge, shape: &TableShape) -> Placed {
    let mut values = vec![&merge.on];
    if let MergeForm::Clauses(clauses) = &merge.form {
        values.extend(clauses.iter().flat_map(|clause| match &clause.action {
            MergeAction::Update(set) => set.iter().map(|(_, value)| value).collect(),
            MergeAction::Insert { values, .. } => values.iter().collect(),
            MergeAction::Delete | MergeAction::DoNothing => Vec::new(),
        }));
    }
    let own = &merge.target.table;
    let beside = called(&merge.source).is_some_and(|called| called == *own);
    let anywhere = values.into_iter().any(|value| relations::calls(value, own));
    let name = shape.full_name();
    let (alias, short) = named(&name, beside, anywhere);
    Placed { from: Vec::new(), alias, name, short, renamed: false }
}

fn calls(from: &Vec<TableWithJoins>, rest: &impl Visit, name: &str) -> bool {
    relations::calls(from, name) || relations::calls(rest, name)
}

/// What a target without an alias is called, and what its own name before a column means: `beside`
/// says that another relation beside it is called so, `anywhere` that one in the statement is.
pub fn named(target: &ObjectRef, beside: bool, anywhere: bool) -> (String, Option<Short>) {
    let short = if beside { Short::Ambiguous } else { Short::Same };
    match beside || anywhere {
        true => (relations::own_name(target), Some(short)),
        false => (target.table.clone(), Some(short)),
    }
}

/// True if some relation of `from` is called `name`.
fn is_called(from: &[TableWithJoins], name: &str) -> bool {
    factors(from).filter_map(called).any(|called| called == name)
}

impl Placed {
    /// Makes `schema.table.column` and `table.column` of the target into `alias.column`.
    ///
    /// Errors: `sql/ambiguous-table`; `sql/update-self-join` where the target has an alias in FROM and
    /// its own name is used, too.
    pub fn requalify(&self, tree: &mut impl VisitMut) -> Result<()> {
        let Some(short) = self.short else { return Ok(()) };
        let renamed = relations::rename(tree, &self.name, &self.alias, short);
        match renamed.map_err(|located| located.0)? && self.renamed {
            true => Err(self_join(&self.name, &self.alias)),
            false => Ok(()),
        }
    }

    /// The same in the relations themselves, in their conditions.
    pub fn requalify_from(&mut self) -> Result<()> {
        let mut from = std::mem::take(&mut self.from);
        self.requalify(&mut from)?;
        self.from = from;
        Ok(())
    }
}

fn twice(target: &ObjectRef) -> Error {
    Error::failed("sql/target-twice", format!("table {target} occurs more than once in FROM"))
        .hint("name the target once; join a subquery where its rows are needed again")
}

fn self_join(target: &ObjectRef, alias: &str) -> Error {
    Error::failed(
        "sql/update-self-join",
        format!("the target {target} stands in FROM as `{alias}`, and its own name is used, too"),
    )
    .hint(format!(
        "write `{alias}` everywhere, which is the target; join a subquery where its rows are needed \
         again (r_UPDATE)"
    ))
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

fn alias_of(factor: &TableFactor) -> Option<&str> {
    match factor {
        TableFactor::Table { alias, .. } => alias.as_ref().map(|a| a.name.value.as_str()),
        _ => None,
    }
}

fn is_target(factor: &TableFactor, with: Option<&With>, shape: &TableShape) -> bool {
    let TableFactor::Table { name, args: None, .. } = factor else { return false };
    let Some(name) = object_ref(name) else { return false };
    let hidden = name.schema.is_none()
        && with.is_some_and(|w| w.cte_tables.iter().any(|c| c.alias.name.value == name.table));
    !hidden && shape.is_named(&name)
}

fn resolved(name: &ObjectRef) -> (&str, &str) {
    (name.schema.as_deref().unwrap_or(DEFAULT_SCHEMA), &name.table)
}
