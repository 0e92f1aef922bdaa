//! The templates of the merge, and what is filled into them. It decides no row's fate.

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use crate::error::{Error, Place, Result};
use crate::layout;
use crate::sequence::Sequence;
use crate::sql::{quote_identifier as quoted, quote_literal};
use crate::tables::{ColumnSpec, ETL_CREATED, ETL_UPDATED, SEQUENCE_COLUMN, TableName, TableSpec};
use crate::types::SqlType;
use crate::warehouse::{ColumnInfo, Statement};

const MERGE_FILE: &str = "sql/store/merge.sql";
const MERGE: &str = include_str!("../../sql/store/merge.sql");
const LANDING_FILE: &str = "redshift/landing.sql";
const LANDING: &str = include_str!("../../redshift/landing.sql");

/// What the templates may name. Every name is SQL text already.
#[derive(Serialize)]
struct Words {
    store_schema: String,
    store: String,
    /// The store table without its schema: how MERGE and DELETE name its columns.
    store_table: String,
    stage: String,
    landing_schema: String,
    landing: String,
    columns: Vec<Column>,
    /// The columns outside the key.
    values: Vec<Column>,
    key: Vec<String>,
    version: Option<String>,
    /// True where the version is never NULL.
    version_known: bool,
    /// What orders the rows of one key, the winner first.
    winner: Vec<String>,
    /// A column name that no column of the table has.
    rank: String,
    sequence: u64,
    sequence_column: &'static str,
    etl_created: &'static str,
    etl_updated: &'static str,
    location: String,
    partition_location: String,
}

#[derive(Serialize, Clone)]
struct Column {
    name: String,
    r#type: String,
    /// The type in an external table.
    external: String,
    not_null: bool,
}

/// Renders the merge of one partition.
pub fn merge(spec: &TableSpec, sequence: Sequence) -> Result<Vec<Statement>> {
    render(MERGE_FILE, MERGE, &words(spec, sequence)?)
}

/// Renders the external table and its partition, under the landing URL `root`.
pub fn landing(spec: &TableSpec, root: &url::Url, sequence: Sequence) -> Result<Vec<Statement>> {
    let mut words = words(spec, sequence)?;
    for (column, declared) in words.columns.iter_mut().zip(&spec.columns) {
        column.external = external_type(spec, declared)?;
    }
    let root = root.as_str().trim_end_matches('/');
    let under = |key: object_store::path::Path| quote_literal(&format!("{root}/{key}/"));
    words.location = under(layout::landing_table(spec));
    words.partition_location = under(layout::landing_partition(spec, sequence));
    render(LANDING_FILE, LANDING, &words)
}

/// The columns of `spec` that are not `known`, one statement each, as Redshift wants it
/// (`r_ALTER_TABLE`).
pub fn added(spec: &TableSpec, known: &[ColumnInfo]) -> Result<Vec<Statement>> {
    let words = words(spec, Sequence::FIRST)?;
    let new = |name: &str| !known.iter().any(|k| k.name.eq_ignore_ascii_case(name));
    let columns = spec.columns.iter().zip(&words.columns).filter(|(c, _)| new(&c.name));
    let statement = |(declared, column): (&ColumnSpec, &Column)| {
        if column.not_null {
            return Err(Error::config(
                "store/new_column",
                format!("`{}` has no column `{}`, which may not be NULL", spec.store, declared.name),
            )
            .at(spec.place.clone())
            .about(spec.store.to_string())
            .hint("its rows have no value for a new column: declare it without NOT NULL, or name another store table"));
        }
        let Column { name, r#type, .. } = column;
        let text = format!("alter table {} add column {name} {type}", words.store);
        Ok(Statement { text, place: spec.place.clone() })
    };
    columns.map(statement).collect()
}

fn words(spec: &TableSpec, sequence: Sequence) -> Result<Words> {
    check(spec)?;
    let column = |c: &ColumnSpec| Column {
        name: quoted(&c.name),
        r#type: c.ty.to_string(),
        external: String::new(),
        not_null: c.not_null || spec.key.contains(&c.name),
    };
    let full = |t: &TableName| format!("{}.{}", quoted(&t.schema), quoted(&t.table));
    let mut rank = "landing_rank".to_string();
    while spec.column(&rank).is_some() {
        rank.push('_');
    }
    Ok(Words {
        store_schema: quoted(&spec.store.schema),
        store: full(&spec.store),
        store_table: quoted(&spec.store.table),
        stage: quoted(&format!("stage_{}", spec.store.table)),
        landing_schema: quoted(&spec.landing.schema),
        landing: full(&spec.landing),
        columns: spec.columns.iter().map(column).collect(),
        values: spec.columns.iter().filter(|c| !spec.key.contains(&c.name)).map(column).collect(),
        key: spec.key.iter().map(|name| quoted(name)).collect(),
        version: spec.version.as_deref().map(quoted),
        version_known: spec
            .version
            .as_deref()
            .and_then(|name| spec.column(name))
            .is_some_and(|c| c.not_null || spec.key.contains(&c.name)),
        winner: winner(spec),
        rank,
        sequence: sequence.0,
        sequence_column: SEQUENCE_COLUMN,
        etl_created: ETL_CREATED,
        etl_updated: ETL_UPDATED,
        location: String::new(),
        partition_location: String::new(),
    })
}

/// What the templates rely on. The configuration has said it with more words before.
fn check(spec: &TableSpec) -> Result<()> {
    let wrong = |code, message: String| {
        Err(Error::config(code, message).at(spec.place.clone()).about(spec.store.to_string()))
    };
    if spec.key.is_empty() {
        return wrong("table/no_key", "a store table needs a unique key".to_string());
    }
    let missing = spec.key.iter().chain(&spec.version).find(|name| spec.column(name).is_none());
    if let Some(name) = missing {
        return wrong("table/no_column", format!("key or version names no column: `{name}`"));
    }
    let own = [SEQUENCE_COLUMN, ETL_CREATED, ETL_UPDATED];
    if let Some(name) = own.iter().find(|name| spec.column(name).is_some()) {
        return wrong("table/reserved_column", format!("Landfall keeps the column name `{name}`"));
    }
    Ok(())
}

/// Newest version first, known before unknown; then the other columns, so that of rows that claim
/// the same version the same one wins on every run, wherever the files lie.
fn winner(spec: &TableSpec) -> Vec<String> {
    let mut order = Vec::new();
    if let Some(version) = spec.version.as_deref().and_then(|name| spec.column(name)) {
        let name = quoted(&version.name);
        // Redshift's manual both gives and denies NULLS LAST inside OVER; this needs neither.
        if !version.not_null && !spec.key.contains(&version.name) {
            order.push(format!("case when {name} is null then 1 else 0 end"));
        }
        order.push(format!("{name} desc"));
    }
    let rest = spec.columns.iter().filter(|c| {
        !spec.key.contains(&c.name)
            && spec.version.as_ref() != Some(&c.name)
            && !matches!(c.ty, SqlType::Varbyte(_))
    });
    order.extend(rest.map(|c| format!("{} desc", quoted(&c.name))));
    if order.is_empty() {
        order.extend(spec.key.first().map(|name| quoted(name)));
    }
    order
}

/// The type Spectrum reads a landed column with (`r_CREATE_EXTERNAL_TABLE`).
fn external_type(spec: &TableSpec, column: &ColumnSpec) -> Result<String> {
    match column.ty {
        // Landed as UTC microseconds, which is what the session's default zone makes of it again.
        SqlType::TimestampTz => Ok(SqlType::Timestamp.to_string()),
        SqlType::Time | SqlType::Varbyte(_) => Err(Error::config(
            "redshift/type",
            format!("Redshift reads no `{}` column from landing: `{}`", column.ty, column.name),
        )
        .at(spec.place.clone())
        .about(spec.landing.to_string())
        .hint("declare the column as varchar")),
        other => Ok(other.to_string()),
    }
}

/// Renders a template and cuts it into its statements: one ends at each line that ends in `;`.
///
/// The place of a statement is its first line in the template.
fn render(file: &'static str, source: &'static str, words: &Words) -> Result<Vec<Statement>> {
    let broken = |cause: minijinja::Error| {
        Error::failed("merge/template", format!("the template `{file}` cannot be rendered"))
            .because(cause)
    };
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(
        SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(broken)?,
    );
    let words = minijinja::Value::from(minijinja::value::Serde(words));
    let mut statements = Vec::new();
    for (line, piece) in pieces(source) {
        let text = environment.render_str(piece, &words).map_err(broken)?;
        let text = text.trim().trim_end_matches(';').trim_end().to_string();
        statements.push(Statement { text, place: Place::new(file, line, 1) });
    }
    Ok(statements)
}

/// The statements of a template, each with the number of its first line, without the comment that
/// heads the file.
fn pieces(source: &'static str) -> Vec<(usize, &'static str)> {
    let head = source.find("#}").map_or(0, |end| end + "#}".len());
    let mut pieces = Vec::new();
    let mut start = head;
    let mut end = head;
    for line in source.get(head..).unwrap_or_default().split_inclusive('\n') {
        end += line.len();
        if line.trim_end().ends_with(';') {
            let piece = source.get(start..end).unwrap_or_default();
            let blank = piece.len() - piece.trim_start().len();
            let before = source.get(..start + blank).unwrap_or_default();
            pieces.push((before.matches('\n').count() + 1, piece));
            start = end;
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_know_their_line_in_the_template() {
        let source = "{# head\n   #}\nselect 1;\n\n-- two\nselect\n  2\n;\n";
        let got: Vec<(usize, &str)> =
            pieces(source).into_iter().map(|(line, text)| (line, text.trim())).collect();
        assert_eq!(got, [(3, "select 1;"), (5, "-- two\nselect\n  2\n;")]);
    }
}
