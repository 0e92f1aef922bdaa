//! A local store whose writes are on the disk before they count.
//!
//! `LocalFileSystem` of object_store 0.13 never calls fsync: it is safe against a killed process,
//! not against a power cut. This wrapper syncs a written file and then every folder from it up to
//! the root of the store. A failed sync fails the write and is never tried again on the same file:
//! after a failed fsync the kernel may have dropped the data (Rebello et al., USENIX ATC 2020), so
//! the caller writes a new file under a new name.

use std::fmt;
use std::fs::File;
use std::path::{Path as OsPath, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};

/// [`LocalFileSystem`] with fsync.
#[derive(Debug)]
pub struct Durable {
    inner: LocalFileSystem,
    root: Arc<PathBuf>,
}

impl Durable {
    /// `root` is the prefix `inner` was made with.
    pub fn new(inner: LocalFileSystem, root: &OsPath) -> Durable {
        Durable { inner, root: Arc::new(root.to_path_buf()) }
    }
}

impl fmt::Display for Durable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Durable({})", self.root.display())
    }
}

/// Syncs the object at `location` and the folders above it, on a thread that may block.
async fn sync(root: &Arc<PathBuf>, location: &Path) -> Result<()> {
    let root = Arc::clone(root);
    let location = location.clone();
    let synced = tokio::task::spawn_blocking(move || {
        let file = root.join(location.as_ref());
        File::open(&file)?.sync_all()?;
        for folder in file.ancestors().skip(1) {
            File::open(folder)?.sync_all()?;
            if folder == root.as_path() {
                break;
            }
        }
        Ok::<(), std::io::Error>(())
    })
    .await;
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| object_store::Error::Generic {
        store: "local",
        source,
    };
    synced.map_err(|e| failed(e.into()))?.map_err(|e| failed(e.into()))
}

/// An upload that is synced when it completes.
#[derive(Debug)]
struct DurableUpload {
    inner: Box<dyn MultipartUpload>,
    root: Arc<PathBuf>,
    location: Path,
}

#[async_trait]
impl MultipartUpload for DurableUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.inner.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let result = self.inner.complete().await?;
        sync(&self.root, &self.location).await?;
        Ok(result)
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}

#[async_trait]
impl ObjectStore for Durable {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let result = self.inner.put_opts(location, payload, options).await?;
        sync(&self.root, location).await?;
        Ok(result)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let inner = self.inner.put_multipart_opts(location, options).await?;
        let root = Arc::clone(&self.root);
        Ok(Box::new(DurableUpload { inner, root, location: location.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(
        &self,
        location: &Path,
        ranges: &[std::ops::Range<u64>],
    ) -> Result<Vec<bytes::Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await?;
        sync(&self.root, to).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.inner.rename_opts(from, to, options).await?;
        sync(&self.root, to).await
    }
}
