//! One run at a time: an advisory lock on `.landfall/lock`. It waits for nobody.
//!
//! The operating system frees the lock when its holder ends, however it ends. The file stays and
//! tells who holds it. Advisory locks are unsound on some network file systems; correctness does
//! not rest on the lock, only the waste of running twice does. Where several machines share a
//! catalog, the lock is the server's too (`state::server`), and there correctness may rest on it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::layout::LOCK_FILE;
use crate::sequence::RunId;
use crate::state::State;

/// Who holds the lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub pid: u32,
    pub host: String,
    pub since: DateTime<Utc>,
    /// The run, once it has a number.
    pub run: Option<String>,
}

/// The lock, held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
    holder: Holder,
}

/// A look at the lock takes it for an instant, and must not make a run believe that it is held.
const TRIES: u32 = 4;
const BETWEEN: Duration = Duration::from_millis(15);
/// A server needs a moment to see that the process of a session is gone.
const SHARED_TRIES: u32 = 20;
const SHARED_BETWEEN: Duration = Duration::from_millis(50);

impl Lock {
    /// Takes the lock of a project's state folder, which is created where it is missing.
    ///
    /// Errors: kind `Locked` with the holder and its age when another process has it.
    pub fn take(state_dir: &Path) -> Result<Lock> {
        let file = open(state_dir)?;
        for _ in 1..TRIES {
            match file.try_lock() {
                Ok(()) => return Lock::held(file),
                Err(TryLockError::WouldBlock) => std::thread::sleep(BETWEEN),
                Err(TryLockError::Error(e)) => return Err(unusable(state_dir, e)),
            }
        }
        match file.try_lock() {
            Ok(()) => Lock::held(file),
            Err(TryLockError::WouldBlock) => Err(locked(read(&file), Utc::now())),
            Err(TryLockError::Error(e)) => Err(unusable(state_dir, e)),
        }
    }

    fn held(file: File) -> Result<Lock> {
        let holder = Holder { pid: std::process::id(), host: host(), since: Utc::now(), run: None };
        let mut lock = Lock { file, holder };
        lock.write();
        Ok(lock)
    }

    /// Takes the lock of the catalog too, where that is a server's; it is free when `state` is
    /// closed.
    ///
    /// Errors: kind `Locked` with the holder and its age when another process has it.
    pub async fn share(&self, state: &State) -> Result<()> {
        for _ in 0..SHARED_TRIES {
            if state.writer().await.lock().await? {
                return state.writer().await.tell_holder(&self.text()).await;
            }
            tokio::time::sleep(SHARED_BETWEEN).await;
        }
        let holder = state.writer().await.holder().await?;
        Err(locked(holder.and_then(|text| serde_json::from_str(&text).ok()), Utc::now()))
    }

    /// Tells others which run holds the lock.
    pub async fn tell(&mut self, state: &State, run: RunId) -> Result<()> {
        self.holder.run = Some(run.to_string());
        self.write();
        state.writer().await.tell_holder(&self.text()).await
    }

    fn text(&self) -> String {
        serde_json::to_string(&self.holder).unwrap_or_default()
    }

    /// What the file says is for people only, so a failure to write it stops nothing.
    fn write(&mut self) {
        let Ok(text) = serde_json::to_vec(&self.holder) else { return };
        let _ = self
            .file
            .set_len(0)
            .and_then(|()| self.file.seek(SeekFrom::Start(0)))
            .and_then(|_| self.file.write_all(&text));
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Empty before it is free: nobody is named who is gone.
        let _ = self.file.set_len(0);
        let _ = self.file.unlock();
    }
}

/// Who holds the lock of a state folder now; `None` when nobody does.
pub fn holder(state_dir: &Path) -> Option<Holder> {
    let file = File::open(state_dir.join(LOCK_FILE)).ok()?;
    match file.try_lock_shared() {
        Ok(()) => None,
        Err(TryLockError::WouldBlock) => Some(read(&file).unwrap_or(Holder {
            pid: 0,
            host: host(),
            since: Utc::now(),
            run: None,
        })),
        Err(TryLockError::Error(_)) => None,
    }
}

/// Who holds the lock of a shared catalog now; `None` when nobody does.
pub async fn shared_holder(state: &State) -> Result<Option<Holder>> {
    let Some(text) = state.writer().await.holder().await? else { return Ok(None) };
    let unknown = Holder { pid: 0, host: "?".into(), since: Utc::now(), run: None };
    Ok(Some(serde_json::from_str(&text).unwrap_or(unknown)))
}

/// The name of this machine.
pub fn host() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

fn open(state_dir: &Path) -> Result<File> {
    make_private(state_dir).map_err(|e| unusable(state_dir, e))?;
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(state_dir.join(LOCK_FILE))
        .map_err(|e| unusable(state_dir, e))
}

/// Creates the state folder for its owner alone: it holds every row of the warehouse.
fn make_private(state_dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(state_dir)
}

fn read(mut file: &File) -> Option<Holder> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn unusable(state_dir: &Path, cause: std::io::Error) -> Error {
    Error::config("state/folder", format!("cannot use the state folder `{}`", state_dir.display()))
        .because(cause)
        .hint("check that it is a folder, that you may write to it and that it can be locked")
}

fn locked(holder: Option<Holder>, now: DateTime<Utc>) -> Error {
    let Some(holder) = holder else {
        return Error::new(Kind::Locked, "state/locked", "another run holds this project");
    };
    let run = holder.run.map(|run| format!(", run {run}")).unwrap_or_default();
    Error::new(
        Kind::Locked,
        "state/locked",
        format!(
            "another run holds this project: pid {} on {} for {} (since {}){run}",
            holder.pid,
            holder.host,
            age((now - holder.since).num_seconds()),
            holder.since.format("%Y-%m-%d %H:%M:%SZ"),
        ),
    )
    .hint("watch it with `landfall status`; if that process is gone, the lock frees itself")
}

/// Seconds as a person says them, with the largest unit that fits.
fn age(seconds: i64) -> String {
    match seconds.max(0) {
        s @ 0..=119 => format!("{s} s"),
        s @ 120..=7_199 => format!("{} min", s / 60),
        s @ 7_200..=172_799 => format!("{} h", s / 3_600),
        s => format!("{} days", s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sequence::Sequence;

    #[test]
    fn the_second_is_told_who_the_first_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = folder.path().join("state");
        let mut first = Lock::take(&state).expect("takes");
        first.holder.run = Some(RunId { sequence: Sequence(11), attempt: 2 }.to_string());
        first.write();
        let error = Lock::take(&state).expect_err("held");
        assert_eq!((error.kind(), error.code()), (Kind::Locked, "state/locked"));
        let pid = format!("pid {} on {}", std::process::id(), host());
        assert!(error.message().contains(&pid), "{error}");
        assert!(error.message().contains("run 11.2"), "{error}");
        assert_eq!(holder(&state).as_ref(), Some(&first.holder));
        drop(first);
        assert_eq!(holder(&state), None);
        Lock::take(&state).expect("free again");
    }

    /// A process that dies by a signal cannot clean up; the lock must be free all the same.
    #[test]
    fn a_killed_holder_frees_the_lock() {
        const CHILD: &str = "LANDFALL_TEST_LOCK_CHILD";
        if let Some(state) = std::env::var_os(CHILD) {
            let _lock = Lock::take(Path::new(&state)).expect("takes");
            println!("held");
            std::io::stdin().read_to_string(&mut String::new()).expect("waits to be killed");
            return;
        }
        use std::process::{Command, Stdio};
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "run::lock::tests::a_killed_holder_frees_the_lock", "--nocapture"])
            .env(CHILD, folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut output = std::io::BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        while !line.contains("held") {
            line.clear();
            let read = std::io::BufRead::read_line(&mut output, &mut line).expect("reads");
            assert!(read > 0, "the child ended without taking the lock");
        }
        let error = Lock::take(folder.path()).expect_err("the child holds it");
        assert!(error.message().contains(&format!("pid {} on", child.id())), "{error}");
        child.kill().expect("kills");
        child.wait().expect("ends");
        Lock::take(folder.path()).expect("free");
    }

    #[test]
    fn an_age_is_said_in_its_largest_unit() {
        for (seconds, words) in
            [(-5, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (200_000, "2 days")]
        {
            assert_eq!(age(seconds), words);
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_state_folder_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let state = folder.path().join("a/b");
        let _lock = Lock::take(&state).expect("takes");
        let mode = std::fs::metadata(&state).expect("is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
