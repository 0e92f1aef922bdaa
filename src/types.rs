//! Redshift's column types, and what each is in Arrow, Parquet and DuckLake. Pure.
//!
//! Source: "Data types" of the Redshift developer guide (c_Supported_data_types), and
//! c-spectrum-external-tables for what Spectrum reads. Types we cannot keep faithfully
//! (SUPER, GEOMETRY, HLLSKETCH ...) do not parse.

use std::fmt;

use arrow::datatypes::{DataType, TimeUnit};

use crate::error::{Error, Result};

/// A column type. Lengths are bytes, as Redshift counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SqlType {
    Boolean,
    SmallInt,
    Integer,
    BigInt,
    Real,
    Double,
    /// Precision 1 to 38, scale 0 to 37 and not over the precision.
    Decimal {
        precision: u8,
        scale: i8,
    },
    /// 1 to 4096 bytes.
    Char(u32),
    /// 1 to 65535 bytes.
    Varchar(u32),
    Date,
    /// Microseconds without zone.
    Timestamp,
    /// Microseconds, UTC.
    TimestampTz,
    /// Microseconds since midnight.
    Time,
    /// 1 to 1024000 bytes.
    Varbyte(u32),
}

/// Longest VARCHAR in a table.
pub const VARCHAR_MAX: u32 = 65_535;

/// What MAX means for a type of this name.
fn longest(name: &str) -> u32 {
    match name {
        "char" | "character" | "nchar" => 4096,
        "varbyte" | "varbinary" | "binary varying" => 1_024_000,
        _ => VARCHAR_MAX,
    }
}

impl SqlType {
    /// Reads a type in any of Redshift's spellings; case and blanks do not matter.
    ///
    /// Errors name what was expected: an unknown name, a length or precision out of range.
    pub fn parse(text: &str) -> Result<SqlType> {
        let lower = text.trim().to_ascii_lowercase();
        let (name, args) = match lower.split_once('(') {
            Some((name, rest)) => match rest.rsplit_once(')') {
                // `timestamp(6) without time zone`: what follows the bracket belongs to the name
                Some((args, tail)) => (format!("{} {}", name.trim(), tail.trim()), Some(args)),
                None => return Err(bad(text, "has no closing bracket")),
            },
            None => (lower.clone(), None),
        };
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        let args: Option<Vec<u32>> = match args {
            None => None,
            Some("max") => Some(vec![longest(&name)]),
            Some(list) => Some(
                list.split(',')
                    .map(|n| n.trim().parse::<u32>())
                    .collect::<Result<_, _>>()
                    .map_err(|_| bad(text, "needs whole numbers in its brackets"))?,
            ),
        };
        let length = |default: u32, max: u32| -> Result<u32> {
            match args.as_deref() {
                None => Ok(default),
                Some([n]) if (1..=max).contains(n) => Ok(*n),
                _ => Err(bad(text, &format!("needs one length from 1 to {max}"))),
            }
        };
        let plain = |ty: SqlType| match args {
            None => Ok(ty),
            Some(_) => Err(bad(text, "takes no length")),
        };
        match name.as_str() {
            "boolean" | "bool" => plain(SqlType::Boolean),
            "smallint" | "int2" => plain(SqlType::SmallInt),
            "integer" | "int" | "int4" => plain(SqlType::Integer),
            "bigint" | "int8" => plain(SqlType::BigInt),
            "real" | "float4" => plain(SqlType::Real),
            "double precision" | "float8" | "float" | "double" => plain(SqlType::Double),
            "decimal" | "numeric" | "dec" => match args.as_deref() {
                None => Ok(SqlType::Decimal { precision: 18, scale: 0 }),
                Some([p]) if (1..=38).contains(p) => {
                    Ok(SqlType::Decimal { precision: *p as u8, scale: 0 })
                }
                Some([p, s]) if (1..=38).contains(p) && *s <= 37 && s <= p => {
                    Ok(SqlType::Decimal { precision: *p as u8, scale: *s as i8 })
                }
                _ => {
                    Err(bad(text, "needs a precision of 1 to 38 and a scale of 0 to 37 within it"))
                }
            },
            "char" | "character" | "nchar" => Ok(SqlType::Char(length(1, 4096)?)),
            "bpchar" => plain(SqlType::Char(256)),
            "varchar" | "character varying" | "nvarchar" => {
                Ok(SqlType::Varchar(length(256, VARCHAR_MAX)?))
            }
            "text" => plain(SqlType::Varchar(256)),
            "date" => plain(SqlType::Date),
            "timestamp" | "datetime" | "timestamp without time zone" => Ok(SqlType::Timestamp),
            "timestamptz" | "timestamp with time zone" => Ok(SqlType::TimestampTz),
            "time" | "time without time zone" => Ok(SqlType::Time),
            "varbyte" | "varbinary" | "binary varying" => {
                Ok(SqlType::Varbyte(length(64_000, 1_024_000)?))
            }
            other => Err(unknown(text, other)),
        }
    }

    /// The Arrow type of a column, as landed and as stored: micros never nanos, signed, UTF-8.
    pub fn arrow(self) -> DataType {
        match self {
            SqlType::Boolean => DataType::Boolean,
            SqlType::SmallInt => DataType::Int16,
            SqlType::Integer => DataType::Int32,
            SqlType::BigInt => DataType::Int64,
            SqlType::Real => DataType::Float32,
            SqlType::Double => DataType::Float64,
            SqlType::Decimal { precision, scale } => DataType::Decimal128(precision, scale),
            SqlType::Char(_) | SqlType::Varchar(_) => DataType::Utf8,
            SqlType::Date => DataType::Date32,
            SqlType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            SqlType::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            SqlType::Time => DataType::Time64(TimeUnit::Microsecond),
            SqlType::Varbyte(_) => DataType::Binary,
        }
    }

    /// The Redshift type that holds every value of an Arrow type, for CREATE TABLE AS and views.
    ///
    /// `None` where Redshift has no such type (lists, structs, intervals).
    pub fn of_arrow(data_type: &DataType) -> Option<SqlType> {
        Some(match data_type {
            DataType::Boolean => SqlType::Boolean,
            DataType::Int8 | DataType::Int16 | DataType::UInt8 => SqlType::SmallInt,
            DataType::Int32 | DataType::UInt16 => SqlType::Integer,
            DataType::Int64 | DataType::UInt32 | DataType::UInt64 => SqlType::BigInt,
            DataType::Float16 | DataType::Float32 => SqlType::Real,
            DataType::Float64 => SqlType::Double,
            DataType::Decimal128(p, s) | DataType::Decimal32(p, s) | DataType::Decimal64(p, s) => {
                SqlType::Decimal { precision: *p, scale: (*s).max(0) }
            }
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
                SqlType::Varchar(VARCHAR_MAX)
            }
            DataType::Dictionary(_, value) => return SqlType::of_arrow(value),
            DataType::Date32 | DataType::Date64 => SqlType::Date,
            DataType::Timestamp(_, None) => SqlType::Timestamp,
            DataType::Timestamp(_, Some(_)) => SqlType::TimestampTz,
            DataType::Time32(_) | DataType::Time64(_) => SqlType::Time,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
                SqlType::Varbyte(64_000)
            }
            _ => return None,
        })
    }

    /// The DuckLake type name; lengths are lost there and kept in a column tag.
    pub fn ducklake(self) -> String {
        match self {
            SqlType::Boolean => "boolean".into(),
            SqlType::SmallInt => "int16".into(),
            SqlType::Integer => "int32".into(),
            SqlType::BigInt => "int64".into(),
            SqlType::Real => "float32".into(),
            SqlType::Double => "float64".into(),
            SqlType::Decimal { precision, scale } => format!("decimal({precision},{scale})"),
            SqlType::Char(_) | SqlType::Varchar(_) => "varchar".into(),
            SqlType::Date => "date".into(),
            SqlType::Timestamp => "timestamp".into(),
            SqlType::TimestampTz => "timestamptz".into(),
            SqlType::Time => "time".into(),
            SqlType::Varbyte(_) => "blob".into(),
        }
    }

    /// The type of a DuckLake column that carries no tag of ours.
    pub fn of_ducklake(name: &str) -> Result<SqlType> {
        match name {
            "boolean" => Ok(SqlType::Boolean),
            "int8" | "int16" | "uint8" => Ok(SqlType::SmallInt),
            "int32" | "uint16" => Ok(SqlType::Integer),
            "int64" | "uint32" => Ok(SqlType::BigInt),
            "float32" => Ok(SqlType::Real),
            "float64" => Ok(SqlType::Double),
            // A uuid lies in its files as 16 bytes, not as text.
            "varchar" | "json" => Ok(SqlType::Varchar(VARCHAR_MAX)),
            "date" => Ok(SqlType::Date),
            "timestamp" => Ok(SqlType::Timestamp),
            "timestamptz" => Ok(SqlType::TimestampTz),
            "time" => Ok(SqlType::Time),
            "blob" => Ok(SqlType::Varbyte(1_024_000)),
            other if other.starts_with("decimal") => SqlType::parse(other),
            other => Err(Error::failed(
                "catalog/type",
                format!("the catalog has a column of type `{other}`, which Landfall cannot read"),
            )),
        }
    }

    /// Byte limit of a text column.
    pub fn text_bytes(self) -> Option<u32> {
        match self {
            SqlType::Char(n) | SqlType::Varchar(n) => Some(n),
            _ => None,
        }
    }

    /// True for the types a watermark may have.
    pub fn is_time(self) -> bool {
        matches!(self, SqlType::Timestamp | SqlType::TimestampTz)
    }
}

impl fmt::Display for SqlType {
    /// The spelling Redshift's catalog uses, lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SqlType::Boolean => f.write_str("boolean"),
            SqlType::SmallInt => f.write_str("smallint"),
            SqlType::Integer => f.write_str("integer"),
            SqlType::BigInt => f.write_str("bigint"),
            SqlType::Real => f.write_str("real"),
            SqlType::Double => f.write_str("double precision"),
            SqlType::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            SqlType::Char(n) => write!(f, "char({n})"),
            SqlType::Varchar(n) => write!(f, "varchar({n})"),
            SqlType::Date => f.write_str("date"),
            SqlType::Timestamp => f.write_str("timestamp"),
            SqlType::TimestampTz => f.write_str("timestamptz"),
            SqlType::Time => f.write_str("time"),
            SqlType::Varbyte(n) => write!(f, "varbyte({n})"),
        }
    }
}

/// A type of Redshift that is not kept here, or a type it does not have.
fn unknown(text: &str, name: &str) -> Error {
    match name {
        "super" | "geometry" | "geography" | "hllsketch" | "timetz" | "time with time zone" => {
            bad(text, "is not supported locally").hint(
                "keep SUPER as VARCHAR with the JSON functions, TIMETZ as TIME; the rest runs on \
                 Redshift alone",
            )
        }
        name if name.starts_with("interval") => bad(text, "is not supported locally")
            .hint("keep a number of days, seconds or months, and make it an interval in the query"),
        _ => bad(text, "is not a Redshift type Landfall knows").hint(
            "use boolean, smallint, integer, bigint, real, double precision, decimal(p,s), \
             char(n), varchar(n), date, timestamp or timestamptz",
        ),
    }
}

fn bad(text: &str, why: &str) -> Error {
    Error::config("types/unknown", format!("type `{}` {why}", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_reads_and_prints_one_way() {
        for (text, want) in [
            ("VARCHAR(16)", "varchar(16)"),
            ("character varying( 46 )", "varchar(46)"),
            ("varchar(max)", "varchar(65535)"),
            ("char(max)", "char(4096)"),
            ("text", "varchar(256)"),
            ("DEC(10, 2)", "decimal(10,2)"),
            ("numeric", "decimal(18,0)"),
            ("timestamp without time zone", "timestamp"),
            ("DATETIME", "timestamp"),
            ("double  precision", "double precision"),
            ("char", "char(1)"),
        ] {
            assert_eq!(SqlType::parse(text).expect(text).to_string(), want);
        }
    }

    #[test]
    fn what_redshift_lacks_is_refused() {
        for text in [
            "tinyint",
            "varchar(0)",
            "varchar(65536)",
            "decimal(39,2)",
            "decimal(5,6)",
            "int unsigned",
            "datetime2",
            "varchar(x)",
            "int(11)",
        ] {
            assert!(SqlType::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn arrow_and_ducklake_come_back() {
        for text in [
            "boolean",
            "smallint",
            "integer",
            "bigint",
            "real",
            "double precision",
            "decimal(20,4)",
            "date",
            "timestamp",
            "timestamptz",
            "time",
        ] {
            let ty = SqlType::parse(text).expect(text);
            assert_eq!(SqlType::of_arrow(&ty.arrow()), Some(ty));
            assert_eq!(SqlType::of_ducklake(&ty.ducklake()).expect(text), ty);
        }
    }
}
