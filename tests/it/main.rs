//! The integration tests: one binary, against real servers and the real program.
//!
//! `bash tests/run.sh` starts the servers once for all; `cargo test` alone starts its own.

mod support;

/// The reports against an independent computation; what each run counts.
mod answers;
/// Files that are gone or damaged.
mod broken;
/// `check` and `explain`.
mod check;
/// The program itself: words, streams, exit codes, colours, pipes, signals.
mod cli;
/// Fewer files, the same rows.
mod compact;
/// Extraction from MariaDB, PostgreSQL and SQLite: types, bad input, windows, drift.
mod database;
/// DuckDB reads what Landfall wrote, and the other way round.
mod duckdb;
/// Every storage operation fails once.
mod faults;
/// Columns and sources that change after the first run.
mod grown;
/// SIGKILL at any instant.
mod kill;
/// A landed log, read by DuckDB and pyarrow.
mod landed;
/// The page of conformance, built from the headers of the SQL tests.
mod ledger;
/// Landing in a bucket of a real S3 server.
mod s3;
/// The sample sources in SQLite, MariaDB and PostgreSQL: equal rows, a next day.
mod seed;
/// The catalog in PostgreSQL: the same tables, one run at a time over machines, a server that goes.
mod shared;
/// Redshift SQL, statement by statement, on the local engine and where it is portable on PostgreSQL.
mod slt;
/// The star schema of the sample: whole, right about the past, unchanged when nothing changes.
mod star;
/// The house rules, read from every source file.
mod tidy;
/// Two runs at once.
mod together;
/// TPC-H at scale 0.1 beside DuckDB.
mod tpch;
