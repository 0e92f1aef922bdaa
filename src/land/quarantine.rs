//! Rejects: kept with their reason and bytes, counted, and weighed. It decides no rejection.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::part::Part;
use crate::error::{Error, Result};
use crate::rows::Reject;

/// Rejects up to this share of what was read are ordinary: every real log has broken lines.
pub const MAX_REJECTED_PERCENT: u64 = 1;

/// Rejects up to this number never fail a task, whatever their share: a small table with a bad
/// row must not stop a run. More than both means that the spec or the file is wrong, not its rows.
pub const MAX_REJECTED_ROWS: u64 = 1_000;

/// The columns of a quarantine file, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuarantineColumn {
    /// varchar: where the row or line stands, for a person.
    SourcePosition,
    /// bigint: byte offset or row number, for sorting.
    SourceOffset,
    /// varchar: the code, `line/no_quotes`.
    Reason,
    /// varchar: the reason in words.
    Detail,
    /// varchar: the row or line as it came.
    Raw,
    /// boolean: true when `raw` is base64, because the bytes are no UTF-8 or hold a NUL.
    RawIsBase64,
}

impl QuarantineColumn {
    const ALL: [QuarantineColumn; 6] = [
        QuarantineColumn::SourcePosition,
        QuarantineColumn::SourceOffset,
        QuarantineColumn::Reason,
        QuarantineColumn::Detail,
        QuarantineColumn::Raw,
        QuarantineColumn::RawIsBase64,
    ];

    pub fn name(self) -> &'static str {
        match self {
            QuarantineColumn::SourcePosition => "source_position",
            QuarantineColumn::SourceOffset => "source_offset",
            QuarantineColumn::Reason => "reason",
            QuarantineColumn::Detail => "detail",
            QuarantineColumn::Raw => "raw",
            QuarantineColumn::RawIsBase64 => "raw_is_base64",
        }
    }

    fn data_type(self) -> DataType {
        match self {
            QuarantineColumn::SourceOffset => DataType::Int64,
            QuarantineColumn::RawIsBase64 => DataType::Boolean,
            _ => DataType::Utf8,
        }
    }
}

/// The schema of a quarantine file.
pub(super) fn schema() -> SchemaRef {
    let fields: Vec<Field> = QuarantineColumn::ALL
        .into_iter()
        .map(|c| Field::new(c.name(), c.data_type(), false))
        .collect();
    Arc::new(Schema::new(fields))
}

/// The rejects of one partition.
#[derive(Default)]
pub(super) struct Quarantine {
    /// The file they go to; opened with the first one.
    pub(super) part: Option<Part>,
    counts: BTreeMap<&'static str, Count>,
}

struct Count {
    rows: u64,
    /// The first reject of this reason, in words.
    sample: String,
}

impl Quarantine {
    /// Writes rejects to the open file and counts them.
    pub(super) async fn add(&mut self, rejects: &[Reject]) -> Result<()> {
        let batch = to_batch(rejects)?;
        let Some(part) = &mut self.part else {
            return Err(Error::failed("land/write", "no quarantine file is open"));
        };
        part.write(&batch).await?;
        for reject in rejects {
            self.counts
                .entry(reject.reason)
                .or_insert_with(|| Count {
                    rows: 0,
                    sample: format!("{}: {}", reject.position, reject.detail),
                })
                .rows += 1;
        }
        Ok(())
    }

    /// Rejects by reason, the most frequent first.
    pub(super) fn reasons(&self) -> Vec<(&'static str, u64)> {
        let mut reasons: Vec<_> = self.counts.iter().map(|(r, c)| (*r, c.rows)).collect();
        reasons.sort_by_key(|(reason, rows)| (std::cmp::Reverse(*rows), *reason));
        reasons
    }

    /// Fails when more of `read` was rejected than broken rows explain.
    pub(super) fn check_tolerance(&self, read: u64) -> Result<()> {
        let rejected: u64 = self.counts.values().map(|c| c.rows).sum();
        let share = u128::from(rejected) * 100;
        if rejected <= MAX_REJECTED_ROWS
            || share <= u128::from(read) * u128::from(MAX_REJECTED_PERCENT)
        {
            return Ok(());
        }
        let reasons = self
            .reasons()
            .into_iter()
            .take(5)
            .map(|(reason, rows)| {
                let sample = self.counts.get(reason).map_or("", |c| c.sample.as_str());
                format!("{reason} {rows} times, first {sample}")
            })
            .collect::<Vec<_>>()
            .join("; ");
        Err(Error::failed(
            "land/too_many_rejects",
            format!(
                "{rejected} of {read} rows are rejected, more than {MAX_REJECTED_ROWS} and more \
                 than {MAX_REJECTED_PERCENT} %: {reasons}"
            ),
        )
        .hint(
            "check the spec of the table, or the format of the log, against what the source holds",
        ))
    }
}

fn to_batch(rejects: &[Reject]) -> Result<RecordBatch> {
    let raw: Vec<(String, bool)> = rejects.iter().map(|r| as_text(&r.raw)).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(rejects.iter().map(|r| &r.position))),
        // Files over 8 EiB do not exist; an offset beyond is kept as the greatest one.
        Arc::new(Int64Array::from_iter_values(
            rejects.iter().map(|r| i64::try_from(r.offset).unwrap_or(i64::MAX)),
        )),
        Arc::new(StringArray::from_iter_values(rejects.iter().map(|r| r.reason))),
        Arc::new(StringArray::from_iter_values(rejects.iter().map(|r| &r.detail))),
        Arc::new(StringArray::from_iter_values(raw.iter().map(|(text, _)| text))),
        Arc::new(BooleanArray::from_iter(raw.iter().map(|(_, coded)| Some(*coded)))),
    ];
    RecordBatch::try_new(schema(), columns)
        .map_err(|e| Error::failed("land/schema", "cannot keep the rejects").because(e))
}

/// The bytes as text, and whether they had to be coded: Redshift's VARCHAR holds neither bytes
/// that are no UTF-8 nor a NUL.
fn as_text(raw: &[u8]) -> (String, bool) {
    match std::str::from_utf8(raw) {
        Ok(text) if !raw.contains(&0) => (text.to_string(), false),
        _ => (STANDARD.encode(raw), true),
    }
}
