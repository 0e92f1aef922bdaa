//! A store that fails at a chosen operation: before it does anything, after it did it all, or from
//! then on for ever.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};

/// How an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nothing happens, and the answer is an error.
    Before,
    /// It happens, and the answer is an error all the same.
    After,
    /// It and all that follow fail before they do anything.
    Sticky,
}

/// Which operation fails, over all stores of a run.
#[derive(Debug)]
pub struct Fault {
    pub at: u64,
    pub mode: Mode,
    seen: AtomicU64,
}

impl Fault {
    /// `at` counts from 0.
    pub fn new(at: u64, mode: Mode) -> Arc<Fault> {
        Arc::new(Fault { at, mode, seen: AtomicU64::new(0) })
    }

    /// Operations so far.
    pub fn seen(&self) -> u64 {
        self.seen.load(Ordering::SeqCst)
    }

    pub fn happened(&self) -> bool {
        self.seen() > self.at
    }

    /// Counts an operation; whether it fails before and after its effect.
    fn next(&self) -> (bool, bool) {
        let number = self.seen.fetch_add(1, Ordering::SeqCst);
        match self.mode {
            Mode::Before => (number == self.at, false),
            Mode::After => (false, number == self.at),
            Mode::Sticky => (number >= self.at, false),
        }
    }

    async fn around<T>(&self, operation: impl Future<Output = Result<T>>) -> Result<T> {
        let (before, after) = self.next();
        if before {
            return Err(broken());
        }
        let done = operation.await?;
        if after { Err(broken()) } else { Ok(done) }
    }
}

fn broken() -> object_store::Error {
    object_store::Error::Generic { store: "fault", source: "injected".into() }
}

/// A store behind a [`Fault`].
#[derive(Debug)]
pub struct FaultStore {
    pub inner: Arc<dyn ObjectStore>,
    pub fault: Arc<Fault>,
}

impl fmt::Display for FaultStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultStore({})", self.inner)
    }
}

#[derive(Debug)]
struct FaultUpload {
    inner: Box<dyn MultipartUpload>,
    fault: Arc<Fault>,
}

#[async_trait]
impl MultipartUpload for FaultUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let part = self.inner.put_part(data);
        let fault = Arc::clone(&self.fault);
        Box::pin(async move { fault.around(part).await })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.fault.around(self.inner.complete()).await
    }

    async fn abort(&mut self) -> Result<()> {
        self.fault.around(self.inner.abort()).await
    }
}

#[async_trait]
impl ObjectStore for FaultStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.fault.around(self.inner.put_opts(location, payload, options)).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let inner = self.fault.around(self.inner.put_multipart_opts(location, options)).await?;
        Ok(Box::new(FaultUpload { inner, fault: Arc::clone(&self.fault) }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.fault.around(self.inner.get_opts(location, options)).await
    }

    async fn get_ranges(
        &self,
        location: &Path,
        ranges: &[std::ops::Range<u64>],
    ) -> Result<Vec<bytes::Bytes>> {
        self.fault.around(self.inner.get_ranges(location, ranges)).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let fault = Arc::clone(&self.fault);
        self.inner
            .delete_stream(locations)
            .then(move |deleted| {
                let fault = Arc::clone(&fault);
                async move { fault.around(async { deleted }).await }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.fault.next() {
            (false, false) => self.inner.list(prefix),
            _ => futures::stream::once(async { Err(broken()) }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.fault.around(self.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.fault.around(self.inner.copy_opts(from, to, options)).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.fault.around(self.inner.rename_opts(from, to, options)).await
    }
}
