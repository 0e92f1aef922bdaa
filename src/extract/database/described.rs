//! What a source says about its tables: the words between drivers, check, query and discover. Pure.

/// Which database a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    Sqlite,
    MySql,
    Postgres,
}

/// A table or view as it stands in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceTable {
    /// Schema or database it lies in; `None` for the one the connection is in.
    pub schema: Option<String>,
    pub name: String,
    pub view: bool,
    /// In the order of the table.
    pub columns: Vec<SourceColumn>,
    /// Columns of the primary key, in its order; empty without one.
    pub primary_key: Vec<String>,
    /// The source's own guess of its rows.
    pub rows: Option<u64>,
}

/// A column as it stands in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceColumn {
    pub name: String,
    /// The type in the source's own words: `bigint(20) unsigned`.
    pub type_text: String,
    pub nullable: bool,
    /// True when the source calls texts equal that differ in case or trailing blanks.
    pub folds_case: bool,
}

impl SourceTable {
    /// The column of that name; SQLite and MySQL do not mind case.
    pub fn column(&self, driver: Driver, name: &str) -> Option<&SourceColumn> {
        self.columns.iter().find(|c| match driver {
            Driver::Postgres => c.name == name,
            Driver::Sqlite | Driver::MySql => c.name.eq_ignore_ascii_case(name),
        })
    }

    /// `schema.table`, or the table alone.
    pub fn full_name(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{schema}.{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// How `from` may be meant: as one name first, then as `schema.table`.
pub fn readings(from: &str) -> Vec<(Option<&str>, &str)> {
    let mut readings = vec![(None, from)];
    if let Some((schema, table)) = from.split_once('.')
        && !schema.is_empty()
        && !table.is_empty()
    {
        readings.push((Some(schema), table));
    }
    readings
}
