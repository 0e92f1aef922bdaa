//! SHOW: settings, definitions and lists of what there is. It changes nothing.
//!
//! Source: r_SHOW, r_SHOW_TABLE, r_SHOW_VIEW, r_SHOW_SCHEMAS, r_SHOW_TABLES, r_SHOW_COLUMNS.

use std::fmt::Write;

use arrow::array::{RecordBatch, StringArray};
use datafusion::common::ScalarValue;
use regex::Regex;

use crate::dialect::{CATALOG, Show, ShowFilter};
use crate::error::{Error, Result};
use crate::sql::quote_identifier;
use crate::warehouse::{Answer, Outcome};

use super::catalog::TableDef;
use super::engine::Local;
use super::materialized;
use super::system::{self, Relation};
use super::transaction::Transaction;
use super::words::Words;

pub async fn show(local: &Local, txn: &mut Transaction, show: &Show) -> Result<Outcome> {
    match show {
        Show::Setting(name) => {
            let value = txn.settings.show(name)?;
            one(name, vec![value])
        }
        Show::All => {
            let all = txn.settings.all();
            let column = |f: fn(&(String, String)) -> String| all.iter().map(f).collect();
            columns(&[("name", column(|s| s.0.clone())), ("setting", column(|s| s.1.clone()))])
        }
        Show::Table(name) => {
            if !txn.has_table(name) {
                return Err(txn.unknown_table(name));
            }
            let def = txn.table(name).await?.def.clone();
            one("Show Table DDL statement", vec![definition(&def)])
        }
        Show::View(name) => {
            if let Some(text) = materialized::definition(txn, name).await? {
                return one("Show View DDL statement", vec![text]);
            }
            let view = txn.view(name).ok_or_else(|| txn.unknown_table(name))?;
            let late = if view.late { " WITH NO SCHEMA BINDING" } else { "" };
            let text = format!("CREATE VIEW {} AS {}{late};", view.name.quoted(), view.sql);
            one("Show View DDL statement", vec![text])
        }
        Show::Databases => one("database_name", vec![CATALOG.to_owned()]),
        Show::Schemas(filter) => listed(system::schemas(txn), None, 1, filter),
        Show::Tables(schema, filter) => {
            let known = txn.shape().schemas.contains_key(schema);
            if !known && schema != super::transaction::PUBLIC {
                return Err(Error::failed(
                    "sql/unknown-schema",
                    format!("schema \"{schema}\" does not exist"),
                ));
            }
            listed(system::all_tables(txn), Some((1, schema.as_str())), 2, filter)
        }
        Show::Columns(name, filter) => {
            let full = txn.resolve(name);
            let there = txn.has_table(name) || txn.view(name).is_some();
            if !there && txn.external(name).is_none() {
                return Err(txn.unknown_table(name));
            }
            let mut all = system::all_columns(local, txn).await?;
            all.keep(1, |schema| schema == full.schema);
            listed(all, Some((2, full.table.as_str())), 3, filter)
        }
    }
}

fn one(column: &str, values: Vec<String>) -> Result<Outcome> {
    columns(&[(column, values)])
}

fn columns(columns: &[(&str, Vec<String>)]) -> Result<Outcome> {
    let arrays = columns
        .iter()
        .map(|(name, values)| {
            let array: StringArray = values.iter().map(Some).collect();
            (*name, std::sync::Arc::new(array) as arrow::array::ArrayRef)
        })
        .collect::<Vec<_>>();
    let batch = RecordBatch::try_from_iter(arrays).map_err(|cause| {
        Error::failed("sql/execution", "the answer makes no rows").because(cause)
    })?;
    Ok(answered(batch))
}

fn answered(batch: RecordBatch) -> Outcome {
    let answer = Answer { schema: batch.schema(), batches: vec![batch] };
    Outcome { answer: Some(answer), ..Outcome::default() }
}

/// The rows of a relation whose column equals `only`, whose name is like the pattern, no more than
/// the limit.
fn listed(
    mut rows: Relation,
    only: Option<(usize, &str)>,
    name: usize,
    filter: &ShowFilter,
) -> Result<Outcome> {
    if let Some((column, wanted)) = only {
        rows.keep(column, |value| value == wanted);
    }
    if let Some(pattern) = &filter.like {
        let pattern = like(pattern)?;
        rows.keep(name, |value| pattern.is_match(value));
    }
    rows.rows.truncate(filter.limit.unwrap_or(usize::MAX));
    Ok(answered(rows.batch()?))
}

/// A LIKE pattern as a regular expression.
fn like(pattern: &str) -> Result<Regex> {
    let mut text = String::from("^");
    for sign in pattern.chars() {
        match sign {
            '%' => text.push_str(".*"),
            '_' => text.push('.'),
            other => text.push_str(&regex::escape(&other.to_string())),
        }
    }
    text.push('$');
    Regex::new(&text).map_err(|cause| {
        Error::failed("sql/execution", "the pattern cannot be read").because(cause)
    })
}

/// A table as the DDL that would make it.
fn definition(def: &TableDef) -> String {
    let mut text = format!("CREATE TABLE {} (\n", def.name.quoted());
    for (index, column) in def.columns.iter().enumerate() {
        let _ =
            write!(text, "    {} {}", quote_identifier(&column.name), system::spelled(column.ty));
        if let Some(default) = &column.default {
            let _ = write!(text, " DEFAULT {default}");
        }
        if let Some(identity) = &column.identity {
            let by_default = if identity.by_default { "GENERATED BY DEFAULT AS " } else { "" };
            let _ = write!(text, " {by_default}IDENTITY({},{})", identity.seed, identity.step);
        }
        if column.not_null {
            text.push_str(" NOT NULL");
        }
        if let Some(encode) = &column.encode {
            let _ = write!(text, " ENCODE {encode}");
        }
        text.push_str(if index + 1 < def.columns.len() { ",\n" } else { "\n" });
    }
    text.push(')');
    // Keys stand among the columns in DDL, the rest after them.
    let (keys, rest) = Words::of(def).parted();
    if !keys.is_empty() {
        text.truncate(text.len() - 2);
        let _ = write!(text, ",\n    {}\n)", keys.join(",\n    "));
    }
    for part in rest {
        let _ = write!(text, "\n{part}");
    }
    text.push(';');
    text
}

/// A text as a value of a system relation.
pub fn text(value: impl Into<String>) -> ScalarValue {
    ScalarValue::Utf8View(Some(value.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::TableName;
    use crate::types::SqlType;
    use crate::warehouse::local::catalog::ColumnDef;

    #[test]
    fn the_ddl_of_a_table_has_its_keys_inside_and_the_rest_behind() {
        let column = |name: &str, ty: &str, not_null: bool| ColumnDef {
            id: 1,
            name: name.into(),
            ty: SqlType::parse(ty).expect("a type"),
            not_null,
            default: None,
            initial_default: None,
            identity: None,
            encode: None,
        };
        let name = ColumnDef {
            default: Some("'x'".into()),
            encode: Some("zstd".into()),
            ..column("name", "varchar(10)", false)
        };
        let def = TableDef {
            id: 1,
            name: TableName::new("a", "sales"),
            path: "a/sales/".into(),
            columns: vec![column("id", "int", true), name],
            last_column: 2,
            attributes: Some("distkey(id) compound sortkey(id, name) primary key(id)".into()),
        };
        let lines = [
            "CREATE TABLE a.sales (",
            "    id integer NOT NULL,",
            "    name character varying(10) DEFAULT 'x' ENCODE zstd,",
            "    primary key(id)",
            ")",
            "distkey(id)",
            "compound sortkey(id, name);",
        ];
        assert_eq!(definition(&def), lines.join("\n"));
    }
}
