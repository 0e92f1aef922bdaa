//! What a transaction hands to the catalog at its end: counters that moved, files that were written.
//! It commits nothing itself.

use crate::error::Result;

use super::catalog::{Change, NewDataFile, NewDeleteFile};
use super::files::write_positions;
use super::transaction::NEW;
use super::work::{Origin, WorkFile, WorkTable};

pub fn identity_changes(table: &WorkTable, changes: &mut Vec<Change>) {
    for column in table.def.columns.iter().filter(|c| c.identity.is_some()) {
        if table.def.id != NEW {
            changes.push(Change::Identity { table: table.def.id, column: column.clone() });
            continue;
        }
        for planned in changes.iter_mut() {
            if let Change::CreateTable { name, columns, .. } = planned
                && *name == table.def.name
            {
                *columns = table.def.columns.clone();
            }
        }
    }
}

/// Writes the delete files a table needs and says what the catalog has to know.
pub async fn file_change(table: &WorkTable) -> Result<Change> {
    let mut added = Vec::new();
    let mut deletes = Vec::new();
    for file in &table.files {
        let written = match &file.origin {
            Origin::Committed(committed) if file.changed => {
                let replaces = committed.delete.as_ref().map(|d| d.id);
                deletes.push(delete_file(table, file, committed.id, replaces).await?);
                continue;
            }
            Origin::Committed(_) | Origin::Held(_) => continue,
            Origin::Written(written) => written,
        };
        let delete = match file.deleted.is_empty() {
            true => None,
            false => Some(delete_file(table, file, NEW, None).await?),
        };
        added.push(NewDataFile {
            path: written.name.clone(),
            rows: written.rows,
            bytes: written.bytes,
            footer_bytes: written.footer_bytes,
            stats: written.stats.clone(),
            delete,
        });
    }
    Ok(Change::Files {
        table: table.def.name.clone(),
        id: (table.def.id != NEW).then_some(table.def.id),
        added,
        removed: table.removed.clone(),
        deletes,
    })
}

async fn delete_file(
    table: &WorkTable,
    file: &WorkFile,
    data_file: i64,
    replaces: Option<i64>,
) -> Result<NewDeleteFile> {
    let written =
        write_positions(&table.place, &table.def.path, file.path(), &file.deleted).await?;
    Ok(NewDeleteFile {
        data_file,
        replaces,
        path: written.name,
        rows: file.deleted.len(),
        bytes: written.bytes,
        footer_bytes: written.footer_bytes,
    })
}
