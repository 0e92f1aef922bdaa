//! The verbs of a commit that change the shape: schemas, tables, columns, views.

use uuid::Uuid;

use crate::error::{Error, Result};
use crate::state::{insert, query};
use crate::tables::TableName;

use super::commit::Writer;
use super::text::{identity_tag, qualified, quoted};
use super::{ColumnDef, ViewDef, tag, text};

impl Writer<'_> {
    pub(super) async fn create_schema(&mut self, name: &str) -> Result<()> {
        // Two tasks may both have found it missing; the second has nothing left to do.
        if self.schema_id(name).await.is_ok() {
            return Ok(());
        }
        let id = self.catalog_id;
        self.catalog_id += 1;
        query("insert into ducklake_schema values ($1, $2, $3, NULL, $4, $5, true)")
            .bind(id)
            .bind(Uuid::now_v7())
            .bind(self.snapshot)
            .bind(name)
            .bind(format!("{name}/"))
            .execute(&mut *self.conn)
            .await?;
        self.note(format!("created_schema:{}", quoted(name)), true);
        Ok(())
    }

    async fn refuse_taken(&mut self, schema: i64, name: &TableName) -> Result<()> {
        let taken: Option<(i64,)> = query(
            "select table_id from ducklake_table
             where schema_id = $1 and table_name = $2 and end_snapshot is null",
        )
        .bind(schema)
        .bind(&name.table)
        .fetch_optional(&mut *self.conn)
        .await?;
        match taken {
            None => Ok(()),
            Some(_) => Err(Error::failed(
                "catalog/conflict",
                format!("someone else made a table {name} while the task ran"),
            )
            .hint("run again: nothing of this task was kept")),
        }
    }

    async fn schema_id(&mut self, schema: &str) -> Result<i64> {
        let found: Option<(i64,)> = query(
            "select schema_id from ducklake_schema where schema_name = $1 and end_snapshot is null",
        )
        .bind(schema)
        .fetch_optional(&mut *self.conn)
        .await?;
        found.map(|(id,)| id).ok_or_else(|| {
            Error::failed("sql/unknown-schema", format!("schema \"{schema}\" does not exist"))
                .hint(format!("put `create schema if not exists {schema};` before it"))
        })
    }

    pub(super) async fn create_table(
        &mut self,
        name: &TableName,
        folder: &str,
        columns: &[ColumnDef],
        attributes: Option<&str>,
    ) -> Result<()> {
        let schema = self.schema_id(&name.schema).await?;
        self.refuse_taken(schema, name).await?;
        let id = self.catalog_id;
        self.catalog_id += 1;
        query("insert into ducklake_table values ($1, $2, $3, NULL, $4, $5, $6, true)")
            .bind(id)
            .bind(Uuid::now_v7())
            .bind(self.snapshot)
            .bind(schema)
            .bind(&name.table)
            .bind(folder)
            .execute(&mut *self.conn)
            .await?;
        self.insert_columns(id, columns, 1).await?;
        if let Some(attributes) = attributes {
            self.tag(id, attributes).await?;
        }
        self.reshaped.insert(id);
        self.tables.insert(name.clone(), id);
        self.note(format!("created_table:{}", qualified(name)), true);
        Ok(())
    }

    /// Keeps what Redshift's DDL says of a table or view beyond the catalog's own columns.
    async fn tag(&mut self, id: i64, attributes: &str) -> Result<()> {
        query("insert into ducklake_tag values ($1, $2, NULL, $3, $4)")
            .bind(id)
            .bind(self.snapshot)
            .bind(tag::ATTRIBUTES)
            .bind(attributes)
            .execute(&mut *self.conn)
            .await?;
        Ok(())
    }

    /// Puts other words in the place of those that [`Writer::tag`] keeps.
    pub(super) async fn retag(&mut self, id: i64, attributes: Option<&str>) -> Result<()> {
        query("delete from ducklake_tag where object_id = $1 and key = $2 and begin_snapshot = $3")
            .bind(id)
            .bind(tag::ATTRIBUTES)
            .bind(self.snapshot)
            .execute(&mut *self.conn)
            .await?;
        query(
            "update ducklake_tag set end_snapshot = $1
             where object_id = $2 and key = $3 and end_snapshot is null",
        )
        .bind(self.snapshot)
        .bind(id)
        .bind(tag::ATTRIBUTES)
        .execute(&mut *self.conn)
        .await?;
        if let Some(attributes) = attributes {
            self.tag(id, attributes).await?;
        }
        self.altered(id);
        Ok(())
    }

    /// Adds a column behind all that the table ever had.
    pub(super) async fn add_column(&mut self, table: i64, column: &ColumnDef) -> Result<()> {
        let (order,): (i64,) = query(
            "select coalesce(max(column_order), 0) + 1 from ducklake_column where table_id = $1",
        )
        .bind(table)
        .fetch_one(&mut *self.conn)
        .await?;
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
        let rows = columns.iter().zip(order..).map(|(column, order)| {
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
            [
                column.id.into(),
                self.snapshot.into(),
                table.into(),
                order.into(),
                (&column.name).into(),
                column.ty.ducklake().into(),
                (&column.initial_default).into(),
                literal.unwrap_or_else(|| "NULL".to_string()).into(),
                (!column.not_null).into(),
                "literal".into(),
                "duckdb".into(),
            ]
        });
        let into = "insert into ducklake_column (column_id, begin_snapshot, table_id, \
                    column_order, column_name, column_type, initial_default, default_value, \
                    nulls_allowed, default_value_type, default_value_dialect)";
        if !columns.is_empty() {
            insert(into, rows).execute(&mut *self.conn).await?;
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
        let rows = tags.into_iter().map(|(column, key, value)| {
            [table.into(), column.into(), self.snapshot.into(), key.into(), value.into()]
        });
        let into =
            "insert into landfall_column_tag (table_id, column_id, begin_snapshot, key, value)";
        insert(into, rows).execute(&mut *self.conn).await
    }

    pub(super) async fn end_column(&mut self, table: i64, column: i64) -> Result<()> {
        for sql in [
            "update ducklake_column set end_snapshot = $1 where table_id = $2 and column_id = $3 and end_snapshot is null",
            "update landfall_column_tag set end_snapshot = $1 where table_id = $2 and column_id = $3 and end_snapshot is null",
        ] {
            query(sql)
                .bind(self.snapshot)
                .bind(table)
                .bind(column)
                .execute(&mut *self.conn)
                .await?;
        }
        Ok(())
    }

    pub(super) async fn rename_column(
        &mut self,
        table: i64,
        column: i64,
        name: &str,
    ) -> Result<()> {
        for sql in [
            // of this snapshot: there is nothing to keep
            "update ducklake_column set column_name = $4
             where table_id = $2 and column_id = $3 and end_snapshot is null and begin_snapshot = $1",
            "insert into ducklake_column
             select column_id, $1, NULL, table_id, column_order, $4, column_type, initial_default,
                    default_value, nulls_allowed, parent_column, default_value_type,
                    default_value_dialect
             from ducklake_column
             where table_id = $2 and column_id = $3 and end_snapshot is null and begin_snapshot < $1",
        ] {
            query(sql)
                .bind(self.snapshot)
                .bind(table)
                .bind(column)
                .bind(name)
                .execute(&mut *self.conn)
                .await?;
        }
        query(
            "update ducklake_column set end_snapshot = $1 where table_id = $2 and column_id = $3
               and end_snapshot is null and begin_snapshot < $1",
        )
        .bind(self.snapshot)
        .bind(table)
        .bind(column)
        .execute(&mut *self.conn)
        .await?;
        self.altered(table);
        Ok(())
    }

    pub(super) async fn retype(&mut self, table: i64, column: &ColumnDef) -> Result<()> {
        self.end_tag(table, column.id, tag::TYPE).await?;
        self.end_tag(table, column.id, tag::ENCODE).await?;
        let mut tags = vec![(column.id, tag::TYPE, column.ty.to_string())];
        tags.extend(column.encode.clone().map(|encode| (column.id, tag::ENCODE, encode)));
        self.column_tags(table, tags).await?;
        self.shape_changed = true;
        Ok(())
    }

    pub(super) async fn external(
        &mut self,
        name: &TableName,
        definition: Option<&str>,
    ) -> Result<()> {
        query(
            "update landfall_external set end_snapshot = $1
             where schema_name = $2 and table_name = $3 and end_snapshot is null",
        )
        .bind(self.snapshot)
        .bind(&name.schema)
        .bind(&name.table)
        .execute(&mut *self.conn)
        .await?;
        self.shape_changed = true;
        let Some(definition) = definition else { return Ok(()) };
        query("insert into landfall_external values ($1, $2, $3, NULL, $4)")
            .bind(&name.schema)
            .bind(&name.table)
            .bind(self.snapshot)
            .bind(definition)
            .execute(&mut *self.conn)
            .await?;
        Ok(())
    }

    async fn end_tag(&mut self, table: i64, column: i64, key: &str) -> Result<()> {
        query(
            "update landfall_column_tag set end_snapshot = $1
             where table_id = $2 and column_id = $3 and key = $4 and end_snapshot is null",
        )
        .bind(self.snapshot)
        .bind(table)
        .bind(column)
        .bind(key)
        .execute(&mut *self.conn)
        .await?;
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
            "update ducklake_table set end_snapshot = $1 where table_id = $2 and end_snapshot is null",
            "update ducklake_column set end_snapshot = $1 where table_id = $2 and end_snapshot is null",
            "update landfall_column_tag set end_snapshot = $1 where table_id = $2 and end_snapshot is null",
            "update ducklake_tag set end_snapshot = $1 where object_id = $2 and end_snapshot is null",
            "update ducklake_data_file set end_snapshot = $1 where table_id = $2 and end_snapshot is null",
            "update ducklake_delete_file set end_snapshot = $1 where table_id = $2 and end_snapshot is null",
        ] {
            self.end(sql, id).await?;
        }
        self.note(format!("dropped_table:{id}"), true);
        Ok(())
    }

    pub(super) async fn rename_table(&mut self, id: i64, name: &TableName) -> Result<()> {
        let schema = self.schema_id(&name.schema).await?;
        self.refuse_taken(schema, name).await?;
        for sql in [
            // of this snapshot: there is nothing to keep
            "update ducklake_table set table_name = $3
             where table_id = $2 and end_snapshot is null and begin_snapshot = $1",
            "insert into ducklake_table
             select table_id, table_uuid, $1, NULL, schema_id, $3, path, path_is_relative
             from ducklake_table
             where table_id = $2 and end_snapshot is null and begin_snapshot < $1",
        ] {
            query(sql)
                .bind(self.snapshot)
                .bind(id)
                .bind(&name.table)
                .execute(&mut *self.conn)
                .await?;
        }
        self.end(
            "update ducklake_table set end_snapshot = $1
             where table_id = $2 and end_snapshot is null and begin_snapshot < $1",
            id,
        )
        .await?;
        self.altered(id);
        Ok(())
    }

    pub(super) async fn create_view(&mut self, view: &ViewDef) -> Result<()> {
        let ViewDef { name, sql, columns, .. } = view;
        let schema = self.schema_id(&name.schema).await?;
        query("insert into ducklake_view values ($1, $2, $3, NULL, $4, $5, 'redshift', $6, $7)")
            .bind(self.catalog_id)
            .bind(Uuid::now_v7())
            .bind(self.snapshot)
            .bind(schema)
            .bind(&name.table)
            .bind(sql)
            .bind(text::aliases(columns))
            .execute(&mut *self.conn)
            .await?;
        if let Some(attributes) = view.attributes() {
            self.tag(self.catalog_id, &attributes).await?;
        }
        self.catalog_id += 1;
        self.note(format!("created_view:{}", qualified(name)), true);
        Ok(())
    }
}
