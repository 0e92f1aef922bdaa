//! The integration tests: one binary, against real servers and the real program.
//!
//! `bash tests/run.sh` starts the servers once for all; `cargo test` alone starts its own.

mod support;

/// The program itself: words, streams, exit codes, colours, pipes, signals.
mod cli;
/// Extraction from MariaDB, PostgreSQL and SQLite: types, bad input, windows, drift.
mod database;
/// The sample sources in SQLite, MariaDB and PostgreSQL: equal rows, a next day.
mod seed;
/// The star schema of the sample: whole, right about the past, unchanged when nothing changes.
mod star;
/// The house rules, read from every source file.
mod tidy;
