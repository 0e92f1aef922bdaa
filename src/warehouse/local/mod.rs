//! The local engine: Redshift SQL on DataFusion over DuckLake tables.
//!
//! ```text
//! statement ─dialect─▶ command ─┬─ definition ─▶ ddl: the shape of the transaction
//!                               ├─ query ──────▶ bind, plan, collect
//!                               └─ DML ────────▶ bind, plan its change set, apply to working copies
//! end of batch ─▶ commit: files are complete, then one catalog transaction with the marker
//! ```
//!
//! It never routes DML through DataFusion's own, and reads no file the catalog does not name.

mod alter;
mod apply;
mod bind;
mod care;
mod catalog;
mod changes;
mod check;
mod compact;
mod ddl;
mod dependents;
mod distinct;
mod dry;
mod engine;
mod external;
mod files;
mod foreign;
mod garbage;
mod handover;
mod inherited;
mod landing;
mod load;
mod materialized;
mod names;
mod narrow;
mod outside;
mod prepared;
mod readonly;
mod rekey;
mod reshape;
mod runtime;
mod session;
mod sessions;
mod settings;
mod show;
mod statement;
mod system;
mod system_objects;
mod transaction;
mod unload;
mod whole;
mod words;
mod work;

#[cfg(test)]
mod tests;

pub use compact::Compaction;
pub use dry::{DryRun, Judged};
pub use engine::Local;
pub use garbage::Garbage;
pub use session::Session;
pub use whole::Files;
