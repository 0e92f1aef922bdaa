//! Finds and removes files of the warehouse and of landing that no row of the catalog names: what
//! failed attempts, forgotten snapshots and processes that died left behind.
//!
//! A file is written before it is named, so a young one may still be named by the program that
//! writes it: only files older than an age are garbage. No folder outside the warehouse's own and
//! the landing tables of the project is looked at.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::error::Result;
use crate::layout;
use crate::records;
use crate::storage;

use super::catalog;
use super::engine::Local;

/// A file that nothing names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Garbage {
    /// Its key in the store it lies in.
    pub path: String,
    pub bytes: u64,
}

impl Local {
    /// Removes what nothing names and is older than `age`; with `dry_run` only says what that is.
    pub async fn collect_garbage(&self, age: Duration, dry_run: bool) -> Result<Vec<Garbage>> {
        let born_before = Utc::now() - age;
        let mut found = Vec::new();
        let named = catalog::named_files(self.state.readers()).await?.into_iter().collect();
        found.extend(sweep(&self.data().store, None, &named, born_before, dry_run).await?);
        let named = records::landing::all_files(self.state.readers()).await?.into_iter().collect();
        for spec in &self.specs {
            for folder in [layout::landing_table(spec), layout::quarantine_table(spec)] {
                let store = &self.landing.store;
                found.extend(sweep(store, Some(&folder), &named, born_before, dry_run).await?);
            }
        }
        Ok(found)
    }
}

async fn sweep(
    store: &Arc<dyn ObjectStore>,
    folder: Option<&Path>,
    named: &HashSet<String>,
    born_before: DateTime<Utc>,
    dry_run: bool,
) -> Result<Vec<Garbage>> {
    let unreadable = |e: object_store::Error| {
        let hint = "check the permissions of the folder or bucket, then run it again";
        storage::explain("storage/list", "the files of the warehouse cannot be listed", e, hint)
    };
    // A file that another program added by its whole path may lie among ours.
    let whole: Vec<&String> = named.iter().filter(|n| n.starts_with('/')).collect();
    let objects: Vec<_> = store.list(folder).try_collect().await.map_err(unreadable)?;
    let mut removed = Vec::new();
    for object in objects {
        let ours = object.location.filename().is_some_and(|name| name.ends_with(".parquet"));
        let path = object.location.to_string();
        let is_named = named.contains(&path) || whole.iter().any(|n| n.ends_with(&path));
        if !ours || is_named || object.last_modified >= born_before {
            continue;
        }
        if !dry_run {
            match store.delete(&object.location).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(e) => {
                    let hint = "check the permissions of the folder or bucket, then run it again";
                    let message = format!("cannot remove `{path}`");
                    return Err(storage::explain("storage/delete", message, e, hint));
                }
            }
        }
        removed.push(Garbage { path, bytes: object.size });
    }
    Ok(removed)
}
