//! Windows: from readings of a source's clock to what one sequence reads (rules W1 to W5). Pure.
//!
//! The end is the source's own clock, a second back, bounded by the oldest open transaction and
//! floored to a second: no transaction that is still open can stamp a row before it. A client's
//! clock is never asked, nor the data's own maximum.

use chrono::{Duration, NaiveDateTime, Timelike};

use crate::error::{Error, Result};
use crate::tables::{Extract, TableSpec};
use crate::window::Window;

/// A second: what the clock is set back by, since a statement's time is fixed a little before its
/// transaction is listed as open.
pub const MARGIN: Duration = Duration::seconds(1);
/// How far in the future a stamp may lie before the zone of the source is in doubt.
const FUTURE: Duration = Duration::minutes(5);

/// What a source says about its clock, in UTC, read before any row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub now: NaiveDateTime,
    pub open: Open,
    /// Names the server the clock belongs to.
    pub server: String,
}

/// What is known of transactions that have not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Open {
    /// All were seen; the start of the oldest, if there is one.
    Seen(Option<NaiveDateTime>),
    /// They cannot be seen: stay this many seconds behind the clock (rule W4).
    Unseen { lag_seconds: u32, why: String },
}

impl Reading {
    /// The end of every window of this reading.
    pub fn end(&self) -> NaiveDateTime {
        let bound = match &self.open {
            Open::Seen(oldest) => {
                let now = back(self.now, MARGIN);
                oldest.map_or(now, |oldest| oldest.min(now))
            }
            Open::Unseen { lag_seconds, .. } => {
                back(self.now, Duration::seconds(i64::from(*lag_seconds)).max(MARGIN))
            }
        };
        bound.with_nanosecond(0).unwrap_or(bound)
    }
}

/// The window of one table, and what to warn of.
///
/// `last` is the table's last committed window; `newest` the largest watermark in the source, in
/// UTC, where it is written without a zone.
///
/// Errors: the source's clock went back behind the last end; stamps lie in the future.
pub fn decide(
    spec: &TableSpec,
    reading: &Reading,
    last: Option<&Window>,
    newest: Option<NaiveDateTime>,
) -> Result<(Window, Option<String>)> {
    let Extract::Incremental { lookback_seconds, .. } = &spec.extract else {
        return Ok((Window::Full, None));
    };
    let task = spec.land_task().to_string();
    if let Some(newest) = newest
        && newest > reading.now + FUTURE
    {
        return Err(from_the_future(newest - reading.now).about(task).at(spec.place.clone()));
    }
    let server = reading.server.clone();
    let end = reading.end();
    let Some(Window::Range { end: last_end, server: last_server, .. }) = last else {
        return Ok((Window::Range { start: None, end, server }, None));
    };
    if reading.now < *last_end {
        return Err(Error::failed(
            "extract/clock_back",
            format!(
                "the source's clock went back: it says {}, the last window ended at {last_end}",
                reading.now.format("%Y-%m-%d %H:%M:%S")
            ),
        )
        .hint("a failover, a restored backup or a wrong time zone does this; set the clock right, or extract the table whole once")
        .about(task));
    }
    // A bound that fell back (an old transaction came to light) must not move the end back.
    let end = end.max(*last_end);
    if *last_server == server {
        return Ok((Window::Range { start: Some(*last_end), end, server }, None));
    }
    let lag = match &reading.open {
        Open::Unseen { lag_seconds, .. } => *lag_seconds,
        Open::Seen(_) => 0,
    };
    let seconds = (*lookback_seconds).max(lag).max(CHANGED_SERVER_SECONDS);
    let start = back(*last_end, Duration::seconds(i64::from(seconds)));
    let warning = format!(
        "the source is another server than last time (`{server}`, was `{last_server}`): the last \
         {seconds} seconds are read again"
    );
    Ok((Window::Range { start: Some(start), end, server }, Some(warning)))
}

/// Read again after a change of server: what a replica promoted in a failover may lag by.
const CHANGED_SERVER_SECONDS: u32 = 3_600;

fn back(at: NaiveDateTime, by: Duration) -> NaiveDateTime {
    at.checked_sub_signed(by).unwrap_or(at)
}

fn from_the_future(ahead: Duration) -> Error {
    let minutes = ahead.num_minutes();
    // Offsets of zones are quarters of an hour.
    let guess = (minutes + 7) / 15 * 15;
    let plausible = (15..=14 * 60).contains(&guess);
    let zone = format!("UTC{:+03}:{:02}", guess / 60, guess % 60);
    let hint = if plausible {
        format!("is source.timezone right? The values look like those of a zone at {zone}")
    } else {
        "look for rows with a date in the future; they would hold the window back for ever"
            .to_string()
    };
    Error::failed(
        "extract/future_watermark",
        format!("the newest watermark is {minutes} minutes ahead of the source's own clock"),
    )
    .hint(hint)
}

#[cfg(test)]
#[path = "window/tests.rs"]
mod tests;
