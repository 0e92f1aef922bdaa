//! Statements that Redshift runs and Landfall does not: code, models, policies, jobs.
//! They are told by their first words and parsed no further. It approximates nothing.

use super::list::{missing, rule};
use super::{Find, Rule, error_of};
use crate::dialect::command::{AlterAction, Command};
use crate::error::{Error, Place};

pub(super) static RULES: &[Rule] = &[
    missing(
        "RS520",
        "stored procedures are not supported locally",
        "r_CREATE_PROCEDURE",
        "write the statements of its body into a file of the project",
        Find::Start(&[
            &["create", "procedure"],
            &["create", "or", "replace", "procedure"],
            &["alter", "procedure"],
            &["drop", "procedure"],
            &["show", "procedure"],
            &["show", "procedures"],
            &["show", "parameters", "of", "procedure"],
            &["call"],
        ]),
    )
    .told(
        "Redshift runs PL/pgSQL with its own rules of transactions. The local engine has none of \
         it; a file of SQL runs on both.",
        "call refresh_sales()",
        "delete from sales where amount is null",
    ),
    missing(
        "RS521",
        "user-defined functions are not supported locally",
        "r_CREATE_FUNCTION",
        "write the expression where it is used, or into a view",
        Find::Start(&[
            &["create", "function"],
            &["create", "or", "replace", "function"],
            &["create", "external", "function"],
            &["create", "or", "replace", "external", "function"],
            &["alter", "function"],
            &["drop", "function"],
            &["show", "functions"],
            &["show", "parameters", "of", "function"],
            &["create", "library"],
            &["create", "or", "replace", "library"],
            &["drop", "library"],
        ]),
    )
    .told(
        "SQL functions are expressions with a name; those in Python and Lambda run outside the \
         engine, and Redshift takes no new ones in Python.",
        "create function f_net (float) returns float stable as $$ select $1 / 1.2 $$ language sql",
        "create view net as select amount / 1.2 as net from sales",
    ),
    missing(
        "RS524",
        "models are not supported locally",
        "r_CREATE_MODEL",
        "keep CREATE MODEL in the redshift folder; join a table of its predictions",
        Find::Start(&[
            &["create", "model"],
            &["create", "external", "model"],
            &["drop", "model"],
            &["show", "model"],
        ]),
    )
    .told(
        "Models are trained by SageMaker and called as functions.",
        "drop model churn",
        "select code from predictions",
    ),
    missing(
        "RS525",
        "policies on rows and columns are not supported locally",
        "r_ATTACH_RLS_POLICY",
        "keep ATTACH and DETACH in the redshift folder",
        Find::Start(&[&["attach"], &["detach"]]),
    )
    .told(
        "An attached policy changes what a query answers, by who asks. Nobody has a name here, so \
         the same query would answer more than on Redshift. Creating a policy changes nothing and \
         is taken.",
        "attach rls policy own_region on sales to role clerk",
        "select code from sales",
    ),
    missing(
        "RS526",
        "row-level security is not supported locally",
        "r_ALTER_TABLE",
        "keep it in the redshift folder, beside ATTACH RLS POLICY",
        Find::Command(|c| {
            matches!(c, Command::AlterTable(alter)
                if matches!(&alter.action, AlterAction::Noted { what } if *what == ROW_LEVEL_SECURITY))
        }),
    )
    .told(
        "With it on and no policy that lets a user through, a table is empty to that user.",
        "alter table sales row level security on",
        "alter table sales row level security off",
    ),
    missing(
        "RS527",
        "this SHOW or DESC is not supported locally",
        "r_SHOW_GRANTS",
        "ask Redshift; landfall tables NAME --schema shows the columns and keys of a table",
        Find::Start(&[
            &["show", "grants"],
            &["show", "column", "grants"],
            &["show", "constraints"],
            &["show", "datashares"],
            &["show", "external", "table"],
            &["show", "policies"],
            &["show", "databases", "from"],
            &["desc", "datashare"],
            &["desc", "identity"],
        ]),
    )
    .told(
        "Grants, shares and identity providers are taken and have no effect here, so there is \
         nothing true to show of them.",
        "show grants on table sales",
        "show columns from table dev.public.sales",
    ),
    missing(
        "RS529",
        "external views are not supported locally",
        "r_CREATE_EXTERNAL_VIEW",
        "write CREATE VIEW ... WITH NO SCHEMA BINDING over the external table",
        Find::Start(&[
            &["create", "external", "view"],
            &["create", "or", "replace", "external", "view"],
            &["create", "external", "protected", "view"],
            &["alter", "external", "view"],
            &["drop", "external", "view"],
        ]),
    )
    .told(
        "They are views of the data catalog, for other engines to read.",
        "create external view lake.v as select code from lake.sales",
        "create view pres.v as select code from lake.sales with no schema binding",
    ),
    missing(
        "RS530",
        "USE is not supported locally",
        "r_USE_command",
        "leave it out; there is one database here",
        Find::Start(&[&["use"]]),
    )
    .told(
        "It says which database names without one belong to.",
        "use sales_share",
        "select code from sales",
    ),
    missing(
        "RS531",
        "CANCEL is not supported locally",
        "r_CANCEL",
        "press Ctrl-C where the statement runs",
        Find::Start(&[&["cancel"]]),
    )
    .told(
        "It ends the query of another process of the cluster.",
        "cancel 18764",
        "select code from sales",
    ),
    missing(
        "RS532",
        "templates are not supported locally",
        "r_CREATE_TEMPLATE",
        "write the options into the COPY itself",
        Find::Start(&[
            &["create", "template"],
            &["create", "or", "replace", "template"],
            &["alter", "template"],
            &["drop", "template"],
            &["show", "template"],
            &["show", "templates"],
        ]),
    )
    .told(
        "A template keeps options of COPY under a name.",
        "drop template of_csv",
        "copy sales from 'in/sales.csv' csv",
    ),
    missing(
        "RS538",
        "temporary views are not supported locally",
        "r_CREATE_VIEW",
        "make a temporary table, or write the query into WITH",
        Find::Command(|c| matches!(c, Command::CreateView(view) if view.name.is_temp_name())),
    )
    .told(
        "A view whose name begins with # is seen in its session alone.",
        "create view #recent as select code from sales",
        "create temp table recent as select code from sales",
    ),
];

/// What ALTER TABLE ... ROW LEVEL SECURITY ON is noted as.
pub(crate) const ROW_LEVEL_SECURITY: &str = "ROW LEVEL SECURITY ON";

/// What the parser alone sees, in the order of [`Raised`].
pub(super) static RAISED: &[Rule] = &[
    missing(
        "RS528",
        "COPY JOB is not supported locally",
        "r_COPY-JOB",
        "write COPY; a run of the project loads what is new",
        Find::Start(&[&["copy", "job"]]),
    )
    .told(
        "A job watches a folder of S3 and loads what appears in it.",
        "copy job run nightly",
        "copy sales from 'in/sales.csv' csv",
    ),
    missing(
        "RS534",
        "definitions inside CREATE SCHEMA are not supported locally",
        "r_CREATE_SCHEMA",
        "write them as statements of their own, with the schema in their names",
        Find::Start(&[]),
    )
    .told(
        "CREATE SCHEMA takes CREATE TABLE, CREATE VIEW and GRANT as its parts.",
        "create schema stage authorization etl create table t (a int)",
        "create schema stage authorization etl",
    ),
    missing(
        "RS535",
        "DROP EXTERNAL DATABASE is not supported locally",
        "r_DROP_SCHEMA",
        "drop the schema alone; its files and its database stay",
        Find::Start(&[]),
    )
    .told(
        "The database belongs to the data catalog, which others read too.",
        "drop schema lake drop external database cascade",
        "drop schema lake cascade",
    ),
    missing(
        "RS536",
        "CREATE EXTERNAL TABLE AS is not supported locally",
        "r_CREATE_EXTERNAL_TABLE",
        "write UNLOAD ('...') TO '...' PARQUET, then CREATE EXTERNAL TABLE over the files",
        Find::Start(&[]),
    )
    .told(
        "It unloads a query and names the files as a table. In two statements both engines run it.",
        "create external table lake.t stored as parquet location 's3://bucket/t/' as select code from sales",
        "unload ('select code from sales') to 's3://bucket/t/' parquet",
    ),
    missing(
        "RS537",
        "COPY from DynamoDB, EMR or SSH is not supported locally",
        "copy-parameters-data-source",
        "load files of the project or of s3://",
        Find::Start(&[]),
    )
    .told(
        "Files are all that COPY reads here.",
        "copy sales from 'dynamodb://sales' readratio 50",
        "copy sales from 's3://bucket/sales/' csv",
    ),
    rule(
        "RS258",
        "sql/alter-column",
        "ALTER COLUMN changes neither defaults nor NOT NULL",
        "r_ALTER_TABLE",
        "add a column with what is wanted, fill it by UPDATE, drop the old one and rename",
        Find::Start(&[]),
    )
    .told(
        "It changes the size of a VARCHAR and the encoding of a column.",
        "alter table sales alter column code set not null",
        "alter table sales alter column code type varchar(20)",
    ),
    rule(
        "RS260",
        "sql/temp-view",
        "CREATE TEMPORARY VIEW does not exist",
        "r_CREATE_VIEW",
        "make a temporary table, or write the query into WITH",
        Find::Start(&[]),
    )
    .told(
        "TEMP belongs to tables.",
        "create temp view recent as select code from sales",
        "create temp table recent as select code from sales",
    ),
    rule(
        "RS261",
        "sql/primary-key-twice",
        "a table has two primary keys",
        "r_CREATE_TABLE_NEW",
        "write PRIMARY KEY (a, b) for a key of several columns",
        Find::Start(&[]),
    )
    .told(
        "One primary key can be specified for a table, at one column or as a constraint of the \
         table.",
        "create table t (a int primary key, b int primary key)",
        "create table t (a int, b int, primary key (a, b))",
    ),
    rule(
        "RS275",
        "sql/materialized-columns",
        "CREATE MATERIALIZED VIEW takes no list of columns",
        "materialized-view-create-sql-command",
        "name the columns in its query: SELECT a AS b",
        Find::Start(&[]),
    )
    .told(
        "The columns of a materialized view are those of its query.",
        "create materialized view by_code (k) as select code from dim",
        "create materialized view by_code as select code as k from dim",
    ),
    rule(
        "RS310",
        "sql/add-key",
        "ALTER TABLE adds a column that is a key",
        "r_ALTER_TABLE",
        "add the column alone; keys are set by ALTER DISTKEY, ALTER SORTKEY and ADD CONSTRAINT",
        Find::Start(&[]),
    )
    .told(
        "ADD COLUMN takes DEFAULT, ENCODE and NULL or NOT NULL. DISTKEY, SORTKEY, UNIQUE, PRIMARY KEY \
         and REFERENCES are changes of the table.",
        "alter table sales add column k int unique",
        "alter table sales add column k int; alter table sales add unique (k)",
    ),
    rule(
        "RS311",
        "sql/sortkey-twice",
        "a table has two sort keys",
        "r_CREATE_TABLE_usage",
        "write SORTKEY (a, b) behind the columns for a key of several",
        Find::Start(&[]),
    )
    .told(
        "At a column SORTKEY makes a key of this column alone. A key of several columns belongs to \
         the table.",
        "create table t (a int sortkey, b int sortkey)",
        "create table t (a int, b int) sortkey (a, b)",
    ),
    rule(
        "RS313",
        "sql/null-not-null",
        "a column is declared NULL and NOT NULL",
        "r_CREATE_TABLE_NEW",
        "keep one of them",
        Find::Start(&[]),
    )
    .told(
        "A column takes NULL or it does not.",
        "create table t (a int null not null)",
        "create table t (a int not null)",
    ),
    rule(
        "RS317",
        "sql/vacuum-threshold",
        "VACUUM has a threshold that it does not take",
        "r_VACUUM_command",
        "write a whole number from 0 to 100 before PERCENT, and none at all for REINDEX",
        Find::Start(&[]),
    )
    .told(
        "The threshold is a share of the rows. REINDEX works through all of them and is not supported \
         with one.",
        "vacuum reindex sales to 75 percent",
        "vacuum sort only sales to 75 percent",
    ),
];

/// What only the parser sees of a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Raised {
    CopyJob,
    SchemaElements,
    DropExternalDatabase,
    ExternalTableAs,
    CopySource,
    AlterColumn,
    TemporaryView,
    SecondPrimaryKey,
    MaterializedColumns,
    AddedKey,
    SecondSortKey,
    NullNotNull,
    VacuumThreshold,
}

/// The error of a rule that the parser raises.
pub(crate) fn raised(what: Raised, place: Place) -> Error {
    match RAISED.get(what as usize) {
        Some(rule) => error_of(rule).at(place),
        None => Error::failed("sql/unsupported", "not supported locally").at(place),
    }
}
