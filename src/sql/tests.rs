//! The shipped SQL: complete, Redshift's own, and right on a company small enough to add up by hand.

mod answers;

use std::collections::BTreeSet;
use std::path::Path;

use sqlparser::dialect::RedshiftSqlDialect;
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
        let statements = crate::dialect::parse_script(file.text, Path::new(file.path));
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

#[test]
fn names_are_quoted_only_where_they_must_be() {
    for (name, quoted) in [
        ("order_lines", "order_lines"),
        ("_x9", "_x9"),
        ("order", "\"order\""),
        ("a b", "\"a b\""),
        ("1a", "\"1a\""),
        ("say\"so", "\"say\"\"so\""),
        ("", "\"\""),
    ] {
        assert_eq!(quote_identifier(name), quoted);
    }
}
