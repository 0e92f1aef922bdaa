//! Whether the files that the catalog names are there, in their size. It reads none and mends none.

use futures::{StreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use super::catalog;
use super::engine::Local;
use crate::error::Result;
use crate::{records, storage};

/// Files looked at at a time.
const AT_A_TIME: usize = 16;

/// What was found.
#[derive(Debug, Default)]
pub struct Files {
    pub looked_at: usize,
    /// The keys of those that are gone or of another size.
    pub broken: Vec<String>,
}

impl Local {
    /// Looks at the files of the store and of the tables for readers, as they are now.
    pub async fn files_of_tables(&self) -> Result<Files> {
        let (snapshot, shape) = self.newest().await?;
        let mut named = Vec::new();
        for table in shape.tables.values() {
            for file in catalog::files(self.state.readers(), table, snapshot).await? {
                named.extend(file.delete.map(|delete| (delete.path, None)));
                named.push((file.path, Some(file.bytes)));
            }
        }
        look(self.data.store.as_ref(), named).await
    }

    /// Looks at the files of landing, of every sequence.
    pub async fn files_of_landing(&self) -> Result<Files> {
        let mut named = Vec::new();
        for spec in &self.specs {
            for part in records::landing_files(self.state.readers(), &spec.landing).await? {
                named.extend(part.files.into_iter().map(|file| (file.path, Some(file.bytes))));
            }
        }
        look(self.landing.store.as_ref(), named).await
    }
}

async fn look(store: &dyn ObjectStore, named: Vec<(String, Option<u64>)>) -> Result<Files> {
    let looked_at = named.len();
    let one = |(path, bytes): (String, Option<u64>)| async move {
        match store.head(&Path::from(path.as_str())).await {
            Ok(meta) if bytes.is_none_or(|bytes| meta.size == bytes) => Ok(None),
            Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(Some(path)),
            Err(cause) => {
                let message = format!("cannot look at `{path}`");
                Err(storage::explain("storage/head", message, cause, "check the permissions"))
            }
        }
    };
    let found: Vec<Result<Option<String>>> =
        stream::iter(named).map(one).buffered(AT_A_TIME).collect().await;
    let mut broken = Vec::new();
    for file in found {
        broken.extend(file?);
    }
    Ok(Files { looked_at, broken })
}
