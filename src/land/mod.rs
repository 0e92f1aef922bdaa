//! Land: batches and row groups to one Parquet partition, and rejects to quarantine. It reads no source.
//!
//! Every row that comes is in exactly one place afterwards: a landing file, or a quarantine file
//! with its reason. Files are written once, under new names, and nothing of them is readable
//! before the run records name them, so a crash leaves garbage and never half a partition.

mod conform;
mod group;
mod part;
mod quarantine;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::error::{Error, Result};
use crate::layout;
use crate::rows::{ExtractStream, Extracted};
use crate::sequence::Sequence;
use crate::tables::TableSpec;
use crate::window::FileEnd;

pub use part::{DECIMALS, Decimals, LANDING_FILE_BYTES, ROW_GROUP_BYTES, ROW_GROUP_ROWS};
pub use quarantine::{MAX_REJECTED_PERCENT, MAX_REJECTED_ROWS, QuarantineColumn};

use group::GroupPart;
use part::Part;
use quarantine::Quarantine;

/// Warnings kept for one table; the rest are counted. A source that warns on every row must not
/// fill the memory.
const MAX_WARNINGS: usize = 100;

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
    /// Ends of the window's ranges that nobody knew before.
    pub ends: Vec<FileEnd>,
}

impl Landed {
    /// Rows in the landing files.
    pub fn landed(&self) -> u64 {
        self.files.iter().map(|f| f.rows).sum()
    }

    /// Rows or lines in the quarantine files.
    pub fn quarantined(&self) -> u64 {
        self.quarantine.iter().map(|f| f.rows).sum()
    }
}

/// One complete, durable object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LandedFile {
    /// Key in the landing store.
    pub path: String,
    pub bytes: u64,
    pub rows: u64,
}

/// How far a landing is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows read, rejected ones too.
    pub rows: u64,
    /// Bytes of the source passed; 0 for a source that counts none.
    pub bytes: u64,
}

/// Writes a stream as one partition. On an error, what was written is removed as far as possible
/// and is in any case unreadable, since no record names it.
///
/// `progress` gets what was read so far, after each batch. A partition without rows is one file
/// with the schema and 0 rows, so that an empty extract and a missing one look different.
///
/// Errors: what the stream yields; `land/schema` when a batch is not what the spec declares;
/// `land/write` when the store refuses; `land/too_many_rejects` over the tolerance of
/// [`MAX_REJECTED_PERCENT`] and [`MAX_REJECTED_ROWS`]; `land/balance` when a row got lost.
pub async fn land(
    store: Arc<dyn ObjectStore>,
    spec: &TableSpec,
    sequence: Sequence,
    stream: ExtractStream,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Landed> {
    let mut partition = Partition::new(store, spec, sequence);
    match partition.fill(stream, progress).await {
        Ok(landed) => Ok(landed),
        Err(error) => {
            partition.remove().await;
            Err(error.about(spec.land_task().to_string()))
        }
    }
}

/// The landing file being written, of what the stream yields.
enum Open {
    Batches(Part),
    Groups(GroupPart),
}

/// A partition being written.
struct Partition<'a> {
    store: Arc<dyn ObjectStore>,
    spec: &'a TableSpec,
    sequence: Sequence,
    schema: SchemaRef,
    current: Option<Open>,
    quarantine: Quarantine,
    landed: Landed,
    /// Warnings beyond [`MAX_WARNINGS`].
    unsaid: u64,
    /// Every key that was begun, for the removal.
    begun: Vec<Path>,
}

impl<'a> Partition<'a> {
    fn new(store: Arc<dyn ObjectStore>, spec: &'a TableSpec, sequence: Sequence) -> Self {
        Partition {
            store,
            spec,
            sequence,
            schema: spec.landing_schema(),
            current: None,
            quarantine: Quarantine::default(),
            landed: Landed::default(),
            unsaid: 0,
            begun: Vec::new(),
        }
    }

    async fn fill(
        &mut self,
        mut stream: ExtractStream,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Landed> {
        let mut bytes = 0;
        while let Some(extracted) = stream.try_next().await? {
            match extracted {
                Extracted::Rows(batch) => {
                    let rows = batch.num_rows() as u64;
                    if rows > 0 {
                        let batch = conform::conform(&self.schema, batch)?;
                        self.batches().await?.write(&batch).await?;
                        self.close_if_full().await?;
                    }
                    self.landed.read += rows;
                }
                Extracted::Group(group) => {
                    let rows = group.rows();
                    self.groups().await?.append(group).await?;
                    self.close_if_full().await?;
                    self.landed.read += rows;
                }
                Extracted::Rejects(rejects) => {
                    self.landed.read += rejects.len() as u64;
                    self.put_aside(&rejects).await?;
                }
                Extracted::Passed(more) => bytes += more,
                Extracted::Ended(end) => self.landed.ends.push(end),
                Extracted::Warning(text) => self.warn(text),
            }
            progress(Progress { rows: self.landed.read, bytes });
        }
        self.finish().await
    }

    /// The landing file of batches being written, a new one if there is none.
    async fn batches(&mut self) -> Result<&mut Part> {
        if !matches!(self.current, Some(Open::Batches(_))) {
            self.close_landing_part().await?;
            let (store, path) = (Arc::clone(&self.store), self.begin());
            self.current = Some(Open::Batches(Part::begin(store, path, Arc::clone(&self.schema))?));
        }
        match &mut self.current {
            Some(Open::Batches(part)) => Ok(part),
            _ => Err(Error::failed("land/write", "no file is open")),
        }
    }

    /// The landing file of row groups being written, a new one if there is none.
    async fn groups(&mut self) -> Result<&mut GroupPart> {
        if !matches!(self.current, Some(Open::Groups(_))) {
            self.close_landing_part().await?;
            let (store, path) = (Arc::clone(&self.store), self.begin());
            self.current = Some(Open::Groups(GroupPart::begin(store, path, &self.schema)?));
        }
        match &mut self.current {
            Some(Open::Groups(part)) => Ok(part),
            _ => Err(Error::failed("land/write", "no file is open")),
        }
    }

    /// The key of a new landing file.
    fn begin(&mut self) -> Path {
        let path = layout::landing_file(self.spec, self.sequence);
        self.begun.push(path.clone());
        path
    }

    async fn close_if_full(&mut self) -> Result<()> {
        let full = match &self.current {
            Some(Open::Batches(part)) => part.is_full(),
            Some(Open::Groups(part)) => part.is_full(),
            None => false,
        };
        if full {
            self.close_landing_part().await?;
        }
        Ok(())
    }

    async fn close_landing_part(&mut self) -> Result<()> {
        let file = match self.current.take() {
            Some(Open::Batches(part)) => part.finish().await?,
            Some(Open::Groups(part)) => part.finish().await?,
            None => return Ok(()),
        };
        self.landed.files.push(file);
        Ok(())
    }

    async fn put_aside(&mut self, rejects: &[crate::rows::Reject]) -> Result<()> {
        if rejects.is_empty() {
            return Ok(());
        }
        if self.quarantine.part.is_none() {
            let path = layout::quarantine_file(self.spec, self.sequence);
            self.begun.push(path.clone());
            self.quarantine.part =
                Some(Part::begin(Arc::clone(&self.store), path, quarantine::schema())?);
        }
        self.quarantine.add(rejects).await
    }

    fn warn(&mut self, text: String) {
        if self.landed.warnings.contains(&text) {
            return;
        }
        match self.landed.warnings.len() < MAX_WARNINGS {
            true => self.landed.warnings.push(text),
            false => self.unsaid += 1,
        }
    }

    /// Closes the files and checks both sides: what came against what the files say they hold.
    async fn finish(&mut self) -> Result<Landed> {
        self.quarantine.check_tolerance(self.landed.read)?;
        self.close_landing_part().await?;
        if self.landed.files.is_empty() {
            self.batches().await?;
            self.close_landing_part().await?;
        }
        if let Some(part) = self.quarantine.part.take() {
            self.landed.quarantine.push(part.finish().await?);
        }
        self.landed.reasons = self.quarantine.reasons();
        if self.unsaid > 0 {
            self.landed.warnings.push(format!("{} further warnings are not shown", self.unsaid));
        }
        let (landed, quarantined) = (self.landed.landed(), self.landed.quarantined());
        if self.landed.read != landed + quarantined {
            return Err(Error::failed(
                "land/balance",
                format!(
                    "read {} rows but landed {landed} and quarantined {quarantined}",
                    self.landed.read
                ),
            ));
        }
        Ok(std::mem::take(&mut self.landed))
    }

    /// Removes what was written. Best effort: the keys are named nowhere, so what stays is garbage
    /// for the sweep and never data.
    async fn remove(&mut self) {
        match self.current.take() {
            Some(Open::Batches(part)) => part.abort().await,
            Some(Open::Groups(part)) => part.abort().await,
            None => {}
        }
        if let Some(part) = self.quarantine.part.take() {
            part.abort().await;
        }
        for path in &self.begun {
            let _ = self.store.delete(path).await;
        }
    }
}

#[cfg(test)]
mod tests;
