//! Writes the sample's access log to its file. What the lines say is decided elsewhere.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::log::{Line, Lines, day_of_line};
use super::partial::{Partial, failed};
use super::{FIRST_DAY, LAST_DAY, Plan};
use crate::error::{Error, Kind, Result};

/// Bytes gathered before they are written.
const BUFFER: usize = 256 * 1024;
/// Bytes at the end of a log in which its last day is looked for.
const TAIL: u64 = 256 * 1024;

/// What was written to the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MadeLog {
    /// Lines written, the broken ones among them.
    pub lines: u64,
    /// Lines that are no log lines and must end in quarantine.
    pub broken: u64,
    pub bytes: u64,
}

/// A complete log that does not have its name yet. Dropped before [`NewLog::publish`], it is gone
/// and what had the name stays.
#[derive(Debug)]
pub struct NewLog {
    partial: Partial,
    made: MadeLog,
}

impl NewLog {
    /// Writes the access log of `plan` out of sight, beside `path`.
    ///
    /// `progress` is told the lines so far. Errors: `seed/file`, `seed/locked`, and `seed/stopped`
    /// soon after `stop` is cancelled.
    pub fn write(
        path: &Path,
        plan: &Plan,
        progress: &(dyn Fn(u64) + Send + Sync),
        stop: &CancellationToken,
    ) -> Result<NewLog> {
        let partial = Partial::begin(path)?;
        let mut lines = Lines::new(plan, plan.log_lines, FIRST_DAY, LAST_DAY);
        let made = write_lines(&mut lines, partial.file(), partial.path(), progress, stop)?;
        Ok(NewLog { partial, made })
    }

    /// Gives it its name, in the place of what has it.
    pub fn publish(self) -> Result<MadeLog> {
        self.partial.publish()?;
        Ok(self.made)
    }
}

/// Appends `lines` of the next day: the day after that of the last line of the log.
///
/// A last line that was cut off is ended first, never continued. A day that cannot be written whole
/// is taken away again. Errors: `seed/file`, also when there is no such log; `seed/stopped` soon
/// after `stop` is cancelled.
pub fn append_log(
    path: &Path,
    plan: &Plan,
    lines: u64,
    stop: &CancellationToken,
) -> Result<MadeLog> {
    let mut file =
        OpenOptions::new().read(true).append(true).open(path).map_err(|e| failed(path, e))?;
    let before = file.metadata().map_err(|e| failed(path, e))?.len();
    let tail = read_tail(&mut file).map_err(|e| failed(path, e))?;
    let last = tail.rsplit(|byte| *byte == b'\n').find_map(day_of_line).unwrap_or(LAST_DAY);
    let next = last.saturating_add(1);
    if tail.last().is_some_and(|byte| *byte != b'\n') {
        file.write_all(b"\n").map_err(|e| failed(path, e))?;
    }
    let mut day = Lines::new(plan, lines, next, next);
    let made = match write_lines(&mut day, &file, path, &|_| {}, stop) {
        Ok(made) => made,
        Err(error) => {
            // The first error is the one to tell; half a day that stays is read as what it is.
            let _ = file.set_len(before);
            return Err(error);
        }
    };
    file.sync_all().map_err(|e| failed(path, e))?;
    Ok(made)
}

fn read_tail(file: &mut File) -> std::io::Result<Vec<u8>> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail)?;
    Ok(tail)
}

fn write_lines(
    lines: &mut Lines,
    mut file: &File,
    path: &Path,
    progress: &(dyn Fn(u64) + Send + Sync),
    stop: &CancellationToken,
) -> Result<MadeLog> {
    let mut made = MadeLog::default();
    let mut buffer = Vec::with_capacity(BUFFER + 4_096);
    loop {
        let line = lines.write_next(&mut buffer);
        if line.is_none() || buffer.len() >= BUFFER {
            if stop.is_cancelled() {
                return Err(Error::new(Kind::Interrupted, "seed/stopped", "stopped by a signal"));
            }
            file.write_all(&buffer).map_err(|e| failed(path, e))?;
            made.bytes += buffer.len() as u64;
            buffer.clear();
            progress(made.lines + u64::from(line.is_some()));
        }
        let Some(line) = line else { return Ok(made) };
        made.lines += 1;
        made.broken += u64::from(line == Line::Broken);
    }
}
