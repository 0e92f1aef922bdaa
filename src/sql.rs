//! The SQL that ships inside the binary, and how a file is cut into statements. Pure.
