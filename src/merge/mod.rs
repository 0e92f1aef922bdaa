//! Merge: the statements that bring one landing partition into its store table. Pure.
