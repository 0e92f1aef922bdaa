//! What DDL says of a table beyond its columns: distribution, sort keys, constraints. Data only; it
//! decides nothing.

use super::command::ObjectRef;

/// What Redshift's DDL says beyond columns. Informational here; kept so that it can be emitted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableAttributes {
    pub diststyle: Option<DistStyle>,
    pub distkey: Option<String>,
    pub sortkey: Option<SortKey>,
    /// `BACKUP YES|NO`.
    pub backup: Option<bool>,
    /// `ENCODE AUTO` of the whole table.
    pub encode_auto: bool,
    /// Every UNIQUE constraint, of one column or of several; not enforced, as on Redshift.
    pub unique: Vec<Vec<String>>,
    pub primary_key: Vec<String>,
    /// Every FOREIGN KEY and REFERENCES; not enforced either.
    pub foreign: Vec<ForeignKey>,
    /// The names written before UNIQUE and PRIMARY KEY of several columns, with the columns.
    pub names: Vec<(String, Vec<String>)>,
}

/// `[CONSTRAINT name] FOREIGN KEY (columns) REFERENCES table [(referenced)]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    pub name: Option<String>,
    pub columns: Vec<String>,
    pub table: ObjectRef,
    /// Empty for the primary key of the table.
    pub referenced: Vec<String>,
}

/// A constraint that ALTER TABLE adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    pub name: Option<String>,
    pub columns: Vec<String>,
    pub kind: ConstraintKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConstraintKind {
    Unique,
    Primary,
    Foreign(ForeignKey),
}

/// One clause of ALTER TABLE ... ALTER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyChange {
    DistStyle(DistStyle),
    DistKey(String),
    /// `None` for SORTKEY NONE.
    SortKey(Option<SortKey>),
    Encode {
        column: String,
        encoding: String,
    },
    EncodeAuto,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DistStyle {
    Auto,
    Even,
    Key,
    All,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortKey {
    pub style: SortStyle,
    /// Empty for `SORTKEY AUTO`.
    pub columns: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortStyle {
    Compound,
    Interleaved,
    Auto,
}
