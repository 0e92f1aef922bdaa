//! Redshift SQL on DataFusion: parse, rules, rewrite, types, functions. It runs nothing and stores nothing.
//!
//! ```text
//! text ─parse─▶ Parsed ─rules─▶ warnings, refusals
//!                 ├─ catalog and session commands: their own variants of Command
//!                 ├─ DML: change_set ─▶ a query that yields row identity and new values
//!                 └─ query ─rewrite─▶ plan_query ─▶ LogicalPlan
//! ```
//!
//! DML never reaches DataFusion as DML: in 55.2 its DELETE and UPDATE hooks lose the WHERE clause
//! of subqueries and constants, and change every row.

mod ambiguous;
mod attributes;
mod bare;
mod blanks;
mod build;
mod care;
mod casts;
mod change;
mod command;
mod days;
mod first_row;
pub mod functions;
mod grouped;
mod guarded;
mod joined;
mod lex;
mod lifted;
mod lists;
mod marked;
mod matched;
mod membership;
mod named;
mod operands;
mod operators;
mod own;
mod parameters;
mod parse;
mod pivot;
mod plan;
mod printed;
mod pseudo;
mod recursive;
mod relations;
mod retyped;
mod rewrite;
mod rowless;
mod rules;
mod runnable;
mod secrets;
mod session;
mod sets;
mod show;
mod sight;
mod tables;
mod totals;
mod transfer;
mod united;
mod unknown;
mod wording;

pub use blanks::{KnownText, text_types};
pub use build::column;
pub use care::{Care, Kind};
pub use casts::assignment_casts;
pub use change::{
    ChangeSet, ChangeSetKind, ROW_DELETE, ROW_FILE, ROW_POSITION, ROWS_SUFFIX, ShapeColumn,
    TableShape, change_set, defaults_query, has_open_width, rows_name, without_identity,
};
pub use command::{
    AlterAction, AlterTable, Append, ColumnDef, Command, Constraint, ConstraintKind,
    CreateExternalSchema, CreateExternalTable, CreateTable, CreateTableAs, CreateView, Delete,
    DistStyle, ExternalSetting, ForeignKey, Identity, Insert, InsertSource, KeyChange, Like,
    Materialized, Merge, MergeAction, MergeClause, MergeForm, ObjectRef, Parsed, Partition,
    Prepare, Show, ShowFilter, SortKey, SortStyle, TableAttributes, Update,
};
pub use functions::blanks::any_trailing_blank;
pub use functions::{is_text, type_name};
pub use parameters::filled;
pub use parse::{object_ref, parse_each, parse_query, parse_script};
pub use plan::{Clock, output_name, plan_query, rewrite_query};
pub use printed::printed;
pub use pseudo::{PSEUDO, Pseudo, pseudo};
pub(crate) use rules::external_attribute;
pub use rules::{
    Explained, Finding, Known, KnownColumn, KnownTable, MANUAL, Rule, Severity, Story, about,
    check, explain, refuse, rules,
};
pub use secrets::without_secrets;
pub use session::{CATALOG, DEFAULT_SCHEMA, TEMPORARY, session_state};
pub use tables::{TableRefs, tables_of};
pub use transfer::{
    Copy, CopyOptions, FileFormat, JsonKeys, Packing, TextLayout, Unload, UnloadFormat,
};
pub use wording::sql_error;

#[cfg(test)]
mod tests;
