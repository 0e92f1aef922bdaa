//! Whether the files behind the catalog are there. It repairs nothing.

use super::{Finding, Verdict};
use crate::cli::human;
use crate::cli::session::Session;
use crate::cli::verbs::warehouse;
use crate::config::Project;
use crate::error::Result;
use crate::warehouse::local::Files;

/// Names shown of many.
const SHOWN: usize = 3;

/// The files of tables, without which they cannot be read, and those of landing, which a run needs
/// only while its sequence is not complete. Nothing before the first run.
pub(super) async fn check(session: &Session, project: &Project) -> Vec<Finding> {
    let local = match warehouse::open_local(session, project).await {
        Ok(Some(local)) => local,
        Ok(None) => return Vec::new(),
        Err(error) => return vec![Finding::fail("tables", &error)],
    };
    let lost = "restore them from a copy; or move the state folder, landing/ and quarantine/ away \
                and run: everything is read anew from the sources";
    let landing = "queries of these partitions fail; a new run does not need them";
    vec![
        finding("tables", Verdict::Fail, local.files_of_tables().await, lost),
        finding("landing files", Verdict::Warn, local.files_of_landing().await, landing),
    ]
}

fn finding(what: &str, bad: Verdict, files: Result<Files>, fix: &str) -> Finding {
    let files = match files {
        Ok(files) => files,
        Err(error) => return Finding::fail(what, &error),
    };
    let looked_at = human::count(files.looked_at as u64, "file", "files");
    let Some(more) = files.broken.len().checked_sub(1) else {
        return Finding::ok(what, format!("{looked_at}, all there"));
    };
    let shown: Vec<&str> = files.broken.iter().take(SHOWN).map(String::as_str).collect();
    let rest = if more >= SHOWN { ", ..." } else { "" };
    let detail = format!(
        "{} of {looked_at} are gone or cut: {}{rest}",
        files.broken.len(),
        shown.join(", ")
    );
    Finding::new(bad, what, detail).fix(fix)
}
