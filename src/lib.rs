//! Landfall: a local-first warehouse in one binary. This file is the map of the crate.
//!
//! ```text
//! source ──extract──▶ landing ──merge──▶ store ──present──▶ pres ──report──▶ a person
//! ```
//!
//! Imports go one way, from the words at the bottom to the command line at the top:
//!
//! ```text
//! words      error events types sequence task tables window rows pages config layout sql
//! engines    storage state records dialect warehouse
//! stages     seed extract land merge present report        (never each other)
//! driver     run
//! door       cli
//! ```
//!
//! A test reads the `use` lines and enforces it.

// words: no I/O
pub mod config;
pub mod error;
pub mod events;
pub mod layout;
pub mod pages;
pub mod rows;
pub mod sequence;
pub mod sql;
pub mod tables;
pub mod task;
pub mod types;
pub mod window;

// engines: storage, the catalog database, the SQL
pub mod dialect;
pub mod records;
pub mod state;
pub mod storage;
pub mod warehouse;

// stages, in the order of the data
pub mod extract;
pub mod land;
pub mod merge;
pub mod present;
pub mod report;
pub mod seed;

// the driver and the door
pub mod cli;
pub mod run;
