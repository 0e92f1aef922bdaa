//! The order database in PostgreSQL: made in one transaction, rows by COPY.

use sqlx::PgConnection;

use super::{refuse_foreign, staged};
use crate::config::DatabaseSource;
use crate::error::{Error, Result};
use crate::seed::database::{Connection, failed};
use crate::seed::tables::{self, Batch, Dialect};
use crate::seed::values::Value;

/// Bytes sent at a time.
const BUFFER: usize = 256 * 1024;

/// Tables being filled, in a transaction.
pub struct Place {
    connection: Connection,
}

impl Place {
    pub async fn begin(source: &DatabaseSource) -> Result<Place> {
        let mut connection = Connection::open(source).await?;
        refuse_foreign(&mut connection).await?;
        connection.command("begin").await?;
        for table in tables::ALL {
            // Beside the old table, whose readers are kept waiting at the very end only.
            connection.command(&table.create(Dialect::Postgres, &staged(table))).await?;
        }
        Ok(Place { connection })
    }

    pub async fn write(&mut self, batch: &Batch) -> Result<()> {
        match &mut self.connection {
            Connection::Postgres(connection) => {
                insert(connection, &staged(batch.table), batch).await
            }
            _ => Ok(()),
        }
    }

    pub async fn publish(mut self) -> Result<()> {
        for table in tables::ALL {
            let (name, staged) = (table.name, staged(table));
            // Names of indexes are the schema's, so the old ones go first.
            for sql in [
                format!("drop table if exists {name}"),
                format!("alter table {staged} rename to {name}"),
                format!("alter index {staged}_pkey rename to {name}_pkey"),
                table.index(name),
            ] {
                self.connection.command(&sql).await?;
            }
        }
        self.connection.command("commit").await?;
        self.connection.close().await
    }
}

/// Adds rows by COPY, in pieces of bounded size.
pub async fn insert(connection: &mut PgConnection, name: &str, batch: &Batch) -> Result<()> {
    let sql = format!("copy {name} ({}) from stdin", batch.table.column_list());
    let mut copy = connection.copy_in_raw(&sql).await.map_err(|e| failed(&sql, e))?;
    let mut buffer = Vec::with_capacity(BUFFER + 4_096);
    let mut sent = Ok(());
    for row in batch.values.chunks(batch.table.columns.len()) {
        write_row(&mut buffer, row);
        if buffer.len() >= BUFFER {
            sent = copy.send(buffer.as_slice()).await.map(|_| ());
            buffer.clear();
            if sent.is_err() {
                break;
            }
        }
    }
    if sent.is_ok() {
        sent = copy.send(buffer.as_slice()).await.map(|_| ());
    }
    if let Err(cause) = sent {
        // The connection is of no more use; what matters is the first error.
        let _ = copy.abort("not all rows could be sent").await;
        return Err(failed(&sql, cause));
    }
    let rows = copy.finish().await.map_err(|e| failed(&sql, e))?;
    if rows != batch.rows() {
        return Err(Error::failed(
            "seed/write",
            format!("the database took {rows} of {} rows", batch.rows()),
        ));
    }
    Ok(())
}

/// A row in COPY's text format.
fn write_row(out: &mut Vec<u8>, row: &[Value]) {
    for (index, value) in row.iter().enumerate() {
        if index > 0 {
            out.push(b'\t');
        }
        match value {
            Value::Null => out.extend_from_slice(br"\N"),
            Value::Text(text) => {
                for byte in text.bytes() {
                    match byte {
                        b'\\' => out.extend_from_slice(br"\\"),
                        b'\n' => out.extend_from_slice(br"\n"),
                        b'\r' => out.extend_from_slice(br"\r"),
                        b'\t' => out.extend_from_slice(br"\t"),
                        other => out.push(other),
                    }
                }
            }
            other => other.write(out),
        }
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_escaped_as_copy_reads_them() {
        let mut out = Vec::new();
        let text = Value::text("a\tb\\c\nd\re\u{e9}");
        write_row(&mut out, &[text, Value::Null, Value::text(""), Value::price(150)]);
        assert_eq!(out, "a\\tb\\\\c\\nd\\re\u{e9}\t\\N\t\t1.50\n".as_bytes());
    }
}
