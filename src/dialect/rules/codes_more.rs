//! The stories of errors about keys, databases, grouping and the rows of subqueries. It raises none.

use super::codes::{Code, code};

/// In the order of the alphabet.
pub static CODES: &[Code] = &[
    code(
        "sql/alter-key",
        "this change of a key or an encoding does not exist",
        "r_ALTER_TABLE",
        "make the table again with the keys it shall have",
        "Under an interleaved sort key neither distribution nor encodings change; a column gets \
         another encoding than it has, once in a statement; temporary tables keep their style.",
        (
            "create table k (a int, b int) interleaved sortkey (a, b); alter table k alter distkey a",
            "create table k (a int, b int) sortkey (a, b); alter table k alter distkey a",
        ),
    ),
    code(
        "sql/ambiguous-table",
        "a name before a column is that of two tables",
        "r_FROM_clause30",
        "write schema.table.column, or give each table an alias",
        "Tables of one name in two schemas may stand in one FROM. Their name alone means neither.",
        (
            "select sales.code from a.sales join b.sales on a.sales.code = b.sales.code",
            "select a.sales.code from a.sales join b.sales on a.sales.code = b.sales.code",
        ),
    ),
    code(
        "sql/drop-column",
        "a column cannot be dropped",
        "r_ALTER_TABLE",
        "change the key first, or write CASCADE for a key of several columns",
        "A table keeps its last column, its DISTKEY and the columns of its SORTKEY.",
        (
            "create table k (a int, b int) distkey (a); alter table k drop column a",
            "create table k (a int, b int) distkey (a); alter table k drop column b",
        ),
    ),
    code(
        "sql/exclude",
        "EXCLUDE leaves no column, or names one twice",
        "r_EXCLUDE_list",
        "name each column to leave out once, and keep one",
        "It takes columns off the select list; a result has at least one.",
        ("select * exclude (code, name, day) from dim", "select * exclude (code, name) from dim"),
    ),
    code(
        "sql/foreign-key",
        "a foreign key references no key",
        "r_CREATE_TABLE_NEW",
        "declare what it references PRIMARY KEY or UNIQUE there",
        "Foreign keys are not enforced, but the planner trusts them: what they reference must be a \
         primary key or unique constraint of a table.",
        (
            "create table p (a int); create table k (a int references p (a))",
            "create table p (a int primary key); create table k (a int references p (a))",
        ),
    ),
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
        "sql/read-only",
        "a statement writes in a read-only transaction",
        "r_BEGIN",
        "begin it with BEGIN, or with BEGIN READ WRITE",
        "READ ONLY gives a transaction the permission to read, and no other.",
        (
            "begin read only; insert into t (a) values (1)",
            "begin read write; insert into t (a) values (1); commit",
        ),
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
    code(
        "sql/temp-name",
        "a permanent table gets the name of a temporary one",
        "r_ALTER_TABLE",
        "choose a name without #",
        "A name that begins with # is that of a temporary table.",
        ("alter table t rename to #t", "alter table t rename to old_t"),
    ),
    code(
        "sql/unknown-constraint",
        "a constraint does not exist",
        "r_ALTER_TABLE",
        "name a constraint of the table; SHOW TABLE tells them",
        "A constraint is dropped by its name. One that was given none is called after its table and \
         its column: t_pkey, t_a_key, t_a_fkey.",
        (
            "create table k (a int primary key); alter table k drop constraint nothing",
            "create table k (a int primary key); alter table k drop constraint k_pkey",
        ),
    ),
    code(
        "sql/update-self-join",
        "the target of an UPDATE is called by its alias in FROM and by its own name",
        "r_UPDATE",
        "call it by the alias everywhere; join a subquery where its rows are needed again",
        "The manual's example joins the target in FROM under an alias, and that alias is the target. \
         It does not say what the table's own name means beside it: the same row, or any row.",
        (
            "update dim set name = 'x' from dim d where dim.code = d.code and dim.day < d.day",
            "update dim set name = 'x' from (select code, max(day) as day from dim group by code) d \
             where dim.code = d.code and dim.day < d.day",
        ),
    ),
];
