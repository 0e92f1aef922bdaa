//! The sources of a run: connected, checked against their specs, and asked for windows. It lands
//! nothing and writes no record.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

use crate::config::{CountrySource, DatabaseSource, Source, WeblogSource};
use crate::error::{Error, Kind, Result};
use crate::extract::database::{Database, Warning};
use crate::extract::weblog;
use crate::records::{self, addresses};
use crate::rows::ExtractStream;
use crate::sequence::Sequence;
use crate::state::State;
use crate::tables::{Extract, TableSpec};
use crate::task::TaskName;
use crate::window::{ReadUpTo, Window};

/// A land task to prepare.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    pub source: &'a Source,
    pub spec: &'a TableSpec,
}

/// What is known of the windows: those fixed in this sequence, and those that reached the store
/// in earlier ones.
#[derive(Debug, Default)]
pub struct Known {
    pub fixed: BTreeMap<TaskName, Window>,
    pub merged: BTreeMap<TaskName, Window>,
    /// How far each log file was read, by land task and file id.
    pub files: BTreeMap<TaskName, BTreeMap<String, ReadUpTo>>,
}

impl Known {
    /// Reads what the records know of these tasks at the beginning of `sequence`.
    pub async fn read(state: &State, sequence: Sequence, wanted: &[Wanted<'_>]) -> Result<Known> {
        let pool = state.readers();
        let mut files = BTreeMap::new();
        for want in wanted.iter().filter(|w| matches!(w.source, Source::Weblog(_))) {
            let task = want.spec.land_task();
            let ends = records::windows::file_ends(pool, &task, sequence).await?;
            files.insert(task, ends);
        }
        Ok(Known {
            fixed: records::windows::of(pool, sequence).await?,
            merged: records::windows::merged_before(pool, sequence).await?,
            files,
        })
    }
}

/// What the sources answered.
#[derive(Default)]
pub struct Survey {
    /// The window of every task that can run.
    pub windows: BTreeMap<TaskName, Window>,
    /// Those among them that are not fixed yet.
    pub new: BTreeMap<TaskName, Window>,
    /// Tasks that cannot run, and why.
    pub failures: BTreeMap<TaskName, Error>,
    /// About a task, or about a whole source.
    pub warnings: Vec<(Option<TaskName>, String)>,
    pub sources: Sources,
}

/// Connected sources, by name.
#[derive(Default)]
pub struct Sources {
    root: PathBuf,
    databases: HashMap<String, Database>,
}

/// Connects to the sources of the wanted tasks, checks their specs and fixes their windows.
///
/// Errors: a source that is out of reach. What is wrong with one table is in `failures`.
pub async fn survey(
    root: &std::path::Path,
    wanted: &[Wanted<'_>],
    known: &Known,
) -> Result<Survey> {
    let mut survey = Survey::default();
    survey.sources.root = root.to_path_buf();
    let mut done: Vec<&str> = Vec::new();
    for want in wanted {
        if done.contains(&want.source.name()) {
            continue;
        }
        done.push(want.source.name());
        let specs: Vec<&TableSpec> = wanted
            .iter()
            .filter(|other| other.source.name() == want.source.name())
            .map(|other| other.spec)
            .collect();
        match want.source {
            Source::Database(source) => survey.database(source, specs, known).await?,
            Source::Weblog(source) => survey.weblog(source, known).await?,
        }
    }
    Ok(survey)
}

impl Survey {
    async fn database(
        &mut self,
        source: &DatabaseSource,
        specs: Vec<&TableSpec>,
        known: &Known,
    ) -> Result<()> {
        let database = Database::connect(source).await?;
        let mut sound = Vec::new();
        match database.check(&specs).await {
            Ok(warnings) => {
                self.warn(&specs, warnings);
                sound = specs;
            }
            // Asked one by one, each table has its own answer.
            Err(_) => {
                for spec in specs {
                    match database.check(&[spec]).await {
                        Ok(warnings) => {
                            self.warn(&[spec], warnings);
                            sound.push(spec);
                        }
                        Err(error) => self.fail(spec, error)?,
                    }
                }
            }
        }
        let mut open = Vec::new();
        for spec in sound {
            match known.fixed.get(&spec.land_task()).filter(|window| fits(window, spec)) {
                Some(window) => {
                    self.windows.insert(spec.land_task(), window.clone());
                }
                None => open.push(spec),
            }
        }
        self.open_windows(&database, open, known).await?;
        self.sources.databases.insert(source.name.clone(), database);
        Ok(())
    }

    /// Windows for tables that have none in this sequence.
    async fn open_windows(
        &mut self,
        database: &Database,
        specs: Vec<&TableSpec>,
        known: &Known,
    ) -> Result<()> {
        if specs.is_empty() {
            return Ok(());
        }
        let last: BTreeMap<String, Window> = specs
            .iter()
            .filter_map(|spec| {
                Some((spec.name.clone(), known.merged.get(&spec.land_task())?.clone()))
            })
            .collect();
        match database.windows(&specs, &last).await {
            Ok((windows, warnings)) => {
                self.warn(&specs, warnings);
                self.take(&specs, windows)
            }
            Err(_) => {
                for spec in specs {
                    match database.windows(&[spec], &last).await {
                        Ok((windows, warnings)) => {
                            self.warn(&[spec], warnings);
                            self.take(&[spec], windows)?;
                        }
                        Err(error) => self.fail(spec, error)?,
                    }
                }
                Ok(())
            }
        }
    }

    fn take(&mut self, specs: &[&TableSpec], mut windows: BTreeMap<String, Window>) -> Result<()> {
        for spec in specs {
            let window = windows.remove(&spec.name).ok_or_else(|| {
                Error::failed("run/window", "the source named no window").about(&spec.name)
            })?;
            self.windows.insert(spec.land_task(), window.clone());
            self.new.insert(spec.land_task(), window);
        }
        Ok(())
    }

    async fn weblog(&mut self, source: &WeblogSource, known: &Known) -> Result<()> {
        let task = source.table.land_task();
        if let Some(window @ Window::Files { .. }) = known.fixed.get(&task) {
            self.windows.insert(task, window.clone());
            return Ok(());
        }
        let read = known.files.get(&task).cloned().unwrap_or_default();
        let (source, root) = (source.clone(), self.sources.root.clone());
        let planned = blocking(move || weblog::plan(&source, &root, &read)).await?;
        match planned {
            Ok((window, warnings)) => {
                self.warnings.extend(warnings.into_iter().map(|w| (Some(task.clone()), w)));
                self.windows.insert(task.clone(), window.clone());
                self.new.insert(task, window);
            }
            Err(error) => {
                self.failures.insert(task, error);
            }
        }
        Ok(())
    }

    fn warn(&mut self, specs: &[&TableSpec], warnings: Vec<Warning>) {
        for warning in warnings {
            let spec = specs.iter().find(|spec| spec.name == warning.table);
            let message = match spec {
                Some(_) => warning.message,
                None => format!("{}: {}", warning.table, warning.message),
            };
            self.warnings.push((spec.map(|spec| spec.land_task()), message));
        }
    }

    /// A source out of reach ends the run; anything else is the table's own.
    fn fail(&mut self, spec: &TableSpec, error: Error) -> Result<()> {
        if matches!(error.kind(), Kind::Connect | Kind::Interrupted) {
            return Err(error);
        }
        self.failures.insert(spec.land_task(), error);
        Ok(())
    }
}

/// Whether a window fixed earlier in the sequence still is one of this table.
fn fits(window: &Window, spec: &TableSpec) -> bool {
    match (window, &spec.extract) {
        // A full read holds every row an incremental one would.
        (Window::Full, _) | (Window::Range { .. }, Extract::Incremental { .. }) => true,
        (Window::Range { .. }, Extract::Full) | (Window::Files { .. }, _) => false,
    }
}

impl Sources {
    /// The rows of a window.
    pub async fn extract(
        &self,
        source: &Source,
        spec: &TableSpec,
        window: &Window,
        asked: Asked<'_>,
    ) -> Result<ExtractStream> {
        if window.is_empty() {
            return Ok(Box::pin(futures::stream::empty()));
        }
        match source {
            Source::Database(_) => self.database(source)?.extract(spec, window).await,
            Source::Weblog(weblog) => {
                let cache = Arc::new(Remembered {
                    state: asked.state.clone(),
                    provider: provider(&weblog.country),
                    sequence: asked.sequence,
                });
                let (weblog, root) = (weblog.clone(), self.root.clone());
                let (window, jobs) = (window.clone(), asked.jobs);
                blocking(move || {
                    let countries = weblog::countries(&weblog.country, cache)?;
                    weblog::extract(&weblog, &root, &window, countries, jobs)
                })
                .await?
            }
        }
    }

    /// How many rows a window holds; `None` where counting would mean reading.
    pub async fn count(
        &self,
        source: &Source,
        spec: &TableSpec,
        window: &Window,
    ) -> Result<Option<u64>> {
        match source {
            _ if window.is_empty() => Ok(Some(0)),
            Source::Database(_) => Ok(Some(self.database(source)?.count(spec, window).await?)),
            Source::Weblog(_) => Ok(None),
        }
    }

    fn database(&self, source: &Source) -> Result<&Database> {
        self.databases.get(source.name()).ok_or_else(|| {
            Error::failed("run/source", "the source was not connected").about(source.name())
        })
    }
}

/// What an extract needs of the run.
pub struct Asked<'a> {
    pub state: &'a State,
    pub sequence: Sequence,
    pub jobs: usize,
}

fn provider(country: &CountrySource) -> String {
    match country {
        CountrySource::Table(_) => "table".to_string(),
        CountrySource::Mmdb(_) => "mmdb".to_string(),
        CountrySource::Ipinfo { url, .. } => url.to_string(),
    }
}

/// Runs what reads files on a thread that may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| Error::failed("task/panic", "reading a log broke off").because(e))
}

/// An ISO 3166 code, as the weblog stage has it.
type Country = [u8; 2];

/// Countries of addresses, kept in the run records.
struct Remembered {
    state: State,
    provider: String,
    sequence: Sequence,
}

#[async_trait]
impl weblog::AddressCache for Remembered {
    async fn get(&self, asked: &[IpAddr]) -> Result<Vec<(IpAddr, Option<Country>)>> {
        let asked: Vec<String> = asked.iter().map(ToString::to_string).collect();
        let known = addresses::known(self.state.readers(), &self.provider, &asked).await?;
        Ok(known
            .into_iter()
            .filter_map(|(address, country)| {
                let country = country.and_then(|code| code.as_bytes().try_into().ok());
                Some((address.parse().ok()?, country))
            })
            .collect())
    }

    async fn put(&self, answers: &[(IpAddr, Option<Country>)]) -> Result<()> {
        let answers: Vec<(String, Option<String>)> = answers
            .iter()
            .map(|(address, country)| {
                let country = country.map(|code| String::from_utf8_lossy(&code).into_owned());
                (address.to_string(), country)
            })
            .collect();
        let mut writer = self.state.writer().await;
        addresses::remember(&mut writer, &self.provider, self.sequence, &answers).await
    }
}
