//! The stories of errors about views, what stands on what, prepared statements and cursors.

use super::codes::{Code, code};

/// In the order of the alphabet.
pub static CODES: &[Code] = &[
    code(
        "sql/cursor",
        "a cursor is not there, or is not alone",
        "declare",
        "DECLARE it after BEGIN, FETCH from it, CLOSE it before the next",
        "A cursor lives in a transaction, and a session has one at a time.",
        (
            "fetch next from nowhere",
            "begin; declare c cursor for select code from dim; fetch next from c; close c; end",
        ),
    ),
    code(
        "sql/dependent",
        "a view depends on what is dropped or altered",
        "r_DROP_TABLE",
        "drop the view first, write CASCADE, or make the view WITH NO SCHEMA BINDING",
        "A view is bound to the tables and columns it reads. RESTRICT is the default of DROP.",
        ("drop table dim", "drop table dim cascade"),
    ),
    code(
        "sql/materialized-view",
        "a materialized view is changed, or stands on what it cannot",
        "materialized-view-create-sql-command",
        "change the tables it stands on, then REFRESH MATERIALIZED VIEW",
        "Its rows follow from its query over tables; views, temporary and system tables are none.",
        ("delete from by_code", "refresh materialized view by_code"),
    ),
    code(
        "sql/parameters",
        "a prepared statement and its values do not fit",
        "r_PREPARE",
        "give the type of each parameter in PREPARE and a value for each in EXECUTE",
        "A prepared statement lasts as long as its session; $1 is its first parameter.",
        (
            "prepare by_code as select name from dim where code = $1",
            "prepare by_code (varchar) as select name from dim where code = $1; execute by_code ('a')",
        ),
    ),
    code(
        "sql/view-columns",
        "a view is replaced by one of other columns",
        "r_CREATE_VIEW",
        "DROP VIEW first",
        "A replaced view keeps the names and types of its columns, in their order: others may stand on it.",
        (
            "create view v as select code from dim; create or replace view v as select name from dim",
            "create view v as select code from dim; create or replace view v as select code from stage",
        ),
    ),
    code(
        "sql/view-depth",
        "a view stands on itself",
        "r_CREATE_VIEW",
        "drop it and make it anew from tables",
        "Views stand on views, but not in a circle.",
        ("", ""),
    ),
    code(
        "sql/view-external",
        "a view is bound to an external table",
        "r_CREATE_VIEW",
        "add WITH NO SCHEMA BINDING",
        "External tables are defined in the data catalog, where anyone may change them.",
        (
            "create view v as select code from spectrum.sales",
            "create view v as select code from spectrum.sales with no schema binding",
        ),
    ),
];
