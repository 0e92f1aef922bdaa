//! The SQL that ships inside the binary, and how names and values are written in SQL. Pure.
//!
//! It runs nothing and cuts nothing into statements: that is the dialect's.

/// A file of the `sql/` folder that every new project begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqlFile {
    /// Relative to the project, with `/`: `sql/pres/report_order_lines.sql`.
    pub path: &'static str,
    pub text: &'static str,
}

/// The project's files under `sql/`, in the order of their paths.
///
/// `sql/store/` is not among them: the merge is rendered from table specs and is the same in
/// every project.
pub const FILES: &[SqlFile] = &[
    SqlFile { path: "sql/README.md", text: include_str!("../sql/README.md") },
    SqlFile { path: "sql/pres/dim_company.sql", text: include_str!("../sql/pres/dim_company.sql") },
    SqlFile { path: "sql/pres/dim_country.sql", text: include_str!("../sql/pres/dim_country.sql") },
    SqlFile {
        path: "sql/pres/dim_customer.sql",
        text: include_str!("../sql/pres/dim_customer.sql"),
    },
    SqlFile { path: "sql/pres/dim_date.sql", text: include_str!("../sql/pres/dim_date.sql") },
    SqlFile { path: "sql/pres/dim_device.sql", text: include_str!("../sql/pres/dim_device.sql") },
    SqlFile { path: "sql/pres/dim_product.sql", text: include_str!("../sql/pres/dim_product.sql") },
    SqlFile {
        path: "sql/pres/dim_supplier.sql",
        text: include_str!("../sql/pres/dim_supplier.sql"),
    },
    SqlFile {
        path: "sql/pres/dim_weblog_access_attributes.sql",
        text: include_str!("../sql/pres/dim_weblog_access_attributes.sql"),
    },
    SqlFile {
        path: "sql/pres/fact_order_line.sql",
        text: include_str!("../sql/pres/fact_order_line.sql"),
    },
    SqlFile {
        path: "sql/pres/report_order_lines.sql",
        text: include_str!("../sql/pres/report_order_lines.sql"),
    },
    SqlFile {
        path: "sql/pres/report_weblog_access.sql",
        text: include_str!("../sql/pres/report_weblog_access.sql"),
    },
    SqlFile {
        path: "sql/reports/monthly_sales.sql",
        text: include_str!("../sql/reports/monthly_sales.sql"),
    },
    SqlFile {
        path: "sql/reports/top_devices.sql",
        text: include_str!("../sql/reports/top_devices.sql"),
    },
    SqlFile {
        path: "sql/reports/top_products.sql",
        text: include_str!("../sql/reports/top_products.sql"),
    },
];

/// The title of a SQL file: the text of its first line, if that is a comment.
pub fn title(text: &str) -> Option<&str> {
    let first = text.trim_start_matches('\u{feff}').lines().next()?;
    Some(first.strip_prefix("--")?.trim()).filter(|title| !title.is_empty())
}

/// A name as Redshift reads it back: quoted only where it must be.
pub fn quote_identifier(name: &str) -> String {
    let mut chars = name.chars();
    let plain = chars.next().is_some_and(|c| c.is_ascii_lowercase() || c == '_')
        && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain && !RESERVED.contains(&name) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// A text as a Redshift string literal: quotes and backslashes doubled, since Redshift takes a
/// backslash in a plain literal as an escape.
pub fn quote_literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// Reserved words (r_pg_keywords), in lower case.
pub const RESERVED: &[&str] = &[
    "aes128",
    "aes256",
    "all",
    "allowoverwrite",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "authorization",
    "az64",
    "backup",
    "between",
    "binary",
    "blanksasnull",
    "both",
    "bytedict",
    "bzip2",
    "case",
    "cast",
    "check",
    "collate",
    "column",
    "connect",
    "constraint",
    "create",
    "credentials",
    "cross",
    "current_date",
    "current_time",
    "current_timestamp",
    "current_user",
    "current_user_id",
    "default",
    "deferrable",
    "deflate",
    "defrag",
    "delta",
    "delta32k",
    "desc",
    "disable",
    "distinct",
    "do",
    "else",
    "emptyasnull",
    "enable",
    "encode",
    "encrypt",
    "encryption",
    "end",
    "except",
    "explicit",
    "false",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "globaldict256",
    "globaldict64k",
    "grant",
    "group",
    "gzip",
    "having",
    "identity",
    "ignore",
    "ilike",
    "in",
    "initially",
    "inner",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "language",
    "leading",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "lun",
    "luns",
    "lzo",
    "lzop",
    "minus",
    "mostly16",
    "mostly32",
    "mostly8",
    "natural",
    "new",
    "not",
    "notnull",
    "null",
    "nulls",
    "off",
    "offline",
    "offset",
    "oid",
    "old",
    "on",
    "only",
    "open",
    "or",
    "order",
    "outer",
    "overlaps",
    "parallel",
    "partition",
    "percent",
    "permissions",
    "pivot",
    "placing",
    "primary",
    "raw",
    "readratio",
    "recover",
    "references",
    "rejectlog",
    "resort",
    "respect",
    "restore",
    "right",
    "select",
    "session_user",
    "similar",
    "snapshot",
    "some",
    "start",
    "sysdate",
    "system",
    "table",
    "tag",
    "tdes",
    "text255",
    "text32k",
    "then",
    "timestamp",
    "to",
    "top",
    "trailing",
    "true",
    "truncatecolumns",
    "union",
    "unique",
    "unnest",
    "unpivot",
    "user",
    "using",
    "verbose",
    "wallet",
    "when",
    "where",
    "with",
    "without",
];

#[cfg(test)]
mod tests;
