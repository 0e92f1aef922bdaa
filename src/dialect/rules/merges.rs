//! What Redshift refuses in MERGE and UPDATE.

use datafusion::sql::sqlparser::ast::TableFactor;

use super::list::rule;
use super::{Find, Rule};
use crate::dialect::change;
use crate::dialect::command::{Command, Merge, MergeAction, MergeClause, MergeForm};
use crate::dialect::tables::tables_of_tree;

pub(super) static RULES: &[Rule] = &[
    rule(
        "RS110",
        "sql/merge-with",
        "a MERGE stands under a WITH clause",
        "r_MERGE",
        "make the source a subquery, or stage it in a temporary table first",
        Find::Merge(|m| {
            let inside = match &m.source {
                TableFactor::Derived { subquery, .. } => subquery.with.is_some(),
                _ => false,
            };
            m.with.is_some() || inside
        }),
    )
    .told(
        "You can't use the WITH clause in a MERGE statement. UPDATE, DELETE and the SELECT of \
         INSERT take one.",
        "with c as (select code from stage) merge into dim using c on dim.code = c.code \
         when matched then delete when not matched then insert (code) values (c.code)",
        "merge into dim using (select code from stage) as c on dim.code = c.code \
         when matched then delete when not matched then insert (code) values (c.code)",
    ),
    rule(
        "RS111",
        "sql/merge-target-alias",
        "the target of MERGE has an alias",
        "r_MERGE",
        "refer to the target by its table name",
        Find::Merge(|m| m.target_alias.is_some()),
    )
    .told(
        "The grammar has an alias for the source alone.",
        "merge into dim as d using stage on d.code = stage.code remove duplicates",
        "merge into dim using stage on dim.code = stage.code remove duplicates",
    ),
    rule(
        "RS112",
        "sql/merge-clauses",
        "MERGE needs exactly one WHEN MATCHED and then one WHEN NOT MATCHED THEN INSERT",
        "r_MERGE",
        "write both clauses, in this order, or REMOVE DUPLICATES alone",
        Find::Merge(wrong_clauses),
    )
    .told(
        "Both belong to one group of the grammar; there is no DO NOTHING and no NOT MATCHED BY \
         SOURCE. What is only to be updated is an UPDATE.",
        "merge into dim using stage on dim.code = stage.code when matched then delete",
        "merge into dim using stage on dim.code = stage.code when matched then delete \
         when not matched then insert (code) values (stage.code)",
    ),
    rule(
        "RS113",
        "sql/merge-condition",
        "a WHEN clause of MERGE has a condition",
        "r_MERGE",
        "move it into the source: USING (SELECT ... WHERE condition)",
        Find::Merge(|m| clauses(m).iter().any(|c| c.condition.is_some())),
    )
    .told(
        "WHEN MATCHED AND is not in the grammar.",
        "merge into dim using stage on dim.code = stage.code \
         when matched and stage.gone then delete \
         when not matched then insert (code) values (stage.code)",
        "merge into dim using (select code from stage where gone) as s on dim.code = s.code \
         when matched then delete when not matched then insert (code) values (s.code)",
    ),
    rule(
        "RS114",
        "sql/merge-on",
        "the ON condition of MERGE is not made of equalities alone",
        "r_MERGE",
        "compare with = and AND only; filter the source in a subquery",
        Find::Merge(|m| !change::is_equality(&m.on)),
    )
    .told(
        "The manual says that it specifies equal predicates between columns of source and target. \
         Anything else would also make rows NOT MATCHED that are there, and insert them again.",
        "merge into dim using stage on dim.code = stage.code and dim.day > stage.day \
         remove duplicates",
        "merge into dim using stage on dim.code = stage.code and dim.day = stage.day \
         remove duplicates",
    ),
    rule(
        "RS115",
        "sql/merge-source-target",
        "source view/subquery in MERGE statement cannot reference target table",
        "r_MERGE",
        "stage the source in a temporary table first",
        Find::Merge(|m| tables_of_tree(&m.source).contains(&m.target)),
    )
    .told(
        "MERGE runs as several statements, and the second would see what the first did.",
        "merge into dim using (select s.code from stage s left join dim on dim.code = s.code) as c \
         on dim.code = c.code remove duplicates",
        "merge into dim using changed as c on dim.code = c.code remove duplicates",
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
    )
    .told(
        "Don't include the table name when specifying the target column, says the manual.",
        "merge into dim using stage on dim.code = stage.code \
         when matched then update set dim.name = stage.name \
         when not matched then insert (code) values (stage.code)",
        "merge into dim using stage on dim.code = stage.code \
         when matched then update set name = stage.name \
         when not matched then insert (code) values (stage.code)",
    ),
    rule(
        "RS172",
        "sql/set-qualified",
        "a column in the SET of UPDATE carries a table name",
        "r_UPDATE",
        "name the column alone: SET column = value",
        Find::Command(|c| matches!(c, Command::Update(u) if change::is_qualified(&u.set))),
    )
    .told(
        "Don't include the table name in the specification of a target column: UPDATE tab SET \
         tab.col = 1 is invalid.",
        "update dim set dim.name = 'x' where code = 'a'",
        "update dim set name = 'x' where code = 'a'",
    ),
    rule(
        "RS173",
        "sql/update-outer-join",
        "target table must be part of an equijoin predicate",
        "r_UPDATE",
        "move the outer join into a subquery and join the target to it by equality",
        Find::Command(|c| matches!(c, Command::Update(u) if change::outer_joins_target(u))),
    )
    .told(
        "Left, right and full outer joins of the target are not supported in the FROM of UPDATE.",
        "update dim set name = s.name from dim left join stage s on s.code = dim.code",
        "update dim set name = s.name from (select b.code, max(b.name) as name from base b \
         left join stage g on g.code = b.code group by b.code) as s where dim.code = s.code",
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
