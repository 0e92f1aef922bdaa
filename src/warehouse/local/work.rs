//! The working copy of one table inside a transaction: its files, new ones included, and the
//! positions deleted so far. Pure: it reads and writes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use roaring::RoaringBitmap;

use crate::dialect::KnownText;

use super::catalog::{ColumnDef, ColumnStats, DataFile, TableDef};
use super::files::{FileTable, HeldRows, NewRows, Place, Rows, ScanFile, WrittenFile, file_schema};

/// A table as the statements of one transaction see it.
#[derive(Debug, Clone)]
pub struct WorkTable {
    /// Where its files are.
    pub place: Place,
    pub def: Arc<TableDef>,
    /// Gone at the end of the transaction; never committed.
    pub temporary: bool,
    pub files: Vec<WorkFile>,
    /// Committed files of which no row is left.
    pub removed: Vec<i64>,
}

#[derive(Debug, Clone)]
pub struct WorkFile {
    pub origin: Origin,
    /// Every deleted position, those of earlier commits included.
    pub deleted: RoaringBitmap,
    /// True when `deleted` grew in this transaction.
    pub changed: bool,
}

#[derive(Debug, Clone)]
pub enum Origin {
    Committed(DataFile),
    Written(WrittenFile),
    /// In memory; of temporary tables only.
    Held(HeldRows),
}

impl WorkFile {
    /// Its key in the store; rows in memory have none.
    pub fn path(&self) -> &str {
        match &self.origin {
            Origin::Committed(f) => &f.path,
            Origin::Written(f) => &f.path,
            Origin::Held(_) => "",
        }
    }

    /// Rows in the file, deleted ones included.
    pub fn rows(&self) -> u64 {
        match &self.origin {
            Origin::Committed(f) => f.rows,
            Origin::Written(f) => f.rows,
            Origin::Held(f) => f.rows,
        }
    }

    pub fn bytes(&self) -> u64 {
        match &self.origin {
            Origin::Committed(f) => f.bytes,
            Origin::Written(f) => f.bytes,
            Origin::Held(f) => f.bytes(),
        }
    }

    fn source(&self) -> Rows {
        let file = |path: &String, bytes| Rows::File { path: path.clone(), bytes };
        match &self.origin {
            Origin::Committed(f) => file(&f.path, f.bytes),
            Origin::Written(f) => file(&f.path, f.bytes),
            Origin::Held(held) => Rows::Held(held.clone()),
        }
    }

    /// The bounds of a column, where they are known.
    pub fn stats(&self, column: i64) -> Option<&ColumnStats> {
        match &self.origin {
            Origin::Committed(f) => f.stats.get(&column),
            Origin::Written(f) => f.stats.get(&column),
            Origin::Held(_) => None,
        }
    }

    /// True if a column holds text of which nothing ends with a blank.
    fn unblanked(&self, column: i64) -> bool {
        match &self.origin {
            Origin::Held(held) => held.unblanked.contains(&column),
            _ => self.stats(column).is_some_and(|s| s.unblanked),
        }
    }

    pub fn live_rows(&self) -> u64 {
        self.rows() - self.deleted.len()
    }
}

impl WorkTable {
    pub fn new(place: Place, def: Arc<TableDef>, temporary: bool) -> WorkTable {
        WorkTable { place, def, temporary, files: Vec::new(), removed: Vec::new() }
    }

    /// Takes the committed files, with the positions deleted from each.
    pub fn load(&mut self, files: Vec<(DataFile, RoaringBitmap)>) {
        self.files = files
            .into_iter()
            .map(|(file, deleted)| WorkFile {
                origin: Origin::Committed(file),
                deleted,
                changed: false,
            })
            .collect();
    }

    pub fn append(&mut self, rows: Vec<NewRows>) {
        self.files.extend(rows.into_iter().map(|rows| WorkFile {
            origin: match rows {
                NewRows::File(file) => Origin::Written(file),
                NewRows::Held(held) => Origin::Held(held),
            },
            deleted: RoaringBitmap::new(),
            changed: false,
        }));
    }

    /// Deletes rows by the identity a scan gave them: index of the file, positions in it.
    /// Returns how many rows were live before.
    pub fn delete(&mut self, rows: &BTreeMap<usize, RoaringBitmap>) -> u64 {
        let mut gone = 0;
        for (index, positions) in rows {
            let Some(file) = self.files.get_mut(*index) else { continue };
            let before = file.deleted.len();
            file.deleted |= positions;
            let fresh = file.deleted.len() - before;
            file.changed |= fresh > 0;
            gone += fresh;
        }
        self.drop_empty();
        gone
    }

    /// Puts new rows in the place of some files, which must be committed ones.
    pub fn replace(&mut self, files: &[usize], rows: Vec<NewRows>) {
        let mut index = 0;
        let removed = &mut self.removed;
        self.files.retain(|file| {
            let goes = files.contains(&index);
            if let (true, Origin::Committed(committed)) = (goes, &file.origin) {
                removed.push(committed.id);
            }
            index += 1;
            !goes
        });
        self.append(rows);
    }

    /// Deletes every row; returns how many were live.
    pub fn clear(&mut self) -> u64 {
        let gone = self.live_rows();
        for file in &mut self.files {
            file.deleted.insert_range(0..u32::try_from(file.rows()).unwrap_or(u32::MAX));
        }
        self.drop_empty();
        gone
    }

    pub fn live_rows(&self) -> u64 {
        self.files.iter().map(WorkFile::live_rows).sum()
    }

    /// True when a commit has something to write for it.
    pub fn is_dirty(&self) -> bool {
        !self.temporary
            && (!self.removed.is_empty()
                || self.files.iter().any(|f| f.changed || matches!(f.origin, Origin::Written(_))))
    }

    fn drop_empty(&mut self) {
        let removed = &mut self.removed;
        self.files.retain(|file| {
            let empty = file.live_rows() == 0;
            if let (true, Origin::Committed(committed)) = (empty, &file.origin) {
                removed.push(committed.id);
            }
            !empty
        });
    }

    /// The schema of the rows in its files.
    pub fn schema(&self) -> SchemaRef {
        file_schema(&self.def.columns)
    }

    /// A scan beside what is known of its texts: a column is free of trailing blanks if it is in
    /// every file. A file older than a column says nothing of it.
    pub fn known(&self, scan: FileTable) -> KnownText {
        let free = |column: &&ColumnDef| {
            column.ty.text_bytes().is_some() && self.files.iter().all(|f| f.unblanked(column.id))
        };
        let unblanked = self.def.columns.iter().filter(free).map(|c| c.name.clone()).collect();
        let texts = self.def.columns.iter().filter(|c| c.ty.text_bytes().is_some());
        let texts = texts.map(|c| (c.name.clone(), c.ty)).collect();
        KnownText::new(Arc::new(scan), unblanked, texts)
    }

    /// Its files for a scan; the index of each is the one [`WorkTable::delete`] takes.
    pub fn scan_files(&self) -> Vec<ScanFile> {
        self.files
            .iter()
            .map(|file| ScanFile {
                source: file.source(),
                rows: file.rows(),
                modified: None,
                deleted: (!file.deleted.is_empty()).then(|| Arc::new(file.deleted.clone())),
                only: None,
                stats: self.def.columns.iter().map(|c| file.stats(c.id).cloned()).collect(),
                partition: Vec::new(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::execution::object_store::ObjectStoreUrl;

    fn table(files: &[u64]) -> WorkTable {
        let place = Place {
            url: ObjectStoreUrl::local_filesystem(),
            store: Arc::new(object_store::memory::InMemory::new()),
        };
        let def = TableDef {
            id: 1,
            name: crate::tables::TableName::new("s", "t"),
            path: "s/t/".into(),
            columns: Vec::new(),
            last_column: 0,
            attributes: None,
        };
        let mut table = WorkTable::new(place, Arc::new(def), false);
        let file = |(id, rows): (usize, &u64)| DataFile {
            id: id as i64,
            path: format!("s/t/{id}.parquet"),
            rows: *rows,
            bytes: 1,
            partial_max: None,
            delete: None,
            stats: BTreeMap::new(),
        };
        table.load(files.iter().enumerate().map(|f| (file(f), RoaringBitmap::new())).collect());
        table
    }

    #[test]
    fn a_row_is_deleted_once_and_an_empty_file_goes() {
        let mut table = table(&[3, 2]);
        let rows = BTreeMap::from([(1, RoaringBitmap::from_iter([0u32, 1]))]);
        assert_eq!(table.delete(&rows), 2);
        assert_eq!(table.removed, vec![1]);
        let rows = BTreeMap::from([(0, RoaringBitmap::from_iter([1u32]))]);
        assert_eq!((table.delete(&rows), table.delete(&rows)), (1, 0));
        assert_eq!(table.live_rows(), 2);
        assert!(table.is_dirty());
    }

    #[test]
    fn clear_removes_all_files_and_counts_live_rows() {
        let mut table = table(&[3, 2]);
        table.delete(&BTreeMap::from([(0, RoaringBitmap::from_iter([0u32]))]));
        assert_eq!(table.clear(), 4);
        assert_eq!(table.removed, vec![0, 1]);
        assert!(table.files.is_empty());
    }
}
