//! Land: batches to one Parquet partition, and rejects to quarantine.

use std::sync::Arc;

use object_store::ObjectStore;

use crate::error::Result;
use crate::rows::ExtractStream;
use crate::sequence::Sequence;
use crate::tables::TableSpec;

/// What was landed; nothing of it is readable before the records name it.
#[derive(Debug, Clone, Default)]
pub struct Landed {
    pub files: Vec<LandedFile>,
    pub quarantine: Vec<LandedFile>,
    /// Rows or lines that came, `files` rows plus `quarantine` rows.
    pub read: u64,
    /// Count of rejects by reason.
    pub reasons: Vec<(&'static str, u64)>,
    pub warnings: Vec<String>,
}

/// One complete, durable object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LandedFile {
    /// Key in the landing store.
    pub path: String,
    pub bytes: u64,
    pub rows: u64,
}

/// Writes a stream as one partition. On an error, what was written is removed as far as possible
/// and is in any case unreadable, since no record names it.
pub async fn land(
    _store: Arc<dyn ObjectStore>,
    _spec: &TableSpec,
    _sequence: Sequence,
    _stream: ExtractStream,
    _progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<Landed> {
    todo!()
}
