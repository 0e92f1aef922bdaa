//! The rendered text of tables of every shape, and the balance of its outcomes.

use super::*;
use crate::error::Place;
use crate::tables::{ColumnSpec, Extract, TableName};
use crate::types::SqlType;

fn spec(
    source: &str,
    name: &str,
    columns: &[(&str, &str, bool)],
    key: &[&str],
    version: Option<&str>,
) -> TableSpec {
    TableSpec {
        source: source.into(),
        name: name.into(),
        from: name.into(),
        columns: columns
            .iter()
            .map(|(name, ty, not_null)| ColumnSpec {
                name: (*name).into(),
                source_name: None,
                ty: SqlType::parse(ty).expect("a type"),
                not_null: *not_null,
            })
            .collect(),
        filter: None,
        extract: Extract::Full,
        landing: TableName::new(&format!("landing_{source}"), name),
        store: TableName::new(&format!("store_{source}"), name),
        key: key.iter().map(|k| (*k).into()).collect(),
        version: version.map(Into::into),
        place: Place::new("landfall.toml", 12, 1),
    }
}

fn order_lines() -> TableSpec {
    spec(
        "mysql",
        "order_lines",
        &[
            ("order_no", "varchar(20)", true),
            ("line_no", "varchar(10)", true),
            ("quantity", "integer", true),
            ("amount", "decimal(18,4)", false),
            ("updated_datetime", "timestamp", true),
        ],
        &["order_no", "line_no"],
        Some("updated_datetime"),
    )
}

fn access() -> TableSpec {
    spec(
        "weblog",
        "access",
        &[
            ("file_id", "varchar(64)", true),
            ("line_offset", "bigint", true),
            ("user", "varchar(256)", false),
            ("status", "smallint", false),
        ],
        &["file_id", "line_offset"],
        None,
    )
}

fn text(statements: &[Statement]) -> String {
    statements.iter().map(|s| format!("{};\n\n", s.text)).collect()
}

#[test]
fn merge_of_a_table_with_a_version() {
    let statements = statements(&order_lines(), Sequence(7)).expect("renders");
    insta::assert_snapshot!(text(&statements));
}

#[test]
fn merge_of_a_log_without_a_version() {
    let statements = statements(&access(), Sequence(1)).expect("renders");
    insta::assert_snapshot!(text(&statements));
}

#[test]
fn landing_of_redshift() {
    let root = url::Url::parse("s3://bucket/dw").expect("a URL");
    let statements = landing_ddl(&order_lines(), &root, Sequence(7)).expect("renders");
    insta::assert_snapshot!(text(&statements));
}

#[test]
fn landing_that_redshift_cannot_reach_is_said_in_the_script() {
    let warned = |root: &str| {
        let root = url::Url::parse(root).expect("a URL");
        let all = landing_ddl(&order_lines(), &root, Sequence(1)).expect("renders");
        all[1].text.contains("from s3:// only")
    };
    assert!(warned("file:///tmp/landing/"));
    assert!(!warned("s3://bucket/"));
}

#[test]
fn a_type_spectrum_cannot_read_is_refused_for_redshift_only() {
    let spec = spec("m", "t", &[("id", "integer", true), ("at", "time", false)], &["id"], None);
    let root = url::Url::parse("s3://bucket").expect("a URL");
    assert_eq!(landing_ddl(&spec, &root, Sequence(1)).expect_err("time").code(), "redshift/type");
    assert!(statements(&spec, Sequence(1)).is_ok());
}

/// The rules of Redshift's MERGE that a reader of the text can check.
#[test]
fn merge_keeps_redshifts_rules() {
    for spec in [order_lines(), access()] {
        let all = statements(&spec, Sequence(3)).expect("renders");
        assert_eq!(all.len(), 6);
        let merge = all[MERGE].text.to_lowercase();
        assert_eq!(merge.matches("when matched then update set").count(), 1);
        assert_eq!(merge.matches("when not matched then insert").count(), 1);
        assert!(!merge.contains("with ") && !merge.contains("distinct from"));
        let set = merge.split("update set").nth(1).and_then(|t| t.split("when not").next());
        for assignment in set.expect("a SET").trim().split(",\n") {
            let target = assignment.split('=').next().expect("a target");
            assert!(!target.contains('.'), "qualified: {target}");
        }
        assert!(all.iter().all(|s| !s.text.contains(';')));
        assert!(all.iter().all(|s| !s.text.to_lowercase().contains("qualify")));
    }
}

#[test]
fn a_nullable_version_never_beats_a_known_one() {
    let mut spec = order_lines();
    spec.columns[4].not_null = false;
    let stage = &statements(&spec, Sequence(1)).expect("renders")[STAGE].text;
    let known = stage.find("case when updated_datetime is null then 1 else 0 end");
    assert!(
        known.expect("known first") < stage.find("updated_datetime desc").expect("then newest")
    );
}

#[test]
fn a_table_of_nothing_but_its_key_renders() {
    let spec =
        spec("m", "links", &[("a", "integer", true), ("b", "integer", true)], &["a", "b"], None);
    let all = statements(&spec, Sequence(1)).expect("renders");
    assert!(all[UNCHANGED].text.ends_with("and stage_links.b = links.b"));
    assert!(all[MERGE].text.contains("update set\n    etl_updated_datetime = sysdate\n"));
}

#[test]
fn reserved_and_missing_columns_are_refused() {
    let mut reserved = order_lines();
    reserved.columns[2].name = "etl_created_datetime".into();
    assert_eq!(
        statements(&reserved, Sequence(1)).expect_err("kept").code(),
        "table/reserved_column"
    );
    let mut keyless = order_lines();
    keyless.key.clear();
    assert_eq!(statements(&keyless, Sequence(1)).expect_err("no key").code(), "table/no_key");
    let mut unknown = order_lines();
    unknown.version = Some("changed".into());
    assert_eq!(statements(&unknown, Sequence(1)).expect_err("unknown").code(), "table/no_column");
}

#[test]
fn the_store_ddl_is_the_head_of_the_merge() {
    let ddl = store_ddl(&order_lines()).expect("renders");
    assert_eq!(ddl, statements(&order_lines(), Sequence(9)).expect("renders")[..2]);
}

fn outcomes(staged: u64, unchanged: u64, inserted: u64, updated: u64) -> Vec<Outcome> {
    let mut all = vec![Outcome::default(); 6];
    all[STAGE].inserted = staged;
    all[UNCHANGED].deleted = unchanged;
    all[MERGE].inserted = inserted;
    all[MERGE].updated = updated;
    all
}

#[test]
fn balance_accounts_for_every_landed_row() {
    let rows = balance(10, &outcomes(8, 5, 2, 1)).expect("balances");
    assert_eq!((rows.landed, rows.superseded, rows.unchanged), (10, 2, 5));
    assert_eq!((rows.inserted, rows.updated), (2, 1));
    assert_eq!(balance(0, &outcomes(0, 0, 0, 0)[..2]).expect("empty"), Rows::default());
}

#[test]
fn balance_refuses_lost_and_doubled_rows() {
    for (landed, o) in [
        (10, outcomes(8, 5, 2, 0)),   // one row lost in the merge
        (10, outcomes(8, 5, 2, 2)),   // one row twice
        (10, outcomes(11, 0, 11, 0)), // more staged than landed
        (10, Vec::new()),             // nothing staged
    ] {
        assert_eq!(balance(landed, &o).expect_err("imbalance").code(), "merge/imbalance");
    }
}

#[test]
fn new_columns_are_added_one_by_one_and_must_allow_null() {
    let mut spec = order_lines();
    let known: Vec<ColumnInfo> = spec
        .columns
        .iter()
        .map(|c| ColumnInfo { name: c.name.clone(), ty: c.ty, not_null: c.not_null })
        .collect();
    let texts = |spec: &TableSpec| -> Result<Vec<String>> {
        Ok(added(spec, &known)?.into_iter().map(|statement| statement.text).collect())
    };
    assert_eq!(texts(&spec).expect("nothing new"), [""; 0]);
    let column = |name: &str, ty, not_null| ColumnSpec {
        name: name.into(),
        source_name: None,
        ty,
        not_null,
    };
    spec.columns.insert(1, column("order", SqlType::Varchar(20), false));
    spec.columns.push(column("weight", SqlType::Double, false));
    assert_eq!(
        texts(&spec).expect("two"),
        [
            "alter table store_mysql.order_lines add column \"order\" varchar(20)",
            "alter table store_mysql.order_lines add column weight double precision",
        ]
    );
    spec.columns.remove(0);
    assert_eq!(texts(&spec).map_err(|e| e.code()), Err("table/no_column"), "a key is a column");
    let mut spec = order_lines();
    spec.columns.push(column("weight", SqlType::Double, true));
    assert_eq!(texts(&spec).map_err(|e| e.code()), Err("store/new_column"));
}
