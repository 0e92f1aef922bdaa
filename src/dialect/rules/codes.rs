//! The stories of errors that no rule raises: what the parser, the planner and the engine say.

use super::Story;

/// An error by its code.
#[derive(Debug)]
pub struct Code {
    pub code: &'static str,
    /// What is wrong, lower case, in general.
    pub says: &'static str,
    /// The page of the Redshift developer guide; empty where the error is Landfall's own.
    pub page: &'static str,
    pub fix: &'static str,
    pub story: Story,
}

pub(super) const fn code(
    code: &'static str,
    says: &'static str,
    page: &'static str,
    fix: &'static str,
    why: &'static str,
    examples: (&'static str, &'static str),
) -> Code {
    let (wrong, right) = examples;
    Code { code, says, page, fix, story: Story { why, wrong, right } }
}

/// Every code but those of the rules and of `codes_views`, in the order of the alphabet.
pub static CODES: &[Code] = &[
    code(
        "sql/aborted",
        "current transaction is aborted, commands ignored until end of transaction block",
        "c_serial_isolation",
        "end it with ROLLBACK",
        "After an error inside BEGIN ... COMMIT nothing of the block can stand, so nothing more of \
         it is run, and COMMIT rolls back.",
        ("begin; insert into t (a) values (null); select 1", "rollback"),
    ),
    code(
        "sql/alter-type",
        "this change of a column does not exist",
        "r_ALTER_TABLE",
        "make a new table and INSERT the rows into it",
        "ALTER TABLE changes the size of a VARCHAR alone, not below its longest value, and not of a column with a default or a key; no IDENTITY column can be added.",
        (
            "alter table t alter column a type bigint",
            "alter table t alter column name type varchar(100)",
        ),
    ),
    code(
        "sql/ambiguous-column",
        "a column could belong to more than one relation",
        "r_names",
        "write it as table.column",
        "Two relations of FROM have a column of this name. Qualify columns in every query of more \
         than one relation: a column added to the other table later makes them ambiguous.",
        (
            "select code from dim join stage on dim.code = stage.code",
            "select dim.code from dim join stage on dim.code = stage.code",
        ),
    ),
    code(
        "sql/append",
        "the rows of one table cannot be moved to the other",
        "r_ALTER_TABLE_APPEND",
        "give both tables the same columns, or write IGNOREEXTRA or FILLTARGET",
        "APPEND moves rows by the names of their columns, which must have one type in both tables. Both tables are permanent.",
        ("alter table t append from temporary", "alter table t append from stage ignoreextra"),
    ),
    code(
        "sql/arguments",
        "a function has too many or too few arguments",
        "c_SQL_functions",
        "give it what the manual lists",
        "Functions of one name differ between databases in their arguments and in their order.",
        ("select nvl2(a, 1) from t", "select nvl2(a, 1, 0) from t"),
    ),
    code(
        "sql/char-multibyte",
        "a CHAR column takes single-byte characters only",
        "r_Character_types",
        "declare it VARCHAR, with room for up to four bytes a character",
        "CHAR counts characters and bytes as one, so it holds no character of several bytes.",
        ("insert into t (fixed) values ('é')", "alter table t add column wide varchar(8)"),
    ),
    code(
        "sql/columns",
        "the number of values and of columns differ",
        "r_CREATE_TABLE_AS",
        "give each column one name and one value",
        "The names after the table stand for the columns of the query, from left to right.",
        ("create table t (a, b) as select 1", "create table t (a, b) as select 1, 2"),
    ),
    code(
        "sql/date-part",
        "the part of a date does not exist",
        "r_Dateparts_for_datetime_functions",
        "use year, quarter, month, week, day, hour, minute, second, epoch, dow or doy",
        "Parts have abbreviations that mislead: m is minutes, mon is months; dy is the day of the \
         year here and the name of the day in TO_CHAR.",
        ("select datediff(fortnight, a, b) from t", "select datediff(week, a, b) / 2 from t"),
    ),
    code(
        "sql/division",
        "division by zero",
        "r_OPERATOR_SYMBOLS",
        "divide by NULLIF(value, 0)",
        "One row with a zero fails the whole statement; with NULLIF its answer is NULL.",
        ("select amount / quantity from t", "select amount / nullif(quantity, 0) from t"),
    ),
    code(
        "sql/duplicate-column",
        "a column is there more than once",
        "r_names",
        "give one of them another name with AS",
        "Names fold to lower case even when quoted, so \"Code\" and code are one.",
        ("create table t as select 1 as a, 2 as a", "create table t as select 1 as a, 2 as b"),
    ),
    code(
        "sql/encoding",
        "an encoding does not exist",
        "r_CREATE_TABLE_NEW",
        "use az64, zstd, lzo, raw, bytedict, delta, runlength, text255 or mostly8, or leave it out",
        "Encodings are kept and given to Redshift; a wrong one would fail there first.",
        ("create table t (a int encode gzip)", "create table t (a int encode az64)"),
    ),
    code(
        "sql/execution",
        "the engine could not go on",
        "",
        "read the cause; landfall doctor checks the machine",
        "Nothing was changed: a statement happens whole or not at all.",
        ("", ""),
    ),
    code(
        "sql/exists",
        "the name is taken",
        "r_CREATE_TABLE_NEW",
        "write IF NOT EXISTS, or drop it first",
        "Tables and views of one schema share their names.",
        ("create table t (a int); create table t (a int)", "create table if not exists t (a int)"),
    ),
    code(
        "sql/external-read-only",
        "a statement would change an external table",
        "r_CREATE_EXTERNAL_TABLE",
        "write files with UNLOAD and add them as a partition",
        "An external table is the files at its location. UPDATE, DELETE, MERGE and TRUNCATE are refused by Redshift; INSERT, which writes new files there, is not run locally.",
        (
            "delete from spectrum.sales",
            "alter table spectrum.sales drop partition (day = '2020-01-01')",
        ),
    ),
    code(
        "sql/identity-value",
        "an identity column is given a value",
        "r_CREATE_TABLE_NEW",
        "leave the column out, or declare it GENERATED BY DEFAULT AS IDENTITY",
        "IDENTITY alone fills the column itself. A row with a key of your own, as -1 for unknown, \
         needs GENERATED BY DEFAULT.",
        (
            "insert into dim (dim_key, code) values (-1, 'unknown')",
            "create table dim (dim_key bigint generated by default as identity(1, 1), code varchar(9))",
        ),
    ),
    code(
        "sql/in-transaction",
        "the statement cannot run inside a transaction block",
        "r_SVL_MULTI_STATEMENT_VIOLATIONS",
        "run it after COMMIT",
        "VACUUM, ALTER TABLE APPEND, external tables and their partitions and some more commit by \
         themselves, so they refuse a block.",
        ("begin; vacuum t", "commit; vacuum t"),
    ),
    code(
        "sql/insert-twice",
        "an INSERT names a column twice",
        "r_INSERT_30",
        "name each column once",
        "One of the two values would be lost.",
        ("insert into t (a, a) values (1, 2)", "insert into t (a, b) values (1, 2)"),
    ),
    code(
        "sql/insert-width",
        "an INSERT has more values than columns, or rows of different lengths",
        "r_INSERT_30",
        "give each named column one value",
        "Fewer values than columns are fine where no columns are named: the rest take their \
         default. More have nowhere to go.",
        ("insert into t (a) values (1, 2)", "insert into t (a, b) values (1, 2)"),
    ),
    code(
        "sql/interval",
        "a text is not an interval",
        "r_interval_data_types",
        "write '3 days', '1-2' YEAR TO MONTH or '1 02:03:04' DAY TO SECOND",
        "An interval is quantities with units, or figures whose unit the words behind it name.",
        ("select sysdate - interval '3 moons'", "select sysdate - interval '3 days'"),
    ),
    code(
        "sql/jsonpaths",
        "a file of JSONPaths cannot be used",
        "copy-usage_notes-copy-from-json",
        "write one path for each column, all as $.a.b[0] or all as $['a']['b'][0]",
        "The file is one object, {\"jsonpaths\": [...]}, whose paths stand in the order of the columns.",
        ("", ""),
    ),
    code(
        "sql/load",
        "a row of a file does not fit the table",
        "r_Load_Error_Reference",
        "mend the row, or let COPY leave it out with MAXERROR",
        "The place is file, line and column, the number that of STL_LOAD_ERRORS. The whole load is undone, unless MAXERROR allows for the row.",
        ("copy t from 'files/t.csv' csv", "copy t from 'files/t.csv' csv maxerror 10"),
    ),
    code(
        "sql/memory",
        "the memory of the run is used up",
        "",
        "give it more memory or fewer jobs, or split the statement",
        "What can be written to the disk is written there; what is left did not fit.",
        ("", ""),
    ),
    code(
        "sql/merge-duplicates",
        "found multiple matches to update the same tuple",
        "r_MERGE",
        "make the source one row for each key: GROUP BY, or ROW_NUMBER() ... = 1",
        "Two rows of the source match one row of the target, and MERGE does not choose. Two rows \
         that match nothing are both inserted, without an error.",
        (
            "merge into dim using (select 'a' as code union all select 'a') as s on dim.code = s.code when matched then delete when not matched then insert (code) values (s.code)",
            "merge into dim using (select distinct code from stage) as s on dim.code = s.code when matched then delete when not matched then insert (code) values (s.code)",
        ),
    ),
    code(
        "sql/name-too-long",
        "a name has more than 127 bytes",
        "r_names",
        "shorten it",
        "Redshift cuts it without a word, and two long names can become one.",
        ("", ""),
    ),
    code(
        "sql/no-file",
        "there is no file under the name",
        "r_COPY",
        "check the prefix; empty files do not count",
        "COPY reads every file whose name begins as written, or those its manifest lists. None is a mistake.",
        ("copy t from 'nowhere/' csv", "copy t from 'files/t_' csv"),
    ),
    code(
        "sql/not-empty",
        "the schema is not empty",
        "r_DROP_SCHEMA",
        "drop what is in it first, or write CASCADE",
        "RESTRICT is the default.",
        ("drop schema pres", "drop schema pres cascade"),
    ),
    code(
        "sql/not-null",
        "a NULL is written to a NOT NULL column",
        "r_CREATE_TABLE_NEW",
        "give it a value, a DEFAULT, or leave such rows out",
        "NOT NULL is the only constraint Redshift enforces. A primary key makes its columns NOT \
         NULL, and UNIQUE does not.",
        (
            "insert into t (a) values (null)",
            "insert into t (a) select a from s where a is not null",
        ),
    ),
    code(
        "sql/outer-join",
        "the mark (+) stands where no join can be made of it",
        "r_WHERE_clause",
        "write LEFT JOIN ... ON",
        "Each condition with (+) belongs to the join of one table, whose name its columns carry.",
        ("select * from a, b where a.k(+) = b.k(+)", "select * from a left join b on a.k = b.k"),
    ),
    code(
        "sql/outside-project",
        "a path lies outside the project's folder",
        "",
        "put the files into the project, or name them by an s3:// URL",
        "A SQL file may have come from elsewhere. It reads and writes files of the project only, links followed, and never those of the state folder.",
        ("copy t from '/etc/passwd'", "copy t from 'files/t.csv' csv"),
    ),
    code(
        "sql/overflow",
        "a value is out of the range of its type",
        "r_Numeric_types201",
        "widen the column, or cast before computing: a::bigint * b",
        "Arithmetic happens in the type of its parts: INTEGER times INTEGER is INTEGER. DECIMAL \
         keeps at most 38 digits.",
        ("select 2000000000::int + 2000000000::int", "select 2000000000::bigint + 2000000000"),
    ),
    code(
        "sql/parquet-type",
        "a column of a Parquet file is of another type than that of the table",
        "c-spectrum-troubleshooting",
        "declare the column as the file has it",
        "Redshift compares the types of the file and of the table and converts nothing; nanoseconds would be read as microseconds.",
        (
            "copy wide from 'files/narrow.parquet' parquet",
            "create table t (a int); copy t from 'files/narrow.parquet' parquet",
        ),
    ),
    code(
        "sql/partition",
        "a partition of an external table is named wrongly",
        "r_ALTER_TABLE_external-table",
        "give each partition column one value of its type",
        "Partitions are known by the values of all partition columns. Only external tables have them.",
        (
            "alter table spectrum.sales drop partition (month = 1)",
            "alter table spectrum.sales drop partition (day = '2020-01-01')",
        ),
    ),
    code(
        "sql/plan",
        "the query cannot be planned",
        "r_SELECT_synopsis",
        "read the message; simplify the part it names",
        "The text is a statement, but its parts do not fit together: a column is neither grouped \
         nor aggregated, a subquery gives two columns, a set operation joins different widths.",
        ("select code, count(*) from t", "select code, count(*) from t group by code"),
    ),
    code(
        "sql/row-identity",
        "a row of a file cannot be addressed",
        "",
        "report it: a file of the warehouse is larger than Landfall writes",
        "Nothing was changed.",
        ("", ""),
    ),
    code(
        "sql/rows",
        "the values of a statement do not make rows",
        "",
        "report it with the statement",
        "Nothing was changed.",
        ("", ""),
    ),
    code(
        "sql/set-twice",
        "UPDATE sets a column twice",
        "r_UPDATE",
        "set each column once",
        "One of the two values would be lost.",
        ("update t set a = 1, a = 2 where b = 1", "update t set a = 1 where b = 1"),
    ),
    code(
        "sql/setting",
        "a setting of this name does not exist",
        "cm_chap_ConfigurationRef",
        "take the name from the manual, or SET it first",
        "SHOW knows the settings of Redshift and those a session has set.",
        ("show query_grup", "show query_group"),
    ),
    code(
        "sql/syntax",
        "the text is not a statement of Redshift",
        "c_SQL_commands",
        "read what was expected and what was found there",
        "A word is missing, misspelled or of another database. The place is where reading stopped; \
         the mistake is there or right before it, often a comma or a bracket.",
        ("select code amount, from t", "select code, amount from t"),
    ),
    code(
        "sql/target-twice",
        "the target of UPDATE or DELETE stands in FROM more than once",
        "r_UPDATE",
        "name the target once; join a subquery where its rows are needed again",
        "An occurrence of the target in FROM is the target; of two, one would have to be another.",
        (
            "update dim set name = b.name from dim a join dim b on a.parent = b.code where a.code = 'x'",
            "update dim set name = b.name from (select code, name from dim) as b where dim.parent = b.code",
        ),
    ),
    code(
        "sql/too-deep",
        "a statement nests or chains too deep",
        "",
        "write IN (...) for a long OR, or join a table of the values; split with WITH",
        "Each level costs stack. Redshift has limits of its own, which are larger.",
        ("", ""),
    ),
    code(
        "sql/too-long",
        "value too long for type character varying(n)",
        "r_Character_types",
        "widen the column, or cut the value: value::varchar(n)",
        "Lengths are bytes, not characters. Only surplus blanks are cut; an explicit cast cuts \
         anything.",
        ("insert into t (v3) values ('äöü')", "insert into t (v3) values ('äöü'::varchar(3))"),
    ),
    code(
        "sql/type",
        "a value has a type that does not fit, or a type does not exist",
        "c_Supported_data_types",
        "cast it, or use one of Redshift's types",
        "There is no TINYINT, UNSIGNED, BIT, BYTEA, UUID, JSON, ENUM, array and SERIAL, and not \
         every type casts to every other: BOOLEAN does not become VARCHAR.",
        ("create table t (a tinyint)", "create table t (a smallint)"),
    ),
    code(
        "sql/unknown-column",
        "a column does not exist",
        "r_names",
        "see the nearest name in the hint, or landfall tables NAME --schema",
        "None of the relations in sight has it. An alias of the select list can be used by what \
         stands to the right of it and in WHERE, unless a column has the same name.",
        ("select oder_no from sales", "select order_no from sales"),
    ),
    code(
        "sql/unknown-function",
        "a function does not exist",
        "c_SQL_functions",
        "see the nearest name in the hint",
        "Functions are those of Redshift, one by one: a name that another database gives another \
         meaning is not taken by accident.",
        ("select ifnull(a, 0) from t", "select nvl(a, 0) from t"),
    ),
    code(
        "sql/unknown-schema",
        "a schema does not exist",
        "r_CREATE_SCHEMA",
        "put CREATE SCHEMA IF NOT EXISTS before it",
        "Schemas are not made by the tables in them.",
        (
            "create table pres.t (a int)",
            "create schema if not exists pres; create table pres.t (a int)",
        ),
    ),
    code(
        "sql/unknown-table",
        "a table or view does not exist",
        "r_names",
        "see the nearest name in the hint, or landfall tables",
        "A name without a schema is one of public, or a temporary table of this session. A table \
         of pres is there once the file that makes it has run.",
        ("select code from stroe.sales", "select code from store.sales"),
    ),
    code(
        "sql/unload-not-empty",
        "files are where UNLOAD would write",
        "r_UNLOAD",
        "take another prefix, or write ALLOWOVERWRITE",
        "UNLOAD never mixes its files with others that begin with the same prefix.",
        (
            "unload ('select 1 as one') to 'out/sales_'",
            "unload ('select 1 as one') to 'out/sales_' allowoverwrite",
        ),
    ),
    code(
        "sql/unsupported-locally",
        "the local engine cannot do this as Redshift does",
        "c_SQL_commands",
        "see the hint; what only Redshift needs belongs to the redshift folder",
        "Redshift runs it. Here it would mean something else or nothing, so it is refused instead \
         of being approximated.",
        ("set search_path to store", "select code from store.sales"),
    ),
    code(
        "sql/value",
        "a value cannot be computed or read",
        "r_CAST_function",
        "leave such values out before the cast, or test them with a pattern",
        "One value fails the whole statement. An empty text is no number and no date; NULLIF(x, '') \
         makes it NULL.",
        ("select ''::int", "select nullif('', '')::int"),
    ),
    code(
        "sql/width",
        "the type of a value needs more digits or bytes than there are",
        "r_numeric_computations201",
        "cast it to what it needs",
        "DECIMAL has at most 38 digits and VARCHAR at most 65535 bytes.",
        ("select a::decimal(40,2) from t", "select a::decimal(38,2) from t"),
    ),
];
