//! The access log as a table spec: its fixed columns, written once. Reads no log.

use super::reader::{Reader, Section};
use crate::error::{Error, Place, nearest};
use crate::tables::{ColumnSpec, Extract, TableName, TableSpec};
use crate::types::{SqlType, VARCHAR_MAX};

/// The table every access log lands in.
pub const ACCESS: &str = "access";

/// The kinds of devices where a source declares none. Letter case matters, the first wins.
pub const DEVICES: [&str; 5] = ["Android", "iPhone", "Windows", "Macintosh", "iPad"];

/// The kind of a user agent in which none stands, or of a request without one.
pub const OTHER_DEVICE: &str = "Other";

/// Kinds at most, and the bytes of each: as many as `device` is wide.
const MOST_DEVICES: usize = 64;
const DEVICE_BYTES: u32 = 16;

/// A column that follows from the user agent and is landed only where it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extra {
    /// The browser's or robot's family: `Chrome`, `Googlebot`.
    Browser,
    /// The operating system: `Windows 10`, `iPhone`.
    Os,
    /// True for a robot that says so.
    IsBot,
}

impl Extra {
    pub const ALL: [Extra; 3] = [Extra::Browser, Extra::Os, Extra::IsBot];

    /// The column's name.
    pub fn name(self) -> &'static str {
        match self {
            Extra::Browser => "browser",
            Extra::Os => "os",
            Extra::IsBot => "is_bot",
        }
    }

    fn ty(self) -> SqlType {
        match self {
            Extra::Browser | Extra::Os => SqlType::Varchar(64),
            Extra::IsBot => SqlType::Boolean,
        }
    }
}

/// Adds columns behind those every access log has.
pub fn add_extra(spec: &mut TableSpec, extra: &[Extra]) {
    spec.columns.extend(extra.iter().map(|extra| ColumnSpec {
        name: extra.name().to_string(),
        source_name: None,
        ty: extra.ty(),
        not_null: false,
    }));
}

/// `devices`: distinct kinds that fit their column.
pub(super) fn devices(reader: &mut Reader<'_>, section: &Section<'_>) -> Vec<String> {
    if !section.settings.contains_key("devices") {
        reader.default(section, "devices", format!("{} kinds", DEVICES.len()));
        return DEVICES.map(str::to_string).to_vec();
    }
    let mut kinds: Vec<String> = Vec::new();
    for (kind, place) in reader.texts(section, "devices").unwrap_or_default() {
        let why = match kind.as_str() {
            "" => "is empty, which stands in every user agent".to_string(),
            _ if kind.len() > DEVICE_BYTES as usize => {
                format!("`{kind}` has {} bytes, more than its column's {DEVICE_BYTES}", kind.len())
            }
            _ if kinds.contains(&kind) => format!("`{kind}` stands there twice"),
            _ if kinds.len() == MOST_DEVICES => {
                format!("`{kind}` is one of more than {MOST_DEVICES}")
            }
            _ => {
                kinds.push(kind);
                continue;
            }
        };
        let message = format!("a kind of `devices` {why}");
        reader.errors.push(Error::config("config/devices", message).at(place));
    }
    kinds
}

/// `extra`: columns of [`Extra`], each once.
pub(super) fn extra(reader: &mut Reader<'_>, section: &Section<'_>) -> Vec<Extra> {
    let mut columns: Vec<Extra> = Vec::new();
    for (name, place) in reader.texts(section, "extra").unwrap_or_default() {
        let known = Extra::ALL.into_iter().find(|extra| extra.name() == name);
        let message = match known {
            Some(extra) if !columns.contains(&extra) => {
                columns.push(extra);
                continue;
            }
            Some(_) => format!("`extra` names `{name}` twice"),
            None => format!("`extra` cannot be `{name}`"),
        };
        let near = nearest(&name, Extra::ALL.map(Extra::name));
        let hint = match near.filter(|near| *near != name) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "known are browser, os and is_bot, each once".to_string(),
        };
        reader.errors.push(Error::config("config/extra", message).hint(hint).at(place));
    }
    columns
}

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
        ("device", text(DEVICE_BYTES), false),
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
