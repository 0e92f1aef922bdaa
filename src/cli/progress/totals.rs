//! What a run did in all, for its summary. Pure.

use std::time::Duration;

use crate::events::Event;
use crate::task::{Layer, Rows, Status};

/// Sums over the tasks of a run.
#[derive(Debug, Clone, Default)]
pub(in crate::cli) struct Totals {
    pub(in crate::cli) land: Rows,
    pub(in crate::cli) store: Rows,
    pub(in crate::cli) pres: Rows,
    pub(in crate::cli) took: Option<Duration>,
}

impl Totals {
    pub(super) fn add(&mut self, event: &Event<'_>) {
        match event {
            // A skipped task carries the rows of the attempt that did it.
            Event::TaskFinished { task, status: Status::Ok, rows, .. } => match task.layer() {
                Layer::Land => sum(&mut self.land, rows),
                Layer::Store => sum(&mut self.store, rows),
                Layer::Pres => sum(&mut self.pres, rows),
                Layer::Report => {}
            },
            Event::RunFinished { took, .. } => self.took = Some(*took),
            _ => {}
        }
    }
}

fn sum(total: &mut Rows, rows: &Rows) {
    total.read += rows.read;
    total.landed += rows.landed;
    total.quarantined += rows.quarantined;
    total.inserted += rows.inserted;
    total.updated += rows.updated;
    total.unchanged += rows.unchanged;
    total.superseded += rows.superseded;
    total.written += rows.written;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::TaskName;

    #[test]
    fn only_what_this_run_did_is_added() {
        let mut totals = Totals::default();
        let task = TaskName::land("mysql", "orders");
        for (status, read) in [(Status::Ok, 5), (Status::Skipped, 100), (Status::Ok, 7)] {
            let rows = Rows { read, landed: read, ..Rows::default() };
            let took = Duration::ZERO;
            totals.add(&Event::TaskFinished { task: &task, status, rows, took, reason: None });
        }
        assert_eq!((totals.land.read, totals.land.landed, totals.store.read), (12, 12, 0));
    }
}
