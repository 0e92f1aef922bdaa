//! What Redshift refuses of COPY, UNLOAD and external tables. It opens no file.

use datafusion::sql::sqlparser::ast::{LimitClause, Query};

use super::list::rule;
use super::{Find, Rule, error_of};
use crate::dialect::command::{Command, CreateExternalTable};
use crate::error::{Error, Place};

pub(super) static RULES: &[Rule] = &[
    rule(
        "RS292",
        "sql/unload-limit",
        "the query of UNLOAD has a LIMIT",
        "r_UNLOAD",
        "put the LIMIT into a subquery, or make a table of the rows first",
        Find::Command(|c| matches!(c, Command::Unload(unload) if limited(&unload.query))),
    )
    .told(
        "The outer SELECT of an UNLOAD can't use a LIMIT clause: slices write at once, and none \
         knows when the others have written enough.",
        "unload ('select code from dim order by code limit 10') to 's3://bucket/d_' iam_role default",
        "unload ('select code from (select code from dim order by code limit 10) as d') \
         to 's3://bucket/d_' iam_role default",
    ),
    rule(
        "RS294",
        "sql/external-column",
        "a column of an external table is called \"$path\" or \"$size\"",
        "r_CREATE_EXTERNAL_TABLE",
        "rename it",
        Find::Command(|c| matches!(c, Command::CreateExternalTable(table) if has_pseudo(table))),
    )
    .told(
        "Every external table has pseudocolumns of these names: where a row lies and how large its \
         file is.",
        "create external table landing.t (\"$path\" varchar(9)) stored as parquet location 's3://bucket/t/'",
        "create external table landing.t (path varchar(9)) stored as parquet location 's3://bucket/t/'",
    ),
];

/// Raised by the parser, which alone sees all the words of the statement.
pub(super) static RAISED: &[Rule] = &[
    rule(
        "RS290",
        "sql/copy-options",
        "options of COPY exclude each other, or a number of theirs is out of its range",
        "r_COPY",
        "keep the one that is meant",
        Find::Start(&[]),
    )
    .told(
        "CSV goes without FIXEDWIDTH, REMOVEQUOTES and ESCAPE; FIXEDWIDTH without DELIMITER and \
         ESCAPE; IGNOREALLERRORS without MAXERROR; QUOTE with CSV only. MAXERROR is at most 100000, \
         COMPROWS from 1000 to 2147483647. TIMEFORMAT has no time zone.",
        "copy dim from 's3://bucket/d_' iam_role default csv escape",
        "copy dim from 's3://bucket/d_' iam_role default csv",
    ),
    rule(
        "RS291",
        "sql/unload-options",
        "options of UNLOAD exclude each other or do not fit what they are for",
        "r_UNLOAD",
        "keep the one that is meant",
        Find::Start(&[]),
    )
    .told(
        "PARQUET and JSON take no DELIMITER, FIXEDWIDTH, ADDQUOTES, ESCAPE, NULL AS or HEADER, and \
         PARQUET is packed by itself; FIXEDWIDTH takes no DELIMITER or HEADER. A DELIMITER is one \
         ASCII character, MAXFILESIZE 5 MB to 6.2 GB, ROWGROUPSIZE 32 to 128 MB and of PARQUET. \
         VARBYTE goes to text and CSV alone.",
        "unload ('select code from dim') to 's3://bucket/d_' iam_role default parquet header",
        "unload ('select code from dim') to 's3://bucket/d_' iam_role default csv header",
    ),
    rule(
        "RS293",
        "sql/external-column",
        "a column of an external table has more than a name and a type",
        "r_CREATE_EXTERNAL_TABLE",
        "leave out NOT NULL, DEFAULT, ENCODE and keys",
        Find::Start(&[]),
    )
    .told(
        "An external table is a view of files that others write: nothing could enforce a constraint \
         or fill in a default.",
        "create external table landing.t (a int not null) stored as parquet location 's3://bucket/t/'",
        "create external table landing.t (a int) stored as parquet location 's3://bucket/t/'",
    ),
];

/// What is wrong with the options of a COPY.
pub fn copy_options(says: String, place: Place) -> Error {
    said(0, says, place)
}

/// What is wrong with the options of an UNLOAD.
pub fn unload_options(says: String, place: Place) -> Error {
    said(1, says, place)
}

/// The error of a column of an external table with attributes.
pub fn external_attribute() -> Error {
    match RAISED.get(2) {
        Some(rule) => error_of(rule),
        None => Error::failed("sql/external-column", "an external column has attributes"),
    }
}

/// The error of a rule in more exact words.
fn said(index: usize, says: String, place: Place) -> Error {
    let Some(rule) = RAISED.get(index) else { return Error::failed("sql/syntax", says).at(place) };
    let hint = format!("{} [{}, manual page {}]", rule.fix, rule.id, rule.page);
    Error::failed(rule.code, says).at(place).hint(hint)
}

fn limited(query: &Query) -> bool {
    let rows = match &query.limit_clause {
        Some(LimitClause::LimitOffset { limit, .. }) => limit.is_some(),
        Some(LimitClause::OffsetCommaLimit { .. }) => true,
        None => false,
    };
    rows || query.fetch.is_some()
}

fn has_pseudo(table: &CreateExternalTable) -> bool {
    let mut columns = table.columns.iter().chain(&table.partitioned_by);
    columns.any(|c| ["$path", "$size"].contains(&c.name.as_str()))
}
