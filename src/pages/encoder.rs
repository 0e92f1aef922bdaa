//! One row group, column by column, in memory. It orders nothing and hashes nothing.

use std::io::Write;
use std::ops::Range;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, PageType, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, PageEncodingStats};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::SchemaDescPtr;

use super::values::Values;
use super::{ZSTD_LEVEL, hybrid, unfit};
use crate::error::{Error, Result};

/// The key of a row without a value.
pub const NULL: u32 = u32::MAX;

/// Rows of a data page.
const PAGE_ROWS: usize = 1 << 16;

/// A column of a row group.
#[derive(Debug, Clone, Copy)]
pub enum Column<'a> {
    /// For each row the number of its value in `dictionary`, or [`NULL`]. Every value of the
    /// dictionary is used.
    Keys { keys: &'a [u32], dictionary: Values<'a> },
    /// The keys of the column before, for other values: as many, in the same order.
    SameKeys { dictionary: Values<'a> },
    /// The values of all rows but `nulls`, which are row numbers in rising order.
    Plain { values: Values<'a>, nulls: &'a [u32] },
}

/// A finished row group.
#[derive(Debug)]
pub struct RowGroup {
    pub(super) rows: u64,
    pub(super) bytes: Bytes,
    pub(super) columns: Vec<ColumnCloseResult>,
}

impl RowGroup {
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Encoded and compressed.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }
}

/// Makes row groups; it keeps its memory from one to the next.
pub struct Encoder {
    columns: SchemaDescPtr,
    compressor: zstd::bulk::Compressor<'static>,
    out: TrackedWrite<Vec<u8>>,
    rows: usize,
    done: Vec<ColumnCloseResult>,
    /// The data pages of the column before, if it has keys, and what they are.
    keyed: Option<Keyed>,
    page: Vec<u8>,
    packed: Vec<u8>,
    levels: Vec<u32>,
    present: Vec<u32>,
}

/// Data pages of keys.
#[derive(Debug, Clone)]
struct Keyed {
    at: Range<usize>,
    dictionary: usize,
    optional: bool,
    uncompressed: usize,
    pages: i32,
    nulls: usize,
}

/// A column as far as it is written.
struct Chunk {
    start: usize,
    dictionary_at: Option<usize>,
    data_at: Option<usize>,
    uncompressed: usize,
    pages: i32,
    nulls: usize,
}

impl Encoder {
    /// For row groups of these columns.
    pub fn new(columns: SchemaDescPtr) -> Result<Encoder> {
        let compressor = zstd::bulk::Compressor::new(ZSTD_LEVEL)
            .map_err(|e| unfit(ParquetError::External(Box::new(e))))?;
        Ok(Encoder {
            columns,
            compressor,
            out: TrackedWrite::new(Vec::new()),
            rows: 0,
            done: Vec::new(),
            keyed: None,
            page: Vec::new(),
            packed: Vec::new(),
            levels: Vec::new(),
            present: Vec::new(),
        })
    }

    /// Begins a row group of `rows` rows; what was not finished is forgotten.
    pub fn start(&mut self, rows: usize) {
        self.out = TrackedWrite::new(Vec::with_capacity(self.out.bytes_written()));
        self.rows = rows;
        self.done.clear();
        self.keyed = None;
    }

    /// Appends the next column.
    ///
    /// Errors: `pages/schema` when it is not what the table declares, in type, rows or NULLs.
    pub fn column(&mut self, column: Column<'_>) -> Result<()> {
        self.append(column).map_err(unfit)
    }

    /// Ends the row group.
    pub fn finish(&mut self) -> Result<RowGroup> {
        if self.done.len() != self.columns.num_columns() {
            let what = format!(
                "a row group has {} columns, expected {}",
                self.done.len(),
                self.columns.num_columns()
            );
            return Err(Error::failed("pages/schema", what));
        }
        let out = std::mem::replace(&mut self.out, TrackedWrite::new(Vec::new()));
        let bytes = out.into_inner().map_err(unfit)?;
        // tells the next row group how much room to take
        self.out = TrackedWrite::new(Vec::with_capacity(bytes.len()));
        let columns = std::mem::take(&mut self.done);
        Ok(RowGroup { rows: self.rows as u64, bytes: Bytes::from(bytes), columns })
    }

    fn append(&mut self, column: Column<'_>) -> Result<(), ParquetError> {
        let index = self.done.len();
        if index >= self.columns.num_columns() {
            return Err(ParquetError::General("one column too many".into()));
        }
        let descr = self.columns.column(index);
        let optional = descr.max_def_level() > 0;
        let values = match column {
            Column::Keys { dictionary, .. } | Column::SameKeys { dictionary } => dictionary,
            Column::Plain { values, .. } => values,
        };
        if values.physical_type() != descr.physical_type() {
            let (have, want) = (values.physical_type(), descr.physical_type());
            let what = format!("column `{}` came as {have}, expected {want}", descr.name());
            return Err(ParquetError::General(what));
        }
        let start = self.out.bytes_written();
        let mut chunk = Chunk {
            start,
            dictionary_at: None,
            data_at: None,
            uncompressed: 0,
            pages: 0,
            nulls: 0,
        };
        match column {
            Column::Keys { keys, dictionary } => self.keys(&mut chunk, keys, dictionary, optional),
            Column::SameKeys { dictionary } => self.same_keys(&mut chunk, dictionary, optional),
            Column::Plain { values, nulls } => self.plain(&mut chunk, values, nulls, optional),
        }
        .map_err(|e| ParquetError::General(format!("column `{}`: {e}", descr.name())))?;
        self.close(&chunk, values.statistics(chunk.nulls as u64))
    }

    fn keys(
        &mut self,
        chunk: &mut Chunk,
        keys: &[u32],
        dictionary: Values<'_>,
        optional: bool,
    ) -> Result<(), ParquetError> {
        if keys.len() != self.rows {
            return Err(unequal(keys.len(), self.rows));
        }
        if dictionary.count() == 0 {
            let nulls: Vec<u32> = (0..self.rows as u32).collect();
            return self.plain(chunk, dictionary, &nulls, optional);
        }
        self.dictionary(chunk, dictionary)?;
        let data = self.out.bytes_written();
        let before = chunk.uncompressed;
        let width = hybrid::width(dictionary.count() - 1);
        for keys in keys.chunks(PAGE_ROWS) {
            self.page.clear();
            let nulls = keys.iter().filter(|key| **key == NULL).count();
            chunk.nulls += nulls;
            let mut present = keys;
            let mut kept = std::mem::take(&mut self.present);
            if nulls > 0 {
                kept.clear();
                kept.extend(keys.iter().filter(|key| **key != NULL));
                present = &kept;
            }
            self.levels(keys.len(), nulls, keys.iter().map(|key| *key != NULL), optional)?;
            self.page.push(width as u8);
            hybrid::encode(present, width, &mut self.page);
            self.present = kept;
            self.data_page(chunk, keys.len(), Encoding::PLAIN_DICTIONARY)?;
        }
        self.keyed = Some(Keyed {
            at: data..self.out.bytes_written(),
            dictionary: dictionary.count(),
            optional,
            uncompressed: chunk.uncompressed - before,
            pages: chunk.pages,
            nulls: chunk.nulls,
        });
        Ok(())
    }

    fn same_keys(
        &mut self,
        chunk: &mut Chunk,
        dictionary: Values<'_>,
        optional: bool,
    ) -> Result<(), ParquetError> {
        let fits = |k: &Keyed| k.dictionary == dictionary.count() && k.optional == optional;
        let Some(keyed) = self.keyed.take().filter(fits) else {
            return Err(ParquetError::General("the column before has other keys".into()));
        };
        self.dictionary(chunk, dictionary)?;
        chunk.data_at = Some(self.out.bytes_written());
        chunk.uncompressed += keyed.uncompressed;
        chunk.pages = keyed.pages;
        chunk.nulls = keyed.nulls;
        self.out.flush()?;
        self.packed.clear();
        self.packed.extend_from_slice(self.out.inner().get(keyed.at.clone()).unwrap_or_default());
        self.out.write_all(&self.packed)?;
        self.keyed = Some(keyed);
        Ok(())
    }

    fn plain(
        &mut self,
        chunk: &mut Chunk,
        values: Values<'_>,
        nulls: &[u32],
        optional: bool,
    ) -> Result<(), ParquetError> {
        self.keyed = None;
        if values.count() + nulls.len() != self.rows {
            return Err(unequal(values.count() + nulls.len(), self.rows));
        }
        chunk.nulls = nulls.len();
        let (mut left, mut nulls) = (values, nulls);
        for first in (0..self.rows).step_by(PAGE_ROWS) {
            let rows = PAGE_ROWS.min(self.rows - first);
            let behind = nulls.partition_point(|row| (*row as usize) < first + rows);
            let (here, later) = nulls.split_at(behind);
            nulls = later;
            self.page.clear();
            let mut gone = here.iter().map(|row| *row as usize - first).peekable();
            let there = (0..rows).map(|row| gone.next_if_eq(&row).is_none());
            self.levels(rows, here.len(), there, optional)?;
            left = left.put(rows - here.len(), &mut self.page);
            self.data_page(chunk, rows, Encoding::PLAIN)?;
        }
        Ok(())
    }

    /// Appends the definition levels of a page to it.
    fn levels(
        &mut self,
        rows: usize,
        nulls: usize,
        there: impl Iterator<Item = bool>,
        optional: bool,
    ) -> Result<(), ParquetError> {
        if !optional {
            return match nulls {
                0 => Ok(()),
                _ => Err(ParquetError::General(format!("{nulls} NULLs where none is allowed"))),
            };
        }
        self.page.extend_from_slice(&[0; 4]);
        if nulls == 0 || nulls == rows {
            hybrid::run(u32::from(nulls == 0), rows, 1, &mut self.page);
        } else {
            self.levels.clear();
            self.levels.extend(there.map(u32::from));
            hybrid::encode(&self.levels, 1, &mut self.page);
        }
        let length = (self.page.len() - 4) as u32;
        if let Some(slot) = self.page.first_chunk_mut() {
            *slot = length.to_le_bytes();
        }
        Ok(())
    }

    fn dictionary(&mut self, chunk: &mut Chunk, values: Values<'_>) -> Result<(), ParquetError> {
        chunk.dictionary_at = Some(self.out.bytes_written());
        let uncompressed = match values {
            Values::Texts { bytes, .. } => {
                compress(&mut self.compressor, bytes, &mut self.packed)?;
                bytes.len()
            }
            numbers => {
                self.page.clear();
                numbers.put(numbers.count(), &mut self.page);
                compress(&mut self.compressor, &self.page, &mut self.packed)?;
                self.page.len()
            }
        };
        let page = Page::DictionaryPage {
            buf: Bytes::copy_from_slice(&self.packed),
            num_values: values.count() as u32,
            encoding: Encoding::PLAIN_DICTIONARY,
            is_sorted: false,
        };
        self.write(chunk, CompressedPage::new(page, uncompressed))
    }

    fn data_page(
        &mut self,
        chunk: &mut Chunk,
        rows: usize,
        encoding: Encoding,
    ) -> Result<(), ParquetError> {
        chunk.data_at.get_or_insert(self.out.bytes_written());
        chunk.pages += 1;
        compress(&mut self.compressor, &self.page, &mut self.packed)?;
        let page = Page::DataPage {
            buf: Bytes::copy_from_slice(&self.packed),
            num_values: rows as u32,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        self.write(chunk, CompressedPage::new(page, self.page.len()))
    }

    fn write(&mut self, chunk: &mut Chunk, page: CompressedPage) -> Result<(), ParquetError> {
        let written = SerializedPageWriter::new(&mut self.out).write_page(page)?;
        chunk.uncompressed += written.uncompressed_size;
        Ok(())
    }

    /// Notes what the footer says of a column.
    fn close(&mut self, chunk: &Chunk, statistics: Statistics) -> Result<(), ParquetError> {
        let stats = |page_type, encoding, count| PageEncodingStats { page_type, encoding, count };
        let data = match chunk.dictionary_at {
            Some(_) => Encoding::PLAIN_DICTIONARY,
            None => Encoding::PLAIN,
        };
        let mut pages = Vec::with_capacity(2);
        if chunk.dictionary_at.is_some() {
            pages.push(stats(PageType::DICTIONARY_PAGE, data, 1));
        }
        pages.push(stats(PageType::DATA_PAGE, data, chunk.pages));
        let end = self.out.bytes_written();
        let descr = self.columns.column(self.done.len());
        let metadata = ColumnChunkMetaData::builder(descr)
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
            .set_encodings(vec![data, Encoding::RLE])
            .set_page_encoding_stats(pages)
            .set_total_compressed_size((end - chunk.start) as i64)
            .set_total_uncompressed_size(chunk.uncompressed as i64)
            .set_num_values(self.rows as i64)
            .set_dictionary_page_offset(chunk.dictionary_at.map(|at| at as i64))
            .set_data_page_offset(chunk.data_at.unwrap_or(chunk.start) as i64)
            .set_statistics(statistics)
            .build()?;
        self.done.push(ColumnCloseResult {
            bytes_written: (end - chunk.start) as u64,
            rows_written: self.rows as u64,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        });
        Ok(())
    }
}

fn unequal(have: usize, want: usize) -> ParquetError {
    ParquetError::General(format!("{have} rows, expected {want}"))
}

fn compress(
    compressor: &mut zstd::bulk::Compressor<'static>,
    bytes: &[u8],
    packed: &mut Vec<u8>,
) -> Result<(), ParquetError> {
    packed.clear();
    packed.reserve(zstd::zstd_safe::compress_bound(bytes.len()));
    compressor.compress_to_buffer(bytes, packed)?;
    Ok(())
}
