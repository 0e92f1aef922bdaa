//! The order database in MySQL or MariaDB: filled under other names, swapped in by one rename.

use std::sync::Arc;

use sqlx::{Executor, MySqlConnection};

use super::{insert_statement, pieces, refuse_foreign, staged};
use crate::config::DatabaseSource;
use crate::error::Result;
use crate::seed::database::{Connection, failed, mysql_arguments, trusted};
use crate::seed::tables::{self, Batch, Dialect, Table};

/// Rows a statement: at 14 columns under MySQL's 65,535 values and its default packet of 16 MB.
const ROWS_A_STATEMENT: usize = 500;
/// Rows a transaction: each commit waits for the disk.
const ROWS_A_COMMIT: u64 = 100_000;

/// Tables being filled.
pub struct Place {
    connection: Connection,
    uncommitted: u64,
}

impl Place {
    pub async fn begin(source: &DatabaseSource) -> Result<Place> {
        let mut connection = Connection::open(source).await?;
        refuse_foreign(&mut connection).await?;
        for table in tables::ALL {
            let name = staged(table);
            connection.command(&format!("drop table if exists {name}, {}", old(table))).await?;
            connection.command(&table.create(Dialect::Mysql, &name)).await?;
        }
        connection.command("start transaction").await?;
        Ok(Place { connection, uncommitted: 0 })
    }

    pub async fn write(&mut self, batch: &Batch) -> Result<()> {
        if let Connection::Mysql(connection) = &mut self.connection {
            insert(connection, &staged(batch.table), batch).await?;
        }
        self.uncommitted += batch.rows();
        if self.uncommitted >= ROWS_A_COMMIT {
            self.connection.command("commit").await?;
            self.connection.command("start transaction").await?;
            self.uncommitted = 0;
        }
        Ok(())
    }

    pub async fn publish(mut self) -> Result<()> {
        let connection = &mut self.connection;
        connection.command("commit").await?;
        let mut renames = Vec::new();
        let mut drops = Vec::new();
        for table in tables::ALL {
            connection.command(&table.index(&staged(table))).await?;
            if !super::columns_of(connection, table.name).await?.is_empty() {
                renames.push(format!("{} to {}", table.name, old(table)));
                drops.push(old(table));
            }
            renames.push(format!("{} to {}", staged(table), table.name));
        }
        connection.command(&format!("rename table {}", renames.join(", "))).await?;
        if !drops.is_empty() {
            connection.command(&format!("drop table {}", drops.join(", "))).await?;
        }
        self.connection.close().await
    }
}

/// Adds rows by statements of many rows each.
pub async fn insert(connection: &mut MySqlConnection, name: &str, batch: &Batch) -> Result<()> {
    let many: Arc<str> = insert_statement(batch.table, name, ROWS_A_STATEMENT).into();
    for piece in pieces(batch, ROWS_A_STATEMENT) {
        let rows = piece.len() / batch.table.columns.len();
        let sql = match rows {
            ROWS_A_STATEMENT => Arc::clone(&many),
            fewer => insert_statement(batch.table, name, fewer).into(),
        };
        let query = sqlx::query_with(trusted(sql), mysql_arguments(piece))
            .persistent(rows == ROWS_A_STATEMENT);
        connection.execute(query).await.map_err(|e| failed("insert into", e))?;
    }
    Ok(())
}

/// The name the replaced table has for a moment.
fn old(table: &Table) -> String {
    format!("landfall_old_{}", table.name)
}
