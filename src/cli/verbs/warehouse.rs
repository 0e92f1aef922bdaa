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
    match open_local(session, project).await? {
        Some(local) => Ok(Arc::new(local)),
        None => Err(Error::config("warehouse/none", "there are no tables")
            .about(project.name.clone())
            .hint(NO_RUN)),
    }
}

/// The same with all that the local engine can be asked; `None` before the first run.
pub(super) async fn open_local(session: &Session, project: &Project) -> Result<Option<Local>> {
    let Some(state) = session.records(project).await? else { return Ok(None) };
    let landing = storage::open(&project.landing, project.fsync)?;
    Ok(Some(Local::open(project, state, landing).await?))
}
