//! Fills the six tables of an order database out of sight and then shows them all at once.
//! It does not know where the rows come from.

mod mysql;
mod postgres;
mod sqlite;

use super::Made;
use super::database::{Connection, dialect_of};
use super::tables::{self, Batch, Dialect, Table};
use super::values::Value;
use crate::config::DatabaseSource;
use crate::error::{Error, Result};

/// New tables being filled; dropped before [`Filling::publish`], they never appear.
pub struct Filling<'a> {
    source: &'a DatabaseSource,
    progress: &'a (dyn Fn(u64) + Send + Sync),
    place: Place,
    made: Made,
}

enum Place {
    Sqlite(sqlite::Place),
    Mysql(mysql::Place),
    Postgres(postgres::Place),
}

impl<'a> Filling<'a> {
    /// Makes the tables, empty. `progress` is told the rows so far.
    ///
    /// Errors: `seed/foreign` when tables of these names, or in a SQLite file any others, are
    /// not the sample's.
    pub async fn begin(
        source: &'a DatabaseSource,
        progress: &'a (dyn Fn(u64) + Send + Sync),
    ) -> Result<Filling<'a>> {
        let place = match dialect_of(source)? {
            Dialect::Sqlite => sqlite::Place::begin(source).await.map(Place::Sqlite),
            Dialect::Mysql => mysql::Place::begin(source).await.map(Place::Mysql),
            Dialect::Postgres => postgres::Place::begin(source).await.map(Place::Postgres),
        };
        let place = place.map_err(|e| e.about(source.name.clone()))?;
        Ok(Filling { source, progress, place, made: Made::new() })
    }

    pub async fn write(&mut self, batch: &Batch) -> Result<()> {
        let written = match &mut self.place {
            Place::Sqlite(place) => place.write(batch).await,
            Place::Mysql(place) => place.write(batch).await,
            Place::Postgres(place) => place.write(batch).await,
        };
        written.map_err(|e| e.about(format!("{}.{}", self.source.name, batch.table.name)))?;
        self.made.add(batch);
        (self.progress)(self.made.rows());
        Ok(())
    }

    /// Adds the indexes and puts the tables in the place of the old ones, in one step.
    pub async fn publish(self) -> Result<Made> {
        let published = match self.place {
            Place::Sqlite(place) => place.publish().await,
            Place::Mysql(place) => place.publish().await,
            Place::Postgres(place) => place.publish().await,
        };
        published.map_err(|e| e.about(self.source.name.clone()))?;
        Ok(self.made)
    }
}

/// Adds rows to a table that exists, in the connection's transaction.
pub async fn insert(connection: &mut Connection, batch: &Batch) -> Result<()> {
    let name = batch.table.name;
    match connection {
        Connection::Sqlite(c) => sqlite::insert(c, name, batch).await,
        Connection::Mysql(c) => mysql::insert(c, name, batch).await,
        Connection::Postgres(c) => postgres::insert(c, name, batch).await,
    }
}

/// The name a table has while it is filled beside the old one.
fn staged(table: &Table) -> String {
    format!("landfall_seed_{}", table.name)
}

/// `insert into t (a, b) values (?, ?), (?, ?)` for so many rows.
fn insert_statement(table: &Table, name: &str, rows: usize) -> String {
    let row = format!("({})", vec!["?"; table.columns.len()].join(", "));
    let rows = vec![row.as_str(); rows].join(", ");
    format!("insert into {name} ({}) values {rows}", table.column_list())
}

/// Cuts a batch into pieces of at most `rows` rows.
fn pieces(batch: &Batch, rows: usize) -> impl Iterator<Item = &[Value]> {
    batch.values.chunks(rows * batch.table.columns.len())
}

/// Refuses to replace tables that bear the sample's names and are not the sample's.
async fn refuse_foreign(connection: &mut Connection) -> Result<()> {
    for table in tables::ALL {
        let found = columns_of(connection, table.name).await?;
        let mut expected: Vec<&str> = table.columns.iter().map(|c| c.name).collect();
        expected.sort_unstable();
        if !found.is_empty() && found != expected {
            return Err(foreign(format!(
                "there is a table `{}` that is not the sample's: its columns are {}",
                table.name,
                found.join(", ")
            )));
        }
    }
    Ok(())
}

/// The refusal to touch what the sample did not make.
fn foreign(message: String) -> Error {
    Error::config("seed/foreign", message).hint("name another database for the sample")
}

/// The columns of a table, sorted, in lower case; none when there is no such table.
async fn columns_of(connection: &mut Connection, table: &'static str) -> Result<Vec<String>> {
    let sql = match connection.dialect() {
        Dialect::Sqlite => "select name from pragma_table_info(?)",
        Dialect::Mysql => {
            "select cast(column_name as char(64)) from information_schema.columns \
             where table_schema = database() and table_name = ?"
        }
        Dialect::Postgres => {
            "select cast(column_name as text) from information_schema.columns \
             where table_schema = current_schema() and table_name = ?"
        }
    };
    let rows: Vec<(String,)> = connection.fetch(sql, &[Value::text(table)]).await?;
    let mut names: Vec<String> = rows.into_iter().map(|r| r.0.to_ascii_lowercase()).collect();
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inserts_hold_a_place_for_every_value() {
        let sql = insert_statement(&tables::PRODUCT_PRICES, "p", 2);
        assert_eq!(
            sql,
            "insert into p (product_code, selling_company_id, price, created_datetime, \
             updated_datetime, is_deleted) values (?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?)"
        );
    }

    #[test]
    fn pieces_are_whole_rows() {
        let mut batch = Batch::new(&tables::PRODUCT_PRICES);
        batch.push(vec![Value::Null; 6 * 5]);
        assert_eq!(pieces(&batch, 2).map(<[Value]>::len).collect::<Vec<_>>(), [12, 12, 6]);
    }
}
