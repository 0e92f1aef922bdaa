//! Rules W1 to W5, one by one.

use proptest::prelude::*;

use super::*;
use crate::error::Place;
use crate::tables::TableName;

fn at(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").expect(text)
}

fn spec(lookback_seconds: u32) -> TableSpec {
    TableSpec {
        source: "mysql".into(),
        name: "orders".into(),
        from: "orders".into(),
        columns: vec![],
        filter: None,
        extract: Extract::Incremental { watermark: "updated".into(), lookback_seconds },
        landing: TableName::new("landing", "orders"),
        store: TableName::new("store", "orders"),
        key: vec![],
        version: None,
        place: Place::new("landfall.toml", 7, 1),
    }
}

fn reading(now: &str, open: Open) -> Reading {
    Reading { now: at(now), open, server: "a".into() }
}

fn range(start: Option<&str>, end: &str) -> Window {
    Window::Range { start: start.map(at), end: at(end), server: "a".into() }
}

fn unseen(lag_seconds: u32) -> Open {
    Open::Unseen { lag_seconds, why: String::new() }
}

#[test]
fn the_end_is_behind_the_clock_and_the_oldest_transaction_on_a_whole_second() {
    for (open, want) in [
        (Open::Seen(None), "2026-01-01 12:00:09"),
        (Open::Seen(Some(at("2026-01-01 11:59:30.7"))), "2026-01-01 11:59:30"),
        (Open::Seen(Some(at("2026-01-01 12:00:10.3"))), "2026-01-01 12:00:09"),
        (unseen(120), "2026-01-01 11:58:10"),
        (unseen(0), "2026-01-01 12:00:09"),
    ] {
        assert_eq!(reading("2026-01-01 12:00:10.4", open.clone()).end(), at(want), "{open:?}");
    }
}

#[test]
fn windows_follow_each_other_without_gap() {
    let reading = reading("2026-01-01 12:00:10", Open::Seen(None));
    let first = decide(&spec(0), &reading, None, None).expect("a window");
    assert_eq!(first, (range(None, "2026-01-01 12:00:09"), None));
    let last = range(None, "2026-01-01 11:00:00");
    let second = decide(&spec(60), &reading, Some(&last), None).expect("a window");
    assert_eq!(second.0, range(Some("2026-01-01 11:00:00"), "2026-01-01 12:00:09"));
}

#[test]
fn a_bound_before_the_last_end_gives_an_empty_window_that_keeps_the_end() {
    let last = range(None, "2026-01-01 12:00:00");
    let reading = reading("2026-01-01 12:00:10", unseen(120));
    let (window, _) = decide(&spec(0), &reading, Some(&last), None).expect("a window");
    assert!(window.is_empty());
    assert_eq!(window, range(Some("2026-01-01 12:00:00"), "2026-01-01 12:00:00"));
}

#[test]
fn a_clock_that_went_back_is_an_error() {
    let last = range(None, "2026-01-01 12:00:00");
    let reading = reading("2026-01-01 11:00:00", Open::Seen(None));
    let error = decide(&spec(0), &reading, Some(&last), None).expect_err("went back");
    assert_eq!(error.code(), "extract/clock_back");
}

#[test]
fn stamps_of_the_future_name_the_zone_they_look_like() {
    let reading = reading("2026-01-01 12:00:00", Open::Seen(None));
    let check = |newest: &str| decide(&spec(0), &reading, None, Some(at(newest)));
    assert!(check("2026-01-01 12:04:00").is_ok());
    let error = check("2026-01-01 16:58:00").expect_err("five hours ahead");
    assert_eq!(error.code(), "extract/future_watermark");
    assert!(error.advice().is_some_and(|h| h.contains("UTC+05:00")), "{:?}", error.advice());
    let error = check("2099-01-01 00:00:00").expect_err("years ahead");
    assert!(error.advice().is_some_and(|h| h.contains("future")), "{:?}", error.advice());
}

#[test]
fn another_server_is_told_and_read_from_further_back() {
    let last = Window::Range { start: None, end: at("2026-01-01 11:00:00"), server: "b".into() };
    let reading = reading("2026-01-01 12:00:10", Open::Seen(None));
    let (window, warning) = decide(&spec(7_200), &reading, Some(&last), None).expect("a window");
    assert_eq!(window, range(Some("2026-01-01 09:00:00"), "2026-01-01 12:00:09"));
    assert!(warning.is_some_and(|w| w.contains("`b`")));
}

#[test]
fn a_table_read_whole_needs_no_clock() {
    let mut spec = spec(0);
    spec.extract = Extract::Full;
    let reading = reading("2026-01-01 12:00:10", Open::Seen(None));
    assert_eq!(decide(&spec, &reading, None, None).expect("whole"), (Window::Full, None));
}

proptest! {
    /// Whatever is open and whenever it is asked, windows join and a row stamped by a transaction
    /// that was open at the reading lies at or after the end.
    #[test]
    fn nothing_open_can_stamp_a_row_before_the_end(
        steps in proptest::collection::vec((1i64..100_000, proptest::option::of(0i64..200_000)), 1..20)
    ) {
        let mut now = at("2026-01-01 00:00:00");
        let mut last: Option<Window> = None;
        for (step, age) in steps {
            now += Duration::milliseconds(step);
            let oldest = age.map(|age| now - Duration::milliseconds(age));
            let reading = Reading { now, open: Open::Seen(oldest), server: "a".into() };
            prop_assert!(reading.end() <= oldest.unwrap_or(now));
            let (window, _) = decide(&spec(0), &reading, last.as_ref(), None).expect("a window");
            let Window::Range { start, end, .. } = &window else { panic!("a range") };
            if let Some(Window::Range { end: last_end, .. }) = &last {
                prop_assert_eq!(*start, Some(*last_end));
                prop_assert!(end >= last_end);
            }
            last = Some(window);
        }
    }
}
