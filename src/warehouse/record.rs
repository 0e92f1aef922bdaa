//! The recording engine: keeps the text of every statement and runs none.
