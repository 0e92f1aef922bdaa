//! What the engine says of a query that it cannot plan or run, in Redshift's words. It decides nothing.

use arrow::error::ArrowError;
use datafusion::common::{Column, DataFusionError, SchemaError};

use super::rewrite::output_name;
use super::runnable::SUBQUERY;
use super::session::TEMPORARY;
use crate::error::{Error, Place, nearest};

/// The innermost error, and the span a diagnostic carries.
pub fn unwrap(error: &DataFusionError) -> (&DataFusionError, Option<(u64, u64)>) {
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
    let message: &str = &as_written(message);
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
    if let Some((place, width)) =
        after("out of bounds, specified: ").and_then(|rest| rest.split_once(", max: "))
    {
        let says = format!("ORDER BY position {place} is not in the select list of {width}");
        return Error::failed("sql/plan", says).hint("name the column (r_ORDER_BY_clause)");
    }
    if message.contains("oo many columns") {
        return Error::failed("sql/subquery-columns", clean("too many columns"))
            .hint("select one column for each value (r_in_condition)");
    }
    if let Some(rest) = after("Source table contains ")
        && let Some(names) = rest.split_once("but only ").map(|(_, names)| names)
    {
        let says = format!("{} names for {} columns", first(names), first(rest));
        return Error::failed("sql/columns", says).hint(
            "give each column one name; beside IN and ALL a subquery has as many columns as there \
             are values",
        );
    }
    if let Some(parts) = after("arse compound identifier from [") {
        let parts: Vec<&str> = parts.split('"').skip(1).step_by(2).collect();
        let says = format!("column `{}` does not exist", parts.join("."));
        let error = Error::failed("sql/unknown-column", says);
        let table = parts.first().copied().unwrap_or_default();
        return error.hint(format!("no relation of FROM is called `{table}`"));
    }
    if let Some((expr, _)) =
        after("unique expression names but the expression \"").and_then(|s| s.split_once("\" at "))
    {
        let name = expr.rsplit_once(" AS ").map_or(expr, |(_, alias)| alias);
        let name = name.rsplit_once('.').map_or(name, |(_, column)| column);
        let says = match name.contains(['(', ' ']) {
            true => "two columns have the same name".to_owned(),
            false => format!("column `{}` is there more than once", output_name(name)),
        };
        return Error::failed("sql/duplicate-column", says)
            .hint("give one of them another name with AS");
    }
    Error::failed(plan_code(message), clean(message))
}

fn plan_code(message: &str) -> &'static str {
    if message.contains("not supported locally") {
        return "sql/unsupported";
    }
    if message.contains("expanded to zero columns") || message.contains("EXCLUDE or EXCEPT") {
        return "sql/exclude";
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
    ("cannot contain window function", "aggregate function calls cannot contain window functions"),
    ("oo many columns", "a subquery has more or fewer columns than stand beside it"),
    (
        "indow function calls cannot be nested",
        "window function calls cannot be nested: compute the inner one in a subquery",
    ),
    ("expanded to zero columns", "EXCLUDE leaves no column of the select list"),
    ("EXCLUDE or EXCEPT contains duplicate", "EXCLUDE names a column twice"),
    ("ast node in sqltorel: OuterJoin", "(+) stands where no join can be made of it"),
    ("mpty tuple not supported", "() stands where a value must: leave the clause out"),
    ("nsupported LIMIT expression", "LIMIT takes a number"),
    ("nsupported OFFSET expression", "OFFSET takes a number"),
    (
        "truct not supported",
        "a row (a, b) cannot stand here: write its values without the brackets",
    ),
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
    if line.contains("DISTINCT FROM Boolean") {
        return "argument of IS TRUE, IS FALSE and IS UNKNOWN must be of type boolean".to_owned();
    }
    if let Some((_, operation)) = line.split_once("logical boolean operation ") {
        let op = if operation.contains(" OR ") { "OR" } else { "AND" };
        return format!("argument of {op} must be of type boolean: {}", named(operation));
    }
    if let Some((name, _)) = between("function '", "' requires").zip(between("received ", "(Data"))
    {
        return format!("function {name} does not take an argument of this type");
    }
    let operator = between("oerce arithmetic expression ", " to valid types")
        .or_else(|| line.split_once("argument type for regex operation ").map(|(_, rest)| rest))
        .or_else(|| between("cannot get result type for temporal operation ", ":"));
    if let Some(operator) = operator {
        return format!("operator does not exist: {}", named(operator));
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
    super::lex::lower_first(&named(line))
}

/// Types by Redshift's names.
fn named(line: &str) -> String {
    TYPES.iter().fold(line.to_owned(), |line, (theirs, ours)| line.replace(theirs, ours))
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
        .hint(match field.relation {
            Some(_) => "give each column of the query in FROM a name of its own with AS",
            None => "write it as table.column",
        }),
        SchemaError::DuplicateQualifiedField { name, .. }
        | SchemaError::DuplicateUnqualifiedField { name } => Error::failed(
            "sql/duplicate-column",
            format!("column `{}` is there more than once", output_name(name)),
        )
        .hint("give one of them another name with AS"),
    }
}

/// Without the schema that temporary tables have while a statement is planned.
fn as_written(message: &str) -> String {
    message.replace(&format!("{TEMPORARY}."), "")
}

fn readable(column: &Column) -> String {
    match &column.relation {
        Some(relation) => {
            let relation = as_written(&relation.to_string());
            format!("{}.{}", output_name(&relation), column.name)
        }
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
