//! What Redshift refuses in DDL and in the values of INSERT, by their expressions. It knows no
//! table; types are judged when the statement is applied.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArguments, Query, SetExpr, Visit, VisitMut, Visitor, VisitorMut,
};

use super::find::function_name;
use super::list::rule;
use super::{Find, Rule};
use crate::dialect::command::{AlterAction, ColumnDef, Command, CreateTable, InsertSource};
use crate::dialect::rewrite::WITH_PART;

pub(super) static RULES: &[Rule] = &[
    rule(
        "RS262",
        "sql/add-identity",
        "ALTER TABLE adds an IDENTITY column",
        "r_ALTER_TABLE",
        "make a new table with the column and INSERT the rows into it",
        Find::Command(|c| added(c).is_some_and(|column| column.identity.is_some())),
    )
    .told(
        "ADD COLUMN takes DEFAULT, ENCODE and NULL or NOT NULL. The rows that are there would need \
         a value each.",
        "alter table sales add column k bigint identity(1, 1)",
        "alter table sales add column k bigint",
    ),
    rule(
        "RS263",
        "sql/default-expression",
        "a DEFAULT names a column or reads a table",
        "r_CREATE_TABLE_NEW",
        "write a constant, or a function of none; fill the rest by UPDATE",
        Find::Command(|c| match c {
            Command::CreateTable(t) => t.columns.iter().any(varies),
            _ => added(c).is_some_and(varies),
        }),
    )
    .told(
        "The DEFAULT value must be a variable-free expression: subqueries and references to other \
         columns are not allowed.",
        "create table t (a int, b int default a)",
        "create table t (a int, b timestamp default sysdate)",
    ),
    rule(
        "RS264",
        "sql/like-attributes",
        "a table made LIKE another has keys or a style of its own",
        "r_CREATE_TABLE_NEW",
        "leave them out: they are those of the table it is like",
        Find::Table(like_with_attributes),
    )
    .told(
        "Distribution style, sort keys and BACKUP are inherited by LIKE tables and cannot be set \
         beside LIKE.",
        "create table copy_of (like sales) diststyle even",
        "create table copy_of (like sales)",
    ),
    rule(
        "RS265",
        "sql/values-subquery",
        "an INSERT of several rows has a subquery among its values",
        "r_INSERT_30",
        "write INSERT ... SELECT, or one INSERT for each row",
        Find::Command(|c| match c {
            Command::Insert(insert) => match &insert.source {
                InsertSource::Query(query) => rows_with_queries(query),
                InsertSource::DefaultValues => false,
            },
            _ => false,
        }),
    )
    .told(
        "A single row of VALUES may hold scalar subqueries; a list of several rows may not.",
        "insert into t (a) values ((select max(a) from u)), (1)",
        "insert into t (a) values ((select max(a) from u))",
    ),
    rule(
        "RS266",
        "sql/explain-kind",
        "EXPLAIN stands before a statement that has no plan",
        "r_EXPLAIN",
        "explain SELECT, CREATE TABLE AS, INSERT, UPDATE, DELETE or MERGE",
        Find::Command(|c| matches!(c, Command::Explain { command } if !has_plan(command))),
    )
    .told(
        "COPY, UNLOAD and definitions are no queries; nothing is planned for them.",
        "explain copy sales from 's3://bucket/sales/'",
        "explain insert into sales select * from stage",
    ),
];

/// The column ALTER TABLE adds.
fn added(command: &Command) -> Option<&ColumnDef> {
    match command {
        Command::AlterTable(alter) => match &alter.action {
            AlterAction::AddColumn(column) => Some(column),
            _ => None,
        },
        _ => None,
    }
}

/// Words that stand alone and are no columns.
const WORDS: &[&str] = &[
    "current_date",
    "current_time",
    "current_timestamp",
    "current_user",
    "current_user_id",
    "localtime",
    "localtimestamp",
    "session_user",
    "sysdate",
    "user",
];

/// True for a default that depends on more than the moment.
fn varies(column: &ColumnDef) -> bool {
    struct Find;
    impl Visitor for Find {
        type Break = ();
        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            let named = match expr {
                Expr::Identifier(name) => {
                    name.quote_style.is_some() || !WORDS.contains(&name.value.as_str())
                }
                Expr::CompoundIdentifier(_) => true,
                _ => false,
            };
            if named { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
    column.default.as_ref().is_some_and(|value| without_parts(value).visit(&mut Find).is_break())
}

/// The expression without the parts of dates that functions take first, which are names, too.
fn without_parts(value: &Expr) -> Expr {
    let mut value = value.clone();
    let _ = VisitMut::visit(&mut value, &mut Parts);
    value
}

struct Parts;

impl VisitorMut for Parts {
    type Break = ();
    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr
            && WITH_PART.contains(&function_name(function))
            && let FunctionArguments::List(list) = &mut function.args
            && !list.args.is_empty()
        {
            list.args.remove(0);
        }
        ControlFlow::Continue(())
    }
}

fn like_with_attributes(table: &CreateTable) -> bool {
    let a = &table.attributes;
    table.like.is_some()
        && (a.diststyle.is_some()
            || a.distkey.is_some()
            || a.sortkey.is_some()
            || a.backup.is_some())
}

fn rows_with_queries(query: &Query) -> bool {
    struct Find;
    impl Visitor for Find {
        type Break = ();
        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
    }
    match query.body.as_ref() {
        SetExpr::Values(values) => values.rows.len() > 1 && values.rows.visit(&mut Find).is_break(),
        SetExpr::Query(inner) => rows_with_queries(inner),
        _ => false,
    }
}

fn has_plan(command: &Command) -> bool {
    matches!(
        command,
        Command::Query(_)
            | Command::CreateTableAs(_)
            | Command::Insert(_)
            | Command::Update(_)
            | Command::Delete(_)
            | Command::Merge(_)
            | Command::Execute { .. }
    )
}
