//! The integration tests: one binary, against real servers and the real program.
//!
//! `bash tests/run.sh` starts the servers once for all; `cargo test` alone starts its own.

mod support;

/// Extraction from MariaDB, PostgreSQL and SQLite: types, bad input, windows, drift.
mod database;
/// The page of conformance, built from the headers of the SQL tests.
mod ledger;
/// Redshift SQL, statement by statement, on the local engine and where it is portable on PostgreSQL.
mod slt;
