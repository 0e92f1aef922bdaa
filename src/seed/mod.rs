//! The sample sources: a seeded order database and access log, and a realistic next day.
//! It never touches what a run made; it only writes sources.

mod addresses;
mod csv;
mod database;
mod load;
mod log;
mod log_file;
mod mutate;
mod orders;
mod partial;
mod people;
mod random;
mod tables;
mod values;

use std::path::Path;

use tokio_util::sync::CancellationToken;

use crate::config::{DatabaseSource, Sample};
use crate::error::Result;

pub use csv::load_csv;
pub use log_file::{MadeLog, NewLog, append_log};
pub use mutate::{Mutation, TableChange, mutate};

/// Orders generated and written at a time: what bounds memory at any size.
const ORDERS_A_BATCH: u64 = 1_000;
/// 2021-01-01 and 2022-01-13, the first and the last day of the sample, in days since 1970.
const FIRST_DAY: i32 = 18_628;
const LAST_DAY: i32 = 19_005;

/// What to make. The same plan gives the same rows and bytes everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    pub seed: u64,
    /// Orders, of 1 to 9 lines each; the other tables have a fixed size.
    pub orders: u64,
    pub log_lines: u64,
}

impl From<Sample> for Plan {
    fn from(sample: Sample) -> Plan {
        Plan { seed: sample.seed, orders: sample.orders, log_lines: sample.log_lines }
    }
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Each table with its rows, in the order they were filled.
    pub tables: Vec<(String, u64)>,
}

impl Made {
    fn new() -> Made {
        Made { tables: tables::ALL.iter().map(|t| (t.name.to_owned(), 0)).collect() }
    }

    /// The rows of all tables.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|(_, rows)| rows).sum()
    }

    fn add(&mut self, batch: &tables::Batch) {
        for (name, rows) in &mut self.tables {
            if name == batch.table.name {
                *rows += batch.rows();
            }
        }
    }
}

/// Makes the whole sample: the order database and, where one is named, the access log.
///
/// Both are written out of sight and appear one right after the other, the database last: a
/// database that is there says that its sample is whole. A call that fails, or is stopped, leaves
/// what was there. The log is written on the calling thread; it heeds `stop`, and dropping the
/// future does the rest. `progress` is told the rows or lines so far.
///
/// Errors: those of [`make_orders`] and [`NewLog::write`].
pub async fn make_sample(
    source: &DatabaseSource,
    log: Option<&Path>,
    plan: &Plan,
    progress: &(dyn Fn(u64) + Send + Sync),
    stop: &CancellationToken,
) -> Result<(Made, Option<MadeLog>)> {
    let log = log.map(|path| NewLog::write(path, plan, progress, stop)).transpose()?;
    let orders = fill(source, plan, progress).await?;
    let log = log.map(NewLog::publish).transpose()?;
    Ok((orders.publish().await?, log))
}

/// Makes the order database of `plan`: the six tables, replaced where they exist.
///
/// The new tables appear all at once when they are complete; a call that fails or is cut off
/// leaves what was there. `progress` is told the rows so far.
///
/// Errors: `seed/foreign` when the place holds tables that are not the sample's, `seed/connect`,
/// `seed/locked` when another seed is at work there, `seed/write`.
pub async fn make_orders(
    source: &DatabaseSource,
    plan: &Plan,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<Made> {
    fill(source, plan, progress).await?.publish().await
}

async fn fill<'a>(
    source: &'a DatabaseSource,
    plan: &Plan,
    progress: &'a (dyn Fn(u64) + Send + Sync),
) -> Result<load::Filling<'a>> {
    let mut filling = load::Filling::begin(source, progress).await?;
    for batch in people::batches(plan) {
        filling.write(&batch).await?;
    }
    let mut orders = orders::Orders::new(plan);
    while let Some((headers, lines)) = orders.next_batch(ORDERS_A_BATCH) {
        filling.write(&headers).await?;
        filling.write(&lines).await?;
    }
    Ok(filling)
}

/// The second of event `index` of `count` spread over `span` seconds: each event has its own
/// stretch and falls somewhere in it, so later events are never earlier.
fn spread(index: u64, count: u64, span: i64, random: &mut random::Random) -> i64 {
    const PARTS: u64 = 1 << 20;
    let place = u128::from(index) * u128::from(PARTS) + u128::from(random.below(PARTS));
    let second =
        place * u128::from(span.unsigned_abs()) / (u128::from(count.max(1)) * u128::from(PARTS));
    i64::try_from(second).unwrap_or(i64::MAX)
}

/// How many lines an order has: 1 to 9, all about as often, 1 a little more; 4.95 on average.
fn lines_of_an_order(random: &mut random::Random) -> i64 {
    if random.once_in(75) { 1 } else { random.between(1, 9) }
}

#[cfg(test)]
mod tests;
