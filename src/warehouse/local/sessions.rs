//! The sessions statements are planned and run in: one for few rows, one for many. They hold no table.

use std::sync::Arc;

use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::SessionState;

use crate::dialect;

/// Up to so many rows of all its tables a statement runs in one piece: to cut it into pieces, pass
/// rows between them and join them again costs more than a second processor gains, and other tasks
/// have work for that one.
const ROWS_IN_ONE_PIECE: u64 = 250_000;

/// Sessions to clone one from for each statement.
pub struct Sessions {
    few: SessionState,
    many: SessionState,
}

impl Sessions {
    /// `pieces` is how many pieces of a large statement run side by side.
    pub fn new(runtime: Arc<RuntimeEnv>, pieces: usize) -> Sessions {
        let many = dialect::session_state(runtime, pieces.max(1), None);
        let mut few = many.clone();
        *few.config_mut() = few.config().clone().with_target_partitions(1);
        Sessions { few, many }
    }

    /// The session for work on many rows.
    pub fn many(&self) -> &SessionState {
        &self.many
    }

    /// The session for a statement that reads at most so many rows.
    pub fn for_rows(&self, rows: u64) -> &SessionState {
        match rows <= ROWS_IN_ONE_PIECE {
            true => &self.few,
            false => &self.many,
        }
    }
}
