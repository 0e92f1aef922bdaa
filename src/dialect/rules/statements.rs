//! What Redshift refuses in MERGE and in DDL. It knows no expression.

use super::list::rule;
use super::{Find, Rule};
use crate::dialect::change;
use crate::dialect::command::{Command, Merge, MergeAction, MergeClause, MergeForm};
use crate::dialect::tables::tables_of_tree;
use crate::types::SqlType;

pub(super) static RULES: &[Rule] = &[
    rule(
        "RS110",
        "sql/merge-with",
        "a MERGE stands under a WITH clause",
        "r_MERGE",
        "make the source a subquery, or stage it in a temporary table first",
        Find::Merge(|m| m.with.is_some()),
    ),
    rule(
        "RS111",
        "sql/merge-target-alias",
        "the target of MERGE has an alias",
        "r_MERGE",
        "refer to the target by its table name",
        Find::Merge(|m| m.target_alias.is_some()),
    ),
    rule(
        "RS112",
        "sql/merge-clauses",
        "MERGE needs exactly one WHEN MATCHED and then one WHEN NOT MATCHED THEN INSERT",
        "r_MERGE",
        "write both clauses, in this order, or REMOVE DUPLICATES alone",
        Find::Merge(wrong_clauses),
    ),
    rule(
        "RS113",
        "sql/merge-condition",
        "a WHEN clause of MERGE has a condition",
        "r_MERGE",
        "move it into the source: USING (SELECT ... WHERE condition)",
        Find::Merge(|m| clauses(m).iter().any(|c| c.condition.is_some())),
    ),
    rule(
        "RS114",
        "sql/merge-on",
        "the ON condition of MERGE is not made of equalities alone",
        "r_MERGE",
        "compare with = and AND only; filter the source in a subquery",
        Find::Merge(|m| !change::is_equality(&m.on)),
    ),
    rule(
        "RS115",
        "sql/merge-source-target",
        "source view/subquery in MERGE statement cannot reference target table",
        "r_MERGE",
        "stage the source in a temporary table first",
        Find::Merge(source_reads_target),
    ),
    rule(
        "RS116",
        "sql/merge-set-qualified",
        "a column in the SET of MERGE carries a table name",
        "r_MERGE",
        "name the column alone: SET column = value",
        Find::Merge(|m| {
            clauses(m)
                .iter()
                .any(|c| matches!(&c.action, MergeAction::Update(set) if change::is_qualified(set)))
        }),
    ),
    rule(
        "RS144",
        "sql/external-schema",
        "an external table has no schema",
        "r_CREATE_EXTERNAL_TABLE",
        "name it external_schema.table",
        Find::Command(|c| matches!(c, Command::CreateExternalTable(t) if t.name.schema.is_none())),
    ),
    rule(
        "RS145",
        "sql/temp-schema",
        "a temporary table has a schema",
        "r_CREATE_TABLE_NEW",
        "leave the schema out: temporary tables live in one of their own",
        Find::Command(|c| match c {
            Command::CreateTable(t) => t.temp && t.name.schema.is_some(),
            Command::CreateTableAs(t) => t.temp && t.name.schema.is_some(),
            _ => false,
        }),
    ),
    rule(
        "RS146",
        "sql/identity-type",
        "an IDENTITY column is neither INTEGER nor BIGINT",
        "r_CREATE_TABLE_NEW",
        "declare it BIGINT",
        Find::Command(|c| {
            matches!(c, Command::CreateTable(t) if t.columns.iter().any(|c| {
                c.identity.is_some() && !matches!(c.ty, SqlType::Integer | SqlType::BigInt)
            }))
        }),
    ),
    rule(
        "RS147",
        "sql/default-on-identity",
        "a column has both DEFAULT and IDENTITY",
        "r_CREATE_TABLE_NEW",
        "keep one of them",
        Find::Command(|c| {
            matches!(c, Command::CreateTable(t)
                if t.columns.iter().any(|c| c.identity.is_some() && c.default.is_some()))
        }),
    ),
    rule(
        "RS148",
        "sql/key-column",
        "a key names a column the table does not have",
        "r_CREATE_TABLE_NEW",
        "name a column of the table",
        Find::Command(key_without_column),
    ),
    rule(
        "RS149",
        "sql/column-twice",
        "a table has two columns of one name",
        "r_CREATE_TABLE_NEW",
        "rename one; names fold to lower case even when quoted",
        Find::Command(column_twice),
    ),
];

fn clauses(merge: &Merge) -> &[MergeClause] {
    match &merge.form {
        MergeForm::Clauses(clauses) => clauses,
        MergeForm::RemoveDuplicates => &[],
    }
}

fn wrong_clauses(merge: &Merge) -> bool {
    let MergeForm::Clauses(clauses) = &merge.form else { return false };
    let [first, second] = clauses.as_slice() else { return true };
    let first_fits =
        first.matched && matches!(first.action, MergeAction::Update(_) | MergeAction::Delete);
    let second_fits =
        !second.matched && !second.by_source && matches!(second.action, MergeAction::Insert { .. });
    !(first_fits && second_fits)
}

fn source_reads_target(merge: &Merge) -> bool {
    tables_of_tree(&merge.source).contains(&merge.target)
}

fn key_without_column(command: &Command) -> bool {
    let Command::CreateTable(table) = command else { return false };
    if table.like.is_some() {
        return false;
    }
    let a = &table.attributes;
    let sort = a.sortkey.iter().flat_map(|k| &k.columns);
    let keys = a.distkey.iter().chain(sort).chain(a.unique.iter().flatten()).chain(&a.primary_key);
    keys.into_iter().any(|key| !table.columns.iter().any(|c| c.name == *key))
}

fn column_twice(command: &Command) -> bool {
    let Command::CreateTable(table) = command else { return false };
    let mut names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| matches!(pair, [a, b] if a == b))
}
