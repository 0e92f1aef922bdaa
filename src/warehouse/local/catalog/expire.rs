//! Forgets old snapshots: their rows leave the catalog, and with them the files only they had.
//! Files are not removed here: one that no row of the catalog names is for `garbage` to find.

use crate::error::{Error, Result};
use crate::state::{Readers, State, query};

use super::SnapshotId;

/// True when a snapshot can still be read.
pub async fn is_kept(pool: &Readers, snapshot: SnapshotId) -> Result<bool> {
    let found: Option<(i64,)> =
        query("select snapshot_id from ducklake_snapshot where snapshot_id = $1")
            .bind(snapshot)
            .fetch_optional(pool)
            .await?;
    Ok(found.is_some())
}

/// How many snapshots lie before `keep`.
pub async fn before(pool: &Readers, keep: SnapshotId) -> Result<u64> {
    let (count,): (i64,) = query("select count(*) from ducklake_snapshot where snapshot_id < $1")
        .bind(keep)
        .fetch_one(pool)
        .await?;
    Ok(count.max(0) as u64)
}

/// Forgets every snapshot before `keep`, which has to be there.
pub async fn expire(state: &State, keep: SnapshotId) -> Result<()> {
    if !is_kept(state.readers(), keep).await? {
        return Err(Error::failed("catalog/snapshot", format!("there is no snapshot {keep}"))
            .hint("its sequence has expired already"));
    }
    let mut conn = state.writer().await;
    let mut transaction = conn.begin().await?;
    for statement in [
        "delete from ducklake_file_column_stats where data_file_id in
             (select data_file_id from ducklake_data_file where end_snapshot <= $1)",
        "delete from ducklake_delete_file where end_snapshot <= $1 or data_file_id in
             (select data_file_id from ducklake_data_file where end_snapshot <= $1)",
        "delete from ducklake_data_file where end_snapshot <= $1",
        "delete from ducklake_snapshot_changes where snapshot_id < $1",
        "delete from ducklake_snapshot where snapshot_id < $1",
    ] {
        query(statement).bind(keep).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

/// The files the catalog names, data and deletes, at whichever snapshot, with those that another
/// program has scheduled for removal: keys under the data path, or whole paths of files elsewhere.
pub async fn named_files(pool: &Readers) -> Result<Vec<String>> {
    let files: Vec<(String,)> = query(
        "select s.path || t.path || f.path
         from (select table_id, path from ducklake_data_file where path_is_relative
               union all
               select table_id, path from ducklake_delete_file where path_is_relative) f
         join (select distinct table_id, schema_id, path from ducklake_table) t using (table_id)
         join (select distinct schema_id, path from ducklake_schema) s using (schema_id)
         union all select path from ducklake_data_file where not path_is_relative
         union all select path from ducklake_delete_file where not path_is_relative
         union all select path from ducklake_files_scheduled_for_deletion",
    )
    .fetch_all(pool)
    .await?;
    Ok(files.into_iter().map(|(path,)| path).collect())
}
