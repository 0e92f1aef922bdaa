//! A query to a logical plan: rewrite, plan, and errors in our words. It runs nothing.

use arrow::error::ArrowError;
use chrono::{DateTime, SubsecRound, Utc};
use datafusion::common::{Column, DataFusionError, SchemaError};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{self, DataType, Expr, TimezoneInfo};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::build::{cast, text};
use super::runnable::SUBQUERY;
use super::{blanks, lifted, lists, matched, membership, named, rewrite, sets, totals};
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
    rewrite::rewrite(&mut query, clock).map_err(|located| {
        let (error, span) = *located;
        match place_of(span, place) {
            Some(place) => error.at(place),
            None => error,
        }
    })?;
    for _ in 0..LATERAL_LIMIT {
        let statement = ast::Statement::Query(Box::new(query.clone()));
        let planned =
            Box::pin(state.statement_to_plan(DfStatement::Statement(Box::new(statement)))).await;
        let error = match planned {
            Ok(plan) => {
                let plan = matched::apply(plan).and_then(named::unmark);
                let plan = plan.and_then(|plan| sets::check(&plan).map(|()| plan));
                let plan = plan.and_then(blanks::apply).and_then(membership::apply);
                let plan = plan.and_then(lifted::apply).and_then(totals::apply);
                let plan = plan.and_then(lists::apply);
                return plan.map_err(|e| sql_error(e, place));
            }
            Err(error) => error,
        };
        let substituted = missing_column(&error)
            .filter(|column| column.relation.is_none())
            .is_some_and(|column| rewrite::substitute(&mut query, &column.name));
        if !substituted {
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

fn place_of(span: Span, place: Option<&Place>) -> Option<Place> {
    let place = place?;
    if span.start.line == 0 {
        return Some(place.clone());
    }
    Some(super::lex::place_of(&place.file, span.start))
}

/// The innermost error, and the span a diagnostic carries.
fn unwrap(error: &DataFusionError) -> (&DataFusionError, Option<(u64, u64)>) {
    match error {
        DataFusionError::Diagnostic(diagnostic, inner) => {
            let span = diagnostic.span.map(|s| (s.start.line, s.start.column));
            let (inner, deeper) = unwrap(inner);
            (inner, deeper.or(span))
        }
        DataFusionError::Context(_, inner) => unwrap(inner),
        DataFusionError::Shared(inner) => unwrap(inner),
        DataFusionError::Collection(all) => match all.first() {
            Some(first) => unwrap(first),
            None => (error, None),
        },
        other => (other, None),
    }
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

/// An error of planning, of analysis or of running a plan in our words.
///
/// Values that cannot be computed or cast have the code `sql/value`.
pub fn sql_error(error: DataFusionError, place: Option<&Place>) -> Error {
    let (inner, span) = unwrap(&error);
    let ours = match inner {
        DataFusionError::SchemaError(schema, _) => schema_error(schema),
        DataFusionError::Plan(message) => plan_error(message),
        DataFusionError::NotImplemented(message) if message.contains(WINDOW) => {
            Error::failed("sql/plan", clean(message))
                .hint("compute it in a subquery, or use QUALIFY")
        }
        DataFusionError::NotImplemented(message) => {
            Error::failed("sql/unsupported", format!("{} (not supported locally)", clean(message)))
        }
        DataFusionError::ArrowError(arrow, _) => {
            let message = match arrow.as_ref() {
                ArrowError::DivideByZero => "division by zero".to_owned(),
                other => clean(&other.to_string()),
            };
            Error::failed("sql/value", message)
        }
        DataFusionError::ResourcesExhausted(message) => Error::failed("sql/memory", clean(message))
            .hint("give it more memory or fewer jobs, or split the statement"),
        DataFusionError::Execution(message) => Error::failed("sql/value", clean(message)),
        other => Error::failed("sql/plan", clean(&other.to_string())),
    };
    match (span, place) {
        (Some((line, column)), Some(place)) => {
            ours.at(Place::new(&place.file, line as usize, column as usize))
        }
        (None, Some(place)) => ours.at(place.clone()),
        _ => ours,
    }
}

/// What the planner says, in Redshift's words where they are known.
fn plan_error(message: &str) -> Error {
    let after = |start: &str| message.split_once(start).map(|(_, rest)| rest);
    let first = |rest: &str| rest.split_whitespace().next().unwrap_or_default().to_owned();
    if message.contains("must appear in the GROUP BY clause")
        && let Some((column, _)) = after("column \"").and_then(|rest| rest.split_once('"'))
    {
        let says = format!(
            "column \"{column}\" must appear in the GROUP BY clause or be used in an aggregate function"
        );
        return Error::failed("sql/group-by", says)
            .hint("add it to GROUP BY, or take MIN or MAX of it (r_GROUP_BY_clause)");
    }
    if message.contains(SUBQUERY)
        || message.contains("orrelated scalar subquery")
        || message.contains("scalar correlated subquery")
        || message.contains("subquery can only be used in")
    {
        return Error::failed("sql/unsupported", SUBQUERY)
            .hint("join a grouped subquery, or correlate by equality (r_correlated_subqueries)");
    }
    if let Some(rest) = after("Source table contains ")
        && let Some(names) = rest.split_once("but only ").map(|(_, names)| names)
    {
        let says = format!("{} names for {} columns", first(names), first(rest));
        return Error::failed("sql/columns", says).hint("give each column one name");
    }
    Error::failed(plan_code(message), clean(message))
}

fn plan_code(message: &str) -> &'static str {
    if message.contains("not supported locally") {
        return "sql/unsupported";
    }
    let typed = [
        "cannot cast",
        "does not take",
        "coerc",
        "Cannot infer common",
        "does not exist for",
        "operator does not exist",
        "is not a Redshift type",
        "temporal operation",
        "non-boolean predicate",
        "do not match",
    ];
    if typed.iter().any(|t| message.contains(t)) { "sql/type" } else { "sql/plan" }
}

/// What the engine says where a window function may not stand.
const WINDOW: &str = "logical expression WindowFunction";

/// The engine's words for some errors, and ours.
const WORDS: &[(&str, &str)] = &[
    ("onsider using HAVING instead", "aggregate functions are not allowed in WHERE: use HAVING"),
    ("aggregate function calls cannot be nested", "aggregate function calls cannot be nested"),
    (WINDOW, "a window function stands in the select list or in ORDER BY alone"),
    (
        "Fail to find the coerced type",
        "the values have no type in common, and coercion fails; cast them",
    ),
    (
        "annot create filter with non-boolean predicate",
        "the argument of WHERE, HAVING or ON must be of type boolean",
    ),
];

/// The names of types as the engine writes them, and as Redshift does.
const TYPES: &[(&str, &str)] = &[
    ("Timestamp(µs, \"UTC\")", "timestamptz"),
    ("Timestamp(µs)", "timestamp"),
    ("Time64(µs)", "time"),
    ("Interval(MonthDayNano)", "interval"),
    ("LargeUtf8", "varchar"),
    ("Utf8View", "varchar"),
    ("Utf8", "varchar"),
    ("Decimal128", "decimal"),
    ("Float64", "double precision"),
    ("Float32", "real"),
    ("Int64", "bigint"),
    ("Int32", "integer"),
    ("Int16", "smallint"),
    ("Date32", "date"),
    ("Boolean", "boolean"),
    ("BinaryView", "varbyte"),
];

/// The first line of a message, without DataFusion's own prefixes.
fn clean(message: &str) -> String {
    let line = super::lex::lower_first(message.lines().next().unwrap_or_default());
    let line = line.trim_start_matches("error during planning: ");
    if let Some((_, ours)) = WORDS.iter().find(|(theirs, _)| line.contains(theirs)) {
        return (*ours).to_owned();
    }
    let between = |from: &str, to: &str| Some(line.split_once(from)?.1.split_once(to)?.0);
    if let Some(column) = between("column \"", "\" must appear in the GROUP BY clause") {
        return format!(
            "column \"{column}\" must appear in the GROUP BY clause or be used in an aggregate function"
        );
    }
    if let Some(name) =
        between("nvalid function '", "'").filter(|name| super::rewrite::is_known(name))
    {
        return format!("function {name} is a window function: it needs OVER (...)");
    }
    if let Some((name, _)) = between("function '", "' requires").zip(between("received ", "(Data"))
    {
        return format!("function {name} does not take an argument of this type");
    }
    // a function's own reason stands inside the planner's
    let own = line.split_once("coercion failed with: ").map(|(_, reason)| reason);
    let called = line.split_once("ailed to coerce arguments to satisfy a call to '");
    if own.is_none()
        && let Some((name, _)) = called.and_then(|(_, rest)| rest.split_once('\''))
    {
        return format!("function {name} does not take arguments of these types");
    }
    let line = own.unwrap_or(line);
    let line = line.trim_start_matches("Error during planning: ");
    let line = line.split_once(" No function matches").map_or(line, |(reason, _)| reason);
    let line = line.split_once(": Invalid argument error").map_or(line, |(reason, _)| reason);
    let line = line.trim_end_matches('.');
    let line =
        line.replace("cannot get result type for temporal operation", "operator does not exist:");
    let words = TYPES.iter().fold(line, |l, (theirs, ours)| l.replace(theirs, ours));
    super::lex::lower_first(&words)
}

fn schema_error(error: &SchemaError) -> Error {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let error = Error::failed(
                "sql/unknown-column",
                format!("column `{}` does not exist", readable(field)),
            );
            let names: Vec<&str> = valid_fields.iter().map(|f| output_name(&f.name)).collect();
            match nearest(&field.name, names.iter().copied()) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None if names.is_empty() => error,
                None => error.hint(format!("the columns here are {}", some(&names))),
            }
        }
        SchemaError::AmbiguousReference { field } => Error::failed(
            "sql/ambiguous-column",
            format!("column reference `{}` is ambiguous", readable(field)),
        )
        .hint("write it as table.column"),
        SchemaError::DuplicateQualifiedField { name, .. }
        | SchemaError::DuplicateUnqualifiedField { name } => Error::failed(
            "sql/duplicate-column",
            format!("column `{}` is there more than once", output_name(name)),
        )
        .hint("give one of them another name with AS"),
    }
}

fn readable(column: &Column) -> String {
    match &column.relation {
        Some(relation) => format!("{relation}.{}", column.name),
        None => column.name.clone(),
    }
}

fn some(names: &[&str]) -> String {
    let mut shown = names.iter().take(8).copied().collect::<Vec<_>>().join(", ");
    if names.len() > 8 {
        shown.push_str(" ...");
    }
    shown
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
