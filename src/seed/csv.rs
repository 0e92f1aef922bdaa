//! Loads ready extracts instead of generated rows: one CSV file a table, without a header.
//! It changes no value: empty text stays empty text, an empty number or date is NULL.

use std::path::{Path, PathBuf};

use chrono::{NaiveDate, NaiveDateTime};

use super::Made;
use super::load::Filling;
use super::tables::{self, Batch, Column, Kind, Table};
use super::values::Value;
use crate::config::DatabaseSource;
use crate::error::{Error, Place, Result};

const ROWS_A_BATCH: u64 = 2_000;
/// Bad rows told at once.
const MOST_ERRORS: usize = 20;

/// Fills the order database from `TABLE.csv` of each of the six tables in `dir`: columns in the
/// order of the source tables, no header, fields quoted with `"` where needed.
///
/// The new tables appear all at once when they are complete. `progress` is told the rows so far.
///
/// Errors: `seed/csv` with file and line of each bad row (the first 20), `seed/csv_missing` with
/// every file that is not there, and those of [`super::make_orders`].
pub async fn load_csv(
    source: &DatabaseSource,
    dir: &Path,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<Made> {
    let files = files(dir)?;
    let mut filling = Filling::begin(source, progress).await?;
    let mut errors = Vec::new();
    for (table, path) in files {
        load_file(&mut filling, table, &path, &mut errors).await?;
    }
    match Error::all(errors) {
        Some(error) => Err(error),
        None => filling.publish().await,
    }
}

/// The six files; all that are missing are told at once.
fn files(dir: &Path) -> Result<Vec<(&'static Table, PathBuf)>> {
    let files: Vec<(&Table, PathBuf)> =
        tables::ALL.map(|table| (table, dir.join(format!("{}.csv", table.name)))).into();
    let missing: Vec<String> = files
        .iter()
        .filter(|(_, path)| !path.is_file())
        .map(|(table, _)| format!("{}.csv", table.name))
        .collect();
    if missing.is_empty() {
        return Ok(files);
    }
    let message = format!("`{}` has no {}", dir.display(), missing.join(", "));
    Err(Error::config("seed/csv_missing", message)
        .hint("put one CSV file for each of the six tables there"))
}

async fn load_file(
    filling: &mut Filling<'_>,
    table: &'static Table,
    path: &Path,
    errors: &mut Vec<Error>,
) -> Result<()> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_path(path)
        .map_err(|e| unreadable(path, 1, e))?;
    let mut record = csv::ByteRecord::new();
    let mut batch = Batch::new(table);
    loop {
        let line = reader.position().line();
        if !reader.read_byte_record(&mut record).map_err(|e| unreadable(path, line, e))? {
            break;
        }
        match read_row(table, &record) {
            Ok(row) => batch.push(row),
            Err(message) => {
                let line = record.position().map_or(line, csv::Position::line);
                errors.push(bad(path, line, message));
                if errors.len() >= MOST_ERRORS {
                    return Ok(());
                }
            }
        }
        if batch.rows() >= ROWS_A_BATCH {
            if errors.is_empty() {
                filling.write(&batch).await?;
            }
            batch = Batch::new(table);
        }
    }
    if batch.rows() > 0 && errors.is_empty() {
        filling.write(&batch).await?;
    }
    Ok(())
}

fn unreadable(path: &Path, line: u64, cause: csv::Error) -> Error {
    bad(path, line, "cannot read the file".to_owned()).because(cause)
}

fn bad(path: &Path, line: u64, message: String) -> Error {
    Error::failed("seed/csv", message).at(Place::new(path, line as usize, 1))
}

/// The values of one record, or what is wrong with it.
fn read_row(table: &Table, record: &csv::ByteRecord) -> Result<Vec<Value>, String> {
    if record.len() != table.columns.len() {
        return Err(format!(
            "expected {} fields for {}, found {}",
            table.columns.len(),
            table.name,
            record.len()
        ));
    }
    table.columns.iter().zip(record).map(|(column, field)| read_field(column, field)).collect()
}

fn read_field(column: &Column, field: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(field)
        .map_err(|_| format!("{}: the text is not UTF-8", column.name))?;
    if text.contains('\0') {
        return Err(format!("{}: the text holds a NUL", column.name));
    }
    if text.is_empty() && !matches!(column.kind, Kind::Text(_)) {
        return if column.nullable {
            Ok(Value::Null)
        } else {
            Err(format!("{} is empty and must not be", column.name))
        };
    }
    let expected = match column.kind {
        Kind::Text(most) if text.chars().count() <= most => None,
        Kind::Text(most) => Some(format!("at most {most} characters")),
        Kind::Integer if text.parse::<i32>().is_ok() => None,
        Kind::Integer => Some("a whole number of 32 bits".to_owned()),
        Kind::Decimal { precision, scale } if is_decimal(text, precision, scale) => None,
        Kind::Decimal { precision, scale } => Some(format!(
            "a number of at most {} digits before and {scale} after the point",
            precision - scale
        )),
        Kind::Date if is_date(text) => None,
        Kind::Date => Some("a date as 2021-12-31".to_owned()),
        Kind::DateTime if is_datetime(text) => None,
        Kind::DateTime => Some("a moment as 2021-12-31 23:59:59".to_owned()),
        Kind::Flag => match text {
            "0" | "f" | "false" => return Ok(Value::Flag(false)),
            "1" | "t" | "true" => return Ok(Value::Flag(true)),
            _ => Some("0 or 1".to_owned()),
        },
    };
    match expected {
        None => Ok(Value::Text(text.to_owned().into())),
        Some(expected) => {
            let shown: String = text.chars().take(40).collect();
            Err(format!("{}: expected {expected}, found `{shown}`", column.name))
        }
    }
}

/// The lengths are checked because chrono also takes `2021-1-5`, which SQLite would keep so.
fn is_date(text: &str) -> bool {
    text.len() == 10 && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}

fn is_datetime(text: &str) -> bool {
    text.len() == 19 && NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").is_ok()
}

fn is_decimal(text: &str, precision: u8, scale: u8) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    !whole.is_empty()
        && all_digits(whole)
        && all_digits(fraction)
        && whole.trim_start_matches('0').len() <= usize::from(precision - scale)
        && fraction.len() <= usize::from(scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: Kind, nullable: bool, text: &str) -> Result<Value, String> {
        read_field(&Column { name: "c", kind, nullable }, text.as_bytes())
    }

    #[test]
    fn empty_text_stays_and_empty_numbers_are_null() {
        assert_eq!(read(Kind::Text(3), false, ""), Ok(Value::text("")));
        assert_eq!(read(Kind::Date, true, ""), Ok(Value::Null));
        assert_eq!(read(Kind::Integer, false, ""), Err("c is empty and must not be".to_owned()));
    }

    #[test]
    fn values_must_fit_their_columns() {
        let price = Kind::Decimal { precision: 10, scale: 2 };
        for (kind, good, wrong) in [
            (Kind::Text(3), "äöü", "abcd"),
            (Kind::Integer, "-2147483648", "2147483648"),
            (price, "99999999.99", "100000000.00"),
            (price, "-0.5", "0.123"),
            (price, "0000000000001", "1e3"),
            (Kind::Date, "2020-02-29", "2021-02-29"),
            (Kind::Date, "2020-02-09", "2020-2-9"),
            (Kind::DateTime, "2021-12-31 23:59:59", "2021-12-31"),
        ] {
            assert_eq!(read(kind, false, good), Ok(Value::Text(good.to_owned().into())));
            let message = read(kind, false, wrong).expect_err(wrong);
            assert!(message.starts_with("c: expected ") && message.contains(wrong), "{message}");
        }
        assert_eq!(read(Kind::Flag, false, "1"), Ok(Value::Flag(true)));
        assert!(read(Kind::Flag, false, "yes").is_err());
        assert!(
            read_field(&Column { name: "c", kind: Kind::Text(9), nullable: true }, b"\xff")
                .is_err()
        );
    }
}
