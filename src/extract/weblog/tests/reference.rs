//! A slow and obvious reader of the three named formats: what the fast one must agree with.
//!
//! It is one regular expression for each format, written from the grammar in [`super::super::format`],
//! and the checks on numbers and lengths.

use std::collections::BTreeMap;

use regex::bytes::Regex;

use super::super::line::limit;

/// The reference.
pub struct Reference {
    formats: Vec<Regex>,
}

/// Columns of a good line that the line itself decides; NULL ones are left out.
pub type Fields = BTreeMap<&'static str, String>;

impl Reference {
    pub fn new() -> Reference {
        let address = r"(?P<ip_address>(?:[^ ]*, )*[^ ]*[^ ,])";
        let quoted = |name: &str| format!(r#""(?P<{name}>(?:[^"\\]|\\.)*)""#);
        let common = format!(
            r"{address} (?P<identity>[^ ]+) (?P<username>[^ ]+) \[(?P<request_timestamp>[^\]]*)\] {} (?P<status_code>[0-9]{{3}}|-) (?P<bytes_sent>[0-9]+|-)",
            quoted("request_line")
        );
        let combined = format!("{common} {} {}", quoted("referer"), quoted("user_agent"));
        let formats = [
            format!(r"\A{combined}\z"),
            format!(r"\A{common}\z"),
            format!(r"\A[^ :]+:[^ ]+ {combined}\z"),
        ];
        let formats = formats.iter().map(|f| Regex::new(&format!("(?s-u){f}")).expect("a pattern"));
        Reference { formats: formats.collect() }
    }

    /// The fields of a line, `None` if it is to be rejected.
    pub fn read(&self, line: &[u8]) -> Option<Fields> {
        if line.len() > limit::LINE || std::str::from_utf8(line).is_err() {
            return None;
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        for format in &self.formats {
            let Some(found) = format.captures(line) else { continue };
            let mut fields = Fields::new();
            for (name, limit) in [
                ("ip_address", limit::ADDRESS),
                ("identity", limit::NAME),
                ("username", limit::NAME),
                ("request_timestamp", limit::TIMESTAMP),
                ("request_line", limit::TEXT),
                ("status_code", 3),
                ("bytes_sent", usize::MAX),
                ("referer", limit::TEXT),
                ("user_agent", limit::TEXT),
            ] {
                let Some(text) = found.name(name) else { continue };
                let text = String::from_utf8(text.as_bytes().to_vec()).expect("text");
                if text.len() > limit {
                    return None;
                }
                if text != "-" {
                    fields.insert(name, text);
                }
            }
            for number in ["status_code", "bytes_sent"] {
                if let Some(text) = fields.get_mut(number) {
                    *text = text.parse::<i64>().ok()?.to_string();
                }
            }
            return Some(fields);
        }
        None
    }
}
