//! What a statement is after parsing: one variant per kind of command. Data only; it decides nothing.

use std::fmt;

use datafusion::sql::sqlparser::ast;

pub use super::attributes::{
    Constraint, ConstraintKind, DistStyle, ForeignKey, KeyChange, SortKey, SortStyle,
    TableAttributes,
};
pub use super::care::Care;
pub use super::show::{Show, ShowFilter};
use super::transfer::{Copy, Unload};
use crate::error::Place;
use crate::sql::quote_identifier;
use crate::types::SqlType;

/// One statement of a script.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// The exact source text, from the first token to the last, without the terminator.
    pub text: String,
    /// Where its first token stands.
    pub place: Place,
    pub command: Command,
    /// The databases its names are written with, and where.
    pub databases: Vec<(String, Place)>,
}

/// The name of a table or view as written, folded to lower case. A temporary table keeps its `#`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectRef {
    pub schema: Option<String>,
    pub table: String,
}

impl ObjectRef {
    pub fn new(schema: Option<&str>, table: &str) -> ObjectRef {
        ObjectRef { schema: schema.map(str::to_owned), table: table.to_owned() }
    }

    /// The name as a text that is parsed again has it.
    pub fn quoted(&self) -> String {
        let table = quote_identifier(&self.table);
        match &self.schema {
            Some(schema) => format!("{}.{table}", quote_identifier(schema)),
            None => table,
        }
    }

    /// True for `#name`.
    pub fn is_temp_name(&self) -> bool {
        self.schema.is_none() && self.table.starts_with('#')
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.table),
            None => f.write_str(&self.table),
        }
    }
}

/// A parsed statement, by what has to be done with it.
#[derive(Debug, Clone)]
pub enum Command {
    Begin {
        read_only: bool,
    },
    Commit,
    Rollback,
    CreateSchema {
        name: String,
        if_not_exists: bool,
    },
    DropSchema {
        names: Vec<String>,
        if_exists: bool,
        cascade: bool,
    },
    CreateTable(Box<CreateTable>),
    CreateTableAs(Box<CreateTableAs>),
    CreateView(Box<CreateView>),
    DropTable {
        names: Vec<ObjectRef>,
        if_exists: bool,
        cascade: bool,
    },
    DropView {
        names: Vec<ObjectRef>,
        if_exists: bool,
        cascade: bool,
    },
    /// Computes its rows again; with `cascade`, those of the materialized views it stands on first.
    RefreshMaterializedView {
        name: ObjectRef,
        cascade: bool,
    },
    DropMaterializedView {
        names: Vec<ObjectRef>,
        if_exists: bool,
        cascade: bool,
    },
    /// AUTO REFRESH, keys: informational.
    AlterMaterializedView {
        name: ObjectRef,
    },
    AlterTable(Box<AlterTable>),
    /// Commits on Redshift what came before it in its transaction.
    Truncate {
        table: ObjectRef,
    },
    Insert(Box<Insert>),
    Update(Box<Update>),
    Delete(Box<Delete>),
    Merge(Box<Merge>),
    Query(Box<ast::Query>),
    Explain {
        command: Box<Command>,
    },
    /// `SET name TO value`, `RESET name` (value `None`), RESET ALL (name `all`).
    Set {
        name: String,
        value: Option<String>,
        /// SET LOCAL: until the transaction ends.
        local: bool,
    },
    Show(Show),
    Prepare(Box<Prepare>),
    Execute {
        name: String,
        values: Vec<ast::Expr>,
    },
    /// `None` for all of them.
    Deallocate {
        name: Option<String>,
    },
    Declare {
        cursor: String,
        query: Box<ast::Query>,
    },
    Fetch {
        cursor: String,
        /// `None` for what is left; 0 for the row fetched last.
        rows: Option<usize>,
    },
    Close {
        cursor: String,
    },
    Copy(Box<Copy>),
    Unload(Box<Unload>),
    CreateExternalSchema(Box<CreateExternalSchema>),
    CreateExternalTable(Box<CreateExternalTable>),
    Care(Box<Care>),
    /// Accepted and recorded, without an effect on rows: `GRANT`, `CREATE USER` ...
    Noted {
        what: &'static str,
    },
}

impl Command {
    /// True for what commits by itself on Redshift, with all that came before it.
    pub fn commits(&self) -> bool {
        match self {
            Command::Truncate { .. } => true,
            Command::AlterTable(alter) => matches!(alter.action, AlterAction::Append(_)),
            _ => false,
        }
    }

    /// The verb as a person says it, for messages: `CREATE TABLE`, `MERGE`.
    pub fn verb(&self) -> &'static str {
        match self {
            Command::Begin { .. } => "BEGIN",
            Command::Commit => "COMMIT",
            Command::Rollback => "ROLLBACK",
            Command::CreateSchema { .. } => "CREATE SCHEMA",
            Command::DropSchema { .. } => "DROP SCHEMA",
            Command::CreateTable(_) => "CREATE TABLE",
            Command::CreateTableAs(t) if t.materialized.is_some() => "CREATE MATERIALIZED VIEW",
            Command::CreateTableAs(_) => "CREATE TABLE AS",
            Command::CreateView(_) => "CREATE VIEW",
            Command::DropTable { .. } => "DROP TABLE",
            Command::DropView { .. } => "DROP VIEW",
            Command::RefreshMaterializedView { .. } => "REFRESH MATERIALIZED VIEW",
            Command::DropMaterializedView { .. } => "DROP MATERIALIZED VIEW",
            Command::AlterMaterializedView { .. } => "ALTER MATERIALIZED VIEW",
            Command::AlterTable(_) => "ALTER TABLE",
            Command::Truncate { .. } => "TRUNCATE",
            Command::Insert(_) => "INSERT",
            Command::Update(_) => "UPDATE",
            Command::Delete(_) => "DELETE",
            Command::Merge(_) => "MERGE",
            Command::Query(_) => "SELECT",
            Command::Explain { .. } => "EXPLAIN",
            Command::Set { .. } => "SET",
            Command::Show(_) => "SHOW",
            Command::Prepare(_) => "PREPARE",
            Command::Execute { .. } => "EXECUTE",
            Command::Deallocate { .. } => "DEALLOCATE",
            Command::Declare { .. } => "DECLARE",
            Command::Fetch { .. } => "FETCH",
            Command::Close { .. } => "CLOSE",
            Command::Copy(_) => "COPY",
            Command::Unload(_) => "UNLOAD",
            Command::CreateExternalSchema(_) => "CREATE EXTERNAL SCHEMA",
            Command::CreateExternalTable(_) => "CREATE EXTERNAL TABLE",
            Command::Care(care) => care.what,
            Command::Noted { what } => what,
        }
    }
}

/// `PREPARE name (types) AS statement`.
#[derive(Debug, Clone)]
pub struct Prepare {
    pub name: String,
    pub types: Vec<ast::DataType>,
    pub command: Command,
}

/// `CREATE [TEMP] TABLE t (...)`.
#[derive(Debug, Clone)]
pub struct CreateTable {
    pub name: ObjectRef,
    pub temp: bool,
    pub if_not_exists: bool,
    pub columns: Vec<ColumnDef>,
    pub like: Option<Like>,
    pub attributes: TableAttributes,
}

/// `(LIKE parent [INCLUDING DEFAULTS])`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Like {
    pub table: ObjectRef,
    pub including_defaults: bool,
}

/// A column as declared.
#[derive(Debug, Clone)]
pub struct ColumnDef {
    pub name: String,
    pub ty: SqlType,
    pub not_null: bool,
    pub default: Option<ast::Expr>,
    pub identity: Option<Identity>,
    /// Lower case, as Redshift's catalog has it: `az64`, `zstd`.
    pub encode: Option<String>,
    pub unique: bool,
    pub primary: bool,
}

impl ColumnDef {
    /// True for a name and a type alone.
    pub fn is_plain(&self) -> bool {
        let valued = self.not_null || self.default.is_some() || self.identity.is_some();
        !(valued || self.encode.is_some() || self.unique || self.primary)
    }
}

/// `IDENTITY(seed, step)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    pub seed: i64,
    pub step: i64,
    /// `GENERATED BY DEFAULT`: a statement may supply values.
    pub by_default: bool,
}

/// `CREATE [TEMP] TABLE t [(names)] AS query`, `SELECT ... INTO t`, and `CREATE MATERIALIZED VIEW`.
#[derive(Debug, Clone)]
pub struct CreateTableAs {
    pub name: ObjectRef,
    pub temp: bool,
    pub if_not_exists: bool,
    /// Names for the columns of the query; empty to keep its own.
    pub columns: Vec<String>,
    pub query: Box<ast::Query>,
    pub attributes: TableAttributes,
    /// Of a materialized view.
    pub materialized: Option<Materialized>,
}

/// What makes a table a materialized view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Materialized {
    /// The text of the query alone, as written; parse it again with `parse_query`.
    pub text: String,
    /// `AUTO REFRESH YES`: kept, and nothing refreshes by itself.
    pub auto_refresh: bool,
}

/// `CREATE [OR REPLACE] VIEW v [(names)] AS query [WITH NO SCHEMA BINDING]`.
#[derive(Debug, Clone)]
pub struct CreateView {
    pub name: ObjectRef,
    pub columns: Vec<String>,
    pub query: Box<ast::Query>,
    pub or_replace: bool,
    pub no_schema_binding: bool,
    /// The text of the query alone, as written; parse it again with `parse_query`.
    pub text: String,
}

/// `ALTER TABLE t ...`.
#[derive(Debug, Clone)]
pub struct AlterTable {
    pub name: ObjectRef,
    pub action: AlterAction,
}

#[derive(Debug, Clone)]
pub enum AlterAction {
    AddColumn(Box<ColumnDef>),
    DropColumn {
        name: String,
        cascade: bool,
    },
    RenameColumn {
        from: String,
        to: String,
    },
    RenameTable {
        to: String,
    },
    /// `ALTER COLUMN c TYPE varchar(n)`.
    ColumnType {
        name: String,
        ty: SqlType,
    },
    /// `APPEND FROM u`: moves the rows of `u`. Commits, on Redshift, like TRUNCATE.
    Append(Append),
    AddPartitions {
        if_not_exists: bool,
        partitions: Vec<Partition>,
    },
    /// `PARTITION (...) SET LOCATION '...'`.
    MovePartition(Partition),
    /// `DROP [IF EXISTS] PARTITION (...)`: its files stay.
    DropPartition {
        if_exists: bool,
        values: Vec<(String, String)>,
    },
    /// `SET LOCATION`, `SET TABLE PROPERTIES`, `SET FILE FORMAT` of an external table.
    External(ExternalSetting),
    /// Distribution, sort keys and encodings, in the order written.
    Keys(Vec<KeyChange>),
    AddConstraint(Constraint),
    /// By its name.
    DropConstraint {
        name: String,
    },
    /// Owners: informational.
    Noted {
        what: &'static str,
    },
}

/// `APPEND FROM u [IGNOREEXTRA | FILLTARGET]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    pub from: ObjectRef,
    /// Columns of the source alone are left out.
    pub ignore_extra: bool,
    /// Columns of the target alone get their default.
    pub fill_target: bool,
}

/// One partition of an external table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Column and the value's text.
    pub values: Vec<(String, String)>,
    pub location: String,
}

/// What ALTER TABLE ... SET changes of an external table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExternalSetting {
    Location(String),
    Properties(Vec<(String, String)>),
    /// Lower case: `parquet`.
    FileFormat(String),
}

/// `INSERT INTO t [(columns)] source`.
#[derive(Debug, Clone)]
pub struct Insert {
    pub target: ObjectRef,
    /// Empty when the statement names none.
    pub columns: Vec<String>,
    pub source: InsertSource,
}

#[derive(Debug, Clone)]
pub enum InsertSource {
    DefaultValues,
    /// VALUES too; `DEFAULT` in it is the identifier `default`.
    Query(Box<ast::Query>),
}

/// `[WITH ..] UPDATE t [alias] SET .. [FROM ..] [WHERE ..]`.
#[derive(Debug, Clone)]
pub struct Update {
    pub with: Option<ast::With>,
    pub target: ObjectRef,
    pub alias: Option<String>,
    /// Column parts as written and the new value.
    pub set: Vec<(Vec<ast::Ident>, ast::Expr)>,
    pub from: Vec<ast::TableWithJoins>,
    pub filter: Option<ast::Expr>,
}

/// `[WITH ..] DELETE [FROM] t [alias] [USING ..] [WHERE ..]`.
#[derive(Debug, Clone)]
pub struct Delete {
    pub with: Option<ast::With>,
    pub target: ObjectRef,
    pub alias: Option<String>,
    pub using: Vec<ast::TableWithJoins>,
    pub filter: Option<ast::Expr>,
}

/// `MERGE INTO t USING s ON c ...`, as written; the rules say what Redshift accepts of it.
#[derive(Debug, Clone)]
pub struct Merge {
    pub with: Option<ast::With>,
    pub target: ObjectRef,
    pub target_alias: Option<String>,
    pub source: ast::TableFactor,
    pub on: ast::Expr,
    pub form: MergeForm,
}

#[derive(Debug, Clone)]
pub enum MergeForm {
    RemoveDuplicates,
    Clauses(Vec<MergeClause>),
}

#[derive(Debug, Clone)]
pub struct MergeClause {
    pub matched: bool,
    /// `NOT MATCHED BY SOURCE`.
    pub by_source: bool,
    /// `AND condition`.
    pub condition: Option<ast::Expr>,
    pub action: MergeAction,
}

#[derive(Debug, Clone)]
pub enum MergeAction {
    Update(Vec<(Vec<ast::Ident>, ast::Expr)>),
    Delete,
    Insert { columns: Vec<String>, values: Vec<ast::Expr> },
    DoNothing,
}

/// `CREATE EXTERNAL SCHEMA s FROM DATA CATALOG ...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateExternalSchema {
    pub name: String,
    pub if_not_exists: bool,
    /// `DATABASE 'name'` of the data catalog.
    pub database: Option<String>,
}

/// `CREATE EXTERNAL TABLE s.t (...) ... LOCATION '...'`.
#[derive(Debug, Clone)]
pub struct CreateExternalTable {
    pub name: ObjectRef,
    pub columns: Vec<ColumnDef>,
    pub partitioned_by: Vec<ColumnDef>,
    /// Lower case: `parquet`, `textfile`.
    pub stored_as: Option<String>,
    /// `ROW FORMAT SERDE 'class'`.
    pub serde: Option<String>,
    pub location: String,
    /// `TABLE PROPERTIES ('k'='v', ...)`.
    pub properties: Vec<(String, String)>,
}
