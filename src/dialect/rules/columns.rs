//! What Redshift refuses of the columns of a new table: names, types of keys, encodings. It knows no
//! other table.

use super::list::rule;
use super::{Find, Rule};
use crate::dialect::command::{AlterAction, ColumnDef, Command, CreateTable};
use crate::types::SqlType;

pub(super) static RULES: &[Rule] = &[
    rule(
        "RS314",
        "sql/system-column",
        "a column has the name of a system column of PostgreSQL",
        "c_unsupported-postgresql-features",
        "choose another name; quotes do not help",
        Find::Command(|c| new_columns(c).iter().any(|name| SYSTEM_COLUMNS.contains(name))),
    )
    .told(
        "OID, TABLEOID, XMIN, CMIN, XMAX, CMAX and CTID are kept for the system, which does not use \
         them.",
        "create table t (ctid int)",
        "create table t (row_no int)",
    ),
    rule(
        "RS312",
        "sql/key-type",
        "a DISTKEY or SORTKEY column is VARBYTE",
        "r_CREATE_TABLE_NEW",
        "choose a column of numbers, dates, times or text",
        Find::Table(key_of_bytes),
    )
    .told(
        "The types of key columns are listed, and binary values are not among them.",
        "create table t (a varbyte(8), b int) sortkey (a)",
        "create table t (a varbyte(8), b int) sortkey (b)",
    ),
    rule(
        "RS315",
        "sql/unique-twice",
        "two constraints of a table name the same columns",
        "r_CREATE_TABLE_NEW",
        "keep one of them",
        Find::Table(unique_twice),
    )
    .told(
        "Each UNIQUE of a table names a set of columns that no other UNIQUE and no PRIMARY KEY has.",
        "create table t (a int, b int, unique (a, b), unique (b, a))",
        "create table t (a int, b int, unique (a, b))",
    ),
    rule(
        "RS316",
        "sql/encoding-type",
        "an encoding does not go with the type of its column",
        "c_Compression_encodings",
        "AZ64 and DELTA are for whole numbers, DECIMAL, dates and times, DELTA32K for those wider than \
         16 bits; MOSTLYn for whole numbers wider than n bits and DECIMAL; TEXT255 and TEXT32K for \
         VARCHAR; LZO for all but BOOLEAN, REAL and DOUBLE PRECISION; BYTEDICT for all but BOOLEAN; \
         leave ENCODE out, and Redshift chooses",
        Find::Command(|c| match c {
            Command::CreateTable(t) => t.columns.iter().any(misencoded),
            Command::AlterTable(alter) => match &alter.action {
                AlterAction::AddColumn(column) => misencoded(column),
                _ => false,
            },
            _ => false,
        }),
    )
    .told(
        "An encoding is made for values of some types. MOSTLY8 keeps 16 bits and more in 8; MOSTLY16 \
         on a column of 16 bits and MOSTLY32 on one of 32 are disallowed.",
        "create table t (name varchar(20) encode az64)",
        "create table t (name varchar(20) encode zstd)",
    ),
];

/// The system columns of PostgreSQL 8.0.
const SYSTEM_COLUMNS: &[&str] = &["oid", "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// The names a statement gives to columns of a table.
fn new_columns(command: &Command) -> Vec<&str> {
    match command {
        Command::CreateTable(t) => t.columns.iter().map(|c| c.name.as_str()).collect(),
        Command::CreateTableAs(t) => t.columns.iter().map(String::as_str).collect(),
        Command::AlterTable(alter) => match &alter.action {
            AlterAction::AddColumn(column) => vec![column.name.as_str()],
            AlterAction::RenameColumn { to, .. } => vec![to.as_str()],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn key_of_bytes(table: &CreateTable) -> bool {
    let sort = table.attributes.sortkey.iter().flat_map(|key| &key.columns);
    table.attributes.distkey.iter().chain(sort).any(|key| {
        table.columns.iter().any(|c| c.name == *key && matches!(c.ty, SqlType::Varbyte(_)))
    })
}

/// A UNIQUE of the table, not of a column, beside another constraint of the same columns.
fn unique_twice(table: &CreateTable) -> bool {
    let of_columns = table.columns.iter().filter(|c| c.unique).count();
    let sorted = |key: &Vec<String>| {
        let mut key = key.clone();
        key.sort_unstable();
        key.dedup();
        key
    };
    let keys: Vec<Vec<String>> = table.attributes.unique.iter().map(sorted).collect();
    let primary = sorted(&table.attributes.primary_key);
    let of_table = keys.len().saturating_sub(of_columns);
    keys.iter().take(of_table).enumerate().any(|(index, key)| {
        *key == primary || keys.iter().skip(index + 1).any(|other| other == key)
    })
}

/// True for an encoding that the manual keeps from a type in words.
fn misencoded(column: &ColumnDef) -> bool {
    let bits = match column.ty {
        SqlType::SmallInt => Some(16),
        SqlType::Integer => Some(32),
        SqlType::BigInt | SqlType::Decimal { .. } => Some(64),
        _ => None,
    };
    let moment = matches!(
        column.ty,
        SqlType::Date | SqlType::Time | SqlType::Timestamp | SqlType::TimestampTz
    );
    let real = matches!(column.ty, SqlType::Real | SqlType::Double);
    let flag = column.ty == SqlType::Boolean;
    match column.encode.as_deref() {
        Some("az64" | "delta") => bits.is_none() && !moment,
        Some("delta32k") => bits.is_none_or(|bits| bits < 32) && !moment,
        Some("mostly8") => bits.is_none(),
        Some("mostly16") => bits.is_none_or(|bits| bits <= 16),
        Some("mostly32") => bits.is_none_or(|bits| bits <= 32),
        Some("text255" | "text32k") => !matches!(column.ty, SqlType::Varchar(_)),
        Some("lzo") => flag || real,
        Some("bytedict") => flag,
        _ => false,
    }
}
