//! Discover: from a table as it stands to a proposed spec. Pure.
//!
//! A proposal holds every value of the source; a person narrows it.

use super::described::{Driver, SourceTable};
use super::kind::{self, Kind};
use crate::types::SqlType;

/// A table as `landfall discover` proposes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoveredTable {
    /// What `from` of the spec should say.
    pub name: String,
    pub view: bool,
    pub columns: Vec<DiscoveredColumn>,
    /// Empty where the source has none.
    pub primary_key: Vec<String>,
    /// The column that most likely holds when a row last changed.
    pub watermark: Option<String>,
    /// The source's own estimate.
    pub rows: Option<u64>,
    pub notes: Vec<String>,
}

/// A column as it is proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoveredColumn {
    pub name: String,
    pub ty: SqlType,
    pub not_null: bool,
    /// The type in the source's own words.
    pub source_type: String,
}

/// Names of columns that hold when a row last changed, likeliest first.
const CHANGED: [&str; 10] = [
    "updated_datetime",
    "updated_at",
    "update_time",
    "updated_on",
    "updated",
    "modified_at",
    "modified_datetime",
    "modified",
    "last_modified",
    "changed_at",
];

/// The proposal for a table that is called `name` in `from`.
pub fn propose(driver: Driver, name: &str, table: &SourceTable) -> DiscoveredTable {
    let mut notes = Vec::new();
    let mut columns = Vec::with_capacity(table.columns.len());
    let mut times = Vec::new();
    for column in &table.columns {
        let understood = kind::understand(driver, &column.type_text);
        // SQLite stores moments as text, so a name that says so outweighs a type that cannot.
        let named_time = driver == Driver::Sqlite && understood.kind == Kind::Text && {
            let lower = column.name.to_ascii_lowercase();
            lower.ends_with("_datetime") || lower.ends_with("_at") || lower.ends_with("_timestamp")
        };
        let ty = if named_time { SqlType::Timestamp } else { understood.proposed };
        if named_time || matches!(understood.kind, Kind::Local | Kind::Instant) {
            times.push(column);
        }
        if let Some(note) = understood.note.filter(|_| !named_time) {
            notes.push(format!("`{}` ({}): {note}", column.name, column.type_text));
        }
        columns.push(DiscoveredColumn {
            name: column.name.clone(),
            ty,
            not_null: !column.nullable,
            source_type: column.type_text.clone(),
        });
    }
    let watermark = CHANGED
        .iter()
        .find_map(|known| times.iter().find(|c| c.name.eq_ignore_ascii_case(known)))
        .filter(|_| !table.view)
        .map(|c| c.name.clone());
    if table.view {
        notes.push("a view: it can only be read whole".into());
    } else if table.primary_key.is_empty() {
        notes.push("no primary key: name the columns that make a row unique".into());
    }
    DiscoveredTable {
        name: name.to_string(),
        view: table.view,
        columns,
        primary_key: table.primary_key.clone(),
        watermark,
        rows: table.rows,
        notes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::database::described::SourceColumn;

    fn table(columns: &[(&str, &str)], key: &[&str], view: bool) -> SourceTable {
        let columns = columns
            .iter()
            .map(|(name, ty)| SourceColumn {
                name: (*name).into(),
                type_text: (*ty).into(),
                nullable: false,
                folds_case: false,
            })
            .collect();
        let primary_key = key.iter().map(|k| (*k).into()).collect();
        SourceTable { schema: None, name: "t".into(), view, columns, primary_key, rows: Some(7) }
    }

    #[test]
    fn the_likeliest_watermark_is_proposed_and_only_for_tables() {
        let columns = [("id", "int(11)"), ("created_at", "datetime"), ("updated_at", "datetime")];
        let found = propose(Driver::MySql, "t", &table(&columns, &["id"], false));
        assert_eq!(found.watermark.as_deref(), Some("updated_at"));
        assert!(found.notes.is_empty(), "{:?}", found.notes);
        let found = propose(Driver::MySql, "t", &table(&columns, &[], true));
        assert_eq!((found.watermark, found.notes.len()), (None, 1));
        // A number of that name is no watermark.
        let found = propose(Driver::MySql, "t", &table(&[("updated_at", "int(11)")], &[], false));
        assert_eq!((found.watermark, found.notes.len()), (None, 1));
    }

    #[test]
    fn sqlite_moments_are_known_by_their_names() {
        let columns = [("id", "INTEGER"), ("updated_datetime", "TEXT"), ("note", "TEXT")];
        let found = propose(Driver::Sqlite, "t", &table(&columns, &["id"], false));
        assert_eq!(found.columns[1].ty, SqlType::Timestamp);
        assert_eq!(found.watermark.as_deref(), Some("updated_datetime"));
        assert_eq!(found.notes.len(), 1, "{:?}", found.notes);
    }
}
