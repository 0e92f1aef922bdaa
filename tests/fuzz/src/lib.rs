//! The part of Landfall that reads lines and files of logs, from its own sources, without the engine
//! that the crate needs and these need not: a target compiles in seconds.
#![allow(dead_code)] // the rest of the crate uses what the targets do not

#[path = "../../../src/error.rs"]
pub mod error;
pub mod weblog;
#[path = "../../../src/window.rs"]
pub mod window;
