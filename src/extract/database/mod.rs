//! Databases: windows, checks and streams of rows from SQLite, MySQL and PostgreSQL.
