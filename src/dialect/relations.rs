//! The names by which the columns of a table are qualified, scope by scope: it gives a table another
//! name where two of one FROM are called alike. It resolves no column.
//!
//! Source: r_FROM_clause30, r_names; PostgreSQL 8.0, which Redshift keeps: tables of one name in two
//! schemas may stand in one FROM, `schema.table.column` tells them apart, and `table.column` is
//! ambiguous. DataFusion 55.2 takes the first of them for both.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, ObjectName, ObjectNamePart, OrderBy, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind as Kind, SetExpr, Spanned, TableFactor, Visit, VisitMut,
    Visitor, VisitorMut,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::build;
use super::command::ObjectRef;
use super::parse::object_ref;
use super::session::DEFAULT_SCHEMA;
use super::tables::{called, factors, factors_mut};
use crate::error::Error;

/// What `table.column` means beside `schema.table.column`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Short {
    /// The same.
    Same,
    /// A column of another relation.
    Other,
    /// No one can tell.
    Ambiguous,
}

/// Renames the qualifier of a table's columns in a part of a statement, and in the queries inside it
/// that have no table of that name themselves. True if there was one.
///
/// Errors: `sql/ambiguous-table`, and where, if `short` says so.
pub fn rename(
    tree: &mut impl VisitMut,
    table: &ObjectRef,
    alias: &str,
    short: Short,
) -> Result<bool, Box<(Error, Span)>> {
    let mut rename = Rename { table, alias, short, inside: Vec::new(), renamed: false };
    match tree.visit(&mut rename) {
        ControlFlow::Break(span) => Err(Box::new((ambiguous(&table.table), span))),
        ControlFlow::Continue(()) => Ok(rename.renamed),
    }
}

/// The name of a table that no other relation has.
pub fn own_name(table: &ObjectRef) -> String {
    format!("{}.{}", schema_of(table), table.table)
}

/// True if a relation anywhere in a part of a statement is called so.
pub fn calls(tree: &impl Visit, name: &str) -> bool {
    struct Find<'a>(&'a str);
    impl Visitor for Find<'_> {
        type Break = ();
        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
            match called(factor).is_some_and(|called| called == self.0) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        }
    }
    tree.visit(&mut Find(name)).is_break()
}

/// Tells apart the tables of one name in each FROM of a query.
pub fn query(query: &mut Query) -> Result<(), Box<(Error, Span)>> {
    let Query { body, order_by, .. } = query;
    body_of(body, order_by.as_mut())
}

fn body_of(body: &mut SetExpr, order_by: Option<&mut OrderBy>) -> Result<(), Box<(Error, Span)>> {
    match body {
        SetExpr::Select(select) => told_apart(select, order_by),
        SetExpr::SetOperation { left, right, .. } => {
            body_of(left, None).and_then(|()| body_of(right, None))
        }
        _ => Ok(()),
    }
}

fn told_apart(
    select: &mut Select,
    mut order_by: Option<&mut OrderBy>,
) -> Result<(), Box<(Error, Span)>> {
    let names: Vec<String> = factors(&select.from).filter_map(called).collect();
    let shared = |name: &ObjectRef| names.iter().filter(|n| **n == name.table).count() > 1;
    let tables: Vec<ObjectRef> = factors(&select.from).filter_map(bare).filter(shared).collect();
    let twice = tables.iter().any(|a| tables.iter().filter(|b| is_same(a, b)).count() > 1);
    // what is there twice under one name is refused where it is planned
    if twice || !tables.iter().any(|table| table.schema.is_some()) {
        return Ok(());
    }
    for table in tables {
        let alias = own_name(&table);
        rename(select, &table, &alias, Short::Ambiguous)?;
        if let Some(order_by) = order_by.as_deref_mut() {
            rename(order_by, &table, &alias, Short::Ambiguous)?;
        }
        for item in &mut select.projection {
            let SelectItem::QualifiedWildcard(Kind::ObjectName(name), _) = item else { continue };
            if object_ref(name).is_some_and(|n| n.schema.is_some() && is_same(&n, &table)) {
                *name = ObjectName(vec![ObjectNamePart::Identifier(build::ident(&alias))]);
            } else if object_ref(name).is_some_and(|n| n.schema.is_none() && n.table == table.table)
            {
                return Err(Box::new((ambiguous(&table.table), name.span())));
            }
        }
        for factor in factors_mut(&mut select.from) {
            if bare(factor).is_some_and(|name| is_same(&name, &table))
                && let TableFactor::Table { alias: own, .. } = factor
            {
                *own = Some(build::alias(&alias));
            }
        }
    }
    Ok(())
}

/// A table of FROM without an alias.
fn bare(factor: &TableFactor) -> Option<ObjectRef> {
    match factor {
        TableFactor::Table { name, alias: None, args: None, .. } => object_ref(name),
        _ => None,
    }
}

fn schema_of(table: &ObjectRef) -> &str {
    table.schema.as_deref().unwrap_or(DEFAULT_SCHEMA)
}

fn is_same(a: &ObjectRef, b: &ObjectRef) -> bool {
    a.table == b.table && schema_of(a) == schema_of(b)
}

fn ambiguous(table: &str) -> Error {
    Error::failed("sql/ambiguous-table", format!("table reference `{table}` is ambiguous"))
        .hint("write it as schema.table.column, or give each table an alias")
}

/// What a query inside has of its own.
struct Inside {
    /// The very table, without an alias.
    table: bool,
    /// A relation called as the table is.
    name: bool,
}

struct Rename<'a> {
    table: &'a ObjectRef,
    alias: &'a str,
    short: Short,
    inside: Vec<Inside>,
    renamed: bool,
}

impl VisitorMut for Rename<'_> {
    type Break = Span;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Span> {
        let mut inside = Inside { table: false, name: false };
        own_relations(&query.body, &mut |factor| {
            inside.table |= bare(factor).is_some_and(|name| is_same(&name, self.table));
            inside.name |= called(factor).is_some_and(|name| name == self.table.table);
        });
        self.inside.push(inside);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Span> {
        self.inside.pop();
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Span> {
        let Expr::CompoundIdentifier(parts) = expr else { return ControlFlow::Continue(()) };
        let is = |ident: &Ident, name: &str| ident.value == name;
        let own = match parts.as_slice() {
            [schema, table, _] => {
                is(schema, schema_of(self.table))
                    && is(table, &self.table.table)
                    && !self.inside.iter().any(|inside| inside.table)
            }
            [table, _] => {
                let own =
                    is(table, &self.table.table) && !self.inside.iter().any(|inside| inside.name);
                if own && self.short == Short::Ambiguous {
                    return ControlFlow::Break(table.span);
                }
                own && self.short == Short::Same
            }
            _ => false,
        };
        if own && let Some(column) = parts.pop() {
            *parts = vec![build::ident(self.alias), column];
            self.renamed = true;
        }
        ControlFlow::Continue(())
    }
}

/// The relations of the SELECTs of one query, those of queries inside them aside.
fn own_relations(body: &SetExpr, see: &mut impl FnMut(&TableFactor)) {
    match body {
        SetExpr::Select(select) => factors(&select.from).for_each(see),
        SetExpr::SetOperation { left, right, .. } => {
            own_relations(left, see);
            own_relations(right, see);
        }
        _ => {}
    }
}
