//! UNLOAD: the rows of a query become files. It changes no table.
//!
//! Names are Redshift's for one slice: `prefix0000_part_00`, or `prefix000` under PARALLEL OFF, in
//! a folder `column=value/` for each partition. Source: r_UNLOAD, r_UNLOAD_command_examples.

mod manifest;
mod sink;
mod text;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use futures::TryStreamExt;
use object_store::ObjectStoreExt;

use crate::dialect::{self, Packing, Parsed, Unload, UnloadFormat};
use crate::error::{Error, Result};
use crate::types::SqlType;
use crate::warehouse::Outcome;

use super::engine::{Local, engine_error};
use super::outside::{Location, below};
use super::statement;
use super::transaction::Transaction;

use sink::{Sink, Written};

/// What Hive, and Spectrum with it, calls the partition of NULL.
const NULL_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

/// Runs an UNLOAD.
pub async fn unload(
    local: &Local,
    txn: &mut Transaction,
    parsed: &Parsed,
    unload: &Unload,
) -> Result<Outcome> {
    let location = local.outside.locate(&unload.to, local.sessions.many().runtime_env())?;
    if !unload.overwrite {
        clear(&location, unload).await?;
    }
    let query = (*unload.query).clone();
    // the query stands in a text, with places of its own
    let planned = statement::plan(local, txn, parsed, query, None).await;
    let (session, plan) = planned.map_err(|e| e.at(parsed.place.clone()))?;
    let texts = dialect::text_types(&plan);
    let rows = statement::named(session, plan).await?;
    let schema = rows.schema();
    let mut files = Files::new(&location, unload, &schema)?;
    write(rows, &mut files).await?;
    let columns = files.columns.clone();
    let written = files.finish().await?;
    if unload.manifest {
        let columns = unload.verbose.then(|| manifest::columns(&schema, &texts, &columns));
        manifest::write(&location, &written, columns).await?;
    }
    Ok(Outcome::default())
}

async fn write(mut rows: SendableRecordBatchStream, files: &mut Files<'_>) -> Result<()> {
    while let Some(batch) = rows.try_next().await.map_err(engine_error)? {
        files.write(&batch).await?;
    }
    Ok(())
}

/// Files that are there already are an error; CLEANPATH takes away those an UNLOAD has written.
async fn clear(location: &Location, unload: &Unload) -> Result<()> {
    let store = &location.place.store;
    for meta in below(location).await? {
        let key = meta.location.as_ref();
        let name = key.strip_prefix(&location.key).unwrap_or(key);
        if !(unload.clean && is_ours(name)) {
            return Err(Error::failed(
                "sql/unload-not-empty",
                format!(
                    "the specified unload destination is not empty: `{}` is there",
                    location.shown(key)
                ),
            )
            .hint("take another prefix, remove the files, or write ALLOWOVERWRITE (r_UNLOAD)"));
        }
        store.delete(&meta.location).await.map_err(|cause| {
            Error::failed("storage/delete", format!("cannot remove `{}`", location.shown(key)))
                .because(cause)
        })?;
    }
    Ok(())
}

/// True for the end of a name an UNLOAD gives: `0000_part_00`, `000`, with an extension or none.
fn is_ours(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    let stem = file.split('.').next().unwrap_or(file);
    let digits = |text: &str, n: usize| text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
    match stem.split_once("_part_") {
        Some((slice, part)) => digits(slice, 4) && digits(part, 2),
        None => digits(stem, 3) || stem == "manifest",
    }
}

/// The files of one UNLOAD, one for each partition.
struct Files<'a> {
    location: &'a Location,
    unload: &'a Unload,
    /// Positions of the partition columns, in the order they are named.
    partitions: Vec<usize>,
    /// Positions of the columns that stand in the files.
    columns: Vec<usize>,
    schema: SchemaRef,
    open: BTreeMap<String, Sink>,
}

impl<'a> Files<'a> {
    fn new(location: &'a Location, unload: &'a Unload, schema: &SchemaRef) -> Result<Files<'a>> {
        let position = |name: &String| {
            schema.index_of(name).map_err(|_| {
                Error::failed(
                    "sql/unknown-column",
                    format!("PARTITION BY names `{name}`, which the query does not yield"),
                )
            })
        };
        let partitions = unload.partition_by.iter().map(position).collect::<Result<Vec<_>>>()?;
        let columns: Vec<usize> = (0..schema.fields().len())
            .filter(|index| unload.include_partitions || !partitions.contains(index))
            .collect();
        if columns.is_empty() {
            return Err(Error::failed(
                "sql/columns",
                "PARTITION BY leaves no column for the files",
            )
            .hint("partition by fewer columns, or write INCLUDE"));
        }
        refuse_types(unload, schema, &partitions)?;
        let schema = schema.project(&columns).map_err(|e| engine_error(e.into()))?;
        let mut files = Files {
            location,
            unload,
            partitions,
            columns,
            schema: Arc::new(schema),
            open: BTreeMap::new(),
        };
        // A query without rows leaves a file without rows, but for partitions.
        if files.partitions.is_empty() {
            files.sink("")?;
        }
        Ok(files)
    }

    fn sink(&mut self, folder: &str) -> Result<&mut Sink> {
        if !self.open.contains_key(folder) {
            let key = format!("{}{folder}{}", self.location.key, name(self.unload));
            let sink = Sink::new(self.location, &key, self.unload, Arc::clone(&self.schema))?;
            self.open.insert(folder.to_owned(), sink);
        }
        self.open.get_mut(folder).ok_or_else(|| Error::failed("storage/write", "no file is open"))
    }

    async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let failed = |e: arrow::error::ArrowError| engine_error(e.into());
        if self.partitions.is_empty() {
            let batch = batch.project(&self.columns).map_err(failed)?;
            return self.sink("")?.write(&batch).await;
        }
        let mut groups: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for row in 0..batch.num_rows() {
            let folder = self.folder(batch, row)?;
            groups.entry(folder).or_default().push(row as u32);
        }
        for (folder, rows) in groups {
            let part = take_record_batch(batch, &UInt32Array::from(rows)).map_err(failed)?;
            let part = part.project(&self.columns).map_err(failed)?;
            self.sink(&folder)?.write(&part).await?;
        }
        Ok(())
    }

    /// `a=1/b=x/`, with what would end a folder's name escaped as Hive does.
    fn folder(&self, batch: &RecordBatch, row: usize) -> Result<String> {
        let mut folder = String::new();
        if !self.location.key.is_empty() && !self.location.key.ends_with('/') {
            folder.push('/');
        }
        for (position, name) in self.partitions.iter().zip(&self.unload.partition_by) {
            let value = text::value(batch.column(*position), row)?;
            let value = match value.as_deref() {
                None | Some("") => NULL_PARTITION.to_owned(),
                Some(value) => value
                    .chars()
                    .map(|c| match c {
                        '/' | '=' | ':' | '%' | '\\' | '?' | '#' => format!("%{:02X}", c as u32),
                        c => c.to_string(),
                    })
                    .collect(),
            };
            folder.push_str(&format!("{name}={value}/"));
        }
        Ok(folder)
    }

    async fn finish(self) -> Result<Vec<Written>> {
        let mut written = Vec::new();
        for (_, sink) in self.open {
            written.push(sink.finish().await?);
        }
        Ok(written)
    }
}

/// The end of a file's name.
fn name(unload: &Unload) -> String {
    let slice = if unload.serial { "000" } else { "0000_part_00" };
    let of_format = match unload.format {
        UnloadFormat::Parquet => ".parquet",
        _ => "",
    };
    match (&unload.extension, unload.packing) {
        (Some(extension), _) => format!("{slice}.{extension}"),
        (None, Packing::Plain) => format!("{slice}{of_format}"),
        (None, packing) => format!("{slice}{packing}"),
    }
}

/// What a column may not be, in the files or as a partition (r_UNLOAD).
fn refuse_types(unload: &Unload, schema: &SchemaRef, partitions: &[usize]) -> Result<()> {
    let refused = |says: String| {
        Error::failed("sql/unload-options", says).hint("see the notes on types (r_UNLOAD)")
    };
    let of_bytes = matches!(
        unload.format,
        UnloadFormat::Parquet | UnloadFormat::Json | UnloadFormat::Fixed(_)
    );
    for (index, field) in schema.fields().iter().enumerate() {
        let ty = SqlType::of_arrow(field.data_type());
        let name = field.name();
        if of_bytes && matches!(ty, Some(SqlType::Varbyte(_))) {
            return Err(refused(format!(
                "column {name}: VARBYTE is unloaded to text or CSV alone"
            ))
            .hint("unload as CSV, or write TO_HEX(column)"));
        }
        let part = partitions.contains(&index);
        let unfit = |ty: SqlType| {
            matches!(
                ty,
                SqlType::Double | SqlType::Time | SqlType::TimestampTz | SqlType::Varbyte(_)
            )
        };
        if let Some(ty) = ty.filter(|ty| part && unfit(*ty)) {
            return Err(refused(format!("PARTITION BY takes no {ty} column, as {name} is")));
        }
        let again = schema.fields().iter().skip(index + 1).any(|other| other.name() == name);
        if again && matches!(unload.format, UnloadFormat::Json) {
            return Err(Error::failed(
                "sql/duplicate-column",
                format!(
                    "two columns of the query are called \"{name}\", which are keys of one object"
                ),
            )
            .hint("name one of them otherwise: SELECT a AS b (r_UNLOAD)"));
        }
    }
    Ok(())
}
