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

/// A name as Redshift takes it anywhere: in double quotes, quotes doubled.
pub fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as a Redshift string literal: quotes and backslashes doubled, since Redshift takes a
/// backslash in a plain literal as an escape.
pub fn quote_literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests;
