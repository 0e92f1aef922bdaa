//! The command line: words in, words out. The only place with clap, colours and exit codes.

use std::ffi::OsString;
use std::process::ExitCode;

/// Parses, dispatches, prints; returns the exit code.
pub fn main(_args: impl IntoIterator<Item = OsString>) -> ExitCode {
    ExitCode::SUCCESS
}
