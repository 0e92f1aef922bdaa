//! One wrong thing after the other, then all at once.

use super::*;
use crate::error::Place;
use crate::tables::{ColumnSpec, TableName};
use crate::types::SqlType;

fn table() -> SourceTable {
    let column = |name: &str, ty: &str, nullable| SourceColumn {
        name: name.into(),
        type_text: ty.into(),
        nullable,
        folds_case: false,
    };
    SourceTable {
        schema: None,
        name: "orders".into(),
        view: false,
        columns: vec![
            column("id", "bigint(20)", false),
            column("name", "varchar(10)", true),
            column("updated", "datetime", false),
        ],
        primary_key: vec!["id".into()],
        rows: None,
    }
}

fn spec() -> TableSpec {
    let column = |name: &str, ty: &str| ColumnSpec {
        name: name.into(),
        source_name: None,
        ty: SqlType::parse(ty).expect(ty),
        not_null: false,
    };
    TableSpec {
        source: "mysql".into(),
        name: "orders".into(),
        from: "orders".into(),
        columns: vec![
            column("id", "bigint"),
            column("name", "varchar(40)"),
            column("updated", "timestamp"),
        ],
        filter: None,
        extract: Extract::Incremental { watermark: "updated".into(), lookback_seconds: 0 },
        landing: TableName::new("landing", "orders"),
        store: TableName::new("store", "orders"),
        key: vec!["id".into()],
        version: None,
        place: Place::new("landfall.toml", 7, 1),
    }
}

fn codes(spec: &TableSpec, table: &SourceTable) -> Vec<&'static str> {
    check(Driver::MySql, spec, table).0.iter().map(Error::code).collect()
}

#[test]
fn a_spec_that_fits_is_silent() {
    let (errors, warnings) = check(Driver::MySql, &spec(), &table());
    assert!(errors.is_empty() && warnings.is_empty(), "{errors:?} {warnings:?}");
}

#[test]
fn everything_wrong_is_found_at_once() {
    let mut spec = spec();
    spec.columns[1].name = "nmae".into();
    spec.columns[2].ty = SqlType::Date;
    let mut table = table();
    table.columns[0].nullable = true;
    let (errors, _) = check(Driver::MySql, &spec, &table);
    let found: Vec<_> = errors.iter().map(Error::code).collect();
    assert_eq!(
        found,
        ["source/no_column", "source/type", "source/nullable_key", "source/watermark_type"]
    );
    assert_eq!(errors[0].advice(), Some("did you mean `name`?"));
    assert!(errors.iter().all(|e| e.place().is_some_and(|p| p.line == 7)));
}

#[test]
fn what_cannot_be_a_watermark_is_refused() {
    let mut table = table();
    table.columns[2].type_text = "date".into();
    assert_eq!(codes(&spec(), &table), ["source/watermark_type"]);
    table.columns[2].type_text = "datetime".into();
    table.view = true;
    assert_eq!(codes(&spec(), &table), ["source/view"]);
    let mut spec = spec();
    spec.extract = Extract::Full;
    assert!(codes(&spec, &table).is_empty());
}

#[test]
fn drift_and_doubt_are_warnings() {
    let mut table = table();
    table.columns.push(SourceColumn {
        name: "colour".into(),
        type_text: "varchar(5)".into(),
        nullable: true,
        folds_case: true,
    });
    table.columns[2].nullable = true;
    table.columns[0].folds_case = true;
    table.primary_key = vec!["id".into(), "name".into()];
    let (errors, warnings) = check(Driver::MySql, &spec(), &table);
    assert!(errors.is_empty(), "{errors:?}");
    let all: Vec<_> = warnings.iter().map(|w| w.message.as_str()).collect();
    for part in ["`colour` (varchar(5))", "may be NULL", "without case", "primary key (id, name)"] {
        assert!(all.iter().any(|w| w.contains(part)), "{part}: {all:?}");
    }
}

#[test]
fn a_missing_table_names_the_nearest() {
    let error = missing(&spec(), &["order".into(), "zebra".into()]);
    assert_eq!(error.advice(), Some("did you mean `order`?"));
}
