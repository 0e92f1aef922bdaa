//! Shapes of queries that DataFusion does not know: TOP, MINUS, EXCLUDE over a whole list, named types.
//! It rewrites no expression.

use datafusion::sql::sqlparser::ast::{
    Distinct, Expr, LimitClause, Query, Select, SelectItem, SetExpr, SetOperator, Spanned,
    TopQuantity, Value, WildcardAdditionalOptions,
};

use super::Located;
use super::tested::{is_aggregate, of_one_group};
use crate::dialect::build;
use crate::dialect::own;
use crate::error::Error;

pub fn query(query: &mut Query) -> Result<(), Located> {
    // a query in brackets may parse as DML; it must never reach DataFusion as such
    let dml = |body: &SetExpr| {
        matches!(
            body,
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_)
        )
    };
    if dml(&query.body) {
        let error = Error::failed("sql/syntax", "a statement that changes rows stands in a query")
            .hint("run it as a statement of its own");
        return Err(Box::new((error, query.span())));
    }
    minus(&mut query.body);
    if let SetExpr::Select(select) = query.body.as_mut()
        && let Some(top) = select.top.take()
    {
        let limit = match top.quantity {
            Some(TopQuantity::Constant(n)) => Expr::value(Value::Number(n.to_string(), false)),
            Some(TopQuantity::Expr(expr)) => expr,
            None => {
                return Err(located("sql/syntax", "expected a number after TOP", select));
            }
        };
        query.limit_clause = Some(LimitClause::LimitOffset {
            limit: Some(limit),
            offset: None,
            limit_by: Vec::new(),
        });
    }
    Ok(())
}

/// EXCLUDE behind the last of several items speaks of them all (r_EXCLUDE_list); the parser takes it
/// for one of the star before it.
pub fn exclude(body: &mut SetExpr) {
    match body {
        SetExpr::SetOperation { left, right, .. } => {
            exclude(left);
            exclude(right);
        }
        SetExpr::Select(select) => {
            if let [_, .., SelectItem::Wildcard(star) | SelectItem::QualifiedWildcard(_, star)] =
                select.projection.as_mut_slice()
                && select.exclude.is_none()
            {
                select.exclude = star.opt_exclude.take();
            }
        }
        _ => {}
    }
}

/// OFFSET alone, in a query inside another: DataFusion 55.2 loses the order its rows are left out by,
/// unless a limit stands beside it.
pub fn offset(query: &mut Query) {
    if let Some(LimitClause::LimitOffset { limit: limit @ None, offset: Some(_), .. }) =
        &mut query.limit_clause
    {
        *limit = Some(build::number(i64::MAX / 2));
    }
}

fn located(code: &'static str, message: &str, select: &Select) -> Located {
    Box::new((Error::failed(code, message), select.span()))
}

/// MINUS is EXCEPT (r_UNION).
fn minus(body: &mut SetExpr) {
    if let SetExpr::SetOperation { op, left, right, .. } = body {
        if *op == SetOperator::Minus {
            *op = SetOperator::Except;
        }
        minus(left);
        minus(right);
    }
}

pub fn select(select: &mut Select) -> Result<(), Located> {
    if select.top.is_some() {
        return Err(located(
            "sql/unsupported",
            "TOP inside a set operation is not supported locally",
            select,
        ));
    }
    if select.into.is_some() {
        return Err(located("sql/syntax", "INTO stands in a subquery", select));
    }
    if matches!(select.distinct, Some(Distinct::All)) {
        select.distinct = None;
    }
    if !own::is_grouped(select)
        && !own::calls(&select.projection, is_aggregate)
        && let Some(having) = &mut select.having
    {
        of_one_group(having);
    }
    if let Some(exclude) = select.exclude.take() {
        // `select *, f(x) as c exclude b`: drop columns from the whole list
        let empty = build::select(Vec::new(), Vec::new(), None);
        let inner = std::mem::replace(select, empty);
        let from = build::derived(build::select_query(None, inner), "__landfall_all", &[]);
        let options =
            WildcardAdditionalOptions { opt_exclude: Some(exclude), ..Default::default() };
        select.projection = vec![SelectItem::Wildcard(options)];
        select.from = vec![build::alone(from)];
    }
    Ok(())
}
