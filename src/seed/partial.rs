//! A file that is written out of sight and appears complete or not at all. It knows no format.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};

/// A file being written beside its target, as `.NAME.partial`, under an exclusive lock.
///
/// Dropped before [`Partial::publish`], it is removed. After a kill it stays, unlocked, and the
/// next writer takes it over.
#[derive(Debug)]
pub struct Partial {
    target: PathBuf,
    path: PathBuf,
    file: File,
    published: bool,
}

impl Partial {
    /// Opens the file, empty; creates missing folders.
    ///
    /// Errors: `seed/locked` when another process is writing the same target.
    pub fn begin(target: &Path) -> Result<Partial> {
        let name = target.file_name().ok_or_else(|| {
            Error::config("seed/path", format!("`{}` names no file", target.display()))
        })?;
        let folder = folder_of(target);
        std::fs::create_dir_all(folder).map_err(|e| failed(folder, e))?;
        let path = folder.join(format!(".{}.partial", name.to_string_lossy()));
        loop {
            let opened =
                OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
            let file = opened.map_err(|e| failed(&path, e))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::new(
                        Kind::Locked,
                        "seed/locked",
                        format!("`{}` is being made by another process", target.display()),
                    )
                    .hint("wait until it is done"));
                }
                Err(TryLockError::Error(e)) => return Err(failed(&path, e)),
            }
            // The former holder may have published or removed the file between our two steps;
            // then the lock is on a file that is no longer this name's.
            if is_still(&file, &path) {
                file.set_len(0).map_err(|e| failed(&path, e))?;
                return Ok(Partial { target: target.to_owned(), path, file, published: false });
            }
        }
    }

    /// Where the file is until it is published.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    /// Brings the file to the disk and gives it its name, replacing what had it.
    pub fn publish(mut self) -> Result<()> {
        self.file.sync_all().map_err(|e| failed(&self.path, e))?;
        std::fs::rename(&self.path, &self.target).map_err(|e| failed(&self.target, e))?;
        self.published = true;
        let folder = folder_of(&self.target);
        File::open(folder).and_then(|f| f.sync_all()).map_err(|e| failed(folder, e))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.published {
            // Nothing more can be done about a failure here; the next writer takes the file over.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// An error about reading or writing a file.
pub fn failed(path: &Path, cause: std::io::Error) -> Error {
    Error::failed("seed/file", format!("cannot write `{}`", path.display()))
        .because(cause)
        .hint("check that the folder may be written to and has space")
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(unix)]
fn is_still(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(open), Ok(named)) => open.ino() == named.ino() && open.dev() == named.dev(),
        _ => false,
    }
}

/// Elsewhere an open file cannot lose its name.
#[cfg(not(unix))]
fn is_still(_: &File, _: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_appears_only_when_published() {
        let folder = tempfile::tempdir().expect("folder");
        let target = folder.path().join("deep").join("x.log");
        let partial = Partial::begin(&target).expect("begin");
        partial.file().write_all(b"new").expect("write");
        assert!(!target.exists());
        partial.publish().expect("publish");
        assert_eq!(std::fs::read(&target).expect("read"), b"new");
        assert_eq!(std::fs::read_dir(folder.path().join("deep")).expect("list").count(), 1);
    }

    #[test]
    fn an_abandoned_file_leaves_the_old_one_and_no_litter() {
        let folder = tempfile::tempdir().expect("folder");
        let target = folder.path().join("x.log");
        std::fs::write(&target, b"old").expect("write");
        drop(Partial::begin(&target).expect("begin"));
        assert_eq!(std::fs::read(&target).expect("read"), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).expect("list").count(), 1);
    }

    #[test]
    fn what_a_killed_writer_left_is_taken_over_empty() {
        let folder = tempfile::tempdir().expect("folder");
        let target = folder.path().join("x.log");
        std::fs::write(folder.path().join(".x.log.partial"), b"half of it").expect("write");
        Partial::begin(&target).expect("begin").publish().expect("publish");
        assert_eq!(std::fs::read(&target).expect("read"), b"");
    }

    #[test]
    fn a_second_writer_is_refused() {
        let folder = tempfile::tempdir().expect("folder");
        let target = folder.path().join("x.log");
        let first = Partial::begin(&target).expect("begin");
        let error = Partial::begin(&target).expect_err("second");
        assert_eq!((error.kind(), error.code()), (Kind::Locked, "seed/locked"));
        drop(first);
        Partial::begin(&target).expect("free again");
    }
}
