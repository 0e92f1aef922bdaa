//! Change sets, planned and run over rows with identity, to the exact rows.

use std::path::Path;

use datafusion::sql::sqlparser::ast::Expr;

use super::*;
use crate::dialect::tests::{Table, rows_of, session_with};
use crate::dialect::{assignment_casts, parse_script};

/// `store.t (k integer, v varchar(10), n decimal(10,2) default 7)` with four rows.
fn target() -> Table {
    Table::new("store", "t", "k integer, v varchar(10), n decimal(10,2)")
        .rows("values (1, 'a', 1.5), (2, 'b', 2.5), (3, 'c', null), (4, null, 4.5)")
}

fn shape() -> TableShape {
    let column = |name: &str, ty: &str, default: Option<Expr>| ShapeColumn {
        name: name.into(),
        ty: SqlType::parse(ty).expect(ty),
        not_null: name == "k",
        default,
        identity: false,
    };
    TableShape {
        name: ObjectRef::new(Some("store"), "t"),
        schema: Some("store".into()),
        by_table: false,
        columns: vec![
            column("k", "integer", None),
            column("v", "varchar(10)", None),
            column("n", "decimal(10,2)", Some(crate::dialect::build::number(7))),
        ],
    }
}

async fn changes(statement: &str) -> Result<Vec<String>> {
    let stage = Table::new("public", "stage", "k integer, v varchar(10), n decimal(10,2)")
        .rows("values (2, 'B', 20.0), (3, 'C', 30.0), (9, 'I', 90.0)");
    let state = session_with(&[target(), target().with_identity(), stage]).await;
    let parsed = parse_script(statement, Path::new("t.sql"))?.remove(0);
    let set = change_set(&parsed.command, &shape(), None)?;
    let first = match set.kind {
        ChangeSetKind::Insert => 0,
        ChangeSetKind::Merge { delete_matched: true, .. } => 3,
        _ => 2,
    };
    let plan = crate::dialect::plan_query(
        &state,
        set.query,
        &crate::dialect::tests::clock(),
        Some(&parsed.place),
    )
    .await?;
    let plan = if set.kind == ChangeSetKind::Delete {
        plan
    } else {
        assignment_casts(plan, first, &shape())?
    };
    let mut rows = rows_of(&state, plan).await?;
    rows.sort();
    Ok(rows)
}

#[track_caller]
fn expect(statement: &str, rows: &[&str]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("rt");
    let found = runtime.block_on(changes(statement));
    assert_eq!(found.unwrap_or_else(|e| panic!("{statement}: {e:?}")), rows, "{statement}");
}

#[track_caller]
fn refuse(statement: &str, code: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("rt");
    let error = runtime.block_on(changes(statement)).expect_err(statement);
    assert_eq!(error.code(), code, "{statement}: {error:?}");
}

// rows with identity are file 1, position k - 1

#[test]
fn delete_yields_exactly_the_rows_that_go() {
    expect("delete from store.t where false", &[]);
    expect("delete from store.t", &["1|0", "1|1", "1|2", "1|3"]);
    expect("delete store.t where k = 2", &["1|1"]);
    expect("delete from store.t where k in (select k from stage)", &["1|1", "1|2"]);
    expect("delete from store.t where k not in (select k from stage)", &["1|0", "1|3"]);
    expect("delete from store.t where v is null or k >= 3 and k < 4", &["1|2", "1|3"]);
    expect("delete from store.t using stage s where store.t.k = s.k", &["1|1", "1|2"]);
    expect("delete from store.t using stage s where t.k = s.k and s.k = 3", &["1|2"]);
    expect("delete from store.t x where x.k = 1", &["1|0"]);
    expect("with c as (select 4 as k) delete from store.t where k in (select k from c)", &["1|3"]);
    expect(
        "delete from store.t where exists (select 1 from stage where stage.k = t.k)",
        &["1|1", "1|2"],
    );
    expect("delete from store.t where n > (select avg(n) from store.t)", &["1|3"]);
}

#[test]
fn update_yields_new_values_of_the_matching_rows_only() {
    expect("update store.t set v = 'z' where false", &[]);
    expect("update store.t set v = 'z' where k = 1", &["1|0|1|z|1.50"]);
    expect("update store.t set n = n + 1, v = v || '!' where k = 2", &["1|1|2|b!|3.50"]);
    expect("update store.t set n = default where k = 3", &["1|2|3|c|7.00"]);
    expect(
        "update store.t set v = s.v from stage s where t.k = s.k",
        &["1|1|2|B|2.50", "1|2|3|C|NULL"],
    );
    expect("update store.t set v = (select max(v) from stage) where k = 4", &["1|3|4|I|4.50"]);
    expect(
        "update store.t set v = 'z' where k in (select k from stage)",
        &["1|1|2|z|2.50", "1|2|3|z|NULL"],
    );
}

#[test]
fn an_occurrence_of_the_target_in_from_is_the_target() {
    // the trap: on PostgreSQL and DuckDB this overwrites every row
    let changed = &["1|1|2|B|20.00", "1|2|3|C|30.00"];
    expect(
        "with c as (select * from stage) update store.t set v = c.v, n = c.n \
         from c join store.t x on x.k = c.k",
        changed,
    );
    expect("update store.t set v = s.v, n = s.n from stage s join store.t on t.k = s.k", changed);
    expect(
        "update store.t set v = s.v, n = s.n from stage s inner join store.t as x on x.k = s.k \
         where x.v <> s.v",
        changed,
    );
    expect("update store.t set v = s.v, n = s.n from stage s, store.t x where x.k = s.k", changed);
    // a second scan, when the head names the target itself
    expect(
        "update store.t a set v = b.v from store.t b where b.k = a.k + 1 and a.k = 1",
        &["1|0|1|b|1.50"],
    );
    refuse(
        "update store.t set v = s.v from stage s left join store.t x on x.k = s.k",
        "sql/update-outer-join",
    );
    refuse(
        "update store.t set v = x.v from store.t x join store.t y on x.k = y.k",
        "sql/target-twice",
    );
}

#[test]
fn insert_fills_every_column_in_table_order() {
    expect("insert into store.t values (5, 'e', 5.005)", &["5|e|5.01"]);
    expect("insert into store.t (v, k) values ('e', 5), ('f', 6)", &["5|e|7.00", "6|f|7.00"]);
    expect("insert into store.t values (5), (6)", &["5|NULL|7.00", "6|NULL|7.00"]);
    expect(
        "insert into store.t (k, n) values (5, default), (6, 1)",
        &["5|NULL|7.00", "6|NULL|1.00"],
    );
    expect("insert into store.t (k) select k + 10 from stage where k = 2", &["12|NULL|7.00"]);
    expect("insert into store.t select * from stage where k = 9", &["9|I|90.00"]);
    expect(
        "insert into store.t (with c as (select 8 as k, 'h' as v) select k, v from c)",
        &["8|h|7.00"],
    );
    expect(
        "insert into store.t with c as (select 8 as k, 'h' as v) select * from c, (select 1.5)",
        &["8|h|1.50"],
    );
    expect("insert into store.t default values", &["NULL|NULL|7.00"]);
    expect("insert into store.t select '7', 8, '9.999'", &["7|8|10.00"]);
    refuse("insert into store.t values (1, 'a', 2, 3)", "sql/insert-width");
    refuse("insert into store.t (k, v) values (1)", "sql/insert-width");
    refuse("insert into store.t (k, w) values (1, 2)", "sql/unknown-column");
    refuse("insert into store.t (k, k) values (1, 2)", "sql/insert-twice");
    refuse("insert into store.t select 1, 'a', current_date", "sql/type");
}

const MERGE: &str = "merge into store.t using stage on store.t.k = stage.k ";

#[test]
fn merge_pairs_source_rows_with_their_target_rows() {
    expect(
        &format!(
            "{MERGE} when matched then update set v = stage.v, n = t.n + stage.n \
                  when not matched then insert (k, v) values (stage.k, stage.v)"
        ),
        &["1|1|2|B|22.50", "1|2|3|C|NULL", "NULL|NULL|9|I|7.00"],
    );
    expect(
        &format!(
            "{MERGE} when matched then delete when not matched then insert values (stage.k, stage.v, stage.n)"
        ),
        &["1|1|true|2|b|2.50", "1|2|true|3|c|NULL", "NULL|NULL|false|9|I|90.00"],
    );
    expect(
        "merge into store.t using (select k, v from stage where k > 2) s on t.k = s.k \
         when matched then update set v = s.v when not matched then insert values (s.k, s.v, default)",
        &["1|2|3|C|NULL", "NULL|NULL|9|I|7.00"],
    );
    expect(
        &format!("{MERGE} remove duplicates"),
        &[
            "1|1|2|b|2.50",
            "1|2|3|c|NULL",
            "NULL|NULL|2|B|20.00",
            "NULL|NULL|3|C|30.00",
            "NULL|NULL|9|I|90.00",
        ],
    );
}

#[test]
fn a_null_key_in_the_source_never_matches() {
    expect(
        "merge into store.t using (select null::int as k, 'x' as v) s on t.k = s.k \
         when matched then update set v = s.v when not matched then insert values (s.k, s.v, 1)",
        &["NULL|NULL|NULL|x|1.00"],
    );
}

#[test]
fn merge_refuses_what_redshift_refuses() {
    let insert = "when not matched then insert (k) values (stage.k)";
    for (statement, code) in [
        (
            format!("with c as (select 1) {MERGE} when matched then delete {insert}"),
            "sql/merge-with",
        ),
        (
            format!(
                "merge into store.t x using stage on x.k = stage.k when matched then delete {insert}"
            ),
            "sql/merge-target-alias",
        ),
        (format!("{MERGE} when matched then delete"), "sql/merge-clauses"),
        (format!("{MERGE} {insert}"), "sql/merge-clauses"),
        (format!("{MERGE} {insert} when matched then delete"), "sql/merge-clauses"),
        (
            format!("{MERGE} when matched and stage.k > 1 then delete {insert}"),
            "sql/merge-condition",
        ),
        (
            format!(
                "merge into store.t using stage on t.k > stage.k when matched then delete {insert}"
            ),
            "sql/merge-on",
        ),
        (
            format!("{MERGE} when matched then update set t.v = 'x' {insert}"),
            "sql/merge-set-qualified",
        ),
        (
            "merge into store.t using (select * from store.t) s on t.k = s.k remove duplicates"
                .into(),
            "sql/merge-source-target",
        ),
    ] {
        refuse(&statement, code);
    }
}

#[test]
fn unknown_names_are_refused_with_the_nearest() {
    refuse("update store.t set vv = 1", "sql/unknown-column");
    refuse("update store.t set v = stge.v from stage where t.k = stage.k", "sql/unknown-column");
    refuse("delete from store.t where kk = 1", "sql/unknown-column");
    refuse("delete from store.t where k in (select k from stag)", "sql/unknown-table");
    refuse("update store.t set v = 1, v = 2", "sql/set-twice");
}

#[test]
fn a_source_with_a_schema_is_called_by_its_name() {
    expect(
        "merge into store.t using public.stage on t.k = stage.k \
         when matched then update set v = lower(stage.v) || 'x' \
         when not matched then insert (k, v) values (stage.k, upper(stage.v))",
        &["1|1|2|bx|2.50", "1|2|3|cx|NULL", "NULL|NULL|9|I|7.00"],
    );
    expect(
        "update store.t set v = stage.v from public.stage where store.t.k = stage.k and stage.k = 2",
        &["1|1|2|B|2.50"],
    );
}
