//! Object keys and project paths: the only place that writes them. Pure.
//!
//! ```text
//! <landing>/landing/<source>/<table>/execution_sequence=<n>/part-<uuid>.parquet
//! <landing>/quarantine/<source>/<table>/execution_sequence=<n>/part-<uuid>.parquet
//! <project>/.landfall/catalog.sqlite     the catalog and the run records
//! <project>/.landfall/data/...           store and pres files (DuckLake)
//! <project>/.landfall/tmp/<attempt>/     scratch of one attempt, swept at start
//! <project>/.landfall/lock               one run at a time
//! ```

use object_store::path::Path;
use uuid::Uuid;

use crate::sequence::Sequence;
use crate::tables::{SEQUENCE_COLUMN, TableSpec};

pub const STATE_DIR: &str = ".landfall";
pub const CATALOG_FILE: &str = "catalog.sqlite";
pub const DATA_DIR: &str = "data";
pub const TMP_DIR: &str = "tmp";
pub const LOCK_FILE: &str = "lock";
pub const CONFIG_FILE: &str = "landfall.toml";
pub const LOCAL_CONFIG_FILE: &str = "landfall.local.toml";

/// The folder of all partitions of a landing table.
pub fn landing_table(spec: &TableSpec) -> Path {
    Path::from_iter(["landing", spec.source.as_str(), spec.name.as_str()])
}

/// The folder of one landing partition.
pub fn landing_partition(spec: &TableSpec, sequence: Sequence) -> Path {
    landing_table(spec).join(format!("{SEQUENCE_COLUMN}={sequence}"))
}

/// A new file of a landing partition; never the name of an old one.
pub fn landing_file(spec: &TableSpec, sequence: Sequence) -> Path {
    landing_partition(spec, sequence).join(format!("part-{}.parquet", Uuid::now_v7()))
}

/// The folder of everything quarantined of a table.
pub fn quarantine_table(spec: &TableSpec) -> Path {
    Path::from_iter(["quarantine", spec.source.as_str(), spec.name.as_str()])
}

/// A new file of a quarantine partition.
pub fn quarantine_file(spec: &TableSpec, sequence: Sequence) -> Path {
    quarantine_table(spec)
        .join(format!("{SEQUENCE_COLUMN}={sequence}"))
        .join(format!("part-{}.parquet", Uuid::now_v7()))
}

/// The name of a new data file of a store or pres table, under the table's folder.
pub fn data_file() -> String {
    format!("part-{}.parquet", Uuid::now_v7())
}

/// The name of a new positional delete file.
pub fn delete_file() -> String {
    format!("part-{}-delete.parquet", Uuid::now_v7())
}
