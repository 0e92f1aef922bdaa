//! One task in one line, for people. Pure.

use std::time::Duration;

use super::super::clean::clean_line;
use super::super::human;
use super::super::printer::Palette;
use crate::task::{Layer, Rows, Status, TaskName};

/// The word of a status, painted; every status has a word, colour only repeats it.
pub(in crate::cli) fn status_word(status: Status, palette: Palette) -> String {
    let word = format!("{:<12}", status.word());
    match status {
        Status::Ok => palette.good(word),
        Status::Failed | Status::Interrupted => palette.bad(word),
        Status::Blocked | Status::Cancelled => palette.warn(word),
        Status::Pending | Status::Running | Status::Skipped => palette.faint(word),
    }
}

/// What a task did to rows: `17,449 rows, 3 quarantined`, `12 new, 4 changed, 9 unchanged`.
pub(in crate::cli) fn rows_text(layer: Layer, rows: &Rows) -> String {
    let n = human::thousands;
    match layer {
        Layer::Land => {
            let mut text = human::count(rows.read, "row", "rows");
            if rows.quarantined > 0 {
                text.push_str(&format!(", {} quarantined", n(rows.quarantined)));
            }
            text
        }
        Layer::Store if rows.landed == 0 && rows.inserted == 0 => "nothing new".to_string(),
        Layer::Store => {
            let mut parts = Vec::new();
            for (count, word) in [
                (rows.inserted, "new"),
                (rows.updated, "changed"),
                (rows.unchanged, "unchanged"),
                (rows.superseded, "superseded"),
            ] {
                if count > 0 {
                    parts.push(format!("{} {word}", n(count)));
                }
            }
            parts.join(", ")
        }
        Layer::Pres | Layer::Report => human::count(rows.written, "row", "rows"),
    }
}

/// A finished task: `  ok           land.mysql.companies     12 rows    0.1s`.
pub(in crate::cli) fn finished(
    task: &TaskName,
    name_width: usize,
    status: Status,
    rows: &Rows,
    took: Duration,
    reason: Option<&str>,
    palette: Palette,
) -> String {
    let what = match (status, reason) {
        (Status::Ok, _) => format!("{:<34}{:>8}", rows_text(task.layer(), rows), human::took(took)),
        (_, Some(reason)) => clean_line(reason).into_owned(),
        (_, None) => String::new(),
    };
    let name = clean_line(task.as_str()).into_owned();
    format!("  {}{name:<name_width$}  {what}", status_word(status, palette)).trim_end().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_status_name_rows_and_time() {
        let palette = Palette { on: false };
        let task = TaskName::store("mysql", "orders");
        let rows = Rows { landed: 30, inserted: 20, unchanged: 10, ..Rows::default() };
        let took = Duration::from_millis(210);
        let line = finished(&task, 20, Status::Ok, &rows, took, None, palette);
        assert_eq!(
            line,
            "  ok          store.mysql.orders    20 new, 10 unchanged                 210ms"
        );
        let line =
            finished(&task, 20, Status::Blocked, &rows, took, Some("by land.\u{1b}x"), palette);
        assert_eq!(line, "  blocked     store.mysql.orders    by land.\u{fffd}x");
    }

    #[test]
    fn rows_are_told_in_the_words_of_the_layer() {
        let rows = Rows { read: 1, landed: 1, quarantined: 2_000, ..Rows::default() };
        assert_eq!(rows_text(Layer::Land, &rows), "1 row, 2,000 quarantined");
        assert_eq!(rows_text(Layer::Store, &Rows::default()), "nothing new");
        assert_eq!(rows_text(Layer::Pres, &Rows { written: 2, ..Rows::default() }), "2 rows");
    }
}
