//! One file of an UNLOAD, while it is written. It decides no names.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use flate2::write::GzEncoder;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use parquet::arrow::async_writer::AsyncArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::{WriterProperties, WriterVersion};
use tokio::io::AsyncWriteExt;

use crate::dialect::{Packing, Unload, UnloadFormat};
use crate::error::{Error, Result};
use crate::warehouse::local::outside::Location;

use super::text::Lines;

/// Bytes that are gathered before they are packed and sent on.
const CHUNK: usize = 1 << 20;

pub struct Sink {
    key: String,
    /// Lines, a header counted in.
    rows: usize,
    shown: String,
    kind: Kind,
}

/// A file that is closed.
pub struct Written {
    pub key: String,
    pub bytes: u64,
    pub rows: usize,
}

enum Kind {
    Parquet(Box<AsyncArrowWriter<BufWriter>>),
    Text(Box<Text>),
}

struct Text {
    lines: Lines,
    out: BufWriter,
    packer: Packer,
    bytes: u64,
}

enum Packer {
    Plain(Vec<u8>),
    Gzip(GzEncoder<Vec<u8>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

impl Packer {
    fn new(packing: Packing) -> std::io::Result<Packer> {
        Ok(match packing {
            Packing::Plain => Packer::Plain(Vec::new()),
            Packing::Gzip => {
                Packer::Gzip(GzEncoder::new(Vec::new(), flate2::Compression::default()))
            }
            Packing::Zstd => Packer::Zstd(zstd::stream::write::Encoder::new(Vec::new(), 0)?),
        })
    }

    /// Takes bytes in and gives what is packed so far.
    fn pack(&mut self, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
        Ok(match self {
            Packer::Plain(out) => {
                out.extend_from_slice(bytes);
                std::mem::take(out)
            }
            Packer::Gzip(encoder) => {
                encoder.write_all(bytes)?;
                std::mem::take(encoder.get_mut())
            }
            Packer::Zstd(encoder) => {
                encoder.write_all(bytes)?;
                std::mem::take(encoder.get_mut())
            }
        })
    }

    fn finish(self) -> std::io::Result<Vec<u8>> {
        match self {
            Packer::Plain(out) => Ok(out),
            Packer::Gzip(encoder) => encoder.finish(),
            Packer::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl Sink {
    pub fn new(location: &Location, key: &str, unload: &Unload, schema: SchemaRef) -> Result<Sink> {
        let shown = location.shown(key);
        let out = BufWriter::new(location.place.store.clone(), Path::from(key));
        let kind = match &unload.format {
            UnloadFormat::Parquet => {
                let properties = WriterProperties::builder()
                    .set_writer_version(WriterVersion::PARQUET_1_0)
                    .set_compression(Compression::SNAPPY)
                    .build();
                let writer = AsyncArrowWriter::try_new(out, schema, Some(properties))
                    .map_err(|cause| cannot_write(&shown, cause))?;
                Kind::Parquet(Box::new(writer))
            }
            _ => Kind::Text(Box::new(Text {
                lines: Lines::new(unload, &schema)?,
                out,
                packer: Packer::new(unload.packing).map_err(|c| cannot_write(&shown, c))?,
                bytes: 0,
            })),
        };
        let header = unload.header && matches!(kind, Kind::Text(_));
        Ok(Sink { key: key.to_owned(), rows: usize::from(header), shown, kind })
    }

    pub async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows();
        match &mut self.kind {
            Kind::Parquet(writer) => {
                writer.write(batch).await.map_err(|cause| cannot_write(&self.shown, cause))
            }
            Kind::Text(text) => {
                text.lines.add(batch)?;
                if text.lines.bytes() < CHUNK {
                    return Ok(());
                }
                text.flush().await.map_err(|cause| cannot_write(&self.shown, cause))
            }
        }
    }

    /// Closes the file.
    pub async fn finish(self) -> Result<Written> {
        let failed =
            |cause: Box<dyn std::error::Error + Send + Sync>| cannot_write(&self.shown, cause);
        let bytes = match self.kind {
            Kind::Parquet(mut writer) => {
                writer.finish().await.map_err(|e| failed(e.into()))?;
                writer.bytes_written() as u64
            }
            Kind::Text(mut text) => {
                text.flush().await.map_err(|e| failed(e.into()))?;
                let Text { mut out, packer, bytes, .. } = *text;
                let rest = packer.finish().map_err(|e| failed(e.into()))?;
                out.write_all(&rest).await.map_err(|e| failed(e.into()))?;
                out.shutdown().await.map_err(|e| failed(e.into()))?;
                bytes + rest.len() as u64
            }
        };
        Ok(Written { key: self.key, bytes, rows: self.rows })
    }
}

impl Text {
    async fn flush(&mut self) -> std::io::Result<()> {
        let packed = self.packer.pack(&self.lines.take())?;
        self.bytes += packed.len() as u64;
        self.out.write_all(&packed).await
    }
}

fn cannot_write(shown: &str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::failed("storage/write", format!("cannot write `{shown}`"))
        .because(cause)
        .hint("check the free space and the permissions of the folder or bucket")
}
