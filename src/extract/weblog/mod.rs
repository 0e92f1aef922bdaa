//! Access logs: lines to batches, with device, country and converted timestamp.
//!
//! ```text
//! plan      which bytes of which files are new          identity, file
//! chunks    those bytes, cut at newlines                file
//! scan      usual lines, fast ─┐
//! format    every other line ──┴▶ line  fields or a reason
//! batch     fields to Arrow columns                     intern, timestamp, device, country
//! stream    all of it on several threads, in order
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

mod batch;
mod chunks;
mod counts;
mod device;
mod file;
mod identity;
mod intern;
mod parse;
mod plan;
mod preview;
mod stream;
mod timestamp;

pub mod country;
pub mod format;
pub mod line;
pub mod scan;

use crate::error::Place;
use crate::tables::{ColumnSpec, Extract, TableName, TableSpec};
use crate::types::SqlType;

pub use batch::schema as batch_schema;
pub use country::{AddressCache, Countries, countries};
pub use counts::Counts;
pub use parse::{Parsed, Parser, Rejected};
pub use plan::plan;
pub use preview::{Preview, preview};
pub use stream::extract;

use line::limit;

/// Name of the table every access log lands in.
pub const ACCESS: &str = "access";

/// The access log of the source `source` as a table: its fixed columns and its key.
///
/// There is no watermark column and no version: which lines a sequence reads is decided by byte
/// ranges ([`crate::window::Window::Files`]), and a line never changes.
pub fn table_spec(source: &str, place: Place) -> TableSpec {
    let text = |bytes: usize| SqlType::Varchar(bytes as u32);
    let columns = [
        ("file_id", text(64), true),
        ("line_offset", SqlType::BigInt, true),
        // an address, or the name of a host where the server looks names up
        ("ip_address", text(limit::ADDRESS), false),
        ("identity", text(limit::NAME), false),
        ("username", text(limit::NAME), false),
        ("request_timestamp", text(limit::TIMESTAMP), false),
        // UTC; 1900-01-01 00:00:00 where the log's text is not a time with a zone
        ("request_timestamp_converted", SqlType::Timestamp, false),
        ("request_line", text(limit::TEXT), false),
        ("status_code", SqlType::SmallInt, false),
        ("bytes_sent", SqlType::BigInt, false),
        ("referer", text(limit::TEXT), false),
        ("user_agent", text(limit::TEXT), false),
        ("device", text(16), false),
        ("country", text(2), false),
    ];
    TableSpec {
        source: source.to_string(),
        name: ACCESS.to_string(),
        from: ACCESS.to_string(),
        columns: columns
            .into_iter()
            .map(|(name, ty, not_null)| ColumnSpec {
                name: name.to_string(),
                source_name: None,
                ty,
                not_null,
            })
            .collect(),
        filter: None,
        extract: Extract::Full,
        landing: TableName::new(&format!("landing_{source}"), ACCESS),
        store: TableName::new(&format!("store_{source}"), ACCESS),
        key: vec!["file_id".to_string(), "line_offset".to_string()],
        version: None,
        place,
    }
}

#[cfg(test)]
mod tests;
