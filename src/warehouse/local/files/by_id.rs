//! Finds the columns of a table in a file by their ids, whatever they were called when the file was
//! written, and gives columns younger than the file their first value. It reads no file.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr_adapter::{
    DefaultPhysicalExprAdapterFactory, PhysicalExprAdapter, PhysicalExprAdapterFactory,
    replace_columns_with_literals,
};
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;

use super::engine_type;
use crate::warehouse::local::catalog::ColumnDef;
use crate::warehouse::local::catalog::stats::scalar;

/// Adapts what a scan computes to each of its files. Columns without an id go by their names.
#[derive(Debug, Default)]
pub struct ById {
    /// What rows hold that are older than the column, where that is not NULL.
    initial: HashMap<String, ScalarValue>,
}

impl ById {
    pub fn new(columns: &[ColumnDef]) -> ById {
        let initial = columns
            .iter()
            .filter_map(|c| {
                let text = c.initial_default.as_deref()?;
                Some((c.name.clone(), first_value(text, &engine_type(c.ty))?))
            })
            .collect();
        ById { initial }
    }

    /// What rows older than the column hold, where that is not NULL.
    pub fn first_value(&self, column: &str) -> Option<&ScalarValue> {
        self.initial.get(column)
    }
}

impl PhysicalExprAdapterFactory for ById {
    fn create(&self, table: SchemaRef, file: SchemaRef) -> Result<Arc<dyn PhysicalExprAdapter>> {
        let renamed = as_the_table_says(&table, &file);
        let seen = renamed.as_ref().unwrap_or(&file);
        let younger = self
            .initial
            .iter()
            .filter(|(name, _)| seen.index_of(name).is_err())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let inner = DefaultPhysicalExprAdapterFactory.create(table, Arc::clone(seen))?;
        Ok(Arc::new(Adapter { inner, younger, file: renamed.is_some().then_some(file) }))
    }
}

/// The text the catalog keeps, as a value; floats have no bound and are read here alone.
fn first_value(text: &str, ty: &DataType) -> Option<ScalarValue> {
    match ty {
        DataType::Float32 => Some(ScalarValue::Float32(Some(text.parse().ok()?))),
        DataType::Float64 => Some(ScalarValue::Float64(Some(text.parse().ok()?))),
        ty => scalar(text, ty),
    }
}

#[derive(Debug)]
struct Adapter {
    inner: Arc<dyn PhysicalExprAdapter>,
    younger: HashMap<String, ScalarValue>,
    /// The file's own schema, where its names differ.
    file: Option<SchemaRef>,
}

impl PhysicalExprAdapter for Adapter {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        let expr = match self.younger.is_empty() {
            true => expr,
            false => replace_columns_with_literals(expr, &self.younger)?,
        };
        let expr = self.inner.rewrite(expr)?;
        let Some(file) = &self.file else { return Ok(expr) };
        // Bounds of the file are looked up by its own names.
        expr.transform(|e| {
            let named = e.downcast_ref::<Column>().and_then(|column| {
                let field = file.fields().get(column.index())?;
                Some(Arc::new(Column::new(field.name(), column.index())) as Arc<dyn PhysicalExpr>)
            });
            Ok(named.map_or_else(|| Transformed::no(Arc::clone(&e)), Transformed::yes))
        })
        .data()
    }
}

fn id(field: &Field) -> Option<&String> {
    field.metadata().get(PARQUET_FIELD_ID_META_KEY)
}

/// The file's schema with the names its columns have in the table now; `None` when all are alike.
fn as_the_table_says(table: &Schema, file: &Schema) -> Option<SchemaRef> {
    let by_id: HashMap<&String, &String> =
        table.fields().iter().filter_map(|f| Some((id(f)?, f.name()))).collect();
    let mut differs = false;
    let fields: Vec<Field> = file
        .fields()
        .iter()
        .map(|field| {
            let Some(id) = id(field) else { return Field::clone(field) };
            match by_id.get(id) {
                Some(name) if *name == field.name() => Field::clone(field),
                Some(name) => {
                    differs = true;
                    Field::clone(field).with_name(name.as_str())
                }
                // A column that is gone must not stand in for a new one of the same name.
                None if table
                    .field_with_name(field.name())
                    .is_ok_and(|f| self::id(f).is_some()) =>
                {
                    differs = true;
                    Field::clone(field).with_name(format!("\0{id}"))
                }
                None => Field::clone(field),
            }
        })
        .collect();
    differs.then(|| Arc::new(Schema::new(fields)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(fields: &[(&str, &str)]) -> Schema {
        Schema::new(
            fields
                .iter()
                .map(|(name, id)| {
                    Field::new(*name, DataType::Int32, true).with_metadata(
                        [(PARQUET_FIELD_ID_META_KEY.to_string(), id.to_string())].into(),
                    )
                })
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn columns_go_by_their_ids() {
        let file = schema(&[("a", "1"), ("b", "2"), ("c", "3")]);
        assert_eq!(as_the_table_says(&schema(&[("c", "3"), ("a", "1")]), &file), None);
        // b was renamed to a, the old a is gone, and a new c came for the old one.
        let now = schema(&[("a", "2"), ("c", "4")]);
        let seen = as_the_table_says(&now, &file).expect("differs");
        let names: Vec<String> = seen.fields().iter().map(|f| f.name().clone()).collect();
        assert_eq!(names, ["\u{0}1", "a", "\u{0}3"]);
    }
}
