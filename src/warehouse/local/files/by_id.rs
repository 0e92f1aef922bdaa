//! Matches the columns of a data file to those of its table by field id, never by name alone.
//!
//! A column may have been renamed since the file was written, or dropped and another of the same
//! name added; DuckLake's column ids, written as Parquet field ids, tell. Files without ids
//! (landing) are matched by name. What a file lacks reads as NULL.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr_adapter::{
    DefaultPhysicalExprAdapterFactory, PhysicalExprAdapter, PhysicalExprAdapterFactory,
};
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;

/// Makes adapters that match by field id.
#[derive(Debug)]
pub struct ByFieldId;

impl PhysicalExprAdapterFactory for ByFieldId {
    fn create(
        &self,
        logical_file_schema: SchemaRef,
        physical_file_schema: SchemaRef,
    ) -> Result<Arc<dyn PhysicalExprAdapter>> {
        let renamed = as_the_table_names_them(&logical_file_schema, &physical_file_schema);
        let same = renamed
            .fields()
            .iter()
            .zip(physical_file_schema.fields())
            .all(|(a, b)| a.name() == b.name());
        let inner = DefaultPhysicalExprAdapterFactory.create(logical_file_schema, renamed)?;
        if same {
            return Ok(inner);
        }
        Ok(Arc::new(Renaming { inner, physical_file_schema }))
    }
}

/// Adapts by the table's names, then puts the file's own names back.
#[derive(Debug)]
struct Renaming {
    inner: Arc<dyn PhysicalExprAdapter>,
    physical_file_schema: SchemaRef,
}

impl PhysicalExprAdapter for Renaming {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        self.inner
            .rewrite(expr)?
            .transform(|expr| {
                let column = expr.downcast_ref::<Column>().and_then(|column| {
                    let field = self.physical_file_schema.fields().get(column.index())?;
                    Some(Column::new(field.name(), column.index()))
                });
                Ok(match column {
                    Some(column) => Transformed::yes(Arc::new(column) as Arc<dyn PhysicalExpr>),
                    None => Transformed::no(expr),
                })
            })
            .data()
    }
}

fn field_id(field: &Field) -> Option<&str> {
    field.metadata().get(PARQUET_FIELD_ID_META_KEY).map(String::as_str)
}

/// The file's schema under the table's names. A column the table no longer has gets a name no
/// table can have, so that nothing finds it.
fn as_the_table_names_them(logical: &Schema, physical: &Schema) -> SchemaRef {
    let names: HashMap<&str, &str> = logical
        .fields()
        .iter()
        .filter_map(|f| Some((field_id(f)?, f.name().as_str())))
        .collect();
    let fields: Vec<Field> = physical
        .fields()
        .iter()
        .map(|field| match field_id(field) {
            None => field.as_ref().clone(),
            Some(id) => match names.get(id) {
                Some(name) => field.as_ref().clone().with_name(*name),
                None => field.as_ref().clone().with_name(format!("\u{0}{id}")),
            },
        })
        .collect();
    Arc::new(Schema::new(fields))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::DataType;

    fn schema(columns: &[(&str, &str)]) -> Schema {
        let field = |(name, id): &(&str, &str)| {
            Field::new(*name, DataType::Int32, true).with_metadata(
                [(PARQUET_FIELD_ID_META_KEY.to_string(), (*id).to_string())].into(),
            )
        };
        Schema::new(columns.iter().map(field).collect::<Vec<_>>())
    }

    #[test]
    fn renamed_columns_are_found_and_dropped_ones_are_not() {
        let file = schema(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let table = schema(&[("b", "4"), ("new_a", "1"), ("c", "3")]);
        let renamed = as_the_table_names_them(&table, &file);
        let names: Vec<&str> = renamed.fields().iter().map(|f| f.name().as_str()).collect();
        assert_eq!(names, ["new_a", "\u{0}2", "c"]);
    }
}
