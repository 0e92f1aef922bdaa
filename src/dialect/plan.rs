//! A query to a logical plan: rewrite, plan, and the names that are missing. It runs nothing.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, SubsecRound, Utc};
use datafusion::common::{Column, DataFusionError, SchemaError};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{self, DataType, Expr, TimezoneInfo};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::build::{cast, text};
use super::session::{CATALOG, TEMPORARY};
use super::wording::{sql_error, unwrap};
use super::{
    ambiguous, blanks, grouped, guarded, joined, lifted, lists, matched, membership, named,
    recursive, rewrite, sets, tables, totals,
};
use crate::error::{Error, Place, Result, nearest};

pub use rewrite::output_name;

/// The clock of a transaction: what SYSDATE, CURRENT_DATE and GETDATE say.
///
/// GETDATE is the start of the statement on Redshift; here it is the start of the transaction, in
/// whole seconds, so that a batch run again gives the same rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// Used to the microsecond.
    pub transaction_start: DateTime<Utc>,
}

impl Clock {
    /// SYSDATE.
    pub(crate) fn timestamp(&self) -> Expr {
        stamp(&self.transaction_start.trunc_subsecs(6).format("%Y-%m-%d %H:%M:%S%.6f").to_string())
    }

    /// GETDATE().
    pub(crate) fn second(&self) -> Expr {
        stamp(&self.transaction_start.format("%Y-%m-%d %H:%M:%S").to_string())
    }

    /// CURRENT_DATE.
    pub(crate) fn date(&self) -> Expr {
        cast(text(&self.transaction_start.format("%Y-%m-%d").to_string()), DataType::Date)
    }
}

fn stamp(value: &str) -> Expr {
    cast(text(value), DataType::Timestamp(None, TimezoneInfo::None))
}

/// Rewrites a query to what DataFusion plans with the same meaning; the first step of
/// [`plan_query`], which gives its errors their place.
pub fn rewrite_query(query: &mut ast::Query, clock: &Clock) -> Result<()> {
    rewrite::rewrite(query, clock).map_err(|located| located.0)
}

type Planned = std::result::Result<LogicalPlan, DataFusionError>;

/// Lateral aliases one query may use.
const LATERAL_LIMIT: usize = 200;

/// Plans a query; every table it names must be in the session's catalog.
///
/// `place` gives errors their file; their line and column come from the text.
/// Errors: `sql/unknown-table`, `sql/unknown-column`, `sql/ambiguous-column`,
/// `sql/unknown-function`, `sql/type`, `sql/plan`, `sql/unsupported`.
pub async fn plan_query(
    state: &SessionState,
    mut query: ast::Query,
    clock: &Clock,
    place: Option<&Place>,
) -> Result<LogicalPlan> {
    tables::in_schema(&mut query, TEMPORARY, &temporary(state));
    rewrite::rewrite(&mut query, clock).map_err(|located| {
        let (error, span) = *located;
        match place_of(span, place) {
            Some(place) => error.at(place),
            None => error,
        }
    })?;
    for _ in 0..LATERAL_LIMIT {
        let error = match planned(state, &query).await {
            Ok(plan) => return mended(plan).map_err(|e| sql_error(e, place)),
            Err(error) => error,
        };
        if !mend(state, &mut query, &error).await {
            return Err(
                unknown_table(&error, state, place).unwrap_or_else(|| sql_error(error, place))
            );
        }
    }
    Err(Error::failed(
        "sql/plan",
        "the column aliases of the query refer to each other in a circle",
    ))
}

async fn planned(state: &SessionState, query: &ast::Query) -> Planned {
    let statement =
        DfStatement::Statement(Box::new(ast::Statement::Query(Box::new(query.clone()))));
    Box::pin(state.statement_to_plan(statement)).await
}

/// What DataFusion answers otherwise than Redshift, mended one thing after the other.
fn mended(plan: LogicalPlan) -> Planned {
    let plan = grouped::apply(plan).and_then(joined::apply).and_then(membership::apply);
    let plan = plan.and_then(matched::apply).and_then(named::unmark)?;
    sets::check(&plan)?;
    ambiguous::check(&plan)?;
    let plan = blanks::apply(plan).and_then(lifted::apply).and_then(totals::apply);
    plan.and_then(lists::apply).and_then(guarded::apply).and_then(recursive::apply)
}

/// Finds the relation that has a column of USING, where the text does not tell. False for any other
/// column.
async fn told(state: &SessionState, query: &mut ast::Query, column: &Column) -> bool {
    let marked = column.relation.as_ref().map(|relation| relation.table().to_owned());
    let Some((mark, relations)) = marked.and_then(|m| Some((m.clone(), rewrite::candidates(&m)?)))
    else {
        return false;
    };
    for relation in &relations {
        let mut attempt = query.clone();
        rewrite::tell(&mut attempt, &mark, Some(relation));
        let has = match planned(state, &attempt).await {
            Ok(_) => true,
            Err(error) => missing_column(&error).is_none_or(|missing| {
                let of = missing.relation.as_ref().map(|r| r.table());
                missing.name != column.name || of != Some(relation.as_str())
            }),
        };
        if has {
            *query = attempt;
            return true;
        }
    }
    rewrite::tell(query, &mark, None);
    true
}

/// The temporary tables of a session.
fn temporary(state: &SessionState) -> BTreeSet<String> {
    let catalog = state.catalog_list().catalog(CATALOG);
    let schema = catalog.and_then(|catalog| catalog.schema(TEMPORARY));
    schema.map(|schema| schema.table_names().into_iter().collect()).unwrap_or_default()
}

/// Mends what only an error of the planner tells; false where there is nothing to mend.
async fn mend(state: &SessionState, query: &mut ast::Query, error: &DataFusionError) -> bool {
    let missing = missing_column(error);
    if let Some(column) = missing
        && told(state, query, column).await
    {
        return true;
    }
    let Some(column) = missing.filter(|column| column.relation.is_none()) else {
        return field_of(error).is_some_and(|relation| rewrite::rename(query, relation));
    };
    let name = column.name.as_str();
    let (mut having, mut unknown) = (HashSet::new(), HashSet::new());
    for question in rewrite::questions(query, name) {
        match planned(state, &question.query).await {
            Ok(all) if all.schema().fields_with_unqualified_name(name).is_empty() => {}
            Ok(_) => drop(having.insert(question.select)),
            // it reads what is around it, or another name is missing there
            Err(_) => drop(unknown.insert(question.select)),
        }
    }
    let sure = having.union(&unknown).copied().collect();
    rewrite::substitute(query, name, &sure)
        || !unknown.is_empty() && rewrite::substitute(query, name, &having)
}

/// The relation in `relation.column` that the planner takes for a column with fields.
fn field_of(error: &DataFusionError) -> Option<&str> {
    let DataFusionError::Plan(message) = unwrap(error).0 else { return None };
    let parts = message.strip_prefix("could not parse compound identifier from [")?;
    let mut parts = parts.strip_suffix(']')?.rsplit(", ").skip(1);
    parts.next()?.strip_prefix('"')?.strip_suffix('"')
}

fn place_of(span: Span, place: Option<&Place>) -> Option<Place> {
    let place = place?;
    if span.start.line == 0 {
        return Some(place.clone());
    }
    Some(super::lex::place_of(&place.file, span.start))
}

fn missing_column(error: &DataFusionError) -> Option<&Column> {
    match unwrap(error).0 {
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { field, .. } => Some(field),
            _ => None,
        },
        _ => None,
    }
}

/// `table 'landfall.store.ordrs' not found`, with the nearest name.
fn unknown_table(
    error: &DataFusionError,
    state: &SessionState,
    place: Option<&Place>,
) -> Option<Error> {
    let (DataFusionError::Plan(message), span) = unwrap(error) else { return None };
    let name = message.split_once("table '")?.1.split_once("' not found")?.0;
    let name = name.trim_start_matches(super::session::CATALOG).trim_start_matches('.');
    let shown = name.trim_start_matches(super::session::DEFAULT_SCHEMA).trim_start_matches('.');
    let error = Error::failed("sql/unknown-table", format!("relation \"{shown}\" does not exist"));
    let known = tables(state);
    let error = match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("`landfall tables` lists the tables there are"),
    };
    Some(match (span, place) {
        (Some((line, column)), Some(place)) => {
            error.at(Place::new(&place.file, line as usize, column as usize))
        }
        (None, Some(place)) => error.at(place.clone()),
        _ => error,
    })
}

fn tables(state: &SessionState) -> Vec<String> {
    let Some(catalog) = state.catalog_list().catalog(super::session::CATALOG) else {
        return Vec::new();
    };
    let of = |schema: String| {
        let tables = catalog.schema(&schema).map(|s| s.table_names()).unwrap_or_default();
        tables.into_iter().map(move |table| format!("{schema}.{table}")).collect::<Vec<_>>()
    };
    let names = catalog.schema_names().into_iter().flat_map(of);
    names.filter(|n| !n.ends_with(super::change::ROWS_SUFFIX)).collect()
}
