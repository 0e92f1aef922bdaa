//! What the integration tests share. No test is in here.

pub mod chance;
pub mod duckdb;
pub mod fault_store;
pub mod project;
pub mod python;
pub mod s3;
pub mod servers;
pub mod wire;
