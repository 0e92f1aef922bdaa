//! INSERT as a query that yields every column of the table, in table order. It writes nothing.
//!
//! Source: r_INSERT_30: values fill the named columns, or the first ones; the rest take their
//! default or NULL. A plain identity column takes no value (widely known; the manual is silent).

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    DataType, Expr, Query, SelectItem, SetExpr, SetOperator, SetQuantifier, UnaryOperator, Value,
    Visit, Visitor,
};

use super::TableShape;
use super::update::is_default;
use crate::dialect::build;
use crate::dialect::command::{Insert, InsertSource};
use crate::error::{Error, Result};
use crate::types::SqlType;

/// The name of the inserted rows inside the query.
const SOURCE: &str = "__landfall_source";

pub fn query(insert: &Insert, shape: &TableShape, width: Option<usize>) -> Result<Query> {
    let named = named_columns(&insert.columns, shape)?;
    match &insert.source {
        InsertSource::DefaultValues => Ok(defaults(shape)),
        InsertSource::Query(source) => match plain_values(source)? {
            Some(rows) => values(rows, &named, !insert.columns.is_empty(), shape),
            None => {
                let width = width_of(source.body.as_ref()).or(width).unwrap_or(named.len());
                wrapped(source, &named, !insert.columns.is_empty(), shape, width)
            }
        },
    }
}

/// One row of defaults.
pub fn defaults(shape: &TableShape) -> Query {
    let row = shape
        .columns
        .iter()
        .map(|c| build::item(c.default.clone().unwrap_or_else(build::null), &c.name));
    build::select_query(None, build::select(row.collect(), Vec::new(), None))
}

/// Positions in the table of the columns that get values, in the order of the values.
fn named_columns(columns: &[String], shape: &TableShape) -> Result<Vec<usize>> {
    if columns.is_empty() {
        return Ok((0..shape.columns.len()).collect());
    }
    let mut named = Vec::with_capacity(columns.len());
    for column in columns {
        let position = shape.position(column)?;
        if named.contains(&position) {
            return Err(Error::failed(
                "sql/insert-twice",
                format!("column `{column}` is named more than once"),
            ));
        }
        named.push(position);
    }
    Ok(named)
}

/// The rows of a bare `VALUES (...), (...)`.
///
/// Errors: a clause after them, which the grammar of r_INSERT_30 does not have.
fn plain_values(query: &Query) -> Result<Option<Vec<&Vec<Expr>>>> {
    if query.with.is_some() {
        return Ok(None);
    }
    let rows = match query.body.as_ref() {
        SetExpr::Values(values) => Some(values.rows.iter().map(|r| &r.content).collect()),
        SetExpr::Query(inner) => plain_values(inner)?,
        _ => None,
    };
    let bare = query.order_by.is_none() && query.limit_clause.is_none() && query.fetch.is_none();
    if rows.is_some() && !bare {
        return Err(Error::failed(
            "sql/syntax",
            "the rows of VALUES take no ORDER BY and no LIMIT",
        )
        .hint("leave the clause out, or insert from a SELECT (r_INSERT_30)"));
    }
    Ok(rows)
}

/// VALUES with DEFAULT filled in: every row gives every column of the table.
fn values(
    rows: Vec<&Vec<Expr>>,
    named: &[usize],
    exact: bool,
    shape: &TableShape,
) -> Result<Query> {
    let width = rows.first().map_or(0, |r| r.len());
    check_width(width, named.len(), exact)?;
    let defaults: Vec<Expr> =
        shape.columns.iter().map(|c| c.default.clone().unwrap_or_else(build::null)).collect();
    let mut full = Vec::with_capacity(rows.len());
    for row in rows {
        if row.len() != width {
            return Err(Error::failed("sql/insert-width", "VALUES lists are not of one length")
                .hint("give every row the same number of values"));
        }
        let mut values = defaults.clone();
        for (position, value) in named.iter().zip(row) {
            if let Some(slot) = values.get_mut(*position).filter(|_| !is_default(value)) {
                *slot = value.clone();
            }
        }
        full.push(values);
    }
    of_one_type(&mut full, shape);
    if full.iter().flatten().any(has_query) {
        return Ok(united(full, shape));
    }
    // One SELECT per row would plan slowly; one VALUES types each column over all its rows.
    let body = SetExpr::Values(datafusion::sql::sqlparser::ast::Values {
        explicit_row: false,
        value_keyword: false,
        rows: full
            .into_iter()
            .map(datafusion::sql::sqlparser::ast::Parens::with_empty_span)
            .collect(),
    });
    let names: Vec<String> = shape.columns.iter().map(|c| c.name.clone()).collect();
    let source = build::derived(build::query(None, body), SOURCE, &names);
    let projection =
        names.iter().map(|name| build::item(build::qualified(SOURCE, name), name)).collect();
    Ok(build::select_query(None, build::select(projection, vec![build::alone(source)], None)))
}

/// Assigns the values of a column one by one where they may be of several types: each is for the
/// column alone, while VALUES has one type for all of them.
fn of_one_type(rows: &mut [Vec<Expr>], shape: &TableShape) {
    for (index, column) in shape.columns.iter().enumerate() {
        let values = rows.iter().filter_map(|row| row.get(index)).filter(|v| !is_null(v));
        if alike(values.map(kind), column.ty) {
            continue;
        }
        for value in rows.iter_mut().filter_map(|row| row.get_mut(index)) {
            *value = assigned(build::take(value), column.ty);
        }
    }
}

/// A value as its column takes it. NULL has no type that could be another's.
pub(super) fn assigned(value: Expr, ty: SqlType) -> Expr {
    if is_null(&value) { value } else { build::assigned(value, ty) }
}

/// What the text of a value tells of its type.
#[derive(PartialEq)]
enum Kind<'a> {
    /// Digits before the point and after it.
    Number(usize, usize),
    Text,
    Boolean,
    Typed(&'a DataType),
    Other(&'a Expr),
}

fn kind(value: &Expr) -> Kind<'_> {
    match value {
        Expr::Nested(inner) => kind(inner),
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => {
            match kind(expr) {
                number @ Kind::Number(..) => number,
                _ => Kind::Other(value),
            }
        }
        Expr::Value(v) => match &v.value {
            // numbers with an exponent have few digits in common
            Value::Number(digits, _) if !digits.contains(['e', 'E']) => {
                let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
                Kind::Number(whole.len(), fraction.len())
            }
            Value::SingleQuotedString(_) => Kind::Text,
            Value::Boolean(_) => Kind::Boolean,
            _ => Kind::Other(value),
        },
        Expr::TypedString(typed) => Kind::Typed(&typed.data_type),
        Expr::Cast { data_type, .. } => Kind::Typed(data_type),
        other => Kind::Other(other),
    }
}

/// True if one type surely holds these values as a column takes each of them.
fn alike<'a>(mut kinds: impl Iterator<Item = Kind<'a>>, ty: SqlType) -> bool {
    let Some(first) = kinds.next() else { return true };
    let Kind::Number(mut whole, mut scale) = first else { return kinds.all(|kind| kind == first) };
    let first_scale = scale;
    for kind in kinds {
        let Kind::Number(digits, places) = kind else { return false };
        // as a text a number has the places that are written
        if ty.text_bytes().is_some() && places != first_scale {
            return false;
        }
        (whole, scale) = (whole.max(digits), scale.max(places));
    }
    let most = if matches!(ty, SqlType::Real | SqlType::Double) { 15 } else { 38 };
    whole + scale <= most || scale == 0
}

fn is_null(value: &Expr) -> bool {
    matches!(value, Expr::Value(v) if v.value == Value::Null)
}

/// True for a value that a query computes: VALUES cannot hold it.
fn has_query(value: &Expr) -> bool {
    struct Find;
    impl Visitor for Find {
        type Break = ();
        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
    }
    value.visit(&mut Find).is_break()
}

/// One SELECT for each row.
fn united(rows: Vec<Vec<Expr>>, shape: &TableShape) -> Query {
    let one = |row: Vec<Expr>| {
        let items = row.into_iter().zip(&shape.columns).map(|(v, c)| build::item(v, &c.name));
        SetExpr::Select(Box::new(build::select(items.collect(), Vec::new(), None)))
    };
    let all = rows.into_iter().map(one).reduce(|left, right| SetExpr::SetOperation {
        op: SetOperator::Union,
        set_quantifier: SetQuantifier::All,
        left: Box::new(left),
        right: Box::new(right),
    });
    let empty = || SetExpr::Select(Box::new(build::select(Vec::new(), Vec::new(), None)));
    build::query(None, all.unwrap_or_else(empty))
}

/// True for a query whose number of values its text does not tell.
pub fn has_open_width(query: &Query) -> bool {
    width_of(query.body.as_ref()).is_none()
}

/// The rows of a query of so many values, spread over the columns of the table.
fn wrapped(
    source: &Query,
    named: &[usize],
    exact: bool,
    shape: &TableShape,
    width: usize,
) -> Result<Query> {
    check_width(width, named.len(), exact)?;
    let given: Vec<String> = (0..width).map(|i| format!("__landfall_{i}")).collect();
    let projection: Vec<SelectItem> = shape
        .columns
        .iter()
        .enumerate()
        .map(|(position, column)| {
            let value = named
                .iter()
                .position(|p| *p == position)
                .and_then(|i| given.get(i))
                .map(|name| build::qualified(SOURCE, name));
            let value = value.or_else(|| column.default.clone()).unwrap_or_else(build::null);
            build::item(value, &column.name)
        })
        .collect();
    let from = build::derived(source.clone(), SOURCE, &given);
    Ok(build::select_query(None, build::select(projection, vec![build::alone(from)], None)))
}

/// How many columns a query yields, if its text says so.
fn width_of(body: &SetExpr) -> Option<usize> {
    match body {
        SetExpr::Select(select) => {
            let plain = select.projection.iter().all(|item| {
                matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. })
            });
            (plain && select.exclude.is_none()).then_some(select.projection.len())
        }
        SetExpr::Query(query) => width_of(&query.body),
        SetExpr::SetOperation { left, right, .. } => width_of(left).or_else(|| width_of(right)),
        SetExpr::Values(values) => values.rows.first().map(|r| r.content.len()),
        _ => None,
    }
}

fn check_width(given: usize, columns: usize, exact: bool) -> Result<()> {
    let message = if given > columns {
        format!("INSERT has more expressions than target columns: {given} for {columns}")
    } else if exact && given < columns {
        format!("INSERT has more target columns than expressions: {columns} for {given}")
    } else {
        return Ok(());
    };
    Err(Error::failed("sql/insert-width", message)
        .hint("name exactly the columns that get a value (r_INSERT_30)"))
}
