//! MERGE as a query: the source, and beside each of its rows the target row it matches. It writes nothing.
//!
//! Source: r_MERGE. The small source is the left side of the join, the target its right side.

use datafusion::sql::sqlparser::ast::{
    self, DataType, Expr, Ident, Join, JoinConstraint, JoinOperator, Query, SelectItem, SetExpr,
    SetOperator, SetQuantifier, TableWithJoins, WildcardAdditionalOptions,
};

use super::delete::identity;
use super::insert::assigned;
use super::update::{is_default, new_values};
use super::{ChangeSetKind, ROW_DELETE, ROW_FILE, ROW_POSITION, TableShape, rows_name, target};
use crate::dialect::build;
use crate::dialect::command::{Merge, MergeAction, MergeForm};
use crate::dialect::rules;
use crate::dialect::tables::tables_of_tree;
use crate::error::{Error, Result};

/// The name of the source's rows in a REMOVE DUPLICATES.
const SOURCE: &str = "__landfall_source";

pub fn query(merge: &Merge, shape: &TableShape) -> Result<(ChangeSetKind, Query)> {
    rules::refuse_merge(merge)?;
    // what the text alone does not tell: the target by another of its names
    if tables_of_tree(&merge.source).iter().any(|name| shape.is_named(name)) {
        return Err(Error::failed(
            "sql/merge-source-target",
            "source view/subquery in MERGE statement cannot reference target table",
        )
        .hint("stage the source in a temporary table first (r_MERGE)"));
    }
    let placed = target::of_merge(merge, shape);
    let alias = placed.alias.clone();
    let mut on = merge.on.clone();
    placed.requalify(&mut on)?;
    match &merge.form {
        MergeForm::RemoveDuplicates => Ok((
            ChangeSetKind::Merge { delete_matched: false, remove_duplicates: true },
            remove_duplicates(merge, shape, &alias, on),
        )),
        MergeForm::Clauses(clauses) => {
            let matched = clauses.iter().find(|c| c.matched).map(|c| &c.action);
            let not_matched = clauses.iter().find(|c| !c.matched).map(|c| &c.action);
            let (Some(matched), Some(MergeAction::Insert { columns, values })) =
                (matched, not_matched)
            else {
                return Err(incomplete());
            };
            let inserted = inserted(columns, values, shape)?;
            let delete_matched = matches!(matched, MergeAction::Delete);
            let updated = match matched {
                MergeAction::Update(set) => new_values(set, shape)?,
                _ => vec![None; shape.columns.len()],
            };
            let mut projection = identity(&alias);
            if delete_matched {
                projection.push(build::item(found(&alias), ROW_DELETE));
            }
            for ((column, new), insert) in shape.columns.iter().zip(updated).zip(inserted) {
                let new = new.unwrap_or_else(|| build::qualified(&alias, &column.name));
                // The same value whether the row was there or not needs no CASE.
                let value = match new == insert {
                    true => insert,
                    false => {
                        let [new, insert] = [new, insert].map(|v| assigned(v, column.ty));
                        build::case(vec![(found(&alias), new)], Some(insert))
                    }
                };
                projection.push(build::item(value, &column.name));
            }
            placed.requalify(&mut projection)?;
            let from = joined(merge, shape, &alias, on, JoinOperator::LeftOuter);
            let select = build::select(projection, vec![from], None);
            let kind = ChangeSetKind::Merge { delete_matched, remove_duplicates: false };
            Ok((kind, build::select_query(None, select)))
        }
    }
}

/// True where the source row found a target row.
fn found(alias: &str) -> Expr {
    Expr::IsNotNull(Box::new(build::qualified(alias, ROW_POSITION)))
}

fn joined(
    merge: &Merge,
    shape: &TableShape,
    alias: &str,
    on: Expr,
    operator: fn(JoinConstraint) -> JoinOperator,
) -> TableWithJoins {
    TableWithJoins {
        relation: merge.source.clone(),
        joins: vec![Join {
            relation: build::table(&rows_name(&shape.name), Some(alias)),
            global: false,
            join_operator: operator(JoinConstraint::On(on)),
        }],
    }
}

/// The value of each column of an inserted row.
fn inserted(columns: &[String], values: &[Expr], shape: &TableShape) -> Result<Vec<Expr>> {
    let named: Vec<usize> = if columns.is_empty() {
        (0..shape.columns.len()).collect()
    } else {
        columns.iter().map(|c| shape.position(c)).collect::<Result<_>>()?
    };
    let too_few = !columns.is_empty() && values.len() < named.len();
    if values.len() > named.len() || too_few {
        return Err(Error::failed(
            "sql/insert-width",
            format!("INSERT of MERGE has {} values for {} columns", values.len(), named.len()),
        )
        .hint("name the columns and give each one value (r_MERGE)"));
    }
    let mut row: Vec<Expr> =
        shape.columns.iter().map(|c| c.default.clone().unwrap_or_else(build::null)).collect();
    for (position, value) in named.iter().zip(values) {
        if let Some(slot) = row.get_mut(*position).filter(|_| !is_default(value)) {
            *slot = value.clone();
        }
    }
    Ok(row)
}

/// Every matched target row goes away, every source row is written once.
fn remove_duplicates(merge: &Merge, shape: &TableShape, alias: &str, on: Expr) -> Query {
    let mut gone = identity(alias);
    for column in &shape.columns {
        gone.push(build::item(build::qualified(alias, &column.name), &column.name));
    }
    let from = joined(merge, shape, alias, on, JoinOperator::Inner);
    let gone = SetExpr::Select(Box::new(build::select(gone, vec![from], None)));
    let none = |name: &str, ty: DataType| build::item(build::cast(build::null(), ty), name);
    let mut written =
        vec![none(ROW_FILE, DataType::Integer(None)), none(ROW_POSITION, DataType::BigInt(None))];
    let names: Vec<String> = shape.columns.iter().map(|c| c.name.clone()).collect();
    for name in &names {
        written.push(build::item(build::qualified(SOURCE, name), name));
    }
    let all = build::select(
        vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())],
        vec![build::alone(merge.source.clone())],
        None,
    );
    let source = build::derived(build::select_query(None, all), SOURCE, &names);
    let written =
        SetExpr::Select(Box::new(build::select(written, vec![build::alone(source)], None)));
    build::query(
        None,
        SetExpr::SetOperation {
            left: Box::new(gone),
            op: SetOperator::Union,
            set_quantifier: SetQuantifier::All,
            right: Box::new(written),
        },
    )
}

fn incomplete() -> Error {
    Error::failed(
        "sql/merge-clauses",
        "MERGE needs one WHEN MATCHED and one WHEN NOT MATCHED THEN INSERT",
    )
    .hint("write both clauses, in this order, or REMOVE DUPLICATES (r_MERGE)")
}

/// The column an equality of ON compares, for the rule that wants equalities only.
pub fn is_equality(on: &Expr) -> bool {
    match on {
        Expr::Nested(inner) => is_equality(inner),
        Expr::BinaryOp { left, op: ast::BinaryOperator::And, right } => {
            is_equality(left) && is_equality(right)
        }
        Expr::BinaryOp { op, .. } => *op == ast::BinaryOperator::Eq,
        _ => false,
    }
}

/// True when a SET target carries a qualifier.
pub fn is_qualified(set: &[(Vec<Ident>, Expr)]) -> bool {
    set.iter().any(|(parts, _)| parts.len() > 1)
}
