//! Execution sequence and attempt: the numbers a run is known by. Pure.
//!
//! A sequence counts complete runs from 1; a failed run keeps its number and is tried again
//! as the next attempt. A run is written `11.2`: sequence 11, second attempt.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The number of a complete run, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(pub u64);

impl Sequence {
    pub const FIRST: Sequence = Sequence(1);

    pub fn next(self) -> Sequence {
        Sequence(self.0 + 1)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Sequence {
    type Err = Error;

    fn from_str(s: &str) -> Result<Sequence, Error> {
        match s.parse::<u64>() {
            Ok(n) if n > 0 && i64::try_from(n).is_ok() => Ok(Sequence(n)),
            _ => Err(Error::config(
                "usage/sequence",
                format!("`{s}` is not a sequence: expected a whole number from 1"),
            )),
        }
    }
}

/// One try at a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId {
    pub sequence: Sequence,
    /// From 1.
    pub attempt: u32,
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.sequence, self.attempt)
    }
}
