//! Report: the report files and their rows for a person. It runs nothing.
