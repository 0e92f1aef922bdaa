//! Whose landing a folder or a bucket's prefix is. One object says so; it is written once and never
//! changed.
//!
//! Two warehouses must not land in one place. Redshift Spectrum reads every file of a partition's
//! folder, whoever wrote it, and would double the rows; and what one warehouse does not name,
//! compaction takes for garbage. Spectrum leaves out names that begin with an underscore (Amazon
//! Redshift's guide, "Data files for queries in Amazon Redshift Spectrum").

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use serde::{Deserialize, Serialize};
use url::Url;

use super::reason::explain;
use crate::error::{Error, Result};

const KEY: &str = "landing/_landfall.json";

/// Who lands somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// What decides; the rest is for people.
    pub warehouse: String,
    pub project: String,
    pub host: String,
    pub since: String,
}

/// Claims the landing at `url` for a warehouse, or finds that it is its own already.
///
/// Errors: `landing/owned` when it is another's; `landing/claim` when the store refuses.
pub async fn claim(url: &Url, store: &dyn ObjectStore, owner: &Owner) -> Result<()> {
    let key = Path::from(KEY);
    if let Some(found) = read(store, &key).await {
        return compare(url, &found, owner);
    }
    let text = serde_json::to_vec(owner)
        .map_err(|e| Error::failed("landing/claim", "a claim cannot be written").because(e))?;
    let body = PutPayload::from(text);
    if store.put_opts(&key, body.clone(), PutMode::Create.into()).await.is_ok() {
        return Ok(());
    }
    // What became of a conditional write that fails is unknown: another may have been first, the
    // answer may have been lost, the store may know no conditions.
    if let Some(found) = read(store, &key).await {
        return compare(url, &found, owner);
    }
    store.put(&key, body).await.map(|_| ()).map_err(|cause| {
        let hint = "check that the landing store can be written to";
        explain("landing/claim", format!("cannot write `{KEY}` under `{url}`"), cause, hint)
    })
}

/// The claim, if there is one that can be read. The write that follows tells why one cannot.
async fn read(store: &dyn ObjectStore, key: &Path) -> Option<Vec<u8>> {
    Some(store.get(key).await.ok()?.bytes().await.ok()?.to_vec())
}

fn compare(url: &Url, found: &[u8], owner: &Owner) -> Result<()> {
    let Ok(found) = serde_json::from_slice::<Owner>(found) else {
        return Err(Error::config("landing/claim", format!("`{KEY}` under `{url}` is damaged"))
            .hint("if only this project lands there, delete that object"));
    };
    if found.warehouse == owner.warehouse {
        return Ok(());
    }
    let Owner { project, host, since, .. } = found;
    Err(Error::config(
        "landing/owned",
        format!("`{url}` is the landing of another warehouse: project {project} on {host}, since {since}"),
    )
    .hint(
        "give each project its own `landing`; if that warehouse is gone for good, move landing/ and \
         quarantine/ away from there",
    ))
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    fn owner(warehouse: &str) -> Owner {
        let word = |text: &str| text.to_string();
        Owner {
            warehouse: word(warehouse),
            project: word("shop"),
            host: word("here"),
            since: word("2026-11-25 09:00:00Z"),
        }
    }

    #[tokio::test]
    async fn the_first_warehouse_keeps_the_landing() {
        let url: Url = "s3://bucket/lake".parse().expect("a URL");
        let store = InMemory::new();
        for _ in 0..2 {
            claim(&url, &store, &owner("a")).await.expect("its own");
        }
        let error = claim(&url, &store, &owner("b")).await.expect_err("another's");
        assert_eq!(error.code(), "landing/owned");
        assert!(error.message().contains("project shop on here, since 2026-11-25"), "{error}");
        claim(&url, &store, &owner("a")).await.expect("still its own");

        store.put(&Path::from(KEY), "{".into()).await.expect("writes");
        let error = claim(&url, &store, &owner("a")).await.expect_err("damaged");
        assert_eq!(error.code(), "landing/claim");
    }
}
