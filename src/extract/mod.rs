//! Extract: sources to Arrow batches. It writes nothing.

pub mod database;
pub mod weblog;
