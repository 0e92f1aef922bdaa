//! What the integration tests share. No test is in here.

pub mod servers;
