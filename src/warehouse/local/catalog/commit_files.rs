//! The verb of a commit that changes rows: data files, delete files and their statistics.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::state::{insert, query};
use crate::tables::TableName;

use super::ColumnStats;
use super::commit::{NewDataFile, NewDeleteFile, Writer};
use super::stats::{Bounds, merge_bounds};

/// A row of `ducklake_table_column_stats`: column, whether it holds NULLs, least, greatest.
type BoundsRow = (i64, Option<bool>, Option<String>, Option<String>);

impl Writer<'_> {
    pub(super) async fn files(
        &mut self,
        name: &TableName,
        id: Option<i64>,
        added: &[NewDataFile],
        removed: &[i64],
        deletes: &[NewDeleteFile],
    ) -> Result<()> {
        let table = match id.or_else(|| self.tables.get(name).copied()) {
            Some(table) => table,
            None => {
                return Err(Error::failed("catalog/table", format!("no table {name} to write")));
            }
        };
        for file in removed {
            self.end("update ducklake_data_file set end_snapshot = $1 where data_file_id = $2 and end_snapshot is null", *file).await?;
            self.end("update ducklake_delete_file set end_snapshot = $1 where data_file_id = $2 and end_snapshot is null", *file).await?;
        }
        for delete in deletes {
            if let Some(old) = delete.replaces {
                self.end("update ducklake_delete_file set end_snapshot = $1 where delete_file_id = $2 and end_snapshot is null", old).await?;
            }
            self.insert_delete(table, delete.data_file, delete).await?;
        }
        self.add_files(table, added).await?;
        if !added.is_empty() {
            self.note(format!("inserted_into_table:{table}"), false);
        }
        if !removed.is_empty() || !deletes.is_empty() {
            self.note(format!("deleted_from_table:{table}"), false);
        }
        Ok(())
    }

    async fn add_files(&mut self, table: i64, added: &[NewDataFile]) -> Result<()> {
        if added.is_empty() {
            return Ok(());
        }
        let stats: Option<(i64, i64, i64)> = query(
            "select record_count, next_row_id, file_size_bytes from ducklake_table_stats where table_id = $1",
        )
        .bind(table)
        .fetch_optional(&mut *self.conn)
        .await?;
        let (mut rows, mut next_row_id, mut bytes) = stats.unwrap_or((0, 0, 0));
        for file in added {
            let id = self.file_id;
            self.file_id += 1;
            query(
                "insert into ducklake_data_file values
                 ($1, $2, $3, NULL, NULL, $4, true, 'parquet', $5, $6, $7, $8, NULL, NULL, NULL, NULL)",
            )
            .bind(id)
            .bind(table)
            .bind(self.snapshot)
            .bind(&file.path)
            .bind(file.rows as i64)
            .bind(file.bytes as i64)
            .bind(file.footer_bytes as i64)
            .bind(next_row_id)
            .execute(&mut *self.conn)
            .await?;
            self.insert_stats(table, id, &file.stats).await?;
            self.insert_unblanked(table, id, file).await?;
            if let Some(delete) = &file.delete {
                self.insert_delete(table, id, delete).await?;
            }
            rows += file.rows as i64;
            next_row_id += file.rows as i64;
            bytes += file.bytes as i64;
        }
        let sql = match stats {
            Some(_) => {
                "update ducklake_table_stats set record_count = $2, next_row_id = $3, file_size_bytes = $4 where table_id = $1"
            }
            None => "insert into ducklake_table_stats values ($1, $2, $3, $4)",
        };
        query(sql)
            .bind(table)
            .bind(rows)
            .bind(next_row_id)
            .bind(bytes)
            .execute(&mut *self.conn)
            .await?;
        self.widen_bounds(table, added).await
    }

    /// The statistics of a file by one statement for all columns.
    async fn insert_stats(
        &mut self,
        table: i64,
        file: i64,
        stats: &BTreeMap<i64, ColumnStats>,
    ) -> Result<()> {
        if stats.is_empty() {
            return Ok(());
        }
        let rows = stats.iter().map(|(column, stats)| {
            [
                file.into(),
                table.into(),
                (*column).into(),
                stats.bytes.into(),
                stats.values.into(),
                stats.nulls.into(),
                (&stats.min).into(),
                (&stats.max).into(),
            ]
        });
        let into = "insert into ducklake_file_column_stats (data_file_id, table_id, column_id, \
                    column_size_bytes, value_count, null_count, min_value, max_value)";
        insert(into, rows).execute(&mut *self.conn).await
    }

    async fn insert_unblanked(&mut self, table: i64, id: i64, file: &NewDataFile) -> Result<()> {
        let columns: Vec<String> =
            file.stats.iter().filter(|(_, s)| s.unblanked).map(|(c, _)| c.to_string()).collect();
        if columns.is_empty() {
            return Ok(());
        }
        query("insert into landfall_unblanked values ($1, $2, $3)")
            .bind(table)
            .bind(id)
            .bind(columns.join(","))
            .execute(&mut *self.conn)
            .await?;
        Ok(())
    }

    async fn insert_delete(
        &mut self,
        table: i64,
        data_file: i64,
        delete: &NewDeleteFile,
    ) -> Result<()> {
        let id = self.file_id;
        self.file_id += 1;
        query(
            "insert into ducklake_delete_file values
             ($1, $2, $3, NULL, $4, $5, true, 'parquet', $6, $7, $8, NULL, NULL)",
        )
        .bind(id)
        .bind(table)
        .bind(self.snapshot)
        .bind(data_file)
        .bind(&delete.path)
        .bind(delete.rows as i64)
        .bind(delete.bytes as i64)
        .bind(delete.footer_bytes as i64)
        .execute(&mut *self.conn)
        .await?;
        Ok(())
    }

    /// The bounds of a whole table: never narrower than those of any file it ever had.
    async fn widen_bounds(&mut self, table: i64, added: &[NewDataFile]) -> Result<()> {
        let rows: Vec<(i64, String)> = query(
            "select column_id, column_type from ducklake_column
             where table_id = $1 and end_snapshot is null and parent_column is null",
        )
        .bind(table)
        .fetch_all(&mut *self.conn)
        .await?;
        let known: Vec<BoundsRow> = query(
            "select column_id, contains_null, min_value, max_value
             from ducklake_table_column_stats where table_id = $1",
        )
        .bind(table)
        .fetch_all(&mut *self.conn)
        .await?;
        let mut bounds: BTreeMap<i64, Bounds> = known
            .into_iter()
            .map(|(column, nulls, min, max)| {
                (column, Bounds { nulls: nulls == Some(true), min, max })
            })
            .collect();
        let (older_files,): (i64,) = query(
            "select count(*) from ducklake_data_file where table_id = $1 and begin_snapshot < $2",
        )
        .bind(table)
        .bind(self.snapshot)
        .fetch_one(&mut *self.conn)
        .await?;
        let mut fresh = Vec::new();
        for (column, ty) in rows {
            let known = bounds.remove(&column);
            // Files older than a column hold NULL or its first value, and say neither.
            let older = || Bounds { nulls: true, ..Bounds::default() };
            let before = known.clone().or_else(|| (older_files > 0).then(older));
            let files = added.iter().filter_map(|file| file.stats.get(&column));
            let merged = merge_bounds(&ty, before, files);
            match known {
                None => fresh.push((column, merged)),
                Some(known) if known == merged => {}
                Some(_) => self.update_bounds(table, column, &merged).await?,
            }
        }
        if fresh.is_empty() {
            return Ok(());
        }
        let rows = fresh.into_iter().map(|(column, bounds)| {
            [table.into(), column.into(), bounds.nulls.into(), bounds.min.into(), bounds.max.into()]
        });
        let into = "insert into ducklake_table_column_stats \
                    (table_id, column_id, contains_null, min_value, max_value)";
        insert(into, rows).execute(&mut *self.conn).await
    }

    async fn update_bounds(&mut self, table: i64, column: i64, bounds: &Bounds) -> Result<()> {
        query(
            "update ducklake_table_column_stats set contains_null = $3, min_value = $4, max_value = $5
             where table_id = $1 and column_id = $2",
        )
        .bind(table)
        .bind(column)
        .bind(bounds.nulls)
        .bind(&bounds.min)
        .bind(&bounds.max)
        .execute(&mut *self.conn)
        .await?;
        Ok(())
    }
}
