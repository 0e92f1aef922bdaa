//! The statements, word for word, and names that try to break out.

use proptest::prelude::*;

use super::*;
use crate::error::Place;
use crate::extract::database::described::SourceColumn;
use crate::tables::{ColumnSpec, TableName};
use crate::types::SqlType;

fn source(columns: &[(&str, &str)]) -> SourceTable {
    SourceTable {
        schema: None,
        name: "orders".into(),
        view: false,
        columns: columns
            .iter()
            .map(|(name, ty)| SourceColumn {
                name: (*name).into(),
                type_text: (*ty).into(),
                nullable: false,
                folds_case: false,
            })
            .collect(),
        primary_key: vec![],
        rows: None,
    }
}

fn spec(columns: &[(&str, &str)], lookback_seconds: u32) -> TableSpec {
    TableSpec {
        source: "s".into(),
        name: "orders".into(),
        from: "orders".into(),
        columns: columns
            .iter()
            .map(|(name, ty)| ColumnSpec {
                name: (*name).into(),
                source_name: None,
                ty: SqlType::parse(ty).expect(ty),
                not_null: false,
            })
            .collect(),
        filter: None,
        extract: Extract::Incremental { watermark: "updated".into(), lookback_seconds },
        landing: TableName::new("landing_s", "orders"),
        store: TableName::new("store_s", "orders"),
        key: vec!["id".into()],
        version: None,
        place: Place::new("landfall.toml", 1, 1),
    }
}

fn at(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").expect(text)
}

fn window(start: Option<&str>, end: &str) -> Window {
    Window::Range { start: start.map(at), end: at(end), server: "x".into() }
}

#[test]
fn mysql_asks_for_the_window_in_the_sources_zone() {
    let table = source(&[("id", "bigint(20)"), ("updated", "datetime"), ("flags", "bit(1)")]);
    let spec = spec(&[("id", "varchar(20)"), ("updated", "timestamp"), ("flags", "boolean")], 60);
    let zone = Tz::America__New_York;
    let ask = Ask { driver: Driver::MySql, table: &table, spec: &spec, zone };
    let statement =
        ask.select(&window(Some("2021-07-01 12:00:00"), "2021-07-01 13:00:00")).expect("a query");
    assert_eq!(
        statement.sql,
        "SELECT CAST(`id` AS CHAR), `updated`, CAST(`flags` AS UNSIGNED) FROM `orders` WHERE \
         ((`updated` >= CAST(? AS DATETIME(6)) AND `updated` < CAST(? AS DATETIME(6))) \
         OR `updated` < CAST('1000-01-01' AS DATETIME) OR `updated` IS NULL)"
    );
    assert_eq!(statement.binds, ["2021-07-01 07:59:00", "2021-07-01 09:00:00"]);
}

#[test]
fn a_first_window_has_no_start_and_a_filter_stays_inside_its_brackets() {
    let table = source(&[("id", "integer"), ("updated", "timestamp with time zone")]);
    let mut spec = spec(&[("id", "integer"), ("updated", "timestamptz")], 0);
    spec.filter = Some("kind = 'x' -- only these".into());
    let ask = Ask { driver: Driver::Postgres, table: &table, spec: &spec, zone: Tz::UTC };
    let statement = ask.count(&window(None, "2021-07-01 13:00:00")).expect("a query");
    assert_eq!(
        statement.sql,
        "SELECT count(*) FROM \"orders\" WHERE (\nkind = 'x' -- only these\n) AND \
         ((\"updated\" < $1::timestamptz) OR \"updated\" IN ('infinity', '-infinity') \
         OR \"updated\" IS NULL)"
    );
    assert_eq!(statement.binds, ["2021-07-01 13:00:00+00"]);
}

#[test]
fn a_column_that_went_away_is_an_error_with_its_name() {
    let table = source(&[("id", "INTEGER"), ("updated", "DATETIME")]);
    let spec = spec(&[("id", "integer"), ("gone", "integer"), ("updated", "timestamp")], 0);
    let ask = Ask { driver: Driver::Sqlite, table: &table, spec: &spec, zone: Tz::UTC };
    let error = ask.select(&Window::Full).expect_err("no column");
    assert_eq!(error.code(), "extract/no_column");
    assert!(error.message().contains("`gone`"), "{error}");
}

#[test]
fn a_whole_table_has_no_condition() {
    let table = source(&[("id", "INTEGER"), ("updated", "DATETIME")]);
    let mut spec = spec(&[("id", "integer")], 0);
    spec.extract = Extract::Full;
    let ask = Ask { driver: Driver::Sqlite, table: &table, spec: &spec, zone: Tz::UTC };
    assert_eq!(ask.select(&Window::Full).expect("a query").sql, "SELECT \"id\" FROM \"orders\"");
}

proptest! {
    /// Read back by the rule of each database: doubled quotes are one, a single one ends the name.
    #[test]
    fn a_quoted_name_reads_back_as_one_name(name in "\\PC{1,20}") {
        for (driver, mark) in [(Driver::MySql, '`'), (Driver::Sqlite, '"'), (Driver::Postgres, '"')] {
            let quoted = quote(driver, &name);
            let inner = quoted.strip_prefix(mark).and_then(|q| q.strip_suffix(mark)).expect("quotes");
            let mut read = String::new();
            let mut letters = inner.chars();
            while let Some(letter) = letters.next() {
                if letter == mark {
                    prop_assert_eq!(letters.next(), Some(mark));
                }
                read.push(letter);
            }
            prop_assert_eq!(read, name.clone());
        }
    }
}
