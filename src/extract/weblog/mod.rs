//! Access logs: lines to batches, with device, country and converted timestamp.
//!
//! ```text
//! plan      which bytes of which files are new          identity, file
//! chunks    those bytes, cut at newlines                file
//! scan      usual lines, fast ─┐
//! format    every other line ──┴▶ line  fields or a reason
//! columns   fields to the columns of a row group        adaptive, intern, timestamp, agent, device, country
//! stream    all of it on several threads, in order
//! preview   all of one log without a project               whole
//! ```
//!
//! **The key of a line is `(file_id, line_offset)`**: the identity of its log, which stays the same
//! when the log is rotated or compressed, and the byte of the decompressed text where the line
//! starts. Two requests of one address in one second are two rows, even when their lines are equal
//! byte by byte, and a line read again is the same row.
//!
//! Every line is landed or rejected with a reason; empty lines are skipped and not counted. Columns
//! hold the log's own text, escapes as written, and NULL for `-`. Two lines cannot be told from one
//! that was forged with a newline in it (nginx with `escape=none`): both are read.

mod adaptive;
mod agent;
mod chunks;
mod columns;
mod counts;
mod device;
mod identity;
mod intern;
mod parse;
mod plan;
mod preview;
mod stream;
mod timestamp;
mod whole;

pub mod country;
pub mod file;
pub mod format;
pub mod line;
pub mod scan;

pub use agent::Agents;
pub use country::{AddressCache, Countries, countries};
pub use counts::Counts;
pub use parse::{Parsed, Parser, Rejected};
pub use plan::{formats, plan};
pub use preview::{Log, Preview, Previewer, find};
pub use stream::extract;

#[cfg(test)]
mod tests;
