//! Files that are not the warehouse's own: what COPY, UNLOAD and external tables may reach.
//!
//! An s3:// URL goes through the project's object stores, with the credentials of the environment.
//! A local path lies inside the project's folder or its landing folder, links followed: a SQL file
//! that came from elsewhere can neither read nor write what stands outside. The state folder, where
//! the catalog and its data are, is out of reach too. It keeps no file open.

use std::path::{Component, Path as OsPath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnv;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use serde::Deserialize;
use url::Url;

use crate::config::Project;
use crate::error::{Error, Result};
use crate::storage;

use super::engine::engine_error;
use super::files::Place;

/// The folders local paths may lie in.
#[derive(Debug, Clone)]
pub struct Outside {
    roots: Vec<PathBuf>,
    state: PathBuf,
    fsync: bool,
}

/// Where a path or URL points.
#[derive(Debug, Clone)]
pub struct Location {
    pub place: Place,
    /// The key in the store, or the beginning of keys.
    pub key: String,
    /// What stands before a key to name the file to a person.
    base: String,
    /// The folder of the state, where it lies in this store: nothing in it is ever named.
    hidden: Option<Path>,
}

impl Location {
    /// A key as a person would write it.
    pub fn shown(&self, key: &str) -> String {
        format!("{}{key}", self.base)
    }
}

#[derive(Deserialize)]
struct Manifest {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    url: String,
    #[serde(default)]
    mandatory: bool,
}

impl Outside {
    pub fn new(project: &Project) -> Outside {
        let landing = project.landing.to_file_path().ok();
        let roots = std::iter::once(project.root.clone()).chain(landing).map(real).collect();
        Outside { roots, state: real(project.state_dir.clone()), fsync: project.fsync }
    }

    /// Opens what a path or URL names, and makes it known to the engine.
    pub fn locate(&self, written: &str, runtime: &RuntimeEnv) -> Result<Location> {
        if written.starts_with("s3://") {
            return bucket(written, runtime);
        }
        let plain = match written.strip_prefix("file://") {
            Some(_) => Url::parse(written)
                .ok()
                .and_then(|url| url.to_file_path().ok())
                .ok_or_else(|| bad_path(written))?,
            None if written.contains("://") => return Err(bad_path(written)),
            None => PathBuf::from(written),
        };
        self.local(written, &plain, runtime)
    }

    fn local(&self, written: &str, plain: &OsPath, runtime: &RuntimeEnv) -> Result<Location> {
        let first = self.roots.first().cloned().unwrap_or_default();
        let path = flat(&first.join(plain)).ok_or_else(|| bad_path(written))?;
        // What a link points to decides, not where the link stands.
        let path = real(path);
        let root = self.roots.iter().find(|root| path.starts_with(root));
        let Some(root) = root.filter(|_| !path.starts_with(&self.state)) else {
            return Err(Error::failed(
                "sql/outside-project",
                format!("`{written}` lies outside the project's folder"),
            )
            .hint("put the files into the project, or name them by an s3:// URL"));
        };
        let key = path.strip_prefix(root).map(|p| p.to_string_lossy().into_owned());
        let mut key = key.unwrap_or_default();
        if written.ends_with('/') && !key.is_empty() {
            key.push('/');
        }
        let name = format!("landfall-outside-{:x}://local", fingerprint(root));
        let url = ObjectStoreUrl::parse(name).map_err(engine_error)?;
        let store = storage::local(root, self.fsync)?;
        runtime.register_object_store(url.as_ref(), Arc::clone(&store));
        let base = if *root == first { String::new() } else { format!("{}/", root.display()) };
        let hidden = self.state.strip_prefix(root).ok();
        let hidden = hidden.map(|inside| Path::from(inside.to_string_lossy().as_ref()));
        Ok(Location { place: Place { url, store }, key, base, hidden })
    }

    /// The files a COPY names, in the order of their keys: every key that begins as written.
    pub async fn files(&self, location: &Location) -> Result<Vec<ObjectMeta>> {
        let mut found = below(location).await?;
        found.retain(|meta| meta.size > 0);
        Ok(found)
    }

    /// The whole of one small file.
    pub async fn read(&self, location: &Location) -> Result<Bytes> {
        let key = Path::from(location.key.as_str());
        let bytes = async { location.place.store.get(&key).await?.bytes().await };
        bytes.await.map_err(|cause| {
            let shown = location.shown(&location.key);
            Error::failed("sql/no-file", format!("cannot read `{shown}`"))
                .because(cause)
                .hint("check the path, and for s3:// the AWS_* environment")
        })
    }

    /// The files a manifest lists (loading-data-files-using-manifest).
    pub async fn manifest(
        &self,
        location: &Location,
        runtime: &RuntimeEnv,
    ) -> Result<Vec<(Location, ObjectMeta)>> {
        let shown = location.shown(&location.key);
        let unreadable = |cause: Box<dyn std::error::Error + Send + Sync>| {
            Error::failed("sql/no-file", format!("`{shown}` is not a manifest")).because(cause)
        };
        let bytes = self.read(location).await?;
        let manifest: Manifest =
            serde_json::from_slice(&bytes).map_err(|e| unreadable(e.into()))?;
        let mut files = Vec::new();
        for entry in manifest.entries {
            let at = self.locate(&entry.url, runtime)?;
            match at.place.store.head(&Path::from(at.key.as_str())).await {
                Ok(meta) => files.push((at, meta)),
                Err(_) if !entry.mandatory => {}
                Err(cause) => {
                    return Err(Error::failed(
                        "sql/no-file",
                        format!("`{}` of the manifest `{shown}` is not there", entry.url),
                    )
                    .because(cause));
                }
            }
        }
        if files.is_empty() {
            return Err(Error::failed(
                "sql/no-file",
                format!("none of the files that the manifest `{shown}` lists is there"),
            )
            .hint("check the URLs in it; COPY ends where it finds no file"));
        }
        Ok(files)
    }
}

/// Every object whose key begins as the location's does, sorted.
pub async fn below(location: &Location) -> Result<Vec<ObjectMeta>> {
    let (store, prefix) = (&location.place.store, location.key.as_str());
    let failed = |cause: object_store::Error| {
        Error::failed("storage/list", format!("cannot list `{}`", location.shown(prefix)))
            .because(cause)
            .hint("check the path, and for s3:// the AWS_* environment")
    };
    // Folders are whole in an object store's listing: list the one the prefix stands in, then those
    // folders in it that begin as the prefix does.
    let folder = prefix.rsplit_once('/').map(|(folder, _)| Path::from(folder));
    let here = store.list_with_delimiter(folder.as_ref()).await.map_err(failed)?;
    let plain = prefix.trim_end_matches('/');
    let begins = |key: &Path| {
        key.as_ref().starts_with(prefix) || (prefix.ends_with('/') && key.as_ref() == plain)
    };
    let mut found: Vec<ObjectMeta> =
        here.objects.into_iter().filter(|meta| begins(&meta.location)).collect();
    let is_state = |folder: &Path| location.hidden.as_ref() == Some(folder);
    for folder in here.common_prefixes.iter().filter(|p| begins(p) && !is_state(p)) {
        let inside: Vec<ObjectMeta> =
            store.list(Some(folder)).try_collect().await.map_err(failed)?;
        found.extend(inside);
    }
    if let Some(state) = &location.hidden {
        found.retain(|meta| !meta.location.prefix_matches(state));
    }
    found.sort_by(|a, b| a.location.cmp(&b.location));
    Ok(found)
}

fn bucket(written: &str, runtime: &RuntimeEnv) -> Result<Location> {
    let url = Url::parse(written).map_err(|_| bad_path(written))?;
    let host = url.host_str().ok_or_else(|| bad_path(written))?;
    let root = format!("s3://{host}");
    let store = Url::parse(&root).map_err(|_| bad_path(written))?;
    let store = storage::open(&store, false)?;
    let engine = ObjectStoreUrl::parse(&root).map_err(engine_error)?;
    runtime.register_object_store(engine.as_ref(), Arc::clone(&store));
    // The key as written: a URL would escape what S3 takes as it is.
    let key = written.get(root.len()..).unwrap_or_default().trim_start_matches('/').to_owned();
    let base = format!("{root}/");
    Ok(Location { place: Place { url: engine, store }, key, base, hidden: None })
}

fn bad_path(written: &str) -> Error {
    Error::failed("sql/outside-project", format!("`{written}` is no path Landfall can read"))
        .hint("name files by a path inside the project or by an s3:// URL")
}

/// A path without `.` and `..`; `None` when it leaves its root.
fn flat(path: &OsPath) -> Option<PathBuf> {
    let mut flat = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                if !flat.pop() {
                    return None;
                }
            }
            Component::CurDir => {}
            other => flat.push(other),
        }
    }
    Some(flat)
}

/// The path with the links of its existing part followed.
fn real(path: PathBuf) -> PathBuf {
    let mut rest = Vec::new();
    let mut there = path.as_path();
    loop {
        if let Ok(found) = there.canonicalize() {
            return rest.iter().rev().fold(found, |all: PathBuf, part| all.join(part));
        }
        match (there.parent(), there.file_name()) {
            (Some(parent), Some(name)) => {
                rest.push(name.to_owned());
                there = parent;
            }
            _ => return path,
        }
    }
}

/// Tells the stores of two roots apart in one runtime.
fn fingerprint(root: &OsPath) -> u64 {
    use std::hash::{Hash, Hasher};
    let mut hasher = std::hash::DefaultHasher::new();
    root.hash(&mut hasher);
    hasher.finish()
}
