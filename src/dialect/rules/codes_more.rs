//! The stories of errors about keys, databases, grouping and the rows of subqueries. It raises none.

use super::codes::{Code, code};

/// In the order of the alphabet.
pub static CODES: &[Code] = &[
    code(
        "sql/group-by",
        "a column is neither grouped nor aggregated",
        "r_GROUP_BY_clause",
        "add it to GROUP BY, or take MIN or MAX of it",
        "A group has many rows and gives one, so each column it shows is grouped by or summed up.",
        (
            "select code, name from dim group by code",
            "select code, max(name) from dim group by code",
        ),
    ),
    code(
        "sql/is-view",
        "a view is altered like a table",
        "r_ALTER_TABLE",
        "write CREATE OR REPLACE VIEW; ALTER TABLE renames a view or gives it another owner",
        "A view has no columns of its own: they are those of its query.",
        ("alter table v add column a int", "alter table v rename to w"),
    ),
    code(
        "sql/nullable-key",
        "a column of a primary key takes NULL",
        "r_ALTER_TABLE",
        "make a new table in which the column is NOT NULL",
        "A primary key is added to columns that were created NOT NULL alone.",
        (
            "create table k (a int); alter table k add primary key (a)",
            "create table k (a int not null); alter table k add primary key (a)",
        ),
    ),
    code(
        "sql/other-database",
        "a name belongs to another database",
        "cross-database_usage",
        "leave the database out: schema.table",
        "Redshift reads tables of other databases of the cluster by database.schema.table. There is \
         one database here, dev; a name of another one means another table.",
        ("select code from archive.public.sales", "select code from public.sales"),
    ),
    code(
        "sql/subquery-rows",
        "a subquery of one value returns more than one row",
        "r_scalar_subqueries",
        "take MIN or MAX of it, or write IN",
        "Where a value is wanted, a subquery gives one row, or none for NULL.",
        (
            "select code from dim where name = (select name from dim)",
            "select code from dim where name = (select max(name) from dim)",
        ),
    ),
];
