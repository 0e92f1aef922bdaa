//! `tables`: the tables and views with their rows, or the columns of one.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{Field, Schema};

use super::warehouse;
use crate::cli::Exit;
use crate::cli::args::Tables;
use crate::cli::formats::write_rows;
use crate::cli::session::Session;
use crate::error::{Error, Result, nearest};
use crate::warehouse::TableInfo;

/// Lists tables, or columns.
pub(in crate::cli) fn tables(session: &Session, words: &Tables) -> Result<Exit> {
    let project = session.project_offline()?;
    let all = session.stop.until_signal(&session.printer, async {
        warehouse::open(session, &project).await?.describe().await
    })?;
    let chosen = choose(all, words.name.as_deref())?;
    // One table by its name is asked for its columns.
    let columns = words.schema
        || words.name.as_deref().is_some_and(|name| !name.contains('*') && chosen.len() == 1);
    let batch = if columns { columns_of(&chosen) } else { rows_of(&chosen) };
    let batch =
        batch.map_err(|e| Error::failed("tables/list", "cannot list the tables").because(e))?;
    if chosen.is_empty() {
        session.printer.say("no tables yet; begin with: landfall run");
    }
    let (format, look) = (session.format(words.format), session.look(true));
    if let (true, [only]) = (columns, chosen.as_slice())
        && let Some(attributes) = &only.attributes
    {
        session.printer.say(format!("{} {attributes}", only.name));
    }
    session.printer.with_data(|out| {
        write_rows(out, &batch.schema(), std::slice::from_ref(&batch), format, look)
    })?;
    Ok(Exit::Done)
}

/// The tables that a name or a glob means; the schema may be left out of a name.
fn choose(all: Vec<TableInfo>, name: Option<&str>) -> Result<Vec<TableInfo>> {
    let Some(name) = name else {
        return Ok(all);
    };
    let wanted = name.to_ascii_lowercase();
    let names: Vec<String> = all.iter().map(|t| t.name.to_string()).collect();
    let chosen: Vec<TableInfo> = all
        .into_iter()
        .filter(|t| matches(&wanted, &t.name.to_string()) || matches(&wanted, &t.name.table))
        .collect();
    if !chosen.is_empty() {
        return Ok(chosen);
    }
    let error = Error::config("tables/unknown", format!("there is no table `{name}`"));
    let bare = names.iter().filter_map(|n| n.split_once('.').map(|(_, table)| table));
    Err(match nearest(&wanted, names.iter().map(String::as_str).chain(bare)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("landfall tables lists them"),
    })
}

/// Whether `text` is what `glob` says; `*` stands for any characters.
pub(super) fn matches(glob: &str, text: &str) -> bool {
    match glob.split_once('*') {
        None => glob == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|text| {
            text.char_indices()
                .map(|(i, _)| i)
                .chain([text.len()])
                .any(|i| matches(rest, &text[i..]))
        }),
    }
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch, arrow::error::ArrowError> {
    let fields: Vec<Field> =
        columns.iter().map(|(n, c)| Field::new(*n, c.data_type().clone(), true)).collect();
    RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        columns.into_iter().map(|(_, column)| column).collect(),
    )
}

fn text<T: Into<String>>(values: impl Iterator<Item = T>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values.map(Into::into)))
}

fn rows_of(tables: &[TableInfo]) -> Result<RecordBatch, arrow::error::ArrowError> {
    let kind = |t: &TableInfo| if t.is_view { "view" } else { "table" };
    batch(vec![
        ("name", text(tables.iter().map(|t| t.name.to_string()))),
        ("kind", text(tables.iter().map(kind))),
        (
            "columns",
            Arc::new(UInt64Array::from_iter_values(tables.iter().map(|t| t.columns.len() as u64))),
        ),
        ("rows", Arc::new(UInt64Array::from_iter(tables.iter().map(|t| t.rows)))),
        ("bytes", Arc::new(UInt64Array::from_iter(tables.iter().map(|t| t.bytes)))),
    ])
}

fn columns_of(tables: &[TableInfo]) -> Result<RecordBatch, arrow::error::ArrowError> {
    let all: Vec<_> =
        tables.iter().flat_map(|t| t.columns.iter().map(move |c| (&t.name, c))).collect();
    batch(vec![
        ("table", text(all.iter().map(|(t, _)| t.to_string()))),
        ("column", text(all.iter().map(|(_, c)| c.name.clone()))),
        ("type", text(all.iter().map(|(_, c)| c.ty.to_string()))),
        ("not_null", Arc::new(BooleanArray::from_iter(all.iter().map(|(_, c)| Some(c.not_null))))),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::TableName;

    #[test]
    fn names_globs_and_slips() {
        let table = |schema, name| TableInfo {
            name: TableName::new(schema, name),
            columns: Vec::new(),
            rows: Some(1),
            bytes: Some(1),
            attributes: None,
            is_view: false,
        };
        let all = || vec![table("pres", "report_order_lines"), table("store_mysql", "orders")];
        for (name, want) in [
            (None, 2),
            (Some("store_mysql.orders"), 1),
            (Some("Orders"), 1),
            (Some("store*"), 1),
            (Some("*order*"), 2),
        ] {
            assert_eq!(choose(all(), name).expect("found").len(), want, "{name:?}");
        }
        let error = choose(all(), Some("ordres")).expect_err("unknown");
        assert_eq!(error.advice(), Some("did you mean `orders`?"));
        assert!(choose(Vec::new(), Some("x")).is_err());
        assert!(matches("a*c*", "abcé") && !matches("a*b", "abc") && matches("*", ""));
    }
}
