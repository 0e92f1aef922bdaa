//! `weblog preview`: what a log would land as, without a project. It writes nothing but words.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use base64::Engine;
use serde_json::{Value, json};

use crate::cli::Exit;
use crate::cli::args::{Preview as Words, Weblog, WeblogVerb};
use crate::cli::clean::clean_line;
use crate::cli::formats::{Format, Look, write_rows};
use crate::cli::human;
use crate::cli::printer::Palette;
use crate::cli::session::Session;
use crate::error::{Error, Result};
use crate::extract::weblog::country::Table;
use crate::extract::weblog::file::LogFile;
use crate::extract::weblog::{self, Counts, Log, Preview, Previewer};
use crate::rows::Reject;

/// Columns that people see; programs get all.
const SHOWN: [&str; 11] = [
    "line_offset",
    "ip_address",
    "country",
    "username",
    "request_timestamp_converted",
    "request_line",
    "status_code",
    "bytes_sent",
    "referer",
    "user_agent",
    "device",
];

/// Characters shown of a rejected line.
const LINE: usize = 120;

/// Looks at logs.
pub(in crate::cli) fn weblog(session: &Session, words: &Weblog) -> Result<Exit> {
    match &words.what {
        WeblogVerb::Preview(words) => preview(session, words),
    }
}

fn preview(session: &Session, words: &Words) -> Result<Exit> {
    let countries = Arc::new(Table::embedded()?);
    let mut looker = Previewer::new(&words.log_formats, countries, words.limit)?;
    let mut warnings = Vec::new();
    for file in &words.files {
        if file.as_os_str() == "-" {
            looker.read(LogFile::stream(io::stdin(), "standard input")?)?;
            continue;
        }
        for path in weblog::find(std::slice::from_ref(file), &mut warnings)? {
            let name = path.strip_prefix(".").unwrap_or(&path).display().to_string();
            looker.read(LogFile::open(&path, &name)?)?;
        }
    }
    let seen = looker.finish();
    for warning in warnings.iter().chain(&seen.warnings) {
        session.printer.warn(warning);
    }
    match words.format {
        None if session.printer.is_json() => session.printer.json_line(&to_json(&seen)?)?,
        None | Some(Format::Table) => people(session, &seen)?,
        Some(format) => {
            let look = session.look(false);
            session
                .printer
                .with_data(|out| write_rows(out, &seen.schema, &seen.rows, format, look))?;
            session.printer.say(told(&seen, session.printer.talk()).trim_end());
        }
    }
    // a log of which no line can be read was declared in the wrong format, or is no log
    Ok(if seen.counts.rows == 0 && seen.counts.rejected > 0 { Exit::Failed } else { Exit::Done })
}

fn people(session: &Session, seen: &Preview) -> Result<()> {
    let (schema, rows) = shown(seen)
        .map_err(|e| Error::failed("weblog/preview", "cannot show the rows").because(e))?;
    session.printer.with_data(|out| {
        if !rows.is_empty() {
            write_rows(out, &schema, &rows, Format::Table, session.look(true))?;
            writeln!(out)?;
        }
        out.write_all(told(seen, session.printer.ink()).as_bytes())
    })
}

/// The rows with the columns that people see.
fn shown(seen: &Preview) -> Result<(SchemaRef, Vec<RecordBatch>), arrow::error::ArrowError> {
    let columns: Vec<usize> = SHOWN.iter().filter_map(|c| seen.schema.index_of(c).ok()).collect();
    let rows = seen.rows.iter().map(|batch| batch.project(&columns)).collect::<Result<_, _>>()?;
    Ok((Arc::new(seen.schema.project(&columns)?), rows))
}

/// The counts in words.
fn told(seen: &Preview, paint: Palette) -> String {
    let mut text = String::new();
    let several = seen.logs.len() > 1;
    for log in &seen.logs {
        let name = clean_line(&log.name);
        text.push_str(&format!("{}\n{}", paint.strong(name), log_told(log)));
    }
    if several {
        let title = paint.strong(human::count(seen.logs.len() as u64, "log", "logs"));
        text.push_str(&format!("{title}\n  lines     {}\n", lines_told(&seen.counts)));
    }
    if !seen.formats.is_empty() {
        let formats = seen.formats.iter().map(|(name, lines)| {
            let one = seen.formats.len() == 1;
            let lines = if one { String::new() } else { format!(" {}", human::thousands(*lines)) };
            format!("{}{lines}", clean_line(name))
        });
        text.push_str(&format!("  format    {}\n", formats.collect::<Vec<_>>().join(", ")));
    }
    if !seen.rejects.is_empty() {
        text.push_str(&format!("{}\n", paint.strong("quarantined")));
    }
    for (reason, rejects) in &seen.rejects {
        let lines = seen.counts.reasons.get(reason).copied().unwrap_or_default();
        let lines = human::count(lines, "line", "lines");
        text.push_str(&format!("  {}  {lines}\n", paint.bad(reason)));
        for reject in rejects {
            let (position, detail) = (clean_line(&reject.position), clean_line(&reject.detail));
            let offset = human::thousands(reject.offset);
            let raw = paint.faint(beginning(&reject.raw));
            text.push_str(&format!("    {position}, byte {offset}: {detail}\n      {raw}\n"));
        }
    }
    if let Some((format, lines)) = &seen.other_format {
        let declared = toml_edit::Value::from(format.as_str());
        text.push_str(&format!(
            "hint: another format reads {} of the quarantined lines: formats = [{}]\n",
            human::thousands(*lines),
            declared.to_string().trim()
        ));
    }
    text
}

fn log_told(log: &Log) -> String {
    let waiting = match log.waiting {
        0 => String::new(),
        bytes => format!("; {} after it wait for theirs", human::thousands(bytes)),
    };
    format!(
        "  lines     {}\n  bytes     {} up to the last newline{waiting}\n",
        lines_told(&log.counts),
        human::thousands(log.counts.bytes)
    )
}

fn lines_told(counts: &Counts) -> String {
    let empty = match counts.empty {
        0 => String::new(),
        lines => format!("; {} beside them", human::count(lines, "empty line", "empty lines")),
    };
    let [lines, rows, rejected] =
        [counts.lines, counts.rows, counts.rejected].map(human::thousands);
    format!("{lines} = {rows} landed + {rejected} quarantined{empty}")
}

/// The first characters of a line, safe to show.
fn beginning(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw.get(..LINE * 4).unwrap_or(raw));
    let more = if text.chars().nth(LINE).is_some() || raw.len() > LINE * 4 { "..." } else { "" };
    let text: String = text.chars().take(LINE).collect();
    format!("{}{more}", clean_line(&text))
}

fn to_json(seen: &Preview) -> Result<Value> {
    let logs: Vec<Value> = seen
        .logs
        .iter()
        .map(|log| json!({"name": log.name, "counts": log.counts, "bytes_waiting": log.waiting}))
        .collect();
    let formats: Vec<Value> = seen.formats.iter().map(named).collect();
    let quarantined: BTreeMap<&str, Value> = seen
        .rejects
        .iter()
        .map(|(reason, rejects)| {
            let examples: Vec<Value> = rejects.iter().map(example).collect();
            (*reason, json!({"lines": seen.counts.reasons.get(reason), "examples": examples}))
        })
        .collect();
    let mut rows = Vec::new();
    write_rows(&mut rows, &seen.schema, &seen.rows, Format::Json, Look::default())
        .map_err(io_error)?;
    let rows: Value = serde_json::from_slice(&rows).map_err(|e| io_error(e.into()))?;
    Ok(json!({
        "v": 1, "event": "weblog.preview", "counts": seen.counts, "logs": logs,
        "formats": formats, "other_format": seen.other_format.as_ref().map(named),
        "quarantined": quarantined, "rows": rows,
    }))
}

fn named((format, lines): &(String, u64)) -> Value {
    json!({"format": format, "lines": lines})
}

/// A rejected line; its bytes in base64 where they are no text.
fn example(reject: &Reject) -> Value {
    let (key, raw) = match std::str::from_utf8(&reject.raw) {
        Ok(text) => ("raw", text.to_string()),
        Err(_) => ("raw_base64", base64::engine::general_purpose::STANDARD.encode(&reject.raw)),
    };
    json!({"position": reject.position, "offset": reject.offset, "detail": reject.detail, key: raw})
}

fn io_error(cause: io::Error) -> Error {
    Error::failed("output/write", "cannot write the rows as JSON").because(cause)
}
