//! Row groups one behind the other, as the bytes of a file. It writes to no store.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::writer::SerializedFileWriter;

use super::{RowGroup, properties, unfit};
use crate::error::{Error, Result};

/// A file in the making; its bytes are handed out as they are ready.
pub struct GroupFile {
    writer: SerializedFileWriter<Vec<u8>>,
}

/// The end of a file.
#[derive(Debug)]
pub struct Finished {
    /// Its last bytes.
    pub last: Bytes,
    /// All its bytes.
    pub bytes: u64,
    /// The rows its footer says it has.
    pub rows: u64,
}

impl GroupFile {
    /// A file of a flat schema.
    pub fn new(schema: &Schema) -> Result<GroupFile> {
        let columns = ArrowSchemaConverter::new().convert(schema).map_err(unfit)?;
        let properties = Arc::new(properties().map_err(unfit)?.build());
        let writer = SerializedFileWriter::new(Vec::new(), columns.root_schema_ptr(), properties)
            .map_err(unfit)?;
        Ok(GroupFile { writer })
    }

    /// The bytes that come next in the file.
    ///
    /// Errors: `pages/schema` when the group is of other columns.
    pub fn append(&mut self, group: RowGroup) -> Result<Bytes> {
        let mut writer = self.writer.next_row_group().map_err(unfit)?;
        for column in group.columns {
            writer.append_column(&group.bytes, column).map_err(unfit)?;
        }
        writer.close().map_err(unfit)?;
        self.taken()
    }

    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.writer.bytes_written() as u64
    }

    /// Row groups so far.
    pub fn groups(&self) -> usize {
        self.writer.flushed_row_groups().len()
    }

    /// Writes the footer.
    pub fn finish(mut self) -> Result<Finished> {
        let metadata = self.writer.finish().map_err(unfit)?;
        let rows = u64::try_from(metadata.file_metadata().num_rows()).unwrap_or_default();
        Ok(Finished { last: self.taken()?, bytes: self.bytes(), rows })
    }

    fn taken(&mut self) -> Result<Bytes> {
        self.writer
            .flush()
            .map_err(|e| Error::failed("pages/write", "cannot make a row group").because(e))?;
        Ok(std::mem::take(self.writer.inner_mut()).into())
    }
}

impl RowGroup {
    /// The first `rows` rows, as a reader of the file would see them.
    pub fn read(self, schema: &SchemaRef, rows: usize) -> Result<RecordBatch> {
        let mut file = GroupFile::new(schema)?;
        let mut bytes = file.append(self)?.to_vec();
        bytes.extend_from_slice(&file.finish()?.last);
        let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes))
            .map_err(unfit)?
            .with_limit(rows)
            .with_batch_size(rows.max(1))
            .build()
            .map_err(unfit)?;
        let first = reader.into_iter().next();
        let batch = first.unwrap_or_else(|| Ok(RecordBatch::new_empty(Arc::clone(schema))));
        batch.map_err(|e| Error::failed("pages/read", "cannot read a row group back").because(e))
    }
}
