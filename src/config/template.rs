//! The text of a `landfall.toml`: for a new project, and for tables found in a database. Pure.

use std::collections::BTreeSet;

use super::{column, text};
use crate::tables::{ColumnSpec, ETL_CREATED, ETL_UPDATED, SEQUENCE_COLUMN};
use crate::types::SqlType;

/// The sample project: this repository's own file, so that the two cannot differ.
const SAMPLE: &str = include_str!("../../landfall.toml");
const EMPTY: &str = include_str!("empty.toml");

/// What a new project begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The sample sources with their six tables and the web log: `landfall run` works at once.
    Sample,
    /// The settings with their comments; sources are examples in comments.
    Empty,
}

/// The `landfall.toml` of a new project called `name`.
pub fn template(start: Start, name: &str) -> String {
    let text = match start {
        Start::Sample => SAMPLE,
        Start::Empty => EMPTY,
    };
    let given = format!("name = {}", quote(name));
    text.replacen("name = \"sample\"", &given, 1)
}

/// A table as a database describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoveredTable {
    /// The table or view, perhaps `schema.table`, as the source spells it.
    pub from: String,
    pub columns: Vec<DiscoveredColumn>,
    /// Source names of the columns of the primary or a unique key; empty when there is none.
    pub key: Vec<String>,
    /// Source name of a column that every change sets anew, when one looks like it.
    pub watermark: Option<String>,
    /// What the reader should know about this table; one sentence each.
    pub notes: Vec<String>,
}

/// A column as a database describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoveredColumn {
    /// As the source spells it.
    pub name: String,
    /// The source's own type, for the comment on a column that cannot be taken.
    pub source_type: String,
    /// The Redshift type that holds all its values; `None` when there is none.
    pub ty: Option<SqlType>,
    pub not_null: bool,
}

/// The `[[source.NAME.table]]` of discovered tables.
///
/// What cannot be known is left for the reader to fill in, marked by a comment: a table without
/// key gets `key = []`, which does not load until columns are named. A column without a Redshift
/// type is left out, with a comment.
pub fn render_tables(source: &str, tables: &[DiscoveredTable]) -> String {
    let mut text = String::new();
    let mut names = BTreeSet::new();
    for table in tables {
        if !text.is_empty() {
            text.push('\n');
        }
        let name = unique(&mut names, text::to_name(table_part(&table.from)));
        render_table(&mut text, source, &name, table);
    }
    text
}

fn render_table(text: &mut String, source: &str, name: &str, table: &DiscoveredTable) {
    let mut names: BTreeSet<String> =
        [SEQUENCE_COLUMN, ETL_CREATED, ETL_UPDATED].map(String::from).into();
    let columns: Vec<(String, &DiscoveredColumn)> =
        table.columns.iter().map(|c| (unique(&mut names, text::to_name(&c.name)), c)).collect();
    let renamed = |source_name: &str| {
        columns
            .iter()
            .find(|(_, c)| c.name == source_name && c.ty.is_some())
            .map(|(name, c)| (name.as_str(), *c))
    };
    for note in &table.notes {
        text.push_str(&format!("# {}\n", one_line(note)));
    }
    text.push_str(&format!("[[source.{source}.table]]\nname = {}\n", quote(name)));
    if table.from != name {
        text.push_str(&format!("from = {}\n", quote(&table.from)));
    }
    let key: Option<Vec<&str>> =
        table.key.iter().map(|column| renamed(column).map(|(name, _)| name)).collect();
    match key.filter(|key| !key.is_empty()) {
        Some(key) => text.push_str(&format!("key = [{}]\n", list(&key))),
        None => text.push_str("key = []  # no unique key found: name the columns that make one\n"),
    }
    let watermark = table.watermark.as_deref().and_then(renamed);
    match watermark {
        Some((column, c)) if c.not_null && c.ty.is_some_and(SqlType::is_time) => {
            text.push_str(&format!("extract = \"incremental\"\nwatermark = {}\n", quote(column)))
        }
        Some((column, _)) => text.push_str(&format!(
            "# {column} could be a watermark if it were a timestamp and never null\n"
        )),
        None => {}
    }
    text.push_str("columns = [\n");
    for (name, column) in &columns {
        text.push_str(&match column.ty {
            Some(ty) => {
                let source_name = Some(column.name.clone()).filter(|source| source != name);
                let not_null = column.not_null;
                let spec = ColumnSpec { name: name.clone(), source_name, ty, not_null };
                format!("  {},\n", quote(&column::render(&spec)))
            }
            None => {
                format!("  # {name}: no Redshift type holds {}\n", one_line(&column.source_type))
            }
        });
    }
    text.push_str("]\n");
}

/// The table's own name of `schema.table`.
fn table_part(from: &str) -> &str {
    from.rsplit_once('.').map_or(from, |(_, table)| table)
}

/// `name`, or `name_2` and so on when it is taken; kept within the limit of names.
fn unique(taken: &mut BTreeSet<String>, name: String) -> String {
    let mut candidate = name.clone();
    let mut number = 1;
    while !taken.insert(candidate.clone()) {
        number += 1;
        let suffix = format!("_{number}");
        let stem: String = name.chars().take(127 - suffix.len()).collect();
        candidate = stem + &suffix;
    }
    candidate
}

/// A TOML basic string.
fn quote(text: &str) -> String {
    // `${` would be read as a variable.
    let text = text.replace("${", "$${");
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn list(texts: &[&str]) -> String {
    texts.iter().map(|text| quote(text)).collect::<Vec<_>>().join(", ")
}

/// Foreign text in a comment must not end the comment.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
