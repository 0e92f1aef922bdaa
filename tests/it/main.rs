//! The integration tests: one binary, against real servers and the real program.
//!
//! `bash tests/run.sh` starts the servers once for all; `cargo test` alone starts its own.

mod support;

/// The program itself: words, streams, exit codes, colours, pipes, signals.
mod cli;
/// Extraction from MariaDB, PostgreSQL and SQLite: types, bad input, windows, drift.
mod database;
/// The house rules, read from every source file.
mod tidy;
