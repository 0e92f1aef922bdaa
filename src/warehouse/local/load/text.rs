//! A file of text as a stream of rows: bytes, unpacking, records, values. One file, one thread.
//!
//! What is wrong with a row is an error with its file, line and column, as STL_LOAD_ERRORS has it;
//! rows that are left out under MAXERROR are kept in [`Faults`]. It writes nothing.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use datafusion::error::{DataFusionError, Result as DfResult};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use futures::StreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::sync::mpsc;

use crate::dialect::Packing;
use crate::error::{Error, Place, Result};
use crate::types::SqlType;

use super::json;
use super::records::{Cut, Record, Records};
use super::rows::Rows;
use super::values::{Cell, Reason, Rules};

/// Rows of a batch.
const BATCH: usize = 8192;
/// Chunks of a file that wait for the reader.
const WAITING: usize = 4;

/// A column of the rows to come.
#[derive(Debug, Clone)]
pub struct Target {
    pub name: String,
    pub ty: SqlType,
    pub not_null: bool,
}

/// How files become rows.
#[derive(Debug)]
pub struct Reading {
    pub cut: Cut,
    /// Values of JSON objects instead of fields by position.
    pub json: Option<json::Keys>,
    pub columns: Vec<Target>,
    pub rules: Rules,
    /// External tables take what is missing as NULL and leave out what is too much.
    pub ragged: bool,
    pub faults: Faults,
}

/// Rows that were left out, counted over all files of a statement.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<String>>);

impl Faults {
    /// One line for each row left out, the first of them only.
    pub fn told(&self) -> (usize, Vec<String>) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (all.len(), all.iter().take(10).cloned().collect())
    }

    /// Takes note of a bad row; gives it back when it is one too many.
    fn note(&self, fault: Error, most: usize) -> Result<()> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() + 1 >= most.max(1) {
            return Err(fault);
        }
        let place = fault.place().map(|p| format!("{p}: ")).unwrap_or_default();
        all.push(format!("{place}{}", fault.message()));
        Ok(())
    }
}

/// A file to read.
#[derive(Debug, Clone)]
pub struct TextFile {
    pub store: Arc<dyn ObjectStore>,
    pub key: Path,
    /// The name in messages.
    pub shown: String,
    pub packing: Packing,
    /// Lines to read over.
    pub header: usize,
}

/// The rows of a file, in batches of `schema`.
pub fn rows(file: TextFile, reading: Arc<Reading>, schema: SchemaRef) -> SendableRecordBatchStream {
    let (chunks, waiting) = mpsc::channel(WAITING);
    let mut stream = RecordBatchReceiverStream::builder(Arc::clone(&schema), 2);
    let out = stream.tx();
    let (store, key) = (Arc::clone(&file.store), file.key.clone());
    stream.spawn(async move {
        fetch(store, key, chunks).await;
        Ok(())
    });
    stream.spawn_blocking(move || {
        let mut batches = Batches { reading: &reading, schema, out, shown: &file.shown };
        let source = unpacked(Chunks { waiting, current: Bytes::new() }, file.packing)
            .map_err(|e| outer(cannot_read(&file.shown, e)))?;
        batches.run(BufReader::new(source), file.header)
    });
    stream.build()
}

/// Our error inside DataFusion's; `engine_error` takes it out again.
pub fn outer(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

fn cannot_read(shown: &str, cause: io::Error) -> Error {
    Error::failed("storage/read", format!("cannot read `{shown}`"))
        .because(cause)
        .hint("check that the file is whole, and GZIP or ZSTD if it is packed")
}

async fn fetch(
    store: Arc<dyn ObjectStore>,
    key: Path,
    chunks: mpsc::Sender<object_store::Result<Bytes>>,
) {
    let mut stream = match store.get(&key).await {
        Ok(found) => found.into_stream(),
        Err(error) => {
            let _ = chunks.send(Err(error)).await;
            return;
        }
    };
    while let Some(chunk) = stream.next().await {
        if chunks.send(chunk).await.is_err() {
            return;
        }
    }
}

/// The chunks of an object as a reader that blocks.
struct Chunks {
    waiting: mpsc::Receiver<object_store::Result<Bytes>>,
    current: Bytes,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.waiting.blocking_recv() {
                None => return Ok(0),
                Some(chunk) => self.current = chunk.map_err(io::Error::other)?,
            }
        }
        let taken = self.current.split_to(buffer.len().min(self.current.len()));
        if let Some(room) = buffer.get_mut(..taken.len()) {
            room.copy_from_slice(&taken);
        }
        Ok(taken.len())
    }
}

fn unpacked(source: Chunks, packing: Packing) -> io::Result<Box<dyn Read>> {
    Ok(match packing {
        Packing::Plain => Box::new(source),
        Packing::Gzip => Box::new(flate2::read::MultiGzDecoder::new(source)),
        Packing::Zstd => Box::new(zstd::stream::read::Decoder::new(source)?),
    })
}

struct Batches<'a> {
    reading: &'a Reading,
    schema: SchemaRef,
    out: mpsc::Sender<DfResult<RecordBatch>>,
    shown: &'a str,
}

/// A reason, and which column it is about.
type Fault = (Option<usize>, Reason);

impl Batches<'_> {
    fn run(&mut self, source: impl BufRead, header: usize) -> DfResult<()> {
        let cannot = |e: io::Error| outer(cannot_read(self.shown, e));
        let mut records = Records::new(source, self.reading.cut.clone());
        records.skip(header).map_err(cannot)?;
        let mut record = Record::default();
        let mut rows = Rows::new(&self.reading.columns, BATCH);
        while records.next(&mut record).map_err(cannot)? {
            if record.is_blank() && self.skips_blank() {
                continue;
            }
            let cells = match &self.reading.json {
                Some(keys) => {
                    let whole = record.field(0).map_or(&b""[..], |(f, _)| f);
                    json::cells(whole, keys, &self.reading.columns, &self.reading.rules)
                }
                None => {
                    if record.len() == self.reading.columns.len() + 1 && self.may_end_early() {
                        record.without_last_empty();
                    }
                    self.cells(&record)
                }
            };
            match cells {
                Ok(cells) => rows.push(cells),
                Err(fault) => {
                    let error = self.error(&record, fault);
                    let most = self.reading.rules.options.max_errors;
                    self.reading.faults.note(error, most).map_err(outer)?;
                }
            }
            if rows.len() == BATCH && !self.send(&mut rows)? {
                return Ok(());
            }
        }
        self.send(&mut rows)?;
        Ok(())
    }

    /// False when nobody waits for rows any more.
    fn send(&self, rows: &mut Rows) -> DfResult<bool> {
        if rows.len() == 0 {
            return Ok(true);
        }
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), rows.finish())?;
        Ok(self.out.blocking_send(Ok(batch)).is_ok())
    }

    fn skips_blank(&self) -> bool {
        let whole = self.reading.json.is_some() || self.reading.ragged;
        whole || self.reading.rules.options.ignore_blank_lines
    }

    /// A line of plain text may end in a delimiter (t_preparing-input-data).
    fn may_end_early(&self) -> bool {
        !self.reading.ragged && matches!(&self.reading.cut, Cut::Text(layout) if !layout.csv)
    }

    /// What is wrong with a record of COPY before its fields are looked at.
    fn broken(&self, record: &Record) -> Option<Reason> {
        if self.reading.ragged {
            return None;
        }
        if let Some(text) = record.fault() {
            return Some(Reason { code: 1216, text: text.to_owned() });
        }
        if self.reading.rules.options.null_as.is_some() {
            return None;
        }
        let after = match record.after_nul()? {
            Some(byte) => format!("unexpected character 0x{byte:02x}"),
            None => "the line goes on".to_owned(),
        };
        let text = format!("missing newline after NUL, which ends a record: {after}");
        Some(Reason { code: 1216, text })
    }

    fn cells<'r>(&self, record: &'r Record) -> std::result::Result<Vec<Cell<'r>>, Fault> {
        if let Some(reason) = self.broken(record) {
            return Err((None, reason));
        }
        let columns = &self.reading.columns;
        if record.len() > columns.len() && !self.reading.ragged {
            let text = format!("extra columns found: {} for {}", record.len(), columns.len());
            return Err((None, Reason { code: 1202, text }));
        }
        let fill = self.reading.rules.options.fill_record || self.reading.ragged;
        if record.len() < columns.len() && !fill {
            let text =
                format!("delimiter not found: {} fields for {}", record.len(), columns.len());
            return Err((None, Reason { code: 1214, text }));
        }
        let mut cells = Vec::with_capacity(columns.len());
        for (index, column) in columns.iter().enumerate() {
            let cell = match record.field(index) {
                Some((field, quoted)) => self
                    .reading
                    .rules
                    .cell(field, quoted, column.ty)
                    .map_err(|reason| (Some(index), reason))?,
                None => self.missing(column.ty),
            };
            cells.push(not_null(index, column, cell)?);
        }
        Ok(cells)
    }

    /// FILLRECORD: an empty text for VARCHAR, NULL for the rest.
    fn missing(&self, ty: SqlType) -> Cell<'static> {
        let empty = matches!(ty, SqlType::Varchar(_))
            && !self.reading.ragged
            && !self.reading.rules.options.empty_as_null;
        if empty { Cell::Text("".into()) } else { Cell::Null }
    }

    fn error(&self, record: &Record, (index, reason): Fault) -> Error {
        let column = index.and_then(|i| self.reading.columns.get(i));
        let about = column.map_or_else(String::new, |c| format!("column {}: ", c.name));
        Error::failed("sql/load", format!("{about}{} (load error {})", reason.text, reason.code))
            .at(Place::new(self.shown, record.line, index.map_or(1, |i| i + 1)))
            .hint("mend the row, or let COPY leave it out with MAXERROR (r_Load_Error_Reference)")
    }
}

/// NOT NULL is told where the line is still known.
pub fn not_null<'a>(
    index: usize,
    column: &Target,
    cell: Cell<'a>,
) -> std::result::Result<Cell<'a>, Fault> {
    if column.not_null && cell == Cell::Null {
        let text = "missing data for not-null field".to_owned();
        return Err((Some(index), Reason { code: 1213, text }));
    }
    Ok(cell)
}
