//! Present: the pres files and their order. It runs nothing.
