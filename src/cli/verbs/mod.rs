//! The verbs: one file each, from typed words to an exit code. None calls another but `run`, which
//! makes the sample sources with `seed` when they are missing, and `rerun`, which runs.

pub(super) mod check;
pub(super) mod compact;
pub(super) mod completions;
pub(super) mod config;
pub(super) mod discover;
pub(super) mod doctor;
pub(super) mod emit;
pub(super) mod explain;
pub(super) mod history;
pub(super) mod init;
pub(super) mod logs;
pub(super) mod plan;
pub(super) mod query;
pub(super) mod report;
pub(super) mod rerun;
pub(super) mod run;
pub(super) mod seed;
mod source_url;
pub(super) mod status;
pub(super) mod tables;
mod warehouse;
pub(super) mod weblog;
