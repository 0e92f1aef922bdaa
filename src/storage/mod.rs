//! Object storage: where landing and data files live, and when a write counts as done.

mod claim;
mod durable;
mod reason;
mod s3;

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use object_store::ObjectStore;

use crate::error::{Error, Result};

pub use claim::{Owner, claim};
pub use durable::Durable;
pub use reason::{explain, is_of_a_store};

/// Given where a store lies, a path or URL, and the store: what stands in its place.
pub type Front = dyn Fn(&str, Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> + Send + Sync;

static FRONT: RwLock<Option<Arc<Front>>> = RwLock::new(None);

/// Puts something in front of every store this process opens from now on, or takes it away.
///
/// The one seam through which tests make storage fail at a chosen operation. Nothing else calls
/// it; a program that embeds the library may put a counter or a cache there.
pub fn set_front(front: Option<Arc<Front>>) {
    *FRONT.write().unwrap_or_else(PoisonError::into_inner) = front;
}

fn fronted(place: &str, store: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
    let front = FRONT.read().unwrap_or_else(PoisonError::into_inner).clone();
    match front {
        Some(front) => front(place, store),
        None => store,
    }
}

/// Opens the store behind a `file` or `s3` URL, as a store whose root is that URL.
///
/// A local folder is created. With `fsync`, a local write is on the disk, names included, before
/// it is reported as done. S3 takes its credentials, region and endpoint from the `AWS_*`
/// environment; an endpoint without TLS is accepted on loopback, elsewhere with `AWS_ALLOW_HTTP`.
pub fn open(url: &url::Url, fsync: bool) -> Result<Arc<dyn ObjectStore>> {
    match url.scheme() {
        "file" => {
            let path = url.to_file_path().map_err(|()| {
                Error::config("storage/url", format!("`{url}` is not a path on this machine"))
            })?;
            local(&path, fsync)
        }
        "s3" => s3(url),
        other => Err(Error::config(
            "storage/scheme",
            format!("`{url}`: no storage with the scheme `{other}`"),
        )
        .hint("use a folder or an s3:// URL")),
    }
}

/// Opens a local folder as a store, creating it.
pub fn local(path: &Path, fsync: bool) -> Result<Arc<dyn ObjectStore>> {
    let unusable = |cause: Box<dyn std::error::Error + Send + Sync>| {
        Error::config("storage/folder", format!("cannot use the folder `{}`", path.display()))
            .because(cause)
            .hint("check that it is a folder and that you may write to it")
    };
    std::fs::create_dir_all(path).map_err(|e| unusable(e.into()))?;
    let store = object_store::local::LocalFileSystem::new_with_prefix(path)
        .map_err(|e| unusable(e.into()))?;
    let store: Arc<dyn ObjectStore> =
        if fsync { Arc::new(Durable::new(store, path)) } else { Arc::new(store) };
    Ok(fronted(&path.display().to_string(), store))
}

fn s3(url: &url::Url) -> Result<Arc<dyn ObjectStore>> {
    let bucket = s3::bucket(url)?;
    let prefix = s3::prefix(url)?;
    let store: Arc<dyn ObjectStore> = match prefix.as_ref().is_empty() {
        true => Arc::new(bucket),
        false => Arc::new(object_store::prefix::PrefixStore::new(bucket, prefix)),
    };
    Ok(fronted(url.as_str(), store))
}

/// Asks whether the store behind a URL answers and lets us in, before anything is begun. A folder
/// always does.
///
/// Errors: kind `Connect` with the reason: no way, no bucket, credentials, region, clock.
pub async fn reach(url: &url::Url) -> Result<()> {
    match url.scheme() {
        "s3" => s3::reach(url).await,
        _ => Ok(()),
    }
}
