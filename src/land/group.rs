//! One Parquet file of row groups that come encoded, on its way to the object store. It encodes
//! nothing; see [`crate::pages`].

use std::sync::Arc;

use arrow::datatypes::Schema;
use object_store::ObjectStore;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use tokio::io::AsyncWriteExt;

use super::LandedFile;
use super::part::{LANDING_FILE_BYTES, cannot_write, upload};
use crate::error::Result;
use crate::pages::{Finished, GroupFile, RowGroup};

/// Row groups of a file at most: a reader holds what the footer says of each.
const MOST_GROUPS: usize = 1_000;

/// A file being written.
pub(super) struct GroupPart {
    path: Path,
    file: GroupFile,
    upload: BufWriter,
}

impl GroupPart {
    /// Opens a new file. Nothing reaches the store before a few megabytes are there.
    pub(super) fn begin(
        store: Arc<dyn ObjectStore>,
        path: Path,
        schema: &Schema,
    ) -> Result<GroupPart> {
        let upload = upload(store, &path);
        Ok(GroupPart { path, file: GroupFile::new(schema)?, upload })
    }

    pub(super) async fn append(&mut self, group: RowGroup) -> Result<()> {
        let bytes = self.file.append(group)?;
        self.upload.put(bytes).await.map_err(|e| cannot_write(&self.path, e))
    }

    /// Whether the next row group goes to a new file.
    pub(super) fn is_full(&self) -> bool {
        self.file.bytes() >= LANDING_FILE_BYTES || self.file.groups() >= MOST_GROUPS
    }

    /// Writes the footer and waits until the store has everything. The row count is the footer's,
    /// not the caller's, so that the balance has two sides.
    pub(super) async fn finish(mut self) -> Result<LandedFile> {
        let Finished { last, bytes, rows } = self.file.finish()?;
        self.upload.put(last).await.map_err(|e| cannot_write(&self.path, e))?;
        self.upload.shutdown().await.map_err(|e| cannot_write(&self.path, e))?;
        Ok(LandedFile { path: self.path.to_string(), bytes, rows })
    }

    /// Gives up a file that was never finished.
    pub(super) async fn abort(mut self) {
        // A failure leaves parts that S3's lifecycle rule for aborted uploads removes.
        let _ = self.upload.abort().await;
    }
}
