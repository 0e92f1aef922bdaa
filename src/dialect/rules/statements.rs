//! What Redshift refuses in DDL. It knows no expression.

use super::list::rule;
use super::{Find, Rule, error_of};
use crate::dialect::command::{Command, CreateTable, DistStyle, SortStyle, TableAttributes};
use crate::error::{Error, Place};
use crate::types::SqlType;

/// Columns a sort key may have (t_Sorting_data, r_CREATE_TABLE_NEW).
const COMPOUND_COLUMNS: usize = 400;
const INTERLEAVED_COLUMNS: usize = 8;

pub(super) static RULES: &[Rule] = &[
    rule(
        "RS144",
        "sql/external-schema",
        "an external table has no schema",
        "r_CREATE_EXTERNAL_TABLE",
        "name it external_schema.table",
        Find::Command(|c| matches!(c, Command::CreateExternalTable(t) if t.name.schema.is_none())),
    )
    .told(
        "External tables live in external schemas only.",
        "create external table t (a int) stored as parquet location 's3://bucket/t/'",
        "create external table landing.t (a int) stored as parquet location 's3://bucket/t/'",
    ),
    rule(
        "RS145",
        "sql/temp-schema",
        "a temporary table has a schema",
        "r_CREATE_TABLE_NEW",
        "leave the schema out: temporary tables live in one of their own",
        Find::Command(|c| match c {
            Command::CreateTable(t) => t.temp && t.name.schema.is_some(),
            Command::CreateTableAs(t) => t.temp && t.name.schema.is_some(),
            _ => false,
        }),
    )
    .told(
        "The schema of a session's temporary tables has no name one could write.",
        "create temp table pres.stage (a int)",
        "create temp table stage (a int)",
    ),
    rule(
        "RS146",
        "sql/identity-type",
        "an IDENTITY column is neither INTEGER nor BIGINT",
        "r_CREATE_TABLE_NEW",
        "declare it BIGINT",
        Find::Table(|t| {
            t.columns.iter().any(|c| {
                c.identity.is_some() && !matches!(c.ty, SqlType::Integer | SqlType::BigInt)
            })
        }),
    )
    .told(
        "The counter is a whole number with gaps; SMALLINT would run out unseen.",
        "create table t (a smallint identity(1, 1))",
        "create table t (a bigint identity(1, 1))",
    ),
    rule(
        "RS147",
        "sql/default-on-identity",
        "a column has both DEFAULT and IDENTITY",
        "r_CREATE_TABLE_NEW",
        "keep one of them",
        Find::Table(|t| t.columns.iter().any(|c| c.identity.is_some() && c.default.is_some())),
    )
    .told(
        "Both say where the value comes from when the statement gives none.",
        "create table t (a bigint identity(1, 1) default 1)",
        "create table t (a bigint default 1)",
    ),
    rule(
        "RS148",
        "sql/key-column",
        "a key names a column the table does not have",
        "r_CREATE_TABLE_NEW",
        "name a column of the table",
        Find::Table(key_without_column),
    )
    .told(
        "DISTKEY, SORTKEY, UNIQUE, PRIMARY KEY and FOREIGN KEY speak of the columns declared beside \
         them.",
        "create table t (a int) distkey (b)",
        "create table t (a int) distkey (a)",
    ),
    rule(
        "RS149",
        "sql/column-twice",
        "a table has two columns of one name",
        "r_CREATE_TABLE_NEW",
        "rename one; names fold to lower case even when quoted",
        Find::Table(column_twice),
    )
    .told(
        "Unless enable_case_sensitive_identifier is set, \"A\" and a are one name.",
        "create table t (a int, \"A\" int)",
        "create table t (a int, b int)",
    ),
    rule(
        "RS168",
        "sql/distkey",
        "DISTSTYLE KEY has no DISTKEY",
        "r_CREATE_TABLE_NEW",
        "name the column: DISTKEY (column)",
        Find::Command(|c| {
            attributes(c).is_some_and(|a| {
                a.diststyle == Some(DistStyle::Key) && a.distkey.is_none()
            })
        }),
    )
    .told(
        "If you specify DISTSTYLE KEY, you must name a DISTKEY column.",
        "create table t (a int) diststyle key",
        "create table t (a int) diststyle key distkey (a)",
    ),
    rule(
        "RS174",
        "sql/distkey-style",
        "a DISTKEY stands beside another DISTSTYLE than KEY",
        "r_CREATE_TABLE_NEW",
        "keep one of them",
        Find::Command(|c| {
            attributes(c).is_some_and(|a| {
                a.distkey.is_some() && a.diststyle.is_some_and(|style| style != DistStyle::Key)
            })
        }),
    )
    .told(
        "ALL puts every row on every node, EVEN deals rows out in turn, and AUTO chooses by itself; \
         none of them looks at a key. Beside DISTKEY the style is KEY or not written.",
        "create table t (a int) diststyle all distkey (a)",
        "create table t (a int) diststyle all",
    ),
    rule(
        "RS175",
        "sql/sortkey-columns",
        "a sort key has too many columns",
        "r_CREATE_TABLE_NEW",
        "keep the columns that queries filter by",
        Find::Table(|t| {
            t.attributes.sortkey.as_ref().is_some_and(|key| {
                key.columns.len()
                    > match key.style {
                        SortStyle::Interleaved => INTERLEAVED_COLUMNS,
                        _ => COMPOUND_COLUMNS,
                    }
            })
        }),
    )
    .told(
        "At most 400 columns make a compound sort key, at most 8 an interleaved one.",
        "create table t (a int, b int, c int, d int, e int, f int, g int, h int, i int) \
         interleaved sortkey (a, b, c, d, e, f, g, h, i)",
        "create table t (a int, b int, c int) interleaved sortkey (a, b, c)",
    ),
    rule(
        "RS176",
        "sql/system-schema",
        "a statement writes to a schema of the system",
        "r_MERGE",
        "write to a schema of your own",
        Find::Command(|c| {
            crate::dialect::tables::tables_of(c)
                .writes
                .iter()
                .any(|t| t.schema.as_deref().is_some_and(|s| SYSTEM.contains(&s)))
        }),
    )
    .told(
        "Catalog and system tables are read only.",
        "delete from pg_catalog.pg_class",
        "delete from pres.old_classes",
    ),
];

/// Raised by the parser, which alone sees the second.
pub(super) static SECOND_DISTKEY: Rule = rule(
    "RS178",
    "sql/distkey-twice",
    "a table has two DISTKEY columns",
    "r_CREATE_TABLE_NEW",
    "keep the one that the largest join uses",
    Find::Start(&[]),
)
.told(
    "Only one column in a table can be the distribution key.",
    "create table t (a int distkey, b int distkey)",
    "create table t (a int distkey, b int)",
);

/// The error of the rule against a second DISTKEY.
pub fn second_distkey(place: Place) -> Error {
    error_of(&SECOND_DISTKEY).at(place)
}

/// What CREATE TABLE and CREATE TABLE AS say of keys; LIKE has a rule of its own.
fn attributes(command: &Command) -> Option<&TableAttributes> {
    match command {
        Command::CreateTable(t) if t.like.is_none() => Some(&t.attributes),
        Command::CreateTableAs(t) => Some(&t.attributes),
        _ => None,
    }
}

const SYSTEM: &[&str] = &["pg_catalog", "information_schema", "pg_internal", "pg_automv"];

fn key_without_column(table: &CreateTable) -> bool {
    if table.like.is_some() {
        return false;
    }
    let a = &table.attributes;
    let sort = a.sortkey.iter().flat_map(|k| &k.columns);
    let foreign = a.foreign.iter().flat_map(|key| &key.columns);
    let keys = a.distkey.iter().chain(sort).chain(a.unique.iter().flatten()).chain(&a.primary_key);
    let mut keys = keys.chain(foreign);
    keys.any(|key| !table.columns.iter().any(|c| c.name == *key))
}

fn column_twice(table: &CreateTable) -> bool {
    let mut names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| matches!(pair, [a, b] if a == b))
}
