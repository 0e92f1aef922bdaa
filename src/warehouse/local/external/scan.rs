//! The rows of an external table: the files of its location or of its partitions, as they lie there
//! now. It writes nothing and registers nothing.
//!
//! Source: c-spectrum-external-tables (names that are not read), c-spectrum-troubleshooting.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result as DfResult};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectMeta;

use crate::dialect::{CopyOptions, PSEUDO, Packing, Pseudo, TextLayout};
use crate::error::{Error, Result};
use crate::types::{SqlType, VARCHAR_MAX};
use crate::warehouse::local::catalog::External;
use crate::warehouse::local::engine::{Local, engine_error};
use crate::warehouse::local::files::{FileTable, Rows, ScanFile, engine_type};
use crate::warehouse::local::load::json::Keys;
use crate::warehouse::local::load::text::{self, Faults, Reading, Target, TextFile};
use crate::warehouse::local::load::values::Rules;
use crate::warehouse::local::load::{Cut, packing_of, parquet, schema_of};
use crate::warehouse::local::outside::Location;

/// What Hive writes for a partition of NULL.
const NULL_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

/// A file, and the values of its partition.
struct Found {
    location: Location,
    meta: ObjectMeta,
    partition: Vec<ScalarValue>,
}

/// The table as the engine reads it, with its pseudocolumns where a statement names one.
pub async fn provider(
    local: &Local,
    external: &External,
    pseudo: Pseudo,
) -> Result<Arc<dyn TableProvider>> {
    let columns = targets(&external.columns)?;
    let mut parts = targets(&external.partitioned_by)?;
    let mut files = files(local, external, &parts).await?;
    if pseudo.named {
        if pseudo.star {
            return Err(Error::failed(
                "sql/unsupported-locally",
                "a `*` beside \"$path\" or \"$size\" is not supported locally",
            )
            .hint("name the columns: a * does not give the pseudocolumns"));
        }
        let types = [SqlType::Varchar(VARCHAR_MAX), SqlType::BigInt];
        parts.extend(PSEUDO.iter().zip(types).map(|(name, ty)| Target {
            name: (*name).to_owned(),
            ty,
            not_null: false,
        }));
        for file in &mut files {
            let path = file.location.shown(file.meta.location.as_ref());
            let size = i64::try_from(file.meta.size).ok();
            file.partition.push(ScalarValue::Utf8View(Some(path)));
            file.partition.push(ScalarValue::Int64(size));
        }
    }
    if external.format == "parquet" {
        return parquet_table(&columns, &parts, files).await;
    }
    text_table(local, external, columns, &parts, files)
}

/// Refuses what cannot be read, before anything is kept.
pub fn check(external: &External) -> Result<()> {
    targets(&external.columns)?;
    let parts = targets(&external.partitioned_by)?;
    for partition in &external.partitions {
        values(&parts, &partition.values)?;
    }
    layout(external)?;
    let on = |key: &str| external.property(key).map(str::to_lowercase);
    let surplus = on("surplus_char_handling")
        .filter(|_| on("data_cleansing_enabled").is_some_and(|enabled| enabled == "true"));
    match surplus.as_deref() {
        None | Some("fail" | "truncate" | "disabled") => Ok(()),
        Some(other) => Err(Error::failed(
            "sql/unsupported-locally",
            format!("surplus_char_handling {other} is not supported locally"),
        )
        .hint("write FAIL or TRUNCATE")),
    }
}

fn targets(columns: &[(String, String)]) -> Result<Vec<Target>> {
    let one = |(name, ty): &(String, String)| {
        Ok(Target { name: name.clone(), ty: SqlType::parse(ty)?, not_null: false })
    };
    columns.iter().map(one).collect()
}

/// The values of a partition in the types of its columns.
fn values(parts: &[Target], values: &[String]) -> Result<Vec<ScalarValue>> {
    let one = |(part, text): (&Target, &String)| {
        let ty = engine_type(part.ty);
        if text == NULL_PARTITION {
            return ScalarValue::try_from(&ty).map_err(engine_error);
        }
        ScalarValue::Utf8View(Some(text.clone())).cast_to(&ty).map_err(|cause| {
            Error::failed(
                "sql/partition",
                format!("'{text}' is no value of the partition column {} {}", part.name, part.ty),
            )
            .because(cause)
        })
    };
    parts.iter().zip(values).map(one).collect()
}

async fn files(local: &Local, external: &External, parts: &[Target]) -> Result<Vec<Found>> {
    let places: Vec<(&str, Vec<ScalarValue>)> = if parts.is_empty() {
        vec![(external.location.as_str(), Vec::new())]
    } else {
        // Only what was added by ALTER TABLE ... ADD PARTITION is read.
        external
            .partitions
            .iter()
            .map(|p| Ok((p.location.as_str(), values(parts, &p.values)?)))
            .collect::<Result<_>>()?
    };
    let mut found = Vec::new();
    for (location, partition) in places {
        let location = local.outside.locate(location, local.sessions.many().runtime_env())?;
        let folder = format!("{}/", location.key.trim_end_matches('/'));
        for meta in local.outside.files(&location).await? {
            let key = meta.location.as_ref();
            let below = key.strip_prefix(folder.trim_start_matches('/'));
            let inside = below.unwrap_or_default();
            if key == location.key || (below.is_some() && !hidden(inside)) {
                found.push(Found {
                    location: location.clone(),
                    meta: meta.clone(),
                    partition: partition.clone(),
                });
            }
        }
    }
    Ok(found)
}

/// Names that begin with `.`, `_` or `#`, or end with `~`, are not read.
fn hidden(inside: &str) -> bool {
    inside.split('/').any(|part| part.starts_with(['.', '_', '#']) || part.ends_with('~'))
}

async fn parquet_table(
    columns: &[Target],
    parts: &[Target],
    found: Vec<Found>,
) -> Result<Arc<dyn TableProvider>> {
    let mut files = Vec::with_capacity(found.len());
    let mut place = None;
    for file in found {
        let opened = parquet::open(&file.location, &file.meta).await?;
        let shown = file.location.shown(file.meta.location.as_ref());
        // Columns go by their names; one the file lacks is NULL.
        for target in columns {
            if let Ok(index) = opened.schema().index_of(&target.name) {
                parquet::check(&opened, index, target, &shown)?;
            }
        }
        let first = place.get_or_insert_with(|| file.location.place.clone());
        if first.url != file.location.place.url {
            return Err(Error::failed(
                "sql/unsupported-locally",
                "the partitions of one table lie in several buckets",
            )
            .hint("keep them in one"));
        }
        files.push(ScanFile {
            source: Rows::File { path: file.meta.location.to_string(), bytes: file.meta.size },
            rows: u64::try_from(opened.metadata().file_metadata().num_rows()).unwrap_or(0),
            modified: Some(file.meta.last_modified),
            deleted: None,
            only: None,
            stats: Vec::new(),
            partition: file.partition,
        });
    }
    let fields = |targets: &[Target]| -> Vec<Field> {
        targets.iter().map(|t| Field::new(&t.name, engine_type(t.ty), true)).collect()
    };
    match place {
        Some(place) => {
            let schema = Arc::new(Schema::new(fields(columns)));
            Ok(Arc::new(FileTable::new(place, schema, fields(parts), files)))
        }
        None => streaming(with_parts(columns, parts), Vec::new()),
    }
}

fn with_parts(columns: &[Target], parts: &[Target]) -> SchemaRef {
    schema_of(&columns.iter().chain(parts).cloned().collect::<Vec<_>>())
}

fn streaming(
    schema: SchemaRef,
    streams: Vec<Arc<dyn PartitionStream>>,
) -> Result<Arc<dyn TableProvider>> {
    let streams = if streams.is_empty() {
        vec![Arc::new(Files::none(Arc::clone(&schema))) as Arc<dyn PartitionStream>]
    } else {
        streams
    };
    Ok(Arc::new(StreamingTable::try_new(schema, streams).map_err(engine_error)?))
}

/// How the files of a text table are cut, and for JSON how its keys are read.
fn layout(external: &External) -> Result<(Cut, Option<Keys>)> {
    let sign = |key: &str| external.property(key).filter(|sign| !sign.is_empty());
    match external.format.as_str() {
        "json" => Ok((Cut::Whole, Some(Keys::Names { ignore_case: true }))),
        "csv" => {
            let quote = sign("quoteChar").and_then(|s| s.bytes().next()).unwrap_or(b'"');
            let delimiter = sign("separatorChar").unwrap_or(",").as_bytes().to_vec();
            Ok((Cut::Text(TextLayout { delimiter, quote, ..TextLayout::csv() }), None))
        }
        _ => {
            if sign("line.delim").is_some_and(|sign| sign != "\n") {
                return Err(Error::failed(
                    "sql/unsupported-locally",
                    "LINES TERMINATED BY another sign than \\n is not supported locally",
                ));
            }
            // Hive's own delimiter where none is given
            let delimiter = sign("field.delim").unwrap_or("\u{1}").as_bytes().to_vec();
            let escape = sign("escape.delim").is_some();
            Ok((Cut::Text(TextLayout { delimiter, escape, ..TextLayout::pipes() }), None))
        }
    }
}

fn text_table(
    local: &Local,
    external: &External,
    columns: Vec<Target>,
    parts: &[Target],
    found: Vec<Found>,
) -> Result<Arc<dyn TableProvider>> {
    let (cut, json) = layout(external)?;
    let header = external.property("skip.header.line.count").and_then(|n| n.parse().ok());
    let truncate = external
        .property("surplus_char_handling")
        .is_some_and(|how| how.eq_ignore_ascii_case("truncate"));
    let options = CopyOptions {
        null_as: external.property("serialization.null.format").map(str::to_owned),
        truncate,
        ..CopyOptions::default()
    };
    let schema = with_parts(&columns, parts);
    let inner = schema_of(&columns);
    let reading = Arc::new(Reading {
        cut,
        json,
        columns,
        rules: Rules::new(&options),
        ragged: true,
        faults: Faults::default(),
    });
    let packed = external.property("compression_type").map(str::to_lowercase);
    let groups = local.sessions.many().config().target_partitions().clamp(1, found.len().max(1));
    let mut streams: Vec<Files> =
        (0..groups).map(|_| Files::new(&schema, &inner, Some(Arc::clone(&reading)))).collect();
    for (index, file) in found.into_iter().enumerate() {
        let key = file.meta.location.as_ref();
        let packing = match packed.as_deref() {
            Some("gzip") => Packing::Gzip,
            Some("none") => Packing::Plain,
            _ => packing_of(key),
        };
        let text = TextFile {
            shown: file.location.shown(key),
            store: Arc::clone(&file.location.place.store),
            key: file.meta.location.clone(),
            packing,
            header: header.unwrap_or(0),
        };
        if let Some(stream) = streams.get_mut(index % groups) {
            stream.files.push((text, file.partition));
        }
    }
    streaming(
        schema,
        streams.into_iter().map(|s| Arc::new(s) as Arc<dyn PartitionStream>).collect(),
    )
}

/// Files of text that are read one after the other.
#[derive(Debug)]
struct Files {
    schema: SchemaRef,
    /// Without the partition columns.
    inner: SchemaRef,
    reading: Option<Arc<Reading>>,
    files: Vec<(TextFile, Vec<ScalarValue>)>,
}

impl Files {
    fn new(schema: &SchemaRef, inner: &SchemaRef, reading: Option<Arc<Reading>>) -> Files {
        Files { schema: Arc::clone(schema), inner: Arc::clone(inner), reading, files: Vec::new() }
    }

    fn none(schema: SchemaRef) -> Files {
        Files::new(&schema, &schema, None)
    }
}

impl PartitionStream for Files {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (schema, inner) = (Arc::clone(&self.schema), Arc::clone(&self.inner));
        let Some(reading) = self.reading.clone() else {
            return Box::pin(RecordBatchStreamAdapter::new(schema, stream::empty()));
        };
        let out = Arc::clone(&schema);
        let rows = stream::iter(self.files.clone())
            .map(move |(file, partition)| {
                let out = Arc::clone(&out);
                let rows = text::rows(file, Arc::clone(&reading), Arc::clone(&inner));
                Ok::<_, DataFusionError>(rows.map(move |batch| beside(&batch?, &partition, &out)))
            })
            .try_flatten();
        Box::pin(RecordBatchStreamAdapter::new(schema, rows))
    }
}

/// Puts the values of a partition beside the columns of its files.
fn beside(
    batch: &RecordBatch,
    partition: &[ScalarValue],
    schema: &SchemaRef,
) -> DfResult<RecordBatch> {
    let mut columns = batch.columns().to_vec();
    for value in partition {
        columns.push(value.to_array_of_size(batch.num_rows())?);
    }
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}
