//! Texts that may not fit the columns they are written to. It is silent where the target or the
//! source is not known.

use datafusion::sql::sqlparser::ast::{Expr, Ident, Query, SetExpr, Spanned};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::find::ctes_of;
use super::known::{Known, KnownColumn, KnownTable};
use super::list::advice;
use super::scope::{Kind, Scope};
use super::{Find, Rule};
use crate::dialect::command::{Command, Insert, InsertSource, MergeAction, MergeForm};
use crate::types::{SqlType, VARCHAR_MAX};

pub(super) static RULES: &[Rule] = &[advice(
    "RS011",
    "a text may be longer than the column it is written to",
    "r_Character_types",
    "widen the column, or cut the text: value::varchar(n)",
    Find::Whole(too_narrow),
)
.told(
    "Lengths are bytes. A value that is too long is an error when it comes, perhaps months later, \
     and the whole statement with it: value too long for type character varying(n). Blanks at \
     the end are cut without a word.",
    "insert into narrow (code) select 'abcdef'::varchar(6) from t",
    "insert into narrow (code) select 'abcdef'::varchar(3) from t",
)];

fn too_narrow(command: &Command, known: &Known) -> Vec<Span> {
    let mut scope = Scope::new(known, ctes_of(command));
    match command {
        Command::Insert(insert) => match known.table(&insert.target) {
            Some(table) => inserted(&scope, insert, table),
            None => Vec::new(),
        },
        Command::Update(update) => {
            let Some(table) = known.table(&update.target) else { return Vec::new() };
            scope.add(&update.from);
            scope.add_target(&update.target, update.alias.as_deref());
            set(&scope, &update.set, table)
        }
        Command::Merge(merge) => {
            let Some(table) = known.table(&merge.target) else { return Vec::new() };
            scope.add_factor(&merge.source);
            scope.add_target(&merge.target, merge.target_alias.as_deref());
            let MergeForm::Clauses(clauses) = &merge.form else { return Vec::new() };
            let mut found = Vec::new();
            for clause in clauses {
                match &clause.action {
                    MergeAction::Update(all) => found.extend(set(&scope, all, table)),
                    MergeAction::Insert { columns, values } => {
                        let targets = targets(table, columns);
                        let pairs = targets.into_iter().zip(values);
                        let cut = pairs.filter(|&(c, value)| narrow(c, scope.kind(value)));
                        found.extend(cut.map(|(_, value)| value.span()));
                    }
                    MergeAction::Delete | MergeAction::DoNothing => {}
                }
            }
            found
        }
        _ => Vec::new(),
    }
}

fn set(scope: &Scope<'_>, set: &[(Vec<Ident>, Expr)], table: &KnownTable) -> Vec<Span> {
    set.iter()
        .filter(|(column, value)| {
            let name = column.last().map(|c| c.value.as_str());
            let target = table.columns.iter().find(|c| Some(c.name.as_str()) == name);
            narrow(target, scope.kind(value))
        })
        .map(|(_, value)| value.span())
        .collect()
}

fn inserted(scope: &Scope<'_>, insert: &Insert, table: &KnownTable) -> Vec<Span> {
    let InsertSource::Query(query) = &insert.source else { return Vec::new() };
    let targets = targets(table, &insert.columns);
    if let Some(rows) = rows_of(query) {
        let cells = rows.into_iter().flat_map(|row| targets.iter().copied().zip(row));
        return cells
            .filter(|(column, value)| narrow(*column, scope.kind(value)))
            .map(|(_, value)| value.span())
            .collect();
    }
    let Some(outputs) = scope.outputs(query) else { return Vec::new() };
    let pairs = targets.into_iter().zip(outputs);
    pairs
        .filter(|(column, (_, kind))| narrow(*column, *kind))
        .map(|(_, (item, _))| item.span())
        .collect()
}

fn rows_of(query: &Query) -> Option<Vec<&Vec<Expr>>> {
    match query.body.as_ref() {
        SetExpr::Values(values) => Some(values.rows.iter().map(|r| &r.content).collect()),
        _ => None,
    }
}

/// The columns that get values, in the order of the values.
fn targets<'a>(table: &'a KnownTable, columns: &[String]) -> Vec<Option<&'a KnownColumn>> {
    if columns.is_empty() {
        return table.columns.iter().map(Some).collect();
    }
    columns.iter().map(|name| table.columns.iter().find(|c| c.name == *name)).collect()
}

fn narrow(column: Option<&KnownColumn>, value: Option<Kind>) -> bool {
    let width = |ty: SqlType| match ty {
        SqlType::Varchar(n) | SqlType::Char(n) => Some(n),
        _ => None,
    };
    let (Some(column), Some(value)) = (column, value) else { return false };
    // the widest of all is also what stands for a text whose length is not known
    matches!((width(column.ty), width(value.ty)), (Some(to), Some(from))
        if from > to && from < VARCHAR_MAX)
}
