//! `doctor`: one line for each thing a run needs: ok, warn or fail, and what to do about it.
//!
//! It changes nothing that lasts: what it writes to prove that it can, it removes.

mod files;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::json;

use crate::cli::Exit;
use crate::cli::clean::{clean_line, scrub};
use crate::cli::human;
use crate::cli::session::Session;
use crate::config::{CountrySource, DatabaseSource, Project, Source, WeblogSource};
use crate::error::{Error, Result};
use crate::extract::database::{CLOCK_MARGIN, Database};
use crate::extract::weblog::country::Country;
use crate::extract::weblog::{self, AddressCache};
use crate::records::read;
use crate::run;
use crate::state::State;
use crate::window::{FileRange, Window};
use crate::{layout, storage};

/// Free space under which a run is likely to stop in the middle.
const LITTLE_SPACE: u64 = 1024 * 1024 * 1024;
/// Free space under which hardly anything can be written.
const NO_SPACE: u64 = 64 * 1024 * 1024;

/// How one thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

/// One thing looked at.
#[derive(Debug)]
struct Finding {
    verdict: Verdict,
    what: String,
    detail: String,
    fix: Option<String>,
}

impl Finding {
    fn new(verdict: Verdict, what: impl Into<String>, detail: impl Into<String>) -> Finding {
        Finding { verdict, what: what.into(), detail: detail.into(), fix: None }
    }

    fn ok(what: impl Into<String>, detail: impl Into<String>) -> Finding {
        Finding::new(Verdict::Ok, what, detail)
    }

    fn fail(what: impl Into<String>, error: &Error) -> Finding {
        let mut detail = format!("[{}] {error}", error.code());
        for cause in error.causes() {
            detail.push_str(": ");
            detail.push_str(&cause);
        }
        let mut finding = Finding::new(Verdict::Fail, what, detail);
        finding.fix = error.advice().map(str::to_string);
        finding
    }

    fn fix(mut self, fix: impl Into<String>) -> Finding {
        self.fix = Some(fix.into());
        self
    }
}

/// Looks at everything and says how it stands; exits with 1 when something fails.
pub(in crate::cli) fn doctor(session: &Session) -> Result<Exit> {
    let mut failed = false;
    let mut tell = |finding: Finding| -> Result<()> {
        failed |= finding.verdict == Verdict::Fail;
        show(session, &finding)
    };
    match session.load(true) {
        Err(error) => {
            for error in std::iter::once(&error).chain(error.others()) {
                let finding = Finding::fail("settings", error);
                let place = error.place().map(|p| format!(" at {p}")).unwrap_or_default();
                tell(Finding { detail: format!("{}{place}", finding.detail), ..finding })?;
            }
        }
        Ok(loaded) => {
            let project = loaded.project;
            tell(Finding::ok(
                "settings",
                project.root.join(layout::CONFIG_FILE).display().to_string(),
            ))?;
            tell(folder_writable("state", &project.state_dir))?;
            tell(space(&project.state_dir))?;
            let findings = session
                .stop
                .until_signal(&session.printer, async { Ok(reach(session, &project).await) })?;
            for finding in findings {
                tell(finding)?;
            }
        }
    }
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

fn show(session: &Session, finding: &Finding) -> Result<()> {
    let paint = session.printer.ink();
    let (word, painted) = match finding.verdict {
        Verdict::Ok => ("ok", paint.good("ok  ")),
        Verdict::Warn => ("warn", paint.warn("warn")),
        Verdict::Fail => ("fail", paint.bad("fail")),
    };
    let (what, detail) = (scrub(&finding.what), scrub(&finding.detail));
    if session.printer.is_json() {
        return session.printer.json_line(&json!({
            "v": 1, "status": word, "check": what, "detail": detail, "fix": finding.fix,
        }));
    }
    session.printer.line(format!(
        "{painted}  {:<22} {}",
        clean_line(&what),
        clean_line(&detail)
    ))?;
    if let Some(fix) = &finding.fix {
        session.printer.line(format!(
            "      {} {}",
            paint.accent("fix:"),
            clean_line(&scrub(fix))
        ))?;
    }
    session.printer.flush()
}

/// Everything that has to be asked.
async fn reach(session: &Session, project: &Project) -> Vec<Finding> {
    let catalog = State::existing(project).await;
    let mut findings = vec![lock(project, &catalog).await, landing(project).await];
    findings.push(match &catalog {
        Err(error) => Finding::fail("catalog", error),
        Ok(Some(_)) => Finding::ok("catalog", State::place(project)),
        Ok(None) => Finding::ok("catalog", format!("{}, not made yet", State::place(project))),
    });
    for source in &project.sources {
        match source {
            Source::Database(source) => findings.extend(database(source).await),
            Source::Weblog(source) => findings.extend(web_log(project, source)),
        }
    }
    findings.extend(files::check(session, project).await);
    findings.push(clock(session, project).await);
    findings
}

fn folder_writable(what: &str, folder: &Path) -> Finding {
    let probe = folder.join(format!(".doctor-{}", uuid::Uuid::now_v7()));
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&probe, b"probe"))
        .and_then(|()| std::fs::remove_file(&probe));
    match written {
        Ok(()) => Finding::ok(what, folder.display().to_string()),
        Err(cause) => Finding::new(Verdict::Fail, what, format!("{}: {cause}", folder.display()))
            .fix("make the folder writable, or name another as `state`"),
    }
}

#[cfg(unix)]
fn space(folder: &Path) -> Finding {
    match rustix::fs::statvfs(folder) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let detail = format!("{} free", human::size(free));
            match free {
                0..NO_SPACE => Finding::new(Verdict::Fail, "disk space", detail)
                    .fix("make room, or move `state` and `landing` to another disk"),
                NO_SPACE..LITTLE_SPACE => Finding::new(Verdict::Warn, "disk space", detail)
                    .fix("make room before a large run"),
                _ => Finding::ok("disk space", detail),
            }
        }
        Err(cause) => Finding::new(Verdict::Warn, "disk space", cause.to_string()),
    }
}

#[cfg(not(unix))]
fn space(_: &Path) -> Finding {
    Finding::new(Verdict::Warn, "disk space", "is not known on this system")
}

async fn lock(project: &Project, catalog: &Result<Option<State>>) -> Finding {
    let shared = match catalog {
        Ok(Some(state)) => run::shared_holder(state).await.unwrap_or_default(),
        _ => None,
    };
    match shared.or_else(|| run::holder(&project.state_dir)) {
        None => Finding::ok("lock", "free"),
        Some(holder) => {
            let run = holder.run.map(|run| format!(", run {run}")).unwrap_or_default();
            let since = human::local_time(holder.since);
            let detail =
                format!("held by process {} on {} since {since}{run}", holder.pid, holder.host);
            Finding::new(Verdict::Warn, "lock", detail)
                .fix("wait for that run; when its process ends, the lock is free")
        }
    }
}

/// Writes, reads and deletes an object.
async fn landing(project: &Project) -> Finding {
    let key = Key::from(format!("doctor/probe-{}", uuid::Uuid::now_v7()));
    let tried = async {
        storage::reach(&project.landing).await?;
        let store = storage::open(&project.landing, project.fsync)?;
        probe(store.as_ref(), &key).await.map_err(|e| {
            let message = "cannot write, read and delete an object";
            storage::explain("storage/probe", message, e, "check the place that `landing` names")
        })
    };
    match tried.await {
        Ok(()) => Finding::ok("landing store", project.landing.to_string()),
        Err(error) => Finding::fail("landing store", &error),
    }
}

async fn probe(store: &dyn ObjectStore, key: &Key) -> object_store::Result<()> {
    const TEXT: &[u8] = b"probe";
    store.put(key, TEXT.into()).await?;
    let read = store.get(key).await?.bytes().await;
    store.delete(key).await?;
    match read? == TEXT {
        true => Ok(()),
        false => Err(object_store::Error::Generic {
            store: "landing",
            source: "what was read is not what was written".into(),
        }),
    }
}

async fn database(source: &DatabaseSource) -> Vec<Finding> {
    let what = format!("source {}", source.name);
    let database = match Database::connect(source).await {
        Ok(database) => database,
        Err(error) => return vec![Finding::fail(what, &error)],
    };
    let specs: Vec<_> = source.tables.iter().collect();
    match database.check(&specs).await {
        Ok(warnings) => {
            let tables = human::count(specs.len() as u64, "table", "tables");
            let mut findings = vec![Finding::ok(&what, format!("{tables} as declared"))];
            findings.push(source_clock(&what, &database).await);
            findings.extend(warnings.into_iter().map(|warning| {
                Finding::new(
                    Verdict::Warn,
                    &what,
                    format!("{}: {}", warning.table, warning.message),
                )
            }));
            findings
        }
        Err(error) => std::iter::once(&error)
            .chain(error.others())
            .map(|error| {
                let finding = Finding::fail(&what, error);
                let place = error.place().map(|p| format!(" at {p}")).unwrap_or_default();
                Finding { detail: format!("{}{place}", finding.detail), ..finding }
            })
            .collect(),
    }
}

/// The source's clock against ours. Windows follow the source's alone (rule W2), so a skew loses no
/// row that the database stamps. A row stamped by a clock that is further behind the source's than
/// a window stays behind it (rule W1) lies before a window that is read already; ours stands for
/// the clocks of the machines that may do so.
async fn source_clock(what: &str, database: &Database) -> Finding {
    let what = format!("{what} clock");
    let before = Utc::now();
    let now = match database.clock().await {
        Ok(now) => now.and_utc(),
        Err(error) => return Finding::fail(what, &error),
    };
    skew(&what, before, now, Utc::now())
}

/// `now` was read at the source between two moments of ours.
fn skew(what: &str, before: DateTime<Utc>, now: DateTime<Utc>, after: DateTime<Utc>) -> Finding {
    let (ahead, behind) = (now - after, before - now);
    let (by, side, why) = match ahead > behind {
        true => (ahead, "ahead of ours", "rows stamped by a clock like ours can be missed"),
        false => (behind, "behind ours", "its changes are read that much later"),
    };
    let detail = |by| format!("{} {side}", human::took(by));
    match by.to_std() {
        Ok(least) if by > CLOCK_MARGIN => {
            Finding::new(Verdict::Warn, what, format!("{}: {why}", detail(least))).fix(
                "set both clocks by NTP; a table whose watermark the database does not set needs a \
                 `lookback` longer than this",
            )
        }
        Ok(least) if !least.is_zero() => Finding::ok(what, detail(least)),
        // Between our two moments: no skew that could be told from the way there and back.
        _ => Finding::ok(what, "agrees with ours"),
    }
}

fn web_log(project: &Project, source: &WeblogSource) -> Vec<Finding> {
    let what = format!("source {}", source.name);
    let mut findings = match weblog::plan(source, &project.root, &BTreeMap::new()) {
        Ok((Window::Files { ranges }, warnings)) => {
            let bytes = ranges.iter().map(FileRange::bytes).sum();
            let files = human::count(ranges.len() as u64, "file", "files");
            let mut findings = vec![Finding::ok(&what, format!("{files}, {}", human::size(bytes)))];
            findings.extend(warnings.into_iter().map(|w| Finding::new(Verdict::Warn, &what, w)));
            findings
        }
        Ok(_) => Vec::new(),
        Err(error) => vec![Finding::fail(&what, &error)],
    };
    findings.push(countries(&what, &source.country));
    findings
}

/// The provider of countries; the API is not asked, for it counts what it is asked.
fn countries(what: &str, country: &CountrySource) -> Finding {
    if let CountrySource::Ipinfo { token: None, .. } = country {
        return Finding::new(Verdict::Warn, what, "no token for the IPinfo API")
            .fix("set token_env or token_file; without it countries stay NULL");
    }
    match weblog::countries(country, Arc::new(Forgetful)) {
        Err(error) => Finding::fail(what, &error),
        Ok(_) => Finding::ok(
            what,
            match country {
                CountrySource::Table(path) if !path.exists() => {
                    "countries from the table built in".to_string()
                }
                CountrySource::Table(path) | CountrySource::Mmdb(path) => {
                    format!("countries from {}", path.display())
                }
                CountrySource::Ipinfo { url, .. } => format!("countries from {url}"),
            },
        ),
    }
}

/// Remembers no address: what `doctor` learns is not kept.
struct Forgetful;

#[async_trait]
impl AddressCache for Forgetful {
    async fn get(&self, _: &[IpAddr]) -> Result<Vec<(IpAddr, Option<Country>)>> {
        Ok(Vec::new())
    }

    async fn put(&self, _: &[(IpAddr, Option<Country>)]) -> Result<()> {
        Ok(())
    }
}

/// Ours against the records, which show it.
async fn clock(session: &Session, project: &Project) -> Finding {
    let last = async {
        let Some(state) = session.records(project).await? else {
            return Ok(None);
        };
        Ok(read::runs(state.readers(), None, 1).await?.into_iter().next())
    };
    let now = Utc::now();
    match last.await {
        Err(error) => Finding::fail("clock", &error),
        Ok(Some(run)) if run.started_at > now => Finding::new(
            Verdict::Warn,
            "clock",
            format!(
                "run {} began {} from now",
                run.run,
                human::took((run.started_at - now).to_std().unwrap_or_default())
            ),
        )
        .fix("set this machine's clock"),
        Ok(_) => Finding::ok("clock", human::utc_time(now)),
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    #[test]
    fn a_skew_is_told_from_the_way_there_and_back() {
        let ours = Utc::now();
        let look = |source: i64, took: i64| {
            let at = |millis| ours + Duration::milliseconds(millis);
            let found = skew("source x clock", ours, at(source), at(took));
            (found.verdict, found.detail, found.fix.is_some())
        };
        for (source, took) in [(0, 0), (40, 40), (20, 40), (9_000, 20_000)] {
            assert_eq!(look(source, took), (Verdict::Ok, "agrees with ours".into(), false));
        }
        assert_eq!(look(240, 40), (Verdict::Ok, "200ms ahead of ours".into(), false));
        assert_eq!(look(-1_000, 40), (Verdict::Ok, "1.0s behind ours".into(), false));
        let (verdict, detail, fix) = look(-61_000, 40);
        assert!(detail.starts_with("1m 01s behind ours: its changes"), "{detail}");
        assert_eq!((verdict, fix), (Verdict::Warn, true));
        let (verdict, detail, _) = look(1_141, 140);
        assert!(detail.starts_with("1.0s ahead of ours: rows"), "{detail}");
        assert_eq!(verdict, Verdict::Warn);
    }
}
