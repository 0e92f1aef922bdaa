//! What SHOW can ask for. Data only; it decides nothing.

use super::command::ObjectRef;

/// What SHOW asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Show {
    Setting(String),
    All,
    Table(ObjectRef),
    View(ObjectRef),
    Databases,
    Schemas(ShowFilter),
    /// Of one schema.
    Tables(String, ShowFilter),
    Columns(ObjectRef, ShowFilter),
}

/// `[LIKE 'pattern'] [LIMIT n]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShowFilter {
    pub like: Option<String>,
    pub limit: Option<usize>,
}
