//! Extraction against real databases: what comes out is what is in there, or has a reason.

mod drift;
mod mysql;
mod postgres;
mod sqlite;
mod windows;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::StreamExt;
use landfall::config::{DatabaseSource, Secret};
use landfall::error::{Error, Place, Result};
use landfall::extract::database::Database;
use landfall::rows::{Extracted, Reject};
use landfall::tables::{ColumnSpec, Extract, TableName, TableSpec};
use landfall::types::SqlType;
use landfall::window::Window;
use url::Url;

/// A source at `url`, whose password goes where passwords belong.
fn source(url: &Url) -> DatabaseSource {
    let mut bare = url.clone();
    let password = url.password().map(Secret::new);
    bare.set_password(None).ok();
    DatabaseSource {
        name: "shop".into(),
        url: bare,
        password,
        timezone: chrono_tz::Tz::UTC,
        lag_seconds: 120,
        tls_off: false,
        tables: vec![],
    }
}

async fn connect(url: &Url) -> Database {
    Database::connect(&source(url)).await.expect("the source")
}

/// A spec of whole-table extraction; columns are `name type`, with `!` after the type of one that
/// is NOT NULL. The first column is the key.
fn spec(from: &str, columns: &[(&str, &str)]) -> TableSpec {
    let columns: Vec<ColumnSpec> = columns
        .iter()
        .map(|(name, ty)| ColumnSpec {
            name: (*name).into(),
            source_name: None,
            ty: SqlType::parse(ty.trim_end_matches('!')).expect(ty),
            not_null: ty.ends_with('!'),
        })
        .collect();
    TableSpec {
        source: "shop".into(),
        name: from.into(),
        from: from.into(),
        key: columns.first().map(|c| c.name.clone()).into_iter().collect(),
        columns,
        filter: None,
        extract: Extract::Full,
        landing: TableName::new("landing_shop", from),
        store: TableName::new("store_shop", from),
        version: None,
        place: Place::new("landfall.toml", 7, 1),
    }
}

/// The same, read by its watermark.
fn incremental(from: &str, columns: &[(&str, &str)], watermark: &str) -> TableSpec {
    let extract = Extract::Incremental { watermark: watermark.into(), lookback_seconds: 0 };
    TableSpec { extract, ..spec(from, columns) }
}

/// Everything one extract yields.
#[derive(Debug, Default)]
struct Yield {
    /// Values as text, NULL as `NULL`, in the order of the source.
    rows: Vec<Vec<String>>,
    rejects: Vec<Reject>,
    warnings: Vec<String>,
}

impl Yield {
    /// Reason and column of each reject.
    fn reasons(&self) -> Vec<(&'static str, String)> {
        let column = |r: &Reject| r.detail.split('`').nth(1).unwrap_or("").to_string();
        self.rejects.iter().map(|r| (r.reason, column(r))).collect()
    }

    fn column(&self, index: usize) -> Vec<&str> {
        self.rows.iter().map(|row| row[index].as_str()).collect()
    }
}

async fn read(database: &Database, spec: &TableSpec, window: &Window) -> Result<Yield> {
    let mut stream = database.extract(spec, window).await?;
    let mut all = Yield::default();
    while let Some(item) = stream.next().await {
        match item? {
            Extracted::Rows(batch) => {
                assert_eq!(batch.schema(), spec.landing_schema());
                assert!(batch.num_rows() <= 8_192, "{} rows", batch.num_rows());
                let options = FormatOptions::new().with_null("NULL");
                let columns: Vec<ArrayFormatter> = batch
                    .columns()
                    .iter()
                    .map(|c| ArrayFormatter::try_new(c.as_ref(), &options).expect("a column"))
                    .collect();
                for row in 0..batch.num_rows() {
                    all.rows.push(columns.iter().map(|c| c.value(row).to_string()).collect());
                }
            }
            Extracted::Rejects(rejects) => all.rejects.extend(rejects),
            Extracted::Group(_) | Extracted::Passed(_) | Extracted::Ended(_) => {
                panic!("a database yields batches")
            }
            Extracted::Warning(warning) => all.warnings.push(warning),
        }
    }
    Ok(all)
}

async fn read_all(database: &Database, spec: &TableSpec) -> Yield {
    read(database, spec, &Window::Full).await.expect("the rows")
}

/// The codes of an error and of those found with it.
fn codes(error: &Error) -> Vec<&'static str> {
    std::iter::once(error).chain(error.others()).map(Error::code).collect()
}
