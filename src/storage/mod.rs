//! Object storage: where landing and data files live, and when a write counts as done.

mod durable;

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use object_store::ObjectStore;

use crate::error::{Error, Result};

pub use durable::Durable;

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
/// environment; an endpoint without TLS is accepted on loopback only.
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
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::config("storage/credentials", "an s3:// URL must not hold credentials")
            .hint("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use a profile"));
    }
    let loopback = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .and_then(|endpoint| url::Url::parse(&endpoint).ok())
        .is_some_and(|endpoint| {
            matches!(endpoint.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"))
        });
    let bad = |cause: object_store::Error| {
        Error::config("storage/s3", format!("cannot use `{url}`"))
            .because(cause)
            .hint("check the bucket's name and the AWS_* environment")
    };
    let store = object_store::aws::AmazonS3Builder::from_env()
        .with_url(url.as_str())
        .with_allow_http(loopback)
        .build()
        .map_err(bad)?;
    let prefix = object_store::path::Path::from_url_path(url.path())
        .map_err(|e| bad(object_store::Error::from(e)))?;
    let store: Arc<dyn ObjectStore> = if prefix.as_ref().is_empty() {
        Arc::new(store)
    } else {
        Arc::new(object_store::prefix::PrefixStore::new(store, prefix))
    };
    Ok(fronted(url.as_str(), store))
}
