//! Packages of Python for the tests, from PyPI, once, into the build's folder for temporary files.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::project::text;

/// Installs wheels into a folder that appears only when it is complete; where it is.
pub fn packages(name: &str, wheels: &[&str]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        return folder;
    }
    let part = folder.with_extension(format!("part{}", std::process::id()));
    let output = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"])
        .arg(&part)
        .args(wheels)
        .output()
        .expect("python3 with pip");
    assert!(output.status.success(), "cannot install {name}: {}", text(&output.stderr));
    if std::fs::rename(&part, &folder).is_err() {
        // Another test process was first.
        std::fs::remove_dir_all(&part).expect("removes");
    }
    folder
}
