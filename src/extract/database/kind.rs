//! Source types: what a type's name means, and which declared types can hold it. Pure.
//!
//! The types come from the catalogs of the source, never from the driver's type names: sqlx calls
//! every tinyint(1) a boolean and MariaDB's JSON a blob.

use super::described::Driver;
use crate::types::{SqlType, VARCHAR_MAX};

/// What the values of a source type are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Boolean,
    Integer,
    Decimal,
    Float,
    Text,
    Bytes,
    /// MySQL's BIT.
    Bits,
    Date,
    /// A moment by the source's wall clock.
    Local,
    /// A moment in UTC.
    Instant,
    Time,
    /// Anything else; it has a text form.
    Other,
}

/// A source type understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Understood {
    pub kind: Kind,
    /// The declared type that holds every value of it.
    pub proposed: SqlType,
    /// What a person should know about the proposal.
    pub note: Option<&'static str>,
}

/// Reads a type in the source's own words.
pub fn understand(driver: Driver, type_text: &str) -> Understood {
    let lower = type_text.trim().to_ascii_lowercase();
    let name: String = match lower.split_once('(') {
        Some((head, tail)) => {
            let tail = tail.rsplit_once(')').map_or("", |(_, t)| t);
            format!("{} {}", head.trim(), tail.trim()).trim().to_string()
        }
        None => lower.clone(),
    };
    let numbers: Vec<u32> = match lower.split_once('(').and_then(|(_, t)| t.split_once(')')) {
        Some((args, _)) => args.split(',').filter_map(|n| n.trim().parse().ok()).collect(),
        None => Vec::new(),
    };
    match driver {
        Driver::MySql => mysql(&name, &numbers, &lower),
        Driver::Postgres => postgres(&name, &numbers),
        Driver::Sqlite => sqlite(&name, &numbers),
    }
}

/// True when a column of type `ty` can be filled from values of `kind`.
///
/// Values are still judged one by one; this refuses what could never be meant.
pub fn accepts(driver: Driver, kind: Kind, ty: SqlType) -> bool {
    use SqlType::*;
    // SQLite's columns hold values of any class, whatever they are declared.
    if driver == Driver::Sqlite {
        return true;
    }
    if ty.text_bytes().is_some() {
        return true;
    }
    match kind {
        Kind::Boolean => matches!(ty, Boolean | SmallInt | Integer | BigInt),
        Kind::Integer => {
            matches!(ty, Boolean | SmallInt | Integer | BigInt | Decimal { .. } | Real | Double)
        }
        Kind::Decimal | Kind::Float => {
            matches!(ty, SmallInt | Integer | BigInt | Decimal { .. } | Real | Double)
        }
        Kind::Text | Kind::Bytes => matches!(ty, Varbyte(_)),
        Kind::Bits => matches!(ty, Boolean | SmallInt | Integer | BigInt | Varbyte(_)),
        Kind::Date => matches!(ty, Date | Timestamp | TimestampTz),
        Kind::Local | Kind::Instant => matches!(ty, Timestamp | TimestampTz),
        Kind::Time => matches!(ty, Time | BigInt),
        Kind::Other => false,
    }
}

/// The expression that asks for a quoted column, so that its values come in a form that is read.
pub fn expression(driver: Driver, kind: Kind, ty: SqlType, quoted: &str) -> String {
    let text = ty.text_bytes().is_some();
    match driver {
        Driver::Sqlite => quoted.to_string(),
        Driver::Postgres if text && kind != Kind::Text => format!("{quoted}::text"),
        Driver::MySql if text && !matches!(kind, Kind::Text | Kind::Bytes) => {
            format!("CAST({quoted} AS CHAR)")
        }
        Driver::MySql if kind == Kind::Bits && !matches!(ty, SqlType::Varbyte(_)) => {
            format!("CAST({quoted} AS UNSIGNED)")
        }
        Driver::Postgres | Driver::MySql => quoted.to_string(),
    }
}

fn plain(kind: Kind, proposed: SqlType) -> Understood {
    Understood { kind, proposed, note: None }
}

fn noted(kind: Kind, proposed: SqlType, note: &'static str) -> Understood {
    Understood { kind, proposed, note: Some(note) }
}

/// Bytes for `characters` of utf8mb4, up to the longest VARCHAR.
fn varchar(characters: u32) -> SqlType {
    SqlType::Varchar(characters.saturating_mul(4).clamp(1, VARCHAR_MAX))
}

const LONG_TEXT: &str = "may be longer than 65,535 bytes: such rows go to quarantine";
const BYTES_MAX: u32 = 1_024_000;

fn decimal(numbers: &[u32], otherwise: Understood) -> Understood {
    match numbers {
        [p, rest @ ..] if (1..=38).contains(p) => {
            let scale = rest.first().copied().unwrap_or(0).min(*p).min(37);
            let proposed = SqlType::Decimal { precision: *p as u8, scale: scale as i8 };
            plain(Kind::Decimal, proposed)
        }
        [p, ..] => noted(
            Kind::Decimal,
            varchar(p.saturating_add(2).div_ceil(4)),
            "more than 38 digits: kept as text",
        ),
        [] => otherwise,
    }
}

fn mysql(name: &str, numbers: &[u32], whole: &str) -> Understood {
    let unsigned = name.contains("unsigned");
    let base = name.split_whitespace().next().unwrap_or("");
    let length = numbers.first().copied();
    match base {
        "tinyint" => plain(Kind::Integer, SqlType::SmallInt),
        "smallint" if unsigned => plain(Kind::Integer, SqlType::Integer),
        "smallint" | "year" => plain(Kind::Integer, SqlType::SmallInt),
        "int" | "integer" if unsigned => plain(Kind::Integer, SqlType::BigInt),
        "mediumint" | "int" | "integer" => plain(Kind::Integer, SqlType::Integer),
        "bigint" if unsigned => plain(Kind::Integer, SqlType::Decimal { precision: 20, scale: 0 }),
        "bigint" => plain(Kind::Integer, SqlType::BigInt),
        "decimal" | "numeric" => {
            decimal(numbers, plain(Kind::Decimal, SqlType::Decimal { precision: 10, scale: 0 }))
        }
        "float" => plain(Kind::Float, SqlType::Real),
        "double" | "real" => plain(Kind::Float, SqlType::Double),
        "bit" => match length.unwrap_or(1) {
            1 => plain(Kind::Bits, SqlType::Boolean),
            n => plain(Kind::Bits, SqlType::Varbyte(n.div_ceil(8).max(1))),
        },
        "char" | "varchar" => plain(Kind::Text, varchar(length.unwrap_or(1))),
        "tinytext" => plain(Kind::Text, SqlType::Varchar(255)),
        "text" => plain(Kind::Text, SqlType::Varchar(VARCHAR_MAX)),
        "mediumtext" | "longtext" | "json" => {
            noted(Kind::Text, SqlType::Varchar(VARCHAR_MAX), LONG_TEXT)
        }
        // The labels, quotes and commas together are at least as long as any value.
        "enum" | "set" => plain(Kind::Text, varchar(whole.chars().count() as u32)),
        "date" => plain(Kind::Date, SqlType::Date),
        "datetime" => plain(Kind::Local, SqlType::Timestamp),
        "timestamp" => plain(Kind::Instant, SqlType::Timestamp),
        "time" => noted(
            Kind::Time,
            SqlType::BigInt,
            "microseconds, since a TIME may be negative or longer than a day",
        ),
        "binary" | "varbinary" => {
            plain(Kind::Bytes, SqlType::Varbyte(length.unwrap_or(1).clamp(1, BYTES_MAX)))
        }
        "tinyblob" => plain(Kind::Bytes, SqlType::Varbyte(255)),
        "blob" => plain(Kind::Bytes, SqlType::Varbyte(65_535)),
        "mediumblob" | "longblob" => plain(Kind::Bytes, SqlType::Varbyte(BYTES_MAX)),
        "inet4" | "inet6" | "uuid" => plain(Kind::Other, SqlType::Varchar(64)),
        _ => noted(Kind::Bytes, SqlType::Varbyte(BYTES_MAX), "kept as the source's own bytes"),
    }
}

fn postgres(name: &str, numbers: &[u32]) -> Understood {
    let length = numbers.first().copied();
    match name {
        "boolean" => plain(Kind::Boolean, SqlType::Boolean),
        "smallint" => plain(Kind::Integer, SqlType::SmallInt),
        "integer" => plain(Kind::Integer, SqlType::Integer),
        "bigint" | "oid" => plain(Kind::Integer, SqlType::BigInt),
        "numeric" => decimal(
            numbers,
            noted(
                Kind::Decimal,
                SqlType::Varchar(1024),
                "numeric without precision: kept as text, declare a decimal where one fits",
            ),
        ),
        "real" => plain(Kind::Float, SqlType::Real),
        "double precision" => plain(Kind::Float, SqlType::Double),
        "character varying" | "character" => match length {
            Some(length) => plain(Kind::Text, varchar(length)),
            None => noted(Kind::Text, SqlType::Varchar(VARCHAR_MAX), LONG_TEXT),
        },
        "text" | "json" | "xml" => noted(Kind::Text, SqlType::Varchar(VARCHAR_MAX), LONG_TEXT),
        "name" => plain(Kind::Text, SqlType::Varchar(64)),
        "bytea" => plain(Kind::Bytes, SqlType::Varbyte(BYTES_MAX)),
        "date" => plain(Kind::Date, SqlType::Date),
        "timestamp without time zone" => plain(Kind::Local, SqlType::Timestamp),
        "timestamp with time zone" => plain(Kind::Instant, SqlType::TimestampTz),
        "time without time zone" => plain(Kind::Time, SqlType::Time),
        "uuid" => plain(Kind::Other, SqlType::Varchar(36)),
        _ => noted(Kind::Other, SqlType::Varchar(VARCHAR_MAX), "kept in its text form"),
    }
}

/// SQLite's declared types are free text: first the names other databases use, then the affinity
/// rules of "Datatypes In SQLite", section 3.1.
fn sqlite(name: &str, numbers: &[u32]) -> Understood {
    let base = name.split_whitespace().next().unwrap_or("");
    match base {
        "boolean" | "bool" => plain(Kind::Boolean, SqlType::Boolean),
        "date" => plain(Kind::Date, SqlType::Date),
        "datetime" | "timestamp" => plain(Kind::Local, SqlType::Timestamp),
        "time" => plain(Kind::Time, SqlType::Time),
        "smallint" | "tinyint" | "int2" => plain(Kind::Integer, SqlType::SmallInt),
        _ if name.contains("int") => plain(Kind::Integer, SqlType::BigInt),
        _ if name.contains("char") || name.contains("clob") || name.contains("text") => {
            match numbers.first() {
                Some(length) => plain(Kind::Text, varchar(*length)),
                None => noted(Kind::Text, SqlType::Varchar(VARCHAR_MAX), LONG_TEXT),
            }
        }
        "" => noted(Kind::Other, SqlType::Varchar(VARCHAR_MAX), "has no declared type"),
        _ if name.contains("blob") => plain(Kind::Bytes, SqlType::Varbyte(BYTES_MAX)),
        _ if name.contains("real") || name.contains("floa") || name.contains("doub") => {
            plain(Kind::Float, SqlType::Double)
        }
        _ => decimal(numbers, plain(Kind::Decimal, SqlType::Decimal { precision: 38, scale: 10 })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_types_are_understood() {
        use Driver::*;
        for (driver, text, kind, proposed) in [
            (MySql, "tinyint(1)", Kind::Integer, "smallint"),
            (MySql, "int(10) unsigned", Kind::Integer, "bigint"),
            (MySql, "bigint(20) unsigned zerofill", Kind::Integer, "decimal(20,0)"),
            (MySql, "decimal(10,2)", Kind::Decimal, "decimal(10,2)"),
            (MySql, "decimal(65,30)", Kind::Decimal, "varchar(68)"),
            (MySql, "varchar(46)", Kind::Text, "varchar(184)"),
            (MySql, "enum('a','b')", Kind::Text, "varchar(52)"),
            (MySql, "datetime(6)", Kind::Local, "timestamp"),
            (MySql, "timestamp", Kind::Instant, "timestamp"),
            (MySql, "time(3)", Kind::Time, "bigint"),
            (MySql, "bit(12)", Kind::Bits, "varbyte(2)"),
            (MySql, "point", Kind::Bytes, "varbyte(1024000)"),
            (Postgres, "character varying(16)", Kind::Text, "varchar(64)"),
            (Postgres, "numeric(10,2)", Kind::Decimal, "decimal(10,2)"),
            (Postgres, "numeric", Kind::Decimal, "varchar(1024)"),
            (Postgres, "timestamp(3) without time zone", Kind::Local, "timestamp"),
            (Postgres, "timestamp with time zone", Kind::Instant, "timestamptz"),
            (Postgres, "integer[]", Kind::Other, "varchar(65535)"),
            (Sqlite, "VARCHAR(16)", Kind::Text, "varchar(64)"),
            (Sqlite, "INTEGER", Kind::Integer, "bigint"),
            (Sqlite, "DECIMAL(10,2)", Kind::Decimal, "decimal(10,2)"),
            (Sqlite, "DATETIME", Kind::Local, "timestamp"),
            (Sqlite, "double", Kind::Float, "double precision"),
        ] {
            let understood = understand(driver, text);
            assert_eq!(
                (understood.kind, understood.proposed.to_string().as_str()),
                (kind, proposed),
                "{text}"
            );
            assert!(accepts(driver, understood.kind, understood.proposed), "{text}");
        }
    }

    #[test]
    fn what_could_never_be_meant_is_refused() {
        let refused = [
            (Driver::MySql, Kind::Text, "bigint"),
            (Driver::Postgres, Kind::Other, "integer"),
            (Driver::MySql, Kind::Local, "date"),
            (Driver::Postgres, Kind::Decimal, "timestamp"),
        ];
        for (driver, kind, ty) in refused {
            assert!(!accepts(driver, kind, SqlType::parse(ty).expect(ty)), "{kind:?} {ty}");
        }
    }
}
