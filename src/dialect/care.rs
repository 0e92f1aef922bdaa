//! Statements that take care of a table and change no row: ANALYZE, VACUUM, LOCK, COMMENT. Data only;
//! it decides nothing.

use super::command::ObjectRef;

/// What such a statement names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Care {
    /// `VACUUM`, as a person says it.
    pub what: &'static str,
    /// Empty where it means every table.
    pub names: Vec<ObjectRef>,
    /// Of the one table it names.
    pub columns: Vec<String>,
    /// The constraint COMMENT speaks of.
    pub constraint: Option<String>,
    pub kind: Kind,
}

/// What a name must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Table,
    View,
    /// COMMENT ON COLUMN: those of views have comments too.
    Either,
}
