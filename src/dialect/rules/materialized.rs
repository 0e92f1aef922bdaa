//! What Redshift refuses of a materialized view by its text alone. It knows no table.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Query, Visit, Visitor};

use super::list::rule;
use super::{Find, Rule};
use crate::dialect::command::{Command, CreateTableAs};

pub(super) static RULES: &[Rule] = &[
    rule(
        "RS270",
        "sql/materialized-order",
        "a materialized view has ORDER BY, LIMIT or OFFSET",
        "materialized-view-create-sql-command",
        "order and limit the query that reads it; give it a SORTKEY",
        Find::Command(|c| view(c).is_some_and(ordered)),
    )
    .told(
        "Its rows are kept as a table, which has no order.",
        "create materialized view by_code as select code from dim order by code",
        "create materialized view by_code sortkey (code) as select code from dim",
    ),
    rule(
        "RS271",
        "sql/materialized-form",
        "CREATE MATERIALIZED VIEW takes neither OR REPLACE nor IF NOT EXISTS",
        "materialized-view-create-sql-command",
        "write DROP MATERIALIZED VIEW IF EXISTS before it",
        Find::Start(&[
            &["create", "or", "replace", "materialized"],
            &["create", "materialized", "view", "if", "not"],
        ]),
    )
    .told(
        "The definition of a materialized view is never changed; it is dropped and made again.",
        "create or replace materialized view by_code as select code from dim",
        "drop materialized view if exists by_code; \
         create materialized view by_code as select code from dim",
    ),
    rule(
        "RS272",
        "sql/materialized-auto",
        "AUTO REFRESH YES with a function whose answer changes",
        "materialized-view-create-sql-command",
        "leave AUTO REFRESH out and REFRESH it where the time is known",
        Find::Command(|c| match c {
            Command::CreateTableAs(t) => {
                t.materialized.as_ref().is_some_and(|m| m.auto_refresh) && changing(t)
            }
            _ => false,
        }),
    )
    .told(
        "Redshift refreshes by itself only what follows from the tables.",
        "create materialized view today auto refresh yes as select code from dim where day = current_date",
        "create materialized view today as select code from dim where day = current_date",
    ),
];

fn view(command: &Command) -> Option<&CreateTableAs> {
    match command {
        Command::CreateTableAs(create) if create.materialized.is_some() => Some(create),
        _ => None,
    }
}

/// Any query of it is ordered or cut.
fn ordered(create: &CreateTableAs) -> bool {
    struct Find;
    impl Visitor for Find {
        type Break = ();
        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            match query.order_by.is_some() || query.limit_clause.is_some() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        }
    }
    create.query.visit(&mut Find).is_break()
}

/// Functions that answer something else another time.
const CHANGING: &[&str] = &[
    "sysdate",
    "getdate",
    "now",
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "timeofday",
    "random",
];

fn changing(create: &CreateTableAs) -> bool {
    struct Find;
    impl Visitor for Find {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            let name = match expr {
                Expr::Function(function) => function.name.to_string(),
                Expr::Identifier(name) => name.value.clone(),
                _ => return ControlFlow::Continue(()),
            };
            match CHANGING.contains(&name.as_str()) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        }
    }
    create.query.visit(&mut Find).is_break()
}
