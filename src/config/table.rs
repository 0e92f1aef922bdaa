//! One table of a draft to its spec, and the checks across tables. Asks no database.

use std::collections::BTreeMap;

use super::reader::{Reader, Section, Text};
use super::settings::{SourceDraft, TableDraft, Value};
use super::{column, text};
use crate::error::{Error, Place, nearest};
use crate::tables::{ColumnSpec, Extract, TableName, TableSpec};

/// Redshift's limit.
const MAX_COLUMNS: usize = 1_600;
/// Schemas that are not for landing or store: the layer for readers, and Redshift's own.
const RESERVED: [&str; 5] = ["pres", "information_schema", "pg_catalog", "pg_internal", "sys"];
/// A lookback of more than a month is a full extract by another name.
const MAX_LOOKBACK: u64 = 31 * 86_400;

/// The specs of a source; a table with mistakes is left out and its mistakes are noted.
pub(super) fn resolve_all(reader: &mut Reader<'_>, draft: &SourceDraft) -> Vec<TableSpec> {
    let mut specs = Vec::with_capacity(draft.tables.len());
    let mut names: BTreeMap<String, Place> = BTreeMap::new();
    for table in &draft.tables {
        if let Some(name) = written_name(table) {
            // Names that differ in case alone are one name on disk and in Redshift.
            match names.get(&name.to_lowercase()) {
                Some(first) => reader.errors.push(
                    Error::config(
                        "config/duplicate-table",
                        format!("table `{name}` is declared twice"),
                    )
                    .at(table.place.clone())
                    .hint(format!("the first is at {first}")),
                ),
                None => drop(names.insert(name.to_lowercase(), table.place.clone())),
            }
        }
        specs.extend(resolve(reader, &draft.name, table));
    }
    specs
}

fn written_name(table: &TableDraft) -> Option<&str> {
    match table.settings.get("name").map(|found| &found.value) {
        Some(Value::Text(name)) => Some(name),
        _ => None,
    }
}

fn resolve(reader: &mut Reader<'_>, source: &str, draft: &TableDraft) -> Option<TableSpec> {
    let before = reader.errors.len();
    let section = Section {
        name: match written_name(draft) {
            Some(name) => format!("source.{source}.table.{name}"),
            None => format!("source.{source}.table"),
        },
        settings: &draft.settings,
        place: Some(draft.place.clone()),
    };
    let name = name(reader, &section);
    let from = text_or(reader, &section, "from", &name);
    let (columns, known) = columns(reader, &section);
    let key = key(reader, &section, &known);
    let watermark = watermark(reader, &section, &columns, &known);
    let extract = extract(reader, &section, watermark.clone());
    let filter = section.settings.contains_key("where").then(|| reader.text(&section, "where"));
    let filter = filter.flatten().map(|text| {
        if text.as_str().trim().is_empty() {
            reader.errors.push(text.error("config/where", "`where` is empty"));
        }
        text.as_str().to_string()
    });
    let landing = target(reader, &section, "landing", &format!("landing_{source}.{name}"));
    let store = target(reader, &section, "store", &format!("store_{source}.{name}"));
    for (target, layer) in [(&landing, "landing"), (&store, "store")] {
        reader.targets.extend(target.clone().map(|target| Target {
            name: target,
            layer,
            table: format!("{source}.{name}").to_lowercase(),
            place: draft.place.clone(),
        }));
    }
    if reader.errors.len() > before {
        return None;
    }
    Some(TableSpec {
        source: source.to_string(),
        name,
        from,
        columns,
        filter,
        extract,
        landing: landing?,
        store: store?,
        key,
        version: watermark,
        place: draft.place.clone(),
    })
}

fn name(reader: &mut Reader<'_>, section: &Section<'_>) -> String {
    if !section.settings.contains_key("name") {
        reader.missing(section, "`name`", "name the table: name = \"orders\"");
    }
    let Some(text) = reader.text(section, "name") else { return String::new() };
    let name = text.as_str();
    if !text::is_name(name) {
        let message = format!("table name `{name}` is not lower snake case, up to 127 characters");
        let hint = format!("write name = \"{}\" and from = \"{name}\"", text::to_name(name));
        reader.errors.push(text.error("config/name", message).hint(hint));
    }
    name.to_string()
}

fn text_or(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    key: &'static str,
    default: &str,
) -> String {
    if !section.settings.contains_key(key) {
        reader.default(section, key, default);
        return default.to_string();
    }
    let Some(text) = reader.text(section, key) else { return default.to_string() };
    if text.as_str().trim().is_empty() {
        reader.errors.push(text.error("config/missing-key", format!("`{key}` is empty")));
    }
    text.as_str().to_string()
}

/// The columns, and every name that was declared, also by a column with a mistake.
fn columns(reader: &mut Reader<'_>, section: &Section<'_>) -> (Vec<ColumnSpec>, Vec<String>) {
    let hint = "declare them: columns = [\"order_no varchar(16) not null\", ...]";
    if !section.settings.contains_key("columns") {
        reader.missing(section, "`columns`", hint);
        return (Vec::new(), Vec::new());
    }
    let texts = reader.texts(section, "columns").unwrap_or_default();
    if let Some(note) = reader.origins.last_mut() {
        note.value = format!("{} columns", texts.len());
    }
    let count = texts.len();
    if let Some(found) =
        section.settings.get("columns").filter(|_| count == 0 || count > MAX_COLUMNS)
    {
        let message = format!("a table has 1 to {MAX_COLUMNS} columns, not {count}");
        reader.errors.push(found.error("config/columns", message).hint(hint));
    }
    let (mut columns, mut known) = (Vec::<ColumnSpec>::new(), Vec::<String>::new());
    for (text, place) in texts {
        let (name, column) = column::parse(&text);
        if let Some(name) = name {
            if known.contains(&name) {
                let message = format!("column `{name}` is declared twice");
                let error = Error::config("config/duplicate-column", message);
                reader.errors.push(error.at(place.clone()));
            }
            known.push(name);
        }
        match column {
            Ok(column) => columns.push(column),
            Err(error) => reader.errors.push(error.at(place)),
        }
    }
    (columns, known)
}

fn key(reader: &mut Reader<'_>, section: &Section<'_>, known: &[String]) -> Vec<String> {
    let hint = "name the columns that are unique together: key = [\"order_no\"]";
    if !section.settings.contains_key("key") {
        reader.missing(section, "`key`", hint);
        return Vec::new();
    }
    let texts = reader.texts(section, "key").unwrap_or_default();
    if let Some(found) = section.settings.get("key").filter(|_| texts.is_empty()) {
        let error = found.error("config/empty-key", "`key` names no column");
        reader.errors.push(error.hint(hint));
    }
    let mut key: Vec<String> = Vec::with_capacity(texts.len());
    for (name, place) in texts {
        if key.contains(&name) {
            let message = format!("`key` names `{name}` twice");
            reader.errors.push(Error::config("config/duplicate-column", message).at(place.clone()));
        }
        if let Some(error) = check_column(&name, "key", known) {
            reader.errors.push(error.at(place));
        }
        key.push(name);
    }
    key
}

/// An error if `name` is no declared column; silent when no column could be read at all.
fn check_column(name: &str, key: &str, known: &[String]) -> Option<Error> {
    if known.is_empty() || known.iter().any(|k| k == name) {
        return None;
    }
    let message = format!("`{key}` names `{name}`, which is not among the columns");
    let hint = match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("columns: {}", known.join(", ")),
    };
    Some(Error::config("config/unknown-column", message).hint(hint))
}

/// The watermark: a declared, required column of a time type.
fn watermark(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    columns: &[ColumnSpec],
    known: &[String],
) -> Option<String> {
    let text = reader.text(section, "watermark")?;
    let name = text.as_str().to_string();
    if let Some(error) = check_column(&name, "watermark", known) {
        reader.errors.push(text.found.blame(error));
    } else if let Some(column) = columns.iter().find(|column| column.name == name) {
        reader.errors.extend(unfit(&text, column));
    }
    Some(name)
}

fn unfit(text: &Text<'_>, column: &ColumnSpec) -> Option<Error> {
    let name = &column.name;
    if !column.ty.is_time() {
        let message = format!("the watermark `{name}` is {}, not a timestamp", column.ty);
        return Some(text.error("config/watermark", message).hint(
            "a watermark is a timestamp or timestamptz that every change of a row sets anew",
        ));
    }
    if !column.not_null {
        // A row without watermark is in no window: it would never be read.
        let message = format!("the watermark `{name}` may be null");
        return Some(
            text.error("config/watermark", message)
                .hint(format!("declare it as `{name} {} not null`", column.ty)),
        );
    }
    None
}

fn extract(reader: &mut Reader<'_>, section: &Section<'_>, watermark: Option<String>) -> Extract {
    let word = if section.settings.contains_key("extract") {
        reader.text(section, "extract")
    } else {
        reader.default(section, "extract", "full");
        None
    };
    let incremental = match &word {
        None => false,
        Some(text) if text.as_str() == "full" => false,
        Some(text) if text.as_str() == "incremental" => true,
        Some(text) => {
            let message = format!("`extract` cannot be `{}`", text.as_str());
            let hint = match nearest(text.as_str(), ["full", "incremental"]) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write \"full\" or \"incremental\"".to_string(),
            };
            reader.errors.push(text.error("config/extract", message).hint(hint));
            return Extract::Full;
        }
    };
    if !incremental {
        if let Some(found) = section.settings.get("lookback") {
            let message = "`lookback` is for incremental extracts";
            let hint = "remove it, or write extract = \"incremental\" and a watermark";
            reader.errors.push(found.error("config/extract", message).hint(hint));
        }
        return Extract::Full;
    }
    let lookback_seconds = reader.measure(
        section,
        "lookback",
        text::parse_duration,
        0..=MAX_LOOKBACK,
        "0s",
        "a time of 0s to 31d",
    );
    if !section.settings.contains_key("watermark") {
        let hint = "name the timestamp that every change sets: watermark = \"updated_datetime\"";
        reader.missing(section, "`watermark`, since it is incremental", hint);
    }
    Extract::Incremental {
        watermark: watermark.unwrap_or_default(),
        lookback_seconds: u32::try_from(lookback_seconds).unwrap_or(u32::MAX),
    }
}

fn target(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    key: &'static str,
    default: &str,
) -> Option<TableName> {
    if !section.settings.contains_key(key) {
        reader.default(section, key, default);
        return TableName::parse(default);
    }
    let text = reader.text(section, key)?;
    let name = TableName::parse(text.as_str())
        .filter(|name| text::is_name(&name.schema) && text::is_name(&name.table));
    match &name {
        None => {
            let message = format!("`{key}` must be schema.table, not `{}`", text.as_str());
            let hint = format!("write {key} = \"{default}\"");
            reader.errors.push(text.error("config/name", message).hint(hint));
        }
        Some(name) if RESERVED.contains(&name.schema.as_str()) => {
            let message =
                format!("`{key}` is in the schema `{}`, which is not for it", name.schema);
            let hint = format!("write {key} = \"{default}\"");
            reader.errors.push(text.error("config/name", message).hint(hint));
        }
        Some(_) => {}
    }
    name
}

/// Refuses two tables that would be written to one place.
pub(super) fn check_targets(targets: &[Target], errors: &mut Vec<Error>) {
    let mut owners: BTreeMap<&TableName, &Target> = BTreeMap::new();
    for target in targets {
        let Some(owner) = owners.insert(&target.name, target) else { continue };
        // Two declarations of one table are told as such.
        if owner.table == target.table && owner.layer == target.layer {
            continue;
        }
        let message = format!(
            "{} table {} is also the {} table of {}",
            target.layer, target.name, owner.layer, owner.table
        );
        errors.push(
            Error::config("config/duplicate-target", message)
                .at(target.place.clone())
                .about(target.table.clone())
                .hint(format!("the other is declared at {}", owner.place)),
        );
    }
}

/// A table that is written to, and the spec that says so.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub name: TableName,
    /// `landing` or `store`.
    pub layer: &'static str,
    /// `source.table` of the spec, in lower case.
    pub table: String,
    pub place: Place,
}
