//! The verbs of a commit that change the shape: schemas, tables, columns, views.

use sqlx::{QueryBuilder, Sqlite};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::state::db_error;
use crate::tables::TableName;

use super::commit::Writer;
use super::text::{identity_tag, qualified, quoted};
use super::{ColumnDef, tag, text};

impl Writer<'_> {
    pub(super) async fn create_schema(&mut self, name: &str) -> Result<()> {
        // Two tasks may both have found it missing; the second has nothing left to do.
        if self.schema_id(name).await.is_ok() {
            return Ok(());
        }
        let id = self.catalog_id;
        self.catalog_id += 1;
        sqlx::query("insert into ducklake_schema values (?, ?, ?, NULL, ?, ?, 1)")
            .bind(id)
            .bind(Uuid::now_v7().to_string())
            .bind(self.snapshot)
            .bind(name)
            .bind(format!("{name}/"))
            .execute(&mut *self.conn)
            .await
            .map_err(db_error)?;
        self.note(format!("created_schema:{}", quoted(name)), true);
        Ok(())
    }

    async fn refuse_taken(&mut self, schema: i64, name: &TableName) -> Result<()> {
        let taken: Option<(i64,)> = sqlx::query_as(
            "select table_id from ducklake_table
             where schema_id = ? and table_name = ? and end_snapshot is null",
        )
        .bind(schema)
        .bind(&name.table)
        .fetch_optional(&mut *self.conn)
        .await
        .map_err(db_error)?;
        match taken {
            None => Ok(()),
            Some(_) => Err(Error::failed(
                "catalog/conflict",
                format!("someone else created {name} while the task ran"),
            )
            .hint("run again: nothing of this task was kept")),
        }
    }

    async fn schema_id(&mut self, schema: &str) -> Result<i64> {
        let found: Option<(i64,)> = sqlx::query_as(
            "select schema_id from ducklake_schema where schema_name = ? and end_snapshot is null",
        )
        .bind(schema)
        .fetch_optional(&mut *self.conn)
        .await
        .map_err(db_error)?;
        found.map(|(id,)| id).ok_or_else(|| {
            Error::failed("sql/unknown-schema", format!("schema \"{schema}\" does not exist"))
                .hint(format!("put `create schema if not exists {schema};` before it"))
        })
    }

    pub(super) async fn create_table(
        &mut self,
        name: &TableName,
        columns: &[ColumnDef],
        attributes: Option<&str>,
    ) -> Result<()> {
        let schema = self.schema_id(&name.schema).await?;
        self.refuse_taken(schema, name).await?;
        let id = self.catalog_id;
        self.catalog_id += 1;
        sqlx::query("insert into ducklake_table values (?, ?, ?, NULL, ?, ?, ?, 1)")
            .bind(id)
            .bind(Uuid::now_v7().to_string())
            .bind(self.snapshot)
            .bind(schema)
            .bind(&name.table)
            .bind(format!("{}/", name.table))
            .execute(&mut *self.conn)
            .await
            .map_err(db_error)?;
        self.insert_columns(id, columns, 1).await?;
        if let Some(attributes) = attributes {
            sqlx::query("insert into ducklake_tag values (?, ?, NULL, ?, ?)")
                .bind(id)
                .bind(self.snapshot)
                .bind(tag::ATTRIBUTES)
                .bind(attributes)
                .execute(&mut *self.conn)
                .await
                .map_err(db_error)?;
        }
        self.reshaped.insert(id);
        self.tables.insert(name.clone(), id);
        self.note(format!("created_table:{}", qualified(name)), true);
        Ok(())
    }

    /// Adds a column behind all that the table ever had.
    pub(super) async fn add_column(&mut self, table: i64, column: &ColumnDef) -> Result<()> {
        let (order,): (i64,) = sqlx::query_as(
            "select coalesce(max(column_order), 0) + 1 from ducklake_column where table_id = ?",
        )
        .bind(table)
        .fetch_one(&mut *self.conn)
        .await
        .map_err(db_error)?;
        self.insert_columns(table, std::slice::from_ref(column), order).await?;
        self.altered(table);
        Ok(())
    }

    /// Writes columns, numbered from `order`, by one statement for all: each costs a way to the
    /// database's thread and back.
    async fn insert_columns(
        &mut self,
        table: i64,
        columns: &[ColumnDef],
        order: i64,
    ) -> Result<()> {
        let mut tags = Vec::new();
        let mut insert = QueryBuilder::<Sqlite>::new("insert into ducklake_column ");
        insert.push_values(columns.iter().zip(order..), |mut row, (column, order)| {
            let literal = column.default.as_deref().and_then(text::literal);
            tags.push((column.id, tag::TYPE, column.ty.to_string()));
            if let Some(identity) = &column.identity {
                tags.push((column.id, tag::IDENTITY, identity_tag(identity)));
            }
            if let (Some(default), None) = (&column.default, &literal) {
                tags.push((column.id, tag::DEFAULT, default.clone()));
            }
            if let Some(encode) = &column.encode {
                tags.push((column.id, tag::ENCODE, encode.clone()));
            }
            row.push_bind(column.id).push_bind(self.snapshot).push("NULL").push_bind(table);
            row.push_bind(order).push_bind(column.name.clone()).push_bind(column.ty.ducklake());
            row.push_bind(column.initial_default.clone());
            row.push_bind(literal.unwrap_or_else(|| "NULL".to_string()));
            row.push_bind(!column.not_null).push("NULL, 'literal', 'duckdb'");
        });
        if !columns.is_empty() {
            insert.build().execute(&mut *self.conn).await.map_err(db_error)?;
        }
        self.column_tags(table, tags).await
    }

    async fn column_tags(
        &mut self,
        table: i64,
        tags: Vec<(i64, &'static str, String)>,
    ) -> Result<()> {
        if tags.is_empty() {
            return Ok(());
        }
        let mut insert = QueryBuilder::<Sqlite>::new("insert into landfall_column_tag ");
        insert.push_values(tags, |mut row, (column, key, value)| {
            row.push_bind(table).push_bind(column).push_bind(self.snapshot).push("NULL");
            row.push_bind(key).push_bind(value);
        });
        insert.build().execute(&mut *self.conn).await.map_err(db_error)?;
        Ok(())
    }

    pub(super) async fn end_column(&mut self, table: i64, column: i64) -> Result<()> {
        for sql in [
            "update ducklake_column set end_snapshot = ?1 where table_id = ?2 and column_id = ?3 and end_snapshot is null",
            "update landfall_column_tag set end_snapshot = ?1 where table_id = ?2 and column_id = ?3 and end_snapshot is null",
        ] {
            sqlx::query(sql)
                .bind(self.snapshot)
                .bind(table)
                .bind(column)
                .execute(&mut *self.conn)
                .await
                .map_err(db_error)?;
        }
        Ok(())
    }

    pub(super) async fn rename_column(
        &mut self,
        table: i64,
        column: i64,
        name: &str,
    ) -> Result<()> {
        sqlx::query(
            "insert into ducklake_column
             select column_id, ?1, NULL, table_id, column_order, ?4, column_type, initial_default,
                    default_value, nulls_allowed, parent_column, default_value_type,
                    default_value_dialect
             from ducklake_column where table_id = ?2 and column_id = ?3 and end_snapshot is null",
        )
        .bind(self.snapshot)
        .bind(table)
        .bind(column)
        .bind(name)
        .execute(&mut *self.conn)
        .await
        .map_err(db_error)?;
        sqlx::query(
            "update ducklake_column set end_snapshot = ?1 where table_id = ?2 and column_id = ?3
               and end_snapshot is null and begin_snapshot < ?1",
        )
        .bind(self.snapshot)
        .bind(table)
        .bind(column)
        .execute(&mut *self.conn)
        .await
        .map_err(db_error)?;
        self.altered(table);
        Ok(())
    }

    pub(super) async fn retype(&mut self, table: i64, column: &ColumnDef) -> Result<()> {
        self.end_tag(table, column.id, tag::TYPE).await?;
        self.column_tags(table, vec![(column.id, tag::TYPE, column.ty.to_string())]).await?;
        self.shape_changed = true;
        Ok(())
    }

    pub(super) async fn external(
        &mut self,
        name: &TableName,
        definition: Option<&str>,
    ) -> Result<()> {
        sqlx::query(
            "update landfall_external set end_snapshot = ?1
             where schema_name = ?2 and table_name = ?3 and end_snapshot is null",
        )
        .bind(self.snapshot)
        .bind(&name.schema)
        .bind(&name.table)
        .execute(&mut *self.conn)
        .await
        .map_err(db_error)?;
        self.shape_changed = true;
        let Some(definition) = definition else { return Ok(()) };
        sqlx::query("insert into landfall_external values (?, ?, ?, NULL, ?)")
            .bind(&name.schema)
            .bind(&name.table)
            .bind(self.snapshot)
            .bind(definition)
            .execute(&mut *self.conn)
            .await
            .map_err(db_error)?;
        Ok(())
    }

    async fn end_tag(&mut self, table: i64, column: i64, key: &str) -> Result<()> {
        sqlx::query(
            "update landfall_column_tag set end_snapshot = ?1
             where table_id = ?2 and column_id = ?3 and key = ?4 and end_snapshot is null",
        )
        .bind(self.snapshot)
        .bind(table)
        .bind(column)
        .bind(key)
        .execute(&mut *self.conn)
        .await
        .map_err(db_error)?;
        Ok(())
    }

    pub(super) async fn identity(&mut self, table: i64, column: &ColumnDef) -> Result<()> {
        let Some(identity) = &column.identity else { return Ok(()) };
        self.end_tag(table, column.id, tag::IDENTITY).await?;
        self.column_tags(table, vec![(column.id, tag::IDENTITY, identity_tag(identity))]).await?;
        // The shape carries the next value: readers that cache shapes must read it again.
        self.shape_changed = true;
        Ok(())
    }

    pub(super) async fn drop_table(&mut self, id: i64) -> Result<()> {
        for sql in [
            "update ducklake_table set end_snapshot = ?1 where table_id = ?2 and end_snapshot is null",
            "update ducklake_column set end_snapshot = ?1 where table_id = ?2 and end_snapshot is null",
            "update landfall_column_tag set end_snapshot = ?1 where table_id = ?2 and end_snapshot is null",
            "update ducklake_tag set end_snapshot = ?1 where object_id = ?2 and end_snapshot is null",
            "update ducklake_data_file set end_snapshot = ?1 where table_id = ?2 and end_snapshot is null",
            "update ducklake_delete_file set end_snapshot = ?1 where table_id = ?2 and end_snapshot is null",
        ] {
            self.end(sql, id).await?;
        }
        self.note(format!("dropped_table:{id}"), true);
        Ok(())
    }

    pub(super) async fn rename_table(&mut self, id: i64, name: &TableName) -> Result<()> {
        sqlx::query(
            "insert into ducklake_table
             select table_id, table_uuid, ?1, NULL, schema_id, ?3, path, path_is_relative
             from ducklake_table where table_id = ?2 and end_snapshot is null",
        )
        .bind(self.snapshot)
        .bind(id)
        .bind(&name.table)
        .execute(&mut *self.conn)
        .await
        .map_err(db_error)?;
        self.end(
            "update ducklake_table set end_snapshot = ?1
             where table_id = ?2 and end_snapshot is null and begin_snapshot < ?1",
            id,
        )
        .await?;
        self.altered(id);
        Ok(())
    }

    pub(super) async fn create_view(
        &mut self,
        name: &TableName,
        sql: &str,
        columns: &[String],
    ) -> Result<()> {
        let schema = self.schema_id(&name.schema).await?;
        sqlx::query("insert into ducklake_view values (?, ?, ?, NULL, ?, ?, 'redshift', ?, ?)")
            .bind(self.catalog_id)
            .bind(Uuid::now_v7().to_string())
            .bind(self.snapshot)
            .bind(schema)
            .bind(&name.table)
            .bind(sql)
            .bind(text::aliases(columns))
            .execute(&mut *self.conn)
            .await
            .map_err(db_error)?;
        self.catalog_id += 1;
        self.note(format!("created_view:{}", qualified(name)), true);
        Ok(())
    }
}
