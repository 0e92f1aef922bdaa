//! The integration tests: one binary, against real servers and the real program.
//!
//! `bash tests/run.sh` starts the servers once for all; `cargo test` alone starts its own.

mod support;

/// Extraction from MariaDB, PostgreSQL and SQLite: types, bad input, windows, drift.
mod database;
/// The star schema of the sample: whole, right about the past, unchanged when nothing changes.
mod star;
