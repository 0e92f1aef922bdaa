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
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use sqlparser::dialect::RedshiftSqlDialect;
    use sqlparser::parser::Parser;
    use sqlparser::tokenizer::{Token, Tokenizer};

    use super::*;

    fn files_under(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).expect("folder") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                files_under(&path, found);
            } else {
                let root = Path::new(env!("CARGO_MANIFEST_DIR"));
                let path = path.strip_prefix(root).expect("inside");
                found.insert(path.to_str().expect("UTF-8").replace('\\', "/"));
            }
        }
    }

    #[test]
    fn no_file_of_a_project_is_forgotten() {
        let sql = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
        let mut found = BTreeSet::new();
        for folder in ["pres", "reports"] {
            files_under(&sql.join(folder), &mut found);
        }
        found.insert("sql/README.md".into());
        let shipped: Vec<&str> = FILES.iter().map(|file| file.path).collect();
        assert_eq!(shipped, found.iter().map(String::as_str).collect::<Vec<_>>());
    }

    fn sql_files() -> impl Iterator<Item = &'static SqlFile> {
        FILES.iter().filter(|file| file.path.ends_with(".sql"))
    }

    #[test]
    fn every_file_has_a_title_and_parses_as_redshift() {
        for file in sql_files() {
            assert!(title(file.text).is_some(), "{}", file.path);
            let statements = Parser::parse_sql(&RedshiftSqlDialect {}, file.text);
            let statements = statements.unwrap_or_else(|e| panic!("{}: {e}", file.path));
            let reports = file.path.starts_with("sql/reports/");
            assert_eq!(statements.len() == 1, reports, "{}: a report is one query", file.path);
        }
    }

    /// What would break a pres file's one transaction, and what Redshift does not have.
    #[test]
    fn no_file_commits_by_itself_or_leaves_redshift() {
        let banned =
            ["truncate", "commit", "begin", "vacuum", "filter", "string_agg", "substr", "range"];
        for file in sql_files() {
            let tokens = Tokenizer::new(&RedshiftSqlDialect {}, file.text).tokenize();
            for token in tokens.expect(file.path) {
                if let Token::Word(word) = token {
                    let word = word.value.to_ascii_lowercase();
                    assert!(!banned.contains(&word.as_str()), "{}: {word}", file.path);
                }
            }
        }
    }

    #[test]
    fn a_title_is_the_first_comment_and_nothing_else() {
        assert_eq!(title("-- Monthly sales\nselect 1"), Some("Monthly sales"));
        assert_eq!(title("--\nselect 1"), None);
        assert_eq!(title("select 1 -- not a title"), None);
        assert_eq!(title(""), None);
    }

    #[test]
    fn quoted_text_is_one_token_with_the_same_text() {
        for text in ["plain", "it's", "a\\b", "\\'", "x'; drop table t; --", "\"q\"", ""] {
            let tokens = Tokenizer::new(&RedshiftSqlDialect {}, &quote_literal(text)).tokenize();
            assert_eq!(tokens.expect(text), [Token::SingleQuotedString(text.to_string())]);
            let tokens = Tokenizer::new(&RedshiftSqlDialect {}, &quote_identifier(text)).tokenize();
            match tokens.expect(text).as_slice() {
                [Token::Word(word)] => assert_eq!(word.value, text),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
