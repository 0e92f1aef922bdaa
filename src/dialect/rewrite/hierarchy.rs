//! CONNECT BY as a recursive WITH: the rows of START WITH, then those whose condition names a row
//! that is there already. WHERE comes after both. It sees one relation and no types.
//!
//! Source: r_CONNECT_BY_clause.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, ConnectByKind, Cte, ExcludeSelectItem, Expr, Ident, ObjectName, OrderBy,
    OrderByKind, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, SetOperator,
    SetQuantifier, TableAlias, TableFactor, VisitMut, VisitorMut, WildcardAdditionalOptions, With,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::Located;
use crate::dialect::build;
use crate::dialect::command::ObjectRef;
use crate::dialect::own;
use crate::dialect::tables::{called, tables_of_query};
use crate::error::Error;

/// The pseudocolumn of r_CONNECT_BY_clause: the word without quotes and without a table.
const LEVEL: &str = "level";
/// What it is called among the columns, of which one may have its name.
const DEPTH: &str = "__landfall_level";
/// The rows found so far, and the row above.
const FOUND: &str = "connect_by_rows";
const ABOVE: &str = "connect_by_above";

fn refused(what: &str) -> Located {
    let error = Error::failed("sql/unsupported", format!("{what} is not supported locally"))
        .hint("write WITH RECURSIVE (r_CONNECT_BY_clause)");
    Box::new((error, Span::empty()))
}

/// Turns the CONNECT BY of a query into a WITH clause of its own.
pub fn query(query: &mut Query) -> Result<(), Located> {
    let SetExpr::Select(select) = query.body.as_mut() else { return Ok(()) };
    if select.connect_by.is_empty() {
        return Ok(());
    }
    let (mut start, mut condition) = (None, None);
    for kind in std::mem::take(&mut select.connect_by) {
        match kind {
            ConnectByKind::StartWith { condition, .. } => start = Some(*condition),
            ConnectByKind::ConnectBy { nocycle: true, .. } => return Err(refused("NOCYCLE")),
            ConnectByKind::ConnectBy { relationships, .. } => {
                condition = relationships
                    .into_iter()
                    .reduce(|a, b| build::binary(a, BinaryOperator::And, b));
            }
        }
    }
    let [from] = select.from.as_slice() else {
        return Err(refused("CONNECT BY over several relations"));
    };
    let table = from.relation.clone();
    let name = called(&table).filter(|_| from.joins.is_empty());
    let Some(name) = name else {
        return Err(refused(match from.joins.is_empty() {
            true => "CONNECT BY over a subquery without a name",
            false => "CONNECT BY over several relations",
        }));
    };
    let Some(mut condition) = condition else { return Err(refused("START WITH alone")) };
    sides(&mut condition, &name)?;
    outside(select)?;

    let cte = rows(table, &name, start, condition);
    select.from = vec![build::alone(build::table(&ObjectRef::new(None, FOUND), Some(&name)))];
    select.projection.iter_mut().for_each(without_level);
    levels(select, query.order_by.as_mut());
    let with = query.with.get_or_insert(With {
        with_token: AttachedToken::empty(),
        recursive: true,
        cte_tables: Vec::new(),
    });
    // it would turn recursive with the others
    let own = |cte: &Cte| {
        let name = ObjectRef::new(None, &cte.alias.name.value);
        tables_of_query(&cte.query).contains(&name)
    };
    if !with.recursive && with.cte_tables.iter().any(own) {
        return Err(refused("CONNECT BY behind a WITH clause that hides a table"));
    }
    with.recursive = true;
    with.cte_tables.push(cte);
    Ok(())
}

fn is_level(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(Ident { value, quote_style: None, .. }) if value == LEVEL)
}

/// The pseudocolumn in the clauses that come after CONNECT BY.
fn levels(select: &mut Select, order_by: Option<&mut OrderBy>) {
    let mut depth = |expr: &mut Expr| {
        if is_level(expr) {
            *expr = build::column(DEPTH);
        }
    };
    let mut named = false;
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) = item
            && is_level(expr)
        {
            *item = build::item(build::column(DEPTH), LEVEL);
        }
        named |= matches!(item, SelectItem::ExprWithAlias { alias, .. } if alias.value == LEVEL);
        own::each(item, &mut depth);
    }
    own::each(&mut select.selection, &mut depth);
    own::each(&mut select.group_by, &mut depth);
    own::each(&mut select.having, &mut depth);
    own::each(&mut select.qualify, &mut depth);
    let Some(OrderBy { kind: OrderByKind::Expressions(keys), .. }) = order_by else { return };
    for key in keys {
        // all of a key means the select list first
        if !named || !matches!(key.expr, Expr::Identifier(_)) {
            own::each(&mut key.expr, &mut depth);
        }
    }
}

/// A CONNECT BY that is still there has no query of its own.
pub fn left(select: &Select) -> Result<(), Located> {
    match select.connect_by.is_empty() {
        true => Ok(()),
        false => Err(refused("CONNECT BY inside UNION, INTERSECT or EXCEPT")),
    }
}

/// `connect_by_rows AS (roots UNION ALL the rows below)`.
fn rows(table: TableFactor, name: &str, start: Option<Expr>, condition: Expr) -> Cte {
    let every = || {
        SelectItem::QualifiedWildcard(
            SelectItemQualifiedWildcardKind::ObjectName(ObjectName::from(vec![build::ident(name)])),
            WildcardAdditionalOptions::default(),
        )
    };
    let roots = build::select(
        vec![every(), build::item(build::number(1), DEPTH)],
        vec![build::alone(table.clone())],
        start,
    );
    let next = deeper();
    let below = build::select(
        vec![every(), build::item(next, DEPTH)],
        vec![
            build::alone(table),
            build::alone(build::table(&ObjectRef::new(None, FOUND), Some(ABOVE))),
        ],
        Some(condition),
    );
    let body = SetExpr::SetOperation {
        op: SetOperator::Union,
        set_quantifier: SetQuantifier::All,
        left: Box::new(SetExpr::Select(Box::new(roots))),
        right: Box::new(SetExpr::Select(Box::new(below))),
    };
    Cte {
        alias: TableAlias {
            explicit: true,
            name: build::ident(FOUND),
            columns: Vec::new(),
            at: None,
        },
        query: Box::new(build::query(None, body)),
        from: None,
        materialized: None,
        closing_paren_token: AttachedToken::empty(),
    }
}

/// The level of a row below another.
fn deeper() -> Expr {
    build::binary(build::qualified(ABOVE, DEPTH), BinaryOperator::Plus, build::number(1))
}

/// Names of the condition by the row they are of: under PRIOR that above, else the row itself.
fn sides(condition: &mut Expr, name: &str) -> Result<(), Located> {
    struct Sides<'a> {
        name: &'a str,
        prior: usize,
    }
    impl VisitorMut for Sides<'_> {
        type Break = ();
        fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
        fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            self.prior += usize::from(matches!(expr, Expr::Prior(_)));
            ControlFlow::Continue(())
        }
        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            let of = if self.prior > 0 { ABOVE } else { self.name };
            match expr {
                Expr::Prior(inner) => {
                    self.prior -= 1;
                    *expr = build::nested(build::take(inner));
                }
                _ if is_level(expr) => {
                    *expr = match self.prior {
                        0 => build::nested(deeper()),
                        _ => build::qualified(ABOVE, DEPTH),
                    };
                }
                Expr::Identifier(column) => *expr = build::qualified(of, &column.value),
                Expr::CompoundIdentifier(parts) => {
                    if let Some(column) = parts.last() {
                        *expr = build::qualified(of, &column.value);
                    }
                }
                _ => {}
            }
            ControlFlow::Continue(())
        }
    }
    match condition.visit(&mut Sides { name, prior: 0 }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(refused("a subquery in CONNECT BY")),
    }
}

/// PRIOR outside the condition needs the row above beside each row.
fn outside(select: &mut Select) -> Result<(), Located> {
    struct Find;
    impl VisitorMut for Find {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            match expr {
                Expr::Prior(_) => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }
    }
    match select.visit(&mut Find) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(refused("PRIOR outside CONNECT BY")),
    }
}

/// `*` stands for the columns of the relation.
fn without_level(item: &mut SelectItem) {
    let (SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options)) = item else {
        return;
    };
    let level = ObjectName::from(vec![build::ident(DEPTH)]);
    options.opt_exclude = Some(match options.opt_exclude.take() {
        None => ExcludeSelectItem::Multiple(vec![level]),
        Some(ExcludeSelectItem::Single(one)) => ExcludeSelectItem::Multiple(vec![one, level]),
        Some(ExcludeSelectItem::Multiple(mut all)) => {
            all.push(level);
            ExcludeSelectItem::Multiple(all)
        }
    });
}
