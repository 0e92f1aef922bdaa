//! Opening the warehouse for verbs that only read it. It creates nothing.

use std::sync::Arc;

use crate::cli::session::{NO_RUN, Session};
use crate::config::Project;
use crate::error::{Error, Result};
use crate::storage;
use crate::warehouse::Warehouse;
use crate::warehouse::local::Local;

/// The local warehouse of a project that has run.
///
/// Errors: `warehouse/none` before the first run; what opening says.
pub(super) async fn open(session: &Session, project: &Project) -> Result<Arc<dyn Warehouse>> {
    let Some(state) = session.records(project).await? else {
        return Err(Error::config("warehouse/none", "there are no tables")
            .about(project.name.clone())
            .hint(NO_RUN));
    };
    let landing = storage::open(&project.landing, project.fsync)?;
    Ok(Arc::new(Local::open(project, state, landing).await?))
}
