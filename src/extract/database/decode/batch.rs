//! Batches: rows into columns, refused rows beside them. Pure.
//!
//! A row is landed whole or put aside whole. The builders keep their order: a refused row fills its
//! place with NULLs, and those places are filtered out when the batch is done.

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use chrono_tz::Tz;

use super::column::Column;
use super::{Value, json};
use crate::error::{Error, Result};
use crate::rows::{Extracted, Reject};
use crate::tables::TableSpec;

/// Most rows of a batch.
const MOST_ROWS: usize = 8_192;
/// A batch that weighs this many bytes is done.
const MOST_BYTES: usize = 8 << 20;

/// Rows on their way into batches.
pub struct Batches {
    columns: Vec<Column>,
    names: Vec<String>,
    schema: SchemaRef,
    /// The schema with every field nullable, for places to be filtered out.
    loose: SchemaRef,
    rejects: Vec<Reject>,
    /// Rows in the columns, and which of them are refused.
    rows: usize,
    refused: Vec<usize>,
    bytes: usize,
    /// Rows seen since the start.
    total: u64,
}

impl Batches {
    pub fn new(spec: &TableSpec, zone: Tz) -> Batches {
        let schema = spec.landing_schema();
        let loose = schema
            .fields()
            .iter()
            .map(|f| Field::new(f.name(), f.data_type().clone(), true))
            .collect::<Vec<_>>();
        Batches {
            columns: spec
                .columns
                .iter()
                .map(|c| Column::new(c, spec.key.contains(&c.name), zone))
                .collect(),
            names: spec.columns.iter().map(|c| c.in_source().to_string()).collect(),
            schema,
            loose: Arc::new(Schema::new(loose)),
            rejects: Vec::new(),
            rows: 0,
            refused: Vec::new(),
            bytes: 0,
            total: 0,
        }
    }

    /// Rows seen so far, landed and refused.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Takes one row; `value` answers its columns in the order of the spec.
    ///
    /// True when the batch is full and [`Batches::take`] is due.
    pub fn push<'r>(&mut self, value: impl Fn(usize) -> Value<'r>) -> bool {
        self.total += 1;
        let mut fault = None;
        for (index, column) in self.columns.iter_mut().enumerate() {
            if fault.is_some() {
                column.push_filler();
                continue;
            }
            match column.push(value(index)) {
                Ok(weight) => self.bytes += weight,
                Err(why) => {
                    column.push_filler();
                    fault = Some((index, why));
                }
            }
        }
        if let Some((index, why)) = fault {
            let raw =
                json::row(self.names.iter().enumerate().map(|(i, name)| (name.as_str(), value(i))));
            let column = self.columns.get(index).map_or("", Column::name);
            self.bytes += raw.len();
            self.refused.push(self.rows);
            self.rejects.push(Reject {
                position: format!("row {}", self.total),
                offset: self.total,
                reason: why.reason,
                detail: format!("column `{column}`: {}", why.detail),
                raw,
            });
        }
        self.rows += 1;
        self.rows >= MOST_ROWS || self.bytes >= MOST_BYTES
    }

    /// What has come together: rows, then rejects; either may be missing.
    pub fn take(&mut self) -> Result<Vec<Extracted>> {
        let mut out = Vec::with_capacity(2);
        let rows = std::mem::take(&mut self.rows);
        let refused = std::mem::take(&mut self.refused);
        self.bytes = 0;
        if rows > 0 {
            let batch = self.batch(rows, &refused).map_err(|e| {
                Error::failed("extract/batch", "the rows do not form a batch").because(e)
            })?;
            if batch.num_rows() > 0 {
                out.push(Extracted::Rows(batch));
            }
        }
        if !self.rejects.is_empty() {
            out.push(Extracted::Rejects(std::mem::take(&mut self.rejects)));
        }
        Ok(out)
    }

    fn batch(
        &mut self,
        rows: usize,
        refused: &[usize],
    ) -> Result<RecordBatch, arrow::error::ArrowError> {
        let arrays = self.columns.iter_mut().map(Column::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        if refused.is_empty() {
            return RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options);
        }
        let loose = RecordBatch::try_new_with_options(self.loose.clone(), arrays, &options)?;
        let mut keep = vec![true; rows];
        for row in refused {
            if let Some(keep) = keep.get_mut(*row) {
                *keep = false;
            }
        }
        let kept = filter_record_batch(&loose, &BooleanArray::from(keep))?;
        let options = RecordBatchOptions::new().with_row_count(Some(kept.num_rows()));
        RecordBatch::try_new_with_options(self.schema.clone(), kept.columns().to_vec(), &options)
    }

    /// What was coerced, one sentence a column.
    pub fn warnings(&self) -> Vec<String> {
        let mut all = Vec::new();
        for column in &self.columns {
            if column.voids > 0 {
                let (count, what) = (column.voids, column.void);
                all.push(format!(
                    "column `{}`: {count} {} of kind `{what}` landed as NULL",
                    column.name(),
                    if count == 1 { "value" } else { "values" },
                ));
            }
            if column.doubtful > 0 {
                all.push(format!(
                    "column `{}`: {} local times that occur twice or never where clocks are set; \
                     read as the earlier moment",
                    column.name(),
                    column.doubtful,
                ));
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Place;
    use crate::extract::database::decode::reason;
    use crate::tables::{ColumnSpec, Extract, TableName};
    use crate::types::SqlType;

    fn spec() -> TableSpec {
        let column = |name: &str, ty, not_null| ColumnSpec {
            name: name.into(),
            source_name: None,
            ty,
            not_null,
        };
        TableSpec {
            source: "s".into(),
            name: "t".into(),
            from: "t".into(),
            columns: vec![
                column("id", SqlType::Integer, true),
                column("name", SqlType::Varchar(3), false),
            ],
            filter: None,
            extract: Extract::Full,
            landing: TableName::new("landing_s", "t"),
            store: TableName::new("store_s", "t"),
            key: vec!["id".into()],
            version: None,
            place: Place::new("landfall.toml", 1, 1),
        }
    }

    fn push(batches: &mut Batches, id: Value<'static>, name: &'static str) -> bool {
        batches.push(|i| if i == 0 { id } else { Value::Text(name.as_bytes()) })
    }

    #[test]
    fn every_row_is_landed_or_refused() {
        let mut batches = Batches::new(&spec(), Tz::UTC);
        push(&mut batches, Value::Integer(1), "abc");
        push(&mut batches, Value::Null, "x");
        push(&mut batches, Value::Integer(3), "abcd");
        push(&mut batches, Value::Integer(4), "y");
        let taken = batches.take().expect("a batch");
        let [Extracted::Rows(rows), Extracted::Rejects(rejects)] = taken.as_slice() else {
            panic!("{taken:?}");
        };
        assert_eq!(rows.num_rows(), 2);
        assert_eq!(rows.schema(), spec().landing_schema());
        let reasons: Vec<_> = rejects.iter().map(|r| (r.position.as_str(), r.reason)).collect();
        assert_eq!(reasons, [("row 2", reason::NULL_KEY), ("row 3", reason::TOO_LONG)]);
        assert_eq!(rejects[1].raw, br#"{"id":3,"name":"abcd"}"#);
        assert!(rejects[1].detail.contains("`name`"), "{}", rejects[1].detail);
        assert!(batches.take().expect("nothing").is_empty());
    }

    #[test]
    fn a_batch_is_full_by_rows_or_by_weight() {
        let mut batches = Batches::new(&spec(), Tz::UTC);
        let mut count = 0;
        while !push(&mut batches, Value::Integer(7), "abc") {
            count += 1;
        }
        assert_eq!(count + 1, MOST_ROWS);
        let mut wide = spec();
        wide.columns[1].ty = SqlType::Varchar(65_535);
        let text: &'static str = "x".repeat(65_535).leak();
        let mut batches = Batches::new(&wide, Tz::UTC);
        let mut count = 1;
        while !push(&mut batches, Value::Integer(7), text) {
            count += 1;
        }
        assert!((100..200).contains(&count), "{count}");
    }
}
