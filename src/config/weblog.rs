//! The access log as a table spec: its fixed columns, written once. Reads no log.

use crate::error::Place;
use crate::tables::{ColumnSpec, Extract, TableName, TableSpec};
use crate::types::{SqlType, VARCHAR_MAX};

/// The table every access log lands in.
pub const ACCESS: &str = "access";

/// The spec of the access log of `source`: `landing_<source>.access` and `store_<source>.access`.
///
/// The key is the line's own position, `(file_id, line_offset)`: two requests of one address in
/// one second are two rows. `file_id` names the log file across renames and `line_offset` is the
/// byte in its decompressed text where the line starts.
///
/// `extract` is `Full` and there is no version column: a log has no watermark column. Which lines
/// a sequence reads is decided by byte ranges (`Window::Files`), and a line never changes.
pub fn access_spec(source: &str, place: Place) -> TableSpec {
    let text = SqlType::Varchar;
    let columns = [
        ("file_id", text(64), true),
        ("line_offset", SqlType::BigInt, true),
        // Apache may log host names, which are longer than any address.
        ("ip_address", text(255), false),
        ("identity", text(255), false),
        ("username", text(255), false),
        // The log's own text; `request_timestamp_converted` is 1900-01-01 00:00:00 where it
        // cannot be read.
        ("request_timestamp", text(64), false),
        ("request_timestamp_converted", SqlType::Timestamp, false),
        ("request_line", text(VARCHAR_MAX), false),
        ("status_code", SqlType::SmallInt, false),
        ("bytes_sent", SqlType::BigInt, false),
        ("referer", text(VARCHAR_MAX), false),
        ("user_agent", text(VARCHAR_MAX), false),
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
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_of_required_columns() {
        let spec = access_spec("weblog", Place::new("landfall.toml", 1, 1));
        for key in &spec.key {
            assert!(spec.column(key).is_some_and(|c| c.not_null), "{key}");
        }
        assert_eq!(spec.land_task().as_str(), "land.weblog.access");
        assert_eq!(spec.store_task().as_str(), "store.weblog.access");
        assert_eq!(spec.store.to_string(), "store_weblog.access");
    }
}
