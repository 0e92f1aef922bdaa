//! The engine as the rest of Landfall holds it: opened on a project, it runs batches and queries.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::Utc;
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use object_store::ObjectStore;
use tokio::sync::Mutex;

use crate::config::Project;
use crate::dialect::{self, Command, Parsed};
use crate::error::{Error, Result};
use crate::layout;
use crate::records;
use crate::sequence::Sequence;
use crate::state::State;
use crate::storage;
use crate::tables::{TableName, TableSpec};
use crate::warehouse::{
    Answer, Batch, ColumnInfo, Finish, Outcome, Statement, TableInfo, Warehouse,
};

use super::catalog::{self, ColumnDef, Shape, SnapshotId, TableDef};
use super::files::Place;
use super::outside::Outside;
use super::runtime::runtime_error;
use super::sessions::Sessions;
use super::transaction::Transaction;
use super::{external, statement};

/// How many consumers an out-of-memory error names.
const NAMED_CONSUMERS: usize = 3;

pub struct Local {
    pub(super) state: State,
    pub(super) sessions: Sessions,
    pub(super) landing: Place,
    pub(super) specs: Vec<TableSpec>,
    pub(super) outside: Outside,
    pub(super) data: Place,
    scratch: Place,
    scratch_dir: PathBuf,
    /// The last shape read, with its schema version: the same version is the same shape.
    shape: Mutex<Option<(i64, Shape)>>,
}

impl Drop for Local {
    fn drop(&mut self) {
        // Scratch of a process that dies instead is swept by the next run.
        let _ = std::fs::remove_dir_all(&self.scratch_dir);
    }
}

impl Local {
    /// Opens the warehouse of a project, making an empty one where there is none.
    pub async fn open(
        project: &Project,
        state: State,
        landing: Arc<dyn ObjectStore>,
    ) -> Result<Local> {
        let data_dir = project.state_dir.join(layout::DATA_DIR);
        let scratch_dir = project.scratch_dir().join(format!(
            "{}-{}",
            std::process::id(),
            uuid::Uuid::now_v7().simple()
        ));
        let data = place("data", storage::local(&data_dir, project.fsync)?)?;
        let scratch = place("scratch", storage::local(&scratch_dir, false)?)?;
        let landing = place("landing", landing)?;
        prepare_catalog(&state, &data_dir).await?;
        let runtime = runtime(project, scratch_dir.join("spill"), [&data, &scratch, &landing])?;
        let specs = project.sources.iter().flat_map(|s| s.tables().to_vec()).collect();
        Ok(Local {
            state,
            sessions: Sessions::new(runtime, project.jobs),
            landing,
            specs,
            outside: Outside::new(project),
            data,
            scratch,
            scratch_dir,
            shape: Mutex::new(None),
        })
    }

    pub(super) async fn begin(&self, at: Option<SnapshotId>) -> Result<Transaction> {
        let (base, shape) = match at {
            Some(at) => (at, catalog::shape(self.state.readers(), at).await?),
            None => self.newest().await?,
        };
        Ok(Transaction::begin(
            self.state.clone(),
            base,
            shape,
            self.data.clone(),
            self.scratch.clone(),
            Arc::clone(&self.sessions.many().runtime_env().memory_pool),
        ))
    }

    pub(super) async fn newest(&self) -> Result<(SnapshotId, Shape)> {
        let mut cached = self.shape.lock().await;
        let (snapshot, version) = catalog::latest(self.state.readers()).await?;
        if let Some((known, shape)) = cached.as_ref()
            && *known == version
        {
            return Ok((snapshot, shape.clone()));
        }
        let shape = catalog::shape(self.state.readers(), snapshot).await?;
        *cached = Some((version, shape.clone()));
        Ok((snapshot, shape))
    }

    /// What tells this warehouse from every other, for as long as it lives.
    pub async fn identity(&self) -> Result<String> {
        catalog::identity(self.state.readers()).await
    }

    async fn snapshot_of(&self, as_of: Option<Sequence>) -> Result<Option<SnapshotId>> {
        let Some(sequence) = as_of else { return Ok(None) };
        match records::snapshot_of(self.state.readers(), sequence).await? {
            Some(snapshot) if !catalog::is_kept(self.state.readers(), snapshot).await? => {
                Err(Error::config(
                    "query/expired",
                    format!("sequence {sequence} can no longer be read: it has expired"),
                )
                .hint("landfall compact --expire-before-sequence forgot it; ask for a later one"))
            }
            Some(snapshot) => Ok(Some(snapshot)),
            None => Err(Error::config(
                "query/sequence",
                format!("sequence {sequence} has not been completed"),
            )
            .hint("landfall history lists the sequences")),
        }
    }
}

impl Local {
    /// Where the data files are.
    pub(super) fn data(&self) -> &Place {
        &self.data
    }

    /// Forgets every snapshot before that of a complete sequence; returns how many those are.
    pub async fn forget_before(&self, sequence: Sequence, dry_run: bool) -> Result<u64> {
        let Some(keep) = self.snapshot_of(Some(sequence)).await? else { return Ok(0) };
        let before = catalog::before(self.state.readers(), keep).await?;
        if !dry_run && before > 0 {
            catalog::expire(&self.state, keep).await?;
        }
        Ok(before)
    }
}

fn place(name: &str, store: Arc<dyn ObjectStore>) -> Result<Place> {
    let url = ObjectStoreUrl::parse(format!("landfall-{name}://local")).map_err(engine_error)?;
    Ok(Place { url, store })
}

async fn prepare_catalog(state: &State, data_dir: &Path) -> Result<()> {
    let data_path = format!("{}/", data_dir.display());
    let now = Utc::now().format("%Y-%m-%d %H:%M:%S%.6f+00").to_string();
    let mut conn = state.writer().await;
    catalog::create(&mut conn, &data_path, &now).await?;
    records::create_tables(&mut conn).await?;
    let shared = conn.is_server();
    drop(conn);
    if shared { claim_data(state, data_dir).await } else { Ok(()) }
}

/// The data of a catalog that several machines share is marked, so that an empty folder under the
/// same path, as where a share is not mounted, is not taken for it.
async fn claim_data(state: &State, data_dir: &Path) -> Result<()> {
    let mark = data_dir.join("_landfall");
    let identity = catalog::identity(state.readers()).await?;
    match std::fs::read_to_string(&mark) {
        Ok(found) if found == identity => return Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        _ => return Err(no_data(&mark)),
    }
    if catalog::latest(state.readers()).await?.0 > 0 {
        return Err(no_data(&mark));
    }
    let written = std::fs::create_dir_all(data_dir)
        .and_then(|()| std::fs::write(&mark, &identity))
        .and_then(|()| std::fs::File::open(&mark)?.sync_all());
    written.map_err(|cause| {
        Error::config("state/folder", format!("cannot write `{}`", mark.display()))
            .because(cause)
            .hint("check that the folder exists and that you may write to it")
    })
}

fn no_data(mark: &Path) -> Error {
    let message = format!("`{}` does not name this catalog: its data is elsewhere", mark.display());
    Error::config("catalog/other-data", message)
        .hint("is the shared folder that `state` names mounted on this machine?")
}

/// Memory is shared fairly between operators and what does not fit goes to the disk.
fn runtime(project: &Project, spill: PathBuf, places: [&Place; 3]) -> Result<Arc<RuntimeEnv>> {
    let consumers =
        std::num::NonZeroUsize::new(NAMED_CONSUMERS).unwrap_or(std::num::NonZeroUsize::MIN);
    let pool = TrackConsumersPool::new(FairSpillPool::new(project.memory_limit), consumers);
    let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Directories(vec![spill]));
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(pool))
        .with_disk_manager_builder(disk)
        .build_arc()
        .map_err(engine_error)?;
    for place in places {
        runtime.register_object_store(place.url.as_ref(), Arc::clone(&place.store));
    }
    Ok(runtime)
}

/// An error of the engine while it runs a statement.
pub(super) fn engine_error(error: DataFusionError) -> Error {
    if let Some(ours) = travelled(&error) {
        return ours;
    }
    let root = error.find_root();
    let text = root.strip_backtrace();
    let text = text.lines().next().unwrap_or_default();
    if let DataFusionError::ResourcesExhausted(_) = root {
        return Error::failed("engine/memory", text.to_string())
            .hint("raise memory_limit in landfall.toml, or lower jobs");
    }
    // A footer that cannot be fetched comes as text in an error of Parquet.
    let of_a_store = match root {
        DataFusionError::ObjectStore(_) | DataFusionError::IoError(_) => true,
        DataFusionError::ParquetError(_) => text.contains("Object Store error: "),
        _ => storage::is_of_a_store(&error),
    };
    if of_a_store {
        let message = "a file of the warehouse cannot be read";
        let hint = "landfall doctor checks the warehouse";
        return storage::explain("engine/storage", message, error, hint);
    }
    let planned = matches!(
        root,
        DataFusionError::Plan(_)
            | DataFusionError::SchemaError(..)
            | DataFusionError::NotImplemented(_)
    );
    // what the analyzer or the optimizer finds wrong, after a query is planned
    if planned {
        return dialect::sql_error(error, None);
    }
    runtime_error(text)
}

/// An error of ours that came back through the engine, wrapped as it may be.
fn travelled(error: &(dyn std::error::Error + 'static)) -> Option<Error> {
    let Some(ours) = error.downcast_ref::<Error>() else {
        return travelled(error.source()?);
    };
    let mut copy = Error::new(ours.kind(), ours.code(), ours.message());
    if let Some(place) = ours.place() {
        copy = copy.at(place.clone());
    }
    if let Some(hint) = ours.advice() {
        copy = copy.hint(hint);
    }
    match std::error::Error::source(ours) {
        Some(cause) => Some(copy.because(cause.to_string())),
        None => Some(copy),
    }
}

#[async_trait]
impl Warehouse for Local {
    async fn run(&self, batch: &Batch, finish: Finish<'_>) -> Result<Vec<Outcome>> {
        let mut txn = self.begin(None).await?;
        let mut outcomes = Vec::with_capacity(batch.statements.len());
        for statement in &batch.statements {
            let started = std::time::Instant::now();
            let (mut outcome, undone) = self
                .statement(&mut txn, statement)
                .await
                .map_err(|error| in_file(error, &statement.place))?;
            if undone {
                outcomes.iter_mut().for_each(undo);
            }
            outcome.took = started.elapsed();
            outcomes.push(outcome);
        }
        let marker = finish(&outcomes)?;
        txn.commit(Some(&marker)).await?;
        Ok(outcomes)
    }

    async fn query(&self, sql: &str, as_of: Option<Sequence>) -> Result<Answer> {
        let at = self.snapshot_of(as_of).await?;
        let mut txn = self.begin(at).await?;
        let mut parsed = dialect::parse_script(sql, Path::new("query"))?;
        let (Some(only), true) = (parsed.pop(), parsed.is_empty()) else {
            return Err(Error::config("query/one", "expected one query"));
        };
        match &only.command {
            Command::Query(_) | Command::Explain { .. } | Command::Show(_) => {}
            other => {
                return Err(Error::config(
                    "query/read-only",
                    format!("{} changes the warehouse; query only reads", other.verb()),
                )
                .hint("tables are made by the files in sql/pres and by landfall run"));
            }
        }
        let outcome = statement::run(self, &mut txn, &only).await?;
        outcome.answer.ok_or_else(|| Error::failed("query/answer", "the query gave no rows"))
    }

    async fn columns(&self, table: &TableName) -> Result<Option<Vec<ColumnInfo>>> {
        let (_, shape) = self.newest().await?;
        Ok(shape.tables.get(table).map(|def| columns(def)))
    }

    async fn describe(&self) -> Result<Vec<TableInfo>> {
        let (snapshot, shape) = self.newest().await?;
        let mut tables = Vec::new();
        for (name, def) in &shape.tables {
            let files = catalog::files(self.state.readers(), def, snapshot).await?;
            let rows = files
                .iter()
                .map(|f| f.rows.saturating_sub(f.delete.as_ref().map_or(0, |d| d.rows)));
            tables.push(TableInfo {
                name: name.clone(),
                columns: columns(def),
                rows: Some(rows.sum()),
                bytes: Some(files.iter().map(|f| f.bytes).sum()),
                attributes: def.attributes.clone(),
                is_view: false,
            });
        }
        for view in shape.views.values() {
            tables.push(self.describe_view(&view.name).await);
        }
        let externals = shape.externals.iter();
        tables.extend(externals.map(|(name, table)| external::described(name, table)));
        tables.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(tables)
    }
}

fn columns(def: &TableDef) -> Vec<ColumnInfo> {
    let column =
        |c: &ColumnDef| ColumnInfo { name: c.name.clone(), ty: c.ty, not_null: c.not_null };
    def.columns.iter().map(column).collect()
}

/// What is left of an outcome that a ROLLBACK undid.
fn undo(outcome: &mut Outcome) {
    (outcome.inserted, outcome.updated, outcome.deleted) = (0, 0, 0);
}

/// Turns a place inside a statement into the place in the statement's file.
fn in_file(error: Error, statement: &crate::error::Place) -> Error {
    let place = match error.place() {
        None => statement.clone(),
        Some(inside) if inside.file == statement.file => {
            let column = if inside.line == 1 { statement.column - 1 } else { 0 };
            crate::error::Place {
                file: statement.file.clone(),
                line: statement.line + inside.line - 1,
                column: column + inside.column,
            }
        }
        Some(elsewhere) => elsewhere.clone(),
    };
    error.at(place)
}

impl Local {
    /// Runs the text of a statement.
    ///
    /// The answer is what it did, and whether it undid what came before it.
    async fn statement(
        &self,
        txn: &mut Transaction,
        statement: &Statement,
    ) -> Result<(Outcome, bool)> {
        let (mut outcome, mut undone) = (Outcome::default(), false);
        for parsed in dialect::parse_script(&statement.text, &statement.place.file)? {
            if let (Command::Rollback, true) = (&parsed.command, txn.can_start_over()) {
                let mut settings = std::mem::take(&mut txn.settings);
                settings.undo();
                *txn = self.begin(None).await?;
                txn.settings = settings;
                undone = true;
            } else {
                outcome = self.parsed(txn, &parsed).await?;
            }
        }
        Ok((outcome, undone))
    }

    /// Runs one statement; a TRUNCATE ends the transaction and begins another.
    pub(super) async fn parsed(&self, txn: &mut Transaction, parsed: &Parsed) -> Result<Outcome> {
        let outcome = statement::run(self, txn, parsed).await?;
        if parsed.command.commits() {
            let mut next = self.begin(None).await?;
            next.keep_temporary_of(txn);
            std::mem::replace(txn, next).commit(None).await?;
            let mut next = self.begin(None).await?;
            next.keep_temporary_of(txn);
            *txn = next;
        }
        Ok(outcome)
    }

    /// A view that cannot be planned, because a table of it is gone or another program wrote it in
    /// other words, is listed without columns; naming it in a query says what is wrong.
    async fn describe_view(&self, name: &TableName) -> TableInfo {
        let schema = async {
            let mut txn = self.begin(None).await?;
            statement::view_schema(self, &mut txn, name).await
        };
        let columns = schema.await.unwrap_or_default();
        TableInfo {
            name: name.clone(),
            columns,
            rows: None,
            bytes: None,
            attributes: None,
            is_view: true,
        }
    }
}
