//! The modules of `src/extract/weblog` that need neither settings nor Arrow.

#[path = "../../../src/extract/weblog/country/address.rs"]
pub mod address;
#[path = "../../../src/extract/weblog/chunks.rs"]
pub mod chunks;
#[path = "../../../src/extract/weblog/file.rs"]
pub mod file;
#[path = "../../../src/extract/weblog/format/mod.rs"]
pub mod format;
#[path = "../../../src/extract/weblog/identity.rs"]
pub mod identity;
#[path = "../../../src/extract/weblog/line.rs"]
pub mod line;
#[path = "../../../src/extract/weblog/scan.rs"]
pub mod scan;
#[path = "../../../src/extract/weblog/timestamp.rs"]
pub mod timestamp;
#[path = "../../../src/extract/weblog/whole.rs"]
pub mod whole;
